use std::collections::HashSet;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "published_crash_signature",
    title: "Crash that looks like one of a published attack",
    looks_at: "Crash reports of three kinds: a WebKit process that failed at an authenticated pointer or a misaligned address, mediaplaybackd using too \
        much of the processor, and imagent failing at a contact's nickname before iOS 18.3.",
    why_it_matters: "Reports about attacks name these crashes as what a try leaves behind: browser exploits that fail at Apple's protection of pointers, \
        the player of Apple's media in attacks of 2026, and nickname updates over iMessage in 2025.",
    innocent_causes: "Ordinary faults look the same. WebKit crashes at many web pages and more so in betas, which are left out; long videos keep \
        mediaplaybackd busy; and Apple says that the nickname crashes were a plain fault, mended in iOS 18.3. Alone it means little.",
    next_check: "Compare the time with the pages and messages of the same minutes, and look for programs first seen and for further findings of that day. \
        Update iOS.",
    references: &[
        "https://iverify.io/blog/iverify-uncovers-evidence-of-zero-click-mobile-exploitation-in-the-us",
        "https://developer.apple.com/documentation/security/preparing-your-app-to-work-with-pointer-authentication",
        "https://developer.apple.com/documentation/xcode/understanding-the-exception-types-in-a-crash-report",
    ],
    reads: &[Reads {
        artifact: REPORTS,
        keep: |record| {
            let text = |column: &str| record.value(column).as_text().unwrap_or_default();
            signature(&text, record.value("bug_type").as_int()).is_some()
        },
    }],
    check,
};

const REPORTS: &str = "ios.crash_reports";
/// Apple mended the nickname crashes in this version.
const NICKNAME_MENDED: (u32, u32) = (18, 3);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signature {
    WebKit,
    MediaPlayback,
    Nickname,
}

const SIGNATURES: [Signature; 3] = [Signature::WebKit, Signature::MediaPlayback, Signature::Nickname];

fn signature<'r>(text: &dyn Fn(&'static str) -> &'r str, bug_type: Option<i64>) -> Option<Signature> {
    let crashed = matches!(bug_type, None | Some(309 | 109));
    match text("process") {
        process if process.starts_with("com.apple.WebKit") && crashed => {
            let failed = [text("exception"), text("codes"), text("termination")].join(" ").to_ascii_lowercase();
            let known = ["exc_arm_da_align", "pointer authentication", "exc_arm_pac_fail"];
            let beta = !matches!(text("release_type"), "" | "User");
            (!beta && known.iter().any(|word| failed.contains(word))).then_some(Signature::WebKit)
        }
        "mediaplaybackd" => {
            let cpu = matches!(bug_type, Some(202 | 206)) || text("exception").contains("cpu usage");
            cpu.then_some(Signature::MediaPlayback)
        }
        "imagent" if crashed => {
            let named = [text("backtrace"), text("details"), text("exception")].join("\n").to_ascii_lowercase();
            let old = version(text("os_version")).is_none_or(|version| version < NICKNAME_MENDED);
            (old && named.contains("nickname")).then_some(Signature::Nickname)
        }
        _ => None,
    }
}

/// `iPhone OS 17.2.1` as (17, 2).
fn version(os: &str) -> Option<(u32, u32)> {
    let mut numbers = os.rsplit(' ').next()?.split('.').map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next().flatten().unwrap_or(0)))
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    for wanted in SIGNATURES {
        let mut incidents = HashSet::new();
        // The same report may lie there twice.
        let reports: Vec<&Exhibit> = kept
            .of(REPORTS)
            .iter()
            .filter(|report| {
                let text = |column: &'static str| report.text(column);
                signature(&text, report.value("bug_type").as_int()) == Some(wanted)
            })
            .filter(|report| report.text("incident").is_empty() || incidents.insert(report.text("incident")))
            .collect();
        let Some(first) = reports.iter().min_by_key(|report| report.at()) else { continue };
        let (level, what) = match wanted {
            Signature::WebKit => (Level::Low, "failed at an authenticated pointer or a misaligned address"),
            Signature::MediaPlayback => (Level::Low, "used too much of the processor"),
            Signature::Nickname => (Level::Medium, "failed at a contact's nickname"),
        };
        let often = if reports.len() > 1 { format!(", {} times", reports.len()) } else { String::new() };
        let message = format!("{} {what}{often}: published attacks left such reports, and so do plain faults", first.text("process"));
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, first));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn verdict(columns: serde_json::Value) -> Vec<String> {
        verdicts(&HEURISTIC, &[(REPORTS, columns)])
    }

    #[test]
    fn each_signature_is_one_finding_however_often_it_was_seen() {
        let web = |incident: &str| {
            let exception = "EXC_BAD_ACCESS SIGBUS KERN_INVALID_ADDRESS at 0x1 -> 0x2 (possible pointer authentication failure)";
            let process = "com.apple.WebKit.WebContent";
            (REPORTS, json!({"process": process, "bug_type": 309, "exception": exception, "incident": incident, "release_type": "User"}))
        };
        assert_eq!(
            verdicts(&HEURISTIC, &[web("A"), web("A"), web("B")]),
            ["LOW com.apple.WebKit.WebContent failed at an authenticated pointer or a misaligned address, 2 times: published attacks left \
              such reports, and so do plain faults"]
        );
        assert_eq!(verdict(json!({"process": "mediaplaybackd", "bug_type": 202, "exception": "cpu usage"})).len(), 1);
        let nickname = json!({"process": "imagent", "bug_type": 309, "backtrace": "IMCore -[IMNicknameController x]", "os_version": "iPhone OS 18.1.1"});
        assert!(verdict(nickname)[0].starts_with("MEDIUM imagent failed at a contact's nickname"));
    }

    #[test]
    fn ordinary_crashes_betas_apps_and_mended_versions_are_none() {
        for columns in [
            json!({"process": "com.apple.WebKit.WebContent", "bug_type": 309, "exception": "EXC_CRASH SIGABRT"}),
            json!({"process": "com.apple.WebKit.WebContent", "bug_type": 309, "exception": "EXC_ARM_DA_ALIGN", "release_type": "Beta"}),
            json!({"process": "OldGame", "bug_type": 309, "exception": "EXC_ARM_DA_ALIGN"}),
            json!({"process": "mediaplaybackd", "bug_type": 309, "exception": "EXC_CRASH SIGABRT"}),
            json!({"process": "imagent", "bug_type": 309, "backtrace": "IMCore -[IMChat x]", "os_version": "iPhone OS 17.0"}),
            json!({"process": "imagent", "bug_type": 309, "backtrace": "IMNicknameController", "os_version": "iPhone OS 18.3"}),
        ] {
            assert_eq!(verdict(columns.clone()), [""; 0], "{columns}");
        }
    }
}
