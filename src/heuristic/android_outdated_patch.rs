use jiff::{Timestamp, civil::Date, tz::Offset};

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_outdated_patch",
    title: "Outdated security patches",
    looks_at: "The date of the security patches that the system states, compared with the date of the acquisition.",
    why_it_matters: "Flaws that were mended since can still be used to break into this phone, by anybody who reads about them. The date says \
        nothing about whether it happened.",
    innocent_causes: "Most makers stop sending updates after some years, and many send them late. This is among the most common findings and \
        no trace of an attack.",
    next_check: "Install updates after the acquisition and not before; where the maker offers none, replace the phone.",
    references: &["https://source.android.com/docs/security/bulletin"],
    reads: &[
        Reads {
            artifact: "android.properties",
            keep: |record| record.value("name").as_text() == Some("ro.build.version.security_patch"),
        },
        Reads { artifact: "android.acquisition", keep: |_| true },
    ],
    check,
};

/// Half a year, as MVT has it.
const OLD_DAYS: i64 = 186;
const VERY_OLD_DAYS: i64 = 730;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let started = |run: &Exhibit| run.time("started").or(run.time("started_on_phone"));
    // Against the clock of today an old case would change its verdict.
    // Older reports of the same phone may have been collected with the newest one, which says what it is now.
    let Some(acquired) = kept.of("android.acquisition").iter().filter_map(started).max() else { return };
    let stated = |property: &Exhibit| property.text("value").trim().parse::<Date>().ok();
    let dated = kept.of("android.properties").iter().filter_map(|property| Some((stated(property)?, property)));
    let Some((date, property)) = dated.min_by_key(|(date, _)| std::cmp::Reverse(*date)) else { return };
    let Some(days) = age_days(date, acquired).filter(|days| *days > OLD_DAYS) else { return };
    let level = if days > VERY_OLD_DAYS { Level::Medium } else { Level::Low };
    let message = format!("The newest security patches are of {date}, {days} days before the acquisition");
    findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Mentioned, message, property));
}

fn age_days(date: Date, acquired: Timestamp) -> Option<i64> {
    let then = Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
    Some(acquired.as_second().checked_sub(then.as_second())? / 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn of(patch: &str, acquired: &str) -> Vec<String> {
        let property = json!({"name": "ro.build.version.security_patch", "value": patch});
        let run = ("android.acquisition", json!({"started_on_phone": acquired}));
        let records = [("android.properties", property.clone()), ("android.properties", property), run];
        verdicts(&HEURISTIC, &records)
    }

    #[test]
    fn patches_are_compared_with_the_acquisition() {
        assert_eq!(
            of("2020-01-05", "2025-01-03T10:00:00Z"),
            ["MEDIUM The newest security patches are of 2020-01-05, 1825 days before the acquisition"]
        );
        assert!(of("2024-06-01", "2025-01-03T10:00:00Z")[0].starts_with("LOW"));
    }

    #[test]
    fn an_older_report_does_not_change_what_the_newest_one_says() {
        let patch = |date: &str| ("android.properties", json!({"name": "ro.build.version.security_patch", "value": date}));
        let run = |at: &str| ("android.acquisition", json!({"started_on_phone": at}));
        let records = [patch("2020-01-05"), patch("2023-01-05"), run("2020-02-01T10:00:00Z"), run("2025-01-03T10:00:00Z")];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["LOW The newest security patches are of 2023-01-05, 729 days before the acquisition"]
        );
    }

    #[test]
    fn recent_malformed_and_undated_ones_are_silent() {
        for patch in ["2024-12-05", "2025-06-01", "", "soon", "2024-13-01"] {
            assert_eq!(of(patch, "2025-01-03T10:00:00Z"), [""; 0], "{patch}");
        }
        let property = json!({"name": "ro.build.version.security_patch", "value": "2015-01-05"});
        assert_eq!(verdicts(&HEURISTIC, &[("android.properties", property)]), [""; 0]);
    }
}
