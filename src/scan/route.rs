//! Which artifacts want a file, decided from its device path.
//!
//! One big glob set over half a million paths takes eighteen seconds; split into literal paths, literal file names and the few that are
//! neither, the same globs take a sixth of one.

use std::collections::HashMap;

use globset::{GlobBuilder, GlobMatcher};

use super::{Wanted, unified_log};
use crate::artifact::{Artifact, LogPart, Parse};
use crate::source::{FileKind, VirtualFile};

/// What a rotated log or database is called that its program compressed.
pub(super) const GZIP: &str = ".gz";
/// What the write-ahead log of a database is called.
pub(super) const LOG: &str = "-wal";

/// What a file is to the scan.
pub enum Wants {
    Nothing,
    /// Nobody reads it, but its bytes are searched.
    Search,
    /// The write-ahead log of a database that is wanted.
    Log,
    /// The indexes of the artifacts that read it.
    Artifacts(Vec<usize>),
}

/// Which artifacts read a file, and which want it to explain what they read.
pub struct Router {
    files: Paths,
    beside: Paths,
    /// Those of the artifacts that read databases.
    databases: Vec<usize>,
    /// The artifact of the unified log's entries.
    entries: Option<usize>,
    /// The raw search, which wants every file.
    sweep: Option<usize>,
}

/// Globs of artifacts, indexed.
#[derive(Default)]
struct Paths {
    literal: HashMap<&'static str, Vec<usize>>,
    by_name: HashMap<&'static str, Vec<(GlobMatcher, usize)>>,
    rest: Vec<(&'static str, GlobMatcher, usize)>,
}

const WILD: [char; 4] = ['*', '?', '[', '{'];

impl Router {
    /// Routes to those of `artifacts` that are `asked` for, by their index.
    pub fn new(artifacts: &[&'static Artifact], asked: &[bool]) -> Router {
        let mut router = Router {
            files: Paths::default(),
            beside: Paths::default(),
            databases: Vec::new(),
            entries: None,
            sweep: None,
        };
        let asked = artifacts.iter().zip(asked).enumerate().filter(|(_, (_, asked))| **asked);
        for (index, (artifact, _)) in asked {
            if artifact.parse.is_database() {
                router.databases.push(index);
            }
            if matches!(artifact.parse, Parse::UnifiedLog(LogPart::Entries)) {
                router.entries = Some(index);
            }
            if matches!(artifact.parse, Parse::Sweep) {
                router.sweep = Some(index);
                continue;
            }
            artifact.files.iter().for_each(|glob| router.files.add(glob, index));
            artifact.parse.beside().iter().for_each(|glob| router.beside.add(glob, index));
        }
        router
    }

    /// What is to be done with a file.
    pub fn wants(&self, file: &VirtualFile) -> Wants {
        if file.kind != FileKind::File {
            return Wants::Nothing;
        }
        if let Some(database) = file.path.strip_suffix(LOG)
            && (self.route(database).iter().any(|index| self.databases.contains(index))
                || !self.beside.route(database).is_empty())
        {
            return Wants::Log;
        }
        let mut artifacts = self.route(&file.path);
        if artifacts.is_empty() {
            let search = self.sweep.is_some() && !file.missing && !file.opened;
            return if search { Wants::Search } else { Wants::Nothing };
        }
        // What a chunk of the unified log unpacks to is searched where it is unpacked.
        if !self.entries.is_some_and(|entries| artifacts.contains(&entries)) && !file.missing && !file.opened
        {
            artifacts.extend(self.sweep);
        }
        Wants::Artifacts(artifacts)
    }

    /// The raw search, by its index, where it is asked for.
    pub fn sweep(&self) -> Option<usize> {
        self.sweep
    }

    /// A file that the raw search wants to see again; `None` where nobody asked for a search.
    pub fn again(&self, file: VirtualFile) -> Option<Wanted> {
        self.sweep.map(|sweep| Wanted::new(file, vec![sweep]))
    }

    /// Keeps the files of the unified log in mind, which are read together.
    pub fn note_log(
        &self,
        file: &VirtualFile,
        strings: &mut Vec<VirtualFile>,
        traces: &mut Vec<VirtualFile>,
    ) {
        let Some(entries) = self.entries else { return };
        if file.kind != FileKind::File {
            return;
        }
        if unified_log::is_strings(&file.path) {
            strings.push(file.clone());
        } else if file.path.ends_with(unified_log::TRACE) && self.route(&file.path).contains(&entries) {
            // Asked by its name first: a phone has half a million files, and each is routed once already.
            traces.push(file.clone());
        }
    }

    /// The indexes of the artifacts to which this file explains another.
    pub fn explains(&self, file: &VirtualFile) -> Vec<usize> {
        if file.kind == FileKind::File && !file.missing { self.beside.route(&file.path) } else { Vec::new() }
    }

    /// The indexes of the artifacts that read this path, ascending, each once. A file that is compressed alone is the file.
    pub fn route(&self, path: &str) -> Vec<usize> {
        self.files.route(path.strip_suffix(GZIP).unwrap_or(path))
    }
}

impl Paths {
    fn add(&mut self, glob: &'static str, index: usize) {
        let Some(wild) = glob.find(WILD) else {
            self.literal.entry(glob).or_default().push(index);
            return;
        };
        let matcher = GlobBuilder::new(glob)
            .literal_separator(true)
            .build()
            .expect("the registry test compiles every glob")
            .compile_matcher();
        let name = glob.rsplit('/').next().unwrap_or(glob);
        if name.contains(WILD) {
            self.rest.push((&glob[..wild], matcher, index));
        } else {
            self.by_name.entry(name).or_default().push((matcher, index));
        }
    }

    /// The indexes whose globs fit this path, ascending, each once.
    fn route(&self, path: &str) -> Vec<usize> {
        let mut wanted: Vec<usize> = self.literal.get(path).cloned().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or(path);
        for (matcher, index) in self.by_name.get(name).into_iter().flatten() {
            if matcher.is_match(path) {
                wanted.push(*index);
            }
        }
        for (prefix, matcher, index) in &self.rest {
            if path.starts_with(prefix) && matcher.is_match(path) {
                wanted.push(*index);
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Trace;

    const fn artifact(id: &'static str, files: &'static [&'static str]) -> Artifact {
        Artifact {
            id,
            title: "",
            about: "",
            files,
            columns: &[],
            shows: Trace::Mentioned,
            line: "",
            parse: Parse::Listing(|_, _| ()),
        }
    }

    #[test]
    fn literal_named_and_wild_paths_find_their_artifacts_and_a_star_stays_in_its_component() {
        static LITERAL: Artifact = artifact("a", &["/private/var/a.db"]);
        static NAMED: Artifact = artifact("b", &["/private/var/*/History.db", "/private/**/a.db"]);
        static WILD: Artifact = artifact("c", &["/private/var/profiles/profile-*"]);
        let router = Router::new(&[&LITERAL, &NAMED, &WILD], &[true; 3]);
        assert_eq!(router.route("/private/var/a.db"), [0, 1]);
        assert_eq!(router.route("/private/var/x/History.db"), [1]);
        assert_eq!(router.route("/private/var/x/y/History.db"), Vec::<usize>::new());
        assert_eq!(router.route("/private/var/profiles/profile-1.stub"), [2]);
        assert_eq!(router.route("/private/var/profiles/x/profile-1"), Vec::<usize>::new());
    }
}
