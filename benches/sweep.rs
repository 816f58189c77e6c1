//! Searching raw bytes: the sweep beside automata that look for the same words, with the bundled set and with a million hosts more.

mod common;

use std::hint::black_box;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hoofprint::format::packed::Finder;
use hoofprint::indicator::{self, Indicator, IndicatorSet, Ioc, Matcher, Platform, Role, Sweeper};

const MIB: usize = 1 << 20;
/// As a caller gives it: a part of a file with the bytes around it.
const PART: usize = MIB;
const MILLION: usize = 1_000_000;

/// Pseudo-random numbers, the same on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn letters(&mut self, least: usize, most: usize) -> String {
        let length = least + self.below(most - least + 1);
        (0..length)
            .map(|_| char::from(b"etaoinsrhldcumfpgwybvkxjqz0123456789-"[self.below(37).min(self.below(37))]))
            .collect()
    }

    fn host(&mut self) -> String {
        const KNOWN: [&str; 16] = [
            "www.google.com",
            "www.apple.com",
            "gateway.icloud.com",
            "api.whatsapp.net",
            "graph.facebook.com",
            "i.instagram.com",
            "app-measurement.com",
            "clients4.google.com",
            "play.googleapis.com",
            "configuration.apple.com",
            "cdn.example.org",
            "init.itunes.apple.com",
            "api.smoot.apple.com",
            "ocsp.digicert.com",
            "mask.icloud.com",
            "t.co",
        ];
        if self.below(3) > 0 {
            return self.one(&KNOWN).to_owned();
        }
        let name = self.letters(4, 14);
        format!(
            "{}{name}.{}",
            self.one(&["www.", "", "cdn.", "mail."]),
            self.one(&["com", "net", "org", "de", "info", "co.uk"])
        )
    }

    fn path(&mut self) -> String {
        const ROOTS: [&str; 4] = [
            "/private/var/mobile/Library/",
            "/private/var/mobile/Containers/Data/Application/",
            "/private/var/mobile/tmp/",
            "/usr/libexec/",
        ];
        format!(
            "{}{}/{}.{}",
            self.one(&ROOTS),
            self.letters(6, 20),
            self.letters(4, 12),
            self.one(&["plist", "db", "sqlite", "log"])
        )
    }

    fn words(&mut self) -> String {
        const WORDS: [&str; 32] = [
            "the",
            "connection",
            "was",
            "closed",
            "after",
            "service",
            "error",
            "message",
            "from",
            "to",
            "user",
            "update",
            "and",
            "location",
            "Notification",
            "application",
            "state",
            "changed",
            "with",
            "status",
            "not",
            "available",
            "download",
            "session",
            "request",
            "is",
            "of",
            "we",
            "tomorrow",
            "station",
            "please",
            "again",
        ];
        let count = 3 + self.below(12);
        (0..count).map(|_| self.one(&WORDS)).collect::<Vec<_>>().join(" ")
    }

    fn line(&mut self) -> String {
        match self.below(24) {
            0..3 => format!(
                "https://{}/{}/{}?id={}&utm_source=app",
                self.host(),
                self.letters(3, 9),
                self.letters(3, 20),
                self.next()
            ),
            3..6 => format!(
                "{{\"url\":\"https:\\/\\/{}\\/{}\",\"bundleId\":\"com.apple.{}\",\"v\":\"1.{}.0\"}}",
                self.host(),
                self.letters(4, 9),
                self.letters(5, 14),
                self.below(20)
            ),
            6..9 => self.path(),
            9..12 => format!(
                "com.{}.{}",
                self.one(&["apple", "google.android", "facebook", "example"]),
                self.letters(5, 16)
            ),
            12..15 => format!(
                "{}.{}@{}",
                self.letters(3, 8),
                self.letters(3, 8),
                self.one(&["gmail.com", "icloud.com", "example.org"])
            ),
            15 => format!("{:016x}{:016x}", self.next(), self.next()),
            _ => format!(
                "2026-03-{:02} 12:{:02}:07.{:06} {}[{}]: {}.",
                1 + self.below(28),
                self.below(60),
                self.below(1_000_000),
                self.letters(5, 12),
                self.below(4000),
                self.words()
            ),
        }
    }

    fn noise(&mut self, page: &mut Vec<u8>, end: usize) {
        while page.len() < end {
            page.extend(self.next().to_le_bytes());
        }
    }

    /// Of a hundred pages: text, rows of databases, property lists, what is compressed, nothing.
    fn page(&mut self, page: &mut Vec<u8>) {
        let end = page.len() + 4096;
        match self.below(100) {
            0..35 => {
                while page.len() < end {
                    page.extend(self.line().bytes());
                    page.push(b'\n');
                }
            }
            35..70 => {
                page.extend([13, 0, 0, 0, 24, 1, 60, 0]);
                page.extend((0..48).flat_map(|cell: u16| (4000 - cell * 70).to_be_bytes()));
                page.resize(page.len() + self.below(1500), 0);
                while page.len() < end {
                    page.extend([self.next() as u8, 7, 0, 23, 8, 9]);
                    page.extend((self.next() as u32).to_be_bytes());
                    page.extend(self.line().bytes());
                }
            }
            70..78 => {
                while page.len() < end {
                    let text = self.line();
                    page.extend([0x5f, 0x10, text.len() as u8]);
                    if self.below(6) == 0 {
                        page.extend(text.bytes().flat_map(|byte| [0, byte]));
                    } else {
                        page.extend(text.bytes());
                    }
                    page.extend([0x13, 0, 0, 0, 0, self.next() as u8, 0x33, 0x41]);
                }
            }
            78..95 => self.noise(page, end),
            _ => page.resize(end, 0),
        }
        page.truncate(end);
    }
}

fn ordinary(size: usize) -> Vec<u8> {
    let mut numbers = Numbers(0x00C0_FFEE);
    let mut data = Vec::with_capacity(size + 4096);
    while data.len() < size {
        numbers.page(&mut data);
    }
    data.truncate(size);
    data
}

fn bundled() -> IndicatorSet {
    indicator::load(&[], true).expect("the bundled set can be read")
}

fn with_hosts(hosts: usize) -> IndicatorSet {
    let mut numbers = Numbers(7);
    let mut set = bundled();
    set.indicators.extend((0..hosts).map(|_| {
        let value = format!(
            "{}.{}",
            numbers.letters(6, 18),
            numbers.one(&["com", "net", "org", "top", "xyz", "info"])
        );
        Indicator {
            ioc: Ioc::Domain,
            value: value.into(),
            campaign: 0,
            source: 0,
            role: Role::Unstated,
            platform: Platform::Any,
            stix_id: "".into(),
            valid_from: None,
            valid_until: None,
            revoked: false,
            note: "".into(),
        }
    }));
    set
}

/// In parts, as a scan does.
fn sweep(sweeper: Sweeper<'_>, data: &[u8]) -> usize {
    let mut hits = 0;
    for from in (0..data.len()).step_by(PART) {
        let to = (from + PART).min(data.len());
        let start = from.saturating_sub(Sweeper::CONTEXT);
        let end = (to + Sweeper::CONTEXT).min(data.len());
        sweeper.sweep(black_box(&data[start..end]), from - start, to - start, &mut |_, _| hits += 1);
    }
    hits
}

fn two_threads(sweeper: Sweeper<'_>, data: &[u8]) -> usize {
    let (left, right) = data.split_at(data.len() / 2);
    std::thread::scope(|scope| {
        let other = scope.spawn(move || sweep(sweeper, right));
        sweep(sweeper, left) + other.join().expect("a sweep does not panic")
    })
}

fn words(set: &IndicatorSet) -> Vec<&str> {
    let sought = |indicator: &&Indicator| {
        matches!(indicator.ioc, Ioc::Domain | Ioc::Email | Ioc::FilePath | Ioc::FileName | Ioc::AppId)
            && indicator.value.len() >= 8
    };
    set.indicators.iter().filter(sought).map(|indicator| &*indicator.value).collect()
}

fn engines(criterion: &mut Criterion) {
    let size = if common::measuring() { 256 * MIB } else { MIB };
    let data = ordinary(size);
    let mut group = criterion.benchmark_group("sweep");
    let few = Matcher::new(bundled(), Platform::Any);
    let million = if common::measuring() { MILLION } else { 60_000 };
    let many = Matcher::new(with_hosts(million), Platform::Any);
    for (name, matcher) in [("bundled", &few), ("a million more", &many)] {
        let sweeper = matcher.sweeper();
        println!("{name}: {} hits in {size} bytes", sweep(sweeper, &data));
        group.throughput(Throughput::Bytes(data.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| sweep(sweeper, &data)));
        group.bench_function(format!("{name}, two threads"), |bencher| {
            bencher.iter(|| two_threads(sweeper, &data))
        });
    }
    let part = &data[..size / 8];
    for (name, kind) in [
        ("automaton, DFA", AhoCorasickKind::DFA),
        ("automaton, contiguous NFA", AhoCorasickKind::ContiguousNFA),
    ] {
        let words = words(few.set());
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(kind)).build(words);
        let automaton = automaton.expect("few words make an automaton");
        group.throughput(Throughput::Bytes(part.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| automaton.find_overlapping_iter(black_box(part)).count())
        });
    }
    let part = &data[..size / 64];
    group.throughput(Throughput::Bytes(part.len() as u64));
    group.bench_function("the careful search", |bencher| {
        bencher.iter(|| {
            let mut hits = 0;
            few.bytes(black_box(part), &mut |_, _| hits += 1);
            hits
        });
    });
    group.finish();
}

fn start(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sweep, start");
    let million = if common::measuring() { MILLION } else { 60_000 };
    for (name, set) in [("bundled", bundled()), ("a million more", with_hosts(million))] {
        let make = || Matcher::new(set.clone(), Platform::Any);
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                make,
                |matcher| {
                    black_box(matcher.sweeper().left_out().len());
                    matcher
                },
                criterion::BatchSize::PerIteration,
            );
        });
    }
}

/// What looking for packed pieces adds to the search.
fn pieces(criterion: &mut Criterion) {
    let data = ordinary(if common::measuring() { 64 * MIB } else { MIB });
    let mut group = criterion.benchmark_group("packed pieces");
    group.throughput(Throughput::Bytes(data.len() as u64));
    group.bench_function("find", |bencher| {
        bencher.iter(|| {
            let (mut finder, mut found) = (Finder::default(), 0);
            for from in (0..data.len()).step_by(PART) {
                finder.find(black_box(&data), from, from + PART, &mut |_, _| {
                    found += 1;
                    true
                });
            }
            found
        });
    });
    group.finish();
}

criterion_group! { name = benches; config = common::settings(); targets = engines, start, pieces }
criterion_main!(benches);
