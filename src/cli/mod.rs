//! The command line: what may be asked for, one file a verb, and the exit status. Nothing is decided here that a library user would miss.

mod error;
mod explain;
mod indicators;
mod keys;
mod panics;
mod progress;
mod rescan;
mod scan;
mod secrets;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use error::Failure;

use crate::report::results::Form;

/// Find the traces that published spyware indicators describe in a phone acquisition. Nothing leaves this computer.
#[derive(Parser, Debug)]
#[command(name = "hoofprint", version, about, max_term_width = 100, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    /// Say more: why the input was recognised, which indicators are not used
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Accepted for MVT's sake: hoofprint never looks for updates
    #[arg(long, global = true, hide = true)]
    disable_update_check: bool,
    /// Accepted for MVT's sake: hoofprint never looks for updates
    #[arg(long, global = true, hide = true)]
    disable_indicator_update_check: bool,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Scan a phone acquisition, as a folder, file or archive: an iOS backup (plain or encrypted), filesystem dump or sysdiagnose; an Android bugreport,
    /// AndroidQF acquisition, backup or intrusion logs
    Scan(ScanArguments),
    /// MVT's verb for `scan` of a backup; writes MVT's files
    CheckBackup(ScanArguments),
    /// MVT's verb for `scan` of a filesystem dump; writes MVT's files
    CheckFs(ScanArguments),
    /// MVT's verb for `scan` of a sysdiagnose; writes MVT's files
    CheckSysdiagnose(ScanArguments),
    /// MVT's verb for `scan` of an Android bugreport; writes MVT's files
    CheckBugreport(ScanArguments),
    /// MVT's verb for `scan` of an AndroidQF acquisition; writes MVT's files
    CheckAndroidqf(ScanArguments),
    /// MVT's verb for `scan` of Android intrusion logs; writes MVT's files
    CheckIntrusionLogs(ScanArguments),
    /// Check the results of earlier scans, one or thousands, against other indicators
    #[command(alias = "check-iocs")]
    Rescan(RescanArguments),
    /// Write a decrypted copy of an encrypted backup (a scan does not need it)
    #[command(alias = "decrypt-backup")]
    Decrypt(DecryptArguments),
    /// Derive the key of an encrypted backup, so that its password is not needed again
    ExtractKey(ExtractKeyArguments),
    /// Print one finding of a scan in full, or the page about a rule
    Explain(ExplainArguments),
    /// Show, try, check, build and compare indicator sets
    #[command(subcommand)]
    Indicators(IndicatorsVerb),
    /// List the artifacts that a scan reads
    Artifacts,
    /// Print the version
    Version,
}

/// How the password of an encrypted backup is given; asked for on the terminal if none of these is.
#[derive(Args, Debug, Clone, Default)]
struct SecretArguments {
    /// Read the backup password from the first line of a file
    #[arg(long, value_name = "FILE", help_heading = "Encrypted backups")]
    password_file: Option<PathBuf>,
    /// Read the backup password from an open file descriptor
    #[arg(long, value_name = "N", help_heading = "Encrypted backups")]
    password_fd: Option<u32>,
    /// The backup password itself: other users of this computer can see it while the program runs
    #[arg(short, long, help_heading = "Encrypted backups")]
    password: Option<String>,
    /// A key file made by `extract-key`, instead of the password; or an age key for an encrypted acquisition
    #[arg(short, long, value_name = "FILE", help_heading = "Encrypted backups")]
    key_file: Option<PathBuf>,
}

#[derive(Args, Debug, Clone)]
struct IndicatorArguments {
    /// Indicators to add: STIX bundles, CSV or plain lists, or a folder of them (repeatable)
    #[arg(short, long = "iocs", value_name = "PATH", help_heading = "Indicators")]
    iocs: Vec<PathBuf>,
    /// Leave out the bundled indicator sets
    #[arg(long, help_heading = "Indicators")]
    no_bundled: bool,
}

#[derive(Args, Debug)]
struct ScanArguments {
    /// The acquisition; several of the same phone (a backup and a sysdiagnose) are read together
    #[arg(required_unless_present = "list_modules", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write findings, timeline and records into this folder
    #[arg(short, long, value_name = "FOLDER", help_heading = "Output")]
    output: Option<PathBuf>,
    /// What to write into the output folder (repeatable, or separated by commas). One of `json`, `sarif`, `junit` and
    /// `github` alone, without a folder, replaces the report
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FORMAT", help_heading = "Output")]
    format: Vec<Format>,
    /// Replace the files of an earlier scan in the output folder
    #[arg(long, help_heading = "Output")]
    clobber: bool,
    /// How far around a finding events are shown beside it, such as 90s, 5m or 2h
    #[arg(long, default_value = "5m", value_parser = seconds, value_name = "TIME", help_heading = "Output")]
    context: i64,
    /// Leave out the store of observables, which `rescan` reads
    #[arg(long, help_heading = "Output")]
    no_store: bool,
    /// Record the SHA-256 of every evidence file in run.json
    #[arg(short = 'H', long, help_heading = "Output")]
    hashes: bool,
    /// Leave out what is below this level on the terminal
    #[arg(long, value_enum, value_name = "LEVEL", help_heading = "Output")]
    min_level: Option<LevelArgument>,
    /// No report on the terminal
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
    /// Progress on standard error: a bar on a terminal by default
    #[arg(long, value_enum, default_value = "auto", value_name = "HOW", help_heading = "Output")]
    progress: ProgressArgument,
    #[command(flatten)]
    indicators: IndicatorArguments,
    #[command(flatten)]
    secrets: SecretArguments,
    /// Read only this artifact, by its id or MVT's module name (repeatable)
    #[arg(short, long, value_name = "NAME", help_heading = "Scope")]
    module: Vec<String>,
    /// Leave this artifact out (repeatable)
    #[arg(long, value_name = "NAME", help_heading = "Scope")]
    exclude_module: Vec<String>,
    /// How much of the unified log to read: who logged and the entries around hits, or every entry
    #[arg(long, value_enum, default_value = "fast", value_name = "HOW", help_heading = "Scope")]
    unified_log: LogDepth,
    /// Do not search the bytes of every file, read what the artifacts name only
    #[arg(long, help_heading = "Scope")]
    no_sweep: bool,
    /// List the artifacts and end
    #[arg(short, long, help_heading = "Scope")]
    list_modules: bool,
    /// Accepted for MVT's sake: every scan is fast
    #[arg(short, long, hide = true)]
    fast: bool,
    /// Threads to use; by default one for each core
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "Resources")]
    jobs: Option<u16>,
    /// Memory for files of archives that must be unpacked, in MiB
    #[arg(long, default_value_t = 256, value_name = "MIB", help_heading = "Resources")]
    max_memory: u64,
    /// End with status 10 if there is a finding of this level or above
    #[arg(long, value_enum, value_name = "LEVEL", help_heading = "Exit status")]
    fail_on: Option<LevelArgument>,
    /// End with status 20 if something could not be read
    #[arg(long, help_heading = "Exit status")]
    strict: bool,
}

#[derive(Args, Debug)]
struct RescanArguments {
    /// The output folder of a scan, whose records are judged again with all rules; or any number of stores
    /// (`observables.tsv.gz`), output folders, and folders of output folders, of which only the stores are read
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Read the store, not the records, also where a single output folder is given
    #[arg(long)]
    store: bool,
    #[command(flatten)]
    indicators: IndicatorArguments,
    /// Write the findings into this folder (not for stores)
    #[arg(short, long, value_name = "FOLDER", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Replace the files of an earlier scan in the output folder
    #[arg(long, help_heading = "Output")]
    clobber: bool,
    /// For people, or for the CI system that reads it
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT", help_heading = "Output")]
    format: indicators::lint::CiFormat,
    /// End with status 10 if there is a finding of this level or above
    #[arg(long, value_enum, value_name = "LEVEL", help_heading = "Exit status")]
    fail_on: Option<LevelArgument>,
    /// End with status 20 if something could not be read
    #[arg(long, help_heading = "Exit status")]
    strict: bool,
}

#[derive(Args, Debug)]
struct DecryptArguments {
    /// The encrypted backup
    path: PathBuf,
    /// Where the decrypted copy goes; must be empty or not exist
    #[arg(short, long, visible_alias = "output", value_name = "FOLDER")]
    destination: PathBuf,
    #[command(flatten)]
    secrets: SecretArguments,
    /// Accepted for MVT's sake
    #[arg(long, hide = true)]
    jobs: Option<usize>,
    /// Accepted for MVT's sake
    #[arg(short = 'H', long, hide = true)]
    hashes: bool,
}

#[derive(Args, Debug)]
struct ExtractKeyArguments {
    /// The encrypted backup
    path: PathBuf,
    /// Write the key to this file instead of printing it
    #[arg(short, long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The backup password itself: other users of this computer can see it while the program runs
    #[arg(short, long)]
    password: Option<String>,
    /// Read the backup password from the first line of a file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Read the backup password from an open file descriptor
    #[arg(long, value_name = "N")]
    password_fd: Option<u32>,
}

#[derive(Args, Debug)]
struct ExplainArguments {
    /// The id of a finding or of a rule, `all` for every rule, or `verdict` for the table of verdicts
    id: String,
    /// The output folder of the scan
    #[arg(default_value = ".")]
    folder: PathBuf,
}

#[derive(Subcommand, Debug)]
enum IndicatorsVerb {
    /// Make one file from published files: our catalogue, a STIX 2.1 bundle, a table, MISP events or plain lists
    Build(indicators::build::Arguments),
    /// Write sets in another form
    Convert(indicators::convert::Arguments),
    /// Tell what changed between two sets, by meaning
    Diff(indicators::diff::Arguments),
    /// Tell what a value would match, by which rule, and which rules were tried
    Explain(indicators::explain::Arguments),
    /// Download published sets: the one verb that uses the network
    #[cfg(feature = "update")]
    Fetch(indicators::fetch::Arguments),
    /// Tell what is wrong or doubtful in indicator files, and how to mend it
    Lint(indicators::lint::Arguments),
    /// List the sets, their origin and what of them is not used, with reasons
    List(indicators::list::Arguments),
    /// Show the values of a campaign or set
    Show(indicators::show::Arguments),
    /// Count what is loaded: kinds, campaigns, roles, ages, and what is not used by reason
    Stats(indicators::stats::Arguments),
    /// Test sets: given and expected, harmless values that must not match, and what they would change in earlier scans
    Test(indicators::test::Arguments),
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// hoofprint's own files
    Hoofprint,
    /// MVT's files and names
    Mvt,
    /// One file that Timesketch imports
    Timesketch,
    /// Findings for programs, as `findings.json`
    Json,
    /// Findings as SARIF 2.1.0, in `findings.sarif`
    Sarif,
    /// Findings as JUnit XML, in `findings.xml`
    Junit,
    /// Findings as annotations of GitHub's workflows, in `findings.annotations`
    Github,
}

impl Format {
    /// The form for CI systems, if it is one.
    fn form(self) -> Option<Form> {
        match self {
            Format::Hoofprint | Format::Mvt | Format::Timesketch => None,
            Format::Json => Some(Form::Json),
            Format::Sarif => Some(Form::Sarif),
            Format::Junit => Some(Form::Junit),
            Format::Github => Some(Form::Github),
        }
    }
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum LevelArgument {
    #[value(alias = "informational")]
    Info,
    Low,
    Medium,
    High,
    Critical,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum LogDepth {
    Fast,
    Full,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum ProgressArgument {
    Auto,
    Bar,
    Json,
    None,
}

/// `90s`, `5m`, `2h` or a number of seconds.
fn seconds(text: &str) -> Result<i64, String> {
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        _ => (text, 1),
    };
    let value = number.parse::<i64>().ok().and_then(|value| value.checked_mul(unit));
    value
        .filter(|value| (0..=31_536_000).contains(value))
        .ok_or_else(|| "not a time such as 90s, 5m or 2h".into())
}

/// Runs the program with this process's arguments and environment.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let verbose = arguments.verbose;
    let result = match arguments.verb {
        Verb::Scan(scan) => scan::run(&scan, &[Format::Hoofprint], verbose),
        Verb::CheckBackup(scan)
        | Verb::CheckFs(scan)
        | Verb::CheckSysdiagnose(scan)
        | Verb::CheckBugreport(scan)
        | Verb::CheckAndroidqf(scan)
        | Verb::CheckIntrusionLogs(scan) => scan::run(&scan, &[Format::Mvt], verbose),
        Verb::Rescan(rescan) => rescan::run(&rescan, verbose),
        Verb::Decrypt(decrypt) => keys::decrypt(&decrypt),
        Verb::ExtractKey(extract) => keys::extract(&extract),
        Verb::Explain(explain) => explain::run(&explain),
        Verb::Indicators(verb) => indicators::run(&verb, verbose),
        Verb::Artifacts => scan::list_artifacts(),
        Verb::Version => {
            print(&format!("hoofprint {}\n", env!("CARGO_PKG_VERSION")));
            Ok(0)
        }
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            eprint(&failure.page());
            ExitCode::from(failure.status())
        }
    }
}

/// Standard output that survives a reader who has gone.
fn print(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
}

/// Like [`print`], where the text is the result: a full disk is an error, a reader who has gone is not.
fn print_all(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    match std::io::Write::write_all(&mut out, text.as_bytes()).and_then(|()| std::io::Write::flush(&mut out))
    {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::Print(error)),
        _ => Ok(()),
    }
}

fn eprint(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
}

/// Columns of the terminal that `stream` is; 0 where it is none.
fn width(is_terminal: bool) -> usize {
    if !is_terminal {
        return 0;
    }
    let columns = terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0));
    columns.clamp(40, 120)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("5m"), Ok(300));
        assert_eq!(seconds("2h"), Ok(7200));
        assert_eq!(seconds("30"), Ok(30));
        assert!(seconds("soon").is_err());
        assert!(seconds("-5m").is_err());
    }
}
