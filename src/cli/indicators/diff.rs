//! `indicators diff`: what changed between two sets, by meaning.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Answer, print_json};
use crate::cli::{Failure, print_all};
use crate::indicator::{self, Difference, IndicatorSet, Listed};
use crate::report::terminal::safe;

#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// The older set: a file or folder in any form, or `bundled`
    before: PathBuf,
    /// The newer set, likewise
    after: PathBuf,
    /// How to answer
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: Answer,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let difference = indicator::diff(&side(&arguments.before)?, &side(&arguments.after)?);
    match arguments.format {
        Answer::Text => print_all(&page(&difference))?,
        Answer::Json => print_json(&difference)?,
    }
    Ok(0)
}

fn side(path: &Path) -> Result<IndicatorSet, Failure> {
    let is_bundled = path == Path::new("bundled") && !path.exists();
    let paths = if is_bundled { Vec::new() } else { vec![path.to_owned()] };
    Ok(indicator::load(&paths, is_bundled)?)
}

/// One change a line, `+`, `-` or `~` in front.
pub(super) fn page(difference: &Difference) -> String {
    let mut text = String::new();
    for (sign, values) in [('-', &difference.removed), ('+', &difference.added)] {
        for Listed { kind, value, campaigns } in values {
            let line = format!("{value}  ({})", campaigns.join(", "));
            let _ = writeln!(text, "{sign} {:<10} {}", kind.name(), safe(&line));
        }
    }
    for changed in &difference.changed {
        let changes: Vec<String> = changed
            .changes
            .iter()
            .map(|change| format!("{} {} -> {}", change.what, words(&change.before), words(&change.after)))
            .collect();
        let line = format!("{}  {}", changed.value, changes.join("; "));
        let _ = writeln!(text, "~ {:<10} {}", changed.kind.name(), safe(&line));
    }
    let _ = writeln!(
        text,
        "{} added, {} removed, {} changed, {} the same",
        difference.added.len(),
        difference.removed.len(),
        difference.changed.len(),
        difference.same
    );
    text
}

fn words(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(" and ") }
}
