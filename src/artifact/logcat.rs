//! Lines of Android's log: who wrote what when, in the forms that `logcat` and the kernel write.
//!
//! Which lines matter and what they mean is told by the artifacts.

use std::borrow::Cow;

use jiff::Timestamp;

use super::android_text::{uid, yearless};
use crate::record::Value;
use crate::time::Clock;

/// A line, taken apart; its time is only read when somebody asks for it.
pub struct Entry<'l> {
    stamp: &'l str,
    pub uid: Option<i64>,
    pub pid: Option<i64>,
    pub tag: &'l str,
    pub message: &'l str,
}

/// A line in the form `threadtime` with or without user id, `brief`, `epoch`, or the kernel's. `None` for separators and further text.
pub fn entry(line: &str) -> Option<Entry<'_>> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let head = line.as_bytes();
    match (head.first()?, head.get(1)?, head.get(2)?) {
        (b'0'..=b'9', b'0'..=b'9', b'-') => {
            // `06-30 11:22:33.123`
            let (stamp, rest) = line.split_at_checked(18)?;
            threadtime(stamp, rest)
        }
        (b'0'..=b'9', b'0'..=b'9', _) => {
            let (stamp, rest) = line.split_once(char::is_whitespace)?;
            stamp.parse::<f64>().ok()?;
            threadtime(stamp, rest)
        }
        (b'<' | b'[', ..) => kernel(line),
        (b'V' | b'D' | b'I' | b'W' | b'E' | b'F', b'/', _) => {
            let (tag, rest) = line.get(2..)?.split_once('(')?;
            let (pid, message) = rest.split_once("): ")?;
            Some(Entry { stamp: "", uid: None, pid: pid.trim().parse().ok(), tag: tag.trim(), message })
        }
        // Digits of other scripts.
        _ => {
            let end = line.char_indices().nth(18).map(|(at, _)| at)?;
            let (stamp, rest) = line.split_at_checked(end)?;
            (!line.is_ascii() && stamp.contains('-') && stamp.contains(':'))
                .then(|| threadtime(stamp, rest))?
        }
    }
}

/// ` [uid] pid tid P tag: message`
fn threadtime<'l>(stamp: &'l str, rest: &'l str) -> Option<Entry<'l>> {
    let mut words = [""; 4];
    let mut rest = rest;
    let mut count = 0;
    loop {
        rest = rest.trim_start_matches(' ');
        let (word, after) = rest.split_once(' ')?;
        rest = after;
        if matches!(word, "V" | "D" | "I" | "W" | "E" | "F" | "S") {
            break;
        }
        *words.get_mut(count)? = word;
        count += 1;
    }
    let (user, pid) = match words.get(..count)? {
        [user, pid, _tid] => (uid(user), *pid),
        [pid, _tid] => (None, *pid),
        _ => return None,
    };
    let (tag, message) =
        rest.split_once(": ").or_else(|| rest.trim_end().strip_suffix(':').map(|tag| (tag, "")))?;
    Some(Entry { stamp, uid: user, pid: pid.parse().ok(), tag: tag.trim(), message })
}

/// `<6>[  123.456] name: message`, counted from the start of the phone.
fn kernel(line: &str) -> Option<Entry<'_>> {
    let rest = match line.strip_prefix('<') {
        Some(level) => level.split_once('>')?.1,
        None => line,
    };
    let (_seconds, message) = rest.strip_prefix('[')?.split_once(']')?;
    Some(Entry { stamp: "", uid: None, pid: None, tag: "kernel", message: message.trim_start() })
}

impl Entry<'_> {
    /// When it was written, for a column of local times.
    pub fn at(&self, clock: &Clock) -> Value<'static> {
        if self.stamp.get(2..3) == Some("-") || !self.stamp.is_ascii() {
            return yearless(self.stamp, clock).into();
        }
        let (seconds, fraction) = self.stamp.split_once('.').unwrap_or((self.stamp, ""));
        let nanos = format!("{:0<9}", fraction.get(..fraction.len().min(9)).unwrap_or_default());
        let time = seconds.parse().ok().zip(nanos.parse().ok());
        time.and_then(|(seconds, nanos)| Timestamp::new(seconds, nanos).ok()).into()
    }
}

/// The values of an entry of the event log: `[0,1234,10123,org.example.app,activity]`.
pub fn values(message: &str) -> Vec<&str> {
    let inside = message.trim();
    let inside = inside.strip_prefix('[').map_or(inside, |inside| inside.strip_suffix(']').unwrap_or(inside));
    // No event has more than some twenty values; what is behind them is text.
    inside.splitn(24, ',').map(str::trim).collect()
}

/// True for a text with an address of the web or of a mailbox in it.
pub fn has_link(text: &str) -> bool {
    let bytes = text.as_bytes();
    let web = || {
        memchr::memchr_iter(b':', bytes)
            .any(|at| bytes.get(at..).is_some_and(|rest| rest.starts_with(b"://")) && is_web(bytes, at))
    };
    let mail = || {
        memchr::memchr_iter(b'@', bytes).take(16).any(|at| {
            let before = at
                .checked_sub(1)
                .and_then(|at| bytes.get(at))
                .is_some_and(|byte| byte.is_ascii_alphanumeric());
            let domain = bytes.get(at + 1..).unwrap_or_default();
            let end = domain.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b".-".contains(byte)));
            let domain = domain.get(..end.unwrap_or(domain.len())).unwrap_or_default();
            // `Object@1a2b3c` is none, and neither is `name@1.2`, a version.
            let last = domain.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
            before && domain.contains(&b'.') && last.len() > 1 && last.iter().all(u8::is_ascii_alphabetic)
        })
    };
    web() || mail()
}

fn is_web(text: &[u8], colon: usize) -> bool {
    let before = text.get(..colon).unwrap_or_default();
    ["http", "https", "hxxp", "hxxps", "ws", "wss"].iter().any(|scheme| {
        let start = before.len().checked_sub(scheme.len());
        start
            .and_then(|start| before.get(start..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(scheme.as_bytes()))
    })
}

/// The path below the folder that everybody who has a cable may write to, if the text names one.
pub fn shell_path(text: &str) -> Option<&str> {
    let at = text.find("/data/local/tmp")?;
    let path = text.get(at..)?;
    let end = path.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ')' | ']' | '}' | ';'));
    path.get(..end.unwrap_or(path.len())).map(|path| path.trim_end_matches([':', '.']))
}

/// The value of `key="value"` or `key=value`.
pub fn field<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let (at, _) = text.match_indices(key).find(|(at, _)| {
        text.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with([' ', '{', ',']))
    })?;
    let rest = text.get(at + key.len()..)?;
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split([' ', '}']).next(),
    }
}

/// Text of a log for keeping: NUL ends what was being written when the log was copied.
pub fn kept(text: &str) -> Cow<'_, str> {
    let text = super::android_text::bounded(text.trim_end_matches('\0').trim_end());
    if text.contains('\0') { text.replace('\0', " ").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &str) -> Option<(Option<i64>, Option<i64>, &str, &str)> {
        entry(line).map(|entry| (entry.uid, entry.pid, entry.tag, entry.message))
    }

    #[test]
    fn every_form_of_a_line_is_taken_apart() {
        let plain = (None, Some(1000), "ActivityManager", "Start: proc");
        assert_eq!(parts("06-30 11:22:33.123  1000  1020 I ActivityManager: Start: proc"), Some(plain));
        assert_eq!(
            parts("06-30 11:22:33.123 u0_a12  1000  1020 I ActivityManager : Start: proc")
                .map(|parts| parts.0),
            Some(Some(10_012))
        );
        assert_eq!(parts("1700000000.123  1000  1020 I ActivityManager: Start: proc"), Some(plain));
        assert_eq!(parts("I/ActivityManager( 1000): Start: proc"), Some(plain));
        assert_eq!(parts("<6>[  123.456] init: starting"), Some((None, None, "kernel", "init: starting")));
        assert_eq!(
            parts("06-30 11:22:33.123  1 2 I tag with blanks:"),
            Some((None, Some(1), "tag with blanks", ""))
        );
        assert_eq!(parts("٠٦-٣٠ ١١:٢٢:٣٣.١٢٣  1 2 I x: y").map(|parts| parts.3), Some("y"));
        for odd in
            ["", "--------- beginning of main", "06-30", "06-30 11:22:33.123 1 2 3 4 5 I x: y", "<6", "é"]
        {
            assert_eq!(parts(odd), None, "{odd}");
        }
    }

    #[test]
    fn links_and_addresses_are_seen_and_objects_are_not() {
        for text in ["x https://a.example", "HTTP://a", "to a.b@c.example now"] {
            assert!(has_link(text), "{text}");
        }
        for text in ["content://a", "Object@1a2b3c", "hal@1.2", "@", "://", "android.hardware@2.0::I"] {
            assert!(!has_link(text), "{text}");
        }
    }

    #[test]
    fn fields_and_paths_are_found() {
        assert_eq!(field("avc: comm=\"pred\" app=org.example.a", "comm="), Some("pred"));
        assert_eq!(field("tcomm=x comm=y", "comm="), Some("y"));
        assert_eq!(field("{act=a cmp=b/c}", "cmp="), Some("b/c"));
        assert_eq!(shell_path("open \"/data/local/tmp/wd/x\" failed"), Some("/data/local/tmp/wd/x"));
        assert_eq!(values("[0,a,b c]"), ["0", "a", "b c"]);
    }
}
