use std::collections::HashSet;

use crate::artifact::android_text::{bounded, package_of_process, uid};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.process_statistics",
    title: "Statistics of processes",
    about: "Packages, processes and services that ran in the last day or so, also of apps that were removed since.",
    files: &["/dumpsys/procstats", "/dumpstate/CHECKIN PROCSTATS"],
    columns: &[app_id("package"), process("process"), text("service"), int("uid"), int("version_code")],
    shows: Trace::Executed,
    line: "process {process} {service} of {package} ran under user id {uid}",
    parse: Parse::Text(parse),
};

/// Names told apart; no phone has as many.
const MOST: usize = 100_000;

/// `* NAME / u0a123 / v45:` is a package or a process, `Process NAME:` and `Service NAME:` below it its parts. The short form has
/// `pkgproc,PACKAGE,UID,VERSION,PROCESS,…`, `pkgsvc-run,PACKAGE,UID,VERSION,SERVICE,…` and `proc,PROCESS,UID,…`.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut package: Option<(String, Option<i64>, Option<i64>)> = None;
    let mut known: HashSet<[String; 3]> = HashSet::new();
    let mut ran = |line: u64, [package, process, service]: [&str; 3], uid: Option<i64>, version: Option<i64>, out: &mut Out<'_>| {
        let [package, process, service] = [package, process, service].map(bounded);
        let key = [package, process, service].map(str::to_owned);
        if known.len() >= MOST || !known.insert(key) {
            return;
        }
        let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        out.push(
            Place::Line { line },
            [filled(package).into(), filled(process).into(), filled(service).into(), uid.into(), version.into()],
        );
    };
    while let Some((number, line)) = lines.next()? {
        let text = line.trim();
        if let Some((name, id, version)) = head(text) {
            // In the summary processes stand alone, with a part behind a colon or not.
            let name_is_process = name.contains(':');
            let of = package_of_process(name).unwrap_or_default();
            ran(number, [of, if name_is_process || of.is_empty() { name } else { "" }, ""], id, version, out);
            package = Some((of.to_owned(), id, version));
        } else if let Some((of, id, version)) = &package
            && let Some((kind, name)) = text.strip_suffix(':').and_then(|text| text.split_once(' '))
            && matches!(kind, "Process" | "Service")
        {
            let names = if kind == "Process" { [of, name, ""] } else { [of, "", name] };
            ran(number, names, *id, *version, out);
        } else {
            let mut fields = text.split(',');
            let mut next = || fields.next().unwrap_or_default();
            let (kind, first, second, third, fourth) = (next(), next(), next(), next(), next());
            match kind {
                "pkgproc" => ran(number, [first, fourth, ""], uid(second), third.parse().ok(), out),
                _ if kind.starts_with("pkgsvc-") => ran(number, [first, "", fourth], uid(second), third.parse().ok(), out),
                "proc" => ran(number, [package_of_process(first).unwrap_or_default(), first, ""], uid(second), None, out),
                _ => {}
            }
        }
    }
    Ok(())
}

/// `* org.example.app / u0a123 / v45:`
fn head(text: &str) -> Option<(&str, Option<i64>, Option<i64>)> {
    let mut parts = text.strip_prefix("* ")?.strip_suffix(':')?.split(" / ");
    let (name, id, version) = (parts.next()?, parts.next()?, parts.next()?.strip_prefix('v')?);
    Some((name.trim_start_matches("(all) "), uid(id), version.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
COMMITTED STATS FROM 2026-01-01-10-00-00:
  * org.example.app / u0a123 / v45:
      Process org.example.app:
         TOTAL: 1%
      Process org.example.app:spy:
      Service .Watch:
      Service .Watch:
  * system / 1000 / v33:
";

    #[test]
    fn packages_processes_and_services_are_told_once() {
        assert_eq!(
            rows(&ARTIFACT, TEXT.as_bytes()),
            json!([
                {"package": "org.example.app", "uid": 10123, "version_code": 45, "_line": "process   of org.example.app ran under user id 10123"},
                {"package": "org.example.app", "process": "org.example.app", "uid": 10123, "version_code": 45,
                 "_line": "process org.example.app  of org.example.app ran under user id 10123"},
                {"package": "org.example.app", "process": "org.example.app:spy", "uid": 10123, "version_code": 45,
                 "_line": "process org.example.app:spy  of org.example.app ran under user id 10123"},
                {"package": "org.example.app", "service": ".Watch", "uid": 10123, "version_code": 45,
                 "_line": "process  .Watch of org.example.app ran under user id 10123"},
                {"process": "system", "uid": 1000, "version_code": 33, "_line": "process system  of  ran under user id 1000"},
            ])
        );
    }

    #[test]
    fn the_short_form_tells_the_same() {
        let text = b"vers,5\npkgproc,org.example.app,10123,45,org.example.app:spy,a,1\npkgsvc-run,org.example.app,10123,45,.Watch,1,2\nproc,surfaceflinger,1000,1\n";
        let records = rows(&ARTIFACT, text);
        let names: Vec<_> = records.as_array().unwrap().iter().map(|row| [&row["package"], &row["process"], &row["service"]]).collect();
        assert_eq!(
            json!(names),
            json!([["org.example.app", "org.example.app:spy", null], ["org.example.app", null, ".Watch"], [null, "surfaceflinger", null]])
        );
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
