//! From a pattern to the single values it asks for.

use super::{Comparison, Expression, Join, Literal, ObjectPath, Operator, Pattern, Qualifier, Step};
use crate::indicator::Ioc;

/// What of a pattern can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lowered {
    /// Each value alone makes the pattern true.
    pub values: Vec<(Ioc, String)>,
    /// Why the rest, or all of it, is not used; the first reason found.
    pub unsupported: Option<String>,
}

impl Lowered {
    fn refuse(&mut self, reason: impl Into<String>) {
        self.unsupported.get_or_insert_with(|| reason.into());
    }
}

/// The values that each alone make `pattern` true. A branch of an OR that needs more than one value is named in `unsupported`.
pub fn lower(pattern: &Pattern) -> Lowered {
    let mut lowered = Lowered::default();
    observations(pattern, &mut lowered);
    lowered
}

fn observations(pattern: &Pattern, lowered: &mut Lowered) {
    match pattern {
        Pattern::Observation(expression) => expressions(expression, lowered),
        Pattern::Joined(Join::Or, branches) => {
            branches.iter().for_each(|branch| observations(branch, lowered))
        }
        Pattern::Joined(Join::And, _) => lowered.refuse("needs two observations together"),
        Pattern::Joined(Join::FollowedBy, _) => lowered.refuse("needs observations in a given order"),
        Pattern::Qualified(inner, qualifiers) => {
            for qualifier in qualifiers {
                match qualifier {
                    Qualifier::Repeats { times } if *times > 1 => {
                        return lowered.refuse("needs an observation to repeat");
                    }
                    Qualifier::Between { .. } => return lowered.refuse("is limited to a span of time"),
                    // One observation is always within any number of seconds of itself.
                    Qualifier::Repeats { .. } | Qualifier::Within { .. } => {}
                }
            }
            observations(inner, lowered);
        }
    }
}

fn expressions(expression: &Expression, lowered: &mut Lowered) {
    match expression {
        Expression::Comparison(comparison) => compare(comparison, lowered),
        Expression::Or(branches) => branches.iter().for_each(|branch| expressions(branch, lowered)),
        Expression::And(_) => lowered.refuse("needs two properties on one record"),
    }
}

fn compare(comparison: &Comparison, lowered: &mut Lowered) {
    let path = &comparison.path;
    let ioc = match kind_of(path) {
        Ok(ioc) => ioc,
        Err(reason) => return lowered.refuse(reason),
    };
    if comparison.negated {
        return lowered.refuse(format!("asks for `{path}` to be something else (NOT)"));
    }
    match comparison.operator {
        Operator::Equal | Operator::In => {
            for literal in &comparison.values {
                match literal {
                    Literal::Text(text) | Literal::Hex(text) => lowered.values.push((ioc, text.clone())),
                    _ => lowered.refuse(format!("compares `{path}` with a value that is not text")),
                }
            }
        }
        Operator::Like => match text_of(comparison).and_then(|text| like(ioc, text)) {
            Some(value) => lowered.values.push((ioc, value)),
            None => lowered.refuse(format!("has wildcards in `{path}` that cannot be compared")),
        },
        Operator::Matches => match text_of(comparison).map_or(Err("is no text"), anchored_literal) {
            Ok(value) => lowered.values.push((ioc, value)),
            Err(reason) => lowered.refuse(format!("the regular expression for `{path}` {reason}")),
        },
        Operator::IsSubset if ioc == Ioc::Ip => {
            lowered.values.extend(text_of(comparison).map(|network| (ioc, network.to_owned())));
        }
        Operator::IsSubset | Operator::IsSuperset => {
            lowered.refuse(format!("asks for a set relation of `{path}`"))
        }
        Operator::NotEqual => lowered.refuse(format!("asks for `{path}` to be something else (!=)")),
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
            lowered.refuse(format!("asks for an order of `{path}`"));
        }
        Operator::Exists => lowered.refuse(format!("asks only whether `{path}` exists")),
    }
}

fn text_of(comparison: &Comparison) -> Option<&str> {
    match comparison.values.first() {
        Some(Literal::Text(text)) => Some(text),
        _ => None,
    }
}

/// What a key's value is; several are conventions of publishers, not of the standard.
fn kind_of(path: &ObjectPath) -> Result<Ioc, String> {
    let name = |position: usize| match path.steps.get(position) {
        Some(Step::Name(name)) => name.as_str(),
        _ => "",
    };
    let key = (path.object.as_str(), name(0));
    match (key, path.steps.len()) {
        (("domain-name", "value"), 1) => Ok(Ioc::Domain),
        (("ipv4-addr" | "ipv6-addr", "value"), 1) => Ok(Ioc::Ip),
        (("url", "value"), 1) => Ok(Ioc::Url),
        (("process", "name"), 1) => Ok(Ioc::Process),
        (("email-addr", "value"), 1) => Ok(Ioc::Email),
        (("file", "name"), 1) => Ok(Ioc::FileName),
        (("file", "path"), 1) => Ok(Ioc::FilePath),
        (("app", "id"), 1) => Ok(Ioc::AppId),
        (("configuration-profile", "id"), 1) => Ok(Ioc::ProfileId),
        (("android-property", "name"), 1) => Ok(Ioc::Property),
        (("file", "hashes"), 2) if is_digest(name(1)) => Ok(Ioc::FileHash),
        (("app", "cert"), 2) if is_digest(name(1)) => Ok(Ioc::CertHash),
        (("file", "hashes") | ("app", "cert"), 2) => Err(format!("`{}` digests are not compared", name(1))),
        _ => Err(format!("`{path}` is not among the compared properties")),
    }
}

/// `SHA-256`, `sha256`, `'sha256'` and `Sha_256` all mean one algorithm.
fn is_digest(algorithm: &str) -> bool {
    let plain: String =
        algorithm.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    matches!(plain.as_str(), "md5" | "sha1" | "sha256")
}

/// `%` stands for any text, `_` for any character.
fn like(ioc: Ioc, wildcard: &str) -> Option<String> {
    let fixed = |text: &str| !text.is_empty() && !text.contains(['%', '_']);
    if fixed(wildcard) {
        return Some(wildcard.to_owned());
    }
    match ioc {
        Ioc::Domain => {
            let parent = wildcard.strip_prefix("%.").filter(|parent| fixed(parent))?;
            Some(format!("*.{parent}"))
        }
        // A path or URL that ends with a slash stands for everything below it.
        Ioc::FilePath | Ioc::Url => {
            let folder =
                wildcard.strip_suffix('%').filter(|folder| fixed(folder) && folder.ends_with('/'))?;
            Some(folder.to_owned())
        }
        _ => None,
    }
}

/// The text that `^text$` stands for.
fn anchored_literal(expression: &str) -> Result<String, &'static str> {
    if regex::RegexBuilder::new(expression).size_limit(1 << 20).nest_limit(64).build().is_err() {
        return Err("cannot be read");
    }
    let inner = expression
        .strip_prefix('^')
        .and_then(|rest| rest.strip_suffix('$'))
        .ok_or("does not describe one value")?;
    let mut literal = String::new();
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped) if escaped.is_ascii_punctuation() => literal.push(escaped),
                _ => return Err("does not describe one value"),
            },
            '.' | '^' | '$' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' => {
                return Err("does not describe one value");
            }
            _ => literal.push(character),
        }
    }
    if literal.is_empty() { Err("does not describe one value") } else { Ok(literal) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::pattern::parse;

    fn lowered(pattern: &str) -> (String, String) {
        let lowered = lower(&parse(pattern).unwrap());
        let values: Vec<_> =
            lowered.values.iter().map(|(ioc, value)| format!("{} {value}", ioc.name())).collect();
        (values.join(", "), lowered.unsupported.unwrap_or_default())
    }

    #[test]
    fn every_published_key_is_known() {
        for (pattern, value) in [
            ("[domain-name:value='a.example']", "domain a.example"),
            ("[ipv4-addr:value='192.0.2.1']", "ip 192.0.2.1"),
            ("[ipv6-addr:value='2001:db8::1']", "ip 2001:db8::1"),
            ("[url:value = 'http://a.example/?x=1']", "url http://a.example/?x=1"),
            ("[process:name='bh']", "process bh"),
            ("[email-addr:value='a@b.example']", "email a@b.example"),
            ("[file:name='x.plist']", "file-name x.plist"),
            ("[file:path='/tmp/l/']", "file-path /tmp/l/"),
            ("[app:id='com.x']", "app-id com.x"),
            ("[configuration-profile:id='A-B']", "profile-id A-B"),
            ("[android-property:name='sys.x']", "property sys.x"),
            ("[file:hashes.sha256='aa']", "file-hash aa"),
            ("[file:hashes.'SHA-256'='aa']", "file-hash aa"),
            ("[file:hashes.\"sha-256\"='aa']", "file-hash aa"),
            ("[file:hashes.SHA-1='aa']", "file-hash aa"),
            ("[file:hashes.MD5='aa']", "file-hash aa"),
            ("[app:cert.sha1='AA']", "cert-hash AA"),
            ("[app:cert.SHA256='AA']", "cert-hash AA"),
        ] {
            assert_eq!(lowered(pattern), (value.to_owned(), String::new()), "{pattern}");
        }
    }

    #[test]
    fn either_of_several_is_each_of_them() {
        let expected = ("domain a.example, file-name b".to_owned(), String::new());
        assert_eq!(lowered("[domain-name:value='a.example' OR file:name='b']"), expected);
        assert_eq!(lowered("[domain-name:value='a.example'] OR [file:name='b']"), expected);
        assert_eq!(lowered("[file:name IN ('a','b')]").0, "file-name a, file-name b");
    }

    #[test]
    fn a_usable_branch_survives_an_unusable_one() {
        assert_eq!(
            lowered("[file:name='a' OR (file:name='b' AND file:size=1)]"),
            ("file-name a".to_owned(), "needs two properties on one record".to_owned())
        );
    }

    #[test]
    fn wildcards_networks_and_anchored_expressions_become_values() {
        for (pattern, value) in [
            ("[domain-name:value LIKE '%.evil.example']", "domain *.evil.example"),
            ("[domain-name:value LIKE 'evil.example']", "domain evil.example"),
            ("[file:path LIKE '/private/var/tmp/x/%']", "file-path /private/var/tmp/x/"),
            ("[ipv4-addr:value ISSUBSET '192.0.2.0/24']", "ip 192.0.2.0/24"),
            (r"[domain-name:value MATCHES '^evil\\.example$']", "domain evil.example"),
            (r"[domain-name:value MATCHES '^evil\.example$']", "domain evil.example"),
            ("[file:name = 'a'] WITHIN 5 SECONDS", "file-name a"),
        ] {
            assert_eq!(lowered(pattern), (value.to_owned(), String::new()), "{pattern}");
        }
    }

    #[test]
    fn what_needs_more_than_one_value_says_so() {
        for (pattern, reason) in [
            ("[file:name='a' AND file:size=1]", "needs two properties on one record"),
            ("[file:name='a'] AND [file:name='b']", "needs two observations together"),
            ("[file:name='a'] FOLLOWEDBY [file:name='b']", "needs observations in a given order"),
            ("[file:name='a'] REPEATS 2 TIMES", "needs an observation to repeat"),
            (
                "[file:name='a'] START t'2024-01-01T00:00:00Z' STOP t'2024-01-02T00:00:00Z'",
                "is limited to a span of time",
            ),
            ("[file:name!='a']", "asks for `file:name` to be something else (!=)"),
            ("[file:name NOT ='a']", "asks for `file:name` to be something else (NOT)"),
            ("[EXISTS file:name]", "asks only whether `file:name` exists"),
            ("[file:name LIKE '%evil%']", "has wildcards in `file:name` that cannot be compared"),
            (
                "[file:name MATCHES 'evil']",
                "the regular expression for `file:name` does not describe one value",
            ),
            ("[file:name MATCHES '(?<=a)b']", "the regular expression for `file:name` cannot be read"),
            ("[file:hashes.SSDEEP='a']", "`SSDEEP` digests are not compared"),
            ("[mutex:name='a']", "`mutex:name` is not among the compared properties"),
            ("[file:name=5]", "compares `file:name` with a value that is not text"),
        ] {
            assert_eq!(lowered(pattern), (String::new(), reason.to_owned()), "{pattern}");
        }
    }
}
