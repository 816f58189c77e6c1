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
}

/// Every file of an acquisition, sorted, with its SHA-256 if `hashes`; without, only the files that lie at its top.
pub fn evidence(path: &Path, hashes: bool) -> io::Result<Vec<Evidence>> {
    if path.is_file() {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        return Ok(vec![of_file(path, name, hashes)?]);
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

#[expect(clippy::disallowed_methods, reason = "the evidence itself is hashed, read-only")]
fn of_file(path: &Path, name: String, hash: bool) -> io::Result<Evidence> {
    let mut file = std::fs::File::open(path)?;
    let size = file.metadata()?.len();
    if !hash {
        return Ok(Evidence { path: name, size, sha256: None });
    }
    let mut digest = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            count => digest.update(chunk.get(..count).unwrap_or_default()),
        }
    }
    Ok(Evidence { path: name, size, sha256: Some(hex(&digest.finalize())) })
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
        let hashed = evidence(folder.path(), true).unwrap();
        assert_eq!(hashed.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["a", "b/c"]);
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(hashed.iter().all(|file| file.sha256.as_deref() == Some(expected)));
        assert_eq!(evidence(folder.path(), false).unwrap().len(), 1);
    }
}
