//! `indicators build`: one catalogue file from published ones.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::cli::{Failure, eprint, print};
use crate::indicator;

#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// STIX bundles, CSV or plain lists, or folders of them
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// A file with the `key: value` lines that head the catalogue file
    #[arg(long)]
    header: PathBuf,
    /// Where the catalogue file goes; standard output if not given
    #[arg(short, long)]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let mut catalogue = Vec::new();
    let built = indicator::build(&arguments.inputs, &arguments.header, &mut catalogue)?;
    for skipped in &built.skipped {
        eprint(&format!(
            "not in the output: {}:{}: {}: {}\n",
            skipped.file, skipped.line, skipped.what, skipped.why
        ));
    }
    match &arguments.output {
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
