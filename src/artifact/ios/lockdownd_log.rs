use jiff::civil::DateTime;

use crate::artifact::install_facts::upgrade;
use crate::artifact::prelude::*;
use crate::artifact::text_log::{entries, word};
use crate::time::ascii_digits;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.lockdownd_log",
    title: "Log of connections to computers",
    about: "Pairing with computers, the services they started, and upgrades of iOS.",
    files: &["/private/var/logs/lockdownd.log*"],
    columns: &[
        time("logged", Epoch::Local, Moment::Logged),
        text("event"),
        text("function"),
        text("service"),
        text("version"),
        int("pid"),
        message("message"),
    ],
    shows: Trace::Mentioned,
    line: "{event} {function}: {message}",
    parse: Parse::Text(|lines, out| {
        entries(lines, "05/24/23 13:29:15.123456 pid=76 function: message", head, |line, head, text| {
            let (logged, pid) = head;
            let (function, message) = text.split_once(": ").unwrap_or(("", text));
            let service = message.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '(' | ')'));
            out.push(
                Place::Line { line },
                [
                    logged.into(),
                    event(function, message).into(),
                    function.into(),
                    service.into_iter().find(|word| word.starts_with("com.apple.")).into(),
                    upgrade(message).into(),
                    pid.into(),
                    message.into(),
                ],
            );
        })
    }),
};

/// `05/24/23 13:29:15.123456 pid=76 `, in the order of the United States.
fn head(line: &str) -> Option<((DateTime, i64), &str)> {
    let (date, rest) = word(line)?;
    let (clock, rest) = word(rest)?;
    let (pid, rest) = word(rest)?;
    let logged = ascii_digits(&format!("{date} {clock}")).into_owned();
    let logged = DateTime::strptime("%m/%d/%y %H:%M:%S%.f", logged).ok()?;
    Some(((logged, ascii_digits(pid.strip_prefix("pid=")?).parse().ok()?), rest.trim_start()))
}

/// Words for tools of developers.
const DEVELOPER: [&str; 6] = [
    "developer mode",
    "developermode",
    "developerdiskimage",
    "developer disk image",
    "mobile_image_mounter",
    "debugserver",
];
/// Functions that store a pairing.
const PAIRING: [&str; 5] = ["set_pair", "handle_pair", "add_pair", "create_pair", "store_pair"];
const REFUSED: [&str; 6] = ["fail", "error", "denied", "could not", "invalid", "refus"];

/// What an entry tells, by the words that functions and messages have in common.
fn event(function: &str, message: &str) -> &'static str {
    let function = function.to_ascii_lowercase();
    let message_words = message.to_ascii_lowercase();
    let says = |word: &str| function.contains(word) || message_words.contains(word);
    let refused = REFUSED.iter().any(|word| message_words.contains(word));
    if message_words.contains("upgrade from ") {
        "upgrade"
    } else if !refused && DEVELOPER.iter().any(|word| says(word)) {
        "developer"
    } else if says("pair") {
        if ["unpair", "delete", "remove"].iter().any(|word| says(word)) {
            "pairing_removed"
        } else if !refused && PAIRING.iter().any(|word| function.contains(word)) {
            "pairing_made"
        } else {
            "pairing"
        }
    } else if says("service") {
        "service"
    } else {
        "other"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const LOG: &str = "\
05/24/23 12:55:38.717421 pid=76 mglog: libMobileGestalt utility
05/24/23 12:55:39.000000 pid=76 perform_migration: Detected upgrade from 19H307 to 19H349
05/24/23 12:56:00.000000 pid=76 set_pair_record: stored a record {
    HostID = \"AA\";
}
05/24/23 12:56:01.000000 pid=76 enumerate_pair_records: found 2
05/24/23 12:56:02.000000 pid=76 handle_start_service: \"com.apple.mobile.mobile_image_mounter\"
05/24/23 12:56:03.000000 pid=76 handle_start_service: com.apple.afc for host
05/24/23 12:56:04.000000 pid=76 delete_pair_record: gone
05/24/23 12:56:05.000000 pid=76 handle_pair: denied by the owner
05/24/23 12:56:06.000000 pid=76 handle_start_service: could not start com.apple.debugserver
";

    #[test]
    fn entries_run_over_lines_and_tell_what_computers_did() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/x", LOG.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let events: Vec<_> = records.as_array().unwrap().iter().map(|record| record["event"].clone()).collect();
        assert_eq!(
            json!(events),
            json!(["other", "upgrade", "pairing_made", "pairing", "developer", "service", "pairing_removed", "pairing", "service"])
        );
        assert_eq!(records[0]["logged"], "2023-05-24T10:55:38.717421+00:00");
        assert_eq!(records[1]["version"], "19H307 to 19H349");
        assert!(records[2]["message"].as_str().unwrap().contains("HostID"));
        assert_eq!(records[5]["service"], "com.apple.afc");
        shake(&ARTIFACT, LOG.as_bytes());
    }
}
