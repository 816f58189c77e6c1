//! The sentences that frightened people read. Each says what is known and no more; none says "clean".

use crate::record::Trace;

/// The only four verdicts. Which one it is follows from the table in `verdict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    NoKnownTrace,
    Anomaly,
    Targeting,
    KnownSpyware,
}

impl Verdict {
    pub fn words(self) -> &'static str {
        match self {
            Verdict::NoKnownTrace => "no known trace in what was checked",
            Verdict::Anomaly => "anomaly to review",
            Verdict::Targeting => "trace of targeting",
            Verdict::KnownSpyware => "trace of known spyware",
        }
    }

    /// A word for tables.
    pub fn short(self) -> &'static str {
        match self {
            Verdict::NoKnownTrace => "none",
            Verdict::Anomaly => "anomaly",
            Verdict::Targeting => "targeting",
            Verdict::KnownSpyware => "spyware",
        }
    }
}

pub const NOTHING_FOUND: &str = "No known trace was found in the parts listed below. This does not show that the phone is free of \
spyware: new spyware leaves traces that are not public, and some parts could not be checked.";

pub const SOMETHING_FOUND: &str = "These records match published indicators or rules. Only an expert can say whether they show an \
attack. A match on a link you received or opened is not the same as an infection. Do not reset, update or throw away the phone yet; \
keep the backup and this report; use another device to ask for help.";

pub const DANGER: &str = "If someone who may hurt you controls this phone, do not remove anything from it now: they may notice. Use a \
different device.";

pub const NOTICE: &str = "A threat notification from Apple, Google or WhatsApp is by itself a reason to ask for help, whatever this \
report says.";

/// Whom to ask, as of November 2026.
pub const HELP: &[(&str, &str)] = &[
    (
        "Amnesty International Security Lab (human rights defenders, civil society)",
        "securitylab.amnesty.org/get-help",
    ),
    ("Access Now Digital Security Helpline (24/7, several languages)", "accessnow.org/help"),
    ("Reporters Without Borders Digital Security Lab (journalists)", "rsf.org/en/digital-security-lab"),
    ("Freedom of the Press Foundation (journalists)", "freedom.press/digisec"),
    ("Coalition Against Stalkerware (a partner or relative may be watching)", "stopstalkerware.org"),
];

/// What a class of evidence means, in one sentence.
pub fn meaning(trace: Trace) -> &'static str {
    match trace {
        Trace::Mentioned => "the owner of the phone wrote, sent or saved it",
        Trace::Received => "somebody sent it to this phone; whether it was opened is another question",
        Trace::Stored => "a file of the phone holds it; which program wrote it there, and why, is not known",
        Trace::Logged => "a program of the phone wrote it to the log; the entry says which, and around what",
        Trace::Resolved => "the phone loaded something from there, perhaps without a page being opened",
        Trace::Visited => "a page there was opened, or the phone was sent there",
        Trace::Policy => "a setting or profile on the phone comes from there",
        Trace::Installed => "a file, app or permission of it is on the phone",
        Trace::Tampered => "a record was removed or altered",
        Trace::Executed => "a program of that name ran on the phone",
    }
}

/// The usual innocent causes of a match of this class.
pub fn innocent_causes(trace: Trace) -> &'static str {
    match trace {
        Trace::Mentioned => "The owner wrote about it: reporting, research, or a link shared as a warning.",
        Trace::Received => {
            "A warning or an article that quotes the link; a forwarded message; a test by a trainer."
        }
        Trace::Stored => {
            "A saved article or report about the campaign; a list of a blocker, browser or security app; data of a page that \
quotes it; the output of a tool such as this one."
        }
        Trace::Logged => {
            "Lists against fraud or advertising, parental controls and security apps name such hosts to block them; a page or \
article about the campaign."
        }
        Trace::Resolved => {
            "A page that embeds the domain or quotes it; a domain that changed hands since it was published."
        }
        Trace::Visited => {
            "Reading about the campaign and clicking a link in a report; a domain that changed hands since it was \
published; a page opened on another device of the same account."
        }
        Trace::Policy => {
            "A profile installed by an employer, a school or a beta programme that shares the identifier."
        }
        Trace::Installed => {
            "A harmless file or app that has the same name; traces carried over from an older phone by a restore."
        }
        Trace::Tampered => "Apps that were removed, and updates that tidy their databases.",
        Trace::Executed => {
            "A harmless program of the same name; traces carried over from an older phone by a restore."
        }
    }
}

/// What to look at next for a match of this class.
pub fn next_check(trace: Trace) -> &'static str {
    match trace {
        Trace::Mentioned => "Ask the owner why it is there, then look at what was received around that time.",
        Trace::Received => {
            "Look for a visit to the same link within minutes (suspicious.csv shows the events around it), and ask \
who sent it. Take a sysdiagnose (iPhone) or a bugreport (Android)."
        }
        Trace::Stored => {
            "Open the file at the place given: the text around it, and which app the file belongs to, tell whether it is a \
message, a page, a list or a setting."
        }
        Trace::Logged => {
            "Read the entries around it: which program wrote it, and whether it connected there or only compared a list."
        }
        Trace::Resolved => "Look in the browser history and in messages around that time for what led there.",
        Trace::Visited => {
            "Look for what led there (a message, a redirect) and for new processes or crashes within minutes after. \
Take a sysdiagnose (iPhone) or a bugreport (Android)."
        }
        Trace::Policy => {
            "Look at the settings without removing anything (iPhone: General > VPN & Device Management; Android: Security > Device \
admin apps, Accessibility, VPN), and ask who installed it."
        }
        Trace::Installed => {
            "Look for the process of the same name in network usage, and for crashes around that time. Take a \
sysdiagnose (iPhone) or a bugreport (Android) before the phone is restarted."
        }
        Trace::Tampered => "Compare with network usage in the daily statistics, which are kept apart.",
        Trace::Executed => {
            "Look for links received or opened in the hours before its first use. Take a sysdiagnose (iPhone) or a bugreport \
(Android) before the phone is restarted."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sentence_says_clean_or_safe() {
        let traces = [
            Trace::Mentioned,
            Trace::Received,
            Trace::Stored,
            Trace::Logged,
            Trace::Resolved,
            Trace::Visited,
            Trace::Policy,
        ];
        let mut all = vec![NOTHING_FOUND, SOMETHING_FOUND, DANGER, NOTICE];
        all.extend(
            traces.into_iter().flat_map(|trace| [meaning(trace), innocent_causes(trace), next_check(trace)]),
        );
        for words in all {
            assert!(!words.contains("clean") && !words.contains("is safe"), "{words}");
        }
    }
}
