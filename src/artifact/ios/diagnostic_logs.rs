use crate::artifact::prelude::*;
use crate::artifact::sysdiagnose::other_text;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.diagnostic_logs",
    title: "Diagnostic logs of services",
    about: "Links, addresses, paths and apps named in the text logs that services leave among the crash reports.",
    files: &["/private/var/mobile/Library/Logs/CrashReporter/DiagnosticLogs/**/*.{csv,json,log,plist,txt}"],
    columns: other_text::ARTIFACT.columns,
    shows: Trace::Mentioned,
    line: "{text}",
    parse: other_text::ARTIFACT.parse,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn lines_that_name_something_are_kept() {
        let text = b"started\nfetched https://a.example/x\n";
        assert_eq!(
            rows(&ARTIFACT, text),
            json!([{ "text": "fetched https://a.example/x", "_line": "fetched https://a.example/x" }])
        );
        shake(&ARTIFACT, text);
    }
}
