use crate::artifact::android_text::{indent, is_foreign};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.domain_verification",
    title: "Web domains of apps",
    about: "Which web domains apps declare as theirs, whether that was verified, and the digests of the certificates that signed the apps.",
    files: &["/dumpsys/package"],
    columns: &[
        app_id("package"),
        // SHA-256; the only digests of certificates that the system prints of every app with links.
        hash("certificate_sha256"),
        host("domains"),
        // `example.org: verified`
        text("states"),
        host("chosen_by_owner"),
        boolean("links_allowed"),
    ],
    shows: Trace::Installed,
    line: "{package}, signed with {certificate_sha256}, opens links to {domains}",
    parse: Parse::Text(parse),
};

#[derive(Default)]
struct App {
    line: u64,
    package: String,
    certificates: Vec<String>,
    domains: Vec<String>,
    states: Vec<String>,
    chosen: Vec<String>,
    links_allowed: Option<bool>,
}

/// What the lines below a heading are.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Fields,
    States,
    Chosen,
    /// Domains that the owner switched off, or that cannot be verified.
    Other,
}

/// Domains and certificates kept of one app.
const ITEMS_MOST: usize = 10_000;

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let (mut inside, mut part, mut depth) = (false, Part::Fields, None);
    let mut open: Option<App> = None;
    while let Some((number, line)) = lines.next()? {
        if line.trim().is_empty() || is_foreign(&line) {
            continue;
        }
        let (indent, text) = (indent(&line), line.trim());
        if indent == 0 {
            push(open.take(), out);
            (inside, depth) = (text == "Domain verification status:", None);
            continue;
        }
        if !inside {
            continue;
        }
        if indent <= *depth.get_or_insert(indent) {
            push(open.take(), out);
            // An app without verified domains has its id behind the name and no certificates.
            let package = text.trim_end_matches(':').split(' ').next().unwrap_or(text).to_owned();
            open = Some(App { line: number, package, ..App::default() });
            part = Part::Fields;
            continue;
        }
        let Some(app) = &mut open else { continue };
        part = match text {
            "Domain verification state:" => Part::States,
            "Enabled:" => Part::Chosen,
            _ if text.ends_with(':') => Part::Other,
            _ => {
                app.line(part, text);
                part
            }
        };
    }
    push(open, out);
    Ok(())
}

impl App {
    fn line(&mut self, part: Part, text: &str) {
        if let Some(certificates) = text.strip_prefix("Signatures: [") {
            let digests = certificates.trim_end_matches(']').split(',').take(ITEMS_MOST);
            self.certificates = digests.map(|digest| digest.trim().to_owned()).collect();
        } else if let Some(allowed) = text.strip_prefix("Verification link handling allowed: ") {
            self.links_allowed = allowed.parse().ok();
        } else if part == Part::States && self.domains.len() < ITEMS_MOST {
            self.domains.push(text.split(':').next().unwrap_or(text).to_owned());
            self.states.push(text.to_owned());
        } else if part == Part::Chosen && self.chosen.len() < ITEMS_MOST {
            self.chosen.push(text.to_owned());
        }
    }
}

fn push(app: Option<App>, out: &mut Out<'_>) {
    let Some(app) = app else { return };
    let list = |texts: Vec<String>| if texts.is_empty() { Value::Null } else { texts.into_iter().collect() };
    out.push(
        Place::Line { line: app.line },
        [
            app.package.into(),
            list(app.certificates),
            list(app.domains),
            list(app.states),
            list(app.chosen),
            app.links_allowed.into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
Key Set Manager:
  [org.example.no]
Domain verification status:
  org.example.app:
    ID: 01234567-89ab-cdef-0123-456789abcdef
    Signatures: [AA:BB, CC:DD]
    Domain verification state:
      example.org: verified
      www.example.org: 1024
    User 0:
      Verification link handling allowed: true
      Selection state:
        Enabled:
          chosen.example.org
        Disabled:
          other.example.org
  org.example.two 01234567-89ab-cdef-0123-456789abcdee:
    User all:
      Verification link handling allowed: false

Queries:
  system apps queryable: false
";

    #[test]
    fn certificates_and_domains_belong_to_their_app() {
        let (records, warnings) = rows_at(&ARTIFACT, "/dumpsys/package", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records,
            json!([
                {"package": "org.example.app", "certificate_sha256": ["AA:BB", "CC:DD"], "domains": ["example.org", "www.example.org"],
                 "states": ["example.org: verified", "www.example.org: 1024"], "chosen_by_owner": ["chosen.example.org"],
                 "links_allowed": true, "_line": "org.example.app, signed with AA:BB, CC:DD, opens links to example.org, www.example.org"},
                {"package": "org.example.two", "links_allowed": false, "_line": "org.example.two, signed with , opens links to "},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
