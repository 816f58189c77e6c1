//! The strings of a report that an indicator could match, wherever they stand: what is known of no kind of report is still searched.

use std::collections::HashSet;

use serde_json::Value as Json;

use crate::record::Place;

/// Different strings kept of one report; an attacker may write endless ones.
const MOST_CANDIDATES: usize = 20_000;

/// What a string may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Candidate {
    /// Something with a host, an address, an app's id or a digest in it.
    Message,
    Path,
    /// Under a key that names a process.
    Process,
}

/// The candidates of one report, each once, with the place where it stands first.
#[derive(Default)]
pub struct Candidates {
    pub found: Vec<(Place, Candidate, String)>,
    seen: HashSet<(Candidate, String)>,
    /// There were more than are kept.
    pub cut: bool,
}

impl Candidates {
    /// Everything below a JSON value. `line` is where it stands in a report that has one value a line.
    pub fn json(&mut self, value: &Json, line: Option<u64>) {
        self.value(value, &mut String::new(), "", line);
    }

    fn value(&mut self, value: &Json, key: &mut String, name: &str, line: Option<u64>) {
        match value {
            Json::String(text) => {
                let place = |key: &str| line.map_or_else(|| Place::key(key), |line| Place::Line { line });
                if is_process_key(name) && !text.contains(char::is_whitespace) {
                    self.add(place(key), Candidate::Process, text);
                } else if let Some(candidate) = as_candidate(text) {
                    self.add(place(key), candidate, text);
                }
            }
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.below(item, key, &format!("[{index}]"), name, line);
                }
            }
            Json::Object(object) => {
                for (name, item) in object {
                    // Counters are kept under the name of what they count.
                    if let Some(candidate) = as_candidate(name) {
                        let place = line.map_or_else(|| Place::key(&**key), |line| Place::Line { line });
                        self.add(place, candidate, name);
                    }
                    let dot = if key.is_empty() { "" } else { "." };
                    self.below(item, key, &format!("{dot}{name}"), name, line);
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    fn below(&mut self, item: &Json, key: &mut String, step: &str, name: &str, line: Option<u64>) {
        let length = key.len();
        key.push_str(step);
        self.value(item, key, name, line);
        key.truncate(length);
    }

    /// The lines of a text, and the paths in them.
    pub fn text(&mut self, text: &str, first_line: u64) {
        for (line, text) in (first_line..).zip(text.lines()) {
            let text = text.trim();
            if as_candidate(text) == Some(Candidate::Message) {
                self.add(Place::Line { line }, Candidate::Message, text);
            }
            let marks = |c: char| {
                c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '(' | ')' | '<' | '>' | '=')
            };
            for word in text.split(marks).filter(|word| as_candidate(word) == Some(Candidate::Path)) {
                self.add(Place::Line { line }, Candidate::Path, word.trim_end_matches(['.', ':']));
            }
        }
    }

    fn add(&mut self, place: Place, candidate: Candidate, text: &str) {
        if self.found.len() >= MOST_CANDIDATES {
            self.cut = true;
        } else if self.seen.insert((candidate, text.to_owned())) {
            self.found.push((place, candidate, text.to_owned()));
        }
    }
}

/// Keys whose values are names of processes.
pub fn is_process_key(key: &str) -> bool {
    const KEYS: [&str; 8] = [
        "process",
        "processname",
        "procname",
        "executable",
        "executablename",
        "parentproc",
        "responsibleproc",
        "daemon",
    ];
    let plain: String = key.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect();
    KEYS.contains(&&*plain)
}

/// What a string could be by its look; `None` for most, which are words, numbers and times.
pub fn as_candidate(text: &str) -> Option<Candidate> {
    let text = text.trim();
    if let Some(inside) = text.strip_prefix('/') {
        return (inside.contains('/') && !inside.starts_with('/')).then_some(Candidate::Path);
    }
    if let 40 | 64 = text.len()
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return Some(Candidate::Message);
    }
    // `a.b`: a dot before a letter and behind a letter or digit. Versions and times have digits behind theirs.
    let is_name = |pair: &[u8]| matches!(pair, [before, b'.', after] if before.is_ascii_alphanumeric() && after.is_ascii_alphabetic());
    let is_address = || {
        text.contains(['.', ':'])
            && text
                .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '[' | ']' | '='))
                .any(|word| word.parse::<std::net::IpAddr>().is_ok())
    };
    let is_foreign = || !text.is_ascii() && text.contains(['.', '\u{3002}', '\u{ff0e}']);
    let named = text.contains("://") || text.as_bytes().windows(3).any(is_name);
    (named || is_address() || is_foreign()).then_some(Candidate::Message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_numbers_and_times_are_no_candidates() {
        for text in
            ["", "word", "12.5", "17.2.1", "12:30:05", "2023-05-24 13:29:15.12 +0200", "a. b", "/", "//"]
        {
            assert_eq!(as_candidate(text), None, "{text}");
        }
        for text in
            ["a.example", "see https://x/", "x@a.example", "62.72.21.10", "via 2001:db8::1", "тест.рф"]
        {
            assert_eq!(as_candidate(text), Some(Candidate::Message), "{text}");
        }
        assert_eq!(as_candidate("/private/var/tmp"), Some(Candidate::Path));
    }

    #[test]
    fn every_string_is_walked_once_and_its_place_kept() {
        let json = serde_json::json!({"a": [{"procName": "bh", "n": 5}], "b": {"x.example": "x.example"}});
        let mut candidates = Candidates::default();
        candidates.json(&json, None);
        assert_eq!(
            candidates.found,
            [
                (Place::key("a[0].procName"), Candidate::Process, "bh".to_owned()),
                (Place::key("b"), Candidate::Message, "x.example".to_owned()),
            ]
        );
    }

    #[test]
    fn lines_of_text_give_messages_and_paths() {
        let mut candidates = Candidates::default();
        candidates.text("one\nload /private/var/tmp/x: no\nfrom cdn.example\n", 5);
        assert_eq!(
            candidates.found,
            [
                (Place::Line { line: 6 }, Candidate::Path, "/private/var/tmp/x".to_owned()),
                (Place::Line { line: 7 }, Candidate::Message, "from cdn.example".to_owned()),
            ]
        );
    }
}
