//! Names that are compared whole: processes, apps, profiles, digests and mail addresses, each in its canonical form.

use std::borrow::Cow;

use super::Platform;
use super::host;

/// Apple's own programs that published names imitate or share.
const SYSTEM: [(&str, &str); 14] = [
    ("com.apple.rapport.events", "Apple's com.apple.rapport.events is cut to the same characters"),
    ("BackupAgent", "also the name of Apple's legacy backup daemon in /usr/libexec"),
    ("BackupAgent2", "Apple's BackupAgent2 is cut to the same characters"),
    ("diagnosticd", "Apple's diagnosticd is cut to the same characters"),
    ("UserEventAgent", "also the name of an Apple daemon in /usr/libexec"),
    ("com.apple.WebKit", "Apple's WebKit processes are cut to the same characters"),
    ("com.apple.WebKit.Networking", "Apple's com.apple.WebKit.Networking has these first characters"),
    ("RemindersIntentsUIExtension", "Apple's RemindersIntentsUIExtension is cut to the same characters"),
    ("CommCenterRootHelper", "Apple's CommCenterRootHelper is cut to the same characters"),
    (
        "com.apple.MapKit.SnapshotService",
        "Apple's com.apple.MapKit.SnapshotService is cut to the same characters",
    ),
    ("gatekeeperd", "also the name of an Android daemon in /system/bin"),
    ("cfprefsd", "also the name of Apple's preferences daemon"),
    ("neagent", "also the name of Apple's network extension agent"),
    ("nehelper", "also the name of Apple's network extension helper"),
];

/// Published names one letter away from a system program's: the match is exact, the reader should look twice.
const NEIGHBOURS: [(&str, &str); 11] = [
    ("Diagnosticd", "Apple's own daemon is written diagnosticd"),
    ("cfprefssd", "Apple's own daemon is written cfprefsd"),
    ("passsd", "Apple's own daemon is written passd"),
    ("wifip2ppd", "Apple's own daemon is written wifip2pd"),
    ("neagentd", "Apple's own agent is written neagent"),
    ("nehelprd", "Apple's own helper is written nehelper"),
    ("CommsCenterRootHelper", "Apple's own helper is written CommCenterRootHelper"),
    ("ReminderIntentsUIExtension", "Apple's own extension is written RemindersIntentsUIExtension"),
    ("com.apple.rapports.events", "Apple's own plug-in is written com.apple.rapport.events"),
    ("com.apple.Mappit.SnapshotService", "Apple's own service is written com.apple.MapKit.SnapshotService"),
    ("BackupAgent", "also the name of Apple's legacy backup daemon in /usr/libexec"),
];

/// What to know about a process name that matched whole.
pub(super) fn process_note(name: &str) -> &'static str {
    let known = |table: &[(&str, &'static str)]| {
        table.iter().find(|(system, _)| *system == name).map(|(_, note)| *note)
    };
    known(&NEIGHBOURS).or_else(|| known(&SYSTEM)).unwrap_or("")
}

/// What to know about a process name that matched by its first characters only.
pub(super) fn truncated_note(cut: &str) -> &'static str {
    SYSTEM
        .iter()
        .find(|(system, _)| system.starts_with(cut))
        .map_or("a name cut to a fixed length begins like this indicator", |(_, note)| note)
}

/// The lengths at which records of this system cut process names: iOS `p_comm` and network usage 16, of which some sources show 15,
/// `p_name` 31 or 32, Linux `comm` 15.
pub(super) fn truncation_lengths(platform: Platform) -> &'static [usize] {
    match platform {
        Platform::Android => &[15],
        Platform::Ios | Platform::Macos | Platform::Any => &[15, 16, 31, 32],
    }
}

/// The name without padding and without a trailing `(…)`, which some logs use for the pid.
pub(super) fn process(value: &str) -> &str {
    let name = value.split('\0').next().unwrap_or(value).trim();
    match name.rsplit_once('(') {
        Some((before, inside)) if inside.ends_with(')') && !before.trim_end().is_empty() => before.trim_end(),
        _ => name,
    }
}

/// `package:name`, `name:process`, `name/.Component`, `/data/app/~~x==/name-y==/base.apk` and `name.apk` give the name.
pub(super) fn app_id(value: &str) -> &str {
    let value = host::trim(value);
    let name = match value.strip_prefix("package:") {
        // `pm list packages -f` puts the path first.
        Some(listed) => listed.rsplit_once("apk=").map_or(listed, |(_, name)| name),
        None => value,
    };
    let installed = name.strip_suffix("/base.apk");
    let name = match installed {
        Some(folder) => folder.rsplit('/').next().unwrap_or(folder),
        None => name.split('/').next().unwrap_or(name),
    };
    let name = name.split(':').next().unwrap_or(name);
    let name = if installed.is_none() { name.strip_suffix(".apk").unwrap_or(name) } else { name };
    without_install_suffix(name, installed.is_some())
}

/// Android appends `-N`, or since Android 8 `-` and 16 bytes in base64, to the folder of an installed app.
fn without_install_suffix(name: &str, installed: bool) -> &str {
    match name.split_once('-') {
        Some((package, suffix))
            if installed
                || suffix.ends_with("==")
                || !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            package
        }
        _ => name,
    }
}

/// Without braces, lower case.
pub(super) fn profile(value: &str) -> Cow<'_, str> {
    let value = host::trim(value);
    host::lower(value.strip_prefix('{').and_then(|inside| inside.strip_suffix('}')).unwrap_or(value))
}

/// Lower-case hexadecimal of an MD5, SHA-1 or SHA-256 digest in any usual writing; `None` for anything else.
pub(super) fn digest(value: &str) -> Option<Cow<'_, str>> {
    let value = host::trim(value);
    if is_digest(value) {
        return Some(host::lower(value));
    }
    if value.len() > 200 {
        return None;
    }
    let (length, text) = match value.split_once([':', '=']) {
        Some((name, rest)) => match algorithm(name) {
            Some(length) => (Some(length), rest),
            None => (None, value),
        },
        None => (None, value),
    };
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != ':').collect();
    let hex = if is_digest(&digits) {
        digits.to_ascii_lowercase()
    } else {
        crate::record::hex(&base64(text.trim().as_bytes(), 64)?)
    };
    (is_digest(&hex) && length.is_none_or(|length| length == hex.len())).then_some(Cow::Owned(hex))
}

fn algorithm(name: &str) -> Option<usize> {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    match name.to_ascii_lowercase().as_str() {
        "md5" => Some(32),
        "sha1" => Some(40),
        "sha256" => Some(64),
        _ => None,
    }
}

pub(super) fn is_digest(text: &str) -> bool {
    matches!(text.len(), 32 | 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Decodes base64 in either alphabet, up to `most` bytes; a rest of fewer than eight bits is dropped.
pub(super) fn base64(text: &[u8], most: usize) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut bytes = Vec::new();
    let (mut pending, mut bits) = (0_u32, 0_u32);
    for byte in text {
        pending = (pending << 6 | u32::from(sextet(*byte)?)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((pending >> bits & 0xff) as u8);
            if bytes.len() > most {
                return None;
            }
        }
    }
    Some(bytes)
}

pub(super) fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// The address out of `mailto:`, `Name <…>` and quotes, as it stands there.
pub(super) fn mail_address(value: &str) -> Option<&str> {
    let value = host::trim(value);
    let value = match value.split_at_checked(7) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("mailto:") => rest,
        _ => value,
    };
    let value = match value.rsplit_once('<') {
        Some((_, inside)) => inside.split('>').next().unwrap_or(inside),
        None => value.split('?').next().unwrap_or(value),
    };
    let value = value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '\0'));
    let (local, domain) = value.rsplit_once('@')?;
    let plain = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
    (plain(local) && plain(domain) && value.len() <= 320).then_some(value)
}

/// Lower case, the domain in A-labels.
pub(super) fn mail_key(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    match host::canonical(domain)? {
        host::Host::Name(domain) => Some(format!("{}@{domain}", local.to_lowercase())),
        host::Host::Ip(_) => None,
    }
}

/// The mailbox behind an address in canonical form: no `+tag`, and for Gmail no dots.
pub(super) fn mailbox(key: &str) -> Option<String> {
    let (local, domain) = key.rsplit_once('@')?;
    let local = local.split('+').next().filter(|local| !local.is_empty())?;
    match domain {
        "gmail.com" | "googlemail.com" => Some(format!("{}@gmail.com", local.replace('.', ""))),
        _ => Some(format!("{local}@{domain}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_names_lose_what_android_adds() {
        for written in [
            "com.a.b",
            "package:com.a.b",
            "com.a.b:remote",
            "com.a.b/.Main",
            "com.a.b-1",
            "com.a.b.apk",
            "/data/app/~~x==/com.a.b-Zk_-9A==/base.apk",
            "package:/data/app/~~x==/com.a.b-Zk9A==/base.apk=com.a.b",
        ] {
            assert_eq!(app_id(written), "com.a.b", "{written}");
        }
        assert_eq!(app_id("com.a.my-app"), "com.a.my-app");
    }

    #[test]
    fn digests_must_have_the_length_their_algorithm_has() {
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        assert_eq!(digest("1B2M2Y8AsgTpgAmY7PhCfg==").as_deref(), Some(md5));
        assert_eq!(digest(&format!("MD5:{md5}")).as_deref(), Some(md5));
        assert_eq!(digest(&format!("sha256:{md5}")), None);
        assert_eq!(digest("d41d"), None);
    }
}
