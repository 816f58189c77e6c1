//! Paths of executables and libraries as Apple's logs write them: with the UUID of the image behind the path, or in a list of
//! loaded images.

/// No path that iOS can open is longer; what logs claim beyond it is not kept.
pub const LONGEST_PATH_BYTES: usize = 4096;

/// The path, and the UUID of the image that logs append to it as one more component.
pub fn split_uuid(path: &str) -> (&str, Option<&str>) {
    match path.rsplit_once('/') {
        Some((image, uuid)) if !image.is_empty() && is_uuid(uuid) => (image, Some(uuid)),
        _ => (path, None),
    }
}

/// `8-4-4-4-12` hexadecimal digits.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The names of the folders above an executable that may stand for a program: bundles without their ending, and the folder that has
/// the name of its executable. `/x/bh.app/bh` and `/x/bh/bh` give `bh`. Other folders have names that are words: `payload`, `staging`.
pub fn folders(path: &str) -> Vec<&str> {
    const BUNDLES: [&str; 5] = [".app", ".appex", ".xpc", ".bundle", ".framework"];
    let (folder, executable) = path.rsplit_once('/').unwrap_or(("", path));
    let bundles =
        folder.split('/').filter_map(|part| BUNDLES.iter().find_map(|ending| part.strip_suffix(ending)));
    let own = folder.rsplit('/').next().filter(|own| *own == executable);
    let mut names: Vec<&str> = bundles.chain(own).filter(|name| !name.is_empty()).collect();
    names.dedup();
    names
}

/// `NAME [12]`: the name, the number, and what follows.
pub fn name_and_pid(text: &str) -> Option<(&str, i64, &str)> {
    let (at, pid, after) = text.match_indices('[').find_map(|(at, _)| {
        let rest = text.get(at + 1..)?;
        // No number is longer, and a line may be nothing but brackets.
        let end = rest.bytes().take(20).position(|byte| byte == b']')?;
        Some((at, rest.get(..end)?.trim().parse().ok()?, rest.get(end + 1..)?))
    })?;
    Some((text.get(..at)?.trim(), pid, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_no_name_of_a_program() {
        let uuid = "EBFB3E7F-4CA4-3656-8E9C-8CCF5995C34A";
        assert_eq!(split_uuid(&format!("/usr/libexec/nfcd/{uuid}")), ("/usr/libexec/nfcd", Some(uuid)));
        assert_eq!(split_uuid("/usr/libexec/nfcd"), ("/usr/libexec/nfcd", None));
        assert_eq!(split_uuid(&format!("/{uuid}")).1, None);
        assert_eq!(split_uuid(""), ("", None));
    }

    #[test]
    fn only_bundles_and_the_folder_of_the_same_name_stand_for_a_program() {
        for (path, names) in [
            ("/private/var/tmp/x/bh.app/bh", &["bh"][..]),
            ("/private/var/tmp/bh.app/helper", &["bh"]),
            ("/private/var/tmp/bh/bh", &["bh"]),
            ("/System/Library/A.framework/PlugIns/B.appex/B", &["A", "B"]),
            ("/private/var/containers/Bundle/Application/U/A.app/A", &["A"]),
            ("/private/var/install/payload/x", &[]),
            ("/private/var/payload/payload.d/payload", &[]),
            ("/private/var/bh/a/bh", &[]),
            ("/private/var/tmp/.app/x", &[]),
            ("/usr/libexec/nfcd", &[]),
            ("kernel_task", &[]),
            ("/", &[]),
        ] {
            assert_eq!(folders(path), names, "{path}");
        }
    }

    #[test]
    fn a_name_keeps_its_blanks_and_brackets() {
        assert_eq!(name_and_pid("Foo Bar [12] (suspended)"), Some(("Foo Bar", 12, " (suspended)")));
        assert_eq!(name_and_pid("a [b] [7]"), Some(("a [b]", 7, "")));
        assert_eq!(name_and_pid("no number"), None);
        assert_eq!(name_and_pid("[é"), None);
    }
}
