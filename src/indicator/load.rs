//! Opens indicator files and folders. Their kind is told by their content, since names lie.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::Digest;

use super::intake::Intake;
use super::journal::Flaw;
use super::set::{IndicatorSet, Skipped, Source};
use super::{catalogue, list, misp, stix};

const MAX_FILE_BYTES: u64 = 256 << 20;
/// Larger bundles are not held as a whole.
const LARGE_FILE_BYTES: u64 = 32 << 20;
/// Of a bundle that is not held.
const MAX_STREAM_BYTES: u64 = 4 << 30;
pub(super) const MAX_FOLDER_DEPTH: usize = 16;
pub(super) const MAX_FOLDER_ENTRIES: usize = 100_000;

/// Why indicators that were asked for cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot use the indicators in `{path}`: {reason}")]
pub struct LoadError {
    pub path: String,
    pub reason: String,
    /// What to do next.
    pub hint: String,
}

impl LoadError {
    pub(super) fn new(path: &Path, reason: impl Into<String>, hint: &str) -> LoadError {
        LoadError { path: path.display().to_string(), reason: reason.into(), hint: hint.to_owned() }
    }
}

/// Loads files and folders (searched for `*.stix2`, `*.json`, `*.csv`, `*.yaml` and `*.txt`), the built-in sets first if wanted.
///
/// # Errors
/// Where a path given cannot be read or holds no indicator. A file found in a folder is only told in [`IndicatorSet::skipped`].
pub fn load(paths: &[PathBuf], bundled: bool) -> Result<IndicatorSet, LoadError> {
    let mut set = IndicatorSet::default();
    if bundled {
        catalogue::bundled(&mut set);
    }
    for path in paths {
        if path.is_dir() {
            load_folder(path, &mut set)?;
        } else {
            load_file(path, &mut set)?;
        }
    }
    Ok(set)
}

fn load_folder(folder: &Path, set: &mut IndicatorSet) -> Result<(), LoadError> {
    let before = set.indicators.len();
    let walk = walkdir::WalkDir::new(folder).max_depth(MAX_FOLDER_DEPTH).sort_by_file_name();
    for entry in walk.into_iter().take(MAX_FOLDER_ENTRIES) {
        match entry {
            Ok(entry) if entry.file_type().is_file() && is_wanted(entry.path()) => {
                if let Err(error) = load_file(entry.path(), set) {
                    skip_file(set, &error.path, error.reason);
                }
            }
            Ok(_) => {}
            Err(error) => skip_file(set, &folder.display().to_string(), error.to_string()),
        }
    }
    if set.indicators.len() == before {
        let hint = "give a folder with *.stix2, *.json, *.csv, *.yaml or *.txt files";
        return Err(LoadError::new(folder, "no indicator in any file of the folder", hint));
    }
    Ok(())
}

fn skip_file(set: &mut IndicatorSet, file: &str, why: String) {
    set.skipped.push(Skipped { file: file.into(), line: 0, what: "".into(), why: why.into() });
}

pub(super) fn is_wanted(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or("").to_ascii_lowercase();
    matches!(extension.as_str(), "stix2" | "stix" | "json" | "jsonl" | "csv" | "txt" | "yaml" | "yml")
}

fn load_file(path: &Path, set: &mut IndicatorSet) -> Result<(), LoadError> {
    if is_large(path) && load_large(path, set)? {
        return Ok(());
    }
    let bytes = bytes_of(path)?;
    let text = decoded(&bytes);
    let name = path.display().to_string();
    let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or("indicators");
    let file_name = path.file_name().and_then(OsStr::to_str).unwrap_or("");
    let source = Source { name: name.into(), sha256: catalogue::digest(&bytes), ..Source::default() };
    let told = set.skipped.len();
    let Some(mut intake) = Intake::new(set, source) else {
        return Err(LoadError::new(path, "more than 65,536 indicator files", "give fewer files"));
    };
    if text.contains('\u{fffd}') && std::str::from_utf8(&bytes).is_err() {
        intake.skip(0, "", "not wholly UTF-8; what could not be read is shown as \u{fffd}");
    }
    if text.contains('\0') {
        intake.tell(Flaw::Damaged, 0, "", "binary data, not an indicator file");
    } else {
        read_text(&text, file_name, stem, &mut intake);
    }
    let count = intake.finish();
    concluded(path, count, told, set)
}

/// An error if a file gave no indicator. `told` is how much had been told before it.
fn concluded(path: &Path, count: usize, told: usize, set: &mut IndicatorSet) -> Result<(), LoadError> {
    if count > 0 {
        return Ok(());
    }
    let reason = set.skipped.get(told).map_or("it holds no indicator".to_owned(), |first| match first.line {
        0 => first.why.to_string(),
        line => format!("it holds no indicator: line {line}: {}", first.why),
    });
    set.sources.pop();
    if set.skipped.get(told).is_some_and(|first| first.line == 0) {
        // Told once, with the error.
        set.skipped.remove(told);
    }
    let hint = "give a STIX 2 bundle, a CSV table, or a list with one value a line";
    Err(LoadError::new(path, reason, hint))
}

fn is_large(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.is_file() && file.len() > LARGE_FILE_BYTES)
}

/// Reads a large STIX bundle without holding it; `false` if the file is something else. The linter, which names places in the whole
/// text, reads files by [`read_text`] only.
#[expect(clippy::disallowed_methods, reason = "indicator files are read here and nowhere else")]
fn load_large(path: &Path, set: &mut IndicatorSet) -> Result<bool, LoadError> {
    let check = "check the path and that the file may be read";
    let failed = |error: std::io::Error| LoadError::new(path, error.to_string(), check);
    let mut file = Hashed { file: std::fs::File::open(path).map_err(failed)?, digest: sha2::Sha256::new() };
    let mut start = Vec::new();
    file.by_ref().take(4096).read_to_end(&mut start).map_err(failed)?;
    let is_text = std::str::from_utf8(&start).is_ok_and(is_stix);
    if !is_text {
        return Ok(false);
    }
    let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or("indicators");
    let source = Source { name: path.display().to_string().into(), ..Source::default() };
    let told = set.skipped.len();
    let Some(mut intake) = Intake::new(set, source) else {
        return Err(LoadError::new(path, "more than 65,536 indicator files", "give fewer files"));
    };
    let mut bounded = file.by_ref().take(MAX_STREAM_BYTES);
    let is_bundle = stix::read_stream(&start, &mut bounded, stem, &mut intake).map_err(failed)?;
    if is_bundle && bounded.limit() == 0 {
        intake.skip(0, "", "larger than 4 GiB; the rest is not read");
    }
    std::io::copy(&mut bounded, &mut std::io::sink()).map_err(failed)?;
    let sha256 = crate::record::hex(&file.digest.finalize());
    if let Some(source) = intake.source() {
        source.sha256 = sha256.into();
    }
    let count = intake.finish();
    if !is_bundle {
        set.sources.pop();
        return Ok(false);
    }
    concluded(path, count, told, set).map(|()| true)
}

/// A file whose digest is made as it is read.
struct Hashed {
    file: std::fs::File,
    digest: sha2::Sha256,
}

impl Read for Hashed {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(to)?;
        self.digest.update(to.get(..count).unwrap_or(&[]));
        Ok(count)
    }
}

fn is_yaml(file_name: &str) -> bool {
    let extension = file_name.rsplit_once('.').map_or("", |(_, extension)| extension);
    extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml")
}

/// True for text that is read as STIX, or told as damaged STIX.
pub(super) fn is_stix(text: &str) -> bool {
    stix::is_json(text) && !misp::is_misp(text)
}

/// Reads the text of a file whose name is `file_name`, and `stem` without its ending, in whatever form it is.
pub(super) fn read_text(text: &str, file_name: &str, stem: &str, intake: &mut Intake<'_>) {
    if is_stix(text) {
        stix::read(text, stem, intake);
    } else if stix::is_json(text) {
        misp::read(text, stem, intake);
    } else if catalogue::is_catalogue(text) {
        catalogue::read(text, stem, false, intake);
    } else if list::is_echap(text) {
        list::read_echap(text, intake);
    } else if is_yaml(file_name) {
        // References and settings of other YAML files would pass for indicators.
        intake.tell(Flaw::Unused, 0, "", "YAML of an unknown form; only Echap's is read");
    } else if let Some(separator) = list::delimiter(text) {
        list::read_csv(text, separator, stem, intake);
    } else {
        list::read_plain(text, file_name, stem, intake);
    }
}

/// The text of a file, for the header of a build.
pub(super) fn text_of(path: &Path) -> Result<String, LoadError> {
    Ok(decoded(&bytes_of(path)?).into_owned())
}

#[expect(clippy::disallowed_methods, reason = "indicator files are read here and nowhere else")]
pub(super) fn bytes_of(path: &Path) -> Result<Vec<u8>, LoadError> {
    let check = "check the path and that the file may be read";
    let failed = |error: std::io::Error| LoadError::new(path, error.to_string(), check);
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(LoadError::new(path, "larger than 256 MiB", "split the file"));
    }
    Ok(bytes)
}

/// UTF-8 with or without its mark, or UTF-16 with one, as Windows programs save lists.
pub(super) fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    let wide = |rest: &[u8], pair: fn([u8; 2]) -> u16| {
        let units = rest.chunks_exact(2).filter_map(|chunk| chunk.try_into().ok()).map(pair);
        let text: String = char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect();
        Cow::Owned(text)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => lossy(rest),
        _ => lossy(bytes),
    }
}

/// Text, with signs in place of what is not UTF-8. The plain check is several times faster than the one that replaces.
pub(super) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// The folders into which MVT downloads indicators, as far as they exist.
pub fn mvt_folders() -> Vec<PathBuf> {
    let windows = Path::new("mvt").join("mvt");
    let data = variable("MVT_DATA_FOLDER")
        .or_else(|| data_folder(if cfg!(windows) { &windows } else { Path::new("mvt") }));
    data.map(|folder| folder.join("indicators")).filter(|folder| folder.is_dir()).into_iter().collect()
}

/// The folder into which `indicators fetch` stores sets; `None` where no home folder is known.
pub fn own_folder() -> Option<PathBuf> {
    Some(data_folder(Path::new("hoofprint"))?.join("indicators"))
}

/// Where the system keeps the data of a program.
fn data_folder(program: &Path) -> Option<PathBuf> {
    let home = variable("HOME");
    let data = if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        home.map(|home| home.join("Library/Application Support"))
    } else {
        variable("XDG_DATA_HOME").or(home.map(|home| home.join(".local/share")))
    };
    Some(data?.join(program))
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The paths in MVT's variable `MVT_STIX2`: separated by `:`, on Windows by `;`.
pub fn from_env(value: &str) -> Vec<PathBuf> {
    std::env::split_paths(value).filter(|path| !path.as_os_str().is_empty()).collect()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests write the files that are loaded")]
mod tests {
    use super::*;

    fn folder_with(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        folder
    }

    #[test]
    fn the_kind_is_told_by_content() {
        let bundle =
            br#"{"type":"bundle","objects":[{"type":"indicator","id":"i","pattern":"[file:name='a']"}]}"#;
        let marked = [b"\xef\xbb\xbf".as_slice(), bundle].concat();
        let wide: Vec<u8> = [0xff, 0xfe]
            .into_iter()
            .chain("c.example.com".encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        let folder = folder_with(&[
            ("a.txt", bundle),
            ("sub/b.stix2", &marked),
            ("domains.txt", b"b.example.com"),
            ("list.csv", b"type,value\nprocess,bh\n"),
            ("wide.txt", &wide),
            ("own.txt", b"campaign: X\n[email]\na@b.example\n"),
            ("ignored.pdf", b"x"),
        ]);
        let set = load(&[folder.path().to_owned()], false).unwrap();
        assert_eq!(set.indicators.len(), 6);
        assert_eq!(set.sources.len(), 6);
        assert!(set.sources.iter().all(|source| source.indicators == 1 && source.sha256.len() == 64));
    }

    #[test]
    fn a_given_file_without_indicators_is_an_error_with_its_reason() {
        let folder =
            folder_with(&[("empty.stix2", b""), ("bad.json", b"{\"objects\":7}"), ("x.bin", b"\0\0")]);
        for (name, reason) in [
            ("empty.stix2", "it holds no indicator"),
            ("bad.json", "it holds no indicator: line 1: `objects` is not a list"),
            ("x.bin", "binary data, not an indicator file"),
        ] {
            let path = folder.path().join(name);
            let error = load(std::slice::from_ref(&path), false).unwrap_err();
            assert_eq!((error.path, error.reason), (path.display().to_string(), reason.to_owned()));
            assert!(!error.hint.is_empty());
        }
        assert!(load(&[folder.path().join("absent")], false).is_err());
        assert!(load(&[folder.path().to_owned()], false).is_err());
    }

    #[test]
    fn a_bad_file_in_a_folder_is_only_told() {
        let folder = folder_with(&[
            ("domains.txt", b"b.example.com"),
            ("odd.json", b"[]"),
            ("index.yaml", b"links:\n- https://lab.example/report\n"),
        ]);
        let set = load(&[folder.path().to_owned()], false).unwrap();
        assert_eq!((set.indicators.len(), set.sources.len()), (1, 1));
        let told: Vec<_> = set.skipped.iter().map(|it| &*it.why).collect();
        assert_eq!(told, ["YAML of an unknown form; only Echap's is read", "it holds no indicator",]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_loader_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let mut set = IndicatorSet::default();
            let text = decoded(&bytes);
            let mut intake = Intake::new(&mut set, Source::default()).unwrap();
            read_text(&text, "x.txt", "x", &mut intake);
            stix::read(&text, "x", &mut intake);
            catalogue::read(&text, "x", false, &mut intake);
            list::read_echap(&text, &mut intake);
            list::read_csv(&text, b',', "x", &mut intake);
        }

        #[test]
        fn no_lines_make_the_loader_panic(text in "([a-z.:/ |=#\\[\\]{}\",-]|\\n|- name:|\"objects\":|\\[domain\\]){0,80}") {
            let mut set = IndicatorSet::default();
            let mut intake = Intake::new(&mut set, Source::default()).unwrap();
            read_text(&text, "x.txt", "x", &mut intake);
            catalogue::read(&text, "x", true, &mut intake);
        }
    }
}
