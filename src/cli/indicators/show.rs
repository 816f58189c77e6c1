//! `indicators show`: the values of a set or campaign.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use super::{Answer, print_json};
use crate::cli::{Failure, IndicatorArguments, print_all};
use crate::indicator::{Indicator, IndicatorSet, Platform, Role};
use crate::report::terminal::safe;

#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// A campaign, a vendor or a set, as `indicators list` names it
    name: String,
    #[command(flatten)]
    indicators: IndicatorArguments,
    /// Only values of this kind, such as `domain` or `file-path`
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// How to answer
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: Answer,
}

pub(super) fn run(arguments: &Arguments, verbose: bool) -> Result<u8, Failure> {
    let set = crate::cli::scan::indicators(&arguments.indicators, verbose)?;
    let shown: Vec<&Indicator> = set
        .indicators
        .iter()
        .filter(|indicator| is_meant(&set, indicator, &arguments.name))
        .filter(|indicator| arguments.kind.as_deref().is_none_or(|kind| indicator.ioc.name() == kind))
        .collect();
    if shown.is_empty() {
        return Err(Failure::NoSuchSet(arguments.name.clone()));
    }
    match arguments.format {
        Answer::Text => print_all(&page(&set, &shown))?,
        Answer::Json => {
            let values: Vec<Value> = shown.into_iter().map(|indicator| object(&set, indicator)).collect();
            print_json(&values)?;
        }
    }
    Ok(0)
}

/// True if the name is that of the indicator's campaign, vendor or set, in any case; of a path the last part is enough.
fn is_meant(set: &IndicatorSet, indicator: &Indicator, name: &str) -> bool {
    let campaign = set.campaigns.get(usize::from(indicator.campaign));
    let source = set.sources.get(usize::from(indicator.source));
    let of_campaign =
        campaign.is_some_and(|it| it.name.eq_ignore_ascii_case(name) || it.vendor.eq_ignore_ascii_case(name));
    let of_source = source.is_some_and(|it| {
        let short = it.name.strip_prefix("bundled: ").unwrap_or(&it.name);
        let file = short.rsplit(['/', '\\']).next().unwrap_or(short);
        [&*it.name, short, file].iter().any(|known| known.eq_ignore_ascii_case(name))
    });
    of_campaign || of_source
}

fn page(set: &IndicatorSet, shown: &[&Indicator]) -> String {
    let mut text = String::new();
    let mut heading = None;
    for indicator in shown {
        let place = (indicator.source, indicator.campaign);
        if heading != Some(place) {
            heading = Some(place);
            let campaign = set.campaigns.get(usize::from(indicator.campaign));
            let source = set.sources.get(usize::from(indicator.source));
            let (name, vendor) = campaign.map_or(("", ""), |it| (&it.name, &it.vendor));
            let vendor = if vendor.is_empty() { String::new() } else { format!(" ({vendor})") };
            let file = source.map_or("", |it| &it.name);
            let _ = writeln!(text, "{}", safe(&format!("{name}{vendor}, {file}")));
            if let Some(campaign) = campaign.filter(|it| !it.description.is_empty()) {
                let _ = writeln!(text, "  {}", safe(&campaign.description));
            }
        }
        let mut facts = Vec::new();
        if indicator.role != Role::Unstated {
            facts.push(word(&indicator.role));
        }
        if indicator.platform != Platform::Any {
            facts.push(word(&indicator.platform));
        }
        if indicator.revoked {
            facts.push("withdrawn".to_owned());
        }
        if let Some(until) = indicator.valid_until {
            facts.push(format!("valid until {until}"));
        }
        if !indicator.note.is_empty() {
            facts.push(indicator.note.to_string());
        }
        let facts = if facts.is_empty() { String::new() } else { format!("  ({})", facts.join("; ")) };
        let _ = writeln!(
            text,
            "    {:<10} {}",
            indicator.ioc.name(),
            safe(&format!("{}{facts}", indicator.value))
        );
    }
    text
}

/// The word that JSON has for a value.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn object(set: &IndicatorSet, indicator: &Indicator) -> Value {
    let campaign = set.campaigns.get(usize::from(indicator.campaign));
    json!({
        "kind": indicator.ioc,
        "value": indicator.value,
        "campaign": campaign.map(|it| &it.name),
        "vendor": campaign.map(|it| &it.vendor),
        "set": set.sources.get(usize::from(indicator.source)).map(|it| &it.name),
        "role": indicator.role,
        "platform": indicator.platform,
        "stix_id": indicator.stix_id,
        "valid_from": indicator.valid_from.map(crate::time::iso),
        "valid_until": indicator.valid_until.map(crate::time::iso),
        "revoked": indicator.revoked,
        "note": indicator.note,
    })
}
