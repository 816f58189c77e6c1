use crate::artifact::ios::chrome_history;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.chrome_history",
    title: "Chrome history",
    about: "Pages opened in Chrome and in browsers made from the same code, visit by visit, where a backup holds them: old phones and \
        browsers that allow it.",
    // Most keep it in a folder of their own, named after the program.
    files: &["/data/data/*/app_*/*/History"],
    ..chrome_history::ARTIFACT
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    #[test]
    fn visits_are_read_as_those_of_an_iphone() {
        let bytes = sqlite(
            "CREATE TABLE urls (id INTEGER PRIMARY KEY, url, title, visit_count, last_visit_time);
            CREATE TABLE visits (id INTEGER PRIMARY KEY, url, visit_time, from_visit, transition);
            INSERT INTO urls VALUES (1, 'https://a.example/', 'A', 2, 13211595210500000);
            INSERT INTO visits VALUES (5, 1, 13211595210500000, 0, 1);",
        );
        let records = rows(&ARTIFACT, &bytes);
        assert_eq!(
            (&records[0]["url"], &records[0]["visited"], &records[0]["transition"]),
            (&json!("https://a.example/"), &json!("2019-08-29T23:33:30.500000+00:00"), &json!("typed"))
        );
        shake(&ARTIFACT, &bytes);
    }
}
