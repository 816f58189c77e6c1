//! What a person reads about many stores: a verdict for each, what was found in it, and a last line over all.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::terminal::safe;
use super::timeline::word;
use super::verdict::Judged;
use super::words::{NOTHING_FOUND, Verdict};
use crate::finding::{Finding, Level};
use crate::scan::store::Checked;
use crate::source::Device;

/// Findings shown of one store.
const SHOWN: usize = 20;

/// Counts what was said of single stores.
#[derive(Default)]
pub struct Totals {
    verdicts: BTreeMap<Verdict, usize>,
    observables: u64,
    unread: usize,
}

/// The lines about one store.
pub fn report(name: &str, checked: &Checked<'_>, totals: &mut Totals) -> String {
    let case = &checked.case;
    let verdict = Judged::of(&case.findings).verdict();
    *totals.verdicts.entry(verdict).or_default() += 1;
    totals.observables += checked.observables;
    let mut text = String::new();
    let _ = writeln!(text, "{}: {}{}", safe(name), verdict.words(), phone(&case.device));
    let shown: Vec<&Finding> =
        case.findings.iter().filter(|finding| finding.level >= Level::Medium).collect();
    for finding in shown.iter().take(SHOWN) {
        let at = finding.at().map_or_else(String::new, |at| format!("{} ", crate::time::short(at)));
        let (level, trace) = (finding.level.name(), word(&finding.trace));
        let _ = writeln!(text, "   {level} {trace} {at}{}", safe(&finding.message));
        let _ = writeln!(
            text,
            "      {}, {}",
            safe(&finding.exhibit.path),
            safe(&finding.exhibit.place.to_string())
        );
        for caveat in &finding.caveats {
            let _ = writeln!(text, "      mind: {}", safe(caveat));
        }
    }
    let more = shown.len().saturating_sub(SHOWN);
    let lesser = case.findings.len() - shown.len();
    for (count, what) in [(more, "more"), (lesser, "of lesser weight")] {
        if count > 0 {
            let _ = writeln!(text, "   and {count} {what}: see `--format json`");
        }
    }
    for problem in &case.problems {
        let count = if problem.count > 1 { format!(" ({} times)", problem.count) } else { String::new() };
        let _ = writeln!(text, "   not read: {}{count}", safe(&problem.reason));
    }
    text
}

/// The line about a store that could not be read at all.
pub fn unread(name: &str, reason: &str, totals: &mut Totals) -> String {
    totals.unread += 1;
    format!("{}: not read: {}\n", safe(name), safe(reason))
}

fn phone(device: &Device) -> String {
    let words: Vec<String> = [&device.name, &device.product, &device.os_version]
        .into_iter()
        .flatten()
        .map(|word| safe(word))
        .collect();
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
}

impl Totals {
    /// The last lines.
    pub fn summary(&self) -> String {
        let stores: usize = self.verdicts.values().sum();
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let mut parts: Vec<String> = self
            .verdicts
            .iter()
            .rev()
            .map(|(verdict, count)| format!("{count} {}", verdict.words()))
            .collect();
        if self.unread > 0 {
            parts.push(format!("{} not read", self.unread));
        }
        let mut text = format!(
            "\n{stores} store{} with {} observables: {}\n",
            plural(stores),
            self.observables,
            if parts.is_empty() { "nothing was read".to_owned() } else { parts.join(", ") }
        );
        if self.verdicts.keys().max() == Some(&Verdict::NoKnownTrace) {
            let _ = writeln!(text, "{NOTHING_FOUND}");
        }
        let _ = writeln!(
            text,
            "A store has the values of single records only: rules, and the search of all bytes, need a scan."
        );
        text
    }
}
