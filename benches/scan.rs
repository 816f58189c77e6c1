//! Whole scans of a generated phone: plain and encrypted, with and without an output folder, and of four times the size.

mod common;
#[path = "../tests/phone/mod.rs"]
mod phone;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hoofprint::indicator::{self, Matcher, Platform};
use hoofprint::report::folder::Folder;
use hoofprint::scan::{self, Case, Options, Recorder, Unwatched};
use hoofprint::source::Source;
use phone::Form;
use phone::large::{self, Size};

fn scan(source: &dyn Source, matcher: &Matcher, recorder: Option<&dyn Recorder>) -> Case {
    let acquisition = [scan::Acquisition { name: String::new(), source }];
    scan::scan(&acquisition, matcher, &Options::default(), recorder, &Unwatched)
        .expect("the phone can be listed")
}

/// A scan into a folder, which goes away with what is returned.
fn scan_into_folder(source: &dyn Source, matcher: &Matcher) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary folder");
    let folder = Folder::create(&directory.path().join("out"), false).expect("the folder can be made");
    let case = scan(source, matcher, Some(&folder));
    folder.finish(&case, matcher, 300, serde_json::Map::new()).expect("the folder can be written");
    directory
}

fn scans(criterion: &mut Criterion) {
    let set = indicator::load(&[], true).expect("the bundled set can be read");
    let matcher = Matcher::new(set, Platform::Ios);
    let base = if common::measuring() { 1_000 } else { 40 };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut group = criterion.benchmark_group("scan");
    for times in [1, 4] {
        let unit = base * times;
        let size = Size { messages: 5 * unit, whatsapp: 20 * unit, visits: 10 * unit, files: 2 * unit };
        let phone = large::phone(size);
        for (name, form) in [("plain", Form::Plain), ("encrypted", Form::Encrypted(common::PASSWORD))] {
            let path = folder.path().join(format!("{name}-{times}"));
            phone.write(&path, form);
            let source = common::open(&path);
            let case = scan(&*source, &matcher, None);
            assert!(!case.findings.is_empty(), "planted addresses are found");
            group.throughput(Throughput::Elements(case.records));
            group.bench_function(BenchmarkId::new(name, format!("x{times}")), |bencher| {
                bencher.iter_with_large_drop(|| scan(&*source, &matcher, None));
            });
            group.bench_function(
                BenchmarkId::new(format!("{name}, with a folder"), format!("x{times}")),
                |bencher| {
                    bencher.iter_with_large_drop(|| scan_into_folder(&*source, &matcher));
                },
            );
        }
    }
}

criterion_group! { name = benches; config = common::settings(); targets = scans }
criterion_main!(benches);
