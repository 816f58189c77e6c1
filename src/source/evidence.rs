//! The evidence as it lies on the examiner's disk: names, sizes and, if asked for, hashes. For the record of a run.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::record::hex;

/// A file of the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Relative to the acquisition, with `/`; the file's own name where the acquisition is one file.
    pub path: String,
    pub size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Why the file could not be read or hashed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Every file of an acquisition, sorted, with its SHA-256 if `hashes`; without, only the files that lie at its top.
///
/// A file that cannot be read says so and keeps no other from being recorded.
pub fn evidence(path: &Path, hashes: bool) -> Vec<Evidence> {
    if path.is_file() {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        return vec![of_file(path, name, hashes)];
    }
    let depth = if hashes { usize::MAX } else { 1 };
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(path)
        .max_depth(depth)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect();
    files.sort();
    files
        .par_iter()
        .map(|file| {
            let relative = file.strip_prefix(path).unwrap_or(file);
            let parts: Vec<_> =
                relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            of_file(file, parts.join("/"), hashes)
        })
        .collect()
}

fn of_file(path: &Path, name: String, hash: bool) -> Evidence {
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let hashed = hash.then(|| sha256(path)).transpose();
    let error = hashed.as_ref().err().map(io::Error::to_string);
    Evidence { path: name, size, sha256: hashed.ok().flatten(), error }
}

#[expect(clippy::disallowed_methods, reason = "the evidence itself is hashed, read-only")]
fn sha256(path: &Path) -> io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut digest = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            count => digest.update(chunk.get(..count).unwrap_or_default()),
        }
    }
    Ok(hex(&digest.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_hashed_only_when_asked_and_listed_in_order() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        for name in ["b/c", "a"] {
            let mut options = std::fs::OpenOptions::new();
            let mut file =
                options.write(true).create(true).truncate(true).open(folder.path().join(name)).unwrap();
            io::Write::write_all(&mut file, b"abc").unwrap();
        }
        let hashed = evidence(folder.path(), true);
        assert_eq!(hashed.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["a", "b/c"]);
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(hashed.iter().all(|file| file.sha256.as_deref() == Some(expected)));
        assert_eq!(evidence(folder.path(), false).len(), 1);
    }
    #[test]
    fn a_file_that_cannot_be_hashed_says_so() {
        let missing = of_file(Path::new("/nonexistent/a"), "a".into(), true);
        assert_eq!((missing.sha256, missing.error.is_some()), (None, true));
    }
}
