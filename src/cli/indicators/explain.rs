//! `indicators explain`: what a value would match, by which rule, and which rules were tried.

use std::fmt::Write as _;
use std::mem::ManuallyDrop;

use clap::Args;
use serde_json::{Value, json};

use super::{Answer, print_json};
use crate::cli::{Failure, IndicatorArguments, print_all};
use crate::indicator::trial::{self, FIELDS, Field, Trial};
use crate::indicator::{Hit, Matcher, Platform};
use crate::report::terminal::safe;

#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// A URL, host, address, process, path, mail address, hash, app or profile id, property, or a message
    value: String,
    #[command(flatten)]
    indicators: IndicatorArguments,
    /// Try the value only as this: url, host, message, email, process, path, hash, app-id, profile or property
    #[arg(long = "as", value_name = "KIND", value_parser = clap::builder::PossibleValuesParser::new(FIELDS.map(|field| field.name)))]
    field: Option<String>,
    /// The system that the value is from: processes, paths and properties of another are not applied
    #[arg(long, value_enum, default_value = "any", value_name = "SYSTEM")]
    platform: PlatformArgument,
    /// How to answer
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: Answer,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum PlatformArgument {
    Any,
    Ios,
    Android,
    Macos,
}

impl From<PlatformArgument> for Platform {
    fn from(argument: PlatformArgument) -> Platform {
        match argument {
            PlatformArgument::Any => Platform::Any,
            PlatformArgument::Ios => Platform::Ios,
            PlatformArgument::Android => Platform::Android,
            PlatformArgument::Macos => Platform::Macos,
        }
    }
}

pub(super) fn run(arguments: &Arguments, verbose: bool) -> Result<u8, Failure> {
    let set = crate::cli::scan::indicators(&arguments.indicators, verbose)?;
    // The process ends with this verb; to give a million values back one by one first takes a quarter of its time.
    let matcher = ManuallyDrop::new(Matcher::new(set, arguments.platform.into()));
    let value = arguments.value.as_str();
    let mut fields: Vec<Field> = FIELDS
        .into_iter()
        .filter(|field| arguments.field.as_deref().is_none_or(|it| it == field.name))
        .collect();
    let likely = trial::likely(value);
    fields.sort_by_key(|field| likely.iter().position(|name| *name == field.name).unwrap_or(likely.len()));
    let trials = trial::trials(&matcher, value, &fields);
    match arguments.format {
        Answer::Text => print_all(&page(&matcher, value, &trials))?,
        Answer::Json => print_json(&answer(&matcher, value, &trials))?,
    }
    Ok(0)
}

fn page(matcher: &Matcher, value: &str, trials: &[Trial<'_>]) -> String {
    let mut text = format!("{}\n", safe(value));
    for trial in trials.iter().filter(|trial| !trial.hits.is_empty()) {
        let _ = writeln!(text, "\nAs {}:", trial.field.name);
        for hit in &trial.hits {
            match_lines(matcher, hit, &mut text);
        }
    }
    if trials.iter().all(|trial| trial.hits.is_empty()) {
        text.push_str("\nMatches nothing.\n");
    }
    for (id, why) in trial::listed_only(matcher, value, trials) {
        let _ = writeln!(text, "\nListed, but not applied: {why}");
        origin(matcher, id, &mut text);
    }
    for skipped in matcher.set().skipped.iter().filter(|skipped| &*skipped.what == value) {
        let line = format!("{}:{}: {}", skipped.file, skipped.line, skipped.why);
        let _ = writeln!(text, "\nListed, but not used: {}", safe(&line));
    }
    text.push_str("\nTried:\n");
    for trial in trials {
        let result = match trial.hits.len() {
            0 => "no match".to_owned(),
            1 => "1 match".to_owned(),
            count => format!("{count} matches"),
        };
        let _ = writeln!(text, "    {:<9} {result}: {}", trial.field.name, trial.field.rules);
    }
    text
}

fn match_lines(matcher: &Matcher, hit: &Hit<'_>, text: &mut String) {
    let rule = trial::rule_of(hit.form);
    let strength = trial::strength_name(hit.strength);
    let _ = writeln!(text, "  {strength}: {rule} (`{}`)", safe(&hit.matched));
    if !hit.note.is_empty() {
        let _ = writeln!(text, "    {}", safe(hit.note));
    }
    origin(matcher, hit.indicator, text);
}

fn origin(matcher: &Matcher, id: u32, text: &mut String) {
    let set = matcher.set();
    let Some(indicator) = usize::try_from(id).ok().and_then(|id| set.indicators.get(id)) else { return };
    let name = set.campaigns.get(usize::from(indicator.campaign)).map_or("", |it| &it.name);
    let source = set.sources.get(usize::from(indicator.source));
    let role = trial::stated_role(indicator);
    let role = if role.is_empty() { String::new() } else { format!(", {role}") };
    let line = format!("{} `{}`: {name}{role}", indicator.ioc.name(), indicator.value);
    let _ = writeln!(text, "    {}", safe(&line));
    if let Some(source) = source {
        let date = if source.date.is_empty() { String::new() } else { format!(", {}", source.date) };
        let publisher =
            if source.publisher.is_empty() { String::new() } else { format!(", {}", source.publisher) };
        let _ = writeln!(text, "    {}", safe(&format!("{}{publisher}{date}", source.name)));
    }
    if !indicator.note.is_empty() {
        let _ = writeln!(text, "    note: {}", safe(&indicator.note));
    }
}

fn answer(matcher: &Matcher, value: &str, trials: &[Trial<'_>]) -> Value {
    let set = matcher.set();
    let indicator = |id: u32| {
        let found = usize::try_from(id).ok().and_then(|id| set.indicators.get(id));
        found.map(|it| {
            json!({
                "kind": it.ioc,
                "value": it.value,
                "campaign": set.campaigns.get(usize::from(it.campaign)).map(|it| &it.name),
                "set": set.sources.get(usize::from(it.source)).map(|it| &it.name),
                "role": it.role,
                "platform": it.platform,
                "note": it.note,
            })
        })
    };
    let matches = |trial: &Trial<'_>| -> Vec<Value> {
        let hits = trial.hits.iter().map(|hit| {
            json!({
                "strength": hit.strength,
                "form": hit.form,
                "rule": trial::rule_of(hit.form),
                "matched": hit.matched,
                "note": hit.note,
                "indicator": indicator(hit.indicator),
            })
        });
        hits.collect()
    };
    let tried: Vec<Value> = trials
        .iter()
        .map(|trial| json!({"as": trial.field.name, "rules": trial.field.rules, "matches": matches(trial)}))
        .collect();
    let listed: Vec<Value> = trial::listed_only(matcher, value, trials)
        .into_iter()
        .map(|(id, why)| json!({"indicator": indicator(id), "why": why}))
        .collect();
    let unused: Vec<_> = set.skipped.iter().filter(|skipped| &*skipped.what == value).collect();
    json!({"value": value, "tried": tried, "not_applied": listed, "not_used": unused})
}
