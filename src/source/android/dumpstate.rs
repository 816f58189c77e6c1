//! The text of a bugreport, cut into what each command and each service wrote. One pass over the bytes; nothing is copied.

use std::io;

use memchr::memchr;

use crate::format::ReadAt;

/// Sections beyond this number are not cut out: no phone runs as many commands, an attacker's text may.
const MAX_SECTIONS: usize = 50_000;
const READ_BYTES: usize = 1 << 20;
/// A line that marks a section is short; of longer ones only the beginning is looked at.
const LONGEST_MARK_BYTES: usize = 4096;

/// What a command or service wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub kind: SectionKind,
    /// `SYSTEM PROPERTIES`, or the name of the service.
    pub name: String,
    /// Bytes from the start of the text.
    pub start: u64,
    pub len: u64,
    /// The number of its first line, from 1.
    pub line: u64,
    /// Why it may not be whole: it timed out, or failed.
    pub cut: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SectionKind {
    /// What stands before the first section.
    Header,
    Command,
    Service,
}

/// A text cut into sections.
#[derive(Debug, Default)]
pub(super) struct Dumpstate {
    pub sections: Vec<Section>,
    /// The end was reached as it should.
    pub done: bool,
    pub too_many: bool,
}

/// Cuts a text. A file of `dumpsys` alone has services and no commands.
pub(super) fn cut(text: &dyn ReadAt) -> io::Result<Dumpstate> {
    let mut cutter = Cutter::default();
    cutter.open(SectionKind::Header, String::new(), 0, 1);
    let mut buffer = vec![0; READ_BYTES];
    let mut line: Vec<u8> = Vec::new();
    let (mut offset, mut line_start, mut number) = (0_u64, 0_u64, 1_u64);
    loop {
        let count = text.read_at(offset, &mut buffer)?;
        if count == 0 {
            break;
        }
        let mut rest = buffer.get(..count).unwrap_or_default();
        let mut at = offset;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest);
            let part = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            let room = LONGEST_MARK_BYTES.saturating_sub(line.len()).min(part.len());
            line.extend_from_slice(part.get(..room).unwrap_or_default());
            let used = part.len() + usize::from(end.is_some());
            at += used as u64;
            rest = rest.get(used..).unwrap_or_default();
            if end.is_some() {
                cutter.line(&line, line_start, at, number);
                line.clear();
                line_start = at;
                number += 1;
            }
        }
        offset = at;
    }
    if !line.is_empty() {
        cutter.line(&line, line_start, offset, number);
    }
    cutter.close(offset);
    Ok(cutter.found)
}

#[derive(Default)]
struct Cutter {
    found: Dumpstate,
    open: Option<Section>,
    /// The last line was a row of dashes that began here: a service may follow.
    dashes: Option<u64>,
    banner: bool,
}

impl Cutter {
    fn open(&mut self, kind: SectionKind, name: String, start: u64, line: u64) {
        self.open = Some(Section { kind, name, start, len: 0, line, cut: None });
    }

    fn close(&mut self, end: u64) {
        let Some(mut section) = self.open.take() else { return };
        section.len = end.saturating_sub(section.start);
        if section.len == 0 {
            return;
        }
        if self.found.sections.len() < MAX_SECTIONS {
            self.found.sections.push(section);
        } else {
            self.found.too_many = true;
        }
    }

    /// A line that begins at `start`, with the next one at `next`.
    fn line(&mut self, line: &[u8], start: u64, next: u64, number: u64) {
        let line = line.strip_prefix(b"\xef\xbb\xbf").filter(|_| start == 0).unwrap_or(line).trim_ascii();
        let dashes = self.dashes.take();
        let banner = std::mem::take(&mut self.banner);
        if let Some(rest) = line.strip_prefix(b"DUMP OF SERVICE ")
            && let Some(row) = dashes
        {
            let name = rest.strip_suffix(b":").unwrap_or(rest);
            let name = ["CRITICAL ", "HIGH ", "NORMAL "]
                .iter()
                .find_map(|priority| name.strip_prefix(priority.as_bytes()))
                .unwrap_or(name);
            self.close(row);
            self.open(SectionKind::Service, String::from_utf8_lossy(name).into_owned(), next, number + 1);
            return;
        }
        match line.first() {
            Some(b'-') => self.dashed(line, start, next, number),
            Some(b'=') => {
                if line.iter().all(|byte| *byte == b'=') {
                    self.banner = line.len() > 20;
                } else if banner && line.starts_with(b"== ") {
                    self.headline(line, start, next, number);
                }
            }
            Some(b'*') => self.failure(line),
            _ => {}
        }
    }

    fn dashed(&mut self, line: &[u8], start: u64, next: u64, number: u64) {
        if line.len() >= 78 && line.iter().all(|byte| *byte == b'-') {
            self.dashes = Some(start);
            return;
        }
        let text = String::from_utf8_lossy(line);
        let inner = text.trim_matches('-').trim();
        let lower = inner.to_ascii_lowercase();
        if let Some((_, rest)) = lower.split_once("s was the duration of ") {
            // The services of a section run one after the other; commands beside each other, so that only its own name ends one.
            let service = rest.starts_with("dumpsys ") && self.is_service();
            if service || self.is_command(rest.trim_matches('\'')) {
                self.close(start);
            }
            return;
        }
        if text.starts_with("------ ") && text.ends_with("------") {
            let title = inner.split(" (").next().unwrap_or(inner).trim();
            self.close(start);
            self.open(SectionKind::Command, title.to_owned(), next, number + 1);
        }
    }

    /// `== dumpstate: done`: what follows belongs to no section of before, except that the very first banner opens the header.
    fn headline(&mut self, line: &[u8], start: u64, next: u64, number: u64) {
        let text = String::from_utf8_lossy(line);
        let title = text.trim_matches('=').trim();
        self.found.done |= title.starts_with("dumpstate: done");
        let in_header = self.open.as_ref().is_some_and(|open| open.kind == SectionKind::Header);
        if !in_header {
            self.close(start);
            self.open(SectionKind::Command, title.to_owned(), next, number + 1);
        }
    }

    fn failure(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let failed = text.contains("timed out after")
            || text.contains("DUMP TIMEOUT")
            || text.contains("failed: exit code")
            || text.starts_with("*** Error dumping");
        if failed && let Some(open) = &mut self.open {
            open.cut.get_or_insert_with(|| text.trim_matches(['*', ' ']).to_owned());
        }
    }

    fn is_command(&self, lower: &str) -> bool {
        let named =
            |open: &Section| open.kind == SectionKind::Command && open.name.to_ascii_lowercase() == lower;
        self.open.as_ref().is_some_and(named)
    }

    fn is_service(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.kind == SectionKind::Service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> String {
        "-".repeat(79)
    }

    fn sections(text: &str) -> Vec<(String, String)> {
        let bytes = text.as_bytes().to_vec();
        let found = cut(&bytes).unwrap();
        let body = |section: &Section| {
            let from = section.start as usize;
            text[from..from + section.len as usize].trim_end().to_owned()
        };
        found.sections.iter().map(|section| (section.name.clone(), body(section))).collect()
    }

    #[test]
    fn commands_and_services_are_cut_at_their_marks_and_nowhere_else() {
        let text = format!(
            "========================================================\n== dumpstate: 2024-03-01 10:00:00\n========================================================\nBuild: x\n\
             ------ SYSTEM PROPERTIES (getprop) ------\n[a]: [b]\n------ 0.005s was the duration of 'SOMETHING ELSE' ------\n[c]: [d]\n------ 0.1s was the duration of 'SYSTEM PROPERTIES' ------\n\
             ------ DUMPSYS CRITICAL (/system/bin/dumpsys) ------\n{row}\nDUMP OF SERVICE CRITICAL package:\none\n{row}\nstill one\n\
             --------- 0.1s was the duration of dumpsys package, ending at: 2024-03-01 10:00:01\nbetween\n{row}\nDUMP OF SERVICE appops:\ntwo\n\
             ========================================================\n== dumpstate: done (id 1)\n",
            row = row()
        );
        let found = sections(&text);
        let get = |name: &str| found.iter().find(|(known, _)| known == name).map(|(_, body)| body.as_str());
        assert_eq!(
            get("SYSTEM PROPERTIES"),
            Some("[a]: [b]\n------ 0.005s was the duration of 'SOMETHING ELSE' ------\n[c]: [d]")
        );
        assert_eq!(get("package"), Some(format!("one\n{}\nstill one", row()).as_str()));
        assert_eq!(get("appops").map(|body| body.lines().next()), Some(Some("two")));
        assert!(cut(&text.as_bytes().to_vec()).unwrap().done);
        assert!(get("").is_some_and(|header| header.contains("Build: x")));
    }

    #[test]
    fn a_service_that_timed_out_says_so() {
        let text = format!(
            "{}\nDUMP OF SERVICE package:\npart\n*** SERVICE 'package' DUMP TIMEOUT (10000ms) EXPIRED ***\n",
            row()
        );
        let found = cut(&text.into_bytes()).unwrap();
        let package = found.sections.iter().find(|section| section.name == "package").unwrap();
        assert!(package.cut.as_deref().is_some_and(|why| why.contains("TIMEOUT")));
    }

    #[test]
    fn cut_and_flipped_texts_never_panic() {
        let text = format!(
            "------ A (b) ------\nx\n{}\nDUMP OF SERVICE c:\ny\n------ 1s was the duration of dumpsys c ------\n",
            row()
        );
        for length in 0..text.len() {
            cut(&text.as_bytes()[..length].to_vec()).unwrap();
        }
        assert!(cut(&vec![b'-'; 3 << 20]).unwrap().sections.len() <= 1);
    }

    #[test]
    fn lines_of_megabytes_cost_no_memory_and_hide_no_section() {
        let mut text = b"------ A (b) ------\n".to_vec();
        text.resize(5 << 20, b'x');
        text.extend(b"\n------ B (c) ------\nshort\n");
        let found = cut(&text).unwrap();
        let names: Vec<&str> = found.sections.iter().map(|section| section.name.as_str()).collect();
        assert_eq!(names, ["A", "B"]);
        assert_eq!(found.sections.iter().map(|section| section.len).sum::<u64>(), (5 << 20) - 20 + 1 + 6);
    }

    #[test]
    fn more_sections_than_any_report_has_are_counted_out() {
        let found = cut(&"------ A (b) ------\nx\n".repeat(MAX_SECTIONS + 5).into_bytes()).unwrap();
        assert!(found.too_many && found.sections.len() == MAX_SECTIONS);
    }

    #[test]
    fn marks_are_found_whatever_language_and_line_ends_the_rest_is_in() {
        let text = format!(
            "\u{feff}------ SYSTEM PROPERTIES (getprop) ------\r\r\n[a]: [ب]\r\r\n{}\r\r\nDUMP OF SERVICE 設定:\r\r\nعدد ٣\r\r\n",
            row()
        );
        let found = sections(&text);
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["SYSTEM PROPERTIES", "設定"]);
        assert_eq!(sections("nothing of the kind"), [(String::new(), "nothing of the kind".to_owned())]);
        assert_eq!(sections(""), []);
    }
}
