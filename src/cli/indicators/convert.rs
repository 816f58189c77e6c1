//! `indicators convert`: sets in another form.

use std::path::PathBuf;

use clap::Args;

use super::{FormArgument, form_of, tell_skipped, write_file};
use crate::cli::{Failure, eprint, print_all};
use crate::indicator::{self, FileForm, Header, IndicatorSet, Role};

#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// STIX bundles, MISP events, CSV or plain lists, or folders of them
    #[arg(required_unless_present = "bundled")]
    inputs: Vec<PathBuf>,
    /// Add the bundled sets
    #[arg(long)]
    bundled: bool,
    /// The form to write; by default what the ending of the output says
    #[arg(long, value_enum, value_name = "FORM", required_unless_present = "output")]
    to: Option<FormArgument>,
    /// Where the set goes, for plain lists a folder; standard output if not given
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let set = indicator::load(&arguments.inputs, arguments.bundled)?;
    let output = arguments.output.as_deref();
    let form = form_of(arguments.to, output).ok_or_else(|| Failure::UnknownForm(output.map(Into::into)))?;
    let mut skipped = set.skipped.clone();
    if let (FileForm::List, Some(folder)) = (form, output) {
        std::fs::create_dir_all(folder).map_err(|error| Failure::write(folder, error))?;
        for list in indicator::lists(&set, &mut skipped) {
            write_file(&folder.join(list.file_name), list.text.as_bytes())?;
        }
    } else {
        let mut text = Vec::new();
        indicator::write(form, &Header::default(), &set, &mut skipped, &mut text).map_err(Failure::Print)?;
        match output {
            None => print_all(&String::from_utf8_lossy(&text))?,
            Some(path) => write_file(path, &text)?,
        }
    }
    tell_skipped(&skipped);
    if form == FileForm::List && has_more_than_values(&set) {
        eprint("not in the output: campaigns, roles, notes and times, for which plain lists have no place\n");
    }
    Ok(0)
}

fn has_more_than_values(set: &IndicatorSet) -> bool {
    let has_more = |it: &indicator::Indicator| {
        it.role != Role::Unstated || !it.note.is_empty() || it.revoked || it.valid_until.is_some()
    };
    set.campaigns.len() > 1 || set.indicators.iter().any(has_more)
}
