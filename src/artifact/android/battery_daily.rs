use std::collections::BTreeMap;

use jiff::civil::DateTime;

use crate::artifact::android_text::dashed_time;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.battery_daily",
    title: "Package changes by day (battery statistics)",
    about: "Apps that were updated or removed on each of about the last ten days, as the battery statistics noted.",
    files: &["/dumpsys/batterystats"],
    columns: &[
        // `update`, `uninstall` or `downgrade`
        text("action"),
        time("period_start", Epoch::Local, Moment::Updated).rounded(Precision::Day),
        fact_time("period_end", Epoch::Local),
        app_id("package_name"),
        text("version_code"),
        text("previous_version_code"),
        int("occurrences"),
    ],
    shows: Trace::Installed,
    line: "{action} of {package_name} to version {version_code}",
    parse: Parse::Text(parse),
};

/// Changes kept of one report; some hundred a day are many.
const CHANGES_MOST: usize = 100_000;

struct Change {
    line: u64,
    start: Option<DateTime>,
    end: Option<DateTime>,
    package: String,
    version: String,
    uninstalled: bool,
    occurrences: i64,
    action: &'static str,
    previous: Option<String>,
}

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut changes: Vec<Change> = Vec::new();
    let mut known: HashMap<(String, String, bool), usize> = HashMap::new();
    let (mut start, mut end) = (None, None);
    while let Some((number, line)) = lines.next()? {
        let text = line.trim();
        if let Some(time) = text.strip_prefix("Current start time:") {
            (start, end) = (dashed_time(time), None);
            known.clear();
            continue;
        }
        if let Some((from, to)) = text.strip_prefix("Daily from ").and_then(|rest| rest.split_once(" to ")) {
            (start, end) = (dashed_time(from), dashed_time(to));
            known.clear();
            continue;
        }
        let Some((package, version, uninstalled)) = change(text) else { continue };
        let key = (package.to_owned(), version.to_owned(), uninstalled);
        if let Some(change) = known.get(&key).and_then(|index| changes.get_mut(*index)) {
            change.occurrences = change.occurrences.saturating_add(1);
        } else if changes.len() < CHANGES_MOST {
            known.insert(key, changes.len());
            changes.push(Change {
                line: number,
                start,
                end,
                package: package.to_owned(),
                version: version.to_owned(),
                uninstalled,
                occurrences: 1,
                action: "update",
                previous: None,
            });
        } else {
            out.warn(Some(Place::Line { line: number }), "more package changes than are kept");
        }
    }
    compare(&mut changes);
    for change in changes {
        out.push(
            Place::Line { line: change.line },
            [
                change.action.into(),
                change.start.into(),
                change.end.into(),
                change.package.into(),
                change.version.into(),
                change.previous.into(),
                change.occurrences.into(),
            ],
        );
    }
    Ok(())
}

/// `Update com.example vers=10`, `Uninstall com.example`
fn change(text: &str) -> Option<(&str, &str, bool)> {
    if let Some(package) = text.strip_prefix("Uninstall ") {
        return Some((package.trim(), "0", true));
    }
    let (package, version) = text.strip_prefix("Update ")?.split_once(" vers=")?;
    let version = version.trim();
    // Android notes what was removed as an update to version 0.
    Some((package.trim(), version, version == "0"))
}

/// Tells what happened from the version before; the report has the newest day first.
fn compare(changes: &mut [Change]) {
    let mut order: Vec<usize> = (0..changes.len()).collect();
    order.sort_by_key(|index| changes.get(*index).map(|change| (change.start, change.end, change.line)));
    let mut versions: BTreeMap<String, String> = BTreeMap::new();
    for index in order {
        let Some(change) = changes.get_mut(index) else { continue };
        if change.uninstalled {
            change.action = "uninstall";
            versions.remove(&change.package);
            continue;
        }
        let previous = versions.insert(change.package.clone(), change.version.clone());
        let numbers = |one: &str, other: &str| Some((one.parse::<i64>().ok()?, other.parse::<i64>().ok()?));
        if let Some(previous) = previous
            && numbers(&change.version, &previous).is_some_and(|(now, before)| now < before)
        {
            change.action = "downgrade";
            change.previous = Some(previous);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const DAILY: &str = "  Current start time: 2025-03-05-04-00-00
  Daily from 2025-03-04-03-59-58 to 2025-03-05-04-00-00:
    Package changes:
      Update com.example.app vers=10
      Update com.example.app vers=10
      Update com.example.gone vers=0
  Daily from 2025-03-03-04-00-01 to 2025-03-04-03-59-58:
    Package changes:
      Update com.example.app vers=12
";

    #[test]
    fn removals_and_older_versions_are_told_from_updates() {
        let records = rows(&ARTIFACT, DAILY.as_bytes());
        assert_eq!(
            records,
            json!([
                {"action": "downgrade", "period_start": "2025-03-04T03:59:58.000000+00:00", "period_end": "2025-03-05T04:00:00.000000+00:00",
                 "package_name": "com.example.app", "version_code": "10", "previous_version_code": "12", "occurrences": 2,
                 "_line": "downgrade of com.example.app to version 10"},
                {"action": "uninstall", "period_start": "2025-03-04T03:59:58.000000+00:00", "period_end": "2025-03-05T04:00:00.000000+00:00",
                 "package_name": "com.example.gone", "version_code": "0", "occurrences": 1,
                 "_line": "uninstall of com.example.gone to version 0"},
                {"action": "update", "period_start": "2025-03-03T04:00:01.000000+00:00", "period_end": "2025-03-04T03:59:58.000000+00:00",
                 "package_name": "com.example.app", "version_code": "12", "occurrences": 1,
                 "_line": "update of com.example.app to version 12"},
            ])
        );
        shake(&ARTIFACT, DAILY.as_bytes());
    }

    #[test]
    fn changes_of_the_current_day_count_from_its_start() {
        let text = "  Current start time: 2025-03-05-04-00-00\n    Package changes:\n      Uninstall a.b\n      Update c.d vers=x\n";
        let records = rows(&ARTIFACT, text.as_bytes());
        assert_eq!(
            (&records[0]["action"], &records[0]["period_start"], &records[1]["version_code"]),
            (&json!("uninstall"), &json!("2025-03-05T04:00:00.000000+00:00"), &json!("x"))
        );
    }
}
