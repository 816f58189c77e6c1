//! Android's settings as their service dumps them, with the history that Samsung keeps, and as `cmd settings list` prints them.

use crate::artifact::prelude::*;

/// What is kept of a value; icons and lists of flags can be long.
const LONGEST_VALUE_BYTES: usize = 64 << 10;

/// A setting of one user.
#[derive(Default)]
pub struct Setting {
    /// Where it begins.
    pub line: u64,
    pub namespace: String,
    pub user: Option<i64>,
    pub number: Option<i64>,
    pub name: String,
    pub package: Option<String>,
    pub value: Option<String>,
    pub default: Option<String>,
    pub default_by_system: Option<bool>,
    pub tag: Option<String>,
    pub preserved: Option<bool>,
    pub history: Vec<Change>,
}

/// One entry of a setting's history.
#[derive(Default)]
pub struct Change {
    pub line: u64,
    /// Of this year or an earlier one: `01-02 08:00:00.000`.
    pub time: String,
    pub mode: Option<String>,
    pub old: Option<String>,
    pub new: Option<String>,
    pub package: Option<String>,
}

/// Hands every setting to `each`: of the service's dump, or of a namespace's list if that is what `path` names.
pub fn read(path: &str, lines: &mut Lines<'_>, each: &mut dyn FnMut(Setting)) -> Result<()> {
    match path.strip_prefix("/settings/") {
        Some(namespace) => list(namespace, lines, each),
        None => dump(lines, each),
    }
}

/// `name=value`; a line without `=` goes on with the value before it.
fn list(namespace: &str, lines: &mut Lines<'_>, each: &mut dyn FnMut(Setting)) -> Result<()> {
    let mut open: Option<Setting> = None;
    while let Some((line, text)) = lines.next()? {
        match text.split_once('=') {
            Some((name, value)) => {
                open.take().into_iter().for_each(&mut *each);
                open = Some(Setting {
                    line,
                    namespace: namespace.to_owned(),
                    name: name.trim().to_owned(),
                    value: Some(value.to_owned()),
                    ..Setting::default()
                });
            }
            None => {
                open.iter_mut().filter_map(|open| open.value.as_mut()).for_each(|value| go_on(value, &text))
            }
        }
    }
    open.into_iter().for_each(&mut *each);
    Ok(())
}

fn go_on(value: &mut String, text: &str) {
    if value.len() + text.len() < LONGEST_VALUE_BYTES {
        value.push('\n');
        value.push_str(text);
    }
}

/// A record as it is gathered from its lines.
struct Open {
    line: u64,
    text: String,
    history: Vec<(u64, String)>,
    in_history: bool,
}

/// Blocks of `_id:…` records, each under `GLOBAL SETTINGS (user 0)`; the tables of generations behind them have no such records.
fn dump(lines: &mut Lines<'_>, each: &mut dyn FnMut(Setting)) -> Result<()> {
    let (mut namespace, mut user) = (String::new(), None);
    let mut open: Option<Open> = None;
    while let Some((line, text)) = lines.next()? {
        let ends = text.trim().is_empty() || text.starts_with("--------- ");
        let block = heading(&text);
        if ends || block.is_some() || text.starts_with("_id:") {
            open.take().and_then(|open| record(open, &namespace, user)).into_iter().for_each(&mut *each);
        }
        if let Some((name, of)) = block {
            (namespace, user) = (name, of);
        } else if text.starts_with("_id:") {
            open = Some(Open { line, text: text.into_owned(), history: Vec::new(), in_history: false });
        } else if let Some(open) = open.as_mut().filter(|_| !ends) {
            let trimmed = text.trim_start();
            if trimmed.starts_with("History (") && trimmed.len() < text.len() {
                open.in_history = true;
            } else if !open.in_history {
                go_on(&mut open.text, &text);
            } else if trimmed.starts_with("time:") {
                open.history.push((line, trimmed.to_owned()));
            } else if let Some((_, entry)) = open.history.last_mut() {
                go_on(entry, trimmed);
            }
        }
    }
    open.and_then(|open| record(open, &namespace, user)).into_iter().for_each(each);
    Ok(())
}

/// `SECURE SETTINGS (user 10)`
fn heading(line: &str) -> Option<(String, Option<i64>)> {
    let (name, rest) = line.trim().split_once(" SETTINGS (user ")?;
    let known = ["CONFIG", "GLOBAL", "SECURE", "SYSTEM"].contains(&name);
    known.then(|| (name.to_lowercase(), rest.trim_end_matches(')').parse().ok()))
}

/// The fields stand in a fixed order and values may hold anything, so what follows the value is taken off from behind.
fn record(open: Open, namespace: &str, user: Option<i64>) -> Option<Setting> {
    let (number, rest) = open.text.strip_prefix("_id:")?.split_once(" name:")?;
    let (mut head, value) = match rest.split_once(" value:") {
        Some((head, value)) => (head, Some(value)),
        None => (rest, None),
    };
    let package = head.rsplit_once(" pkg:").map(|(name, package)| {
        head = name;
        package.to_owned()
    });
    let mut setting = Setting {
        line: open.line,
        namespace: namespace.to_owned(),
        user,
        number: number.trim().parse().ok(),
        name: head.trim().to_owned(),
        package,
        history: open.history.into_iter().map(|(line, text)| change(line, &text)).collect(),
        ..Setting::default()
    };
    if let Some(mut value) = value {
        if let Some(before) = value.strip_suffix(" notPreservedInRestore") {
            (value, setting.preserved) = (before, Some(false));
        }
        setting.preserved = boolean_behind(&mut value, " isValuePreservedInRestore:").or(setting.preserved);
        if let Some((before, tag)) = value.rsplit_once(" tag:") {
            (value, setting.tag) = (before, Some(tag.to_owned()).filter(|tag| tag != "null"));
        }
        setting.default_by_system = boolean_behind(&mut value, " defaultSystemSet:");
        if let Some((before, default)) =
            value.rsplit_once(" default:").filter(|_| setting.default_by_system.is_some())
        {
            (value, setting.default) = (before, Some(default.to_owned()));
        }
        setting.value = Some(value.to_owned());
    }
    Some(setting)
}

fn boolean_behind(value: &mut &str, key: &str) -> Option<bool> {
    let (before, flag) = value.rsplit_once(key)?;
    let flag = flag.trim().parse().ok()?;
    *value = before;
    Some(flag)
}

/// `time:01-02 08:00:00.000 mode:SET oldValue:0 newValue:1 package:com.example`
fn change(line: u64, text: &str) -> Change {
    let text = text.strip_prefix("time:").unwrap_or(text);
    let cut = |text: &'_ str, key: &str| match text.split_once(key) {
        Some((before, behind)) => (before.to_owned(), Some(behind.to_owned())),
        None => (text.to_owned(), None),
    };
    let (rest, package) = match text.rsplit_once("package:") {
        Some((rest, package)) => (rest.trim_end(), Some(package.trim().to_owned())),
        None => (text, None),
    };
    let (rest, new) = cut(rest, "newValue:");
    let (rest, old) = cut(&rest, "oldValue:");
    let (time, mode) = cut(&rest, "mode:");
    let trimmed = |value: Option<String>| value.map(|value| value.trim_end().to_owned());
    Change {
        line,
        time: time.trim().to_owned(),
        mode: trimmed(mode),
        old: trimmed(old),
        new: trimmed(new),
        package,
    }
}
