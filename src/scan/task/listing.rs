//! Artifacts that read the listing itself: one pass serves them all, since to describe every file of a large backup takes its time.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Engine, Outcome, Problems};
use crate::artifact::{Out, Parse};
use crate::scan::sink::{Located, TaskSink};
use crate::scan::{Order, Task, file_number};
use crate::source::{Detail, VirtualFile};

/// An artifact while the files pass.
struct Reader<'a> {
    order: Order,
    parse: fn(&VirtualFile, &mut Out<'_>),
    sink: TaskSink<'a>,
    problems: Problems<'static>,
    panic: Option<Box<dyn Any + Send>>,
}

impl Engine<'_> {
    /// Gives every file of the listing to each of these artifacts, by their places in the list.
    pub fn run_listing(&self, artifacts: &[usize]) -> Vec<Outcome> {
        let orders = artifacts.iter().map(|&artifact| (artifact as u16, file_number(self.number, "", 0)));
        let mut readers: Vec<Reader<'_>> = orders.clone().filter_map(|order| self.reader_of(order)).collect();
        // What cannot be listed was recorded when the files were routed.
        let listed = catch_unwind(AssertUnwindSafe(|| {
            self.source.list(
                Detail::Full,
                &mut |file| readers.iter_mut().for_each(|reader| reader.take(self, &file)),
                &mut |_| (),
            )
        }));
        match listed {
            Ok(result) => {
                let error = result.err().map(|error| error.to_string());
                readers.into_iter().map(|reader| reader.end(self, error.as_deref())).collect()
            }
            Err(panic) => orders.map(|order| self.panicked(order, None, &panic)).collect(),
        }
    }

    fn reader_of(&self, order: Order) -> Option<Reader<'_>> {
        let artifact = self.artifact(order);
        let Parse::Listing(parse) = artifact.parse else { return None };
        let journal =
            self.recorder.map(|recorder| recorder.begin(&Task { artifact, path: String::new(), order }));
        let at = Located { path: "", stored_as: "" };
        Some(Reader {
            order,
            parse,
            sink: TaskSink::new(artifact, self.matcher, journal, at),
            problems: Problems { artifact: artifact.id, path: "", list: Vec::new() },
            panic: None,
        })
    }
}

impl Reader<'_> {
    fn take(&mut self, engine: &Engine<'_>, file: &VirtualFile) {
        if self.panic.is_some() {
            return;
        }
        let result = catch_unwind(AssertUnwindSafe(|| {
            let artifact = self.sink.artifact;
            self.sink.locate(&file.path, &engine.stored_as(file));
            let mut out = Out::new(artifact, &file.path, &mut self.sink).with_clock(engine.clock.clone());
            (self.parse)(file, &mut out);
            self.problems.warnings(out);
        }));
        self.panic = result.err();
    }

    /// The outcome, where `error` ended the listing.
    fn end(mut self, engine: &Engine<'_>, error: Option<&str>) -> Outcome {
        if let Some(panic) = &self.panic {
            return engine.panicked(self.order, None, panic);
        }
        if let Some(error) = error {
            self.problems.add(None, error, 1);
        }
        if let Some(journal) = self.sink.journal.take() {
            journal.finish();
        }
        Outcome::of(self.order, "", self.sink, self.problems.list, error.is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::format::ReadAt;
    use crate::indicator::{IndicatorSet, Matcher, Platform};
    use crate::scan::{Acquisition, Options, Status, Unwatched, scan};
    use crate::source::{Device, Source, SourceError};

    /// A phone of one file that counts how often its files are described.
    struct Counting(AtomicUsize, Device);

    impl Source for Counting {
        fn describe(&self) -> String {
            "one file".into()
        }

        fn device(&self) -> &Device {
            &self.1
        }

        fn list(
            &self,
            detail: Detail,
            each: &mut dyn FnMut(VirtualFile),
            _problem: &mut dyn FnMut(SourceError),
        ) -> Result<(), SourceError> {
            self.0.fetch_add(usize::from(detail == Detail::Full), Ordering::Relaxed);
            let path =
                "/private/var/mobile/Library/WebKit/WebsiteData/IndexedDB/v1/https_a.example_0/x.db".into();
            each(VirtualFile { path, ..VirtualFile::default() });
            Ok(())
        }

        fn open(&self, _file: &VirtualFile) -> Result<Box<dyn ReadAt + '_>, SourceError> {
            Ok(Box::new(Vec::new()))
        }
    }

    #[test]
    fn all_artifacts_of_the_listing_read_it_in_one_pass() {
        let source = Counting(AtomicUsize::new(0), Device::default());
        let matcher = Matcher::new(IndicatorSet::default(), Platform::Ios);
        let acquisitions = [Acquisition { name: "one".into(), source: &source }];
        let options = Options { sweep: false, ..Options::default() };
        let case = scan(&acquisitions, &matcher, &options, None, &Unwatched).unwrap();
        let read = case.coverage.iter().filter(|entry| entry.status == Status::Read && entry.records == 1);
        let read: Vec<&str> = read.map(|entry| entry.artifact).collect();
        assert_eq!(read, ["ios.manifest", "ios.webkit_storage"]);
        assert_eq!(source.0.load(Ordering::Relaxed), 1);
    }
}
