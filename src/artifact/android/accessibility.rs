use crate::artifact::android_text::{is_foreign, package_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.accessibility",
    title: "Accessibility services",
    about: "Services that may read the screen and press its buttons for a user. What the phone did not print is unknown, not false.",
    files: &["/dumpsys/accessibility"],
    columns: &[
        int("user_id"),
        text("component"),
        app_id("package_name"),
        text("service_name"),
        boolean("installed"),
        boolean("enabled"),
        boolean("binding"),
        boolean("bound"),
        boolean("crashed"),
        boolean("accessibility_tool"),
        int("installed_service_count"),
        // Installed services that this phone counts and does not name.
        int("unnamed_service_count"),
        // What bound services call themselves, where that is all that is printed.
        text("bound_labels"),
    ],
    shows: Trace::Policy,
    line: "accessibility service {component} of user {user_id}, enabled: {enabled}, bound: {bound}, not named: {unnamed_service_count}",
    parse: Parse::Text(parse),
};

const LISTS: [&str; 5] = ["installed", "enabled", "binding", "bound", "crashed"];
const BOUND: usize = 3;
/// Services kept of one user.
const SERVICES_MOST: usize = 2_000;

#[derive(Default)]
struct User {
    line: u64,
    id: Option<i64>,
    count: Option<i64>,
    /// Which of the lists were printed.
    printed: [bool; LISTS.len()],
    services: Vec<Service>,
    labels: Vec<String>,
}

struct Service {
    line: u64,
    component: String,
    tool: bool,
    lists: [bool; LISTS.len()],
}

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut user = User::default();
    let mut list: Option<usize> = None;
    while let Some((number, line)) = lines.next()? {
        if is_foreign(&line) {
            continue;
        }
        let mut text = line.trim();
        if let Some((_, attributes)) = text.split_once("attributes:{id=") {
            finish(std::mem::take(&mut user), out);
            let digits: String = attributes.chars().take_while(char::is_ascii_digit).collect();
            user = User { line: number, id: digits.parse().ok(), ..User::default() };
            list = None;
        }
        if let Some((_, count)) = text.split_once("installedServiceCount=") {
            let digits: String = count.chars().take_while(char::is_ascii_digit).collect();
            user.count = digits.parse().ok();
        }
        if user.id.is_none() {
            continue;
        }
        if let Some((opened, rest)) = opened(text) {
            list = Some(opened);
            if let Some(printed) = user.printed.get_mut(opened) {
                *printed = true;
            }
            text = rest;
        } else if text == "}" || text.starts_with("AccessibilityInputFilter") || text.contains(":{") {
            list = None;
        }
        if let Some(list) = list {
            user.labels.extend(text.match_indices("label=").take(SERVICES_MOST).filter_map(|(at, word)| {
                let label = text.get(at + word.len()..)?;
                // A label may have commas of its own.
                Some(label.split_once(", feedbackType").map_or(label, |(label, _)| label).to_owned())
            }));
            components(text).for_each(|component| user.add(number, list, component, text.contains("(A11yTool)")));
        }
    }
    finish(user, out);
    Ok(())
}

/// `enabled services: {`, `Enabled services:{{…`: which list, and what follows on its line
fn opened(text: &str) -> Option<(usize, &str)> {
    let (name, rest) = text.split_once(':')?;
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix("services")?.trim_end();
    let list = LISTS.iter().position(|list| *list == name)?;
    Some((list, rest.trim_start().strip_prefix('{')?))
}

fn components(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || "._$-/".contains(c)));
    words.filter(|word| {
        word.split_once('/').is_some_and(|(package, class)| package.contains('.') && !class.is_empty() && !class.contains('/'))
    })
}

impl User {
    fn add(&mut self, line: u64, list: usize, component: &str, tool: bool) {
        let known = self.services.iter().position(|service| service.component == component);
        let index = known.unwrap_or(self.services.len());
        if known.is_none() && index < SERVICES_MOST {
            let lists = [false; LISTS.len()];
            self.services.push(Service { line, component: component.to_owned(), tool, lists });
        }
        let Some(service) = self.services.get_mut(index) else { return };
        service.tool |= tool;
        if let Some(of_list) = service.lists.get_mut(list) {
            *of_list = true;
        }
    }
}

fn finish(user: User, out: &mut Out<'_>) {
    let Some(id) = user.id else { return };
    let named = i64::try_from(user.services.len()).unwrap_or(i64::MAX);
    let mut printed = user.printed;
    let labels: Value<'_> = match user.labels.as_slice() {
        [] => Value::Null,
        labels => labels.iter().map(String::as_str).collect(),
    };
    // Labels name no component: nobody can tell which service is bound.
    if !user.labels.is_empty()
        && let Some(bound) = printed.get_mut(BOUND)
    {
        *bound = false;
    }
    for service in &user.services {
        let [installed, enabled, binding, bound, crashed] =
            std::array::from_fn(|list| -> Value<'_> {
                let stated = printed.get(list).copied().unwrap_or_default();
                stated.then(|| service.lists.get(list).copied().unwrap_or_default()).into()
            });
        let class = service.component.split_once('/').map(|(_, class)| class);
        out.push(
            Place::Line { line: service.line },
            [
                id.into(),
                service.component.as_str().into(),
                package_of(&service.component).into(),
                class.into(),
                installed,
                enabled,
                binding,
                bound,
                crashed,
                service.tool.into(),
                user.count.into(),
                Value::Null,
                labels.clone(),
            ],
        );
    }
    if let Some(unnamed) = user.count.map(|count| count.saturating_sub(named)).filter(|unnamed| *unnamed > 0) {
        let mut values: [Value<'_>; 13] = std::array::from_fn(|_| Value::Null);
        values[0] = id.into();
        values[10] = user.count.into();
        values[11] = unnamed.into();
        values[12] = labels.clone();
        out.push(Place::Line { line: user.line }, values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const SAMSUNG: &str = "User state[attributes:{id=0, currentUser=true
               mIsTouchExplorationEnabled=false
  installed services: {
    0 : com.example.reader/com.example.reader.ReadService
    1 : com.example.tool/.Tool (A11yTool)
  }
  enabled services: {
    0 : com.example.reader/com.example.reader.ReadService
  }
  binding services: {
  }
  bound services:{
  }
  AccessibilityInputFilter:{
  }]
";
    const ANDROID_14: &str = "User state[
     attributes:{id=0, touchExplorationEnabled=false, installedServiceCount=3, isDisplayMagnificationEnabled=false}
     shortcut key:{}
     Bound services:{Service[label=Reader, feedbackType[FEEDBACK_SPOKEN], capabilities=1, eventTypes=TYPE_VIEW_CLICKED, notificationTimeout=0]}
     Enabled services:{{com.example.reader/com.example.reader.ReadService}}
     Binding services:{}
     Crashed services:{}
     Client list info:{
     }]
";

    #[test]
    fn services_stand_once_with_the_lists_they_are_in() {
        let records = rows(&ARTIFACT, SAMSUNG.as_bytes());
        let mut told = records.clone();
        told.as_array_mut().unwrap().iter_mut().for_each(|row| drop(row.as_object_mut().unwrap().remove("_line")));
        assert_eq!(
            told,
            json!([
                {"user_id": 0, "component": "com.example.reader/com.example.reader.ReadService", "package_name": "com.example.reader",
                 "service_name": "com.example.reader.ReadService", "installed": true, "enabled": true, "binding": false, "bound": false,
                 "accessibility_tool": false},
                {"user_id": 0, "component": "com.example.tool/.Tool", "package_name": "com.example.tool", "service_name": ".Tool",
                 "installed": true, "enabled": false, "binding": false, "bound": false, "accessibility_tool": true},
            ])
        );
    }

    #[test]
    fn labels_are_no_components_and_counted_services_stay_unnamed() {
        let records = rows(&ARTIFACT, ANDROID_14.as_bytes());
        let told: Vec<_> = records
            .as_array()
            .unwrap()
            .iter()
            .map(|row| [&row["package_name"], &row["installed"], &row["enabled"], &row["bound"], &row["crashed"], &row["unnamed_service_count"]])
            .collect();
        assert_eq!(
            json!(told),
            json!([["com.example.reader", null, true, null, false, null], [null, null, null, null, null, 2]])
        );
        assert_eq!(records[0]["bound_labels"], json!(["Reader"]));
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, SAMSUNG.as_bytes());
        shake(&ARTIFACT, ANDROID_14.as_bytes());
    }
}
