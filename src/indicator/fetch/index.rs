//! The form of MVT's `indicators.yaml`: a flat list of sets, each on GitHub or at an address of its own.

/// A set that an index names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub url: String,
}

#[derive(Default)]
struct Item<'t> {
    line: usize,
    fields: Vec<(&'t str, String)>,
}

impl Item<'_> {
    fn get(&self, key: &str) -> &str {
        self.fields.iter().find(|(known, _)| *known == key).map_or("", |(_, value)| value)
    }
}

/// Reads an index. What of it cannot be used is told in the second list. Only the flat subset of YAML that such files use is known.
pub fn index(text: &str) -> (Vec<Entry>, Vec<String>) {
    let mut items: Vec<Item<'_>> = Vec::new();
    // Columns of the dashes of the entries; deeper dashes belong to lists within an entry.
    let mut dashes = None;
    for (position, whole) in text.lines().enumerate() {
        let line = whole.split_once(" #").map_or(whole, |(line, _)| line).trim_end();
        let inner = line.trim_start();
        let indent = line.len() - inner.len();
        if inner.is_empty() || inner.starts_with('#') || inner == "---" {
            continue;
        }
        let mut field = inner;
        if let Some(rest) = inner.strip_prefix('-').filter(|rest| rest.is_empty() || rest.starts_with(' ')) {
            if *dashes.get_or_insert(indent) != indent {
                continue;
            }
            items.push(Item { line: position + 1, fields: Vec::new() });
            field = rest.trim_start();
        }
        let Some(item) = items.last_mut() else { continue };
        if let Some((key, value)) = field.split_once(':') {
            item.fields.push((key.trim(), plain(value)));
        }
    }
    let mut entries: Vec<Entry> = Vec::new();
    let mut told = Vec::new();
    for item in items {
        match url_of(&item) {
            Ok(url) if entries.iter().any(|known| known.url == url) => {
                told.push(format!("line {}: `{url}` is listed twice", item.line));
            }
            Ok(url) => {
                let name = if item.get("name").is_empty() { &url } else { item.get("name") };
                entries.push(Entry { name: name.to_owned(), url });
            }
            Err(why) => told.push(format!("line {}: {why}", item.line)),
        }
    }
    (entries, told)
}

/// A scalar without quotes around it.
fn plain(value: &str) -> String {
    let value = value.trim();
    let unquoted = ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value);
    unquoted.to_owned()
}

fn url_of(item: &Item<'_>) -> Result<String, String> {
    let own = item.get("download_url");
    if !own.is_empty() {
        return url::Url::parse(own)
            .map(String::from)
            .map_err(|error| format!("`{own}` is no address: {error}"));
    }
    let kind = item.get("type");
    if kind != "github" {
        return Err(format!("an entry of the type `{kind}` without a `download_url`"));
    }
    let mut url = url::Url::parse("https://raw.githubusercontent.com/").map_err(|error| error.to_string())?;
    let branch = if item.get("branch").is_empty() { "main" } else { item.get("branch") };
    let parts = [item.get("owner"), item.get("repo"), branch, item.get("path")];
    let is_bad = |part: &&str| matches!(*part, "" | "." | "..");
    if parts.iter().any(|part| part.split('/').any(|step| is_bad(&step))) {
        return Err("an entry without a whole owner, repo, branch and path".into());
    }
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(parts.iter().flat_map(|part| part.split('/')));
    }
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "\
---
indicators:
  -
    type: github
    name: First set
    sources:
      - A Lab
      - type: no field of the entry
    references:
      - https://lab.example/report
    github:
      owner: Owner
      repo: repo
      branch: master
      path: 2021 07/set.stix2

  - type: download   # elsewhere
    name: \"Second set\"
    download_url: https://lab.example/b.stix2
  - name: nowhere
    type: github
    github:
      owner: a
      repo: ..
      path: x
  - type: torrent
  - type: download
    download_url: https://lab.example/b.stix2
";

    #[test]
    fn entries_on_github_and_elsewhere_are_read() {
        let (entries, told) = index(INDEX);
        let shown: Vec<_> = entries.iter().map(|it| format!("{}: {}", it.name, it.url)).collect();
        assert_eq!(
            shown,
            [
                "First set: https://raw.githubusercontent.com/Owner/repo/master/2021%2007/set.stix2",
                "Second set: https://lab.example/b.stix2",
            ]
        );
        assert_eq!(
            told,
            [
                "line 20: an entry without a whole owner, repo, branch and path",
                "line 26: an entry of the type `torrent` without a `download_url`",
                "line 27: `https://lab.example/b.stix2` is listed twice",
            ]
        );
    }

    #[test]
    fn cut_indexes_do_not_panic() {
        for end in 0..INDEX.len() {
            index(&INDEX[..end]);
        }
        assert!(index("<html>").0.is_empty());
    }
}
