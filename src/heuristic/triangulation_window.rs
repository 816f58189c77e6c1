use std::collections::BTreeSet;

use jiff::Timestamp;

use super::prelude::*;
use crate::time;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "triangulation_window",
    title: "Traces of Operation Triangulation within five minutes",
    looks_at: "Folders of Messages' attachments that changed without an attachment in them, three settings files, the end of location use \
        by two system bundles, and network use under four names of the system, where several of them fall into the same five minutes.",
    why_it_matters: "Operation Triangulation deleted the attachment it came with, but the folders kept the time, and its next steps left the \
        other traces within minutes. Each of them alone is ordinary.",
    innocent_causes: "A restore of a backup or a first set-up writes many of these at once. Deleting a message with a picture changes a \
        folder too, and web pages load all day: two of these traces can meet by chance, three rarely do.",
    next_check: "Ask what the owner did in these minutes, look for crashes and restarts just before them and for indicators of Operation \
        Triangulation after them, and have a full acquisition made.",
    references: &[
        "https://securelist.com/find-the-triangulation-utility/109867/",
        "https://securelist.com/operation-triangulation/109842/",
    ],
    reads: &[
        Reads { artifact: "ios.manifest", keep: is_telling_file },
        Reads { artifact: "ios.datausage", keep: uses_network },
        Reads { artifact: "ios.addaily", keep: uses_network },
        Reads { artifact: "ios.powerlog_network", keep: reports_data_usage },
        Reads { artifact: "ios.locationd", keep: is_location_bundle },
        Reads { artifact: "ios.backup_state", keep: is_restore },
    ],
    check,
};

/// A window begins at an event, and has no more of them than this.
const EVENTS_MOST: usize = 10;
const WINDOW_S: i64 = 300;
/// More folders than this in a window are a conversation deleted or a phone restored.
const FOLDERS_MOST: usize = 10;
/// How near a restore explains everything.
const RESTORE_S: i64 = 86_400;

const ATTACHMENTS: &str = "/private/var/mobile/Library/SMS/Attachments/";
const SETTINGS: [&str; 3] = [
    "/private/var/root/Library/Preferences/com.apple.ImageIO.plist",
    "/private/var/mobile/Library/Preferences/com.apple.locationd.StatusBarIconManager.plist",
    "/private/var/mobile/Library/Preferences/com.apple.imservice.ids.FaceTime.plist",
];
const BUNDLES: [&str; 2] = [
    "com.apple.locationd.bundle-/System/Library/LocationBundles/IonosphereHarvest.bundle",
    "com.apple.locationd.bundle-/System/Library/LocationBundles/WRMLinkSelection.bundle",
];
/// Names that are seen on every phone all day.
const COMMON: [&str; 2] = ["nehelper", "com.apple.WebKit.WebContent"];
const RARE: [&str; 2] = ["powerd/com.apple.datausage.diagnostics", "lockdownd/com.apple.datausage.security"];

fn is_telling_file(record: &Record<'_>) -> bool {
    let path = record.value("file").as_text().unwrap_or_default();
    // A folder of a single attachment stands for the files in it.
    depth(path).is_some_and(|depth| depth <= 3) || SETTINGS.contains(&path)
}

/// How deep below the folder of attachments: two levels only sort, the third holds an attachment.
fn depth(path: &str) -> Option<usize> {
    Some(path.strip_prefix(ATTACHMENTS)?.split('/').count())
}

fn uses_network(record: &Record<'_>) -> bool {
    let process = record.value("process").as_text().unwrap_or_default();
    COMMON.contains(&process) || RARE.contains(&process)
}

/// The power log has the parts of a [`RARE`] name in two columns; the [`COMMON`] ones are in it every hour.
fn reports_data_usage(record: &Record<'_>) -> bool {
    let text = |column| record.value(column).as_text().unwrap_or_default();
    let (process, bundle) = (text("process"), text("bundle_id"));
    RARE.iter().any(|name| *name == process || name.split_once('/') == Some((process, bundle)))
}

fn is_location_bundle(record: &Record<'_>) -> bool {
    record.value("package").as_text().is_some_and(|package| BUNDLES.contains(&package))
}

fn is_restore(record: &Record<'_>) -> bool {
    !record.value("restored").is_null()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Message,
    Location,
    Network,
    CommonNetwork,
    File,
}

struct Event<'a> {
    at: Timestamp,
    class: Class,
    /// A path or the name of a program.
    what: &'a str,
    column: &'static str,
    exhibit: &'a Exhibit,
}

/// What there is of the whole phone, in the order of time.
#[derive(Default)]
struct Traces<'a> {
    events: Vec<Event<'a>>,
    /// When attachments were written that are still there.
    attachments: Vec<Timestamp>,
    /// When folders of attachments changed, once for each.
    folders: Vec<Timestamp>,
}

impl<'a> Traces<'a> {
    fn of(kept: &'a Kept) -> Traces<'a> {
        let mut traces = Traces::default();
        for file in kept.of("ios.manifest") {
            traces.add_file(file);
        }
        for artifact in ["ios.datausage", "ios.addaily", "ios.powerlog_network"] {
            for usage in kept.of(artifact) {
                let name = usage.text("process");
                let class = if COMMON.contains(&name) { Class::CommonNetwork } else { Class::Network };
                traces.add(usage, class, name, &["first_seen", "last_seen", "used", "last_used", "logged"]);
            }
        }
        for client in kept.of("ios.locationd") {
            traces.add(client, Class::Location, client.text("package"), &["location_stopped"]);
        }
        traces.events.sort_by_key(|event| (event.at, event.what, event.column));
        traces.attachments.sort_unstable();
        traces.folders.sort_unstable();
        traces
    }

    fn add_file(&mut self, file: &'a Exhibit) {
        const TIMES: [&str; 3] = ["modified", "changed", "created"];
        let path = file.text("file");
        match depth(path) {
            None => self.add(file, Class::File, path, &TIMES),
            Some(1 | 2) if file.text("kind") == "folder" => {
                self.folders.extend(file.time("modified"));
                self.add(file, Class::Message, path, &TIMES);
            }
            Some(_) => self.attachments.extend(TIMES.iter().filter_map(|time| file.time(time))),
        }
    }

    fn add(&mut self, exhibit: &'a Exhibit, class: Class, what: &'a str, columns: &[&'static str]) {
        let times = columns.iter().filter_map(|column| Some((*column, exhibit.time(column)?)));
        self.events.extend(times.map(|(column, at)| Event { at, class, what, column, exhibit }));
    }

    /// The events of the window that begins with this one.
    fn window(&self, start: usize) -> &[Event<'a>] {
        let rest = self.events.get(start..).unwrap_or_default();
        let Some(first) = rest.first() else { return &[] };
        let most = rest.iter().take(EVENTS_MOST);
        let within = most.take_while(|event| event.at.as_second() - first.at.as_second() <= WINDOW_S).count();
        rest.get(..within).unwrap_or_default()
    }

    fn level(&self, window: &[Event<'_>]) -> Option<Level> {
        let first = window.first()?;
        if within(&self.attachments, first.at) > 0 {
            return None;
        }
        let has = |class| window.iter().any(|event| event.class == class);
        let message = has(Class::Message)
            && within(&self.folders, first.at) <= FOLDERS_MOST
            && folders_changed_in_full(window);
        let (location, rare, file) = (has(Class::Location), has(Class::Network), has(Class::File));
        let network = rare || has(Class::CommonNetwork);
        let others = [location, network, file].into_iter().filter(|there| *there).count();
        match (message, others) {
            (_, 0) => None,
            (true, 2..) if location || rare => Some(Level::High),
            (true, 2..) => Some(Level::Medium),
            (true, _) if location || rare => Some(Level::Medium),
            (true, _) => Some(Level::Low),
            (false, 3) if rare => Some(Level::Low),
            // Of these the newest times of most phones lie together.
            (false, _) => None,
        }
    }
}

/// How many of these sorted times lie in the window that begins here.
fn within(times: &[Timestamp], start: Timestamp) -> usize {
    let before = times.partition_point(|time| *time < start);
    let until = times.partition_point(|time| time.as_second() - start.as_second() <= WINDOW_S);
    until.saturating_sub(before)
}

/// True where each folder of the window changed in content and in attributes, as at a deletion in it.
fn folders_changed_in_full(window: &[Event<'_>]) -> bool {
    let changed = |column: &str| -> BTreeSet<&str> {
        let folders = window.iter().filter(|event| event.class == Class::Message);
        folders.filter(|event| column.is_empty() || event.column == column).map(|event| event.what).collect()
    };
    let all = changed("");
    changed("modified") == all && changed("changed") == all
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let traces = Traces::of(kept);
    let windows = (0..traces.events.len()).map(|start| traces.window(start));
    let judged: Vec<(Level, &[Event<'_>])> =
        windows.filter_map(|window| Some((traces.level(window)?, window))).collect();
    let Some(level) = judged.iter().map(|(level, _)| *level).max() else { return };
    let mut best = judged.iter().filter(|(of, _)| *of == level).map(|(_, window)| *window);
    let Some(window) = best.next() else { return };
    // The message is what to look at first, then what is rarest.
    let Some(main) = window.iter().min_by_key(|event| event.class) else { return };
    let end = |window: &[Event<'_>]| window.last().map(|event| event.at);
    let (mut further, mut last) = (0, end(window));
    for other in best {
        if other.first().map(|event| event.at) > last {
            further += 1;
            last = end(other);
        }
    }
    let told: Vec<String> = window
        .iter()
        .map(|event| format!("{} {} ({})", time::short(event.at), event.what, event.column))
        .collect();
    let again = if further == 0 { String::new() } else { format!("; {further} more times") };
    let message =
        format!("traces as Operation Triangulation left them within five minutes: {}{again}", told.join(", "));
    let restored = kept.of("ios.backup_state").iter().filter_map(|state| state.time("restored"));
    let mut near = restored.filter(|at| (at.as_second() - main.at.as_second()).abs() <= RESTORE_S);
    let restored = near.next();
    let level = if restored.is_some() { level.min(Level::Low) } else { level };
    let mut finding = Finding::of_rule(HEURISTIC.id, level, Trace::Installed, message, main.exhibit);
    finding.value = main.what.to_owned();
    finding.caveats.extend(restored.map(|at| format!("the phone was restored from a backup at {}", time::short(at))));
    findings.push(finding);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, judge, verdicts};

    type Row = (&'static str, serde_json::Value);

    fn folder(path: &str, at: &str) -> Row {
        let (path, at) = (format!("{ATTACHMENTS}{path}"), format!("2022-03-01T{at}Z"));
        ("ios.manifest", json!({"file": path, "kind": "folder", "modified": at, "changed": at}))
    }

    fn usage(process: &str, at: &str) -> Row {
        ("ios.datausage", json!({"process": process, "used": format!("2022-03-01T{at}Z")}))
    }

    fn location(at: &str) -> Row {
        ("ios.locationd", json!({"package": BUNDLES[0], "location_stopped": format!("2022-03-01T{at}Z")}))
    }

    fn settings(at: &str) -> Row {
        ("ios.manifest", json!({"file": SETTINGS[0], "kind": "file", "modified": format!("2022-03-01T{at}Z")}))
    }

    fn level(records: &[Row]) -> Vec<&'static str> {
        judge(&HEURISTIC, records).iter().map(|finding| finding.level.name()).collect()
    }

    #[test]
    fn a_changed_folder_with_two_rare_traces_is_high_and_names_them_all() {
        let records = [folder("65/05", "10:00:00"), usage(RARE[0], "10:02:00"), location("10:05:00")];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [format!(
                "HIGH traces as Operation Triangulation left them within five minutes: \
                 2022-03-01 10:00:00 UTC {ATTACHMENTS}65/05 (changed), 2022-03-01 10:00:00 UTC {ATTACHMENTS}65/05 (modified), \
                 2022-03-01 10:02:00 UTC {} (used), 2022-03-01 10:05:00 UTC {} (location_stopped)",
                RARE[0], BUNDLES[0]
            )]
        );
        // The power log keeps the parts of the name apart.
        let powerlog = ("ios.powerlog_network", json!({"process": "powerd", "bundle_id": "com.apple.datausage.diagnostics",
            "logged": "2022-03-01T10:02:00Z"}));
        assert_eq!(level(&[folder("65", "10:00:00"), powerlog, settings("10:01:00")]), ["HIGH"]);
    }

    #[test]
    fn fewer_and_common_traces_are_worth_less() {
        let changed = || folder("65/05", "10:00:00");
        assert_eq!(level(&[changed(), location("10:05:00")]), ["MEDIUM"]);
        assert_eq!(level(&[changed(), usage(COMMON[1], "10:05:00"), settings("10:01:00")]), ["MEDIUM"]);
        assert_eq!(level(&[changed(), usage(COMMON[1], "10:05:00")]), ["LOW"]);
        assert_eq!(level(&[usage(RARE[1], "10:00:00"), settings("10:00:00"), location("10:00:00")]), ["LOW"]);
        for records in [
            vec![changed()],
            vec![changed(), location("10:05:01")],
            vec![usage(COMMON[0], "10:00:00"), settings("10:00:00")],
            vec![usage(COMMON[0], "10:00:00"), location("10:00:00")],
            vec![changed(), usage("powerd", "10:00:00"), usage("nehelper2", "10:00:00")],
        ] {
            assert_eq!(level(&records), [""; 0], "{records:?}");
        }
    }

    #[test]
    fn an_attachment_that_is_still_there_explains_the_folder() {
        let deeper = folder("65/05/9A-1", "10:04:00");
        let records = [folder("65/05", "10:00:00"), usage(RARE[0], "10:02:00"), location("10:03:00"), deeper];
        assert_eq!(level(&records), [""; 0]);
        let one_time = ("ios.manifest", json!({"file": format!("{ATTACHMENTS}65"), "kind": "folder",
            "modified": "2022-03-01T10:00:00Z", "changed": "2022-04-01T10:00:00Z"}));
        assert_eq!(level(&[one_time, location("10:03:00")]), [""; 0]);
    }

    #[test]
    fn a_deleted_conversation_and_a_restore_are_told_apart_from_it() {
        let mut many: Vec<Row> = (0..30).map(|n| folder(&format!("{n:02}"), "10:00:00")).collect();
        many.push(location("10:00:00"));
        assert_eq!(level(&many), [""; 0]);
        let restore = ("ios.backup_state", json!({"restored": "2022-03-01T08:00:00Z"}));
        let findings = judge(&HEURISTIC, &[folder("65", "10:00:00"), location("10:01:00"), restore]);
        assert_eq!((findings.len(), findings[0].level, findings[0].caveats.len()), (1, Level::Low, 1));
    }

    #[test]
    fn a_window_at_the_end_and_repetitions_are_one_finding() {
        let mut records = Vec::new();
        for hour in 10..13 {
            records.push(folder(&format!("{hour}"), &format!("{hour}:00:00")));
            records.push(location(&format!("{hour}:01:00")));
        }
        let told = verdicts(&HEURISTIC, &records);
        assert!(told.len() == 1 && told[0].ends_with("; 2 more times"), "{told:?}");
    }
}
