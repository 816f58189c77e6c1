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
    let Some(acquired) = kept.of("android.acquisition").iter().filter_map(started).min() else { return };
    // Several texts of one acquisition state the same.
    let mut told: Vec<&str> = Vec::new();
    for property in kept.of("android.properties") {
        let stated = property.text("value").trim();
        let Some(days) = age_days(stated, acquired).filter(|days| *days > OLD_DAYS) else { continue };
        if told.contains(&stated) || told.len() > 10 {
            continue;
        }
        told.push(stated);
        let level = if days > VERY_OLD_DAYS { Level::Medium } else { Level::Low };
        let message = format!("The newest security patches are of {stated}, {days} days before the acquisition");
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Mentioned, message, property));
    }
}

fn age_days(date: &str, acquired: Timestamp) -> Option<i64> {
    let date: Date = date.parse().ok()?;
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
    fn recent_malformed_and_undated_ones_are_silent() {
        for patch in ["2024-12-05", "2025-06-01", "", "soon", "2024-13-01"] {
            assert_eq!(of(patch, "2025-01-03T10:00:00Z"), [""; 0], "{patch}");
        }
        let property = json!({"name": "ro.build.version.security_patch", "value": "2015-01-05"});
        assert_eq!(verdicts(&HEURISTIC, &[("android.properties", property)]), [""; 0]);
    }
}
