//! Processes, files, paths and apps: names that a clean phone has, too.

use super::super::{Ioc, Platform, path};
use super::file::Value;
use super::rules::{self, Severity};
use super::{Mend, Sink, lists};

/// The characters that many records keep of a process name (`p_comm` of Darwin's kernel, DataUsage).
const KEPT_CHARACTERS: usize = 16;
/// Below this length one edit away is most words.
const LEAST_FOR_EDITS: usize = 6;

pub(super) fn check(value: &Value, out: &mut Sink<'_>) {
    let text = value.text.trim();
    match value.ioc {
        Ioc::Process => process(value, text, out),
        Ioc::FileName => file_name(value, text, out),
        Ioc::FilePath => file_path(value, text, out),
        Ioc::AppId => app(value, text, out),
        Ioc::ProfileId | Ioc::Property => {}
        _ => return,
    }
    super::canonical_spelling(value, text, out);
}

fn process(value: &Value, text: &str, out: &mut Sink<'_>) {
    let length = text.chars().count();
    if length < 3 {
        let message = format!("`{text}` has {length} characters: only a field for processes may be compared");
        out.graver(&rules::SHORT_NAME, Severity::Error, value, message, None);
    } else if length < 6 {
        out.add(&rules::SHORT_NAME, value, format!("`{text}` has only {length} characters"), None);
    }
    if let Some(platform) = lists::system_processes().get(text) {
        let mend = Some(Mend::told("say for which platform it is meant, or give the path"));
        out.add(&rules::SYSTEM_PROCESS, value, format!("`{text}` is a process of every {platform}"), mend);
    } else if let Some((name, platform)) = cut(text) {
        let message = format!("cut to {KEPT_CHARACTERS} characters it is {platform}'s `{name}`");
        out.add(&rules::CUT_NAME, value, message, None);
    } else if let Some((name, platform)) = nearest(text) {
        let mend = Some(Mend::told("compare it whole and with its case"));
        let message = format!("`{text}` is nearly {platform}'s `{name}`");
        out.add(&rules::NEAR_SYSTEM_PROCESS, value, message, mend);
    }
    let word = text.to_ascii_lowercase();
    if lists::is_common_word(&word) || word.strip_suffix('d').is_some_and(lists::is_common_word) {
        out.add(&rules::COMMON_WORD, value, format!("`{text}` is an ordinary word"), None);
    }
}

/// A system process that is the same where only the first characters are kept; the first by name if there are several.
fn cut(text: &str) -> Option<(&'static str, &'static str)> {
    let (end, _) = text.char_indices().nth(KEPT_CHARACTERS)?;
    let start = text.get(..end)?;
    let found = lists::system_processes().iter().filter(|(name, _)| name.starts_with(start));
    found.min().map(|(name, platform)| (*name, *platform))
}

/// The system process that differs by case or one character; the first by name if there are several.
fn nearest(text: &str) -> Option<(&'static str, &'static str)> {
    let near = |name: &str| {
        name.eq_ignore_ascii_case(text)
            || text.len().max(name.len()) >= LEAST_FOR_EDITS && is_one_edit(text.as_bytes(), name.as_bytes())
    };
    let found = lists::system_processes().iter().filter(|(name, _)| near(name));
    found.min().map(|(name, platform)| (*name, *platform))
}

/// True if one byte was added, left out or changed.
fn is_one_edit(one: &[u8], other: &[u8]) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    if long.len() - short.len() > 1 {
        return false;
    }
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let from = |text: &'_ [u8], start: usize| text.get(start..).unwrap_or(&[]).to_vec();
    if short.len() == long.len() {
        same < short.len() && from(short, same + 1) == from(long, same + 1)
    } else {
        from(short, same) == from(long, same + 1)
    }
}

fn file_name(value: &Value, text: &str, out: &mut Sink<'_>) {
    if text.contains('/') {
        let mend = Some(Mend::told("give it as a path"));
        return out.add(&rules::UNSOUND, value, format!("`{text}` is a path, not the name of a file"), mend);
    }
    if let Some(platform) = lists::system_file(text) {
        let message = format!("`{text}` lies on every clean {platform}");
        out.add(&rules::SYSTEM_FILE, value, message, Some(Mend::told("give the whole path")));
    }
}

fn file_path(value: &Value, text: &str, out: &mut Sink<'_>) {
    if !text.starts_with('/') && !text.starts_with("file:") {
        let message = format!("`{text}` does not begin at the root: other tools never match it");
        return out.add(&rules::RELATIVE_PATH, value, message, Some(Mend::told("give the whole path")));
    }
    let canonical = path::canonical(text, Platform::Any);
    let parts: Vec<&str> = canonical.split('/').filter(|part| !part.is_empty()).collect();
    let last = parts.last().map_or(0, |last| last.chars().count());
    if parts.len() < 3 || last < 5 {
        let message = format!("`{text}` is short enough to occur by chance");
        out.add(&rules::GENERIC_PATH, value, message, None);
    }
}

fn app(value: &Value, text: &str, out: &mut Sink<'_>) {
    const NAMESPACES: [&str; 5] = ["android.", "com.android.", "com.google.", "com.apple.", "com.samsung."];
    if lists::is_system_package(text) {
        let message = format!("`{text}` is an app of the system, or one that very many people use");
        let mend = Some(Mend::told("give the certificate or digest of the false app"));
        out.graver(&rules::SYSTEM_APP, Severity::Error, value, message, mend);
    } else if NAMESPACES.iter().any(|namespace| text.starts_with(namespace)) {
        let message = format!("`{text}` imitates an app of the system");
        out.add(&rules::SYSTEM_APP, value, message, None);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::cases;
    use super::*;

    #[test]
    fn each_rule_for_processes_has_a_case_and_a_near_miss() {
        cases(
            "processes.txt",
            &[
                ("bh", "IND040"),
                ("fmld", "IND040"),
                ("mobileargd", ""),
                ("BackupAgent", "IND041"),
                ("gatekeeperd", "IND041"),
                ("Diagnosticd", "IND042"),
                ("cfprefssd", "IND042"),
                ("cfprefsssd", ""),
                ("com.apple.rapports.events", "IND043"),
                ("com.apple.rapxx.events", ""),
                ("payload", "IND044"),
                ("updaterd", "IND044"),
                ("payloadx", ""),
            ],
        );
    }

    #[test]
    fn each_rule_for_files_has_a_case_and_a_near_miss() {
        cases(
            "paths.txt",
            &[
                ("/private/var/tmp/hooker", ""),
                ("Library/Preferences/x.plist", "IND050"),
                ("/private/var/tmp/stop", "IND051"),
                ("/private/var/tmp/stopp", ""),
                ("/tmp/kusama.txt", ""),
                ("/opt/kusama", "IND051"),
            ],
        );
        cases(
            "files.txt",
            &[("com.apple.photolibraryd.plist", "IND053"), ("com.apple.photolibrarydd.plist", "")],
        );
        assert_eq!(super::super::tests::stix("[file:name='a/bcd']"), "IND005");
    }

    #[test]
    fn each_rule_for_apps_has_a_case_and_a_near_miss() {
        cases(
            "packages.txt",
            &[
                ("com.android.systemui", "IND072"),
                ("com.android.core.mnga", "IND072"),
                ("com.androidx.core", ""),
                ("org.spy.app", ""),
            ],
        );
    }

    #[test]
    fn one_edit_is_one_byte() {
        for (one, other, expected) in [
            ("passsd", "passd", true),
            ("passd", "passsd", true),
            ("passd", "pasxd", true),
            ("passd", "passd", false),
            ("passd", "pxsxd", false),
            ("passd", "passdxx", false),
            ("", "a", true),
        ] {
            assert_eq!(is_one_edit(one.as_bytes(), other.as_bytes()), expected, "{one} {other}");
        }
    }
}
