//! `indicators build`: one file from published ones, under a header that tells where they come from.

use std::path::PathBuf;

use clap::Args;

use super::{FormArgument, form_of, tell_skipped, write_file};
use crate::cli::{Failure, print_all};
use crate::indicator::{self, FileForm};

#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// STIX bundles, MISP events, CSV or plain lists, or folders of them
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// A file with the `key: value` lines about the set, which also lends roles, platforms and notes to its values
    #[arg(long, value_name = "FILE")]
    header: Option<PathBuf>,
    /// The form to write; by default what the ending of the output says, else our catalogue
    #[arg(long, value_enum, value_name = "FORM")]
    to: Option<FormArgument>,
    /// Where the set goes; standard output if not given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let form = form_of(arguments.to, arguments.output.as_deref()).unwrap_or(FileForm::Catalogue);
    let mut text = Vec::new();
    let built = indicator::build(&arguments.inputs, arguments.header.as_deref(), form, &mut text)?;
    tell_skipped(&built.skipped);
    match &arguments.output {
        None => print_all(&String::from_utf8_lossy(&text))?,
        Some(path) => write_file(path, &text)?,
    }
    Ok(0)
}
