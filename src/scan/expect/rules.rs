//! What a test of an indicator set can end with: the one table of ids, names and reasons.

use crate::indicator::lint::{Rule, Severity};

macro_rules! rules {
    ($($name:ident $id:literal $severity:ident $title:literal $explanation:literal)*) => {
        $(pub static $name: Rule =
            Rule { id: $id, severity: Severity::$severity, title: $title, explanation: $explanation };)*
        /// All of them, by id.
        pub static RULES: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    UNUSABLE "TST001" Error "test cannot be understood"
        "A key, word or value of the file of tests is unknown, or the file is not TOML. Nothing was tested there."
    MISSING "TST002" Error "expected match is missing"
        "The set should find this and does not: whoever relies on it would miss it."
    DIFFERENT "TST003" Error "match differs from what was expected"
        "The indicator matches, but in another strength, form or level than the test asks for."
    UNEXPECTED "TST004" Error "unexpected match"
        "The set should be silent here and is not, or it finds more than the test allows."
    UNREADABLE "TST005" Error "evidence cannot be read"
        "The acquisition of the test cannot be opened: it says nothing about the set."
    INCOMPLETE "TST006" Warning "evidence was not read in full"
        "The test passed, but something of the acquisition could not be read, so that an unexpected match could have been missed there."
    UNTESTED "TST007" Error "indicator without a test"
        "The file asks for a test of every indicator (`coverage.every_indicator`), and none expects this one to match."
    SILENT "TST008" Warning "indicator does not match its own value"
        "Looked up in a field of its kind, the value is not found: it can never match. The linter says why."
    ORDINARY "TST010" Error "matches what ordinary phones hold"
        "A value of the corpus of harmless values matches: the set would raise alarms about phones where nothing is wrong. A weak match is a warning."
    CORPUS "TST011" Error "corpus cannot be understood"
        "A line of a corpus stands under no heading, or under one that names no kind of values."
    NEW "TST020" Note "new finding in an earlier scan"
        "With these indicators the records of an earlier scan hold a finding that the scan did not tell."
    CHANGED "TST021" Note "finding of an earlier scan changes"
        "With these indicators a finding of an earlier scan has another level, strength, form or campaign."
    LOST "TST022" Warning "finding of an earlier scan is lost"
        "A finding of an earlier scan is not there with these indicators."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sorted_and_unique() {
        assert!(RULES.is_sorted_by(|one, other| one.id < other.id));
    }
}
