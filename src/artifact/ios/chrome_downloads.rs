use crate::artifact::core_data::ungroup;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.chrome_downloads",
    title: "Chrome downloads",
    about: "Files fetched with Chrome and browsers made from the same code: from where, over which redirects, to which path.",
    files: super::chrome_history::ARTIFACT.files,
    columns: &[
        time("started", Epoch::WebKit, Moment::Started),
        time("ended", Epoch::WebKit, Moment::Ended),
        time("last_opened", Epoch::WebKit, Moment::Viewed),
        path("target_path"),
        path("current_path"),
        // Every address on the way, the last is where the file came from.
        url("urls"),
        url("page_url"),
        url("page_referrer"),
        url("referrer"),
        url("site_url"),
        text("mime_type"),
        int("received_bytes"),
        int("total_bytes"),
        text("state"),
        int("danger_type"),
        int("interrupt_reason"),
        boolean("opened"),
        hash("sha256"),
        text("guid"),
    ],
    shows: Trace::Installed,
    line: "download of {urls} to {target_path}: {state}",
    parse: Parse::Database(read),
};

/// Values of `state` as in Chromium's download database; 3 was written by mistake for a while and means interrupted too.
const DOWNLOADS: &str = "
    SELECT d.id, {d.start_time}, {d.end_time}, {d.last_access_time}, {d.target_path}, {d.current_path}, {c.urls},
           {d.tab_url}, {d.tab_referrer_url}, {d.referrer}, {d.site_url}, {d.mime_type}, {d.received_bytes},
           {d.total_bytes},
           CASE {d.state} WHEN 0 THEN 'in progress' WHEN 1 THEN 'complete' WHEN 2 THEN 'cancelled'
               WHEN 3 THEN 'interrupted' WHEN 4 THEN 'interrupted' ELSE {CAST(d.state AS TEXT)} END,
           {d.danger_type}, {d.interrupt_reason}, {d.opened}, {nullif(lower(hex(d.hash)), '')}, {d.guid}
    FROM downloads d CHAINS ORDER BY d.id";

const CHAINS: &str = "
    LEFT JOIN (SELECT id, group_concat(CAST(url AS TEXT), char(31)) AS urls
               FROM (SELECT id, url FROM downloads_url_chains ORDER BY id, chain_index) GROUP BY id) c ON c.id = d.id";

/// Of the addresses in [`DOWNLOADS`].
const URLS: usize = 5;

fn read(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    if !database.tables().iter().any(|table| table == "downloads") {
        return Ok(());
    }
    let queries = [DOWNLOADS.replace("CHAINS", CHAINS), DOWNLOADS.replace("CHAINS", "")];
    database.prepare(&queries.each_ref().map(String::as_str))?.for_each(&mut |row| {
        out.push_row("downloads", row, |values| ungroup(values, URLS));
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    #[test]
    fn a_download_keeps_its_way_and_its_digest() {
        let database = sqlite(
            "CREATE TABLE downloads (id INTEGER PRIMARY KEY, guid, current_path, target_path, start_time, end_time,
                 received_bytes, total_bytes, state, danger_type, opened, hash, tab_url);
             CREATE TABLE downloads_url_chains (id INTEGER, chain_index INTEGER, url);
             INSERT INTO downloads VALUES (1, 'g', '/d/x.crdownload', '/d/x', 13211595210500000, 0, 5, 5, 1, 0, 1,
                 x'00ff', 'https://a.example/'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 9, NULL, NULL, x'', NULL);
             INSERT INTO downloads_url_chains VALUES (1, 1, 'https://b.example/x'), (1, 0, x'68747470733a2f2f61');",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"started": "2019-08-29T23:33:30.500000+00:00", "target_path": "/d/x", "current_path": "/d/x.crdownload",
                 "urls": ["https://a", "https://b.example/x"], "page_url": "https://a.example/", "received_bytes": 5,
                 "total_bytes": 5, "state": "complete", "danger_type": 0, "opened": true, "sha256": "00ff", "guid": "g",
                 "_line": "download of https://a, https://b.example/x to /d/x: complete"},
                {"state": "9", "_line": "download of  to : 9"},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn older_databases_lack_columns_and_chains() {
        let database = sqlite(
            "CREATE TABLE downloads (id INTEGER PRIMARY KEY, target_path, start_time);
             INSERT INTO downloads VALUES (1, '/d/x', 13211595210500000);",
        );
        assert_eq!(rows(&ARTIFACT, &database)[0]["target_path"], "/d/x");
        assert_eq!(rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE urls (id);")), (json!([]), vec![]));
    }
}
