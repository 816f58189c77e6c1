//! Device paths in one canonical form, so that two spellings of a file are one.
//!
//! Case is kept: the data volumes of iOS and Android distinguish it. Where the evidence has its root is the caller's business.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::Platform;

/// Absolute, without doubled slashes, dot segments and a final slash, links resolved, NFC.
pub(super) fn canonical(value: &str, platform: Platform) -> Cow<'_, str> {
    let mut path = match file_url(value) {
        Some(path) => Cow::Owned(path),
        None => Cow::Borrowed(value),
    };
    // Fixed-length fields are padded with NULs, and no path holds one.
    if let Some(end) = memchr::memchr(0, path.as_bytes()) {
        path = Cow::Owned(path.get(..end).unwrap_or("").to_owned());
    }
    // A listing made on Windows; a backslash beside slashes belongs to the name.
    if memchr::memchr(b'\\', path.as_bytes()).is_some() && !path.contains('/') {
        path = Cow::Owned(path.replace('\\', "/"));
    }
    if is_nfc_quick(path.chars()) != IsNormalized::Yes {
        path = Cow::Owned(path.nfc().collect());
    }
    if !is_clean(&path) {
        path = Cow::Owned(resolve(&path));
    }
    match linked(&path, platform) {
        Some(path) => Cow::Owned(path),
        None => path,
    }
}

/// A path indicator without a leading slash is a path suffix, cleaned in the same way.
pub(super) fn canonical_relative(value: &str) -> String {
    let absolute: String = format!("/{value}").nfc().collect();
    resolve(&absolute).trim_start_matches('/').to_owned()
}

fn file_url(value: &str) -> Option<String> {
    let (name, rest) = value.split_at_checked(5)?;
    if !name.eq_ignore_ascii_case("file:") {
        return None;
    }
    let path = match rest.strip_prefix("//") {
        // `file://localhost/x` is the only host that means this device.
        Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
        None => rest,
    };
    let path = path.split(['?', '#']).next().unwrap_or(path);
    Some(percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned())
}

fn is_clean(path: &str) -> bool {
    if !path.starts_with('/') || path.len() > 1 && path.ends_with('/') {
        return false;
    }
    let bytes = path.as_bytes();
    memchr::memchr_iter(b'/', bytes).all(|slash| {
        let mut after = bytes.iter().skip(slash + 1);
        match after.next() {
            Some(b'/') => false,
            Some(b'.') => match after.next() {
                None | Some(b'/') => false,
                Some(b'.') => !matches!(after.next(), None | Some(b'/')),
                Some(_) => true,
            },
            _ => true,
        }
    })
}

fn resolve(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

type Links = &'static [(&'static str, &'static str)];

/// The links every device has, each with its target. Of an unknown system all are taken, iOS first.
fn links(platform: Platform) -> [Links; 3] {
    const APPLE: [(&str, &str); 2] = [("/var", "/private/var"), ("/etc", "/private/etc")];
    const IOS: [(&str, &str); 1] = [("/tmp", "/private/var/tmp")];
    const MACOS: [(&str, &str); 1] = [("/tmp", "/private/tmp")];
    const ANDROID: [(&str, &str); 3] = [
        ("/sdcard", "/storage/emulated/0"),
        ("/data/user/0", "/data/data"),
        ("/storage/self/primary", "/storage/emulated/0"),
    ];
    match platform {
        Platform::Any => [&APPLE, &IOS, &ANDROID],
        Platform::Ios => [&APPLE, &IOS, &[]],
        Platform::Macos => [&APPLE, &MACOS, &[]],
        Platform::Android => [&ANDROID, &[], &[]],
    }
}

fn linked(path: &str, platform: Platform) -> Option<String> {
    links(platform).into_iter().flatten().find_map(|(link, target)| {
        let rest = path.strip_prefix(link)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{target}{rest}"))
    })
}

/// A canonical path and the ways to it through links; what ends another of them is told once.
pub(super) fn ways(canonical: &str, platform: Platform) -> Vec<String> {
    let mut ways = vec![canonical.strip_prefix("/private").unwrap_or(canonical).to_owned()];
    for (link, target) in links(platform).into_iter().flatten() {
        let rest = canonical.strip_prefix(target).filter(|rest| rest.starts_with('/'));
        if let Some(way) = rest.map(|rest| format!("{link}{rest}")).filter(|way| !ways.contains(way)) {
            ways.push(way);
        }
    }
    ways
}

/// Programs there came with the system: the volume is sealed, or verified at boot.
pub(super) fn is_system(path: &str, platform: Platform) -> bool {
    const APPLE: [&str; 5] = ["/usr/libexec/", "/usr/sbin/", "/usr/bin/", "/System/", "/sbin/"];
    const ANDROID: [&str; 5] = ["/system/", "/system_ext/", "/apex/", "/vendor/", "/product/"];
    let within = |roots: &[&str]| roots.iter().any(|root| path.starts_with(root));
    match platform {
        Platform::Android => within(&ANDROID),
        // On a Mac everybody's programs are in /Applications, on a phone only Apple's.
        Platform::Macos => within(&APPLE),
        Platform::Ios => within(&APPLE) || path.starts_with("/Applications/"),
        Platform::Any => within(&APPLE) || within(&ANDROID) || path.starts_with("/Applications/"),
    }
}

/// The host of a storage folder named after an origin: `https_example.org_0`, with any extension.
pub(super) fn webkit_origins(component: &str) -> impl Iterator<Item = &str> {
    memchr::memmem::find_iter(component.as_bytes(), b"http").filter_map(move |start| {
        let before = component.get(..start)?;
        if !(before.is_empty() || before.ends_with('_')) {
            return None;
        }
        let rest = component.get(start..)?;
        let rest = rest.strip_prefix("https_").or_else(|| rest.strip_prefix("http_"))?;
        // The host may contain `_` itself: it ends at the last one that a port follows, before another origin.
        let rest = rest.find("_http").and_then(|next| rest.get(..next)).unwrap_or(rest);
        rest.rmatch_indices('_').find_map(|(end, _)| {
            let port = rest.get(end + 1..)?;
            let digits = port.bytes().take_while(u8::is_ascii_digit).count();
            let after = port.get(digits..)?;
            (digits > 0 && (after.is_empty() || after.starts_with(['.', '_'])))
                .then(|| rest.get(..end))
                .flatten()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tmp_is_another_folder_on_a_mac() {
        assert_eq!(canonical("/tmp/x", Platform::Ios), "/private/var/tmp/x");
        assert_eq!(canonical("/tmp/x", Platform::Macos), "/private/tmp/x");
        assert_eq!(canonical("/tmp/x", Platform::Android), "/tmp/x");
        assert_eq!(canonical("/sdcard/Download", Platform::Android), "/storage/emulated/0/Download");
    }

    #[test]
    fn links_lead_to_a_path() {
        assert_eq!(ways("/private/var/tmp/x", Platform::Ios), ["/var/tmp/x", "/tmp/x"]);
        assert_eq!(ways("/data/data/x/y", Platform::Android), ["/data/data/x/y", "/data/user/0/x/y"]);
        assert_eq!(ways("/usr/x", Platform::Any), ["/usr/x"]);
    }

    #[test]
    fn dots_that_belong_to_names_stay() {
        assert_eq!(canonical("/a/.b/..c/d..", Platform::Ios), "/a/.b/..c/d..");
        assert_eq!(canonical("/../../etc", Platform::Ios), "/private/etc");
        assert_eq!(canonical("", Platform::Ios), "/");
    }

    #[test]
    fn origins_give_their_hosts() {
        let hosts = |name| webkit_origins(name).collect::<Vec<_>>();
        assert_eq!(hosts("https_a.example_0.localstorage"), ["a.example"]);
        assert_eq!(hosts("http_a_b.example_8080"), ["a_b.example"]);
        assert_eq!(hosts("https_a.example_0_https_b.example_0"), ["a.example", "b.example"]);
        assert!(hosts("xhttps_a.example_0").is_empty());
        assert!(hosts("https_a.example").is_empty());
    }
}
