use crate::artifact::android_text::{component_info, number_after, package_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.notification_listeners",
    title: "Apps that read notifications",
    about: "Apps that may read what other apps show as notifications: messages, codes, names of callers.",
    files: &["/dumpsys/notification"],
    columns: &[
        app_id("package"),
        text("component"),
        // `listeners`, `assistants` or `condition providers`.
        text("role"),
        boolean("enabled"),
        boolean("live"),
        int("user"),
    ],
    shows: Trace::Policy,
    line: "{component} is one of the notification {role}: enabled {enabled}, running {live}",
    parse: Parse::Text(parse),
};

#[derive(Default)]
struct Listener {
    line: u64,
    enabled: bool,
    live: bool,
    user: Option<i64>,
}

const ROLES: [&str; 3] = ["notification listeners", "notification assistants", "condition providers"];
/// No phone has as many; an attacker's text may.
const MOST: usize = 10_000;

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    // In the order in which they were first named.
    let mut order: Vec<(&'static str, String)> = Vec::new();
    let mut found: HashMap<(&'static str, String), Listener> = HashMap::new();
    let mut list: Option<(&'static str, bool)> = None;
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        if let Some(component) = component_info(line) {
            let Some((role, live)) = list else { continue };
            let key = (role, component.to_owned());
            if !found.contains_key(&key) {
                if order.len() >= MOST {
                    continue;
                }
                order.push(key.clone());
            }
            let listener = found.entry(key).or_insert_with(|| Listener { line: number, ..Listener::default() });
            listener.live |= live;
            listener.enabled |= !live;
            listener.user = listener.user.or(number_after(line, "(user "));
        } else {
            let lower = line.to_ascii_lowercase();
            let role = ROLES.into_iter().find(|role| lower.contains(role));
            list = match role {
                Some(role) if lower.starts_with("all ") => Some((role, false)),
                Some(role) if lower.starts_with("live ") => Some((role, true)),
                _ => None,
            };
        }
    }
    for key in order {
        let Some(listener) = found.remove(&key) else { continue };
        let (role, component) = key;
        let role = role.strip_prefix("notification ").unwrap_or(role);
        out.push(
            Place::Line { line: listener.line },
            [
                package_of(&component).map(str::to_owned).into(),
                component.into(),
                role.into(),
                listener.enabled.into(),
                listener.live.into(),
                listener.user.into(),
            ],
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
  Notification listeners:
    Allowed notification listeners:
      userId: 0 value: org.example.a/org.example.a.L (user: 0 isPrimary: true)
    All notification listeners (2) enabled for current profiles:
      ComponentInfo{org.example.a/org.example.a.L}
      ComponentInfo{org.example.b/org.example.b.L}
    Live notification listeners (1):
      ComponentInfo{org.example.a/org.example.a.L} (user 10): android.service.notification.INotificationListener$Stub$Proxy@1
    Snoozed notification listeners (0):
      ComponentInfo{org.example.c/org.example.c.L}
";

    #[test]
    fn one_record_a_listener_tells_whether_it_runs() {
        let record = |letter: &str, live: bool| {
            let component = format!("org.example.{letter}/org.example.{letter}.L");
            let running = if live { "yes" } else { "no" };
            let line = format!("{component} is one of the notification listeners: enabled yes, running {running}");
            let package = format!("org.example.{letter}");
            json!({"package": package, "component": component, "role": "listeners", "enabled": true, "live": live, "_line": line})
        };
        let (mut a, b) = (record("a", true), record("b", false));
        a["user"] = 10.into();
        assert_eq!(rows(&ARTIFACT, TEXT.as_bytes()), json!([a, b]));
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
