use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.webkit_redirects",
    title: "Sites that led to other sites",
    about: "Who redirected to whom, whose links carried tracking words to whom and who loaded what from whom, as WebKit counted it to limit tracking.",
    files: super::webkit_observations::ARTIFACT.files,
    columns: &[
        time("updated", Epoch::Unix, Moment::LastSeen).rounded(Precision::Hour),
        text("relation"),
        host("from_host"),
        host("to_host"),
        int("from_id"),
        int("to_id"),
    ],
    shows: Trace::Resolved,
    line: "{from_host} {relation} {to_host}",
    parse: Parse::Database(read),
};

/// A table, what its rows say, and the column that each side of it is in.
struct Relation(&'static str, &'static str, &'static str, &'static str);

const RELATIONS: &[Relation] = &[
    Relation("TopFrameUniqueRedirectsTo", "redirected to", "sourceDomainID", "toDomainID"),
    Relation(
        "TopFrameUniqueRedirectsToSinceSameSiteStrictEnforcement",
        "redirected to",
        "sourceDomainID",
        "toDomainID",
    ),
    Relation("TopFrameUniqueRedirectsFrom", "redirected to", "fromDomainID", "targetDomainID"),
    Relation("SubresourceUniqueRedirectsTo", "redirected a part of a page to", "subresourceDomainID", "toDomainID"),
    Relation(
        "SubresourceUniqueRedirectsFrom",
        "redirected a part of a page to",
        "fromDomainID",
        "subresourceDomainID",
    ),
    Relation("TopFrameLinkDecorationsFrom", "linked with a tracking query to", "fromDomainID", "toDomainID"),
    Relation("SubframeUnderTopFrameDomains", "embedded a frame of", "topFrameDomainID", "subFrameDomainID"),
    Relation("SubresourceUnderTopFrameDomains", "loaded a part from", "topFrameDomainID", "subresourceDomainID"),
    Relation("TopFrameLoadedThirdPartyScripts", "loaded a script from", "topFrameDomainID", "subresourceDomainID"),
    Relation("StorageAccessUnderTopFrameDomains", "gave storage to", "topLevelDomainID", "domainID"),
];

fn read(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    let queries: Vec<(&'static str, String)> = RELATIONS
        .iter()
        .filter(|relation| database.tables().iter().any(|table| table == relation.0))
        .map(|Relation(table, relation, from, to)| {
            let query = format!(
                "SELECT r.rowid, {{r.lastUpdated}}, '{relation}', f.registrableDomain, t.registrableDomain, r.{from}, r.{to}
                 FROM {table} r LEFT JOIN ObservedDomains f ON f.domainID = r.{from}
                                LEFT JOIN ObservedDomains t ON t.domainID = r.{to} ORDER BY r.rowid"
            );
            (*table, query)
        })
        .collect();
    let queries: Vec<(&'static str, [&str; 1])> =
        queries.iter().map(|(table, query)| (*table, [query.as_str()])).collect();
    let tables: Vec<(&'static str, &[&str])> =
        queries.iter().map(|(table, queries)| (*table, queries.as_slice())).collect();
    read_tables(database, &tables, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    #[test]
    fn both_directions_of_a_redirect_read_from_source_to_target() {
        let database = sqlite(
            "CREATE TABLE ObservedDomains (domainID INTEGER PRIMARY KEY, registrableDomain TEXT);
             CREATE TABLE TopFrameUniqueRedirectsTo (sourceDomainID, toDomainID);
             CREATE TABLE TopFrameUniqueRedirectsFrom (targetDomainID, fromDomainID);
             CREATE TABLE TopFrameLinkDecorationsFrom (toDomainID, lastUpdated, fromDomainID);
             CREATE TABLE SubresourceUnderTopFrameDomains (subresourceDomainID, lastUpdated, topFrameDomainID);
             INSERT INTO ObservedDomains VALUES (1, 'a.example'), (2, 'b.example');
             INSERT INTO TopFrameUniqueRedirectsTo VALUES (1, 2);
             INSERT INTO TopFrameUniqueRedirectsFrom VALUES (2, 1);
             INSERT INTO TopFrameLinkDecorationsFrom VALUES (2, 1567121610.0, 1);
             INSERT INTO SubresourceUnderTopFrameDomains VALUES (2, -1, 77), (NULL, NULL, NULL);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"relation": "redirected to", "from_host": "a.example", "to_host": "b.example", "from_id": 1,
                 "to_id": 2, "_line": "a.example redirected to b.example"},
                {"relation": "redirected to", "from_host": "a.example", "to_host": "b.example", "from_id": 1,
                 "to_id": 2, "_line": "a.example redirected to b.example"},
                {"updated": "2019-08-29T23:33:30.000000+00:00", "relation": "linked with a tracking query to",
                 "from_host": "a.example", "to_host": "b.example", "from_id": 1, "to_id": 2,
                 "_line": "a.example linked with a tracking query to b.example"},
                {"relation": "loaded a part from", "to_host": "b.example", "from_id": 77, "to_id": 2,
                 "_line": " loaded a part from b.example"},
                {"relation": "loaded a part from", "_line": " loaded a part from "},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn an_unreadable_table_does_not_hide_the_others() {
        let database = sqlite(
            "CREATE TABLE ObservedDomains (domainID INTEGER PRIMARY KEY, registrableDomain TEXT);
             CREATE TABLE TopFrameUniqueRedirectsTo (other);
             CREATE TABLE TopFrameUniqueRedirectsFrom (targetDomainID, fromDomainID);
             INSERT INTO TopFrameUniqueRedirectsFrom VALUES (2, 1);",
        );
        let (rows, warnings) = rows_at(&ARTIFACT, "/private/var/mobile/x/WebKit/observations.db", &database);
        assert_eq!((rows.as_array().map(Vec::len), warnings.len()), (Some(1), 1));
    }
}
