use crate::artifact::android_text::{bounded, number_after, package_of_process};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.shutdown_requests",
    title: "Requests to shut down",
    about: "Which part of the system, which process or which app asked the phone to shut down or restart; also where the owner then declined.",
    files: &["/dumpstate/SHUTDOWN CHECKPOINTS*", "/data/system/shutdown-checkpoints/checkpoints-*"],
    columns: &[
        time("at", Epoch::Unix, Moment::Logged),
        // `SYSTEM`, `BINDER` or `INTENT`
        text("origin"),
        text("reason"),
        text("method"),
        process("process"),
        app_id("package"),
        text("intent"),
        int("pid"),
    ],
    shows: Trace::Executed,
    line: "shutdown asked for by {origin} {process} {package}: {reason}",
    parse: Parse::Text(parse),
};

#[derive(Default)]
struct Request {
    line: u64,
    at: Option<i64>,
    origin: String,
    reason: Option<String>,
    method: Option<String>,
    process: Option<String>,
    package: Option<String>,
    intent: Option<String>,
    pid: Option<i64>,
}

/// `Shutdown request from BINDER for reason userrequested at 2026-01-10 21:30:09.412 KST (epoch=1768048209412)`
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut open: Option<Request> = None;
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("Shutdown request from ") {
            push(open.take(), out);
            let origin = bounded(rest.split(' ').next().unwrap_or_default()).to_owned();
            let reason = rest.split_once(" for reason ").and_then(|(_, rest)| rest.rsplit_once(" at "));
            let reason = reason.map(|(reason, _)| bounded(reason).to_owned());
            open = Some(Request { line: number, at: number_after(rest, "(epoch="), origin, reason, ..Request::default() });
            continue;
        }
        let Some(request) = &mut open else { continue };
        if line.is_empty() {
            push(open.take(), out);
        } else if let Some(process) = line.strip_prefix("From process ") {
            let name = process.split(" (pid=").next().unwrap_or(process);
            request.process = Some(bounded(name).to_owned()).filter(|name| name != "?");
            request.package = package_of_process(name).map(str::to_owned);
            request.pid = number_after(process, "(pid=");
        } else if let Some(package) = line.strip_prefix("Package: ") {
            request.package = Some(bounded(package).to_owned());
        } else if let Some(intent) = line.strip_prefix("Intent: ") {
            request.intent = Some(bounded(intent).to_owned());
        } else if request.method.is_none() && !line.starts_with("at ") {
            request.method = Some(bounded(line).to_owned());
        }
    }
    push(open, out);
    Ok(())
}

fn push(request: Option<Request>, out: &mut Out<'_>) {
    let Some(request) = request else { return };
    out.push(
        Place::Line { line: request.line },
        [
            request.at.into(),
            request.origin.into(),
            request.reason.into(),
            request.method.into(),
            request.process.into(),
            request.package.into(),
            request.intent.into(),
            request.pid.into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
Shutdown request from BINDER for reason userrequested at 2026-01-10 21:30:09.412 KST (epoch=1768048209412)
com.android.server.power.PowerManagerService$BinderService.shutdown
From process org.example.app:remote (pid=2345)

Shutdown request from SYSTEM at 2026-01-10 21:30:10.412 KST (epoch=1768048210412)
com.android.server.power.X.y
 at com.android.server.Z.run(Z.java:1)

Shutdown request from INTENT at 2026-01-10 21:30:11.412 KST (epoch=1768048211412)
Intent: android.intent.action.REBOOT
Package: org.example.b
";

    #[test]
    fn who_asked_is_told_for_each_kind_of_request() {
        let (records, warnings) = rows_at(&ARTIFACT, "/data/system/shutdown-checkpoints/checkpoints-1", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records,
            json!([
                {"at": "2026-01-10T12:30:09.412000+00:00", "origin": "BINDER", "reason": "userrequested",
                 "method": "com.android.server.power.PowerManagerService$BinderService.shutdown", "process": "org.example.app:remote",
                 "package": "org.example.app", "pid": 2345, "_line": "shutdown asked for by BINDER org.example.app:remote org.example.app: userrequested"},
                {"at": "2026-01-10T12:30:10.412000+00:00", "origin": "SYSTEM", "method": "com.android.server.power.X.y",
                 "_line": "shutdown asked for by SYSTEM  : "},
                {"at": "2026-01-10T12:30:11.412000+00:00", "origin": "INTENT", "intent": "android.intent.action.REBOOT",
                 "package": "org.example.b", "_line": "shutdown asked for by INTENT  org.example.b: "},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
