use jiff::civil::DateTime;

use crate::artifact::android_text::{duration_ms, indent, is_foreign, local_before, local_time};
use crate::artifact::prelude::*;
use crate::time::Clock;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.app_ops",
    title: "Use of permissions (app ops)",
    about: "When each app last used, or was refused, the microphone, the camera, messages and other things that need a permission.",
    files: &["/dumpsys/appops"],
    columns: &[
        // Null for what is set for the whole uid.
        app_id("package_name"),
        text("uid"),
        text("uid_state"),
        text("operation"),
        text("mode"),
        // Another operation that decides instead.
        text("switch"),
        // `access`, `reject` or `running`; null where the operation is only allowed or not.
        text("event"),
        // What the app was doing, and after the dash on whose behalf: `fg-s`, `cch-tp`.
        text("state"),
        time("at", Epoch::Local, Moment::LastSeen),
        text("relative"),
        text("duration"),
        text("attribution"),
        app_id("proxy_package"),
        text("proxy"),
        text("capability"),
    ],
    shows: Trace::Installed,
    line: "{package_name}: {event} of {operation} in state {state}, mode {mode}",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut reader = Reader::default();
    while let Some((number, line)) = lines.next()? {
        if !line.trim().is_empty() && !is_foreign(&line) {
            reader.line(number, indent(&line), line.trim(), out);
        }
    }
    reader.close(out);
    Ok(())
}

#[derive(Default)]
struct Reader {
    uid: Option<String>,
    uid_state: Option<String>,
    capability: Option<String>,
    package: Option<String>,
    operation: Option<Operation>,
    entry: Option<Entry>,
}

#[derive(Default)]
struct Operation {
    line: u64,
    name: String,
    mode: Option<String>,
    switch: Option<String>,
    attribution: Option<String>,
    entries: u32,
    /// The last word `Access` or `Reject`: Android 9 writes it once for several states.
    event: &'static str,
}

#[derive(Default)]
struct Entry {
    line: u64,
    event: &'static str,
    state: Option<String>,
    at: Option<DateTime>,
    relative: Option<String>,
    duration: Option<String>,
    proxy: Option<String>,
}

impl Reader {
    fn line(&mut self, number: u64, indent: usize, text: &str, out: &mut Out<'_>) {
        let named = |word: &str| Some(text.strip_prefix(word)?.strip_suffix(':')?.to_owned());
        if let Some(uid) = named("Uid ").filter(|uid| indent <= 3 && !uid.contains(' ')) {
            self.close(out);
            *self = Reader { uid: Some(uid), ..Reader::default() };
        } else if self.uid.is_none() || indent < 3 {
            // Settings and restrictions before, or whatever a manufacturer prints after.
            if self.uid.is_some() {
                self.close(out);
                *self = Reader::default();
            }
        } else if let Some(package) = named("Package ") {
            self.close(out);
            self.package = Some(package);
        } else if self.package.is_none() {
            self.of_uid(number, text, out);
        } else if let Some(operation) = operation(number, text) {
            self.close(out);
            self.operation = Some(operation);
            if let Some((_, old)) = text.split_once(": mode=") {
                self.old(number, old, out);
            }
        } else if self.operation.is_some() {
            self.detail(number, text, out);
        }
    }

    fn of_uid(&mut self, number: u64, text: &str, out: &mut Out<'_>) {
        if let Some(state) = text.strip_prefix("state=") {
            self.uid_state = Some(state.to_owned());
        } else if let Some(capability) = text.strip_prefix("capability=") {
            self.capability = Some(capability.to_owned());
        } else if let Some((name, mode)) = text.split_once(": mode=") {
            self.operation = Some(Operation {
                line: number,
                name: name.to_owned(),
                mode: Some(mode_word(mode.split(';').next().unwrap_or(mode)).to_owned()),
                ..Operation::default()
            });
            self.close(out);
        }
    }

    /// `0; time=+2d3h ago; rejectTime=+1m ago; duration=+10ms`, of Android 8 and before
    fn old(&mut self, number: u64, text: &str, out: &mut Out<'_>) {
        let running = text.contains("(running)");
        let field = |name: &str| {
            let fields = text.split(';').map(|field| field.trim().trim_end_matches("(running)").trim());
            fields.filter_map(|field| field.strip_prefix(name)?.strip_prefix('=')).next()
        };
        for (name, event) in [("time", "access"), ("rejectTime", "reject")] {
            let Some(age) = field(name) else { continue };
            let age = age.trim_end_matches(" ago").trim();
            let at = duration_ms(age).and_then(|age_ms| local_before(age_ms.saturating_abs(), out.clock()));
            let event = if running && event == "access" { "running" } else { event };
            let duration = field("duration").filter(|_| event != "reject").map(str::to_owned);
            self.begin(Entry { line: number, event, at, relative: Some(age.to_owned()), duration, ..Entry::default() }, out);
        }
    }

    fn detail(&mut self, number: u64, text: &str, out: &mut Out<'_>) {
        let Some(operation) = &mut self.operation else { return };
        if let Some(attribution) = text.strip_suffix("=[") {
            operation.attribution = Some(attribution.to_owned());
            return self.flush(out);
        }
        if text == "]" {
            self.flush(out);
            if let Some(operation) = &mut self.operation {
                operation.attribution = None;
            }
            return;
        }
        if let Some(duration) = text.strip_prefix("duration=") {
            if let Some(entry) = &mut self.entry {
                entry.duration = Some(duration.to_owned());
            }
            return;
        }
        if let Some(since) = text.strip_prefix("Running start at:") {
            let since = since.trim();
            let at = local_time(since, out.clock())
                .or_else(|| local_before(duration_ms(since)?.saturating_abs(), out.clock()));
            let entry =
                Entry { line: number, event: "running", at, relative: Some(since.to_owned()), ..Entry::default() };
            return self.begin(entry, out);
        }
        let words = [("Access:", "access"), ("Reject:", "reject")];
        let begun = words.iter().find_map(|(word, event)| Some((*event, text.strip_prefix(word)?)));
        let (event, rest) = begun.unwrap_or((operation.event, text));
        operation.event = event;
        if let Some(entry) = entry(number, event, rest.trim(), out.clock()) {
            self.begin(entry, out);
        } else if begun.is_some() {
            out.warn(Some(Place::Line { line: number }), "is no use of a permission in a known form");
        }
    }

    fn begin(&mut self, entry: Entry, out: &mut Out<'_>) {
        self.flush(out);
        self.entry = Some(entry);
    }

    /// The entry that is open goes out.
    fn flush(&mut self, out: &mut Out<'_>) {
        if let (Some(entry), Some(operation)) = (self.entry.take(), &mut self.operation) {
            operation.entries = operation.entries.saturating_add(1);
            self.push(Some(entry), out);
        }
    }

    /// The operation goes out, if none of its entries did.
    fn close(&mut self, out: &mut Out<'_>) {
        self.flush(out);
        if self.operation.as_ref().is_some_and(|operation| operation.entries == 0) {
            self.push(None, out);
        }
        self.operation = None;
    }

    fn push(&self, entry: Option<Entry>, out: &mut Out<'_>) {
        let Some(operation) = &self.operation else { return };
        let line = entry.as_ref().map_or(operation.line, |entry| entry.line);
        let event = entry.as_ref().map(|entry| entry.event);
        let entry = entry.unwrap_or_default();
        let proxy_package = entry.proxy.as_deref().and_then(|proxy| {
            let package = proxy.split_once("pkg=")?.1.split([',', ']']).next()?;
            (package != "null").then(|| package.to_owned())
        });
        out.push(
            Place::Line { line },
            [
                self.package.clone().into(),
                self.uid.clone().into(),
                self.uid_state.clone().into(),
                operation.name.clone().into(),
                operation.mode.clone().into(),
                operation.switch.clone().into(),
                event.into(),
                entry.state.into(),
                entry.at.into(),
                entry.relative.into(),
                entry.duration.into(),
                operation.attribution.clone().into(),
                proxy_package.into(),
                entry.proxy.into(),
                self.capability.clone().into(),
            ],
        );
    }
}

/// `CAMERA (allow / switch OTHER=ignore):`, `CAMERA:`, `CAMERA: mode=0; …`; some manufacturers' names have brackets of their own.
fn operation(line: u64, text: &str) -> Option<Operation> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"_()".contains(&byte))
    };
    let (name, mode) = match (text.split_once(": mode="), text.strip_suffix(':')) {
        (Some((name, mode)), _) => (name, Some(mode.split(';').next().unwrap_or(mode))),
        (None, Some(head)) => match head.split_once(" (") {
            Some((name, mode)) => (name, Some(mode.strip_suffix(')').unwrap_or(mode))),
            None => (head, None),
        },
        (None, None) => return None,
    };
    let (mode, switch) = match mode.and_then(|mode| mode.split_once(" / switch ")) {
        Some((mode, switch)) => (Some(mode), Some(switch)),
        None => (mode, None),
    };
    is_name(name).then(|| Operation {
        line,
        name: name.to_owned(),
        mode: mode.map(|mode| mode_word(mode).to_owned()),
        switch: switch.map(str::to_owned),
        ..Operation::default()
    })
}

fn mode_word(mode: &str) -> &str {
    match mode.trim() {
        "0" => "allow",
        "1" => "ignore",
        "2" => "deny",
        "3" => "default",
        "4" => "foreground",
        other => other,
    }
}

/// `[fg-s] 2025-01-01 00:00:00.000 (-1d2h) duration=+33ms proxy[…]`, of Android 9 `pers  = 2025-01-01 00:00:00.000 (-1d2h)`
fn entry(line: u64, event: &'static str, text: &str, clock: &Clock) -> Option<Entry> {
    let (state, rest) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.split_once('=').filter(|(state, _)| state.trim().bytes().all(|byte| byte.is_ascii_lowercase()))?,
    };
    let rest = rest.trim();
    let (date, more) = match rest.find(" (") {
        Some(end) => rest.split_at_checked(end)?,
        None => rest.split_at_checked(rest.char_indices().nth(23).map_or(rest.len(), |(at, _)| at))?,
    };
    let between = |from: &str, to: char| Some(more.split_once(from)?.1.split(to).next()?.to_owned());
    let relative = between("(", ')').map(|relative| format!("({relative})"));
    let at = local_time(date, clock);
    (at.is_some() || relative.is_some()).then(|| Entry {
        line,
        event,
        state: Some(state.trim().to_owned()),
        at,
        relative,
        duration: between("duration=", ' '),
        proxy: between("proxy[", ']'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const ANDROID_14: &str = "Current AppOps Service state:\n  Settings:\n    top_state_settle_time=+5s0ms\n  Uid u0a103:
    state=cch
    capability=--------
    appWidgetVisible=false
      COARSE_LOCATION: mode=ignore
    Package com.example.store:
      REQUEST_INSTALL_PACKAGES (allow): 
        null=[
          Access: [fg-s] 2025-03-01 10:11:12.123 (-1d2h3m4s5ms) duration=+12ms
          Reject: [cch-s]2025-03-02 00:00:00.000 (-2h)
        ]
      CAMERA (allow / switch RECORD_AUDIO=ignore): 
        t1=[
          Access: [top-tp] 2025-03-01 11:00:00.000 (-1d1h) proxy[uid=1000, pkg=android, attributionTag=null]
        ]
  Uid 2000:
    state=pers
    Package com.android.shell:
      READ_CONTACTS (allow): 
";

    #[test]
    fn attributed_entries_modes_of_uids_and_operations_without_entries_are_read() {
        let (records, warnings) = rows_at(&ARTIFACT, "/dumpsys/appops", ANDROID_14.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let uid = |object: serde_json::Value| {
            let mut whole = json!({"uid": "u0a103", "uid_state": "cch", "capability": "--------"});
            whole.as_object_mut().unwrap().extend(object.as_object().unwrap().clone());
            whole
        };
        assert_eq!(
            records,
            json!([
                uid(json!({"operation": "COARSE_LOCATION", "mode": "ignore", "_line": ":  of COARSE_LOCATION in state , mode ignore"})),
                uid(json!({"package_name": "com.example.store", "operation": "REQUEST_INSTALL_PACKAGES", "mode": "allow", "event": "access",
                    "state": "fg-s", "at": "2025-03-01T10:11:12.123000+00:00", "relative": "(-1d2h3m4s5ms)", "duration": "+12ms",
                    "attribution": "null", "_line": "com.example.store: access of REQUEST_INSTALL_PACKAGES in state fg-s, mode allow"})),
                uid(json!({"package_name": "com.example.store", "operation": "REQUEST_INSTALL_PACKAGES", "mode": "allow", "event": "reject",
                    "state": "cch-s", "at": "2025-03-02T00:00:00.000000+00:00", "relative": "(-2h)", "attribution": "null",
                    "_line": "com.example.store: reject of REQUEST_INSTALL_PACKAGES in state cch-s, mode allow"})),
                uid(json!({"package_name": "com.example.store", "operation": "CAMERA", "mode": "allow", "switch": "RECORD_AUDIO=ignore",
                    "event": "access", "state": "top-tp", "at": "2025-03-01T11:00:00.000000+00:00", "relative": "(-1d1h)",
                    "attribution": "t1", "proxy_package": "android", "proxy": "uid=1000, pkg=android, attributionTag=null",
                    "_line": "com.example.store: access of CAMERA in state top-tp, mode allow"})),
                {"package_name": "com.android.shell", "uid": "2000", "uid_state": "pers", "operation": "READ_CONTACTS", "mode": "allow",
                 "_line": "com.android.shell:  of READ_CONTACTS in state , mode allow"},
            ])
        );
    }

    #[test]
    fn older_dialects_are_read_too() {
        let text = "  Uid u0a1:\n    Package a.b:\n      CAMERA (allow): \n          Access: pers  = 2023-05-20 14:29:54.943 (-2h22m52s)\n                  \
                    fg    = 2023-05-20 13:00:00.000 (-3h)\n          duration=+24ms\n          Reject: bg    = 2023-05-19 13:00:00.000 (-3h)\n          \
                    Running start at: +1h\n          startNesting=1\n  Uid u0a2:\n    Package c.d:\n      \
                    RECORD_AUDIO: mode=0; time=+2h0m ago; rejectTime=+1m ago; duration=+10ms\n      CAMERA: mode=1\n      MIUIOP(10020) (ignore): \n";
        let (records, warnings) = rows_timed(&ARTIFACT, "/dumpsys/appops", text.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let told: Vec<_> = records
            .as_array()
            .unwrap()
            .iter()
            .map(|row| [&row["operation"], &row["mode"], &row["event"], &row["state"], &row["at"], &row["duration"]])
            .collect();
        assert_eq!(
            json!(told),
            json!([
                ["CAMERA", "allow", "access", "pers", "2023-05-20T12:29:54.943000+00:00", null],
                ["CAMERA", "allow", "access", "fg", "2023-05-20T11:00:00.000000+00:00", "+24ms"],
                ["CAMERA", "allow", "reject", "bg", "2023-05-19T11:00:00.000000+00:00", null],
                ["CAMERA", "allow", "running", null, "2023-05-24T11:00:00.000000+00:00", null],
                ["RECORD_AUDIO", "allow", "access", null, "2023-05-24T10:00:00.000000+00:00", "+10ms"],
                ["RECORD_AUDIO", "allow", "reject", null, "2023-05-24T11:59:00.000000+00:00", null],
                ["CAMERA", "ignore", null, null, null, null],
                ["MIUIOP(10020)", "ignore", null, null, null, null],
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, ANDROID_14.as_bytes());
    }
}
