//! `indicators list`: the sets with their origin, their campaigns, and each entry that is not used.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use super::{Answer, age, counted, print_json};
use crate::cli::{Failure, IndicatorArguments, print_all};
use crate::indicator::{self, IndicatorSet};
use crate::report::terminal::safe;

#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    indicators: IndicatorArguments,
    /// How to answer
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: Answer,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let set = crate::cli::scan::indicators(&arguments.indicators, false)?;
    match arguments.format {
        Answer::Text => print_all(&listing(&set))?,
        Answer::Json => {
            let sets = indicator::summary(&set).sources;
            print_json(&json!({"sets": sets, "campaigns": set.campaigns, "not_used": set.skipped}))?;
        }
    }
    Ok(0)
}

fn listing(set: &IndicatorSet) -> String {
    let mut text = String::new();
    for known in indicator::summary(set).sources {
        let source = known.source;
        let _ = writeln!(text, "{}", safe(&source.name));
        let campaigns = match known.campaigns.as_slice() {
            [first, second, third, _, ..] => {
                format!("{first}, {second}, {third} and {} more", known.campaigns.len() - 3)
            }
            few => few.join(", "),
        };
        let facts = [
            ("campaigns", campaigns.as_str()),
            ("published by", &source.publisher),
            ("report", &source.report),
            ("link", &source.link),
            ("date", &format!("{}{}", source.date, age(&source.date))),
            ("licence", &source.licence),
            ("sha256", &source.sha256),
        ];
        for (label, fact) in facts.into_iter().filter(|(_, fact)| !fact.is_empty()) {
            let _ = writeln!(text, "    {label:<13} {}", safe(fact));
        }
        let _ = writeln!(text, "    {:<13} {}", "values", counted(&known.kinds));
        if known.ignored > 0 {
            let _ = writeln!(text, "    {:<13} {}", "not used", known.ignored);
        }
    }
    if !set.skipped.is_empty() {
        text.push_str("\nNot used:\n");
        for skipped in &set.skipped {
            let line = format!("{}:{}: {}: {}", skipped.file, skipped.line, skipped.what, skipped.why);
            let _ = writeln!(text, "    {}", safe(&line));
        }
    }
    text
}
