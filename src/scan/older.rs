//! Older acquisitions of the phone that were collected with a newer one: opened one after the other, and never mixed with it.

use super::source_problem;
use crate::finding::Problem;
use crate::source::{Source, SourceError};

/// What became of them.
#[derive(Default)]
pub(super) struct Reports {
    opened: usize,
    pub problems: Vec<Problem>,
    /// When each was made, and what limits it.
    pub limits: Vec<String>,
}

impl Reports {
    /// How many were opened so far.
    pub fn len(&self) -> usize {
        self.opened
    }

    pub fn problem(&mut self, prefix: &str, name: &str, error: &SourceError) {
        let mut problem = source_problem(name, error);
        problem.path.insert_str(0, prefix);
        self.problems.push(problem);
    }

    /// Opens the one of that name, unless it cannot be read or is of another phone.
    pub fn open(&mut self, source: &dyn Source, name: &str, prefix: &str) -> Option<Box<dyn Source>> {
        let older = match source.open_older(name) {
            Ok(older) => older,
            Err(error) => {
                self.problem(prefix, name, &error);
                return None;
            }
        };
        let (own, theirs) = (&source.device().serial, older.device());
        let whose = match (own, &theirs.serial) {
            (Some(own), Some(their)) if !own.eq_ignore_ascii_case(their) => {
                let reason = format!(
                    "is of another phone, with the serial number {their} instead of {own}, and was not read"
                );
                self.problems.push(Problem::new(format!("{prefix}{name}"), reason));
                return None;
            }
            (Some(_), Some(_)) => "of the same phone",
            _ => "of which it could not be checked that it is of the same phone",
        };
        let made = theirs.acquired.map_or_else(|| "at a time that is not told".into(), crate::time::short);
        let name = format!("{prefix}{name}");
        self.limits.push(format!(
            "`{name}` is an older report, {whose}, made {made}; its times are reckoned from then"
        ));
        self.limits.extend(theirs.limits.iter().map(|limit| format!("{name}: {limit}")));
        self.opened += 1;
        Some(older)
    }
}
