use crate::artifact::android_text::{pairs, written};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.app_usage",
    title: "Use of apps",
    about: "Which app was on the screen when, and for a day, a week, a month and a year how long each was used: also apps that were since removed.",
    files: &["/dumpsys/usagestats", "/dumpstate/CHECKIN USAGESTATS"],
    columns: &[
        time("at", Epoch::Local, Moment::Logged),
        text("event"),
        app_id("package"),
        text("class"),
        app_id("task_package"),
        text("channel"),
        // Of statistics instead of events: `daily`, `weekly`, `monthly`, `yearly`.
        text("period"),
        time("last_used", Epoch::Local, Moment::LastSeen),
        time("last_visible", Epoch::Local, Moment::LastSeen),
        text("total_used"),
        int("launches"),
        int("user"),
    ],
    shows: Trace::Executed,
    line: "app usage: {event} {package} {class}, used {total_used}",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let (mut user, mut period) = (None, None);
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        if line.starts_with("time=") || line.starts_with("package=") {
            push(number, line, user, period, out);
        } else if let Some(rest) = line.strip_prefix("user=") {
            user = rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok());
        } else if let Some(rest) = line.strip_prefix("In-memory ") {
            let name = rest.split_whitespace().next();
            period = ["daily", "weekly", "monthly", "yearly"].into_iter().find(|known| Some(*known) == name);
        }
    }
    Ok(())
}

fn push(number: u64, line: &str, user: Option<i64>, period: Option<&'static str>, out: &mut Out<'_>) {
    let fields: HashMap<&str, &str> = pairs(line).collect();
    let field = |name: &str| fields.get(name).copied().filter(|value| !matches!(*value, "" | "null"));
    let time = |name: &str| field(name).map_or(Value::Null, written);
    let is_event = fields.contains_key("time");
    // Rows of choosers and configurations name no package and no event.
    if field("package").is_none() && field("type").is_none() {
        return;
    }
    out.push(
        Place::Line { line: number },
        [
            time("time"),
            field("type").map(event_name).into(),
            field("package").into(),
            field("class").into(),
            field("taskRootPackage").into(),
            field("channelId").or_else(|| field("shortcutId")).into(),
            if is_event { Value::Null } else { period.into() },
            time("lastTimeUsed"),
            time("lastTimeVisible"),
            field("totalTimeUsed").filter(|_| !is_event).into(),
            field("appLaunchCount").and_then(|count| count.parse::<i64>().ok()).into(),
            user.into(),
        ],
    );
}

/// The checkin form writes some events as numbers (`UsageEvents.Event`).
fn event_name(event: &str) -> &str {
    match event {
        "1" => "ACTIVITY_RESUMED",
        "2" => "ACTIVITY_PAUSED",
        "5" => "CONFIGURATION_CHANGE",
        "6" => "SYSTEM_INTERACTION",
        "7" => "USER_INTERACTION",
        "8" => "SHORTCUT_INVOCATION",
        "9" => "CHOOSER_ACTION",
        "10" => "NOTIFICATION_SEEN",
        "11" => "STANDBY_BUCKET_CHANGED",
        "12" => "NOTIFICATION_INTERRUPTION",
        "15" => "SCREEN_INTERACTIVE",
        "16" => "SCREEN_NON_INTERACTIVE",
        "17" => "KEYGUARD_SHOWN",
        "18" => "KEYGUARD_HIDDEN",
        "19" => "FOREGROUND_SERVICE_START",
        "20" => "FOREGROUND_SERVICE_STOP",
        "23" => "ACTIVITY_STOPPED",
        "24" => "ACTIVITY_DESTROYED",
        "26" => "DEVICE_SHUTDOWN",
        "27" => "DEVICE_STARTUP",
        "31" => "APP_COMPONENT_USED",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = r#"user=0 {
  Last 24 hour events (timeRange="2/1/2026, 12:13 – 2/2/2026, 12:13")
    time="2026-02-02 12:11:46" type=ACTIVITY_RESUMED package=com.example class=com.example.Main instanceId=123 taskRootPackage=com.root taskRootClass=com.root.A flags=0x0
    time="٢٠٢٦-٠٢-٠٢ ١٢:١١:٤٧" type=16 package=android flags=0x0
  In-memory yearly stats
    timeRange="1/1/2026 – 2/2/2026"
    packages
      package=org.example.gone totalTimeUsed="01:02" lastTimeUsed="2026-01-05 10:00:00" totalTimeVisible="01:02" lastTimeVisible="1970-01-01 01:00:00" appLaunchCount=4
    configurations
      config=mcc totalTime="1" count=1
}
"#;

    #[test]
    fn events_and_statistics_are_read_with_their_user_and_period() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/dumpsys/usagestats", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records,
            json!([
                {"at": "2026-02-02T10:11:46.000000+00:00", "event": "ACTIVITY_RESUMED", "package": "com.example",
                 "class": "com.example.Main", "task_package": "com.root", "user": 0,
                 "_line": "app usage: ACTIVITY_RESUMED com.example com.example.Main, used "},
                {"at": "2026-02-02T10:11:47.000000+00:00", "event": "SCREEN_NON_INTERACTIVE", "package": "android",
                 "user": 0, "_line": "app usage: SCREEN_NON_INTERACTIVE android , used "},
                {"package": "org.example.gone", "period": "yearly", "last_used": "2026-01-05T08:00:00.000000+00:00",
                 "total_used": "01:02", "launches": 4, "user": 0,
                 "_line": "app usage:  org.example.gone , used 01:02"},
            ])
        );
    }

    #[test]
    fn milliseconds_of_the_checkin_form_are_utc() {
        let (records, _) = rows_timed(&ARTIFACT, "/x", b"time=1700000000123 type=1 package=a.b\n");
        assert_eq!(records[0]["at"], "2023-11-14T22:13:20.123000+00:00");
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
