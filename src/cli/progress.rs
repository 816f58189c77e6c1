//! Progress on standard error: a bar for people, JSON lines for programs, silence for everything else.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{ProgressArgument, eprint};
use crate::scan::{Progress, Unwatched};

/// The progress that was asked for.
pub(super) fn of(argument: ProgressArgument) -> Box<dyn Progress> {
    match argument {
        ProgressArgument::Bar => Box::new(Bar::new()),
        ProgressArgument::Auto if std::io::stderr().is_terminal() => Box::new(Bar::new()),
        ProgressArgument::Json => Box::new(Lines::new()),
        ProgressArgument::Auto | ProgressArgument::None => Box::new(Unwatched),
    }
}

struct Bar(ProgressBar);

impl Bar {
    fn new() -> Bar {
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {bytes} of {total_bytes}, {eta} left");
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(8));
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Bar(bar)
    }
}

impl Progress for Bar {
    fn total(&self, bytes: u64) {
        self.0.set_length(bytes);
    }

    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn stage(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// One JSON object a line, at most five a second.
struct Lines {
    done: AtomicU64,
    total: AtomicU64,
    written: Mutex<(Instant, String)>,
}

impl Lines {
    fn new() -> Lines {
        Lines {
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            written: Mutex::new((Instant::now(), String::new())),
        }
    }

    fn write(&self, stage: &str) {
        let object = serde_json::json!({
            "event": "progress", "stage": stage,
            "bytes": self.done.load(Ordering::Relaxed), "total": self.total.load(Ordering::Relaxed),
        });
        eprint(&format!("{object}\n"));
    }
}

impl Progress for Lines {
    fn total(&self, bytes: u64) {
        self.total.store(bytes, Ordering::Relaxed);
    }

    fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        // Whoever finds the lock taken has nothing newer to say.
        if let Ok(mut written) = self.written.try_lock()
            && written.0.elapsed() > Duration::from_millis(200)
        {
            written.0 = Instant::now();
            self.write(&written.1);
        }
    }

    fn stage(&self, what: &str) {
        self.write(what);
        if let Ok(mut written) = self.written.lock() {
            written.1 = what.to_owned();
        }
    }
}
