//! What ends the program early: what, where, why, and the next step; and the exit status that goes with it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::indicator::{BuildError, LoadError};
use crate::report::folder::OutputError;
use crate::scan::ScanError;
use crate::source::SourceError;

/// A reason to stop.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("`{0}` and `{1}` are of different phones ({2})")]
    DifferentPhones(String, String, String),
    #[error(transparent)]
    Indicators(#[from] LoadError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[cfg(feature = "update")]
    #[error(transparent)]
    Fetch(#[from] crate::indicator::FetchError),
    #[cfg(feature = "update")]
    #[error("no folder for data is known on this system")]
    NoDataFolder,
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("no artifact or module is called `{0}`")]
    UnknownModule(String),
    #[error("`--format` needs a folder to write to")]
    FormatWithoutFolder,
    #[error("`--output` is for the records of one scan, not for stores")]
    FolderForStores,
    #[error("the output folder `{output}` lies inside `{read}`, which is only read")]
    OutputInside { output: PathBuf, read: PathBuf },
    #[error("cannot write the report to standard output: {0}")]
    Print(std::io::Error),
    #[error("cannot read `{path}`: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write `{path}`: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("`{folder}` has no finding `{id}`")]
    NoSuchFinding { id: String, folder: PathBuf },
    #[error("`{0}` is not the output folder of a scan")]
    NotAnOutput(PathBuf),
    #[error("no campaign, vendor or set is called `{0}`, or it has no such values")]
    NoSuchSet(String),
    #[error("the form to write is not known from the name of the output{}", .0.as_ref().map(|path| format!(" `{}`", path.display())).unwrap_or_default())]
    UnknownForm(Option<PathBuf>),
    #[error("{0}")]
    Key(String),
    #[error("cannot use {0} threads: {1}")]
    Threads(usize, String),
}

impl From<ScanError> for Failure {
    fn from(error: ScanError) -> Failure {
        match error {
            ScanError::Source(error) => Failure::Source(error),
            ScanError::DifferentPhones(one, other, how) => Failure::DifferentPhones(one, other, how),
        }
    }
}

impl Failure {
    pub fn read(path: &Path, source: std::io::Error) -> Failure {
        Failure::Read { path: path.to_owned(), source }
    }

    pub fn write(path: &Path, source: std::io::Error) -> Failure {
        Failure::Write { path: path.to_owned(), source }
    }

    /// 1 unexpected, 2 usage, 3 input not recognised or unreadable, 4 password, 5 indicators unusable.
    pub fn status(&self) -> u8 {
        match self {
            Failure::Source(SourceError::PasswordMissing | SourceError::PasswordWrong) | Failure::Key(_) => 4,
            Failure::Source(_)
            | Failure::Read { .. }
            | Failure::NotAnOutput(_)
            | Failure::NoSuchFinding { .. } => 3,
            Failure::Indicators(_) | Failure::Build(_) => 5,
            Failure::UnknownModule(_)
            | Failure::NoSuchSet(_)
            | Failure::UnknownForm(_)
            | Failure::DifferentPhones(..)
            | Failure::FormatWithoutFolder
            | Failure::FolderForStores
            | Failure::OutputInside { .. }
            | Failure::Output(OutputError::NotEmpty(_)) => 2,
            Failure::Output(OutputError::Write { .. })
            | Failure::Write { .. }
            | Failure::Print(_)
            | Failure::Threads(..) => 1,
            #[cfg(feature = "update")]
            Failure::Fetch(_) => 1,
            #[cfg(feature = "update")]
            Failure::NoDataFolder => 2,
        }
    }

    fn hint(&self) -> String {
        match self {
            Failure::Source(error) => error.hint().to_owned(),
            Failure::Indicators(error) => error.hint.clone(),
            Failure::Output(OutputError::NotEmpty(_)) => {
                "choose another folder, or add `--clobber` to replace the files of an earlier scan".into()
            }
            Failure::Output(OutputError::Write { .. }) | Failure::Write { .. } => {
                "check the free space and your permission to write there; the evidence was not changed".into()
            }
            Failure::UnknownModule(_) => "`hoofprint artifacts` lists them".into(),
            Failure::OutputInside { .. } => {
                "choose a folder outside of it: nothing is ever written beside what is examined".into()
            }
            Failure::Print(_) => "check the free space, or write the results into a folder with `-o`".into(),
            Failure::DifferentPhones(..) => {
                "scan each by itself: together go only acquisitions of one phone".into()
            }
            Failure::FormatWithoutFolder => "add `-o FOLDER`".into(),
            Failure::FolderForStores => "add `--format json` and redirect the output".into(),
            Failure::NoSuchFinding { .. } => {
                "give the id that the report shows in front of a finding, and the folder of that scan".into()
            }
            Failure::NoSuchSet(_) => "`hoofprint indicators list` and `stats` name them".into(),
            Failure::UnknownForm(_) => "add `--to stix`, `csv`, `misp`, `list` or `catalogue`".into(),
            Failure::NotAnOutput(_) => "give the folder that a scan wrote with `-o`, or its store".into(),
            Failure::Key(_) => "make it again with `hoofprint extract-key BACKUP --key-file FILE`".into(),
            Failure::Read { .. } => "check that it exists and that you may read it".into(),
            Failure::Threads(..) => "leave `--jobs` out".into(),
            Failure::Build(_) => String::new(),
            #[cfg(feature = "update")]
            Failure::Fetch(_) => "stored sets are as they were; check the address and the connection".into(),
            #[cfg(feature = "update")]
            Failure::NoDataFolder => "add `-o FOLDER`".into(),
        }
    }

    /// The message with its hint.
    pub fn page(&self) -> String {
        let mut page = format!("error: {}\n", crate::report::terminal::safe(&self.to_string()));
        let hint = self.hint();
        if !hint.is_empty() {
            let _ = writeln!(page, "  hint: {hint}");
        }
        page
    }
}
