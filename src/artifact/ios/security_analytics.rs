use crate::artifact::crash::one_or_list;
use crate::artifact::other;
use crate::artifact::prelude::*;
use crate::artifact::security_analytics::{FILES, events};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.security_analytics",
    title: "Events of the keychain and trust services",
    about: "Failures and events of secure connections, trust and keychain that iOS keeps for its statistics; some name hosts and programs.",
    files: FILES,
    columns: &[
        time("happened", Epoch::Unix, Moment::Logged),
        text("table"),
        text("event"),
        text("build"),
        // Any word of an event may be the name of a program.
        process("names"),
        // The event as it stands.
        other::COLUMN,
    ],
    shows: Trace::Logged,
    line: "{table}: {event} {names}",
    parse: Parse::Database(|database, out| {
        events(database, out, |event, out| {
            let words = event.fields.iter().filter_map(|(_, value)| value.as_text()).filter(|text| is_name(text));
            let mut names: Vec<String> = words.map(str::to_owned).collect();
            names.sort();
            names.dedup();
            let text = |keys: &[&str]| keys.iter().find_map(|key| event.text(key)).map(str::to_owned).into();
            let (name, build) = (text(&["event", "eventName", "eventType", "name"]), text(&["build", "osBuild"]));
            let fields = event.fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
            out.push(
                event.place,
                [event.happened, event.table.into(), name, build, one_or_list(names), Value::Object(fields)],
            );
        })
    }),
};

/// Longer words are identifiers.
const LONGEST_NAME: usize = 64;

fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::security_analytics::testing::{data, database};
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    #[test]
    fn events_of_all_tables_are_told_once() {
        let failure = data(
            "<key>event</key><string>TLSFailure</string><key>build</key><string>20G75</string><key>n</key><integer>5</integer>\
             <key>in</key><dict><key>process</key><array><string>bh</string></array></dict>\
             <key>host</key><string>see https://a.example/</string>",
        );
        let bytes = database(&format!(
            "INSERT INTO hard_failures VALUES (1, 1684922400.5, x'{failure}');
             INSERT INTO all_events VALUES (7, 1684922400.5, x'{failure}'), (8, 1684922400.5, NULL), (9, NULL, NULL), (10, 5, x'00');"
        ));
        let (records, warnings) = rows_at(&ARTIFACT, "/x/TLSAnalytics.db", &bytes);
        assert_eq!(
            records.as_array().unwrap()[..2],
            [
                json!({"happened": "2023-05-24T10:00:00.500000+00:00", "table": "hard_failures", "event": "TLSFailure",
                       "build": "20G75", "names": ["20G75", "TLSFailure", "bh"],
                       "other": {"event": "TLSFailure", "build": "20G75", "n": 5, "in/process/0": "bh", "host": "see https://a.example/"},
                       "_line": "hard_failures: TLSFailure 20G75, TLSFailure, bh"}),
                json!({"happened": "2023-05-24T10:00:00.500000+00:00", "table": "all_events", "other": {}, "_line": "all_events:  "}),
            ]
        );
        assert_eq!((records.as_array().map(Vec::len), warnings.len()), (Some(3), 2), "{warnings:?}");
        shake(&ARTIFACT, &bytes);
    }

    #[test]
    fn versions_without_all_events_and_other_databases_are_fine() {
        let database = sqlite("CREATE TABLE hard_failures (id INTEGER PRIMARY KEY, timestamp, data); INSERT INTO hard_failures VALUES (1, 1684922400, NULL);");
        assert_eq!(rows(&ARTIFACT, &database).as_array().map(Vec::len), Some(1));
        assert_eq!(rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE other (a);")), (json!([]), vec![]));
    }
}
