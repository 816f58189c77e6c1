//! Words instead of a backtrace for a panic that the scan catches and reports as a problem.

use std::panic;

type Hook = dyn Fn(&panic::PanicHookInfo<'_>) + Sync + Send;

/// While this lives, a panic prints nothing: the scan tells of it in the report, with the file it came from.
pub(super) struct Quiet(Option<Box<Hook>>);

impl Quiet {
    pub fn new() -> Quiet {
        // Whoever looks for the bug asks for the backtrace, and gets it.
        if std::env::var_os("RUST_BACKTRACE").is_some() {
            return Quiet(None);
        }
        let usual = panic::take_hook();
        panic::set_hook(Box::new(|_| ()));
        Quiet(Some(usual))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let Some(usual) = self.0.take() else { return };
        // A hook cannot be changed by a thread that is panicking; this one was not caught.
        if std::thread::panicking() {
            super::eprint(
                "error: a bug in hoofprint ended the scan\n  hint: run it again with RUST_BACKTRACE=1 and report what it prints\n",
            );
        } else {
            panic::set_hook(usual);
        }
    }
}
