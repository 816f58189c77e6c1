//! Matching single values of each kind against the bundled set, and what it takes to get ready for that and for a million values.

#![allow(clippy::disallowed_methods, reason = "a bench writes the files it reads")]

mod common;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hoofprint::indicator::{self, Ioc, Matcher, Platform};
use hoofprint::record::Kind;

const VALUES: usize = 200;

/// Values published as this, as they would be seen on a phone.
fn published(matcher: &Matcher, ioc: Ioc, written: impl Fn(&str) -> String) -> Vec<String> {
    let indicators = matcher.set().indicators.iter();
    let fitting = indicators
        .filter(|indicator| indicator.ioc == ioc)
        .filter(|indicator| matches!(indicator.platform, Platform::Any | Platform::Ios));
    let values: Vec<String> = fitting.map(|indicator| written(&indicator.value)).collect();
    assert!(!values.is_empty(), "the bundled set has no {}", ioc.name());
    values.into_iter().cycle().take(VALUES).collect()
}

fn harmless(written: impl Fn(usize) -> String) -> Vec<String> {
    (0..VALUES).map(written).collect()
}

/// How many of the values hit something.
fn hits(matcher: &Matcher, kind: Kind, values: &[String]) -> usize {
    let mut hits = 0;
    for value in values {
        let mut hit = false;
        matcher.field(kind, black_box(value), &mut |_| hit = true);
        hits += usize::from(hit);
    }
    hits
}

fn values(criterion: &mut Criterion) {
    let set = indicator::load(&[], true).expect("the bundled set can be read");
    let matcher = Matcher::new(set, Platform::Ios);
    let words = "We meet at the station tomorrow, the train is late again, please wait for me there 👍";
    let cases = [
        ("url", Kind::Url, harmless(|i| format!("https://news.example.org/{i}/story?id={i}#top"))),
        ("host", Kind::Host, harmless(|i| format!("cdn{i}.example.com"))),
        ("message", Kind::Message, harmless(|i| format!("{words} {i}"))),
        ("message with a link", Kind::Message, harmless(|i| format!("{words} https://maps.example.net/{i}"))),
        (
            "path",
            Kind::Path,
            harmless(|i| format!("/private/var/mobile/Media/DCIM/100APPLE/IMG_{i:04}.HEIC")),
        ),
        ("process", Kind::Process, harmless(|i| format!("mobileassetd{i}/com.example.app{i}"))),
        ("app id", Kind::AppId, harmless(|i| format!("com.example.app{i}"))),
        ("e-mail", Kind::Email, harmless(|i| format!("person{i}@example.org"))),
    ];
    let mut group = criterion.benchmark_group("not matching");
    group.throughput(Throughput::Elements(VALUES as u64));
    for (name, kind, values) in cases {
        assert_eq!(hits(&matcher, kind, &values), 0, "{name}");
        group.bench_function(name, |bencher| bencher.iter(|| hits(&matcher, kind, &values)));
    }
    group.finish();

    let as_it_is = |value: &str| value.to_owned();
    let link = |domain: &str| format!("https://{domain}/a/b?c=d");
    let said = |domain: &str| format!("{words} https://{domain}/a/b?c=d");
    let cases = [
        ("url", Kind::Url, published(&matcher, Ioc::Domain, link)),
        ("host", Kind::Host, published(&matcher, Ioc::Domain, as_it_is)),
        ("message with a link", Kind::Message, published(&matcher, Ioc::Domain, said)),
        ("path", Kind::Path, published(&matcher, Ioc::FilePath, as_it_is)),
        ("process", Kind::Process, published(&matcher, Ioc::Process, as_it_is)),
        ("e-mail", Kind::Email, published(&matcher, Ioc::Email, as_it_is)),
    ];
    let mut group = criterion.benchmark_group("matching");
    group.throughput(Throughput::Elements(VALUES as u64));
    for (name, kind, values) in cases {
        let hit = hits(&matcher, kind, &values);
        assert!(hit > VALUES * 9 / 10, "{name}: {hit} of {VALUES}");
        group.bench_function(name, |bencher| bencher.iter(|| hits(&matcher, kind, &values)));
    }
}

fn start(criterion: &mut Criterion) {
    let load = || indicator::load(&[], true).expect("the bundled set can be read");
    let mut group = criterion.benchmark_group("start");
    group.throughput(Throughput::Elements(load().indicators.len() as u64));
    group.bench_function("load the bundled set", |bencher| bencher.iter_with_large_drop(load));
    group.bench_function("build the matcher", |bencher| {
        bencher.iter_batched(
            load,
            |set| Matcher::new(set, Platform::Ios),
            criterion::BatchSize::PerIteration,
        );
    });
}

/// A million made-up domains, as a plain list and as a bundle.
fn million(criterion: &mut Criterion) {
    const COUNT: usize = 1_000_000;
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let domain = |i: usize| format!("h{:x}.n{:x}.example.com", i.wrapping_mul(0x9e37_79b1), i);
    let list = folder.path().join("domains.txt");
    let lines: Vec<String> = (0..COUNT).map(domain).collect();
    std::fs::write(&list, lines.join("\n")).expect("a list can be written");
    let bundle = folder.path().join("set.stix2");
    let time = "2024-01-01T00:00:00.000Z";
    let objects: Vec<String> = (0..COUNT)
        .map(|i| {
            format!(
                r#"{{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-{i:012x}","created":"{time}","modified":"{time}","pattern":"[domain-name:value='{}']","pattern_type":"stix","valid_from":"{time}"}}"#,
                domain(i)
            )
        })
        .collect();
    std::fs::write(&bundle, format!(r#"{{"type":"bundle","objects":[{}]}}"#, objects.join(",")))
        .expect("a bundle can be written");
    drop((lines, objects));
    let mut group = criterion.benchmark_group("a million indicators");
    group.sample_size(10);
    group.throughput(Throughput::Elements(COUNT as u64));
    for (name, path) in [("list", list), ("bundle", bundle)] {
        group.bench_function(name, |bencher| {
            bencher.iter_with_large_drop(|| {
                let set = indicator::load(std::slice::from_ref(&path), false).expect("the set can be read");
                assert_eq!(set.indicators.len(), COUNT);
                Matcher::new(set, Platform::Ios)
            });
        });
    }
}

criterion_group! { name = benches; config = common::settings(); targets = values, start, million }
criterion_main!(benches);
