use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.chrome_searches",
    title: "Chrome searches",
    about: "Words that the owner typed into the search of Chrome and of browsers made from the same code.",
    files: super::chrome_history::ARTIFACT.files,
    columns: &[
        time("last_visited", Epoch::WebKit, Moment::Visited),
        message("term"),
        text("normalized_term"),
        // The page of results; the history, which has it too, is where it is matched.
        text("url"),
        int("url_id"),
        int("engine_id"),
    ],
    shows: Trace::Mentioned,
    line: "search for {term}",
    parse: Parse::Database(|database, out| {
        if !database.tables().iter().any(|table| table == "keyword_search_terms") {
            return Ok(());
        }
        read_tables(
            database,
            &[(
                "keyword_search_terms",
                &["SELECT k.rowid, {u.last_visit_time}, {k.term}, coalesce({k.normalized_term}, {k.lower_term}), u.url,
                          k.url_id, {k.keyword_id}
                   FROM keyword_search_terms k LEFT JOIN urls u ON u.id = k.url_id ORDER BY k.rowid"],
            )],
            out,
        )
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    #[test]
    fn a_search_is_dated_by_its_page_of_results() {
        let database = sqlite(
            "CREATE TABLE urls (id INTEGER PRIMARY KEY, url, last_visit_time);
             CREATE TABLE keyword_search_terms (keyword_id, url_id, lower_term, term);
             INSERT INTO urls VALUES (1, 'https://s.example/?q=a', 13211595210500000);
             INSERT INTO keyword_search_terms VALUES (2, 1, 'who is a.example', 'Who is a.example'),
                                                     (2, 9, NULL, x'62'), (NULL, NULL, NULL, NULL);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"last_visited": "2019-08-29T23:33:30.500000+00:00", "term": "Who is a.example",
                 "normalized_term": "who is a.example", "url": "https://s.example/?q=a", "url_id": 1, "engine_id": 2,
                 "_line": "search for Who is a.example"},
                {"term": "b", "url_id": 9, "engine_id": 2, "_line": "search for b"},
                {"_line": "search for "},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn a_history_without_searches_has_none() {
        assert_eq!(rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE urls (id);")), (json!([]), vec![]));
    }
}
