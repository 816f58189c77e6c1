//! `check-iocs`: the records of an earlier scan against other indicators, without the phone.

use std::io::{self, IsTerminal};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Failure, RescanArguments, print_all, width};
use crate::finding::Level;
use crate::indicator::{IndicatorSet, Matcher};
use crate::report::folder::Folder;
use crate::report::{mvt, terminal};
use crate::scan::{self, Case};
use crate::source::{Device, System};

pub(super) fn run(arguments: &RescanArguments, verbose: bool) -> Result<u8, Failure> {
    if !arguments.folder.join("records").is_dir() {
        return Err(Failure::NotAnOutput(arguments.folder.clone()));
    }
    if let Some(output) = &arguments.output {
        super::scan::outside(output, &arguments.folder)?;
    }
    let set = super::scan::indicators(&arguments.indicators, verbose)?;
    let output =
        arguments.output.as_deref().map(|path| Folder::create(path, arguments.clobber)).transpose()?;
    let (case, matcher) = again(&arguments.folder, set)?;
    if let Some(output) = output {
        let facts = json!({"rechecked": arguments.folder, "indicators": {"sets": matcher.set().sources}});
        let facts = facts.as_object().cloned().unwrap_or_else(Map::<String, Value>::new);
        output.finish(&case, &matcher, 300, facts)?;
    }
    print_all(&terminal::report(
        &case,
        &matcher,
        width(io::stdout().is_terminal()),
        None,
        Level::Informational,
    ))?;
    Ok(super::scan::failed_on(&case, arguments.fail_on).unwrap_or(0))
}

/// The records in the output folder of a scan, matched and judged with another set.
pub(super) fn again(folder: &Path, set: IndicatorSet) -> Result<(Case, Matcher), Failure> {
    let records = folder.join("records");
    if !records.is_dir() {
        return Err(Failure::NotAnOutput(folder.to_owned()));
    }
    let device = scanned_device(folder);
    let matcher = Matcher::new(set, super::scan::platform(device.system));
    let description = format!("records of an earlier scan in {}", folder.display());
    let case = scan::recheck(
        &|artifact, each| {
            let path = records.join(format!("{}.jsonl", artifact.id));
            let read = mvt::lines(&path, |object| {
                each(object);
                Ok(())
            });
            match read {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                Err(error) => Err(error),
            }
        },
        &matcher,
        device,
        description,
    );
    Ok((case, matcher))
}

/// What the earlier scan said of the phone: its system and its clock.
fn scanned_device(folder: &Path) -> Device {
    let run = std::fs::read_to_string(folder.join("run.json")).unwrap_or_default();
    let run: Value = serde_json::from_str(&run).unwrap_or_default();
    let text = |key: &str| run.pointer(&format!("/device/{key}")).and_then(Value::as_str).map(str::to_owned);
    Device {
        system: if text("system").as_deref() == Some("android") { System::Android } else { System::Ios },
        name: text("name"),
        product: text("product"),
        os_version: text("os_version"),
        os_build: text("os_build"),
        acquired: text("acquired").and_then(|time| time.parse().ok()),
        offset: text("offset").and_then(|offset| crate::time::offset(&offset)),
        zone: text("zone").and_then(|name| crate::time::zone(&name)),
        ..Device::default()
    }
}
