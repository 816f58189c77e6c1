use crate::artifact::android_text::bounded;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.recovery_runs",
    title: "Starts of the recovery system",
    about: "When the phone was reset to its factory state, updated or started into its recovery system, and who asked for it.",
    files: &[
        "/efs/recovery/history*",
        "/data/log/recovery_history.log",
        "/cache/recovery/{last_log,last_history,log}*",
        "/data/misc/recovery/last_log*",
    ],
    columns: &[
        // As written: some phones write UTC there and others their own time.
        text("begun"),
        text("requested"),
        boolean("factory_reset"),
        text("reason"),
        path("update_package"),
        text("restart_reason"),
        text("build"),
        text("locale"),
        text("arguments"),
    ],
    shows: Trace::Executed,
    line: "recovery system started {begun}: factory reset {factory_reset}, {reason} {update_package} {restart_reason}",
    parse: Parse::Text(parse),
};

#[derive(Default)]
struct Run {
    line: u64,
    begun: Option<String>,
    build: Option<String>,
    restart_reason: Option<String>,
    arguments: Vec<String>,
}

/// Arguments kept of one start.
const ARGUMENTS_MOST: usize = 100;

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut open: Option<Run> = None;
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        if let Some(run) = begun(line) {
            push(open.replace(Run { line: number, ..run }), out);
            continue;
        }
        let Some(run) = &mut open else { continue };
        if line == "-" {
            push(open.take(), out);
        } else if line.starts_with("--") {
            run.argument(line);
        } else if let Some(command) = line.strip_prefix("Command: ") {
            // Each argument in quotes.
            command.split('"').filter(|word| word.starts_with("--")).for_each(|word| run.argument(word));
        } else if let Some((_, reason)) = line.split_once("reboot_reason=").or_else(|| line.split_once("reboot reason:")) {
            run.restart_reason.get_or_insert_with(|| bounded(reason.trim()).to_owned());
        }
    }
    push(open, out);
    Ok(())
}

/// Samsung's `+ [oj | 2026/01/10 12:39:52 | BUILD]`, and Android's `Starting recovery (pid 1) on Sat Jan 10 12:39:52 2026`.
fn begun(line: &str) -> Option<Run> {
    if let Some(rest) = line.strip_prefix("Starting recovery") {
        let date = rest.split_once(" on ").map(|(_, date)| bounded(date.trim()).to_owned());
        return Some(Run { begun: date, ..Run::default() });
    }
    let head = line.strip_prefix("+ [").or_else(|| line.strip_prefix("+["))?.trim_end_matches(']');
    let mut fields = head.split('|').map(|field| bounded(field.trim()).to_owned());
    let first = fields.next();
    // The oldest form has the date alone.
    let begun = fields.next().or(first);
    Some(Run { begun, build: fields.next(), ..Run::default() })
}

impl Run {
    fn argument(&mut self, argument: &str) {
        if self.arguments.len() < ARGUMENTS_MOST && !self.arguments.iter().any(|known| known == argument) {
            self.arguments.push(bounded(argument).to_owned());
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.arguments.iter().find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='))
    }
}

fn push(run: Option<Run>, out: &mut Out<'_>) {
    let Some(run) = run else { return };
    let resets = ["--wipe_data", "--prompt_and_wipe_data"];
    let reset = run.arguments.iter().any(|argument| resets.contains(&argument.as_str()));
    out.push(
        Place::Line { line: run.line },
        [
            run.begun.as_deref().into(),
            run.value("--requested_time").into(),
            reset.into(),
            run.value("--reason").into(),
            run.value("--update_package").or(run.value("--update_org_package")).into(),
            run.restart_reason.as_deref().into(),
            run.build.as_deref().into(),
            run.value("--locale").into(),
            run.arguments.iter().map(String::as_str).collect(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const HISTORY: &str = "\
+ [oj | 2026/01/10 12:39:52 | X1]
--wipe_data
--requested_time=2026/01/10 21:39:27.062
--reason=MasterClearConfirm,2026-01-10T21:39:27Z
--locale=en-GB
reboot_reason=Reboot:1382 RecoverySystemMasterClearConfirm
-
+ [tr | 2026/01/11 10:48:33 | X1]
reboot_reason=BL:Recovery Mode Set by key
";

    #[test]
    fn a_factory_reset_is_told_with_who_asked() {
        let (records, warnings) = rows_at(&ARTIFACT, "/efs/recovery/history", HISTORY.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records,
            json!([
                {"begun": "2026/01/10 12:39:52", "requested": "2026/01/10 21:39:27.062", "factory_reset": true,
                 "reason": "MasterClearConfirm,2026-01-10T21:39:27Z", "restart_reason": "Reboot:1382 RecoverySystemMasterClearConfirm",
                 "build": "X1", "locale": "en-GB",
                 "arguments": ["--wipe_data", "--requested_time=2026/01/10 21:39:27.062", "--reason=MasterClearConfirm,2026-01-10T21:39:27Z", "--locale=en-GB"],
                 "_line": "recovery system started 2026/01/10 12:39:52: factory reset yes, MasterClearConfirm,2026-01-10T21:39:27Z  Reboot:1382 RecoverySystemMasterClearConfirm"},
                {"begun": "2026/01/11 10:48:33", "factory_reset": false, "restart_reason": "BL:Recovery Mode Set by key", "build": "X1",
                 "arguments": [], "_line": "recovery system started 2026/01/11 10:48:33: factory reset no,   BL:Recovery Mode Set by key"},
            ])
        );
    }

    #[test]
    fn the_log_of_the_recovery_system_names_its_arguments() {
        let text = "[    1.0] x\nStarting recovery (pid 314) on Sat Jan 10 12:39:52 2026\nCommand: \"/system/bin/recovery\" \"--update_package=/data/ota.zip\" \"--locale=en\"\n";
        let record = &rows_at(&ARTIFACT, "/cache/recovery/last_log", text.as_bytes()).0[0];
        assert_eq!((&record["begun"], &record["update_package"]), (&json!("Sat Jan 10 12:39:52 2026"), &json!("/data/ota.zip")));
        shake(&ARTIFACT, HISTORY.as_bytes());
    }
}
