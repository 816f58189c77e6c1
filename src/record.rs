//! What a parser yields: typed columns, values, and what a record would mean.
//!
//! An artifact declares once what each column *is*. Matching, the timeline, the time of a finding and every output follow from that
//! declaration; nothing here knows an artifact, a container or an indicator.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::time::{Basis, Clock, Epoch, Precision};

/// What a column's value is, which decides how it is matched, timed and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Words for people, matched against nothing.
    Text,
    Int,
    Real,
    Bool,
    Bytes,
    /// A stored number or date, turned into UTC as it is pushed.
    Time(Epoch),
    /// Free text in which hosts, addresses and hashes are looked for.
    Message,
    Url,
    Host,
    /// An e-mail address, or a handle that may be one.
    Email,
    Phone,
    /// The name of a process, or the path of its executable.
    Process,
    /// A path on the device.
    Path,
    /// A digest in hexadecimal.
    Hash,
    /// A bundle id or package name.
    AppId,
    ProfileId,
    Property,
    /// `sent` or `received`: what the owner sent is mentioned, not received.
    Direction,
    /// True adds this sentence to every finding on the record.
    Caveat(&'static str),
}

/// What happened at a time; one fixed vocabulary, which the timeline and every export share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    Visited,
    Received,
    Sent,
    Read,
    Delivered,
    Called,
    Started,
    Ended,
    FirstSeen,
    LastSeen,
    NetworkUsed,
    Installed,
    Removed,
    Updated,
    Created,
    Modified,
    MetadataChanged,
    Deleted,
    PermissionChanged,
    ProfileInstalled,
    ProfileChanged,
    LookedUp,
    LocationStopped,
    Viewed,
    Scheduled,
    BackedUp,
    Logged,
    Running,
    Crashed,
    Rebooted,
}

impl Moment {
    /// The time description as exported (Timesketch's `timestamp_desc`).
    pub fn description(self) -> &'static str {
        match self {
            Moment::Visited => "Visited",
            Moment::Received => "Message Received",
            Moment::Sent => "Message Sent",
            Moment::Read => "Message Read",
            Moment::Delivered => "Message Delivered",
            Moment::Called => "Call",
            Moment::Started => "Started",
            Moment::Ended => "Ended",
            Moment::FirstSeen => "First Seen",
            Moment::LastSeen => "Last Seen",
            Moment::NetworkUsed => "Network Usage",
            Moment::Installed => "Package Installed",
            Moment::Removed => "Package Removed",
            Moment::Updated => "Record Updated",
            Moment::Created => "Created",
            Moment::Modified => "Modified",
            Moment::MetadataChanged => "Metadata Changed",
            Moment::Deleted => "Deleted",
            Moment::PermissionChanged => "Permission Changed",
            Moment::ProfileInstalled => "Profile Installed",
            Moment::ProfileChanged => "Profile Changed",
            Moment::LookedUp => "Account Looked Up",
            Moment::LocationStopped => "Location Use Stopped",
            Moment::Viewed => "Viewed",
            Moment::Scheduled => "Scheduled",
            Moment::BackedUp => "Acquisition",
            Moment::Logged => "Log Entry",
            Moment::Running => "Running",
            Moment::Crashed => "Crash Report",
            Moment::Rebooted => "Shutdown",
        }
    }
}

/// The evidence class: what a match in this record would mean, from words to action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trace {
    /// The owner wrote, sent or kept it.
    Mentioned,
    /// Somebody sent it to this phone.
    Received,
    /// A file holds it, and what wrote it there, and why, is not known.
    Stored,
    /// A program of the phone wrote it to a log.
    Logged,
    /// A name was looked up or a resource of it was loaded.
    Resolved,
    /// A page was opened.
    Visited,
    /// A setting or profile governs the phone.
    Policy,
    /// A file, app or permission of it is on the phone.
    Installed,
    /// A record was removed or altered.
    Tampered,
    /// A program ran.
    Executed,
}

/// Where in a database a row was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    Live,
    /// Only in the write-ahead log: the newest rows, not yet in the database file, or with a caveat what later ones replaced.
    Wal,
    /// Recovered from freed space or from a damaged database.
    Freed,
}

impl Origin {
    fn file(self) -> &'static str {
        match self {
            Origin::Wal => "write-ahead log",
            Origin::Live | Origin::Freed => "database file",
        }
    }
}

/// What became of a row that was recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recovery {
    /// No row of its id is there any more.
    Deleted,
    /// The row is there with other content.
    Replaced,
    /// No commit followed.
    Uncommitted,
}

/// A column of an artifact.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    /// For times: what happened then. A time without it is a fact, not an event.
    pub moment: Option<Moment>,
    pub precision: Precision,
}

impl Column {
    const fn new(name: &'static str, kind: Kind) -> Column {
        Column { name, kind, moment: None, precision: Precision::Microsecond }
    }

    /// How sure a time of this column is in an acquisition with this clock.
    pub fn basis(&self, clock: &Clock, at: Timestamp) -> Basis {
        match self.kind {
            Kind::Time(epoch) => epoch.basis(clock, at),
            _ => Basis::Utc,
        }
    }

    /// The writing program rounds this time.
    pub const fn rounded(mut self, precision: Precision) -> Column {
        self.precision = precision;
        self
    }
}

macro_rules! columns {
    ($($(#[$doc:meta])* $function:ident $kind:ident)*) => {$(
        $(#[$doc])*
        pub const fn $function(name: &'static str) -> Column { Column::new(name, Kind::$kind) }
    )*};
}

columns! {
    text Text
    int Int
    real Real
    boolean Bool
    bytes Bytes
    message Message
    url Url
    host Host
    email Email
    phone Phone
    process Process
    path Path
    hash Hash
    app_id AppId
    profile_id ProfileId
    property Property
    direction Direction
}

/// A time that is an event: the timeline shows it.
pub const fn time(name: &'static str, epoch: Epoch, moment: Moment) -> Column {
    let mut column = Column::new(name, Kind::Time(epoch));
    column.moment = Some(moment);
    column
}

/// A time that is no event of this phone, such as when another says to have sent something.
pub const fn fact_time(name: &'static str, epoch: Epoch) -> Column {
    Column::new(name, Kind::Time(epoch))
}

/// A boolean that, when true, adds `sentence` to every finding on the record.
pub const fn caveat(name: &'static str, sentence: &'static str) -> Column {
    Column::new(name, Kind::Caveat(sentence))
}

/// One value of a record; text and bytes borrow from the parser until somebody keeps them.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value<'a> {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Real(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    Time(Timestamp),
    List(Vec<Value<'a>>),
    /// Values under names that only the evidence knows, such as the columns of a table.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl Value<'_> {
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(value) => Value::Bool(value),
            Value::Int(value) => Value::Int(value),
            Value::Real(value) => Value::Real(value),
            Value::Time(value) => Value::Time(value),
            Value::Text(text) => Value::Text(text.into_owned().into()),
            Value::Bytes(bytes) => Value::Bytes(bytes.into_owned().into()),
            Value::List(items) => Value::List(items.into_iter().map(Value::into_owned).collect()),
            Value::Object(fields) => Value::Object(
                fields
                    .into_iter()
                    .map(|(name, value)| (name.into_owned().into(), value.into_owned()))
                    .collect(),
            ),
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(int) => Some(*int),
            Value::Bool(flag) => Some(i64::from(*flag)),
            Value::Real(real) if real.fract() == 0.0 && real.abs() < 9e15 => Some(*real as i64),
            _ => None,
        }
    }

    pub fn as_time(&self) -> Option<Timestamp> {
        match self {
            Value::Time(time) => Some(*time),
            _ => None,
        }
    }

    /// True for a boolean `true` and for any number that is not zero.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Bool(flag) => *flag,
            Value::Int(int) => *int != 0,
            Value::Real(real) => *real != 0.0,
            _ => false,
        }
    }

    /// The value as a person reads it in a sentence, appended to `sentence`.
    pub fn show_into(&self, sentence: &mut String) {
        use std::fmt::Write;
        // Writing to a String cannot fail.
        let _ = match self {
            Value::Null => Ok(()),
            Value::Bool(flag) => sentence.write_str(if *flag { "yes" } else { "no" }),
            Value::Int(int) => write!(sentence, "{int}"),
            Value::Real(real) => write!(sentence, "{real}"),
            Value::Text(text) => sentence.write_str(text),
            Value::Bytes(bytes) => write!(sentence, "{} bytes", bytes.len()),
            Value::Time(time) => {
                crate::time::push_iso(sentence, *time);
                Ok(())
            }
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        sentence.push_str(", ");
                    }
                    item.show_into(sentence);
                }
                Ok(())
            }
            Value::Object(fields) => {
                for (index, (name, value)) in fields.iter().enumerate() {
                    sentence.push_str(if index > 0 { ", " } else { "" });
                    sentence.push_str(name);
                    sentence.push_str(": ");
                    value.show_into(sentence);
                }
                Ok(())
            }
        };
    }

    /// [`Value::show_into`] a new text.
    pub fn show(&self) -> String {
        let mut sentence = String::new();
        self.show_into(&mut sentence);
        sentence
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(text.into())
    }
}
impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Value::Text(text.into())
    }
}
impl<'a> From<Cow<'a, str>> for Value<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Value::Text(text)
    }
}
impl From<i64> for Value<'_> {
    fn from(int: i64) -> Self {
        Value::Int(int)
    }
}
impl From<u64> for Value<'_> {
    fn from(int: u64) -> Self {
        // Beyond i64 a consumer would lose digits anyway: keep them as text.
        i64::try_from(int).map_or_else(|_| Value::Text(int.to_string().into()), Value::Int)
    }
}
impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Value::Bool(flag)
    }
}
/// Local time, for columns of [`Epoch::Local`].
impl From<jiff::civil::DateTime> for Value<'_> {
    fn from(local: jiff::civil::DateTime) -> Self {
        Value::Text(local.to_string().into())
    }
}
impl From<Timestamp> for Value<'_> {
    fn from(time: Timestamp) -> Self {
        Value::Time(time)
    }
}
impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}
impl<'a, T: Into<Value<'a>>> FromIterator<T> for Value<'a> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_none(),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::Int(int) => serializer.serialize_i64(*int),
            // JSON has no NaN: a number that is none is null.
            Value::Real(real) if real.is_finite() => serializer.serialize_f64(*real),
            Value::Real(_) => serializer.serialize_none(),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => serializer.serialize_str(&hex(bytes)),
            Value::Time(time) => serializer.serialize_str(&crate::time::iso(*time)),
            Value::List(items) => serializer.collect_seq(items),
            Value::Object(fields) => serializer.collect_map(fields.iter().map(|(name, value)| (name, value))),
        }
    }
}

/// Lower-case hexadecimal, the written form of bytes everywhere.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = Vec::new();
    push_hex(&mut text, bytes);
    String::from_utf8(text).expect("hexadecimal digits are ASCII")
}

/// [`hex`], appended to `text`.
pub fn push_hex(text: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let start = text.len();
    text.resize(start + bytes.len() * 2, 0);
    for (pair, byte) in text[start..].chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// The bytes of a hexadecimal text; `None` if it is not one.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// The place of a record inside its file, so that an analyst can put a finger on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase", untagged)]
pub enum Place {
    Row {
        table: Cow<'static, str>,
        row: i64,
    },
    /// A row that its table does not hold, found elsewhere in the database or its log.
    Recovered {
        table: Cow<'static, str>,
        /// As it was; unknown where the row's first bytes were overwritten.
        #[serde(skip_serializing_if = "Option::is_none")]
        row: Option<i64>,
        /// [`Origin::Wal`] where `offset` is one of the write-ahead log, else of the database file.
        origin: Origin,
        offset: u64,
        recovered: Recovery,
        /// Its end is lost.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        cut: bool,
    },
    Line {
        line: u64,
    },
    Key {
        key: String,
    },
    Offset {
        offset: u64,
    },
}

impl Place {
    pub fn row(table: &'static str, row: i64) -> Place {
        Place::Row { table: Cow::Borrowed(table), row }
    }

    pub fn key(key: impl Into<String>) -> Place {
        Place::Key { key: key.into() }
    }

    /// What has to be known about everything that was read there.
    pub fn caveat(&self) -> Option<String> {
        let Place::Recovered { row, origin, offset, recovered, cut, .. } = self else { return None };
        let mut caveat = format!(
            "{}; it was recovered from offset {offset} of the {}",
            match recovered {
                Recovery::Deleted => "this row is no longer in its table: it was deleted or moved",
                Recovery::Replaced => "this is an older version of a row that has changed since",
                Recovery::Uncommitted => "this row was written to the write-ahead log but never committed",
            },
            origin.file()
        );
        if row.is_none() {
            caveat.push_str(", and its first bytes had been overwritten");
        }
        if *cut {
            caveat.push_str("; its end is lost");
        }
        Some(caveat)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Row { table, row } => write!(f, "table {table}, row {row}"),
            Place::Recovered { table, row, origin, offset, .. } => {
                write!(f, "table {table}, ")?;
                if let Some(row) = row {
                    write!(f, "row {row}, ")?;
                }
                write!(f, "recovered from offset {offset} of the {}", origin.file())
            }
            Place::Line { line } => write!(f, "line {line}"),
            Place::Key { key } => write!(f, "key {key}"),
            Place::Offset { offset } => write!(f, "offset {offset}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_goes_both_ways_and_refuses_the_rest() {
        assert_eq!(unhex(&hex(b"\x00\xffA")).as_deref(), Some(&b"\x00\xffA"[..]));
        assert_eq!(unhex("abc"), None);
        assert_eq!(unhex("zz"), None);
    }

    #[test]
    fn values_are_json_without_nan_and_without_lost_digits() {
        let value: Value<'_> =
            [Value::Real(f64::NAN), Value::Int(i64::MAX), u64::MAX.into()].into_iter().collect();
        assert_eq!(
            serde_json::to_string(&value).expect("serialises"),
            r#"[null,9223372036854775807,"18446744073709551615"]"#
        );
    }

    #[test]
    fn an_object_is_json_and_reads_as_names_and_values() {
        let fields = [("a \"b\"", Value::Int(1)), ("c", Value::Bytes(b"\xff"[..].into()))];
        let value = Value::Object(fields.into_iter().map(|(name, value)| (name.into(), value)).collect());
        assert_eq!(serde_json::to_string(&value).expect("serialises"), r#"{"a \"b\"":1,"c":"ff"}"#);
        assert_eq!(value.show(), "a \"b\": 1, c: 1 bytes");
        assert_eq!(value.clone().into_owned(), value);
    }
}
