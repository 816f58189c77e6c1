use super::prelude::*;
use crate::time::short;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "phone_set_up_anew",
    title: "When the phone was wiped, set up and restored",
    looks_at: "The times of the files that iOS writes when it is wiped and first started, the end of the setup, and the last restore from a \
        backup.",
    why_it_matters: "Wiping removes what ran on the phone. Records dated before it came with the backup that was restored, perhaps from \
        another phone, and what is not in a backup is gone: soon after a wipe, nothing found says little.",
    innocent_causes: "Every phone was set up once, and most were restored from the phone before. An update over a cable or a repair wipes \
        the phone too.",
    next_check: "Compare these times with those of the other findings, and ask the owner about older phones and backups, which may hold \
        more than this one.",
    references: &["https://support.apple.com/108774", "https://docs.mvt.re/en/latest/ios/methodology/"],
    reads: &[
        Reads { artifact: "ios.manifest", keep: |record| mark_of(record.value("file").as_text()).is_some() },
        Reads { artifact: "ios.setup_state", keep: |record| !record.value("set_up").is_null() },
        Reads { artifact: "ios.backup_state", keep: |record| !record.value("restored").is_null() },
    ],
    check,
};

/// What the time of a file tells.
fn mark_of(file: Option<&str>) -> Option<&'static str> {
    match file? {
        "/private/var/root/.obliterated" => Some("wiped"),
        "/private/var/root/.bootstrapped" => Some("first started"),
        _ => None,
    }
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let marks = kept.of("ios.manifest").iter().filter_map(|file| {
        let mark = mark_of(file.value("file").as_text())?;
        Some((file.time("modified")?, mark, file))
    });
    let of = |artifact, column, event| {
        kept.of(artifact).iter().filter_map(move |record| Some((record.time(column)?, event, record)))
    };
    let mut events: Vec<_> = marks
        .chain(of("ios.setup_state", "set_up", "set up"))
        .chain(of("ios.backup_state", "restored", "restored from a backup"))
        .collect();
    events.sort_by_key(|(at, event, _)| (*at, *event));
    // The same restore stands in several files.
    events.dedup_by_key(|(at, event, _)| (*at, *event));
    let Some((_, _, last)) = events.last() else { return };
    let named: Vec<String> =
        events.iter().take(20).map(|(at, event, _)| format!("{event} {}", short(*at))).collect();
    let message = format!("The phone was {}; what is older came with a backup", named.join(", "));
    findings.push(Finding::of_rule(HEURISTIC.id, Level::Informational, Trace::Mentioned, message, last));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn all_marks_are_one_finding_in_their_order() {
        let restored = json!({"restored": "2024-01-02T04:00:00Z"});
        let records = [
            ("ios.backup_state", restored.clone()),
            ("ios.backup_state", restored),
            ("ios.setup_state", json!({"set_up": "2024-01-02T05:00:00Z"})),
            ("ios.manifest", json!({"file": "/private/var/root/.bootstrapped", "modified": "2024-01-02T03:00:00Z"})),
            ("ios.manifest", json!({"file": "/private/var/root/.obliterated", "modified": "2024-01-02T02:00:00Z"})),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["INFORMATIONAL The phone was wiped 2024-01-02 02:00:00 UTC, first started 2024-01-02 03:00:00 UTC, restored from a \
              backup 2024-01-02 04:00:00 UTC, set up 2024-01-02 05:00:00 UTC; what is older came with a backup"]
        );
    }

    #[test]
    fn a_phone_without_marks_is_silent() {
        let records = [
            ("ios.manifest", json!({"file": "/private/var/root/.obliterated"})),
            ("ios.manifest", json!({"file": "/private/var/mobile/.obliterated", "modified": "2024-01-02T02:00:00Z"})),
            ("ios.backup_state", json!({"backed_up": "2024-01-02T02:00:00Z"})),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
