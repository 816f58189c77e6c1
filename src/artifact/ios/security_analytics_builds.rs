use std::collections::BTreeMap;

use crate::artifact::prelude::*;
use crate::artifact::security_analytics::{FILES, events};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.security_analytics_builds",
    title: "Builds of iOS over time",
    about: "When each build of iOS first wrote to the statistics of the keychain and trust services.",
    files: FILES,
    columns: &[time("first_seen", Epoch::Unix, Moment::FirstSeen), text("build"), int("major_version")],
    shows: Trace::Logged,
    line: "iOS {major_version} (build {build}) was seen first",
    parse: Parse::Database(read),
};

/// Builds of one database: one for each update in years.
const MOST_BUILDS: usize = 10_000;

fn read(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut first: BTreeMap<String, (f64, Place)> = BTreeMap::new();
    let result = events(database, out, |event, _| {
        let seen = match event.happened {
            Value::Real(seen) if seen > 0.0 => seen,
            Value::Int(seen) if seen > 0 => seen as f64,
            _ => return,
        };
        let Some(build) = event.text("build").map(str::to_owned) else { return };
        let earlier = first.get(&build).map(|(known, _)| seen < *known);
        if earlier.unwrap_or(first.len() < MOST_BUILDS) {
            first.insert(build, (seen, event.place));
        }
    });
    for (build, (seen, place)) in first {
        let major = major_version(&build);
        out.push(place, [Value::Real(seen), build.into(), major.into()]);
    }
    result
}

/// `20G75` is of iOS 16: the count of builds began with the first iPhone's system, and with iOS 26 years became names.
fn major_version(build: &str) -> Option<i64> {
    let digits = build.find(|c: char| !c.is_ascii_digit())?;
    match build.get(..digits)?.parse().ok()? {
        train @ 12..=22 => Some(train - 4),
        train @ 23..=99_i64 => Some(train + 3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::security_analytics::testing::{data, database};
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn the_first_time_of_each_build_is_told() {
        let [old, new] = ["20G75", "23A341"].map(|build| data(&format!("<key>build</key><string>{build}</string>")));
        let bytes = database(&format!(
            "INSERT INTO hard_failures VALUES (1, 1684922500, x'{old}'), (2, 0, x'{old}');
             INSERT INTO all_events VALUES (1, 1684922400, x'{old}'), (2, 1684922600.5, x'{new}'), (3, 1684922600.5, NULL);"
        ));
        assert_eq!(
            rows(&ARTIFACT, &bytes),
            json!([
                {"first_seen": "2023-05-24T10:00:00.000000+00:00", "build": "20G75", "major_version": 16,
                 "_line": "iOS 16 (build 20G75) was seen first"},
                {"first_seen": "2023-05-24T10:03:20.500000+00:00", "build": "23A341", "major_version": 26,
                 "_line": "iOS 26 (build 23A341) was seen first"},
            ])
        );
        shake(&ARTIFACT, &bytes);
    }

    #[test]
    fn odd_builds_have_no_version() {
        assert_eq!(["", "x", "9A1", "20"].map(major_version), [None; 4]);
    }
}
