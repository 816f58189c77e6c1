//! What the dumps of Android's services have in common: how they write durations and dates without a year, and what runs into them.

use jiff::{SignedDuration, civil::DateTime};

use crate::time::{Clock, ascii_digits};

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

/// The phone's clock at the acquisition; where its zone is unknown, the time that later counts as local.
pub fn local_now(clock: &Clock) -> Option<DateTime> {
    clock.local_snapshot()
}

/// The local time that many milliseconds before the acquisition.
pub fn local_before(age_ms: i64, clock: &Clock) -> Option<DateTime> {
    local_now(clock)?.checked_sub(SignedDuration::from_millis(age_ms)).ok()
}

/// `2025-03-04 10:00:00.123`, in the digits of any script, or `03-04 10:00:00.123`, which is the last such time before the acquisition.
pub fn local_time(text: &str, clock: &Clock) -> Option<DateTime> {
    let text = ascii_digits(text.trim());
    if let Ok(time) = text.parse::<DateTime>() {
        return Some(time);
    }
    let now = local_now(clock)?;
    // A clock that runs a little behind its own report is no reason to go back a year.
    let latest = now.checked_add(SignedDuration::from_hours(24)).ok()?;
    // A 29th of February may be eight years back.
    (0..=8).find_map(|back| {
        let dated = format!("{:04}-{text}", now.year().checked_sub(back)?).parse::<DateTime>().ok()?;
        (dated <= latest).then_some(dated)
    })
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

/// The package of a component, `com.example/.Name` or `com.example:remote`.
pub fn package_of(component: &str) -> &str {
    component.split(['/', ':', ' ']).next().unwrap_or(component)
}

/// Text that may be the name of a package: words of letters, digits and underscores between dots.
pub fn is_package(name: &str) -> bool {
    name.contains('.')
        && name.split('.').all(|word| {
            word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

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
