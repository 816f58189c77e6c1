use crate::artifact::android_text::{bounded, is_package, web_address};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.components",
    title: "Parts of apps that ran or were planned",
    about: "Services, receivers, jobs and alarms of apps, and links in what apps asked one another, each told once.",
    files: &["/dumpsys/{activity,alarm,jobscheduler}", "/dumpstate/APP {ACTIVITIES,SERVICES,PROVIDERS}*"],
    columns: &[
        app_id("package"),
        text("component"),
        url("url"),
        text("action"),
        int("times"),
    ],
    shows: Trace::Executed,
    line: "{component} {url} is named {times} times",
    parse: Parse::Text(parse),
};

/// Components told apart; what comes after is not kept, and reported.
const MOST: usize = 50_000;

#[derive(PartialEq, Eq, Hash)]
struct Key {
    component: String,
    url: Option<String>,
}

struct Named {
    line: u64,
    action: Option<String>,
    times: i64,
}

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut found: HashMap<Key, Named> = HashMap::new();
    let mut left_out = false;
    while let Some((number, line)) = lines.next()? {
        // The address of an intent stands in the same braces as its component.
        let url = line.split_once("dat=").and_then(|(_, rest)| web_address(rest));
        let action = || Some(bounded(line.split_once("act=")?.1.split_whitespace().next()?).to_owned());
        let mut none = true;
        for component in components(&line) {
            none = false;
            left_out |= !count(&mut found, number, component, url, action);
        }
        if none && url.is_some() {
            left_out |= !count(&mut found, number, "", url, action);
        }
    }
    if left_out {
        out.warn(None, "names more components than any phone has; the rest was not read");
    }
    let mut found: Vec<(Key, Named)> = found.into_iter().collect();
    found.sort_by(|(a, of_a), (b, of_b)| (of_a.line, &a.component, &a.url).cmp(&(of_b.line, &b.component, &b.url)));
    for (key, named) in found {
        let package = key.component.split('/').next().filter(|name| !name.is_empty()).map(str::to_owned);
        out.push(
            Place::Line { line: named.line },
            [
                package.into(),
                Some(key.component).filter(|component| !component.is_empty()).into(),
                key.url.into(),
                named.action.into(),
                named.times.into(),
            ],
        );
    }
    Ok(())
}

/// False where there was no more room.
fn count(
    found: &mut HashMap<Key, Named>,
    line: u64,
    component: &str,
    url: Option<&str>,
    action: impl Fn() -> Option<String>,
) -> bool {
    let key = Key { component: component.to_owned(), url: url.map(|url| bounded(url).to_owned()) };
    let full = found.len() >= MOST;
    if let Some(named) = found.get_mut(&key) {
        named.times += 1;
    } else if !full {
        let action = if url.is_some() { action() } else { None };
        found.insert(key, Named { line, action, times: 1 });
    }
    !full
}

/// `org.example.app/.Service` anywhere in a line, not the parts of paths and addresses.
fn components(line: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '$');
    line.match_indices('/').filter_map(move |(at, _)| {
        let (before, after) = (line.get(..at)?, line.get(at + 1..)?);
        let start = before.rfind(|c: char| !is_part(c)).map_or(0, |last| last + before.get(last..).map_or(1, first_len));
        let end = after.find(|c: char| !is_part(c)).unwrap_or(after.len());
        let (package, class) = (before.get(start..)?, after.get(..end)?);
        let bounds = !before.get(..start)?.ends_with(['/', '-', ':', '~', '=' , '@']) || before.get(..start)?.ends_with("cmp=");
        let follows = !after.get(end..)?.starts_with(['/', '-', ':', '=']);
        let class_name = class.trim_start_matches('.');
        let is_class = class.contains('.') && !class.ends_with('.') && !class_name.is_empty() && !class_name.starts_with(|c: char| c.is_ascii_digit());
        (bounds && follows && is_class && is_package(package)).then(|| line.get(start..at + 1 + end)).flatten()
    })
}

fn first_len(text: &str) -> usize {
    text.chars().next().map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
  * ServiceRecord{abc u0 org.example.app/.Spy}
    intent={act=android.intent.action.VIEW dat=https://a.example/x cmp=org.example.browser/org.example.browser.Main}
    intent={cmp=org.example.app/.Spy}
    baseDir=/data/app/~~x==/org.example.app-1==/base.apk
    dat=https://b.example/org.example.c/.D
    path com.example/lib.so/x 10:org.example.app/u0a12
";

    #[test]
    fn components_are_told_once_with_their_links_and_paths_are_none() {
        let records = rows(&ARTIFACT, TEXT.as_bytes());
        assert_eq!(
            records,
            json!([
                {"package": "org.example.app", "component": "org.example.app/.Spy", "times": 2,
                 "_line": "org.example.app/.Spy  is named 2 times"},
                {"package": "org.example.browser", "component": "org.example.browser/org.example.browser.Main",
                 "url": "https://a.example/x", "action": "android.intent.action.VIEW", "times": 1,
                 "_line": "org.example.browser/org.example.browser.Main https://a.example/x is named 1 times"},
                {"url": "https://b.example/org.example.c/.D", "times": 1,
                 "_line": " https://b.example/org.example.c/.D is named 1 times"},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
