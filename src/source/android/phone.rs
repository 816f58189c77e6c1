//! The phone and its clock: from its properties, the banner of its bugreport, and what the collector noted.

use jiff::{Timestamp, civil::DateTime};

use super::Android;
use crate::{format::text::Lines, time};

/// Lines of a file that are looked at; a phone has some thousand properties.
const MOST_LINES: usize = 50_000;
/// What a collector notes of its run is read to this length.
const MOST_NOTES_BYTES: u64 = 1 << 20;
const ZONE: &str = "persist.sys.timezone";

/// `[name]: [value]`
fn property(line: &str) -> Option<(&str, &str)> {
    line.trim()
        .strip_prefix('[')?
        .strip_suffix(']')?
        .split_once("]: [")
        .filter(|(_, value)| !value.is_empty())
}

/// Properties that tell the phone, in the order in which they are wanted.
const WANTED: [&str; 8] = [
    "ro.product.model",
    "ro.product.manufacturer",
    "ro.build.version.release",
    "ro.build.display.id",
    "ro.build.id",
    "ro.serialno",
    "ro.boot.serialno",
    ZONE,
];

impl Android {
    /// Reads what the phone is, once all files are known.
    pub(super) fn finish(&mut self) {
        let mut properties = WANTED.map(|_| None::<String>);
        self.each_line("/getprop", &mut |line| {
            if let Some((name, value)) = property(line)
                && let Some((_, place)) =
                    WANTED.iter().zip(&mut properties).find(|(wanted, _)| **wanted == name)
            {
                place.get_or_insert_with(|| value.to_owned());
            }
        });
        let [model, maker, release, display, build, serial, boot_serial, zone] = properties;
        // The banner's time is local; the collector's is not.
        let mut banner = None;
        self.each_line("/dumpstate/header", &mut |line| {
            let stamp = line.trim().strip_prefix("== dumpstate: ").map(time::ascii_digits);
            banner = banner.or_else(|| stamp?.parse::<DateTime>().ok());
        });
        let started = self.started();
        let device = &mut self.device;
        device.product = model.map(|model| match maker {
            Some(maker) if !model.starts_with(&maker) => format!("{maker} {model}"),
            _ => model,
        });
        device.os_version = release;
        device.os_build = display.or(build);
        device.serial = serial.or(boot_serial);
        device.zone = zone.as_deref().and_then(time::zone);
        let at_banner = banner.zip(device.zone.as_ref());
        let at_banner = at_banner.and_then(|(local, zone)| zone.to_timestamp(local).ok());
        device.acquired = at_banner.or(started);
        device.acquired_local = banner.filter(|_| device.zone.is_none());
        device.offset = device.zone.as_ref().zip(device.acquired).map(|(zone, at)| zone.to_offset(at));
        let limits = limits(zone.as_deref(), device.zone.is_some(), device.acquired, banner);
        device.limits.extend(limits);
    }

    /// When the collector began.
    fn started(&self) -> Option<Timestamp> {
        let notes = self.entries.iter().find(|entry| entry.file.path == "/androidqf/acquisition.json")?;
        let notes = self.content(notes).ok()?.read_all(MOST_NOTES_BYTES).ok()?;
        let notes: serde_json::Value = serde_json::from_slice(&notes).ok()?;
        // Bugbane says when it was created.
        let told = ["started", "created"].iter().find_map(|key| notes.get(key)?.as_str()?.parse().ok());
        told.filter(|time: &Timestamp| time.as_second() > 0)
    }

    /// The lines of every file of that path: one may be cut before what another tells.
    fn each_line(&self, path: &str, each: &mut dyn FnMut(&str)) {
        for entry in self.entries.iter().filter(|entry| entry.file.path == path) {
            // What cannot be read here cannot be read by the artifacts either, which say so.
            let Ok(content) = self.content(entry) else { continue };
            let Ok(mut lines) = Lines::new(&*content) else { continue };
            for _ in 0..MOST_LINES {
                let Ok(Some((_, line))) = lines.next() else { break };
                each(&line);
            }
        }
    }
}

/// What is missing of the clock, as sentences.
fn limits(
    zone: Option<&str>,
    known: bool,
    acquired: Option<Timestamp>,
    banner: Option<DateTime>,
) -> Vec<String> {
    let mut limits = Vec::new();
    match zone {
        Some(_) if known => {}
        Some(name) => {
            let name: String = name.chars().take(60).collect();
            limits.push(format!(
                "the phone's time zone `{name}` is none that is known: its local times are marked as such"
            ));
        }
        None => limits.push("the phone's time zone is unknown: its local times are marked as such".into()),
    }
    if acquired.is_none() {
        limits.push(match banner {
            Some(_) => "when the acquisition was made is only told on the phone's own clock: what it shows as of then, and ages, have no time".into(),
            None => "nothing in the acquisition tells when it was made: ages, and dates without a year, have no time".into(),
        });
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::super::super::{Source, container::FileAt};
    use super::*;
    use crate::time::{Basis, Epoch, iso, offset};

    const BANNER: &str = "========================================================\n== dumpstate: 2024-07-01 10:00:00\n========================================================\nBuild: x\n";

    fn of_text(text: String) -> Android {
        Android::of_text("bugreport.txt", FileAt::of_bytes(text.into()), 1 << 20)
    }

    fn with_properties(properties: &str) -> Android {
        of_text(format!(
            "{BANNER}------ SYSTEM PROPERTIES (getprop) ------\n{properties}------ 0.1s was the duration of 'SYSTEM PROPERTIES' ------\n"
        ))
    }

    fn acquired(android: &Android) -> Option<String> {
        android.device().acquired.map(iso)
    }

    #[test]
    fn a_bare_text_tells_its_phone_and_its_time_in_utc() {
        let android = with_properties(
            "[persist.sys.timezone]: [Europe/Paris]\r\n[ro.product.model]: [Pixel 8]\n[ro.product.manufacturer]: [Google]\n[ro.build.version.release]: [14]\n",
        );
        let device = android.device();
        assert_eq!(device.product.as_deref(), Some("Google Pixel 8"));
        assert_eq!(device.os_version.as_deref(), Some("14"));
        assert_eq!(acquired(&android).as_deref(), Some("2024-07-01T08:00:00.000000+00:00"));
        assert_eq!(device.offset, offset("+0200"));
        assert_eq!(serde_json::json!(device)["zone"], "Europe/Paris");
        let mut problems = Vec::new();
        let full = super::super::Detail::Full;
        android.list(full, &mut |_| (), &mut |error| problems.push(error.to_string())).unwrap();
        assert!(problems.concat().contains("does not reach its end"), "{problems:?}");
    }

    #[test]
    fn local_times_of_the_other_half_of_the_year_have_its_offset() {
        let clock = with_properties("[persist.sys.timezone]: [Europe/Paris]\n").device().clock();
        let winter = Epoch::Local.decode(&"2024-01-15 12:00:00".into(), &clock).unwrap().unwrap();
        assert_eq!(iso(winter), "2024-01-15T11:00:00.000000+00:00");
        assert_eq!(Epoch::Local.basis(&clock, winter), Basis::ZoneAssumed);
    }

    #[test]
    fn a_zone_that_is_missing_empty_or_odd_is_a_limit_and_the_banner_still_tells_the_year() {
        for (zone, limit) in [
            ("", "time zone is unknown"),
            ("[persist.sys.timezone]: []\n", "time zone is unknown"),
            ("[persist.sys.timezone]: [Mars/Olympus]\n", "`Mars/Olympus` is none that is known"),
        ] {
            let android = with_properties(&format!("[a]: [b]\n{zone}"));
            let device = android.device();
            let clock = device.clock();
            assert!(device.limits.first().is_some_and(|told| told.contains(limit)), "{:?}", device.limits);
            assert!(device.limits.iter().any(|told| told.contains("only told on the phone's own clock")));
            assert_eq!((device.acquired, device.offset), (None, None));
            assert_eq!(
                clock.local_snapshot().map(|at| at.to_string()).as_deref(),
                Some("2024-07-01T10:00:00")
            );
        }
        let services = format!("{}\nDUMP OF SERVICE adb:\nx\n", "-".repeat(79));
        let limits = of_text(services).device().limits.join("\n");
        assert!(limits.contains("nothing in the acquisition tells when it was made"), "{limits}");
    }
}
