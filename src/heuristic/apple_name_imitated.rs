use super::prelude::*;
use super::programs;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "apple_name_imitated",
    title: "A program outside the folders of iOS is called like one of Apple's",
    looks_at: "Names of programs that ran from outside the folders of iOS: whether such a name is that of one of Apple's own programs, or \
        ends in `d` like a daemon's and differs from one by a letter or two.",
    why_it_matters: "Pegasus named its programs so that nobody looks twice: `cfprefssd` beside Apple's `cfprefsd`, `Diagnosticd` beside \
        `diagnosticd`. Predator used Apple's very names, `UserEventAgent` and `com.apple.WebKit.Networking`, in a temporary folder.",
    innocent_causes: "Tools of a jailbreak and of developers replace or copy Apple's programs, and short names resemble each other by \
        chance. Apple's own programs in their own places are never meant, however much they resemble a published name.",
    next_check: "Look the name up in the published indicators and the same path in other logs; compare the UUID of the image with that of \
        Apple's program of the same iOS version.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
        "https://citizenlab.ca/2021/12/pegasus-vs-predator-dissidents-doubly-infected-iphone-reveals-cytrox-mercenary-spyware/",
    ],
    reads: programs::READS,
    check,
};

/// Names shorter than this resemble others by chance; of those shorter than the next one letter may differ.
const SHORTEST: usize = 5;
const LONG: usize = 7;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let jailbroken = programs::is_jailbroken(kept);
    for (path, exhibits) in programs::outside(kept) {
        let name = path.rsplit('/').next().unwrap_or_default();
        let Some((apple, distance)) = imitated(name) else { continue };
        let Some(first) = exhibits.iter().min_by_key(|exhibit| (exhibit.at().is_none(), exhibit.at())) else {
            continue;
        };
        let level = if jailbroken { Level::Low } else { Level::Medium };
        let message = match distance {
            0 => format!("The program {path} has the name of Apple's {apple}, but does not lie where Apple's does"),
            _ => format!("The program {path} is called almost like Apple's {apple} and lies outside the folders of iOS"),
        };
        let mut finding = Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, first);
        finding.value.clone_from(&path);
        finding.matched = name.to_owned();
        if jailbroken {
            finding.caveats.push(programs::JAILBROKEN.into());
        }
        findings.push(finding);
    }
}

/// The program of Apple's that this name is nearest to, and by how many letters they differ.
pub(super) fn imitated(name: &str) -> Option<(&'static str, usize)> {
    if let Some(same) = programs::apple_programs().find(|apple| *apple == name) {
        return Some((same, 0));
    }
    if !name.is_ascii() || !name.ends_with('d') || name.len() < SHORTEST || name.len() > 64 {
        return None;
    }
    let near = programs::apple_programs().filter(|apple| apple.len() >= SHORTEST).filter_map(|apple| {
        let most = if name.len().min(apple.len()) < LONG { 1 } else { 2 };
        let distance = distance(name.as_bytes(), apple.as_bytes(), most)?;
        Some((apple, distance))
    });
    near.min_by_key(|(apple, distance)| (*distance, *apple))
}

/// How many letters must be changed, put in or left out to make one of the other; `None` for more than `most`.
fn distance(left: &[u8], right: &[u8], most: usize) -> Option<usize> {
    if left.len().abs_diff(right.len()) > most {
        return None;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (number, letter) in left.iter().enumerate() {
        let mut next = vec![number + 1];
        for ((other, above), corner) in right.iter().zip(row.iter().skip(1)).zip(&row) {
            let before = next.last().copied().unwrap_or(0);
            let changed = corner + usize::from(letter != other);
            next.push(changed.min(before + 1).min(above + 1));
        }
        row = next;
        if row.iter().all(|distance| *distance > most) {
            return None;
        }
    }
    row.last().copied().filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn of(path: &str) -> Vec<String> {
        verdicts(&HEURISTIC, &[("sysdiagnose.spindump_processes", json!({"executable": path}))])
    }

    #[test]
    fn names_a_letter_or_two_away_are_reported_outside_the_folders_of_ios() {
        assert_eq!(
            of("/private/var/db/com.apple.xpc.roleaccountd.staging/cfprefssd"),
            ["MEDIUM The program /private/var/db/com.apple.xpc.roleaccountd.staging/cfprefssd is called almost like Apple's cfprefsd \
              and lies outside the folders of iOS"]
        );
        for name in ["Diagnosticd", "launchafd", "passsd", "wifip2ppd", "bluetoothd2d", "neagentd"] {
            assert_eq!(of(&format!("/private/var/tmp/{name}")).len(), 1, "{name}");
        }
    }

    #[test]
    fn apples_very_name_elsewhere_is_reported() {
        assert_eq!(
            of("/private/var/tmp/com.apple.WebKit.Networking"),
            ["MEDIUM The program /private/var/tmp/com.apple.WebKit.Networking has the name of Apple's \
              com.apple.WebKit.Networking, but does not lie where Apple's does"]
        );
    }

    #[test]
    fn apples_own_programs_apps_and_other_names_are_silent() {
        for path in [
            "/usr/libexec/neagent",
            "/usr/libexec/nehelper",
            "/usr/bin/vm_stat",
            "/usr/libexec/diagnosticd",
            "/usr/sbin/cfprefsd",
            "/usr/libexec/BackupAgent2",
            "/usr/libexec/UserEventAgent",
            "/usr/libexec/newappledaemond",
            "/System/Library/Frameworks/WebKit.framework/XPCServices/com.apple.WebKit.Networking.xpc/com.apple.WebKit.Networking",
            "/private/var/containers/Bundle/Application/U/passsd.app/passsd",
            "/private/var/jb/usr/libexec/logd",
            "/private/var/tmp/entirelyotherd",
            "/private/var/tmp/bh",
            "/private/var/tmp/abd",
            "/private/var/tmp/passx",
        ] {
            assert_eq!(of(path), [""; 0], "{path}");
        }
    }

    #[test]
    fn distances_are_counted_up_to_their_limit() {
        let of = |left: &str, right: &str| distance(left.as_bytes(), right.as_bytes(), 2);
        assert_eq!((of("abc", "abc"), of("abc", "acb"), of("abc", "")), (Some(0), Some(2), None));
        assert_eq!((of("abcd", "abd"), of("abcd", "wxyz")), (Some(1), None));
    }
}
