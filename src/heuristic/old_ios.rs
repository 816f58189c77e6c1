use std::cmp::Ordering;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "old_ios",
    title: "Outdated iOS",
    looks_at: "The iOS version that the backup or the system itself states, compared with the newest one known of the same major version.",
    why_it_matters: "Spyware gets in through flaws that Apple has usually mended by the time they are known. A phone without the newest \
        update of its branch can still be attacked through them. The version says nothing about whether it has been.",
    innocent_causes: "Updates put off, too little storage, a backup made before the update came out, or an old backup looked at today. \
        This is the most common finding there is and no trace of an attack.",
    next_check: "Install the newest update the phone is offered, after the acquisition and not before. Compare the date of the backup with \
        the date of the release.",
    references: &[
        "https://support.apple.com/en-us/100100",
        "https://endoflife.date/ios",
    ],
    reads: &[
        Reads {
            artifact: "ios.backup_info",
            keep: |record| record.value("product_version").as_text().is_some(),
        },
        Reads {
            artifact: "ios.system_version",
            // Watches and Macs count otherwise.
            keep: |record| record.value("product").as_text() == Some("iPhone OS"),
        },
    ],
    check: |kept, findings| {
        for info in kept.of("ios.backup_info").iter().chain(kept.of("ios.system_version")) {
            let version = info.text("product_version");
            if let Some((newest, released)) = newer_release(version) {
                let message =
                    format!("The phone ran iOS {version}; {newest} of the same branch came out on {released}");
                findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Mentioned, message, info));
            }
        }
    },
};

/// A line a branch: the newest version and its date. Older than the world, and honest about it.
const RELEASES: &str = include_str!("ios_versions.txt");

/// The newest known version of the same branch and its date, if the given one is older.
fn newer_release(version: &str) -> Option<(&'static str, &'static str)> {
    let given = numbers(version)?;
    RELEASES.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut words = line.split_whitespace();
        let (newest, released) = (words.next()?, words.next()?);
        let known = numbers(newest)?;
        let older = known.first() == given.first() && compare(&given, &known) == Ordering::Less;
        older.then_some((newest, released))
    })
}

/// `17.1.2` as numbers; `None` for anything that is not a version.
fn numbers(version: &str) -> Option<Vec<u32>> {
    version.trim().split('.').map(|part| part.parse().ok()).collect()
}

/// `17.1` is `17.1.0`.
fn compare(left: &[u32], right: &[u32]) -> Ordering {
    let padded = |numbers: &[u32], index| numbers.get(index).copied().unwrap_or(0);
    (0..left.len().max(right.len())).map(|index| padded(left, index).cmp(&padded(right, index))).fold(
        Ordering::Equal,
        Ordering::then,
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn of(version: &str) -> Vec<String> {
        verdicts(&HEURISTIC, &[("ios.backup_info", json!({ "product_version": version }))])
    }

    #[test]
    fn an_old_version_names_the_newest_of_its_branch() {
        assert_eq!(
            of("16.7.9"),
            ["LOW The phone ran iOS 16.7.9; 16.7.16 of the same branch came out on 2026-05-12"]
        );
        assert_eq!(of("18").len(), 1);
    }

    #[test]
    fn the_newest_newer_and_unknown_ones_are_silent() {
        for version in ["16.7.16", "16.7.17", "17.7.11", "99.0", "3.1.3", "", "beta", "1e9", "-1.2"] {
            assert_eq!(of(version), [""; 0], "{version}");
        }
    }

    #[test]
    fn a_systems_own_statement_counts_for_phones_only() {
        let system = |product| ("ios.system_version", json!({ "product": product, "product_version": "16.0" }));
        assert_eq!(verdicts(&HEURISTIC, &[system("iPhone OS")]).len(), 1);
        assert_eq!(verdicts(&HEURISTIC, &[system("Watch OS")]), [""; 0]);
    }

    #[test]
    fn every_release_is_a_version_with_a_date_and_a_source() {
        for line in RELEASES.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            assert_eq!(words.len(), 3, "{line}");
            assert!(numbers(words[0]).is_some(), "{line}");
            assert!(words[1].parse::<jiff::civil::Date>().is_ok(), "{line}");
            assert!(words[2].starts_with("https://"), "{line}");
        }
    }
}
