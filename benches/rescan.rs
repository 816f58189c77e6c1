//! A store of a million observables against the bundled set, and against ten thousand indicators.

#![allow(clippy::disallowed_methods, reason = "a bench writes its own indicators")]

mod common;

use std::io::Write;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flate2::Compression;
use flate2::write::GzEncoder;
use hoofprint::indicator::{self, IndicatorSet, Matcher, Platform};
use hoofprint::report::store;

/// Kinds in the order of the file, with the column that holds them.
const KINDS: [(&str, &str, &str); 5] = [
    ("url", "ios.safari_history", "url"),
    ("message", "ios.sms", "message"),
    ("process", "ios.datausage", "process"),
    ("path", "ios.manifest", "file"),
    ("app-id", "ios.datausage", "bundle_id"),
];

fn value(kind: &str, number: u64) -> String {
    match kind {
        "url" => format!("https://news{}.example.org/{number}/story?id={number:x}", number % 977),
        "message" => format!("https://maps.example.net/place/{number}"),
        "process" => format!("mobileassetd{number}/com.example.app{number}"),
        "path" => format!("/private/var/mobile/Media/DCIM/{}APPLE/IMG_{number:06}.HEIC", number % 100),
        _ => format!("com.example.app{number}"),
    }
}

/// A store as a scan writes it; one value in `every` is published.
fn write(path: &std::path::Path, observables: u64, published: &str) {
    let file = std::fs::File::create(path).expect("a file to write to");
    let mut out = std::io::BufWriter::new(GzEncoder::new(file, Compression::fast()));
    let mut line = |text: String| out.write_all(text.as_bytes()).expect("space on the disk");
    line("#observables\t{\"schema_version\":1,\"device\":{\"system\":\"ios\"}}\n".to_owned());
    let each = observables / KINDS.len() as u64;
    for (kind, artifact, column) in KINDS {
        for number in 0..each {
            let value = if kind == "url" && number % 50_000 == 7 {
                format!("https://{published}/{number}")
            } else {
                value(kind, number)
            };
            let time = format!("2023-{:02}-{:02}T10:00:00Z", number % 12 + 1, number % 28 + 1);
            let row = format!("{{\"table\":\"t\",\"row\":{number}}}");
            line(format!(
                "{kind}\t{value}\t{artifact}\t{column}\t\t1\t{time} visited\t{time} visited\t/a.db\t{row}\n"
            ));
        }
    }
    line(format!("#end\t{{\"observables\":{},\"shortened\":0}}\n", each * KINDS.len() as u64));
    out.into_inner().expect("space on the disk").finish().expect("space on the disk");
}

fn many(count: usize) -> IndicatorSet {
    let mut list = tempfile::Builder::new().suffix(".txt").tempfile().expect("a temporary file");
    for number in 0..count {
        writeln!(list, "c{number}.bad-host-{number}.net").expect("space on the disk");
    }
    indicator::load(&[list.path().to_owned()], false).expect("a list of hosts")
}

fn stores(criterion: &mut Criterion) {
    let observables = if common::measuring() { 1_000_000 } else { 1_000 };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(store::NAME);
    let bundled = indicator::load(&[], true).expect("the bundled set can be read");
    let mut group = criterion.benchmark_group("store");
    group.throughput(Throughput::Elements(observables));
    for (name, set) in [("bundled set", bundled), ("10,000 indicators", many(10_000))] {
        let host =
            set.indicators.iter().find(|it| it.ioc == indicator::Ioc::Domain).map(|it| it.value.to_string());
        write(&path, observables, &host.expect("the set has a domain"));
        let matcher = Matcher::new(set, Platform::Ios);
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let checked = store::read(&path, &|_| &matcher).expect("a store");
                assert_eq!(checked.observables, observables);
                assert!(!checked.case.findings.is_empty() && checked.case.problems.len() <= 1);
                checked.observables
            });
        });
    }
    group.finish();
}

criterion_group! { name = benches; config = common::settings(); targets = stores }
criterion_main!(benches);
