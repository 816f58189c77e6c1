//! Writes a large synthetic bugreport to measure a scan with: `cargo bench --bench android -- FILE [--megabytes N]`.

#[path = "../tests/phone/mod.rs"]
mod phone;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo bench --bench android -- FILE [--megabytes N]
Writes the text of a synthetic bugreport to FILE, which must not exist, with some N MB (100).";

fn main() -> ExitCode {
    let mut arguments =
        std::env::args().skip(1).filter(|argument| argument != "--bench" && argument != "--test");
    let (mut file, mut megabytes) = (None, 100);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--megabytes" => match arguments.next().and_then(|text| text.parse().ok()) {
                Some(count) => megabytes = count,
                None => return refuse("`--megabytes` needs a number"),
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
    match phone::large_android::write(&file, megabytes) {
        Ok(size) => println!("{}: {} MB", file.display(), size / 1_000_000),
        Err(error) => return refuse(&format!("cannot write `{}`: {error}", file.display())),
    }
    ExitCode::SUCCESS
}

fn refuse(problem: &str) -> ExitCode {
    eprintln!("{problem}\n{USAGE}");
    ExitCode::FAILURE
}
