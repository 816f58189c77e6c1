use crate::artifact::android_text::{bounded, is_package, local, number_after, package_of_process};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.dropbox",
    title: "Crash entries of the system",
    about: "Crashes, hangs and starts that Android keeps in its own folder of system entries.",
    files: &["/dumpsys/dropbox", "/dumpstate/DROPBOX SYSTEM *"],
    columns: &[
        time("logged", Epoch::Local, Moment::Crashed),
        text("tag"),
        process("process"),
        app_id("package"),
        text("version"),
        int("pid"),
        boolean("foreground"),
        text("about"),
    ],
    shows: Trace::Executed,
    line: "{tag} of {process} {package}: {about}",
    parse: Parse::Text(parse),
};

#[derive(Default)]
struct Entry {
    line: u64,
    logged: Option<jiff::civil::DateTime>,
    tag: String,
    process: Option<String>,
    package: Option<String>,
    version: Option<String>,
    pid: Option<i64>,
    foreground: Option<bool>,
    about: Option<String>,
}

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut open: Option<Entry> = None;
    while let Some((number, line)) = lines.next()? {
        if let Some((logged, tag)) = head(&line) {
            push(open.take(), out);
            let tag = bounded(tag).to_owned();
            open = Some(Entry { line: number, logged: Some(logged), tag, ..Entry::default() });
            continue;
        }
        let Some(entry) = &mut open else { continue };
        // The list without texts writes the first lines of each as one.
        for part in line.split('/') {
            entry.read(part.trim());
        }
        if entry.about.is_none() && entry.process.is_some() && is_stack(&line) {
            entry.about = Some(bounded(line.trim()).to_owned());
        }
    }
    push(open, out);
    Ok(())
}

impl Entry {
    fn read(&mut self, part: &str) {
        let Some((key, value)) = part.split_once(": ") else { return };
        let value = bounded(value.trim());
        match key {
            "Process" if self.process.is_none() => self.process = Some(value.to_owned()),
            "PID" if self.pid.is_none() => self.pid = value.parse().ok(),
            "Package" if self.package.is_none() => {
                let (package, version) = value.split_once(' ').unwrap_or((value, ""));
                self.package = is_package(package).then(|| package.to_owned());
                self.version = Some(version.trim().to_owned()).filter(|version| !version.is_empty());
            }
            "Foreground" => self.foreground = Some(value == "Yes"),
            "Subject" if self.about.is_none() => self.about = Some(value.to_owned()),
            _ => {}
        }
        if let Some(rest) = part.strip_prefix("pid: ") {
            // The text of a tombstone.
            self.pid = self.pid.or(number_after(part, "pid:"));
            let name = rest.split_once(">>> ").and_then(|(_, name)| name.split(" <<<").next());
            self.process = self.process.take().or(name.map(|name| bounded(name).to_owned()));
        }
    }
}

/// The first line of a stack names what was thrown: `java.lang.IllegalStateException: …`, `signal 11 (SIGSEGV), …`
fn is_stack(line: &str) -> bool {
    let first = line.split([':', ' ']).next().unwrap_or_default();
    line.starts_with("signal ") || (first.contains('.') && (first.ends_with("Exception") || first.ends_with("Error")))
}

/// `2024-06-30 11:22:33 data_app_crash (compressed text, 1234 bytes)`
fn head(line: &str) -> Option<(jiff::civil::DateTime, &str)> {
    let (stamp, rest) = line.split_at_checked(19)?;
    let tag = rest.strip_prefix(' ')?.split_once(" (")?.0;
    (!tag.contains(' ')).then_some((local(stamp)?, tag))
}

fn push(entry: Option<Entry>, out: &mut Out<'_>) {
    let Some(entry) = entry else { return };
    let named = entry.process.as_deref().and_then(package_of_process).map(str::to_owned);
    out.push(
        Place::Line { line: entry.line },
        [
            entry.logged.into(),
            entry.tag.into(),
            entry.process.into(),
            entry.package.or(named).into(),
            entry.version.into(),
            entry.pid.into(),
            entry.foreground.into(),
            entry.about.into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
Drop box contents: 3 entries
========================================
2023-05-23 11:22:33 data_app_crash (compressed text, 1234 bytes)
Process: org.example.app
PID: 1234
Package: org.example.app v12 (1.2)
Foreground: Yes
java.lang.IllegalStateException: odd
\tat a.b.c(d:1)
========================================
2023-05-23 11:22:34 data_app_anr (text, 9 bytes)
    Process: org.example.other:x/PID: 7/UID: 10
2023-05-23 11:22:35 SYSTEM_BOOT (text, 1 bytes)
";

    #[test]
    fn whole_entries_and_their_short_form_name_the_process() {
        let (records, _) = rows_timed(&ARTIFACT, "/dumpsys/dropbox", TEXT.as_bytes());
        assert_eq!(
            records,
            json!([
                {"logged": "2023-05-23T09:22:33.000000+00:00", "tag": "data_app_crash", "process": "org.example.app",
                 "package": "org.example.app", "version": "v12 (1.2)", "pid": 1234, "foreground": true,
                 "about": "java.lang.IllegalStateException: odd",
                 "_line": "data_app_crash of org.example.app org.example.app: java.lang.IllegalStateException: odd"},
                {"logged": "2023-05-23T09:22:34.000000+00:00", "tag": "data_app_anr", "process": "org.example.other:x",
                 "package": "org.example.other", "pid": 7,
                 "_line": "data_app_anr of org.example.other:x org.example.other: "},
                {"logged": "2023-05-23T09:22:35.000000+00:00", "tag": "SYSTEM_BOOT", "_line": "SYSTEM_BOOT of  : "},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
