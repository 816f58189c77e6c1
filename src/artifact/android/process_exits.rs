use crate::artifact::android_text::{bounded, local, package_of_process};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.process_exits",
    title: "Why processes of apps ended",
    about: "The last processes of each app that ended, when and why: a crash, the owner, a lack of memory, an update.",
    files: &["/dumpsys/activity"],
    columns: &[
        time("ended", Epoch::Local, Moment::Ended),
        app_id("package"),
        process("process"),
        text("reason"),
        int("reason_code"),
        text("subreason"),
        text("description"),
        int("status"),
        int("importance"),
        int("pid"),
        int("uid"),
        int("user"),
    ],
    shows: Trace::Executed,
    line: "process {process} [{pid}] of {package} ended: {reason} {description}",
    parse: Parse::Text(parse),
};

const KEYS: [&str; 17] = [
    "timestamp", "pid", "realUid", "packageUid", "definingUid", "user", "process", "reason", "subreason", "status",
    "importance", "pss", "rss", "description", "state", "trace", "rssString",
];
/// An entry has some hundred bytes; what follows without its end is another thing.
const LONGEST_ENTRY_BYTES: usize = 16 << 10;

/// Entries may go over several lines, and their values hold blanks.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut inside = false;
    let mut package = String::new();
    let mut entry: Option<(u64, String)> = None;
    while let Some((number, line)) = lines.next()? {
        if !inside {
            inside = line.contains("PROCESS EXIT INFO");
            continue;
        }
        let line = line.trim();
        let heading = line.strip_prefix("package: ");
        if line.starts_with("ApplicationExitInfo #") {
            push(entry.take(), &package, out);
            let text = line.split_once(':').map_or("", |(_, rest)| rest.trim());
            entry = Some((number, text.to_owned()));
        } else if heading.is_some() || line.starts_with("Historical Process Exit") {
            push(entry.take(), &package, out);
            package = heading.map_or(package, |name| bounded(name.trim()).to_owned());
        } else if line.starts_with("ACTIVITY MANAGER ") || line.starts_with("-----") || line.is_empty() {
            push(entry.take(), &package, out);
            inside = line.is_empty() || line.contains("PROCESS EXIT INFO");
        } else if let Some((_, text)) = &mut entry
            && text.len() + line.len() < LONGEST_ENTRY_BYTES
        {
            text.push(' ');
            text.push_str(line);
        }
    }
    push(entry, &package, out);
    Ok(())
}

fn push(entry: Option<(u64, String)>, package: &str, out: &mut Out<'_>) {
    let Some((line, text)) = entry else { return };
    let fields = fields(&text);
    let field = |name: &str| fields.get(name).copied().filter(|value| !matches!(*value, "" | "null" | "empty"));
    let int = |name: &str| field(name).and_then(|value| value.parse::<i64>().ok());
    let coded = |name: &str| {
        let (code, words) = field(name)?.split_once(' ').or_else(|| Some((field(name)?, "")))?;
        let words = words.trim().strip_prefix('(').and_then(|words| words.strip_suffix(')')).unwrap_or(words);
        Some((code.parse::<i64>().ok(), words))
    };
    let Some(process) = field("process") else {
        out.warn(Some(Place::Line { line }), "the end of a process without its name");
        return;
    };
    let (code, reason) = coded("reason").unwrap_or_default();
    out.push(
        Place::Line { line },
        [
            field("timestamp").and_then(local).into(),
            Some(package).filter(|name| !name.is_empty()).or_else(|| package_of_process(process)).into(),
            process.into(),
            reason.into(),
            code.into(),
            coded("subreason").map(|(_, words)| words).filter(|words| *words != "UNKNOWN").into(),
            field("description").map(bounded).into(),
            int("status").into(),
            int("importance").into(),
            int("pid").into(),
            int("realUid").into(),
            int("user").into(),
        ],
    );
}

/// Values reach to the next key that is known.
fn fields(text: &str) -> HashMap<&'static str, &str> {
    let mut found: HashMap<&'static str, &str> = HashMap::new();
    let mut open: Option<(&'static str, usize)> = None;
    let starts = std::iter::once(0).chain(text.match_indices(' ').map(|(at, _)| at + 1));
    for start in starts {
        let rest = text.get(start..).unwrap_or_default();
        let key = KEYS.into_iter().find(|key| rest.strip_prefix(key).is_some_and(|rest| rest.starts_with('=')));
        let Some(key) = key else { continue };
        if let Some((before, at)) = open.replace((key, start + key.len() + 1)) {
            let value = text.get(at..start).unwrap_or_default().trim();
            found.entry(before).or_insert(value);
        }
    }
    if let Some((key, at)) = open {
        found.entry(key).or_insert(text.get(at..).unwrap_or_default().trim());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
ACTIVITY MANAGER PROCESS EXIT INFO (dumpsys activity exit-info)
Last Timestamp of Persistence Into Persistent Storage: 2023-05-24 01:02:03.456
  package: org.example.chat
    Historical Process Exit for uid=10123
        ApplicationExitInfo #0:
          timestamp=2023-05-23 11:22:33.444 pid=1234 realUid=10123 packageUid=10123 definingUid=10123 user=0
          process=org.example.chat:push reason=5 (APP CRASH(NATIVE)) subreason=0 (UNKNOWN) status=11
          importance=100 pss=0.00 rss=12MB description=native crash here state=empty trace=null
        ApplicationExitInfo #1: timestamp=bad pid=x process=y reason=10 (USER REQUESTED)
-------------------------------------------------------------------------------
ApplicationExitInfo #9: process=not.read
";

    #[test]
    fn entries_over_several_lines_are_read_until_the_next_dump() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/dumpsys/activity", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records,
            json!([
                {"ended": "2023-05-23T09:22:33.444000+00:00", "package": "org.example.chat",
                 "process": "org.example.chat:push", "reason": "APP CRASH(NATIVE)", "reason_code": 5,
                 "description": "native crash here", "status": 11, "importance": 100, "pid": 1234, "uid": 10123, "user": 0,
                 "_line": "process org.example.chat:push [1234] of org.example.chat ended: APP CRASH(NATIVE) native crash here"},
                {"package": "org.example.chat", "process": "y", "reason": "USER REQUESTED", "reason_code": 10,
                 "_line": "process y [] of org.example.chat ended: USER REQUESTED "},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
