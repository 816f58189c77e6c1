//! `explain`: one finding in full, the page about a rule, or the table of verdicts.

use std::io::IsTerminal;

use super::{ExplainArguments, Failure, print, width};
use crate::heuristic;
use crate::report::mvt::lines;
use crate::report::{terminal, verdict};

pub(super) fn run(arguments: &ExplainArguments) -> Result<u8, Failure> {
    let width = width(std::io::stdout().is_terminal());
    let rules: Vec<_> =
        heuristic::about_all().filter(|rule| arguments.id == "all" || rule.id == arguments.id).collect();
    if !rules.is_empty() {
        let pages: Vec<String> = rules.into_iter().map(|rule| terminal::explain_rule(&rule, width)).collect();
        print(&pages.join("\n"));
        return Ok(0);
    }
    if arguments.id == "verdict" {
        print(&verdict::page());
        return Ok(0);
    }
    let path = arguments.folder.join("findings.jsonl");
    let mut page = None;
    lines(&path, |object| {
        if object.get("id").and_then(|id| id.as_str()) == Some(&arguments.id) {
            page = Some(terminal::explain(&object, &arguments.id, width));
        }
        Ok(())
    })
    .map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::NotAnOutput(arguments.folder.clone()),
        _ => Failure::read(&path, error),
    })?;
    let missing = || Failure::NoSuchFinding { id: arguments.id.clone(), folder: arguments.folder.clone() };
    print(&page.ok_or_else(missing)?);
    Ok(0)
}
