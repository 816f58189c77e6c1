//! Which artifacts want a file, decided from its device path.
//!
//! One big glob set over half a million paths takes eighteen seconds; split into literal paths, literal file names and the few that are
//! neither, the same globs take a sixth of one.

use std::collections::HashMap;

use globset::{GlobBuilder, GlobMatcher};

use crate::artifact::Artifact;

/// The paths of a list of artifacts, indexed.
pub struct Router {
    literal: HashMap<&'static str, Vec<usize>>,
    by_name: HashMap<&'static str, Vec<(GlobMatcher, usize)>>,
    rest: Vec<(&'static str, GlobMatcher, usize)>,
}

const WILD: [char; 4] = ['*', '?', '[', '{'];

impl Router {
    /// Routes the paths that `globs` gives for an artifact to those of `artifacts` that are `asked` for, by their index.
    pub fn new(
        artifacts: &[&'static Artifact],
        asked: &[bool],
        globs: fn(&'static Artifact) -> &'static [&'static str],
    ) -> Router {
        let mut router = Router { literal: HashMap::new(), by_name: HashMap::new(), rest: Vec::new() };
        for (index, (artifact, _)) in
            artifacts.iter().zip(asked).enumerate().filter(|(_, (_, asked))| **asked)
        {
            for glob in globs(artifact) {
                router.add(glob, index);
            }
        }
        router
    }

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

    /// The indexes of the artifacts that read this path, ascending, each once.
    pub fn route(&self, path: &str) -> Vec<usize> {
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
    use crate::artifact::Parse;
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
        let router = Router::new(&[&LITERAL, &NAMED, &WILD], &[true; 3], |artifact| artifact.files);
        assert_eq!(router.route("/private/var/a.db"), [0, 1]);
        assert_eq!(router.route("/private/var/x/History.db"), [1]);
        assert_eq!(router.route("/private/var/x/y/History.db"), Vec::<usize>::new());
        assert_eq!(router.route("/private/var/profiles/profile-1.stub"), [2]);
        assert_eq!(router.route("/private/var/profiles/x/profile-1"), Vec::<usize>::new());
    }
}
