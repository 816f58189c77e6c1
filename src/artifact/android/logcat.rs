use crate::artifact::android_text::{is_package, number_after, package_of, package_of_process, web_address};
use crate::artifact::logcat::{self, Entry, field, has_link, kept, shell_path, values};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.logcat",
    title: "System log",
    about: "What the log of the last minutes to days says about starts and ends of processes, screens and links that were opened, crashes, \
        installations and denied access; other lines only where they hold a link or a path of the shell's folder.",
    files: &["/logcat/{all,events,kernel,last,last-kernel,system}"],
    columns: &[
        time("logged", Epoch::Local, Moment::Logged),
        // What happened, in one vocabulary for all Android versions: see `event_of` and its like.
        text("event"),
        text("tag"),
        process("process"),
        app_id("package"),
        text("component"),
        url("url"),
        path("file"),
        // The process that it is about, else the one that wrote it.
        int("pid"),
        int("uid"),
        // What only tells what the other columns tell.
        text("detail"),
        // Text of any program.
        message("message"),
    ],
    shows: Trace::Logged,
    line: "{tag}: {detail}{message}",
    parse: Parse::Text(parse),
};

/// What a line tells.
#[derive(Default)]
struct Fact<'l> {
    event: &'static str,
    process: Option<&'l str>,
    package: Option<&'l str>,
    component: Option<&'l str>,
    url: Option<&'l str>,
    file: Option<&'l str>,
    pid: Option<i64>,
    uid: Option<i64>,
    /// The whole text is to be searched for links.
    free_text: bool,
}

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    while let Some((number, line)) = lines.next()? {
        let Some(entry) = logcat::entry(&line) else { continue };
        let Some(fact) = fact(&entry) else { continue };
        let named = fact.process.and_then(package_of_process);
        let package = fact.package.or_else(|| fact.component.and_then(package_of)).or(named);
        let text = kept(entry.message);
        let (detail, message) = if fact.free_text { (None, Some(text)) } else { (Some(text), None) };
        out.push(
            Place::Line { line: number },
            [
                entry.at(out.clock()),
                fact.event.into(),
                entry.tag.into(),
                fact.process.filter(|process| !process.is_empty()).into(),
                package.into(),
                fact.component.into(),
                fact.url.into(),
                fact.file.into(),
                fact.pid.or(entry.pid).into(),
                fact.uid.or(entry.uid).into(),
                detail.into(),
                message.into(),
            ],
        );
    }
    Ok(())
}

fn fact<'l>(entry: &Entry<'l>) -> Option<Fact<'l>> {
    let message = entry.message;
    let known = match entry.tag {
        "ActivityTaskManager" | "ActivityManager" => activity(message),
        "PackageManager" | "PackageInstaller" | "PackageInstallerSession" | "installd" => packages(message),
        "AndroidRuntime" => crash(message),
        "libc" | "DEBUG" | "crash_dump64" | "crash_dump32" => native_crash(message),
        "auditd" | "audit" | "kernel" | "SELinux" | "init" => audit(message),
        "su" | "Magisk" | "MagiskSU" | "KernelSU" => Some(Fact { event: "root", free_text: true, ..Fact::default() }),
        tag => event_of(tag, message),
    };
    known.or_else(|| {
        let file = shell_path(message);
        // A link may stand anywhere, a path of that folder hardly.
        (file.is_some() || has_link(message)).then(|| Fact { event: "mentioned", file, free_text: true, ..Fact::default() })
    })
}

/// Entries of the event log, whose values have no names: `EventLogTags.logtags` of Android.
fn event_of<'l>(tag: &str, message: &'l str) -> Option<Fact<'l>> {
    const BEGINNINGS: [&str; 9] =
        ["am_", "wm_", "pm_", "exp_det_", "screen_", "power_screen_", "boot_progress_", "notification_", "install_"];
    if !BEGINNINGS.iter().any(|beginning| tag.starts_with(beginning)) {
        return None;
    }
    let values = values(message);
    let text = |index: usize| values.get(index).copied().filter(|value| !matches!(*value, "" | "NULL" | "null"));
    let int = |index: usize| text(index).and_then(|value| value.parse::<i64>().ok());
    let of = |event| Fact { event, ..Fact::default() };
    // An unquoted comma shifts what stands behind it: names are taken as such only where they look so.
    let component = |index: usize| text(index).map(|name| name.trim_matches(['{', '}'])).filter(|name| package_of(name).is_some());
    Some(match tag {
        "am_proc_start" => Fact {
            process: text(3),
            component: component(5).filter(|name| name.contains('/')),
            pid: int(1),
            uid: int(2),
            ..of("process started")
        },
        "am_proc_died" => Fact { process: text(2), pid: int(1), ..of("process ended") },
        "am_kill" => Fact { process: text(2), pid: int(1), ..of("process killed") },
        "am_crash" => Fact { process: text(2), pid: int(1), ..of("crash") },
        "am_anr" => Fact { process: text(2), pid: int(1), ..of("no response") },
        "am_create_service" => Fact { component: component(2), pid: int(4), uid: int(3), ..of("service started") },
        "am_create_activity" | "wm_create_activity" | "am_new_intent" | "wm_new_intent" => {
            let address = web_address(message).map(|url| url.split(',').next().unwrap_or(url));
            Fact { component: component(3), url: address, ..of("screen opened") }
        }
        "notification_enqueue" => Fact { package: text(2).filter(|name| is_package(name)), pid: int(1), uid: int(0), ..of("notification") },
        "screen_toggled" | "power_screen_state" => of(if text(0) == Some("0") { "screen off" } else { "screen on" }),
        "boot_progress_start" => of("phone started"),
        "pm_critical_info" | "install_package_attempts" => Fact { free_text: true, ..of("package") },
        tag if tag.starts_with("exp_det_") => of("security event"),
        _ => return None,
    })
}

fn activity(message: &str) -> Option<Fact<'_>> {
    if message.starts_with("START u") {
        return Some(Fact {
            event: "screen opened",
            component: field(message, "cmp=").map(|name| name.trim_end_matches('}')),
            url: web_address(message),
            uid: number_after(message, "from uid "),
            pid: number_after(message, "from pid "),
            ..Fact::default()
        });
    }
    if let Some(rest) = message.strip_prefix("Start proc ") {
        // `1234:org.example.app/u0a123 for service {org.example.app/…}`; older: `org.example.app for … : pid=1 uid=2`
        let word = rest.split(' ').next().unwrap_or_default();
        let (pid, named) = word.split_once(':').filter(|(pid, _)| pid.bytes().all(|byte| byte.is_ascii_digit())).unwrap_or(("", word));
        let (process, user) = named.rsplit_once('/').unwrap_or((named, ""));
        return Some(Fact {
            event: "process started",
            process: Some(process),
            component: rest.split_once('{').map(|(_, name)| name.split('}').next().unwrap_or(name)).filter(|name| name.contains('/')),
            pid: pid.parse().ok().or_else(|| number_after(rest, "pid=")),
            uid: crate::artifact::android_text::uid(user.split('i').next().unwrap_or(user)).or_else(|| number_after(rest, "uid=")),
            ..Fact::default()
        });
    }
    if let Some(rest) = message.strip_prefix("Killing ") {
        let word = rest.split(' ').next().unwrap_or_default();
        let (pid, named) = word.split_once(':')?;
        let process = named.rsplit_once('/').map_or(named, |(name, _)| name);
        return Some(Fact { event: "process killed", process: Some(process), pid: pid.parse().ok(), ..Fact::default() });
    }
    if let Some(rest) = message.strip_prefix("Force stopping ") {
        let package = rest.split(' ').next().filter(|name| is_package(name));
        return Some(Fact { event: "stopped by force", package, ..Fact::default() });
    }
    let shown = message.strip_prefix("Displayed ")?;
    let component = shown.split([' ', ':']).next().filter(|name| package_of(name).is_some());
    Some(Fact { event: "screen opened", component, ..Fact::default() })
}

/// Messages about installing and removing packages, of which each maker writes its own.
fn packages(message: &str) -> Option<Fact<'_>> {
    let lower = message.to_ascii_lowercase();
    let event = if lower.contains("uninstall") || lower.contains("remov") || lower.contains("deletepackage") {
        "package removed"
    } else if lower.contains("install") {
        "package installed"
    } else {
        return None;
    };
    let package = message.split(|c: char| c.is_whitespace() || "'\"()[]{},;=/:".contains(c)).find(|word| {
        let word = word.trim_end_matches('.');
        is_package(word) && !["java.", "android.content.", "com.android.server."].iter().any(|start| word.starts_with(start))
    });
    let package = package.map(|word| word.trim_end_matches('.'));
    package.is_some().then(|| Fact { event, package, file: shell_path(message), free_text: has_link(message), ..Fact::default() })
}

/// The line after `FATAL EXCEPTION`: `Process: org.example.app, PID: 1234`.
fn crash(message: &str) -> Option<Fact<'_>> {
    let process = message.strip_prefix("Process: ")?.split(',').next();
    Some(Fact { event: "crash", process, pid: number_after(message, "PID: "), ..Fact::default() })
}

fn native_crash(message: &str) -> Option<Fact<'_>> {
    let process = if message.starts_with("Fatal signal ") {
        let (_, process) = message.rsplit_once(", pid ")?;
        process.split_once('(').map(|(_, name)| name.trim_end_matches(')'))
    } else {
        message.split_once(">>> ").filter(|_| message.starts_with("pid: ")).map(|(_, name)| name.split(" <<<").next().unwrap_or(name))
    };
    process.map(|process| Fact {
        event: "native crash",
        process: Some(process),
        pid: number_after(message, "pid: ").or_else(|| number_after(message, ", pid ")),
        ..Fact::default()
    })
}

/// What SELinux denied; services that init started; programs that the kernel saw crash.
fn audit(message: &str) -> Option<Fact<'_>> {
    if message.contains("avc:") {
        let file = field(message, "path=").filter(|path| path.starts_with('/'));
        return Some(Fact {
            event: "access denied",
            process: field(message, "comm="),
            package: field(message, "app=").filter(|name| is_package(name)),
            file,
            pid: field(message, "pid=").and_then(|pid| pid.parse().ok()),
            ..Fact::default()
        });
    }
    if let Some((_, rest)) = message.split_once("starting service '") {
        return Some(Fact { event: "service started", process: rest.split('\'').next(), ..Fact::default() });
    }
    (message.contains("segfault at") || message.contains("dm-verity") && message.contains("corrupt"))
        .then(|| Fact { event: "kernel", ..Fact::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    fn told(text: &str) -> Vec<serde_json::Value> {
        let (records, warnings) = rows_timed(&ARTIFACT, "/logcat/all", text.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let mut records = records.as_array().unwrap().clone();
        for record in &mut records {
            for column in ["_line", "detail", "message", "logged", "tag"] {
                record.as_object_mut().unwrap().remove(column);
            }
        }
        records
    }

    const EVENTS: &str = "\
--------- beginning of events
05-23 11:22:33.123  1000  1020  1030 I am_proc_start: [0,1234,10123,org.example.app:remote,service,{org.example.app/org.example.app.S}]
05-23 11:22:33.123  1020  1030 I wm_create_activity: [0,123,5,org.example.browser/.Main,android.intent.action.VIEW,NULL,https://a.example/x,268435456]
05-23 11:22:33.123  1020  1030 I am_crash: [5,1234,org.example.app,0,java.lang.X,a, b,c.java,1]
05-23 11:22:33.123  1020  1030 I screen_toggled: 0
05-23 11:22:33.123  1020  1030 I am_pss  : [1,2,x]
";
    const MAIN: &str = "\
05-23 11:22:33.123  1000  1020  1030 I ActivityTaskManager: START u0 {act=android.intent.action.VIEW dat=https://a.example/x cmp=org.example.browser/.Main} from uid 10123
05-23 11:22:33.123  1000  1020  1030 I ActivityManager: Start proc 1234:org.example.app/u0a123 for service {org.example.app/org.example.app.S}
05-23 11:22:33.123  1000  1020  1030 I ActivityManager: something
05-23 11:22:33.123  1020  1030 E AndroidRuntime: Process: org.example.app, PID: 77
05-23 11:22:33.123  1020  1030 F libc    : Fatal signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0x0 in tid 12 (thread), pid 11 (org.example.app)
05-23 11:22:33.123  1020  1030 W Binder: type=1400 audit(0.0:1): avc: denied { read } for comm=\"pred\" path=\"/data/local/tmp/x\"
05-23 11:22:33.123  1020  1030 W audit  : type=1400 audit(0.0:1): avc: denied { read } for comm=\"pred\" path=\"/data/local/tmp/x\" app=org.example.app
05-23 11:22:33.123  1020  1030 I PackageManager: Package org.example.app removed
05-23 11:22:33.123  1020  1030 D any: loading http://b.example/y
";

    #[test]
    fn values_of_events_get_their_names() {
        assert_eq!(
            told(EVENTS),
            [
                json!({"event": "process started", "process": "org.example.app:remote", "package": "org.example.app",
                       "component": "org.example.app/org.example.app.S", "pid": 1234, "uid": 10123}),
                json!({"event": "screen opened", "package": "org.example.browser", "component": "org.example.browser/.Main",
                       "url": "https://a.example/x", "pid": 1020}),
                json!({"event": "crash", "process": "org.example.app", "package": "org.example.app", "pid": 1234}),
                json!({"event": "screen off", "pid": 1020}),
            ]
        );
    }

    #[test]
    fn lines_of_the_log_with_facts_are_kept_and_others_not() {
        assert_eq!(
            told(MAIN),
            [
                json!({"event": "screen opened", "package": "org.example.browser", "component": "org.example.browser/.Main",
                       "url": "https://a.example/x", "pid": 1020, "uid": 10123}),
                json!({"event": "process started", "process": "org.example.app", "package": "org.example.app",
                       "component": "org.example.app/org.example.app.S", "pid": 1234, "uid": 10123}),
                json!({"event": "crash", "process": "org.example.app", "package": "org.example.app", "pid": 77}),
                json!({"event": "native crash", "process": "org.example.app", "package": "org.example.app", "pid": 11}),
                json!({"event": "mentioned", "file": "/data/local/tmp/x", "pid": 1020}),
                json!({"event": "access denied", "process": "pred", "package": "org.example.app", "file": "/data/local/tmp/x", "pid": 1020}),
                json!({"event": "package removed", "package": "org.example.app", "pid": 1020}),
                json!({"event": "mentioned", "pid": 1020}),
            ]
        );
    }

    #[test]
    fn times_have_the_year_of_the_acquisition_and_links_are_in_the_message() {
        let (records, _) = rows_timed(&ARTIFACT, "/logcat/system", MAIN.as_bytes());
        assert_eq!(records[0]["logged"], "2023-05-23T09:22:33.123000+00:00");
        assert_eq!(records[7]["message"], "loading http://b.example/y");
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, MAIN.as_bytes());
        shake(&ARTIFACT, EVENTS.as_bytes());
    }
}
