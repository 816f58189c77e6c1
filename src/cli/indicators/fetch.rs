//! `indicators fetch`: published sets from the network. The one verb that opens a connection, in builds that have it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Answer, print_json};
use crate::cli::{Failure, eprint, print};
use crate::indicator::{self, Fetched, Limits, Outcome};
use crate::report::terminal::safe;

#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// The address of an index in the form of MVT's `indicators.yaml`
    #[arg(long, value_name = "URL", default_value = indicator::MVT_INDEX)]
    index: String,
    /// Where the sets are stored; by default the folder that scans read
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Seconds for one file
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Largest file, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1024))]
    max_size: u64,
    /// How to answer
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: Answer,
    /// For tests: servers of this computer need no TLS
    #[arg(long, hide = true)]
    plain_loopback: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let folder = match &arguments.output {
        Some(folder) => folder.clone(),
        None => indicator::own_folder().ok_or(Failure::NoDataFolder)?,
    };
    let limits = Limits {
        time: Duration::from_secs(arguments.timeout),
        bytes: arguments.max_size << 20,
        plain_loopback: arguments.plain_loopback,
    };
    let mut all = Vec::new();
    let now = jiff::Timestamp::now();
    let told = indicator::fetch(&arguments.index, &folder, &limits, now, &mut |fetched| {
        if arguments.format == Answer::Text {
            print(&page(fetched));
        }
        all.push(fetched.clone());
    })?;
    for why in told {
        eprint(&format!("not used of the index: {}\n", safe(&why)));
    }
    if arguments.format == Answer::Json {
        print_json(&all)?;
    }
    let failed = all.iter().any(|fetched| matches!(fetched.outcome, Outcome::Failed { .. }));
    Ok(u8::from(failed))
}

fn page(fetched: &Fetched) -> String {
    let name = safe(&fetched.name);
    match &fetched.outcome {
        Outcome::New { values } => format!("{name}: new, {values} values\n"),
        Outcome::Unchanged => format!("{name}: unchanged\n"),
        Outcome::Updated { difference } => {
            let lines = super::diff::page(difference);
            let lines: Vec<String> = lines.lines().map(|line| format!("    {line}\n")).collect();
            format!("{name}: updated\n{}", lines.concat())
        }
        Outcome::Failed { reason } => format!("{name}: failed, what was stored stays: {}\n", safe(reason)),
    }
}
