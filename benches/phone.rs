//! Writes a large synthetic iPhone backup to measure a scan with: `cargo bench --bench phone -- DIR [--messages N] …`.

#[path = "../tests/phone/mod.rs"]
mod phone;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use phone::large::{self, Size};

const USAGE: &str = "usage: cargo bench --bench phone -- DIR [--messages N] [--whatsapp N] [--visits N] [--files N] [--password P]
Writes a synthetic iPhone backup to DIR, which must not exist, encrypted if a password is given.";

struct Options {
    folder: PathBuf,
    size: Size,
    password: Option<String>,
}

/// What the arguments ask for; nothing if there is no folder among them, as when cargo runs all benches.
fn options(arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut size = Size { messages: 250_000, whatsapp: 1_000_000, visits: 500_000, files: 100_000 };
    let (mut folder, mut password) = (None, None);
    let mut arguments = arguments.filter(|argument| argument != "--bench" && argument != "--test");
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("`{argument}` needs a value"));
        let number = |text: String| text.parse::<u32>().map_err(|_| format!("`{text}` is no number of rows"));
        match argument.as_str() {
            "--messages" => size.messages = number(value()?)?,
            "--whatsapp" => size.whatsapp = number(value()?)?,
            "--visits" => size.visits = number(value()?)?,
            "--files" => size.files = number(value()?)?,
            "--password" => password = Some(value()?),
            option if option.starts_with('-') => return Err(format!("unknown option `{option}`")),
            _ => folder = Some(PathBuf::from(argument)),
        }
    }
    Ok(folder.map(|folder| Options { folder, size, password }))
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    if options.folder.exists() {
        eprintln!("`{}` exists already", options.folder.display());
        return ExitCode::FAILURE;
    }
    let start = Instant::now();
    large::write(&options.folder, options.size, options.password.as_deref());
    println!(
        "wrote {:?} to `{}` in {:.1} s",
        options.size,
        options.folder.display(),
        start.elapsed().as_secs_f64()
    );
    ExitCode::SUCCESS
}
