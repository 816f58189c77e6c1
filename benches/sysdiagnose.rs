//! Writes a large synthetic sysdiagnose to measure a scan with: `cargo bench --bench sysdiagnose -- FILE [--entries N] [--clean]`.

#[path = "../tests/phone/mod.rs"]
mod phone;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "usage: cargo bench --bench sysdiagnose -- FILE [--entries N] [--clean]
Writes a synthetic sysdiagnose as a tar.gz to FILE, which must not exist, with N entries in its unified log and, unless clean, two planted traces.";

fn main() -> ExitCode {
    let mut arguments =
        std::env::args().skip(1).filter(|argument| argument != "--bench" && argument != "--test");
    let (mut file, mut entries, mut clean) = (None, 4_700_000, false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--clean" => clean = true,
            "--entries" => match arguments.next().and_then(|text| text.parse().ok()) {
                Some(count) => entries = count,
                None => return refuse("`--entries` needs a number"),
            },
            option if option.starts_with('-') => return refuse(&format!("unknown option `{option}`")),
            _ => file = Some(PathBuf::from(argument)),
        }
    }
    let Some(file) = file else {
        // As when cargo runs all benches.
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    };
    if file.exists() {
        return refuse(&format!("`{}` exists already", file.display()));
    }
    let start = Instant::now();
    if let Err(error) = phone::large_sysdiagnose::write(&file, entries, clean) {
        return refuse(&format!("cannot write `{}`: {error}", file.display()));
    }
    let size = std::fs::metadata(&file).map_or(0, |metadata| metadata.len());
    println!(
        "{}: {entries} entries, {} MB, {:.0} s",
        file.display(),
        size / 1_000_000,
        start.elapsed().as_secs_f64()
    );
    ExitCode::SUCCESS
}

fn refuse(problem: &str) -> ExitCode {
    eprintln!("{problem}\n{USAGE}");
    ExitCode::FAILURE
}
