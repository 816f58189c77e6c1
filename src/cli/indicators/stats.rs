//! `indicators stats`: everything that is loaded, in numbers.

use std::fmt::Write as _;

use clap::Args;

use super::{Answer, age, counted, print_json};
use crate::cli::{Failure, IndicatorArguments, print_all};
use crate::indicator::{self, Counts, Summary};
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
    let summary = indicator::summary(&set);
    match arguments.format {
        Answer::Text => print_all(&page(&summary))?,
        Answer::Json => print_json(&summary)?,
    }
    Ok(0)
}

fn page(summary: &Summary<'_>) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} values, {} of them distinct, of {} campaigns in {} sets",
        summary.values,
        summary.distinct,
        summary.campaigns.len(),
        summary.sources.len()
    );
    let _ = writeln!(
        text,
        "{} with a note on the value, {} withdrawn, {} with an end of validity",
        summary.noted, summary.revoked, summary.limited
    );
    for (title, counts) in
        [("By kind", &summary.kinds), ("By role", &summary.roles), ("By platform", &summary.platforms)]
    {
        table(&mut text, title, counts);
    }
    text.push_str("\nBy campaign\n");
    for campaign in &summary.campaigns {
        let vendor =
            if campaign.vendor.is_empty() { String::new() } else { format!(" ({})", campaign.vendor) };
        let _ = writeln!(
            text,
            "{:>9} {}: {}",
            campaign.values,
            safe(&format!("{}{vendor}", campaign.name)),
            counted(&campaign.kinds)
        );
    }
    text.push_str("\nBy set\n");
    for known in &summary.sources {
        let date = &known.source.date;
        let date = if date.is_empty() { "no date".to_owned() } else { format!("{date}{}", age(date)) };
        let line = format!("{}, {date}, {} not used", known.source.name, known.ignored);
        let _ = writeln!(text, "{:>9} {}", known.source.indicators, safe(&line));
    }
    if !summary.ignored.is_empty() {
        text.push_str("\nNot used, by reason\n");
        for (why, count) in &summary.ignored {
            let _ = writeln!(text, "{count:>9} {}", safe(why));
        }
    }
    text
}

fn table(text: &mut String, title: &str, counts: &Counts) {
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let _ = writeln!(text, "\n{title}");
    for (word, count) in counts {
        let _ = writeln!(text, "{count:>9} {word}");
    }
}
