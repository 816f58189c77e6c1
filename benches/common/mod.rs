//! What the benches share: how long they measure, and how they open the phone they measure with.

#![allow(dead_code, reason = "each bench uses a part of it")]

use std::path::Path;
use std::time::Duration;

use criterion::Criterion;
use hoofprint::source::{self, Detail, Secrets, Source, VirtualFile};
use zeroize::Zeroizing;

/// The password of the encrypted phones that benches write.
pub const PASSWORD: &str = "correct horse";

/// True under `cargo bench`; `cargo test --benches` only wants to see each bench run once, with little.
pub fn measuring() -> bool {
    let given = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    given("--bench") && !given("--test")
}

/// Ten samples in two seconds: enough to see a change of a few per cent, short enough to run everything.
pub fn settings() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .without_plots()
}

/// A password and nothing else.
pub struct Password(pub &'static str);

impl Secrets for Password {
    fn password(&self) -> Option<Zeroizing<String>> {
        Some(Zeroizing::new(self.0.to_owned()))
    }

    fn key(&self) -> Option<Zeroizing<[u8; 32]>> {
        None
    }
}

/// The acquisition in a folder, opened with [`PASSWORD`] if it is encrypted.
pub fn open(folder: &Path) -> Box<dyn Source> {
    source::open(folder, &Password(PASSWORD), &source::Options::default()).expect("the phone can be opened")
}

/// The listed file whose path ends so.
pub fn file(source: &dyn Source, end: &str) -> VirtualFile {
    let mut found = None;
    let mut each = |file: VirtualFile| {
        if file.path.ends_with(end) {
            found = Some(file);
        }
    };
    source.list(Detail::Full, &mut each, &mut |_| {}).expect("the phone can be listed");
    found.expect("the phone has the file")
}
