use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.webkit_observations",
    title: "Sites loaded by WebKit",
    about: "Sites that an app's web views, Safari's included, loaded anything from; the path tells the app.",
    files: &["/private/var/**/WebKit/**/observations.db"],
    columns: &[
        time("last_seen", Epoch::Unix, Moment::LastSeen).rounded(Precision::Hour),
        host("registrable_domain"),
        boolean("had_user_interaction"),
        time("user_interaction", Epoch::Unix, Moment::Visited).rounded(Precision::Hour),
        time("web_push_interaction", Epoch::Unix, Moment::Viewed).rounded(Precision::Hour),
        boolean("prevalent"),
        boolean("grandfathered"),
        int("domain_id"),
    ],
    shows: Trace::Resolved,
    line: "WebKit loaded something from {registrable_domain}",
    parse: Parse::Sqlite {
        table: "ObservedDomains",
        queries: &["SELECT domainID, {lastSeen}, registrableDomain, {hadUserInteraction},
                           {mostRecentUserInteractionTime}, {mostRecentWebPushInteractionTime}, {isPrevalent},
                           {grandfathered}, domainID
                    FROM ObservedDomains ORDER BY domainID"],
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    #[test]
    fn minus_one_is_never() {
        let database = sqlite(
            "CREATE TABLE ObservedDomains (domainID INTEGER PRIMARY KEY, registrableDomain TEXT, lastSeen REAL,
                hadUserInteraction INT, mostRecentUserInteractionTime REAL, grandfathered INT, isPrevalent INT,
                mostRecentWebPushInteractionTime REAL DEFAULT 0);
             INSERT INTO ObservedDomains VALUES (1, 'a.example', 1567121610.0, 1, 1567120000.0, 0, 1, -1.0),
                                                (2, x'622e6578616d706c65', -1, 0, -1, NULL, NULL, 0);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"last_seen": "2019-08-29T23:33:30.000000+00:00", "registrable_domain": "a.example",
                 "had_user_interaction": true, "user_interaction": "2019-08-29T23:06:40.000000+00:00",
                 "prevalent": true, "grandfathered": false, "domain_id": 1,
                 "_line": "WebKit loaded something from a.example"},
                {"registrable_domain": "b.example", "had_user_interaction": false, "domain_id": 2,
                 "_line": "WebKit loaded something from b.example"},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn schema_without_interaction_times_is_read() {
        let database = sqlite(
            "CREATE TABLE ObservedDomains (domainID INTEGER PRIMARY KEY, registrableDomain TEXT, lastSeen REAL,
                hadUserInteraction INT);
             INSERT INTO ObservedDomains VALUES (1, 'a.example', 1567121610.0, 1);",
        );
        assert_eq!(rows(&ARTIFACT, &database)[0]["registrable_domain"], "a.example");
    }
}
