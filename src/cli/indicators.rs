//! `indicators`: what is loaded, from where, and what of it is not used.

pub(super) mod test;

use std::io::Write;

use super::{Failure, IndicatorsVerb, print};
use crate::indicator::{self, IndicatorSet, Ioc};
use crate::report::terminal::safe;

pub(super) fn run(verb: &IndicatorsVerb) -> Result<u8, Failure> {
    match verb {
        IndicatorsVerb::List { indicators } => {
            print(&listing(&super::scan::indicators(indicators, false)?));
            Ok(0)
        }
        IndicatorsVerb::Lint(arguments) => super::lint::run(arguments),
        IndicatorsVerb::Test(arguments) => test::run(arguments),
        IndicatorsVerb::Build { inputs, header, output } => {
            let mut catalogue = Vec::new();
            let built = indicator::build(inputs, header, &mut catalogue)?;
            for skipped in &built.skipped {
                super::eprint(&format!(
                    "not in the output: {}:{}: {}: {}\n",
                    skipped.file, skipped.line, skipped.what, skipped.why
                ));
            }
            match output {
                None => print(&String::from_utf8_lossy(&catalogue)),
                Some(path) => {
                    let mut options = std::fs::OpenOptions::new();
                    let file = options.write(true).create(true).truncate(true).open(path);
                    file.and_then(|mut file| file.write_all(&catalogue))
                        .map_err(|error| Failure::write(path, error))?;
                }
            }
            Ok(0)
        }
    }
}

fn listing(set: &IndicatorSet) -> String {
    let mut text = String::new();
    for (index, source) in set.sources.iter().enumerate() {
        let counts: Vec<String> = Ioc::ALL
            .iter()
            .filter_map(|ioc| {
                let of_source = set.indicators.iter().filter(|one| usize::from(one.source) == index);
                let count = of_source.filter(|indicator| indicator.ioc == *ioc).count();
                (count > 0).then(|| format!("{count} {}", ioc.name()))
            })
            .collect();
        text.push_str(&format!("{}\n", safe(&source.name)));
        let facts = [
            ("published by", &*source.publisher),
            ("report", &source.report),
            ("link", &source.link),
            ("date", &source.date),
            ("licence", &source.licence),
            ("sha256", &source.sha256),
        ];
        for (label, fact) in facts.into_iter().filter(|(_, fact)| !fact.is_empty()) {
            text.push_str(&format!("    {label:<13} {fact}\n"));
        }
        text.push_str(&format!("    {:<13} {}\n", "values", counts.join(", ")));
    }
    if !set.skipped.is_empty() {
        text.push_str("\nNot used:\n");
        for skipped in &set.skipped {
            let line = format!("{}:{}: {}: {}", skipped.file, skipped.line, skipped.what, skipped.why);
            text.push_str(&format!("    {}\n", safe(&line)));
        }
    }
    text
}
