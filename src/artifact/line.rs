//! The timeline's sentence: an artifact's `line`, taken apart once and filled in for every record.

use super::Artifact;
use crate::record::Value;

/// A sentence longer than this is cut: a message body of megabytes belongs into the record, not into the timeline.
const LONGEST_BYTES: usize = 4096;

/// A compiled `line`.
pub struct Line {
    parts: Vec<Part>,
}

enum Part {
    Text(&'static str),
    Column(usize),
}

impl Line {
    pub fn of(artifact: &'static Artifact) -> Line {
        let mut parts = Vec::new();
        let mut rest = artifact.line;
        while let Some((before, after)) = rest.split_once('{') {
            parts.push(Part::Text(before));
            let Some((name, behind)) = after.split_once('}') else { break };
            // A placeholder that is no column is a mistake the registry test finds.
            if let Some(index) = artifact.columns.iter().position(|column| column.name == name) {
                parts.push(Part::Column(index));
            }
            rest = behind;
        }
        parts.push(Part::Text(rest));
        Line { parts }
    }

    /// The sentence for these values.
    pub fn fill(&self, values: &[Value<'_>]) -> String {
        let mut sentence = String::with_capacity(128);
        for part in &self.parts {
            match part {
                Part::Text(text) => sentence.push_str(text),
                Part::Column(index) => {
                    if let Some(value) = values.get(*index) {
                        value.show_into(&mut sentence);
                    }
                }
            }
        }
        if sentence.len() > LONGEST_BYTES {
            sentence.truncate(sentence.floor_char_boundary(LONGEST_BYTES));
            sentence.push('…');
        }
        sentence
    }
}
