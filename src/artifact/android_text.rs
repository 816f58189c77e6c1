//! Words of Android's dumps: its several written times and durations, `key=value` pairs, components, processes and users.
//!
//! What a line means is told by the artifacts.

use jiff::{SignedDuration, ToSpan, civil::DateTime};

use crate::record::Value;
use crate::time::{Clock, ascii_digits};

/// Values beyond this are cut: one line of a dump may have megabytes.
const LONGEST_VALUE_BYTES: usize = 8 << 10;

/// A part of a line that fits into a record.
pub fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST_VALUE_BYTES)).unwrap_or_default()
}

/// `06-30 11:22:33.123`, whose year is the last that puts it before the acquisition. A colon or a comma may stand before the milliseconds.
/// `None` without the time of the acquisition.
pub fn yearless(text: &str, clock: &Clock) -> Option<DateTime> {
    let text = ascii_digits(text.trim());
    let (date, time) = text.split_once(' ')?;
    let (month, day) = date.split_once('-')?;
    let (month, day) = (month.parse().ok()?, day.parse().ok()?);
    let mut parts = time.trim().splitn(3, ':');
    let (hour, minute) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let (second, fraction) = match parts.next() {
        Some(rest) => rest.split_once(['.', ':', ',']).unwrap_or((rest, "")),
        None => ("0", ""),
    };
    let second: i8 = second.parse().ok()?;
    let digits = fraction.get(..fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len()))?;
    let nanosecond = match digits.get(..digits.len().min(9))? {
        "" => 0,
        digits => digits.parse::<i32>().ok()? * 10_i32.pow(9 - digits.len() as u32),
    };
    let now = clock.local_snapshot()?;
    // Clocks and offsets are not exact: what is less than a day ahead was written just now.
    let latest = now.checked_add(1.day()).ok()?;
    // Eight years: the 29th of February may be that far back.
    (0..=8).find_map(|back| {
        let year = now.year().checked_sub(back)?;
        let at = DateTime::new(year, month, day, hour, minute, second.min(59), nanosecond).ok()?;
        (at <= latest).then_some(at)
    })
}

/// A written local time, or a number of milliseconds since 1970; "never", which is written as a day of 1970, is null.
pub fn written(text: &str) -> Value<'static> {
    let text = ascii_digits(text.trim());
    if let Ok(number) = text.parse::<i64>() {
        // Smaller numbers are ages or nothing.
        let time = (number > 100_000_000_000).then(|| jiff::Timestamp::from_millisecond(number).ok());
        return time.flatten().into();
    }
    local(&text).into()
}

/// `2024-06-30 11:22:33.123` with a year after 1980.
pub fn local(text: &str) -> Option<DateTime> {
    let text = ascii_digits(text.trim());
    let parsed: DateTime = text.parse().ok()?;
    (parsed.year() > 1980).then_some(parsed)
}

/// `+1d2h3m4s5ms`, `-2h22m52s`, `(-1d2h)`, `0`: milliseconds, with the sign that was written. `None` for anything else.
pub fn duration_ms(text: &str) -> Option<i64> {
    let text = text.trim().trim_start_matches('(').trim_end_matches(')');
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total: i64 = 0;
    let mut rest = rest;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters)?;
        let unit_ms = match unit {
            "d" => 86_400_000,
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1000,
            "ms" => 1,
            _ => return None,
        };
        total = number.parse::<i64>().ok()?.checked_mul(unit_ms)?.checked_add(total)?;
        rest = after;
    }
    (!text.is_empty()).then_some(sign * total)
}

/// The local time that many milliseconds before the acquisition.
pub fn local_before(age_ms: i64, clock: &Clock) -> Option<DateTime> {
    clock.local_snapshot()?.checked_sub(SignedDuration::from_millis(age_ms)).ok()
}

/// `2025-03-04 10:00:00.123`, or without a year as [`yearless`] has it.
pub fn local_time(text: &str, clock: &Clock) -> Option<DateTime> {
    ascii_digits(text.trim()).parse().ok().or_else(|| yearless(text, clock))
}

/// `2025-03-04-10-00-00`, also with `-123` for milliseconds, or a Unix time in milliseconds, which is none here.
pub fn dashed_time(text: &str) -> Option<DateTime> {
    let text = ascii_digits(text.trim().trim_end_matches(':'));
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let fraction = parts.next().map(|millis| format!(".{millis}")).unwrap_or_default();
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}{fraction}").parse().ok()
}

/// Lines that other sections of a report drop into any place: how long something took.
pub fn is_foreign(line: &str) -> bool {
    line.starts_with("------") && line.contains("was the duration of")
}

/// How many blanks a line begins with.
pub fn indent(line: &str) -> usize {
    line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// The `key=value` pairs of a line; values may stand in quotes, and else end at a blank.
pub fn pairs(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = line.trim();
    std::iter::from_fn(move || {
        loop {
            let (before, after) = rest.split_once('=')?;
            let key = before.rsplit(|c: char| c.is_whitespace() || c == ',').next().unwrap_or(before);
            let (value, left) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => after.split_at_checked(after.find(char::is_whitespace).unwrap_or(after.len()))?,
            };
            rest = left;
            if !key.is_empty() {
                return Some((key, value));
            }
        }
    })
}

/// The value of a key in a line of pairs.
pub fn pair<'t>(line: &'t str, key: &str) -> Option<&'t str> {
    pairs(line).find_map(|(name, value)| (name == key).then_some(value))
}

/// True for words that are written like a package: `org.example.app`.
pub fn is_package(word: &str) -> bool {
    let label = |label: &str| {
        label.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    word.len() <= 255 && word.contains('.') && word.split('.').all(label)
}

/// The package that a process is named after: `org.example.app:remote`. `None` for programs that are no app.
pub fn package_of_process(process: &str) -> Option<&str> {
    let name = process.split(':').next().unwrap_or(process);
    is_package(name).then_some(name)
}

/// The package of `org.example.app/.Service`, also inside of `ComponentInfo{…}` or `{…}`.
pub fn package_of(component: &str) -> Option<&str> {
    let package = bare(component).split('/').next()?;
    (is_package(package) || package == "android").then_some(package)
}

/// A component without what is written around it.
pub fn bare(component: &str) -> &str {
    let component = component.trim().trim_end_matches([':', ',', ';']);
    let component = component.strip_prefix("ComponentInfo").unwrap_or(component);
    let component = component.strip_prefix('{').unwrap_or(component);
    component.split(['}', ' ']).next().unwrap_or(component)
}

/// What stands between `ComponentInfo{` and `}`.
pub fn component_info(line: &str) -> Option<&str> {
    line.split_once("ComponentInfo{")?.1.split('}').next().filter(|component| component.contains('/'))
}

/// The user id of `u0_a123`, `u10a5`, `root`, `system`, `shell` or a number.
pub fn uid(word: &str) -> Option<i64> {
    match word {
        "root" => return Some(0),
        "system" => return Some(1000),
        "shell" => return Some(2000),
        _ => {}
    }
    if let Ok(number) = word.parse() {
        return Some(number);
    }
    let (user, app) = word.strip_prefix('u')?.split_once('a')?;
    let user: i64 = user.trim_end_matches('_').parse().ok()?;
    let app: i64 = app.parse().ok()?;
    user.checked_mul(100_000)?.checked_add(10_000)?.checked_add(app)
}

/// The number after `before`.
pub fn number_after(text: &str, before: &str) -> Option<i64> {
    let (_, rest) = text.split_once(before)?;
    let rest = rest.trim_start();
    let end = rest.char_indices().find(|(at, c)| !(c.is_ascii_digit() || (*at == 0 && *c == '-')));
    rest.get(..end.map_or(rest.len(), |(at, _)| at))?.parse().ok()
}

/// The web address in a text, up to a blank or a sign that cannot be of it.
pub fn web_address(text: &str) -> Option<&str> {
    let at = text.find("://")?;
    let (before, _) = text.split_at_checked(at)?;
    let start = before.rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |last| last + 1);
    let address = text.get(start..)?;
    if !before.get(start..).is_some_and(|scheme| scheme.to_ascii_lowercase().starts_with("http")) {
        return None;
    }
    let end = address.find(|c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>' | '}' | '\\'));
    address.get(..end.unwrap_or(address.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_is_the_last_before_the_acquisition() {
        let clock = Clock {
            snapshot: crate::time::zoned("2024-01-02T12:00:00Z"),
            offset: crate::time::offset("+0200"),
            ..Clock::NONE
        };
        let of = |text: &str| yearless(text, &clock).map(|time| time.to_string());
        assert_eq!(of("01-02 13:59:59.5").as_deref(), Some("2024-01-02T13:59:59.5"));
        assert_eq!(of("12-31 23:00:00:123").as_deref(), Some("2023-12-31T23:00:00.123"));
        assert_eq!(of("02-29 01:00:00").as_deref(), Some("2020-02-29T01:00:00"));
        assert_eq!(of("٠١-٠١ ٠١:٠٠:٠٠").as_deref(), Some("2024-01-01T01:00:00"));
        for text in ["", "13-01 00:00:00", "01-01", "é-é 1:1:1", "01-01 25:00:00", "-- ::"] {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(yearless("01-01 01:00:00", &Clock::NONE), None);
    }

    #[test]
    fn pairs_may_be_quoted_or_bare() {
        let line = r#"time="2026-02-02 12:11:46" type=ACTIVITY_RESUMED package=com.example flags=0x0 end"#;
        let found: Vec<_> = pairs(line).collect();
        assert_eq!(found[0], ("time", "2026-02-02 12:11:46"));
        assert_eq!(found[3], ("flags", "0x0"));
        assert_eq!((found.len(), pair(line, "package")), (4, Some("com.example")));
        assert_eq!(pairs("= =x a=\"").collect::<Vec<_>>(), [("a", "")]);
    }

    #[test]
    fn components_processes_and_users_are_taken_apart() {
        assert_eq!(
            package_of("ComponentInfo{org.example.a/org.example.a.B} (user 0)"),
            Some("org.example.a")
        );
        assert_eq!(package_of("{android/.X}"), Some("android"));
        assert_eq!(package_of("nothing"), None);
        assert_eq!(package_of_process("org.example.a:remote"), Some("org.example.a"));
        assert_eq!(package_of_process("surfaceflinger"), None);
        assert_eq!(
            (uid("u0_a123"), uid("u10a5"), uid("root"), uid("x")),
            (Some(10_123), Some(1_010_005), Some(0), None)
        );
        assert_eq!(uid("u99999999999999_a1"), None);
        assert_eq!(number_after("a pid 12)", "pid"), Some(12));
    }

    #[test]
    fn times_that_mean_never_are_none() {
        assert!(written("1970-01-01 01:00:00").is_null() && written("0").is_null() && written("?").is_null());
        assert!(!written("1700000000123").is_null() && !written("2024-01-01 00:00:00").is_null());
    }

    #[test]
    fn a_web_address_ends_where_the_intent_goes_on() {
        assert_eq!(web_address("{act=V dat=https://a.example/x?y=1 cmp=b}"), Some("https://a.example/x?y=1"));
        assert_eq!(web_address("dat=HTTP://a.example}"), Some("HTTP://a.example"));
        assert_eq!(web_address("dat=content://a.example/"), None);
        assert_eq!(web_address("://"), None);
    }

    #[test]
    fn durations_are_read_with_their_sign() {
        for (text, ms) in [
            ("+1d2h3m4s5ms", Some(93_784_005)),
            ("(-2h22m52s)", Some(-8_572_000)),
            ("0", Some(0)),
            ("+1m03s250ms", Some(63_250)),
            ("", None),
            ("+", Some(0)),
            ("5x", None),
            ("+9223372036854775807d", None),
            ("é", None),
        ] {
            assert_eq!(duration_ms(text), ms, "{text}");
        }
    }

    #[test]
    fn dates_without_a_year_are_the_last_ones() {
        let clock = Clock {
            snapshot: crate::time::zoned("2025-01-03T10:00:00Z"),
            offset: crate::time::offset("+0100"),
            ..Clock::NONE
        };
        let at = |text: &str| local_time(text, &clock).map(|time| time.to_string());
        assert_eq!(at("01-03 10:59:00.5").as_deref(), Some("2025-01-03T10:59:00.5"));
        assert_eq!(at("12-31 23:00:00").as_deref(), Some("2024-12-31T23:00:00"));
        assert_eq!(at("02-29 00:00:00").as_deref(), Some("2024-02-29T00:00:00"));
        assert_eq!(at("٢٠٢٣-٠٥-٢٤ ١٣:٢٩:١٥").as_deref(), Some("2023-05-24T13:29:15"));
        assert_eq!(at("13-01 00:00:00"), None);
        assert_eq!(local_time("01-03 10:59:00", &Clock::NONE), None);
        assert_eq!(
            dashed_time("2025-03-04-10-00-00-123").map(|time| time.to_string()).as_deref(),
            Some("2025-03-04T10:00:00.123")
        );
        assert_eq!(dashed_time("1700000000000"), None);
    }
}
