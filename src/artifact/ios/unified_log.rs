use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.unified_log",
    title: "Unified log",
    about: "What the programs of the phone wrote to its log in the last days: all of it if asked for, else the entries around hits.",
    files: &[
        "/private/var/db/diagnostics/Persist/*.tracev3",
        "/private/var/db/diagnostics/Special/*.tracev3",
        "/private/var/db/diagnostics/Signpost/*.tracev3",
        "/private/var/db/diagnostics/HighVolume/*.tracev3",
        "/private/var/db/diagnostics/logdata.LiveData.tracev3",
    ],
    columns: &[
        time("logged", Epoch::Unix, Moment::Logged),
        process("process"),
        int("pid"),
        int("uid"),
        path("library"),
        text("subsystem"),
        text("category"),
        text("event"),
        text("level"),
        message("message"),
        text("boot"),
        // Ticks since the boot, sleep included: the order even where the clock was set.
        int("continuous"),
        int("thread"),
        int("activity"),
    ],
    shows: Trace::Logged,
    line: "{process} [{pid}] {subsystem}: {message}",
    parse: Parse::UnifiedLog(LogPart::Entries),
};

/// The values of an entry, in the order of the columns.
pub fn values(entry: &Entry) -> [Value<'_>; 14] {
    let number = |number: Option<u32>| number.map(i64::from);
    let message = match &entry.message {
        Some(message) => Value::from(message.as_str()),
        // Without its format string a message is its values.
        None if entry.values.is_empty() => Value::Null,
        None => entry.values.iter().map(String::as_str).collect(),
    };
    [
        entry.time.into(),
        entry.process.as_deref().into(),
        number(entry.pid).into(),
        number(entry.euid).into(),
        entry.library.as_deref().into(),
        entry.subsystem.as_deref().into(),
        entry.category.as_deref().into(),
        entry.event.into(),
        entry.level.into(),
        message,
        entry.boot.map(|boot| boot.to_string()).into(),
        entry.continuous.into(),
        entry.thread.into(),
        entry.activity.into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_whose_format_string_is_lost_is_shown_by_its_values() {
        let entry = Entry { values: vec!["a.example".into(), "7".into()], ..Entry::default() };
        let values = values(&entry);
        assert_eq!(values.len(), ARTIFACT.columns.len());
        assert_eq!(values[9].show(), "a.example, 7");
    }
}
