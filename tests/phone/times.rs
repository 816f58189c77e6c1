//! Times as the sources write them (`2023-11-02T09:14:05.250Z`, UTC) to the numbers that devices store.

/// Seconds from 1970 to 2001, the zero of Cocoa times.
const MAC_ZERO: i64 = 978_307_200;
/// Seconds from 1601 to 1970, the zero of Chromium times.
const WEBKIT_ZERO: i64 = 11_644_473_600;

/// A time in UTC, seconds since 1970 and microseconds of that second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    pub seconds: i64,
    pub micros: i64,
}

impl Time {
    /// Reads `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`; panics on anything else, for the sources are ours.
    pub fn parse(text: &str) -> Time {
        let read = || -> Option<Time> {
            let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
            let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
            let date: Vec<i64> = date.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
            let clock: Vec<i64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
            let ([year, month, day], [hour, minute, second]) =
                (date[..].try_into().ok()?, clock[..].try_into().ok()?);
            let micros = format!("{fraction:0<6}").parse().ok()?;
            Some(Time {
                seconds: days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second,
                micros,
            })
        };
        read().unwrap_or_else(|| panic!("`{text}` is no time like 2023-11-02T09:14:05Z"))
    }

    pub fn unix_micros(self) -> i64 {
        self.seconds * 1_000_000 + self.micros
    }

    pub fn mac_nanos(self) -> i64 {
        (self.unix_micros() - MAC_ZERO * 1_000_000) * 1_000
    }

    pub fn webkit_micros(self) -> i64 {
        self.unix_micros() + WEBKIT_ZERO * 1_000_000
    }

    /// Seconds since 2001 as a decimal fraction.
    pub fn mac(self) -> String {
        format!("{}.{:06}", self.seconds - MAC_ZERO, self.micros)
    }

    /// Seconds since 1970 as a decimal fraction.
    pub fn unix(self) -> String {
        format!("{}.{:06}", self.seconds, self.micros)
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day comes last.
    let year = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_agree_with_known_values() {
        assert_eq!(Time::parse("1970-01-01T00:00:00Z").unix_micros(), 0);
        assert_eq!(Time::parse("2001-01-01T00:00:00Z").mac_nanos(), 0);
        assert_eq!(Time::parse("1601-01-01T00:00:00Z").webkit_micros(), 0);
        assert_eq!(Time::parse("2024-02-29T12:00:00.25Z").unix(), "1709208000.250000");
    }
}
