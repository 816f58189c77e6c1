//! `check-iocs`: the records of an earlier scan against other indicators, without the phone.

use std::io::{self, IsTerminal};

use serde_json::{Map, Value, json};

use super::{Failure, RescanArguments, print_all, width};
use crate::finding::Level;
use crate::indicator::{Matcher, Platform};
use crate::report::folder::Folder;
use crate::report::{mvt, terminal};
use crate::scan;

pub(super) fn run(arguments: &RescanArguments, verbose: bool) -> Result<u8, Failure> {
    let records = arguments.folder.join("records");
    if !records.is_dir() {
        return Err(Failure::NotAnOutput(arguments.folder.clone()));
    }
    let matcher = Matcher::new(super::scan::indicators(&arguments.indicators, verbose)?, Platform::Ios);
    if let Some(output) = &arguments.output {
        super::scan::outside(output, &arguments.folder)?;
    }
    let output =
        arguments.output.as_deref().map(|path| Folder::create(path, arguments.clobber)).transpose()?;
    let description = format!("records of an earlier scan in {}", arguments.folder.display());
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
        description,
    );
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
