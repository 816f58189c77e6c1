//! What only several values together show: duplicates, values that others cover, and differences from other files.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::super::{Ioc, Platform, Role, path};
use super::file::{File, Value, is_campaign};
use super::{Lint, Mend, Options, Sink, rules};

type Identity = (Ioc, String);

struct Known<'f> {
    file: &'f File,
    value: &'f Value,
    identity: Identity,
}

/// Checks all files against each other.
pub(super) fn check(files: &[File], options: &Options, lints: &mut Vec<Lint>) {
    let known: Vec<Known<'_>> = files
        .iter()
        .flat_map(|file| file.values.iter().map(move |value| (file, value)))
        .filter_map(|(file, value)| Some(Known { file, value, identity: value.identity()? }))
        .collect();
    twice(&known, lints);
    in_other_files(&known, lints);
    several_campaigns(&known, lints);
    covered(&known, lints);
    same_file(&known, lints);
    campaigns_of_one_name(files, lints);
    if let Some(previous) = &options.previous {
        changed_size(previous, files, &known, lints);
    }
    if let Some(clean) = &options.clean {
        on_clean_phones(clean, &known, lints);
    }
}

fn is_same_file(one: &File, other: &File) -> bool {
    Arc::ptr_eq(&one.name, &other.name)
}

fn line_of(file: &File, value: &Value) -> u32 {
    value.span.map_or(value.line, |span| file.position(span.start).0)
}

/// What makes a second mention a copy. A list names a value again to say that it belongs to a second campaign or has a second role; a
/// STIX file needs no second object for that.
#[derive(PartialEq, Eq, Hash)]
struct Mention<'f> {
    file: &'f str,
    identity: &'f Identity,
    campaigns: &'f [Box<str>],
    role: Role,
}

/// Once for each value, and for each line that can go.
fn twice(known: &[Known<'_>], lints: &mut Vec<Lint>) {
    let mut seen: HashMap<Mention<'_>, (&Known<'_>, u32)> = HashMap::new();
    for it in known {
        let campaigns = if it.file.is_stix { &[] } else { it.value.campaigns.as_slice() };
        let role = it.value.role;
        let mention = Mention { file: &it.file.name, identity: &it.identity, campaigns, role };
        let (first, count) = seen.entry(mention).or_insert((it, 0));
        *count += 1;
        // With quotes a record may go on in the next line.
        let is_copy = *count > 1
            && !it.file.is_stix
            && line_text(first) == line_text(it)
            && line_text(it).is_some_and(|line| !line.contains('"'));
        if *count == 2 || is_copy {
            let mend = match it.value.span.filter(|_| is_copy) {
                Some(span) => Mend::edit("remove the copy", it.file.line_around(span), ""),
                None => Mend::told("remove one of them"),
            };
            let line = line_of(first.file, first.value);
            let message = format!("`{}` stands on line {line}, too", it.value.text.trim());
            Sink { file: it.file, out: lints }.add(&rules::TWICE, it.value, message, Some(mend));
        }
    }
}

fn line_text<'f>(known: &Known<'f>) -> Option<&'f str> {
    known.value.span.map(|span| known.file.line_around(span).text(&known.file.text).trim())
}

fn in_other_files(known: &[Known<'_>], lints: &mut Vec<Lint>) {
    let mut first: HashMap<&Identity, &Known<'_>> = HashMap::new();
    let mut told: HashSet<(&str, &Identity)> = HashSet::new();
    for it in known {
        let earlier = first.entry(&it.identity).or_insert(it);
        if !is_same_file(earlier.file, it.file) && told.insert((&it.file.name, &it.identity)) {
            let place = format!("{}:{}", earlier.file.name, line_of(earlier.file, earlier.value));
            let message = format!("`{}` is in {place}, too", it.value.text.trim());
            Sink { file: it.file, out: lints }.add(&rules::IN_OTHER_FILE, it.value, message, None);
        }
    }
}

fn several_campaigns(known: &[Known<'_>], lints: &mut Vec<Lint>) {
    let mut campaigns: HashMap<&Identity, BTreeSet<&str>> = HashMap::new();
    let mut told: HashSet<&Identity> = HashSet::new();
    for it in known {
        campaigns.entry(&it.identity).or_default().extend(it.value.campaigns.iter().map(|name| &**name));
    }
    for it in known {
        let Some(names) = campaigns.get(&it.identity).filter(|names| names.len() > 1) else { continue };
        if told.insert(&it.identity) {
            let names: Vec<&str> = names.iter().copied().collect();
            let message = format!("`{}` belongs to {}", it.value.text.trim(), names.join(", "));
            Sink { file: it.file, out: lints }.add(&rules::SEVERAL_CAMPAIGNS, it.value, message, None);
        }
    }
}

fn covered(known: &[Known<'_>], lints: &mut Vec<Lint>) {
    let domains: HashMap<&str, &Known<'_>> = known
        .iter()
        .rev()
        .filter(|it| it.identity.0 == Ioc::Domain)
        .map(|it| (it.identity.1.as_str(), it))
        .collect();
    for it in known.iter().filter(|it| it.identity.0 == Ioc::Domain) {
        let dots = it.identity.1.match_indices('.');
        let mut parents = dots.filter_map(|(at, _)| it.identity.1.get(at.saturating_add(1)..));
        if let Some(parent) = parents.find_map(|parent| domains.get(parent)) {
            let place = format!("{}:{}", parent.file.name, line_of(parent.file, parent.value));
            let message = format!("`{}` ({place}) already matches it", parent.identity.1);
            Sink { file: it.file, out: lints }.add(&rules::COVERED, it.value, message, None);
        }
    }
}

fn same_file(known: &[Known<'_>], lints: &mut Vec<Lint>) {
    let mut paths: HashMap<(&str, String), &Known<'_>> = HashMap::new();
    let mut names: HashMap<(&str, String), &Known<'_>> = HashMap::new();
    let paths_only = |it: &&Known<'_>| it.identity.0 == Ioc::FilePath && it.identity.1.starts_with('/');
    for it in known.iter().filter(paths_only) {
        let canonical = path::canonical(&it.identity.1, Platform::Any).into_owned();
        let name = canonical.rsplit('/').next().unwrap_or("").to_owned();
        names.entry((&it.file.name, name)).or_insert(it);
        let first = paths.entry((&it.file.name, canonical)).or_insert(it);
        if first.identity.1 != it.identity.1 {
            let message = format!("`{}` is the same file as `{}`", it.identity.1, first.identity.1);
            Sink { file: it.file, out: lints }.add(&rules::SAME_FILE, it.value, message, None);
        }
    }
    for it in known.iter().filter(|it| it.identity.0 == Ioc::FileName) {
        if let Some(first) = names.get(&(&it.file.name, it.identity.1.clone())) {
            let message = format!("`{}` is also given as `{}`", it.identity.1, first.identity.1);
            Sink { file: it.file, out: lints }.add(&rules::SAME_FILE, it.value, message, None);
        }
    }
}

/// Objects with different ids whose names are the same.
fn campaigns_of_one_name(files: &[File], lints: &mut Vec<Lint>) {
    let mut first: HashMap<&str, (&str, &str)> = HashMap::new();
    for file in files {
        for object in file.journal.objects.iter().filter(|object| is_campaign(&object.kind)) {
            let name = object.name.trim();
            let (id, known) = *first.entry(name).or_insert((&object.id, &file.name));
            if id != &*object.id && !name.is_empty() {
                let message = format!("another campaign is called `{name}` in {known}");
                Sink { file, out: lints }.at(&rules::BARE_CAMPAIGN, object.span, name, message, None);
            }
        }
    }
}

/// Told for the first file: the values of all files are compared with those of all earlier ones.
fn changed_size(previous: &[Identity], files: &[File], known: &[Known<'_>], lints: &mut Vec<Lint>) {
    /// A change of more than one in this many is told.
    const SHARE: usize = 5;
    let before: HashSet<&Identity> = previous.iter().collect();
    let now: HashSet<&Identity> = known.iter().map(|it| &it.identity).collect();
    let mut removed: Vec<_> = before.difference(&now).collect();
    removed.sort();
    let added = now.difference(&before).count();
    let Some(file) = files.first() else { return };
    let is_much = |count: usize| count.saturating_mul(SHARE) > before.len();
    if is_much(removed.len()) || is_much(added) {
        let names: Vec<&str> = removed.iter().take(5).map(|identity| identity.1.as_str()).collect();
        let gone = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
        let message = format!("{added} values came and {} went of {}{gone}", removed.len(), before.len());
        Sink { file, out: lints }.on_line(&rules::CHANGED_SIZE, 0, "", message, None);
    }
}

fn on_clean_phones(clean: &[Identity], known: &[Known<'_>], lints: &mut Vec<Lint>) {
    let mut values: HashMap<Identity, &str> = HashMap::new();
    for (ioc, text) in clean {
        values.insert((*ioc, text.clone()), text);
        if *ioc == Ioc::Domain {
            // A host is matched by each of its parents.
            for (at, _) in text.match_indices('.') {
                let parent = text.get(at.saturating_add(1)..).unwrap_or("").to_owned();
                values.entry((Ioc::Domain, parent)).or_insert(text);
            }
        }
    }
    for it in known {
        if let Some(text) = values.get(&it.identity) {
            let message = format!("`{text}` is on clean phones, and it matches");
            let mend = Some(Mend::told("remove the value, or make it narrower"));
            Sink { file: it.file, out: lints }.add(&rules::ON_CLEAN_PHONES, it.value, message, mend);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ids, linted, options};
    use super::*;

    fn together(files: &[(&str, &str)], options: &Options) -> Vec<String> {
        let files: Vec<File> =
            files.iter().map(|(name, text)| File::read(name, (*text).to_owned())).collect();
        let mut lints = Vec::new();
        check(&files, options, &mut lints);
        lints
            .iter()
            .map(|lint| format!("{} {}:{} {}", lint.rule.id, lint.file, lint.line, lint.value))
            .collect()
    }

    #[test]
    fn duplicates_are_told_once_for_each_value() {
        assert_eq!(ids(&linted("domains.txt", "evil.xyz\nEVIL.xyz\n")), ["IND015", "IND080"]);
        assert_eq!(ids(&linted("domains.txt", "evil.xyz\nevil2.xyz\n")), [""; 0]);
        let two = "[campaign A]\n[domain]\nevil.xyz\n[campaign B]\n[domain]\nevil.xyz\n";
        assert_eq!(ids(&linted("own.txt", two)), ["IND083"]);
    }

    #[test]
    fn files_are_compared_with_each_other() {
        let files =
            [("a/domains.txt", "evil.xyz\n"), ("b/domains.txt", "evil.xyz\nsub.evil.xyz\nother.xyz\n")];
        assert_eq!(
            together(&files, &options()),
            ["IND081 b/domains.txt:1 evil.xyz", "IND018 b/domains.txt:2 sub.evil.xyz"]
        );
    }

    #[test]
    fn spellings_of_one_file_are_told() {
        let paths =
            "[file-path]\n/tmp/abcde/x.txt\n/private/var/tmp/abcde/x.txt\n/private/var/tmp/abcde/y.txt\n";
        let text = format!("{paths}[file-name]\nx.txt\nz.txt\n");
        let found = together(&[("own.txt", &text)], &options());
        assert_eq!(found, ["IND052 own.txt:3 /private/var/tmp/abcde/x.txt", "IND052 own.txt:6 x.txt"]);
    }

    #[test]
    fn a_file_is_compared_with_the_one_before_and_with_clean_phones() {
        let domain = |name: &str| (Ioc::Domain, name.to_owned());
        let files = [("domains.txt", "evil.xyz\n")];
        let before = vec![domain("evil.xyz"), domain("gone.xyz")];
        let known = Options { previous: Some(before), ..options() };
        assert_eq!(together(&files, &known), ["IND091 domains.txt:1 "]);
        let same = Options { previous: Some(vec![domain("evil.xyz")]), ..options() };
        assert!(together(&files, &same).is_empty());
        let clean = Options { clean: Some(vec![domain("www.evil.xyz"), domain("xevil.xyz")]), ..options() };
        assert_eq!(together(&files, &clean), ["IND092 domains.txt:1 evil.xyz"]);
    }
}
