//! What ordinary phones hold: values over which a set of indicators must stay silent.
//!
//! The data lie in `benign/` in the form that [`read`] takes, and in the lists of harmless names that the linter and the rules have.
//! What to do about a clash is said elsewhere.

use std::collections::BTreeMap;

use super::{Form, IndicatorSet, Matcher, Platform, Strength};
use crate::record::Kind;

/// Lines of a file that are used.
const MAX_ENTRIES: usize = 1_000_000;

/// The values of one file.
#[derive(Clone, Debug, Default)]
pub struct Corpus {
    /// As shown to people: `benign/hosts.txt`, or the path given.
    pub name: String,
    entries: Vec<Entry>,
    /// Lines that are not understood, counted from 1, and why.
    pub flaws: Vec<(u32, String)>,
}

impl Corpus {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    line: u32,
    kind: Kind,
    platform: Platform,
    value: String,
}

/// An indicator that matches a harmless value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// Name of the corpus, and the line counted from 1.
    pub corpus: String,
    pub line: u32,
    pub value: String,
    /// Index into [`IndicatorSet::indicators`].
    pub indicator: u32,
    pub strength: Strength,
    pub form: Form,
}

/// Reads `[KIND]` or `[KIND PLATFORM]` headings with a value on each line below; `#` begins a comment line.
pub fn read(name: &str, text: &str) -> Corpus {
    let mut corpus = Corpus { name: name.to_owned(), ..Corpus::default() };
    let mut heading = None;
    let mut is_told = false;
    for (line, number) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().zip(1_u32..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(words) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            heading = heading_of(words);
            is_told = heading.is_none();
            if heading.is_none() {
                corpus.flaws.push((number, format!("`[{words}]` names no kind of values and platform")));
            }
        } else if let Some((kind, platform)) = heading {
            if corpus.entries.len() == MAX_ENTRIES {
                corpus.flaws.push((number, format!("more than {MAX_ENTRIES} values; the rest is not used")));
                break;
            }
            corpus.entries.push(Entry { line: number, kind, platform, value: line.to_owned() });
        } else if !is_told {
            is_told = true;
            corpus.flaws.push((number, "values before the first heading, such as `[host]`".to_owned()));
        }
    }
    corpus
}

fn heading_of(words: &str) -> Option<(Kind, Platform)> {
    let mut words = words.split_whitespace();
    let kind = kind_named(words.next()?)?;
    let platform = words.next().map_or(Some(Platform::Any), platform_named)?;
    words.next().is_none().then_some((kind, platform))
}

/// The kind of field that a word stands for: those of indicators, and those that hold them. `_` counts as `-`.
pub fn kind_named(word: &str) -> Option<Kind> {
    Some(match word.replace('_', "-").as_str() {
        "url" => Kind::Url,
        "host" | "domain" | "ip" => Kind::Host,
        "message" | "text" => Kind::Message,
        "process" => Kind::Process,
        "path" | "file-path" | "file-name" => Kind::Path,
        "email" => Kind::Email,
        "hash" | "file-hash" | "cert" | "cert-hash" => Kind::Hash,
        "app-id" => Kind::AppId,
        "profile" | "profile-id" => Kind::ProfileId,
        "property" => Kind::Property,
        _ => return None,
    })
}

pub fn platform_named(word: &str) -> Option<Platform> {
    Some(match word.to_ascii_lowercase().as_str() {
        "any" => Platform::Any,
        "ios" => Platform::Ios,
        "android" => Platform::Android,
        "macos" => Platform::Macos,
        _ => return None,
    })
}

/// The corpus that comes with the program.
pub fn bundled() -> Vec<Corpus> {
    macro_rules! files {
        ($($name:literal)*) => { [$((concat!("benign/", $name), include_str!(concat!("benign/", $name)))),*] };
    }
    let own =
        files!["apps.txt" "hosts.txt" "messages.txt" "names.txt" "paths.txt" "processes.txt" "urls.txt"];
    let mut corpora: Vec<Corpus> = own.iter().map(|(name, text)| read(name, text)).collect();
    corpora.extend([
        list("lint/top_sites.txt", include_str!("lint/top_sites.txt"), Kind::Host, Words::All),
        list("lint/system_files.txt", include_str!("lint/system_files.txt"), Kind::Path, Words::OfPlatform),
        list("lint/system_packages.txt", include_str!("lint/system_packages.txt"), Kind::AppId, Words::All),
        list(
            "lint/system_processes.txt",
            include_str!("lint/system_processes.txt"),
            Kind::Process,
            Words::OfPlatform,
        ),
        list(
            "programs/apple_programs.txt",
            include_str!("../heuristic/programs/apple_programs.txt"),
            Kind::Process,
            Words::OfIos,
        ),
        list(
            "lint/test_certificates.txt",
            include_str!("lint/test_certificates.txt"),
            Kind::Hash,
            Words::First,
        ),
        list("lint/harmless_hashes.txt", include_str!("lint/harmless_hashes.txt"), Kind::Hash, Words::First),
    ]);
    corpora
}

/// How the lists of the linter stand in their files.
#[derive(Clone, Copy)]
enum Words {
    /// Each word is a value.
    All,
    OfIos,
    /// The first word of a line; the rest says what it is.
    First,
    /// A platform and the value.
    OfPlatform,
}

fn list(name: &str, text: &str, kind: Kind, words: Words) -> Corpus {
    let mut entries = Vec::new();
    for (line, number) in text.lines().zip(1_u32..) {
        if line.starts_with('#') {
            continue;
        }
        let mut add = |value: &str, platform| {
            entries.push(Entry { line: number, kind, platform, value: value.to_owned() });
        };
        match words {
            Words::All => line.split_whitespace().for_each(|word| add(word, Platform::Any)),
            Words::OfIos => line.split_whitespace().for_each(|word| add(word, Platform::Ios)),
            Words::First => {
                line.split_whitespace().take(1).for_each(|word| add(word, Platform::Any));
            }
            Words::OfPlatform => {
                if let Some((platform, value)) = line.split_once(' ')
                    && let Some(platform) = platform_named(platform)
                {
                    add(value.trim(), platform);
                }
            }
        }
    }
    Corpus { name: name.to_owned(), entries, flaws: Vec::new() }
}

/// Every match of the set in the corpora, each indicator once a line, in the order of the corpora.
pub fn clashes(set: &IndicatorSet, corpora: &[Corpus]) -> Vec<Clash> {
    let mut matchers: BTreeMap<&'static str, Matcher> = BTreeMap::new();
    let mut clashes: Vec<Clash> = Vec::new();
    for corpus in corpora {
        for entry in &corpus.entries {
            let key = match entry.platform {
                Platform::Any => "any",
                Platform::Ios => "ios",
                Platform::Android => "android",
                Platform::Macos => "macos",
            };
            let matcher = matchers.entry(key).or_insert_with(|| Matcher::new(set.clone(), entry.platform));
            matcher.field(entry.kind, &entry.value, &mut |hit| {
                clashes.push(Clash {
                    corpus: corpus.name.clone(),
                    line: entry.line,
                    value: entry.value.clone(),
                    indicator: hit.indicator,
                    strength: hit.strength,
                    form: hit.form,
                });
            });
        }
    }
    clashes
}

#[cfg(test)]
mod tests {
    use super::super::{Campaign, Indicator, Ioc, catalogue};
    use super::*;

    fn set(values: &[(Ioc, &str)]) -> IndicatorSet {
        let mut set = IndicatorSet::default();
        set.campaigns.push(Campaign { name: "Spy".into(), ..Campaign::default() });
        for (ioc, value) in values {
            set.indicators.push(Indicator {
                ioc: *ioc,
                value: (*value).into(),
                campaign: 0,
                source: 0,
                role: Default::default(),
                platform: Platform::Any,
                stix_id: "".into(),
                valid_from: None,
                valid_until: None,
                revoked: false,
                note: "".into(),
            });
        }
        set
    }

    fn lines(set: &IndicatorSet, corpus: &str) -> Vec<(u32, u32)> {
        clashes(set, &[read("x", corpus)]).iter().map(|clash| (clash.line, clash.indicator)).collect()
    }

    #[test]
    fn the_bundled_corpus_is_read_whole_and_without_copies() {
        let corpora = bundled();
        assert!(corpora.iter().all(|corpus| corpus.flaws.is_empty() && !corpus.is_empty()), "{corpora:?}");
        assert!(corpora.iter().map(Corpus::len).sum::<usize>() > 2_000);
        for corpus in corpora.iter().filter(|corpus| corpus.name.starts_with("benign/")) {
            let mut seen = std::collections::HashSet::new();
            for entry in &corpus.entries {
                let key = (format!("{:?}{:?}", entry.kind, entry.platform), &entry.value);
                assert!(seen.insert(key), "{}:{}: `{}` twice", corpus.name, entry.line, entry.value);
            }
        }
    }

    #[test]
    fn every_file_of_the_corpus_tells_its_source_and_licence() {
        for file in ["apps", "hosts", "messages", "names", "paths", "processes", "urls"] {
            let path = format!("{}/src/indicator/benign/{file}.txt", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap();
            assert!(text.contains("# Source: ") && text.contains("Licence: ") && text.contains("as of 20"));
        }
    }

    #[test]
    fn a_value_of_the_corpus_that_matches_is_told_with_its_line() {
        let set =
            set(&[(Ioc::Domain, "google.com"), (Ioc::Process, "bluetoothd"), (Ioc::Domain, "evil.xyz")]);
        assert_eq!(
            lines(&set, "# c\n[host]\nwww.google.com\nexample.org\n[process ios]\nbluetoothd\n"),
            [(3, 0), (6, 1)]
        );
        assert!(lines(&set, "[host]\nnotgoogle.com\n[process]\nbluetoothd2\n").is_empty());
    }

    #[test]
    fn a_process_of_another_platform_is_no_clash() {
        let mut set = set(&[(Ioc::Process, "gatekeeperd")]);
        set.indicators[0].platform = Platform::Ios;
        assert!(lines(&set, "[process android]\ngatekeeperd\n").is_empty());
        assert_eq!(lines(&set, "[process ios]\ngatekeeperd\n"), [(2, 0)]);
    }

    /// What published sets say of ordinary phones: slips that are kept as published.
    const KNOWN: &[(&str, &str, Strength)] = &[
        // Domains of Predator whose ends are those of files, too: weak in text, as they should be.
        (
            "benign/messages.txt fix in lib/thd.cc and include/ups.so, see commit 0123456789abcdef0123456789abcdef01234567",
            "thd.cc",
            Strength::Weak,
        ),
        (
            "benign/messages.txt fix in lib/thd.cc and include/ups.so, see commit 0123456789abcdef0123456789abcdef01234567",
            "ups.so",
            Strength::Weak,
        ),
        // Watchware with very many users.
        ("lint/top_sites.txt bark.us", "bark.us", Strength::Certain),
        ("lint/top_sites.txt bark.us", "www.bark.us", Strength::Weak),
        ("lint/top_sites.txt mobile-tracker-free.com", "mobile-tracker-free.com", Strength::Certain),
        // A program of older versions of iOS.
        ("lint/system_processes.txt BackupAgent", "BackupAgent", Strength::Certain),
    ];

    #[test]
    fn the_bundled_sets_match_nothing_ordinary_but_the_known_slips() {
        let mut set = IndicatorSet::default();
        catalogue::bundled(&mut set);
        let found: Vec<_> = clashes(&set, &bundled())
            .into_iter()
            .map(|clash| {
                let value = set.indicators[clash.indicator as usize].value.to_string();
                (format!("{} {}", clash.corpus, clash.value), value, clash.strength)
            })
            .collect();
        let known: Vec<_> =
            KNOWN.iter().map(|(at, value, how)| ((*at).to_owned(), (*value).to_owned(), *how)).collect();
        assert_eq!(found, known);
    }

    #[test]
    fn what_is_no_corpus_is_told_and_never_panics() {
        assert_eq!(read("x", "evil.xyz\n").flaws.len(), 1);
        assert_eq!(
            read("x", "[nonsense]\nevil.xyz\n").flaws,
            [(1, "`[nonsense]` names no kind of values and platform".to_owned())]
        );
        let text = "\u{feff}# é\n[host ios]\nä.example\n[]\n[path]\n/x\n";
        for end in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[end] ^= 4;
            read("x", &String::from_utf8_lossy(&bytes));
            read("x", &String::from_utf8_lossy(&text.as_bytes()[..end]));
        }
    }
}
