//! Mends what can be mended without changing what a scan makes of the file.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::load::{self, LoadError};
use super::file::File;
use super::{Edit, Options, lint_files};

/// A mend may show another one: a value in lower case may be the copy of another.
const MOST_ROUNDS: usize = 4;

/// What was mended in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    pub path: PathBuf,
    pub edits: usize,
}

/// Mends the files at `paths`, each written whole or not at all, and tells which were changed.
///
/// # Errors
/// Where a path cannot be read or written.
pub fn fix(paths: &[PathBuf], options: &Options) -> Result<Vec<Fixed>, LoadError> {
    let mut changed = Vec::new();
    for path in super::files_of(paths)? {
        let bytes = load::bytes_of(&path)?;
        let (mark, body) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
            Some(body) => (&b"\xef\xbb\xbf"[..], body),
            None => (&b""[..], bytes.as_slice()),
        };
        // What is not UTF-8 could not be written back as it was.
        let Ok(text) = std::str::from_utf8(body) else { continue };
        let name = path.display().to_string();
        let (mended, edits) = mended(&name, text, options);
        if edits > 0 {
            let failed = |error: std::io::Error| {
                LoadError::new(&path, format!("cannot be written: {error}"), "check that you may write there")
            };
            replace(&path, mark, &mended).map_err(failed)?;
            changed.push(Fixed { path, edits });
        }
    }
    Ok(changed)
}

fn replace(path: &Path, mark: &[u8], text: &str) -> std::io::Result<()> {
    // A link stays a link: the file it leads to is replaced.
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(mark)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(path.metadata()?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// The text with all safe mends, and how many there were.
pub(super) fn mended(name: &str, text: &str, options: &Options) -> (String, usize) {
    let mut text = text.to_owned();
    let mut count = 0;
    for _ in 0..MOST_ROUNDS {
        let lints = lint_files(&[File::read(name, text.clone())], options);
        let mut edits: Vec<Edit> =
            lints.into_iter().filter_map(|lint| lint.mend.and_then(|mend| mend.edit)).collect();
        // A line that goes needs no other mend.
        edits.sort_by_key(|edit| (edit.start, std::cmp::Reverse(edit.end)));
        let (next, applied) = apply(&text, &edits);
        if applied == 0 {
            break;
        }
        text = next;
        count += applied;
    }
    (text, count)
}

/// Applies edits in order; one that overlaps an earlier one waits for the next round.
fn apply(text: &str, edits: &[Edit]) -> (String, usize) {
    let mut result = String::with_capacity(text.len());
    let (mut at, mut applied) = (0, 0);
    for edit in edits.iter().filter(|edit| edit.start <= edit.end) {
        if let (true, Some(kept), Some(_)) =
            (edit.start >= at, text.get(at..edit.start), text.get(edit.start..edit.end))
        {
            result.push_str(kept);
            result.push_str(&edit.replacement);
            at = edit.end;
            applied += 1;
        }
    }
    result.push_str(text.get(at..).unwrap_or(""));
    (result, applied)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests write the files that are mended")]
mod tests {
    use super::super::tests::{bundle, indicator, options};
    use super::*;

    fn after(name: &str, text: &str) -> String {
        let (mended, _) = mended(name, text, &options());
        let again = super::mended(name, &mended, &options());
        assert_eq!(again, (mended.clone(), 0), "a second run finds more");
        mended
    }

    #[test]
    fn lists_are_mended_line_by_line() {
        let text = "# Names\nEvil.XYZ. # c2\n b[.]evil.xyz \r\nkept.xyz\nkept.xyz\nKept.xyz\nevil\n";
        let expected = "# Names\nevil.xyz # c2\n b.evil.xyz \r\nkept.xyz\nevil\n";
        assert_eq!(after("domains.txt", text), expected);
    }

    #[test]
    fn tables_keep_their_form() {
        let text = "type,value,note\ndomain,Evil.xyz,\"a, Evil.xyz\"\ndomain,\"OTHER.xyz\",b\nfile-hash,0123456789ABCDEF0123456789abcdef,\n";
        let expected = "type,value,note\ndomain,evil.xyz,\"a, Evil.xyz\"\ndomain,\"other.xyz\",b\nfile-hash,0123456789abcdef0123456789abcdef,\n";
        assert_eq!(after("x.csv", text), expected);
    }

    #[test]
    fn patterns_are_mended_inside_their_quotes() {
        let one = indicator("1", "[domain-name:value=' Evil.xyz. ']");
        let two = indicator("2", "[domain-name:value='5.6.7.8']");
        let text = bundle(&[&one, &two, &one]);
        let mended = after("x.json", &text);
        let one = indicator("1", "[domain-name:value='evil.xyz']");
        let two = indicator("2", "[ipv4-addr:value='5.6.7.8']");
        assert_eq!(mended, bundle(&[&one, &two]));
    }

    #[test]
    fn what_is_not_surely_safe_stays() {
        for (name, text) in [
            ("domains.txt", "*.evil.xyz\n5.6.7.8\nevil.xyz/x\nwww.evil.xyz\n"),
            (
                "x.json",
                "{\"objects\":[{\"type\":\"indicator\",\"pattern\":\"[domain-name:value='evil[.]xyz']\"}",
            ),
            ("own.txt", "[campaign A]\n[domain]\nevil.xyz\n[campaign B]\n[domain]\nevil.xyz\n"),
            ("x.csv", "domain,note\nevil.xyz,a\nevil.xyz,b\n"),
            ("x.csv", "domain,note\nevil.xyz,\"a\nb\"\nevil.xyz,\"a\nb\"\n"),
            (
                "ioc.yaml",
                "- name: Spy\n  websites:\n  - evil.xyz\n  domains:\n  - evil.xyz\n  - Evil2.xyz\n  - evil.xyz\n",
            ),
        ] {
            assert_eq!(after(name, text), text);
        }
    }

    #[test]
    fn mending_keeps_what_a_scan_loads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("domains.txt");
        std::fs::write(&path, "\u{feff}Evil.XYZ.\nb[.]evil.xyz\nEvil.XYZ.\n").unwrap();
        let loaded = || {
            let set = load::load(std::slice::from_ref(&path), false).unwrap();
            let values = set.indicators.iter().map(|it| it.value.to_ascii_lowercase().into_boxed_str());
            values.collect::<Vec<_>>()
        };
        let before = loaded();
        let fixed = fix(std::slice::from_ref(&path), &options()).unwrap();
        assert_eq!(fixed, [Fixed { path: path.clone(), edits: 3 }]);
        assert_eq!(loaded(), before);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "\u{feff}evil.xyz\nb.evil.xyz\n");
        assert!(fix(&[path], &options()).unwrap().is_empty());
    }

    #[test]
    fn overlapping_and_wrong_edits_are_left_out() {
        let edit = |start, end, replacement: &str| Edit { start, end, replacement: replacement.to_owned() };
        let edits = [edit(0, 2, "x"), edit(1, 3, "y"), edit(9, 12, "z"), edit(3, 4, "")];
        assert_eq!(apply("abcdé", &edits[..2]), ("xcdé".to_owned(), 1));
        assert_eq!(apply("abcdé", &edits[2..]), ("abcé".to_owned(), 1));
        assert_eq!(apply("é", &[edit(0, 1, "x")]), ("é".to_owned(), 0));
    }
}
