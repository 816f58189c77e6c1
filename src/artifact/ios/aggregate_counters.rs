use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.aggregate_counters",
    title: "Daily counters",
    about: "What iOS up to 14 counted a day: starts of apps, crashes, passcodes tried.",
    files: &["/private/var/mobile/Library/AggregateDictionary/ADDataStore.sqlitedb"],
    columns: &[
        time("day", Epoch::Unix, Moment::Logged).rounded(Precision::Day),
        // Names of apps and processes stand in it.
        message("counter"),
        real("value"),
        int("seconds_in_day"),
        text("table"),
    ],
    shows: Trace::Logged,
    line: "{counter} = {value}",
    parse: Parse::Database(|database, out| {
        read_present_tables(database, &[("Scalars", SCALARS), ("DistributionValues", VALUES)], out)
    }),
};

/// Days to seconds; what is no number of days that a calendar has is left out by the column's own check.
const SCALARS: &[&str] = &["
    SELECT s.rowid, s.daysSince1970 * 86400, s.key, {s.value}, NULL, 'Scalars' FROM Scalars s ORDER BY s.rowid"];
const VALUES: &[&str] = &["
    SELECT v.rowid, k.daysSince1970 * 86400, k.key, {v.value}, {v.secondsInDayOffset}, 'DistributionValues'
    FROM DistributionValues v LEFT JOIN DistributionKeys k ON k.rowid = v.distributionID ORDER BY v.rowid"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    #[test]
    fn counters_and_distributions_have_their_day() {
        let database = sqlite(
            "CREATE TABLE Scalars (daysSince1970 INTEGER, key TEXT, value INTEGER);
             CREATE TABLE DistributionKeys (daysSince1970 INTEGER, key TEXT);
             CREATE TABLE DistributionValues (distributionID INTEGER, secondsInDayOffset INTEGER, value REAL);
             INSERT INTO Scalars VALUES (18000, 'com.example.crash', 3), (NULL, NULL, NULL);
             INSERT INTO DistributionKeys VALUES (18001, 'com.example.time');
             INSERT INTO DistributionValues VALUES (1, 60, 0.5), (9, NULL, NULL);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"day": "2019-04-14T00:00:00.000000+00:00", "counter": "com.example.crash", "value": 3, "table": "Scalars",
                 "_line": "com.example.crash = 3"},
                {"table": "Scalars", "_line": " = "},
                {"day": "2019-04-15T00:00:00.000000+00:00", "counter": "com.example.time", "value": 0.5, "seconds_in_day": 60,
                 "table": "DistributionValues", "_line": "com.example.time = 0.5"},
                {"table": "DistributionValues", "_line": " = "},
            ])
        );
        shake(&ARTIFACT, &database);
    }
}
