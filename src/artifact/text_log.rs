//! Apple's text logs: entries that run over several lines, local times with English names, and the words that logs are searched for.
//!
//! What an entry means is told by the artifacts.

use anyhow::Result;
use jiff::civil::DateTime;

use crate::format::text::Lines;
use crate::time::ascii_digits;

/// What is kept of an entry with its further lines; embedded property lists can be long.
const LONGEST_ENTRY_BYTES: usize = 64 << 10;

/// Hands every entry to `each`: the number of its first line, what `head` read from that line, and the rest with all further lines.
/// Lines before the first entry belong to one that was rotated away.
///
/// # Errors
/// When lines cannot be read, or none of them begins an entry, with `shape` as what was expected.
pub fn entries<H>(
    lines: &mut Lines<'_>,
    shape: &str,
    head: impl Fn(&str) -> Option<(H, &str)>,
    mut each: impl FnMut(u64, H, &str),
) -> Result<()> {
    let (mut open, mut text, mut any, mut orphans) = (None, String::new(), false, 0_u64);
    while let Some((number, line)) = lines.next()? {
        if let Some((begun, rest)) = head(&line) {
            any = true;
            if let Some((number, begun)) = open.replace((number, begun)) {
                each(number, begun, text.trim_end());
            }
            text.clear();
            text.push_str(rest);
        } else if open.is_some() {
            if text.len() + line.len() < LONGEST_ENTRY_BYTES {
                text.push('\n');
                text.push_str(&line);
            }
        } else if !line.trim().is_empty() {
            orphans += 1;
        }
    }
    if let Some((number, begun)) = open {
        each(number, begun, text.trim_end());
    }
    anyhow::ensure!(any || orphans == 0, "no line has the form `{shape}`");
    Ok(())
}

/// The head of an entry in the logs of installd and its relatives.
pub struct DaemonHead {
    pub logged: DateTime,
    pub pid: Option<i64>,
    pub level: String,
}

/// What [`daemon_head`] expects.
pub const DAEMON_SHAPE: &str = "Mon Jan  2 03:04:05 2023 [pid] <level> (0xthread) message";

/// `Mon Aug 11 14:09:16 2025 [8567] <notice> (0x17002b000) message`
pub fn daemon_head(line: &str) -> Option<(DaemonHead, &str)> {
    let (_weekday, rest) = word(line)?;
    let (month, rest) = word(rest)?;
    let month = month_number(month)?;
    let (day, rest) = word(rest)?;
    let (clock, rest) = word(rest)?;
    let (year, mut rest) = word(rest)?;
    let logged = date_time(year, month, day, clock)?;
    let mut head = DaemonHead { logged, pid: None, level: String::new() };
    if let Some((word, after)) = bracketed(rest, '[', ']') {
        (head.pid, rest) = (ascii_digits(word).parse().ok(), after);
    }
    if let Some((word, after)) = bracketed(rest, '<', '>') {
        (head.level, rest) = (word.to_owned(), after);
    }
    if let Some((_thread, after)) = bracketed(rest, '(', ')').filter(|(word, _)| word.starts_with("0x")) {
        rest = after;
    }
    Some((head, rest.trim_start()))
}

fn bracketed(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    text.trim_start().strip_prefix(open)?.split_once(close)
}

/// The next word and what follows it.
pub fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(word, _)| !word.is_empty())
}

fn month_number(name: &str) -> Option<i8> {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    NAMES.iter().zip(1..).find_map(|(known, number)| (*known == name).then_some(number))
}

fn date_time(year: &str, month: i8, day: &str, clock: &str) -> Option<DateTime> {
    let clock = ascii_digits(clock);
    let mut parts = clock.split(':').map(str::parse::<i8>);
    let (hour, minute, second) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let year = ascii_digits(year).parse().ok()?;
    // A leap second is no time to jiff.
    DateTime::new(year, month, ascii_digits(day).parse().ok()?, hour, minute, second.min(59), 0).ok()
}

/// What stands between `before` and the nearest of `ends`, or the end of the text.
pub fn between<'t>(text: &'t str, before: &str, ends: &[char]) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    let end = rest.find(ends).unwrap_or(rest.len());
    rest.get(..end).map(str::trim).filter(|found| !found.is_empty())
}

/// The first word that is written like a bundle id of somebody else than Apple: `org.example.App`.
pub fn foreign_app(text: &str) -> Option<&str> {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.split(|c: char| !part(c)).map(|word| word.trim_matches('.')).find(|word| {
        let mut labels = word.split('.');
        labels.clone().count() >= 3
            && labels.next().is_some_and(|label| label.starts_with(|c: char| c.is_ascii_alphabetic()))
            && labels.all(|label| !label.is_empty())
            && !word.starts_with("com.apple.")
    })
}

/// The first path below `/private/var` or one of its short names, up to a quote or the end of the line; a blank ends it unless it is
/// quoted.
pub fn data_path(text: &str) -> Option<&str> {
    const BEGINNINGS: [&str; 4] = ["/private/var/", "/var/", "/tmp/", "/private/tmp/"];
    text.match_indices('/').find_map(|(at, _)| {
        let (before, path) = text.split_at_checked(at)?;
        let inside = before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_'));
        if inside || !BEGINNINGS.iter().any(|beginning| path.starts_with(beginning)) {
            return None;
        }
        let end = match before.chars().next_back() {
            Some(quote @ ('"' | '\'')) => path.find([quote, '\n']),
            _ => path.find(|c: char| {
                c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | ')' | '>' | ']' | '<')
            }),
        };
        path.get(..end.unwrap_or(path.len())).map(|path| path.trim_end_matches(['.', ':']))
    })
}

/// A bundle id without the developer's team before it, and the team: `TEAM123456.org.example.App`.
pub fn without_team(id: &str) -> (&str, Option<&str>) {
    let is_team = |team: &str| {
        team.len() == 10 && team.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    match id.split_once('.') {
        Some((team, app)) if is_team(team) => (app, Some(team)),
        _ => (id, None),
    }
}

/// True for text that may hold a link or an address of a mailbox.
pub fn has_address(text: &str) -> bool {
    memchr::memchr(b'@', text.as_bytes()).is_some() || text.contains("://")
}

/// True where the word is an address in the internet, not of a home network or of the phone itself.
pub fn is_public_address(word: &str) -> bool {
    use std::net::IpAddr;
    let word = word.split(['%', '/']).next().unwrap_or(word);
    match word.parse() {
        Ok(IpAddr::V4(ip)) => {
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || ip.is_multicast())
        }
        // Global unicast: 2000::/3.
        Ok(IpAddr::V6(ip)) => ip.octets()[0] >> 5 == 1,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(u64, String, String)>> {
        let bytes = text.as_bytes().to_vec();
        let mut found = Vec::new();
        entries(&mut Lines::new(&bytes).unwrap(), DAEMON_SHAPE, daemon_head, |line, head, text| {
            found.push((line, head.logged.to_string(), text.to_owned()));
        })?;
        Ok(found)
    }

    #[test]
    fn further_lines_belong_to_their_entry_and_days_may_have_one_digit() {
        let text = "rotated away\nMon Apr  7 06:13:34 2025 [234] <err> (0x16b) first {\n  a;\n}\nTue Aug 12 06:13:34 2025 plain\n";
        assert_eq!(
            read(text).unwrap(),
            [
                (2, "2025-04-07T06:13:34".to_owned(), "first {\n  a;\n}".to_owned()),
                (5, "2025-08-12T06:13:34".to_owned(), "plain".to_owned()),
            ]
        );
        assert_eq!(read("").unwrap(), []);
        assert!(read("something else\n").is_err());
    }

    #[test]
    fn digits_of_other_scripts_are_digits() {
        let (head, rest) = daemon_head("Mon Apr ٧ ٠٦:١٣:٣٤ ٢٠٢٥ [٢٣] <notice> (0x1) x").unwrap();
        assert_eq!(
            (head.logged.to_string().as_str(), head.pid, rest),
            ("2025-04-07T06:13:34", Some(23), "x")
        );
    }

    #[test]
    fn words_are_found_in_messages() {
        assert_eq!(foreign_app("for com.apple.a.b and [org.example.App-1/x]"), Some("org.example.App-1"));
        assert_eq!(foreign_app("version 1.2.3 of a.b"), None);
        assert_eq!(data_path("at /private/var/db/x."), Some("/private/var/db/x"));
        assert_eq!(data_path("of \"/var/a b/c\" type"), Some("/var/a b/c"));
        assert_eq!(data_path("https://a.example/var/x and /System/var/x"), None);
        assert_eq!(between("a (b:c) d", "(", &[')']), Some("b:c"));
        assert_eq!(without_team("AAAAABBBBB.org.a"), ("org.a", Some("AAAAABBBBB")));
        assert_eq!(without_team("com.apple.a"), ("com.apple.a", None));
    }

    #[test]
    fn addresses_of_the_home_are_not_of_the_internet() {
        for private in
            ["10.0.0.1", "192.168.1.2", "127.0.0.1", "fe80::1%en0", "::1", "0.0.0.0", "name", "1.2.3"]
        {
            assert!(!is_public_address(private), "{private}");
        }
        assert!(is_public_address("8.8.8.8") && is_public_address("2a00:1450::1"));
    }
}
