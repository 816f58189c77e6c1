//! Properties that hold for every text: canonical forms are stable, and what is written is read as it was.

use proptest::prelude::*;

use super::catalogue::Header;
use super::diff::{diff, normal};
use super::export::{FileForm, pattern_of, write};
use super::host::{self, Host, Shape};
use super::intake::{Entry, Intake, canonical};
use super::list::refanged;
use super::load::read_text;
use super::pattern::{lower, parse};
use super::set::{Campaign, IndicatorSet, Ioc, Platform, Role, Source};

/// Pieces that the forms, hosts and patterns are sensitive to.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "evil",
        "example.com",
        "a.b.",
        "*.",
        "www.",
        "xn--telegrm-qbd",
        "telegrɑm",
        "。",
        "198.51.100.7",
        "/24",
        "::1",
        "[",
        "]",
        "://",
        "https",
        "HTTP",
        "hxxp",
        "[.]",
        "@",
        ":8443",
        "/",
        "\\",
        "'",
        "\"",
        ",",
        ";",
        "|",
        " | ",
        "#",
        " #",
        "%41",
        "%",
        "_",
        "?a=1",
        "&",
        "=",
        "ab",
        "AB",
        ".",
        "..",
        "-",
        " ",
        "{",
        "}",
        "note=",
        "é",
        "\u{200b}",
        "com.example.app",
        "76DAB334-7E17-475D-A5D6-0794EB5818A5",
    ];
    prop_oneof![4 => proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,4}"]
}

fn text() -> impl Strategy<Value = String> {
    let pieces = proptest::collection::vec(piece(), 1..7).prop_map(|pieces| pieces.concat());
    prop_oneof![3 => pieces, 1 => "[0-9a-f]{32}", 1 => "[a-z]{1,8}\\.[a-z]{2,8}\\.(com|net|org)"]
}

fn kind() -> impl Strategy<Value = Ioc> {
    proptest::sample::select(Ioc::ALL.to_vec())
}

fn role() -> impl Strategy<Value = Role> {
    proptest::sample::select(vec![Role::Unstated, Role::C2, Role::VendorWebsite, Role::DualUse])
}

/// A set with what the intake takes of these values.
fn set_of(values: &[(Ioc, String, usize, Role)]) -> IndicatorSet {
    let mut set = IndicatorSet::default();
    let mut intake = Intake::new(&mut set, Source::default()).unwrap();
    for (ioc, value, campaign, role) in values {
        let name = ["Spy", "The \"other\", one", "é; third"][campaign % 3];
        let campaign =
            intake.campaign(Campaign { name: name.into(), vendor: "V".into(), ..Campaign::default() });
        let platform = if *role == Role::C2 { Platform::Ios } else { Platform::Any };
        intake.add(1, Entry { role: *role, platform, ..Entry::new(*ioc, value, campaign) });
    }
    intake.finish();
    set.skipped.clear();
    // A disguised value is undisguised where it is read from tables and events.
    set.indicators.retain(|indicator| *refanged(&indicator.value) == *indicator.value);
    set
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_canonical_form_of_a_host_is_its_own(text in text()) {
        if let Some(Host::Name(name)) = host::canonical(&text) {
            let again = host::canonical(&name);
            prop_assert_eq!(again, Some(Host::Name(name.clone())));
        }
    }

    #[test]
    fn cutting_a_url_gives_parts_of_it(text in text()) {
        if let Shape::Address(address) = host::cut(&text) {
            prop_assert!(text.contains(address.written) && text.ends_with(address.rest));
        }
    }

    #[test]
    fn canonical_values_are_their_own(ioc in kind(), text in text()) {
        let once = canonical(ioc, &text).into_owned();
        prop_assert_eq!(canonical(ioc, &once).into_owned(), once);
    }

    #[test]
    fn compared_values_are_their_own(ioc in kind(), text in text()) {
        let set = set_of(&[(ioc, text, 0, Role::Unstated)]);
        for indicator in &set.indicators {
            let once = normal(indicator.ioc, &indicator.value);
            prop_assert_eq!(&normal(indicator.ioc, &once), &once);
        }
    }

    #[test]
    fn a_printed_pattern_asks_for_the_value(ioc in kind(), text in text()) {
        for indicator in &set_of(&[(ioc, text, 0, Role::Unstated)]).indicators {
            let value = canonical(indicator.ioc, &indicator.value).into_owned();
            let printed = pattern_of(indicator.ioc, &value);
            let lowered = lower(&parse(&printed).unwrap());
            prop_assert_eq!(lowered.values, vec![(indicator.ioc, value)], "{}", printed);
            prop_assert_eq!(lowered.unsupported, None);
        }
    }

    #[test]
    fn a_written_set_is_read_as_it_was(
        values in proptest::collection::vec((kind(), text(), 0..3_usize, role()), 1..12)
    ) {
        let set = set_of(&values);
        if set.indicators.is_empty() {
            return Ok(());
        }
        for form in [FileForm::Stix, FileForm::Csv, FileForm::Misp, FileForm::Catalogue] {
            let mut out = Vec::new();
            let mut skipped = Vec::new();
            write(form, &Header::default(), &set, &mut skipped, &mut out).unwrap();
            let written = String::from_utf8(out).unwrap();
            let mut again = IndicatorSet::default();
            let mut intake = Intake::new(&mut again, Source::default()).unwrap();
            read_text(&written, "set.x", "set", &mut intake);
            intake.finish();
            // The catalogue says so where its marks stand in a value.
            if !skipped.is_empty() {
                continue;
            }
            let difference = diff(&set, &again);
            prop_assert!(difference.is_empty(), "{:?} {:?} {:?}\n{}", form, difference, again.skipped, written);
        }
    }

    #[test]
    fn every_line_of_a_bad_bundle_is_survived(text in text(), cut in 0..400_usize, flip in 0..400_usize) {
        let set = set_of(&[(Ioc::FileName, text, 0, Role::C2), (Ioc::Domain, "a.example.com".into(), 1, Role::C2)]);
        let mut out = Vec::new();
        write(FileForm::Stix, &Header::default(), &set, &mut Vec::new(), &mut out).unwrap();
        let place = flip % out.len();
        out[place] ^= 1 << (flip % 7);
        out.truncate(out.len().saturating_sub(cut));
        let mut again = IndicatorSet::default();
        let mut intake = Intake::new(&mut again, Source::default()).unwrap();
        read_text(&String::from_utf8_lossy(&out), "set.stix2", "set", &mut intake);
    }
}
