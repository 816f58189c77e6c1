use crate::artifact::prelude::*;
use crate::artifact::resolver_table;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.activities",
    title: "Activities",
    about: "Which screens of which apps open for which kinds of content, links and actions.",
    files: &["/dumpsys/package"],
    columns: resolver_table::COLUMNS,
    shows: Trace::Installed,
    line: "activity {component} answers to {key} ({resolver_type})",
    parse: Parse::Text(|lines, out| resolver_table::parse("Activity Resolver Table:", lines, out)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{package_dump::EXAMPLE, testing::*};

    #[test]
    fn all_categories_of_the_table_and_no_other_table_are_read() {
        let records = rows(&ARTIFACT, EXAMPLE.as_bytes());
        assert_eq!(
            records[1],
            json!({"resolver_type": "scheme", "key": "http", "package_name": "com.example.view", "component": "com.example.view/.V",
                   "filter_count": 2, "_line": "activity com.example.view/.V answers to http (scheme)"})
        );
        let told: Vec<_> = records.as_array().unwrap().iter().map(|row| [&row["resolver_type"], &row["key"]]).collect();
        assert_eq!(
            json!(told),
            json!([["full_mime_type", "image/png"], ["scheme", "http"], ["non_data_action", "android.intent.action.MAIN"]])
        );
        shake(&ARTIFACT, EXAMPLE.as_bytes());
    }
}
