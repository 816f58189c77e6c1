//! A set keeps its meaning through every form that can hold it.

use super::*;
use crate::indicator::diff::diff;
use crate::indicator::intake::{Entry, Intake};
use crate::indicator::load::read_text;

/// One value of every kind, and everything that can be said of one.
fn example() -> IndicatorSet {
    let mut set = IndicatorSet::default();
    let source = Source {
        name: "example".into(),
        publisher: "Lab".into(),
        report: "How it works".into(),
        link: "https://lab.example/1 https://lab.example/2".into(),
        date: "2024-02-03".into(),
        licence: "CC BY 4.0".into(),
        ..Source::default()
    };
    let mut intake = Intake::new(&mut set, source).unwrap();
    let spy = intake.campaign(Campaign {
        name: "Spy, \"the\" first".into(),
        vendor: "Vendor & Sons".into(),
        description: "What it is.".into(),
    });
    let other = intake.campaign_named("Other");
    let sha256 = "ab".repeat(32);
    let md5 = "cd".repeat(16);
    for (ioc, value) in [
        (Ioc::Domain, "evil.example.com"),
        (Ioc::Domain, "*.wild.example.com"),
        (Ioc::Domain, "despachosnegocios"),
        (Ioc::Ip, "198.51.100.7"),
        (Ioc::Ip, "203.0.113.0/24"),
        (Ioc::Ip, "2001:db8::7"),
        (Ioc::Url, "https://evil.example.com/?a=1&b='x'"),
        (Ioc::Process, "it's \\ here, \"quoted\""),
        (Ioc::FileName, "x [.] y.plist"),
        (Ioc::FilePath, "/private/var/tmp/l/"),
        (Ioc::Email, "someone@example.com"),
        (Ioc::FileHash, &sha256),
        (Ioc::FileHash, &md5),
        (Ioc::AppId, "com.example.Spy"),
        (Ioc::CertHash, &"ef".repeat(20)),
        (Ioc::ProfileId, "76DAB334-7E17-475D-A5D6-0794EB5818A5"),
        (Ioc::Property, "sys.example"),
    ] {
        intake.add(1, Entry::new(ioc, value, spy)).unwrap();
    }
    intake.add(1, Entry { role: Role::C2, ..Entry::new(Ioc::Domain, "c2.example.com", other) }).unwrap();
    let noted = Entry {
        platform: Platform::Ios,
        note: "also a word".into(),
        ..Entry::new(Ioc::Process, "bh", other)
    };
    let indicator = intake.add(1, noted).unwrap();
    indicator.valid_from = Some("2024-01-01T00:00:00Z".parse().unwrap());
    indicator.valid_until = Some("2025-01-01T12:30:00.5Z".parse().unwrap());
    indicator.revoked = true;
    intake.finish();
    set
}

fn written(form: FileForm, set: &IndicatorSet) -> String {
    let mut out = Vec::new();
    let mut skipped = Vec::new();
    write(form, &Header::default(), set, &mut skipped, &mut out).unwrap();
    assert!(skipped.is_empty(), "{skipped:?}");
    String::from_utf8(out).unwrap()
}

fn loaded(text: &str) -> IndicatorSet {
    let mut set = IndicatorSet::default();
    let mut intake = Intake::new(&mut set, Source::default()).unwrap();
    read_text(text, "set.x", "set", &mut intake);
    intake.finish();
    set
}

/// Everything that is said of the values, with the times.
fn meaning(set: &IndicatorSet) -> Vec<String> {
    let mut lines: Vec<String> = rows(&Header::default(), set)
        .iter()
        .map(|row| {
            format!(
                "{} {} {:?} {:?} {:?} {:?} {:?} {:?} {} {}",
                row.ioc.name(),
                row.value,
                row.campaign.name,
                row.campaign.vendor,
                row.role,
                row.platform,
                row.valid_from,
                row.valid_until,
                row.revoked,
                row.note
            )
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn a_set_keeps_its_meaning_through_stix_csv_and_misp() {
    let set = example();
    for form in [FileForm::Stix, FileForm::Csv, FileForm::Misp] {
        let text = written(form, &set);
        let again = loaded(&text);
        assert!(again.skipped.is_empty(), "{form:?} {:?}\n{text}", again.skipped);
        assert_eq!(meaning(&again), meaning(&set), "{form:?}\n{text}");
        assert!(diff(&set, &again).is_empty());
        // What was read gives what was written, provenance of the set apart.
        assert_eq!(meaning(&loaded(&written(form, &again))), meaning(&set));
    }
}

#[test]
fn a_set_keeps_its_meaning_through_the_catalogue() {
    let set = example();
    let again = loaded(&written(FileForm::Catalogue, &set));
    assert!(again.skipped.is_empty(), "{:?}", again.skipped);
    assert!(diff(&set, &again).is_empty(), "{:?}", diff(&set, &again));
}

#[test]
fn plain_lists_keep_the_values_and_their_kinds() {
    let set = example();
    let mut skipped = Vec::new();
    let lists = lists(&set, &mut skipped);
    assert!(skipped.is_empty());
    assert_eq!(lists.len(), Ioc::ALL.len());
    let mut values = Vec::new();
    for list in lists {
        let mut again = IndicatorSet::default();
        let mut intake = Intake::new(&mut again, Source::default()).unwrap();
        read_text(&list.text, list.file_name, "set", &mut intake);
        intake.finish();
        values.extend(again.indicators.iter().map(|it| (it.ioc, it.value.to_string())));
    }
    let mut expected: Vec<_> =
        rows(&Header::default(), &set).into_iter().map(|row| (row.ioc, row.value)).collect();
    expected.sort();
    values.sort();
    assert_eq!(values, expected);
}

#[test]
fn the_same_set_gives_the_same_bytes_in_any_order() {
    let set = example();
    let mut turned = set.clone();
    turned.indicators.reverse();
    for form in [FileForm::Catalogue, FileForm::Stix, FileForm::Csv, FileForm::Misp, FileForm::List] {
        assert_eq!(written(form, &set), written(form, &turned), "{form:?}");
    }
}

#[test]
fn a_stix_bundle_is_what_the_standard_asks_for() {
    let text = written(FileForm::Stix, &example());
    let bundle: serde_json::Value = serde_json::from_str(&text).unwrap();
    let objects = bundle["objects"].as_array().unwrap();
    let mut ids = std::collections::BTreeSet::new();
    for object in objects {
        let (kind, id) = (object["type"].as_str().unwrap(), object["id"].as_str().unwrap());
        let (front, uuid) = id.split_once("--").unwrap();
        assert_eq!(front, kind);
        assert!(uuid.len() == 36 && uuid.as_bytes()[14] == b'5' && "89ab".contains(&uuid[19..20]), "{uuid}");
        assert!(ids.insert(id.to_owned()), "{id} stands twice");
        assert_eq!(object["spec_version"], "2.1");
        assert!(object["created"].as_str().unwrap().ends_with(".000Z"), "{object}");
        match kind {
            "indicator" => {
                serde_json::from_value::<stix_rs::Indicator>(object.clone()).unwrap();
                crate::indicator::pattern::parse(object["pattern"].as_str().unwrap()).unwrap();
            }
            "malware" => drop(serde_json::from_value::<stix_rs::Malware>(object.clone()).unwrap()),
            "relationship" => drop(serde_json::from_value::<stix_rs::Relationship>(object.clone()).unwrap()),
            "identity" | "marking-definition" => {}
            other => panic!("{other}"),
        }
    }
    for reference in
        objects.iter().flat_map(|it| ["source_ref", "target_ref", "created_by_ref"].map(|key| &it[key]))
    {
        assert!(reference.is_null() || ids.contains(reference.as_str().unwrap()), "{reference}");
    }
    assert_eq!(objects.iter().filter(|it| it["type"] == "indicator").count(), 19);
}
