use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::{Sweeper, Unswept};
use crate::indicator::Form::{self, Base64, Carved, Context, ReversedHost, Utf16};
use crate::indicator::Ioc::{
    self, AppId, CertHash, Domain, Email, FileHash, FileName, FilePath, Ip, Process, Url,
};
use crate::indicator::{Indicator, IndicatorSet, Matcher, Platform, Role, Strength, load};

const DIGEST: &str = "3f2a96e53ff6b9b2d8a1e0c47b5d6f8890a1b2c3d4e5f60718293a4b5c6d7e8f";
const VALUES: [(Ioc, &str); 21] = [
    (Domain, "free247downloads.com"),
    (Domain, "evil-a.com"),
    (Domain, "thd.cc"),
    (Domain, "media-sync-a.copy9.com"),
    (Domain, "www.tzsafe.com"),
    (Domain, "*.below-this.example"),
    (Domain, "xn--telegrm-qbd.com"),
    (Domain, "9o.gg"),
    (Url, "https://accountsecurities.org/16tPqQC"),
    (Url, "fgr1w2gnsdvsb.xyz/x"),
    (Email, "linakeller2203@gmail.com"),
    (FilePath, "/private/var/tmp/hooker"),
    (FilePath, "/private/var/db/stash/a-folder/"),
    (FileName, "roleaccountd.plist"),
    (FileName, "blob_d6c1a21adb11"),
    (AppId, "com.serv.services"),
    (AppId, "xx.an"),
    (Ip, "62.72.21.10"),
    (Ip, "2a01:4f8:c0c::17"),
    (FileHash, DIGEST),
    (CertHash, "F9181C6CF9AACB3AB1092F5338C3198A8D833431"),
];

fn all() -> &'static Matcher {
    static ALL: LazyLock<Matcher> = LazyLock::new(|| matcher(&VALUES));
    &ALL
}

fn matcher(values: &[(Ioc, &str)]) -> Matcher {
    let indicators = values.iter().map(|(ioc, value)| Indicator {
        ioc: *ioc,
        value: (*value).into(),
        campaign: 0,
        source: 0,
        role: Role::Unstated,
        platform: Platform::Any,
        stix_id: "".into(),
        valid_from: None,
        valid_until: None,
        revoked: false,
        note: "".into(),
    });
    let set = IndicatorSet { indicators: indicators.collect(), ..IndicatorSet::default() };
    Matcher::new(set, Platform::Ios)
}

type Told = (usize, u32, Strength, Form, String);

fn part(sweeper: Sweeper<'_>, bytes: &[u8], from: usize, to: usize) -> Vec<Told> {
    let mut told = Vec::new();
    sweeper.sweep(bytes, from, to, &mut |offset, hit| {
        told.push((offset, hit.indicator, hit.strength, hit.form, hit.matched.into_owned()));
    });
    told
}

fn whole(sweeper: Sweeper<'_>, bytes: &[u8]) -> Vec<Told> {
    part(sweeper, bytes, 0, bytes.len())
}

/// What the careful search tells of the same bytes, as far as it is swept for.
fn reference(matcher: &Matcher, bytes: &[u8]) -> BTreeMap<u32, Strength> {
    let mut told = BTreeMap::new();
    let left_out = matcher.sweeper().left_out();
    matcher.bytes(bytes, &mut |_, hit| {
        let ioc = matcher.set().indicators[hit.indicator as usize].ioc;
        if hit.form == ReversedHost
            || ioc == Url && hit.form == Context
            || left_out.iter().any(|(id, _)| *id == hit.indicator)
        {
            return;
        }
        let strength = told.entry(hit.indicator).or_insert(hit.strength);
        *strength = hit.strength.max(*strength);
    });
    told
}

fn strongest(told: &[Told]) -> BTreeMap<u32, Strength> {
    let mut strongest = BTreeMap::new();
    for (_, id, strength, ..) in told {
        let known = strongest.entry(*id).or_insert(*strength);
        *known = (*known).max(*strength);
    }
    strongest
}

fn is_in_base64(ioc: Ioc) -> bool {
    matches!(ioc, Domain | Url | Email | AppId)
}

fn wide(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|byte| [*byte, 0]).collect()
}

fn wide_big(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|byte| [0, *byte]).collect()
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            text.push(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]);
        }
    }
    text
}

#[test]
fn every_kind_is_found_in_every_form_at_every_alignment() {
    let matcher = matcher(&VALUES);
    let sweeper = matcher.sweeper();
    assert_eq!(sweeper.left_out(), []);
    for (id, (ioc, value)) in (0_u32..).zip(VALUES) {
        let value = match value.strip_prefix("*") {
            Some(below) => format!("a{below}"),
            None => value.to_owned(),
        };
        let plain = value.as_bytes().to_vec();
        let mut forms = vec![(plain.clone(), Carved), (wide(&plain), Utf16), (wide_big(&plain), Utf16)];
        if is_in_base64(ioc) && value.len() >= 9 {
            for phase in ["x ", "xx ", "xxx "] {
                forms.push((base64(format!("{phase}{value} ").as_bytes()), Base64));
            }
        }
        // Eight characters of two bytes are the shortest run.
        forms.retain(|(_, form)| value.len() >= 8 || *form == Carved);
        for (bytes, form) in forms {
            for before in 0..23 {
                for after in [0, 1, 40] {
                    let mut window = vec![0x7f; before];
                    window.extend_from_slice(&bytes);
                    window.extend(std::iter::repeat_n(0x7f, after));
                    let found = whole(sweeper, &window);
                    let found = found.iter().find(|(_, found, ..)| *found == id);
                    let Some((offset, _, strength, found, _)) = found else {
                        panic!("{value} as {form:?} after {before} bytes, {after} follow");
                    };
                    assert_eq!(*found, if value == "thd.cc" { Form::InText } else { form }, "{value}");
                    assert!(*strength == Strength::Medium || value == "thd.cc", "{value}");
                    assert!(*offset >= before && *offset < before + bytes.len());
                }
            }
        }
    }
}

#[test]
fn disguised_dots_are_seen() {
    let matcher = matcher(&VALUES);
    for text in [
        "https%3A%2F%2Ffree247downloads%2Ecom%2Fx",
        "https%3a%2f%2ffree247downloads.com",
        "?u=https%3A%2F%2Fevil-a.com",
        "%2fthd.cc/",
        "hxxps://free247downloads[.]com/x",
        "free247downloads(dot)com",
        "free247downloads dot com",
        "free247downloads{.}com",
        "free247downloads\\u002ecom",
        "https:\\/\\/free247downloads.com\\/",
        "\\nfree247downloads.com\\n",
        "free247downloads&#46;com",
        "free247downloads=2Ecom",
        "evil-a[.]com",
        "evil-a%2Ecom",
        "evil-a(.)com",
        "FREE247DOWNLOADS.COM",
        "linakeller2203[at]gmail.com",
        "linakeller2203%40gmail.com",
    ] {
        let found = whole(matcher.sweeper(), text.as_bytes());
        assert!(!found.is_empty(), "{text}");
        assert_eq!(strongest(&found), reference(&matcher, text.as_bytes()), "{text}");
    }
}

#[test]
fn look_alikes_are_not_told() {
    let matcher = matcher(&VALUES);
    for text in [
        "notfree247downloads.com",
        "myfree247downloads.com/",
        "free247downloads.com.evil.org",
        "free247downloads.community",
        "not-evil-a.com",
        "evil-a.com.example.org",
        "xthd.cc",
        "thd.ccx",
        "xlinakeller2203@gmail.com",
        "162.72.21.10",
        "62.72.21.105",
        "62.72.21.10.5",
        "/private/var/tmp/hooker2",
        "com.serv.services.helper",
        "acom.serv.services",
        "xroleaccountd.plist",
        "https://accountsecurities.org/other",
        "éfree247downloads.com",
    ] {
        assert_eq!(whole(matcher.sweeper(), text.as_bytes()), [], "{text}");
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(whole(matcher.sweeper(), &units), [], "{text}");
    }
    let longer = format!("{DIGEST}0");
    assert_eq!(whole(matcher.sweeper(), longer.as_bytes()), []);
}

#[test]
fn every_place_is_told() {
    let matcher = matcher(&VALUES);
    let text = b"a free247downloads.com \x00https://x.free247downloads.com/1, free247downloads.com";
    let offsets: Vec<usize> = whole(matcher.sweeper(), text).into_iter().map(|(offset, ..)| offset).collect();
    assert_eq!(offsets, [2, 32, 58]);
}

#[test]
fn what_is_not_looked_for_is_said() {
    let matcher = matcher(&[
        (Process, "bh"),
        (Ip, "62.72.0.0/16"),
        (FilePath, "Library/a.plist"),
        (FileName, "a.js"),
        (Domain, "co.uk"),
        (Domain, "free247downloads.com"),
        (FileHash, "d41d"),
    ]);
    let left_out = matcher.sweeper().left_out();
    let why = [
        (0, Unswept::Field),
        (1, Unswept::Network),
        (2, Unswept::Ordinary),
        (3, Unswept::Ordinary),
        (4, Unswept::Unusable),
        (6, Unswept::Unusable),
    ];
    assert_eq!(left_out, why);
}

#[test]
fn nearly_all_of_the_bundled_set_is_swept_and_found() {
    let matcher = Matcher::new(load(&[], true).unwrap(), Platform::Any);
    let sweeper = matcher.sweeper();
    let left_out: BTreeMap<u32, Unswept> = sweeper.left_out().iter().copied().collect();
    let ordinary = left_out.values().filter(|why| !matches!(why, Unswept::Field)).count();
    assert!(ordinary < 20, "{ordinary}");
    assert_eq!(sweeper.plain_only(), 0);
    for (id, indicator) in (0_u32..).zip(&matcher.set().indicators) {
        // `/tmp/l` is too short, the longer path that it leads to is not.
        if left_out.contains_key(&id) || indicator.value.len() < 8 && indicator.ioc == FilePath {
            continue;
        }
        let text = format!("\u{1}{}\u{2}", indicator.value);
        let found = whole(sweeper, text.as_bytes());
        assert!(found.iter().any(|(_, found, ..)| *found == id), "{}", indicator.value);
    }
}

#[test]
fn ordinary_bytes_hold_nothing() {
    let matcher = Matcher::new(load(&[], true).unwrap(), Platform::Ios);
    let text = "The connection to www.example.org was closed; com.apple.mobilesafari wrote /private/var/mobile/x.plist, \
        {\"url\":\"https:\\/\\/www.example.com\\/a.b?c=d.e\"} libcups.so.2 1.2.3.4 "
        .repeat(50);
    assert_eq!(whole(matcher.sweeper(), text.as_bytes()), []);
    assert_eq!(whole(matcher.sweeper(), &wide(text.as_bytes())), []);
}

/// Pieces of indicators, what stands around them, and what hides them.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let mut pieces: Vec<String> = VALUES.iter().map(|(_, value)| (*value).to_owned()).collect();
    for (_, value) in VALUES {
        for (from, to) in
            [(0, value.len() / 2), (value.len() / 2, value.len()), (1, value.len()), (0, value.len() - 1)]
        {
            pieces.push(value[from..to].to_owned());
        }
        pieces.push(value.to_uppercase());
        pieces.push(value.replace('.', "[.]"));
        pieces.push(value.replace('.', "%2E").replace('/', "%2F"));
    }
    let around = [
        ".", " ", "/", "\0", "\n", "-", "@", ":", "https://", "www.", ".com", "a", "x=", "&", "\\/", "\\n",
        "%2f", "<", "\"", "{", ",", ";", "(", "==", "package:", "?u=", "#", "_", "[.]",
    ];
    let value = proptest::sample::select(pieces).prop_map(String::into_bytes);
    let around = proptest::sample::select(around.map(|text| text.as_bytes().to_vec()).to_vec());
    // No letters of other scripts: beside them the careful search goes by the run, not by the word.
    let byte = prop_oneof![0_u8..0xa0, Just(0)];
    let random = proptest::collection::vec(byte, 0..12);
    let piece = prop_oneof![3 => value, 5 => around, 1 => random];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Paths, names and short hosts are found as they are written only.
fn is_swept_as_written(id: u32, bytes: &[u8]) -> bool {
    let (ioc, value) = VALUES[id as usize];
    let bytes = bytes.to_ascii_lowercase();
    let holds = |word: &str| bytes.windows(word.len()).any(|there| there == word.as_bytes());
    // What stands there disguised as well is told by the careful search, even if the plain one is a part of a longer word.
    let disguised = ["[.]", "%2e"].iter().any(|dot| value.contains('.') && holds(&value.replace('.', dot)));
    holds(value) && !disguised || value.len() >= 8 && !matches!(ioc, FilePath | FileName)
}

/// `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(100)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn as_the_careful_search(bytes in pieces()) {
        let matcher = all();
        let mut careful = reference(matcher, &bytes);
        let mut told = strongest(&whole(matcher.sweeper(), &bytes));
        let is_plain = |id: u32| is_swept_as_written(id, &bytes);
        careful.retain(|id, _| is_plain(*id));
        told.retain(|id, _| is_plain(*id));
        prop_assert_eq!(told, careful, "{}", bytes.escape_ascii());
    }

    #[test]
    fn as_the_careful_search_in_other_encodings(bytes in pieces(), front in 0..7_usize) {
        let matcher = all();
        for encoded in [wide(&bytes), wide_big(&bytes), base64(&bytes)] {
            let window = [&vec![0x7f; front], &*encoded].concat();
            let told = strongest(&whole(matcher.sweeper(), &window));
            for (id, strength) in reference(matcher, &window) {
                // A fragment of base64 shorter than a window is not looked for, nor a run of few wide characters.
                let (ioc, value) = VALUES[id as usize];
                // Around it, what has another spelling is read as well.
                let as_published = is_in_base64(ioc) && bytes.windows(value.len()).any(|there| there == value.as_bytes());
                let swept = value.len() >= 9 && is_swept_as_written(id, &bytes) && (encoded != base64(&bytes) || as_published);
                prop_assert!(!swept || told.get(&id) >= Some(&strength), "{} {}", id, window.escape_ascii());
            }
        }
    }

    #[test]
    fn parts_tell_what_the_whole_tells(many in proptest::collection::vec(pieces(), 1..60), gap in 0..6000_usize, cuts in proptest::collection::vec(any::<prop::sample::Index>(), 1..4)) {
        let matcher = all();
        let mut bytes = Vec::new();
        for (number, pieces) in many.iter().enumerate() {
            bytes.extend_from_slice(pieces);
            match number % 3 {
                0 => bytes.extend(wide(pieces)),
                1 => bytes.extend(base64(pieces)),
                _ => {}
            }
            if number == many.len() / 2 {
                bytes.extend(std::iter::repeat_n(b'g', gap));
            }
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut told = Vec::new();
        for cut in cuts.windows(2) {
            let (from, to) = (cut[0], cut[1]);
            let start = from.saturating_sub(Sweeper::CONTEXT);
            let end = bytes.len().min(to + Sweeper::CONTEXT);
            let hits = part(matcher.sweeper(), &bytes[start..end], from - start, to - start);
            told.extend(hits.into_iter().map(|hit| (hit.0 + start, hit.1, hit.2, hit.3, hit.4)));
        }
        prop_assert_eq!(told, whole(matcher.sweeper(), &bytes));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), from in 0..400_usize, to in 0..400_usize) {
        let matcher = all();
        part(matcher.sweeper(), &bytes, from, to);
    }
}
