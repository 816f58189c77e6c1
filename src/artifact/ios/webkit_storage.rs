use crate::artifact::prelude::*;
use crate::source::FileKind;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.webkit_storage",
    title: "Sites that stored data in WebKit",
    about: "Folders and files that are called like the site that stored data in an app's web views, Safari's included.",
    files: &[],
    columns: &[
        time("created", Epoch::Unix, Moment::Created),
        time("modified", Epoch::Unix, Moment::Modified),
        url("url"),
        // `IndexedDB`, `LocalStorage`, …
        text("storage"),
        path("folder"),
        path("file"),
    ],
    shows: Trace::Resolved,
    line: "{storage} of {url}",
    parse: Parse::Listing(list),
};

const ROOT: &str = "/WebKit/WebsiteData/";

fn list(file: &VirtualFile, out: &mut Out<'_>) {
    let Some((_, below)) = file.path.split_once(ROOT) else { return };
    let Some(stored) = Stored::of(below) else { return };
    // What lies in a site's folder tells when it was used; deeper files say no more.
    if stored.deeper > usize::from(file.kind == FileKind::File) {
        return;
    }
    let known = |time: Option<jiff::Timestamp>| Value::from(time.filter(|time| time.as_second().abs() > 86_400));
    let folder = file.path.strip_suffix(stored.entry_and_below).map(|folder| folder.trim_end_matches('/'));
    out.push(
        Place::key(file.stored_as.as_str()),
        [
            known(file.created),
            known(file.modified),
            stored.url.into(),
            stored.storage.into(),
            folder.into(),
            file.path.as_str().into(),
        ],
    );
}

/// `IndexedDB/v1/https_www.example.com_0/IndexedDB.sqlite3`
struct Stored<'p> {
    storage: &'p str,
    entry_and_below: &'p str,
    url: String,
    /// Components behind the entry.
    deeper: usize,
}

impl Stored<'_> {
    fn of(below: &str) -> Option<Stored<'_>> {
        let mut start = 0;
        for part in below.split('/') {
            if let Some(url) = url_of(part) {
                let entry_and_below = below.get(start..)?;
                let storage = below.get(..start)?.trim_end_matches('/');
                return Some(Stored { storage, entry_and_below, url, deeper: entry_and_below.matches('/').count() });
            }
            start = start.checked_add(part.len())?.checked_add(1)?;
        }
        None
    }
}

/// `https_www.example.com_0.localstorage` is of `https://www.example.com`.
fn url_of(name: &str) -> Option<String> {
    let (scheme, rest) = name.split_once('_').filter(|(scheme, _)| matches!(*scheme, "http" | "https"))?;
    let host = rest.split('_').next().filter(|host| !host.is_empty())?;
    Some(format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, listed};

    const APP: &str = "/private/var/mobile/Containers/Data/Application/A/Library/WebKit/WebsiteData";

    fn file(path: &str, kind: FileKind) -> VirtualFile {
        let at = |second| Some(jiff::Timestamp::from_second(second).unwrap());
        VirtualFile {
            path: format!("{APP}/{path}"),
            stored_as: "x".into(),
            kind,
            created: at(0),
            modified: at(1_600_000_000),
            ..VirtualFile::default()
        }
    }

    #[test]
    fn folders_and_the_files_in_them_name_their_site() {
        let folder = "IndexedDB/v1/https_www.example.com_0";
        let record = |path: &str| {
            json!({"modified": "2020-09-13T12:26:40.000000+00:00", "url": "https://www.example.com", "storage": "IndexedDB/v1",
                   "folder": format!("{APP}/IndexedDB/v1"), "file": format!("{APP}/{path}"),
                   "_line": "IndexedDB/v1 of https://www.example.com"})
        };
        assert_eq!(listed(&ARTIFACT, &file(folder, FileKind::Directory)), json!([record(folder)]));
        let inside = format!("{folder}/IndexedDB.sqlite3");
        assert_eq!(listed(&ARTIFACT, &file(&inside, FileKind::File)), json!([record(&inside)]));
        for (path, kind) in [(format!("{folder}/a/b"), FileKind::File), (format!("{folder}/a"), FileKind::Directory)] {
            assert_eq!(listed(&ARTIFACT, &file(&path, kind)), json!([]));
        }
    }

    #[test]
    fn local_storage_is_a_file_and_other_names_are_no_sites() {
        let records = listed(&ARTIFACT, &file("LocalStorage/http_a.example_0.localstorage", FileKind::File));
        assert_eq!((&records[0]["url"], &records[0]["storage"]), (&json!("http://a.example"), &json!("LocalStorage")));
        let at_root = listed(&ARTIFACT, &file("https_b.example_0", FileKind::Directory));
        assert_eq!((&at_root[0]["url"], &at_root[0]["folder"]), (&json!("https://b.example"), &json!(APP)));
        for name in ["LocalStorage/file__0.localstorage", "LocalStorage/https_", "httpx_a_0", "ResourceLoadStatistics"] {
            assert_eq!(listed(&ARTIFACT, &file(name, FileKind::File)), json!([]), "{name}");
        }
    }
}
