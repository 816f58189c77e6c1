//! Epochs to UTC: the one place where a stored number becomes a point in time.
//!
//! Every format states its epoch and unit in its column; the unit of a number is then settled by its magnitude, because the same
//! column holds seconds on one iOS version and nanoseconds on the next. What cannot be a date is refused here, once.

use std::sync::Arc;

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};
use serde::Serialize;

use crate::record::Value;

/// Seconds between 1970-01-01 and 2001-01-01, the Cocoa epoch.
pub const MAC_TO_UNIX_S: i64 = 978_307_200;
/// Seconds between 1601-01-01 and 1970-01-01, the Chromium epoch.
const WEBKIT_TO_UNIX_S: i64 = 11_644_473_600;
/// `NSDate.distantPast` and `distantFuture`, seconds since 2001: "never", not dates.
const DISTANT: [i64; 2] = [-63_114_076_800, 63_113_904_000];
/// Instants that stand for "never" as dates, in seconds since 1970: the beginnings of the epochs (1601, 1970, 1980, 2001), and the
/// distant past and future, whose year 1 begins two days apart in the two calendars.
const NEVER: [i64; 7] =
    [-62_135_769_600, -62_135_596_800, -11_644_473_600, 0, 315_532_800, 978_307_200, 64_092_211_200];

/// From when and in what unit a stored number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Epoch {
    /// 1970-01-01 UTC, in seconds, milli-, micro- or nanoseconds by magnitude.
    Unix,
    /// 2001-01-01 UTC (Cocoa, Core Data), in seconds, milli-, micro- or nanoseconds by magnitude.
    Mac,
    /// 1601-01-01 UTC in microseconds (Chromium).
    WebKit,
    /// Safari's own columns: Cocoa seconds up to iOS 18, Unix seconds on iOS 26. A Cocoa value stays below 978,307,200 until
    /// 2032 and a Unix value is above it since 2001, so the value itself tells.
    Safari,
    /// Text in the device's local time, without its zone: `2024-01-02T03:04:05`.
    Local,
    /// Seconds before the acquisition: 0 for what a snapshot shows, a process' age for when it started.
    BeforeSnapshot,
}

/// What an acquisition tells about the device's clock, which times without a zone or a date are read by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// The instant of the acquisition.
    pub snapshot: Option<Timestamp>,
    /// The same on the device's own clock, where that is told although its zone is not.
    pub local_snapshot: Option<DateTime>,
    /// How far the device was east of UTC then.
    pub offset: Option<Offset>,
    /// The zone it was set to then, whose history tells earlier offsets as far as the device did not travel.
    pub zone: Option<TimeZone>,
    /// How far it was east of UTC before, where its own logs say so.
    pub zones: Option<Arc<[Stretch]>>,
}

impl Clock {
    /// Nothing is known.
    pub const NONE: Clock =
        Clock { snapshot: None, local_snapshot: None, offset: None, zone: None, zones: None };

    /// An instant as the device's clock showed it; in UTC where nothing is known of its zone.
    pub fn local(&self, at: Timestamp) -> DateTime {
        match &self.zone {
            Some(zone) => zone.to_datetime(at),
            None => self.offset.unwrap_or(Offset::UTC).to_datetime(at),
        }
    }

    /// The acquisition on the device's clock, by which dates without a year get theirs.
    pub fn local_snapshot(&self) -> Option<DateTime> {
        self.local_snapshot.or_else(|| Some(self.local(self.snapshot?)))
    }

    fn stretches(&self) -> &[Stretch] {
        self.zones.as_deref().unwrap_or_default()
    }

    /// The offset in force at a local time, if that is known.
    fn offset_at(&self, local: DateTime) -> Option<Offset> {
        let of = |stretch: &&Stretch| stretch.offset.to_timestamp(local).is_ok_and(|at| stretch.holds(at, 0));
        self.stretches().iter().find(of).map(|stretch| stretch.offset)
    }
}

/// A time in which the device's logs show one and the same offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub from: Timestamp,
    pub until: Timestamp,
    pub offset: Offset,
}

impl Stretch {
    fn holds(&self, at: Timestamp, margin_s: i64) -> bool {
        let at = at.as_second();
        self.from.as_second().saturating_add(margin_s) <= at
            && at <= self.until.as_second().saturating_sub(margin_s)
    }
}

/// Between entries further apart than this, the device may have been elsewhere and back.
const SILENCE_S: i64 = 7 * 86_400;
/// No two zones are further apart: nearer than this to its ends, a time in a stretch may have been meant in another zone.
const MARGIN_S: i64 = 26 * 3600;
/// A traveller's log has some dozens.
const STRETCHES_MOST: usize = 1_000;

/// The stretches that entries with zones make up; the earliest ones if there are more than any device has.
pub fn stretches(mut entries: Vec<(Timestamp, Offset)>) -> Option<Arc<[Stretch]>> {
    entries.sort_by_key(|(at, offset)| (*at, offset.seconds()));
    let mut stretches: Vec<Stretch> = Vec::new();
    for (at, offset) in entries {
        let last = stretches
            .last_mut()
            .filter(|last| last.offset == offset && at.as_second() - last.until.as_second() <= SILENCE_S);
        if let Some(last) = last {
            last.until = at;
        } else if stretches.len() < STRETCHES_MOST {
            stretches.push(Stretch { from: at, until: at, offset });
        } else {
            break;
        }
    }
    (!stretches.is_empty()).then(|| stretches.into())
}

/// What is known about the clock behind a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Stored as an absolute time.
    Utc,
    /// Stored as the device's local time, zone unknown; shown as if it were UTC and marked.
    DeviceLocal,
    /// Stored as local time; read in the zone that the device had at the acquisition or, where only that is told, with its offset:
    /// travel makes older entries wrong, and a mere offset those of the other half of the year.
    ZoneAssumed,
    /// Reckoned back from the instant of the acquisition, to within some seconds.
    Snapshot,
    /// Stored as local time; read with the offset that the device's own logs show for that time.
    ZoneKnown,
}

impl Basis {
    /// Every basis, in the order of its number.
    pub const ALL: [Basis; 5] =
        [Basis::Utc, Basis::DeviceLocal, Basis::ZoneAssumed, Basis::Snapshot, Basis::ZoneKnown];

    /// The word in every output, as serialised.
    pub fn name(self) -> &'static str {
        match self {
            Basis::Utc => "utc",
            Basis::DeviceLocal => "device-local",
            Basis::ZoneAssumed => "zone-assumed",
            Basis::Snapshot => "snapshot",
            Basis::ZoneKnown => "zone-known",
        }
    }
}

/// How finely the writing program kept the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    Microsecond,
    Second,
    Hour,
    Day,
}

impl Precision {
    /// The word in every output, as serialised.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Microsecond => "microsecond",
            Precision::Second => "second",
            Precision::Hour => "hour",
            Precision::Day => "day",
        }
    }
}

/// A number that no clock can have meant: the raw value is kept for the problem list.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("`{raw}` is not a time between 1980 and 2100")]
pub struct OutOfRange {
    pub raw: String,
}

impl Epoch {
    /// The time a stored value means: `None` for "never" (NULL, 0, -1, empty, `distantPast`, ...).
    ///
    /// Text is read as a number first, since SQLite's affinity lets a column hold `"588813210.5"`. Values that are already times
    /// (plist dates) pass through the same range check.
    pub fn decode(self, value: &Value<'_>, clock: &Clock) -> Result<Option<Timestamp>, OutOfRange> {
        match (self, value) {
            (Epoch::Local, Value::Text(text)) if !text.trim().is_empty() => return from_local(text, clock),
            (Epoch::BeforeSnapshot, Value::Int(_) | Value::Real(_)) => return before(value, clock),
            _ => {}
        }
        match value {
            Value::Int(int) => self.decode_int(*int),
            Value::Real(real) => self.decode_real(*real),
            Value::Time(time) => happened(*time, || time.to_string()),
            Value::Text(text) => match text.trim() {
                "" => Ok(None),
                trimmed => match (trimmed.parse::<i64>(), trimmed.parse::<f64>()) {
                    (Ok(int), _) => self.decode_int(int),
                    (_, Ok(real)) => self.decode_real(real),
                    _ => Err(OutOfRange { raw: trimmed.chars().take(40).collect() }),
                },
            },
            Value::Null | Value::Bool(_) | Value::Bytes(_) | Value::List(_) | Value::Object(_) => Ok(None),
        }
    }

    fn decode_int(self, raw: i64) -> Result<Option<Timestamp>, OutOfRange> {
        // Integers stay integers: nanoseconds since 2001 do not fit the 53 bits of a double.
        if raw == 0 || raw == -1 || raw == i64::MIN || raw == i64::MAX || DISTANT.contains(&raw) {
            return Ok(None);
        }
        let refuse = || OutOfRange { raw: raw.to_string() };
        let micros = match self.unit_of(raw.unsigned_abs() as f64) {
            Unit::Second => raw.checked_mul(1_000_000).ok_or_else(refuse)?,
            Unit::Milli => raw.checked_mul(1_000).ok_or_else(refuse)?,
            Unit::Micro => raw,
            Unit::Nano => raw.div_euclid(1_000),
        };
        self.shifted(micros, raw as f64, refuse)
    }

    fn decode_real(self, raw: f64) -> Result<Option<Timestamp>, OutOfRange> {
        let refuse = || OutOfRange { raw: raw.to_string() };
        if raw == 0.0 || raw == -1.0 || DISTANT.iter().any(|distant| *distant as f64 == raw) {
            return Ok(None);
        }
        if !raw.is_finite() {
            return Err(refuse());
        }
        let micros = match self.unit_of(raw.abs()) {
            Unit::Second => raw * 1e6,
            Unit::Milli => raw * 1e3,
            Unit::Micro => raw,
            Unit::Nano => raw / 1e3,
        };
        // MVT rounds half to even on the binary double; the same here keeps the two comparable.
        self.shifted(micros.round_ties_even() as i64, raw, refuse)
    }

    /// How sure a time of this epoch is, as [`Epoch::decode`] read it.
    pub fn basis(self, clock: &Clock, at: Timestamp) -> Basis {
        match self {
            Epoch::Local if clock.stretches().iter().any(|stretch| stretch.holds(at, MARGIN_S)) => {
                Basis::ZoneKnown
            }
            Epoch::Local if clock.offset.is_some() || clock.zone.is_some() => Basis::ZoneAssumed,
            Epoch::Local => Basis::DeviceLocal,
            Epoch::BeforeSnapshot => Basis::Snapshot,
            _ => Basis::Utc,
        }
    }

    /// True where a time can only be read with the [`Clock`] of the acquisition.
    pub fn needs_clock(self) -> bool {
        matches!(self, Epoch::Local | Epoch::BeforeSnapshot)
    }

    fn unit_of(self, magnitude: f64) -> Unit {
        match self {
            Epoch::WebKit => Unit::Micro,
            _ if magnitude >= 1e17 => Unit::Nano,
            _ if magnitude >= 1e14 => Unit::Micro,
            _ if magnitude >= 1e11 => Unit::Milli,
            _ => Unit::Second,
        }
    }

    fn shifted(
        self,
        micros: i64,
        raw: f64,
        refuse: impl Fn() -> OutOfRange,
    ) -> Result<Option<Timestamp>, OutOfRange> {
        let shift_s = match self {
            Epoch::Unix => 0,
            Epoch::Mac => MAC_TO_UNIX_S,
            Epoch::WebKit => -WEBKIT_TO_UNIX_S,
            Epoch::Safari if raw > MAC_TO_UNIX_S as f64 => 0,
            Epoch::Safari => MAC_TO_UNIX_S,
            Epoch::Local | Epoch::BeforeSnapshot => return Err(refuse()),
        };
        let unix = micros.checked_add(shift_s * 1_000_000).ok_or_else(&refuse)?;
        let time = Timestamp::from_microsecond(unix).map_err(|_| refuse())?;
        happened(time, || refuse().raw)
    }
}

enum Unit {
    Second,
    Milli,
    Micro,
    Nano,
}

/// 1980-01-01.
const EARLIEST_S: i64 = 315_532_800;
/// 2100-01-01.
const LATEST_S: i64 = 4_102_444_800;

fn in_range(time: Timestamp, raw: impl Fn() -> String) -> Result<Timestamp, OutOfRange> {
    if (EARLIEST_S..LATEST_S).contains(&time.as_second()) { Ok(time) } else { Err(OutOfRange { raw: raw() }) }
}

/// The time, if it is one: `None` where it only stands for "never".
fn happened(time: Timestamp, raw: impl Fn() -> String) -> Result<Option<Timestamp>, OutOfRange> {
    let never = time.subsec_nanosecond() == 0 && NEVER.contains(&time.as_second());
    if never { Ok(None) } else { in_range(time, raw).map(Some) }
}

/// Local time as UTC: with the offset of the device's logs, else in its zone, else with its one offset, else as it stands. Of an hour
/// that came twice the first is meant; one that was left out is read as if the clock had not been changed yet.
fn from_local(text: &str, clock: &Clock) -> Result<Option<Timestamp>, OutOfRange> {
    let refuse = || OutOfRange { raw: text.chars().take(40).collect() };
    let local: DateTime = text.trim().parse().map_err(|_| refuse())?;
    let time = match (clock.offset_at(local), &clock.zone) {
        (None, Some(zone)) => zone.to_timestamp(local),
        (known, _) => known.or(clock.offset).unwrap_or(Offset::UTC).to_timestamp(local),
    };
    let time = time.map_err(|_| refuse())?;
    in_range(time, || refuse().raw).map(Some)
}

fn before(seconds: &Value<'_>, clock: &Clock) -> Result<Option<Timestamp>, OutOfRange> {
    let Some(snapshot) = clock.snapshot else { return Ok(None) };
    let refuse = || OutOfRange { raw: format!("{} seconds before the acquisition", seconds.show()) };
    let micros = match seconds {
        Value::Int(seconds) => seconds.checked_mul(1_000_000).ok_or_else(refuse)?,
        Value::Real(seconds) if seconds.is_finite() => (seconds * 1e6) as i64,
        _ => return Err(refuse()),
    };
    let then = snapshot.as_microsecond().checked_sub(micros).ok_or_else(refuse)?;
    let time = Timestamp::from_microsecond(then).map_err(|_| refuse())?;
    in_range(time, || refuse().raw).map(Some)
}

/// A written time with its zone, as Apple's logs have it: `2023-05-24 13:29:15.123 +0200`, `2023-05-24T11:29:15Z`, any digits of
/// Unicode. `None` where there is no zone or it is no such time.
pub fn zoned(text: &str) -> Option<Timestamp> {
    let text = ascii_digits(text.trim());
    let (clock, zone) = match text.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, "+0000"),
        None => text.split_at_checked(text.rfind(['+', '-', '\u{2212}'])?)?,
    };
    let local: DateTime = clock.trim().parse().ok()?;
    let time = offset(zone)?.to_timestamp(local).ok()?;
    in_range(time, String::new).ok()
}

/// `+0200`, `-03:30`, `+02`.
pub fn offset(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.trim().split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(digits.len(), 2 | 4) {
        return None;
    }
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 =
        digits.get(2..).filter(|minutes| !minutes.is_empty()).map_or(Ok(0), str::parse).ok()?;
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// The zone of a name that phones know: `Europe/Paris`, the old `Asia/Calcutta`, `GMT`, `GMT+02:00`.
pub fn zone(name: &str) -> Option<TimeZone> {
    let name = name.trim();
    let fixed = || offset(name.strip_prefix("GMT").or_else(|| name.strip_prefix("UTC"))?);
    fixed().map(TimeZone::fixed).or_else(|| TimeZone::get(name).ok()).filter(|zone| !zone.is_unknown())
}

/// Digits of any script as ASCII: logs of a phone set to Arabic or Hindi write theirs.
pub fn ascii_digits(text: &str) -> std::borrow::Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    // Every script has its ten digits in a row; these are the rows of the scripts of living languages.
    const ZEROS: [char; 26] = [
        '\u{660}',
        '\u{6f0}',
        '\u{7c0}',
        '\u{966}',
        '\u{9e6}',
        '\u{a66}',
        '\u{ae6}',
        '\u{b66}',
        '\u{be6}',
        '\u{c66}',
        '\u{ce6}',
        '\u{d66}',
        '\u{de6}',
        '\u{e50}',
        '\u{ed0}',
        '\u{f20}',
        '\u{1040}',
        '\u{1090}',
        '\u{17e0}',
        '\u{1810}',
        '\u{1946}',
        '\u{1bb0}',
        '\u{1c50}',
        '\u{abf0}',
        '\u{ff10}',
        '\u{1e950}',
    ];
    let plain = |c: char| {
        let row = ZEROS.iter().find(|zero| (0..10).contains(&(c as i64 - **zero as i64)));
        row.and_then(|zero| char::from_digit(c as u32 - *zero as u32, 10)).unwrap_or(c)
    };
    text.chars().map(plain).collect::<String>().into()
}

/// The time in a plist `<date>`; `None` where it is out of any calendar's range.
pub fn from_plist(date: plist::Date) -> Option<Timestamp> {
    Timestamp::try_from(std::time::SystemTime::from(date)).ok()
}

/// The one written form: `2024-01-02T03:04:05.678901+00:00`, always six digits, always with the offset.
pub fn iso(time: Timestamp) -> String {
    let mut text = String::with_capacity(32);
    push_iso(&mut text, time);
    text
}

/// [`iso`] appended to `text`, for the writers' hot path.
pub fn push_iso(text: &mut String, time: Timestamp) {
    if let Ok(micros) = u64::try_from(time.as_microsecond()) {
        let written = iso_since_1970(micros);
        text.push_str(std::str::from_utf8(&written).expect("digits and punctuation are ASCII"));
        return;
    }
    const PRINTER: jiff::fmt::temporal::DateTimePrinter =
        jiff::fmt::temporal::DateTimePrinter::new().precision(Some(6));
    PRINTER.print_timestamp_with_offset(&time, Offset::UTC, &mut *text).expect("a String takes every write");
}

/// The written form by plain division: a scan writes millions, and a general printer takes about twice as long. Up to the year 9999,
/// where [`Timestamp`] ends.
fn iso_since_1970(micros: u64) -> [u8; 32] {
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let mut text = *b"0000-00-00T00:00:00.000000+00:00";
    let fields = [
        (0..4, year),
        (5..7, month),
        (8..10, day),
        (11..13, hour),
        (14..16, minute),
        (17..19, second),
        (20..26, micros),
    ];
    for (place, mut number) in fields {
        for digit in text.get_mut(place).into_iter().flatten().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }
    text
}

/// Year, month and day of a day counted from 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    // Counted from 0000-03-01, so that a leap day is the last day of its year, and of its four, hundred or 400 years.
    let days = days + 719_468;
    let day_of_era = days % DAYS_OF_400_YEARS;
    let leap_days = day_of_era / 1460 + day_of_era / (DAYS_OF_400_YEARS - 1) - day_of_era / 36_524;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // From March on every five months have 153 days.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = days / DAYS_OF_400_YEARS * 400 + year_of_era;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

/// `2024-01-02 03:04:05 UTC`, for people.
pub fn short(time: Timestamp) -> String {
    Offset::UTC.to_datetime(time).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(epoch: Epoch, value: Value<'_>) -> String {
        match epoch.decode(&value, &Clock::NONE) {
            Ok(Some(time)) => iso(time),
            Ok(None) => "never".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn units_are_told_by_magnitude() {
        let expected = "2019-08-29T23:33:30.500000+00:00";
        assert_eq!(at(Epoch::Mac, Value::Real(588_814_410.5)), expected);
        assert_eq!(at(Epoch::Mac, Value::Int(588_814_410_500)), expected);
        assert_eq!(at(Epoch::Mac, Value::Int(588_814_410_500_000)), expected);
        assert_eq!(at(Epoch::Mac, Value::Int(588_814_410_500_000_000)), expected);
        assert_eq!(at(Epoch::Mac, Value::Text("588814410.5".into())), expected);
        assert_eq!(at(Epoch::Unix, Value::Int(1_567_121_610_500)), expected);
        assert_eq!(at(Epoch::WebKit, Value::Int(13_211_595_210_500_000)), expected);
    }

    #[test]
    fn safari_counts_from_1970_on_ios_26() {
        assert_eq!(at(Epoch::Safari, Value::Real(588_814_410.0)), "2019-08-29T23:33:30.000000+00:00");
        assert_eq!(at(Epoch::Safari, Value::Real(1_763_900_000.0)), "2025-11-23T12:13:20.000000+00:00");
    }

    #[test]
    fn nanoseconds_keep_their_microseconds() {
        assert_eq!(at(Epoch::Mac, Value::Int(703_712_345_678_901_234)), "2023-04-20T19:39:05.678901+00:00");
    }

    #[test]
    fn every_day_is_written_as_its_calendar_date() {
        // Just before midnight and at it, on days up to the last one there is; 29 days apart, every date comes up.
        for second in (0..Timestamp::MAX.as_second()).step_by(29 * 86_400) {
            for time in [second - 1, second].map(|second| Timestamp::new(second, 0).unwrap()) {
                let expected =
                    Offset::UTC.to_datetime(time).strftime("%Y-%m-%dT%H:%M:%S.000000+00:00").to_string();
                assert_eq!(iso(time), expected);
            }
        }
        let late = Timestamp::new(253_402_207_200, 999_999_999).unwrap();
        assert_eq!(iso(late), "9999-12-30T22:00:00.999999+00:00");
    }

    #[test]
    fn names_are_what_is_serialised() {
        for basis in Basis::ALL {
            assert_eq!(serde_json::json!(basis), basis.name());
        }
        for precision in [Precision::Microsecond, Precision::Second, Precision::Hour, Precision::Day] {
            assert_eq!(serde_json::json!(precision), precision.name());
        }
    }

    #[test]
    fn sentinels_are_never() {
        for value in [
            Value::Null,
            Value::Int(0),
            Value::Int(-1),
            Value::Real(-1.0),
            Value::Text("".into()),
            Value::Int(i64::MAX),
            Value::Real(-63_114_076_800.0),
            Value::Int(63_113_904_000),
        ] {
            assert_eq!(at(Epoch::Mac, value), "never");
        }
    }

    #[test]
    fn dates_that_stand_for_never_are_no_events_in_any_epoch() {
        for date in [
            "0001-01-01T00:00:00Z",
            "1601-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "1980-01-01T00:00:00Z",
            "2001-01-01T00:00:00Z",
            "4001-01-01T00:00:00Z",
        ] {
            let date: Timestamp = date.parse().unwrap();
            assert_eq!(at(Epoch::Unix, Value::Time(date)), "never", "{date}");
            assert_eq!(at(Epoch::Unix, Value::Int(date.as_second())), "never", "{date}");
        }
        assert_eq!(at(Epoch::Mac, Value::Int(1)), "2001-01-01T00:00:01.000000+00:00");
        assert_eq!(at(Epoch::WebKit, Value::Int(WEBKIT_TO_UNIX_S * 1_000_000)), "never");
    }

    #[test]
    fn what_no_clock_meant_is_refused_with_its_raw_value() {
        assert_eq!(at(Epoch::Unix, Value::Int(1)), "`1` is not a time between 1980 and 2100");
        assert_eq!(at(Epoch::WebKit, Value::Int(1)), "`1` is not a time between 1980 and 2100");
        assert!(Epoch::Mac.decode(&Value::Real(f64::NAN), &Clock::NONE).is_err());
        assert!(Epoch::Mac.decode(&Value::Int(i64::MAX - 1), &Clock::NONE).is_err());
        assert!(Epoch::Mac.decode(&Value::Text("yesterday".into()), &Clock::NONE).is_err());
    }

    #[test]
    fn local_times_are_read_with_the_acquisitions_offset_or_marked() {
        let local = Value::from("2023-05-24 13:29:15.5");
        let clock = Clock { offset: offset("+0200"), ..Clock::NONE };
        let decoded = |clock| Epoch::Local.decode(&local, clock).unwrap().map(iso);
        assert_eq!(decoded(&clock).as_deref(), Some("2023-05-24T11:29:15.500000+00:00"));
        assert_eq!(decoded(&Clock::NONE).as_deref(), Some("2023-05-24T13:29:15.500000+00:00"));
        let at = Timestamp::UNIX_EPOCH;
        assert_eq!(Epoch::Local.basis(&clock, at), Basis::ZoneAssumed);
        assert_eq!(Epoch::Local.basis(&Clock::NONE, at), Basis::DeviceLocal);
        assert!(Epoch::Local.decode(&Value::from("noon"), &clock).is_err());
    }

    #[test]
    fn local_times_before_a_change_to_summer_time_are_read_with_the_offset_of_then() {
        // Entries of every other day; the change was in the night to 2023-03-26, the acquisition in May.
        let entry =
            |day: &str, zone: &str| (zoned(&format!("{day}T12:00:00{zone}")).unwrap(), offset(zone).unwrap());
        let winter = ["2023-03-15", "2023-03-18", "2023-03-20", "2023-03-25"].map(|day| entry(day, "+0100"));
        let summer = ["2023-03-28", "2023-03-31", "2023-05-01"].map(|day| entry(day, "+0200"));
        let zones = stretches([summer.as_slice(), winter.as_slice()].concat());
        let clock = Clock { offset: offset("+0300"), zones, ..Clock::NONE };
        let read = |local: &str| {
            let at = Epoch::Local.decode(&Value::from(local), &clock).unwrap().unwrap();
            format!("{} {}", short(at), Epoch::Local.basis(&clock, at).name())
        };
        assert_eq!(read("2023-03-20 10:00:00"), "2023-03-20 09:00:00 UTC zone-known");
        assert_eq!(read("2023-03-30 08:00:00"), "2023-03-30 06:00:00 UTC zone-known");
        // Near a change it is read in the zone but not sure; outside and where the log is silent for long the zone is assumed.
        assert_eq!(read("2023-03-25 10:00:00"), "2023-03-25 09:00:00 UTC zone-assumed");
        assert_eq!(read("2023-03-26 10:00:00"), "2023-03-26 07:00:00 UTC zone-assumed");
        assert_eq!(read("2023-04-15 10:00:00"), "2023-04-15 07:00:00 UTC zone-assumed");
        assert_eq!(read("2022-03-20 10:00:00"), "2022-03-20 07:00:00 UTC zone-assumed");
        assert_eq!(stretches(Vec::new()), None);
    }

    #[test]
    fn a_zone_tells_the_offset_of_each_day_and_no_odd_hour_fails() {
        let clock = Clock { zone: TimeZone::get("Europe/Paris").ok(), ..Clock::NONE };
        let read = |local: &str| {
            let at = Epoch::Local.decode(&Value::from(local), &clock).unwrap().unwrap();
            assert_eq!(Epoch::Local.basis(&clock, at), Basis::ZoneAssumed);
            short(at)
        };
        assert_eq!(read("2024-01-15 12:00:00"), "2024-01-15 11:00:00 UTC");
        assert_eq!(read("2024-07-15 12:00:00"), "2024-07-15 10:00:00 UTC");
        // Left out in spring, twice in autumn.
        assert_eq!(read("2024-03-31 02:30:00"), "2024-03-31 01:30:00 UTC");
        assert_eq!(read("2024-10-27 02:30:00"), "2024-10-27 00:30:00 UTC");
        assert_eq!(read("2099-12-31 23:59:59"), "2099-12-31 22:59:59 UTC");
        assert!(Epoch::Local.decode(&Value::from("9999-12-31 23:59:59"), &clock).is_err());
        let winter = zoned("2024-01-15T11:00:00Z").unwrap();
        assert_eq!(clock.local(winter).to_string(), "2024-01-15T12:00:00");
        assert_eq!(clock.local_snapshot(), None);
    }

    #[test]
    fn zones_have_names_old_and_new_and_offsets() {
        let summer = zoned("2024-07-15T12:00:00Z").unwrap();
        for (name, expected) in [
            ("Europe/Paris", "+0200"),
            ("Asia/Calcutta", "+0530"),
            ("GMT", "+0000"),
            ("GMT-03:30", "-0330"),
            (" Etc/GMT-2 ", "+0200"),
        ] {
            let told = zone(name).map(|zone| zone.to_offset(summer));
            assert_eq!(told, offset(expected), "{name}");
        }
        for name in ["", "Europe/Nowhere", "../../etc/localtime", "GMT+99:99", "Etc/Unknown"] {
            assert_eq!(zone(name), None, "{name}");
        }
    }

    #[test]
    fn ages_are_reckoned_back_from_the_acquisition_and_are_never_guessed() {
        let clock = Clock { snapshot: zoned("2023-05-24 13:29:15 +0200"), ..Clock::NONE };
        let decoded = |clock| Epoch::BeforeSnapshot.decode(&Value::Real(75.5), clock).unwrap().map(iso);
        assert_eq!(decoded(&clock).as_deref(), Some("2023-05-24T11:27:59.500000+00:00"));
        assert_eq!(decoded(&Clock::NONE), None);
        assert!(Epoch::BeforeSnapshot.decode(&Value::Int(i64::MAX), &clock).is_err());
    }

    #[test]
    fn written_zones_and_foreign_digits_are_understood() {
        let utc = "2023-05-24T11:29:15.250000+00:00";
        for text in [
            "2023-05-24 13:29:15.25 +0200",
            "2023-05-24T13:29:15.25+02:00",
            "2023-05-24T11:29:15.25Z",
            "٢٠٢٣-٠٥-٢٤ ١٣:٢٩:١٥.٢٥ +٠٢٠٠",
            "۲۰۲۳-۰۵-۲۴ ۱۳:۲۹:۱۵.۲۵ +۰۲۰۰",
            "२०२३-०५-२४ १३:२९:१५.२५ +०२००",
            "২০২৩-০৫-২৪ ১৩:২৯:১৫.২৫ +০২০০",
            "၂၀၂၃-၀၅-၂၄ ၁၃:၂၉:၁၅.၂၅ +၀၂၀၀",
        ] {
            assert_eq!(zoned(text).map(iso).as_deref(), Some(utc), "{text}");
        }
        for text in ["2023-05-24 13:29:15", "2023-05-24", "", "Z", "+0200", "1969-12-31 00:00:00 +0000"] {
            assert_eq!(zoned(text), None, "{text}");
        }
    }
}
