//! Downloads published sets: the one part of hoofprint that uses the network, and only built with the feature `update`.
//!
//! A set replaces the stored one only after it came whole, over TLS, within its limits, and was read as indicators. Whatever goes
//! wrong, the stored set stays as it was.

mod download;
mod index;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::download::Got;
use self::index::{Entry, index};
use super::catalogue::digest;
use super::diff::{Difference, diff};
use super::load;
use super::set::IndicatorSet;

/// MVT's list of published sets.
pub const MVT_INDEX: &str =
    "https://raw.githubusercontent.com/mvt-project/mvt-indicators/main/indicators.yaml";

const MAX_INDEX_BYTES: u64 = 4 << 20;
const MAX_ENTRIES: usize = 1000;

/// The limits of one run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of one file, from the first look-up to the last byte.
    pub time: Duration,
    /// Of one file.
    pub bytes: u64,
    /// Servers of this computer need no TLS; for tests.
    pub plain_loopback: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { time: Duration::from_secs(120), bytes: 64 << 20, plain_loopback: false }
    }
}

/// What became of one set.
#[derive(Clone, Debug, Serialize)]
pub struct Fetched {
    pub name: String,
    pub url: String,
    #[serde(flatten)]
    pub outcome: Outcome,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    New {
        values: usize,
    },
    Unchanged,
    Updated {
        difference: Difference,
    },
    /// The stored set, if there is one, is as it was.
    Failed {
        reason: String,
    },
}

/// Why nothing was downloaded.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("cannot download the index `{url}`: {reason}")]
    Index { url: String, reason: String },
    #[error("cannot store sets in `{folder}`: {reason}")]
    Folder { folder: PathBuf, reason: std::io::Error },
}

/// What is stored beside a set.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Provenance {
    name: String,
    url: String,
    /// Where redirects led to.
    final_url: String,
    index: String,
    /// UTC.
    fetched: String,
    /// Of the stored file.
    sha256: String,
    bytes: u64,
    values: usize,
    #[serde(default)]
    etag: String,
    #[serde(default)]
    last_modified: String,
}

/// Downloads every set that the index at `url` names into `folder`, and calls `each` with what became of it.
///
/// `now` is written into the provenance. The result tells what of the index could not be used.
///
/// # Errors
/// Where the index cannot be downloaded or names no set, or the folder cannot be made.
pub fn fetch(
    url: &str,
    folder: &Path,
    limits: &Limits,
    now: Timestamp,
    each: &mut dyn FnMut(&Fetched),
) -> Result<Vec<String>, FetchError> {
    let failed = |reason: String| FetchError::Index { url: url.to_owned(), reason };
    let index_limits = Limits { bytes: MAX_INDEX_BYTES.min(limits.bytes), ..*limits };
    let text = match download::get(url, "", &index_limits).map_err(failed)? {
        Got::Body(body) => String::from_utf8(body.bytes).map_err(|_| failed("it is not text".into()))?,
        Got::NotModified => return Err(failed("an answer to a question that was not asked".into())),
    };
    let (mut entries, mut told) = index(&text);
    if entries.is_empty() {
        return Err(failed("it names no set".into()));
    }
    if entries.len() > MAX_ENTRIES {
        told.push(format!("{} more entries than {MAX_ENTRIES} are not used", entries.len() - MAX_ENTRIES));
        entries.truncate(MAX_ENTRIES);
    }
    std::fs::create_dir_all(folder)
        .map_err(|reason| FetchError::Folder { folder: folder.to_owned(), reason })?;
    for entry in entries {
        let outcome = match one(&entry, url, folder, limits, now) {
            Ok(outcome) => outcome,
            Err(reason) => Outcome::Failed { reason },
        };
        each(&Fetched { name: entry.name, url: entry.url, outcome });
    }
    Ok(told)
}

fn one(
    entry: &Entry,
    index: &str,
    folder: &Path,
    limits: &Limits,
    now: Timestamp,
) -> Result<Outcome, String> {
    let path = folder.join(file_name(&entry.url));
    let sidecar = path.with_added_extension("provenance");
    let old = stored(&path, &sidecar);
    let etag = old.as_ref().map_or("", |(_, known)| &known.etag);
    let body = match download::get(&entry.url, etag, limits)? {
        Got::NotModified => return Ok(Outcome::Unchanged),
        Got::Body(body) => body,
    };
    check_shape(&entry.url, &body.bytes)?;
    let store = |error: std::io::Error| format!("cannot store it: {error}");
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(store)?;
    file.write_all(&body.bytes).and_then(|()| file.as_file().sync_all()).map_err(store)?;
    let new = load(&[file.path().to_owned()], false)
        .map_err(|error| format!("not a set of indicators: {}", error.reason))?;
    let provenance = Provenance {
        name: entry.name.clone(),
        url: entry.url.clone(),
        final_url: body.url,
        index: index.to_owned(),
        fetched: crate::time::iso(now),
        sha256: digest(&body.bytes).into(),
        bytes: body.bytes.len() as u64,
        values: new.indicators.len(),
        etag: body.etag,
        last_modified: body.last_modified,
    };
    let mut note = tempfile::NamedTempFile::new_in(folder).map_err(store)?;
    let text = serde_json::to_string_pretty(&provenance).map_err(|error| store(error.into()))?;
    writeln!(note, "{text}").map_err(store)?;
    let before = loaded(&path);
    let is_same = old.is_some_and(|(sha256, _)| sha256 == provenance.sha256);
    file.persist(&path).map_err(|error| store(error.error))?;
    // A set without its sidecar is downloaded whole the next time.
    note.persist(&sidecar).map_err(|error| store(error.error))?;
    Ok(match before {
        _ if is_same => Outcome::Unchanged,
        Some(before) => match diff(&before, &new) {
            difference if difference.is_empty() => Outcome::Unchanged,
            difference => Outcome::Updated { difference },
        },
        None => Outcome::New { values: new.indicators.len() },
    })
}

/// The digest and provenance of a stored set whose sidecar is about it.
fn stored(path: &Path, sidecar: &Path) -> Option<(String, Provenance)> {
    let bytes = load::bytes_of(path).ok()?;
    let provenance: Provenance = serde_json::from_slice(&load::bytes_of(sidecar).ok()?).ok()?;
    let sha256 = digest(&bytes).into_string();
    (sha256 == provenance.sha256).then_some((sha256, provenance))
}

fn loaded(path: &Path) -> Option<IndicatorSet> {
    if path.is_file() { load(&[path.to_owned()], false).ok() } else { None }
}

/// A page that says sorry, with status 200, is the most common wrong content. JSON must be whole: the loader would use what came
/// before a cut.
fn check_shape(url: &str, bytes: &[u8]) -> Result<(), String> {
    let start =
        bytes.iter().copied().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xef | 0xbb | 0xbf));
    if start == Some(b'<') {
        return Err("wrong content: a web page instead of indicators".into());
    }
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let wants_json = ["stix2", "stix", "json"]
        .iter()
        .any(|ending| path.rsplit_once('.').is_some_and(|(_, known)| known.eq_ignore_ascii_case(ending)));
    if wants_json || matches!(start, Some(b'{' | b'[')) {
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        serde_json::from_slice::<serde::de::IgnoredAny>(text)
            .map_err(|error| format!("wrong content: damaged or no JSON: {error}"))?;
    }
    Ok(())
}

/// A name that tells where the set is from and that no other address has.
fn file_name(url: &str) -> String {
    let plain = url.split_once("://").map_or(url, |(_, rest)| rest).split(['?', '#']).next().unwrap_or("");
    let (stem, ending) = match plain.rsplit_once('.') {
        Some((stem, ending)) if !ending.contains('/') && ending.len() <= 8 => (stem, ending),
        _ => (plain, "stix2"),
    };
    let safe = |text: &str| -> String {
        let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
        text.chars().take(120).map(keep).collect()
    };
    let id = digest(url.as_bytes());
    format!("{}_{}.{}", safe(stem), id.get(..8).unwrap_or(""), safe(ending))
}

#[cfg(test)]
mod tests;
