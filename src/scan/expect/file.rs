//! Reads a file of tests. Everything in it has a place, so that what is wrong is told at its line.

use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::words;
use crate::artifact::{self, Artifact};
use crate::finding::Level;
use crate::indicator::{Form, Ioc, Platform, Strength, benign};
use crate::record::{Kind, Trace};

const MAX_BYTES: usize = 16 << 20;
/// Told of one file; who makes more of them mends the first.
const MAX_FLAWS: usize = 1_000;

/// Line and column, counted from 1, the column in characters.
pub type At = (u32, u32);

/// What a file of tests asks for.
#[derive(Clone, Debug, Default)]
pub struct Tests {
    /// Indicator files and folders, as written: relative to the file of tests.
    pub sets: Vec<String>,
    /// Set where every indicator must be expected by a test.
    pub every_indicator: Option<At>,
    pub tests: Vec<Test>,
    /// By place.
    pub flaws: Vec<Flaw>,
}

/// What is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    pub at: At,
    pub message: String,
}

/// One test.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its own, or what is given.
    pub name: String,
    pub at: At,
    pub platform: Option<Platform>,
    pub given: Given,
    /// All of them must hold.
    pub expected: Vec<Expected>,
}

/// What is held against the set.
#[derive(Clone, Debug)]
pub enum Given {
    Value {
        kind: Kind,
        text: String,
        /// What a record of it would mean; a level cannot be told without it.
        trace: Option<Trace>,
        time: Option<Timestamp>,
    },
    Record {
        artifact: &'static Artifact,
        columns: Map<String, Json>,
    },
    Evidence {
        /// As written: relative to the file of tests.
        path: String,
        /// Of a backup made for tests.
        password: Option<String>,
        /// Ids of artifacts; all if empty.
        modules: Vec<String>,
    },
}

/// How many matches of a certain sort there must be.
#[derive(Clone, Debug)]
pub struct Expected {
    pub at: At,
    pub indicator: Option<String>,
    pub ioc: Option<Ioc>,
    pub campaign: Option<String>,
    pub artifact: Option<String>,
    pub strength: Option<Strength>,
    pub form: Option<Form>,
    pub level: Option<Level>,
    pub at_least: Option<Level>,
    pub min: usize,
    pub max: usize,
}

impl Expected {
    fn none(at: At) -> Expected {
        Expected {
            at,
            indicator: None,
            ioc: None,
            campaign: None,
            artifact: None,
            strength: None,
            form: None,
            level: None,
            at_least: None,
            min: 0,
            max: 0,
        }
    }
}

/// Reads the text of a file of tests. Tests that are not understood are flaws; the others are there.
pub fn read(text: &str) -> Tests {
    let mut reader = Reader { text, flaws: Vec::new() };
    let mut tests = Tests::default();
    if text.len() > MAX_BYTES {
        reader.flaw(0, format!("the file is longer than {} MiB", MAX_BYTES >> 20));
    } else {
        let (table, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            reader.whole(table.get_ref(), &mut tests);
        }
        for error in errors {
            reader.flaw(error.span().map_or(0, |span| span.start), error.message().replace('\n', " "));
        }
    }
    reader.flaws.sort_by(|one, other| (one.at, &one.message).cmp(&(other.at, &other.message)));
    reader.flaws.truncate(MAX_FLAWS);
    tests.flaws = reader.flaws;
    tests
}

struct Reader<'t> {
    text: &'t str,
    flaws: Vec<Flaw>,
}

type Value<'t> = Spanned<DeValue<'t>>;

impl Reader<'_> {
    fn at(&self, offset: usize) -> At {
        let before = self.text.get(..offset).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
        (count(before.bytes().filter(|byte| *byte == b'\n').count()), count(line.chars().count()))
    }

    fn flaw(&mut self, offset: usize, message: impl Into<String>) {
        if self.flaws.len() <= MAX_FLAWS {
            let at = self.at(offset);
            self.flaws.push(Flaw { at, message: message.into() });
        }
    }

    fn flaw_of<T>(&mut self, value: &Value<'_>, message: impl Into<String>) -> Option<T> {
        self.flaw(value.span().start, message);
        None
    }

    fn whole(&mut self, table: &DeTable<'_>, tests: &mut Tests) {
        let mut platform = None;
        for (key, value) in table {
            match &**key.get_ref() {
                "sets" => tests.sets = self.texts(value).unwrap_or_default(),
                "platform" => platform = self.named(value, "platform", benign::platform_named),
                "coverage" => self.coverage(value, tests),
                "tests" => {}
                other => self.flaw(key.span().start, unknown(other, "sets, platform, coverage, tests")),
            }
        }
        let Some(value) = table.get("tests") else {
            return self.flaw(0, "no test: each begins with `[[tests]]`");
        };
        let Some(list) = value.get_ref().as_array() else {
            return self.flaw(value.span().start, "each test begins with `[[tests]]`");
        };
        for value in list.iter() {
            let known = self.flaws.len();
            let test = self.test(value, platform);
            // Half a test is none.
            if let Some(test) = test.filter(|_| self.flaws.len() == known) {
                tests.tests.push(test);
            }
        }
    }

    fn coverage(&mut self, value: &Value<'_>, tests: &mut Tests) {
        for (key, value) in self.table(value).into_iter().flatten() {
            match &**key.get_ref() {
                "every_indicator" => match value.get_ref().as_bool() {
                    Some(true) => tests.every_indicator = Some(self.at(key.span().start)),
                    Some(false) => {}
                    None => self.flaw(value.span().start, "`true` or `false` belongs here"),
                },
                other => self.flaw(key.span().start, unknown(other, "every_indicator")),
            }
        }
    }

    fn test(&mut self, value: &Value<'_>, platform: Option<Platform>) -> Option<Test> {
        let table = self.table(value)?;
        let first = table.keys().map(|key| key.span().start).min();
        let offset = first.unwrap_or(value.span().start);
        let (mut name, mut given, mut expected, mut platform) = (None, None, None, platform);
        for (key, value) in table {
            match &**key.get_ref() {
                "name" => name = self.text(value),
                "platform" => platform = self.named(value, "platform", benign::platform_named),
                "given" => given = Some(value),
                "expect" => expected = Some(value),
                other => self.flaw(key.span().start, unknown(other, "name, platform, given, expect")),
            }
        }
        let (Some(given), Some(expected)) = (given, expected) else {
            self.flaw(offset, "a test needs `given` and `expect`");
            return None;
        };
        let (given, about) = self.given(given)?;
        let expected = self.expected(expected)?;
        let has_level = !matches!(given, Given::Value { trace: None, .. });
        for one in expected.iter().filter(|one| one.level.is_some() || one.at_least.is_some()) {
            if !has_level {
                let message = "a value has a level only with what a record of it would mean, such as `given.as = \"visited\"`";
                self.flaws.push(Flaw { at: one.at, message: message.to_owned() });
            }
        }
        Some(Test { name: name.unwrap_or(about), at: self.at(offset), platform, given, expected })
    }

    /// What is given, and in short what it is.
    fn given(&mut self, value: &Value<'_>) -> Option<(Given, String)> {
        const KEYS: &str = "a kind of values (url, host, message, process, path, email, hash, app_id, profile_id, property), \
             record, evidence, as, time, password, modules";
        let table = self.table(value)?;
        let (mut given, mut about) = (Vec::new(), String::new());
        let (mut trace, mut time, mut password, mut modules) = (None, None, None, Vec::new());
        for (key, value) in table {
            let word = &**key.get_ref();
            match word {
                "as" => trace = self.named(value, "evidence class", words::trace),
                "time" => time = self.time(value),
                "password" => password = self.text(value),
                "modules" => modules = self.modules(value),
                "record" => {
                    let record = self.record(value)?;
                    if let Given::Record { artifact, .. } = &record {
                        about = format!("a record of {}", artifact.id);
                    }
                    given.push(record);
                }
                "evidence" => {
                    let path = self.text(value)?;
                    about.clone_from(&path);
                    given.push(Given::Evidence { path, password: None, modules: Vec::new() });
                }
                _ => match benign::kind_named(word) {
                    Some(kind) => {
                        let text = self.text(value)?;
                        about = format!("{word} {text}");
                        given.push(Given::Value { kind, text, trace: None, time: None });
                    }
                    None => self.flaw(key.span().start, unknown(word, KEYS)),
                },
            }
        }
        let [mut given] = <[Given; 1]>::try_from(given)
            .map_err(|given| {
                let message = format!("one thing must be given, not {}: {KEYS}", given.len());
                self.flaw(value.span().start, message);
            })
            .ok()?;
        let idle = match &mut given {
            Given::Value { trace: own, time: at, .. } => {
                (*own, *at) = (trace, time);
                (password.is_some() || !modules.is_empty())
                    .then_some("`password` and `modules` are for `evidence`")
            }
            Given::Evidence { password: own, modules: ids, .. } => {
                (*own, *ids) = (password, modules);
                (trace.is_some() || time.is_some()).then_some("`as` and `time` are for single values")
            }
            Given::Record { .. } => {
                let idle = trace.is_some() || time.is_some() || password.is_some() || !modules.is_empty();
                idle.then_some("beside `record` nothing can be given: the artifact says what it means")
            }
        };
        if let Some(idle) = idle {
            self.flaw(value.span().start, idle);
        }
        Some((given, about))
    }

    fn record(&mut self, value: &Value<'_>) -> Option<Given> {
        let table = self.table(value)?;
        let Some(id) = table.get("artifact") else {
            return self.flaw_of(value, "a record needs the id of its `artifact`");
        };
        let name = self.text(id)?;
        let Some(artifact) = artifact::find(&name) else {
            return self
                .flaw_of(id, format!("no artifact is called `{name}`; `hoofprint artifacts` lists them"));
        };
        let mut columns = Map::new();
        for (key, value) in table {
            let word = &**key.get_ref();
            let is_column = artifact.columns.iter().any(|column| column.name == word);
            if is_column || word == "path" || word == "stored_as" {
                columns.insert(word.to_owned(), json(value.get_ref()));
            } else if word != "artifact" {
                let names: Vec<_> = artifact.columns.iter().map(|column| column.name).collect();
                self.flaw(key.span().start, unknown(word, &format!("path, stored_as, {}", names.join(", "))));
            }
        }
        Some(Given::Record { artifact, columns })
    }

    fn expected(&mut self, value: &Value<'_>) -> Option<Vec<Expected>> {
        let at = self.at(value.span().start);
        match value.get_ref() {
            DeValue::String(word) if word == "none" => Some(vec![Expected::none(at)]),
            DeValue::Table(table) => Some(vec![self.one_expected(value, table)?]),
            DeValue::Array(list) if list.iter().next().is_some() => list
                .iter()
                .map(|value| {
                    let table = self.table(value)?;
                    self.one_expected(value, table)
                })
                .collect(),
            _ => self.flaw_of(value, "expected is `\"none\"`, a table or a list of tables"),
        }
    }

    fn one_expected(&mut self, whole: &Value<'_>, table: &DeTable<'_>) -> Option<Expected> {
        const KEYS: &str = "indicator, type, campaign, artifact, strength, form, level, at_least, min, max";
        let (mut min, mut max) = (None, None);
        let first = table.keys().map(|key| key.span().start).min();
        let mut expected = Expected::none(self.at(first.unwrap_or(whole.span().start)));
        for (key, value) in table {
            match &**key.get_ref() {
                "indicator" => expected.indicator = self.text(value),
                "type" => expected.ioc = self.named(value, "type of indicators", words::ioc),
                "campaign" => expected.campaign = self.text(value),
                "artifact" => {
                    let find = |id: &str| artifact::find(id).map(|artifact| artifact.id.to_owned());
                    expected.artifact = self.named(value, "artifact", find);
                }
                "strength" => expected.strength = self.named(value, "strength", words::strength),
                "form" => expected.form = self.named(value, "form", words::form),
                "level" => expected.level = self.named(value, "level", words::level),
                "at_least" => expected.at_least = self.named(value, "level", words::level),
                "min" => min = self.count(value),
                "max" => max = self.count(value),
                other => self.flaw(key.span().start, unknown(other, KEYS)),
            }
        }
        // Whoever only limits does not ask for a match.
        expected.min = min.unwrap_or(usize::from(max.is_none()));
        expected.max = max.unwrap_or(usize::MAX);
        if expected.min > expected.max {
            return self.flaw_of(whole, "`min` is greater than `max`");
        }
        Some(expected)
    }

    fn table<'v, 't>(&mut self, value: &'v Value<'t>) -> Option<&'v DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.flaw(value.span().start, "a table belongs here, such as `{ url = \"…\" }`");
        }
        table
    }

    fn text(&mut self, value: &Value<'_>) -> Option<String> {
        let text = value.get_ref().as_str().map(str::to_owned);
        if text.is_none() {
            self.flaw(value.span().start, "a text in quotes belongs here");
        }
        text
    }

    fn texts(&mut self, value: &Value<'_>) -> Option<Vec<String>> {
        match value.get_ref() {
            DeValue::Array(list) => list.iter().map(|value| self.text(value)).collect(),
            _ => self.flaw_of(value, "a list of texts in quotes belongs here"),
        }
    }

    fn modules(&mut self, value: &Value<'_>) -> Vec<String> {
        let names = self.texts(value).unwrap_or_default();
        for name in &names {
            if artifact::find(name).is_none() {
                self.flaw(value.span().start, format!("no artifact is called `{name}`"));
            }
        }
        names
    }

    fn named<T>(&mut self, value: &Value<'_>, what: &str, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(value)?;
        let found = find(&text);
        if found.is_none() {
            self.flaw(value.span().start, format!("`{text}` is no {what}"));
        }
        found
    }

    fn count(&mut self, value: &Value<'_>) -> Option<usize> {
        let number = value.get_ref().as_integer().and_then(integer);
        match number.and_then(|number| usize::try_from(number).ok()) {
            Some(count) => Some(count),
            None => self.flaw_of(value, "a number from 0 on belongs here"),
        }
    }

    fn time(&mut self, value: &Value<'_>) -> Option<Timestamp> {
        let text = match value.get_ref() {
            DeValue::Datetime(time) => time.to_string(),
            DeValue::String(text) => text.to_string(),
            _ => String::new(),
        };
        match text.parse() {
            Ok(time) => Some(time),
            Err(_) => self.flaw_of(value, "a time with its zone belongs here, such as 2026-01-31T12:00:00Z"),
        }
    }
}

fn unknown(word: &str, known: &str) -> String {
    format!("`{word}` is not known here; known are {known}")
}

fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// As `records/*.jsonl` hold it: times are texts there.
fn json(value: &DeValue<'_>) -> Json {
    match value {
        DeValue::String(text) => Json::from(&**text),
        DeValue::Integer(number) => integer(number).map_or_else(|| number.as_str().into(), Json::from),
        DeValue::Float(number) => number.as_str().parse::<f64>().map_or(Json::Null, Json::from),
        DeValue::Boolean(flag) => Json::from(*flag),
        DeValue::Datetime(time) => Json::from(time.to_string()),
        DeValue::Array(list) => list.iter().map(|value| json(value.get_ref())).collect(),
        DeValue::Table(table) => {
            table.iter().map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref()))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
sets = ["spy.stix2"]
platform = "ios"
coverage.every_indicator = true

[[tests]]
name = "a page of it"
given = { url = "https://a.evil.xyz/x", as = "visited", time = 2026-01-31T12:00:00Z }
expect = { indicator = "evil.xyz", campaign = "Spy", strength = "strong", form = "subdomain", level = "critical" }

[[tests]]
given.record = { artifact = "ios.safari_history", url = "https://evil.xyz/", visited = 2026-01-31T12:00:00Z }
expect = [{ type = "domain" }, { type = "url", max = 0 }]

[[tests]]
platform = "android"
given = { evidence = "phone", password = "made up", modules = ["ios.sms"] }
expect = "none"
"#;

    #[test]
    fn a_whole_file_is_read() {
        let tests = read(WHOLE);
        assert_eq!(tests.flaws, []);
        assert_eq!((tests.sets, tests.every_indicator), (vec!["spy.stix2".to_owned()], Some((4, 10))));
        let [value, record, evidence] = &tests.tests[..] else { panic!("{:?}", tests.tests) };
        assert_eq!((&*value.name, value.at, value.platform), ("a page of it", (7, 1), Some(Platform::Ios)));
        assert!(matches!(
            value.given,
            Given::Value { kind: Kind::Url, trace: Some(Trace::Visited), time: Some(_), .. }
        ));
        let expected = &value.expected[0];
        assert_eq!((expected.strength, expected.form), (Some(Strength::Strong), Some(Form::Subdomain)));
        assert_eq!((expected.level, expected.min, expected.max), (Some(Level::Critical), 1, usize::MAX));
        assert_eq!(record.name, "a record of ios.safari_history");
        assert_eq!((record.expected[1].min, record.expected[1].max), (0, 0));
        assert_eq!(evidence.platform, Some(Platform::Android));
        assert!(matches!(&evidence.given, Given::Evidence { modules, .. } if modules.len() == 1));
        assert_eq!(evidence.expected[0].max, 0);
    }

    /// The flaws of a file with these lines in one test.
    fn flaws(lines: &str) -> Vec<(u32, String)> {
        let tests = read(&format!("[[tests]]\n{lines}\n"));
        assert!(tests.flaws.is_empty() || tests.tests.is_empty());
        tests.flaws.into_iter().map(|flaw| (flaw.at.0, flaw.message)).collect()
    }

    #[test]
    fn what_is_not_understood_is_told_at_its_line() {
        for (lines, line, says) in [
            ("given.url = \"x\"", 2, "needs `given` and `expect`"),
            ("given.uri = \"x\"\nexpect = \"none\"", 2, "`uri` is not known"),
            ("given = { url = \"x\", host = \"y\" }\nexpect = \"none\"", 2, "not 2"),
            ("given.url = 7\nexpect = \"none\"", 2, "a text"),
            ("given.url = \"x\"\nexpect = \"nothing\"", 3, "expected is"),
            ("given.url = \"x\"\nexpect = { strength = \"sure\" }", 3, "`sure` is no strength"),
            ("given.url = \"x\"\nexpect = { level = \"high\" }", 3, "given.as"),
            ("given.url = \"x\"\nexpect = { min = 2, max = 1 }", 3, "greater"),
            ("given.url = \"x\"\nexpect = { min = -1 }", 3, "from 0 on"),
            ("given.record = { artifact = \"ios.nonsense\" }\nexpect = \"none\"", 2, "no artifact"),
            ("given.record = { artifact = \"ios.sms\", nonsense = 1 }\nexpect = \"none\"", 2, "`nonsense`"),
            ("given = { url = \"x\", modules = [\"ios.sms\"] }\nexpect = \"none\"", 2, "are for `evidence`"),
            ("given = { url = \"x\", as = \"seen\" }\nexpect = \"none\"", 2, "no evidence class"),
            ("given = \"x\"\nexpect = \"none\"", 2, "a table"),
        ] {
            let flaws = flaws(lines);
            assert!(flaws.iter().any(|(at, text)| *at == line && text.contains(says)), "{lines}: {flaws:?}");
        }
        assert_eq!(read("tests = 1").flaws[0].message, "each test begins with `[[tests]]`");
        assert_eq!(read("").flaws.len(), 1);
    }

    #[test]
    fn a_file_that_is_no_toml_is_told_with_its_place() {
        let tests = read("[[tests]]\ngiven.url = \"x\nexpect = \"none\"\n");
        assert!(tests.tests.is_empty() && tests.flaws[0].at.0 == 2, "{:?}", tests.flaws);
    }

    #[test]
    fn cut_and_flipped_files_do_not_panic() {
        for end in 0..WHOLE.len() {
            let mut bytes = WHOLE.as_bytes().to_vec();
            bytes[end] ^= 2;
            read(&String::from_utf8_lossy(&bytes));
            read(&WHOLE[..end]);
        }
        read(&"[".repeat(100_000));
        read(&format!("a = {}", "[".repeat(100_000)));
    }
}
