use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.unified_log_processes",
    title: "Programs in the unified log",
    about: "Every program that wrote to the log, when, and which libraries of its own it had loaded; told by the kernel, not by text.",
    files: &["/private/var/db/diagnostics/timesync/*.timesync"],
    columns: &[
        time("first_seen", Epoch::Unix, Moment::FirstSeen),
        time("last_seen", Epoch::Unix, Moment::LastSeen),
        process("executable"),
        int("pid"),
        int("uid"),
        // Outside the shared cache, which holds only libraries of the system.
        path("libraries"),
        text("image_uuid"),
        text("boot"),
    ],
    shows: Trace::Executed,
    line: "program {executable} [{pid}] of user {uid} wrote to the log",
    parse: Parse::UnifiedLog(LogPart::Clocks),
};

/// What a catalog says of a process, with the paths of its images and its times.
pub fn values<'a>(
    logged: &'a Logged,
    paths: &'a HashMap<Uuid, String>,
    clock: &LogClock,
) -> [Value<'a>; 8] {
    let wall = |ticks: Option<u64>| clock.wall(logged.boot?, ticks?);
    let libraries = logged.images.iter().filter(|image| Some(**image) != logged.main);
    let libraries: Vec<&str> = libraries.filter_map(|image| Some(paths.get(image)?.as_str())).collect();
    [
        wall(logged.first).into(),
        wall(logged.last).into(),
        logged.main.and_then(|main| paths.get(&main)).map(String::as_str).into(),
        logged.pid.map(i64::from).into(),
        logged.euid.map(i64::from).into(),
        if libraries.is_empty() { Value::Null } else { libraries.into_iter().collect() },
        logged.main.map(|main| main.to_string()).into(),
        logged.boot.map(|boot| boot.to_string()).into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_named_and_a_boot_without_clock_has_no_time() {
        let (main, library) = (Uuid(1), Uuid(2));
        let logged = Logged {
            boot: Some(Uuid(9)),
            pid: Some(7),
            euid: None,
            main: Some(main),
            first: Some(1),
            last: Some(2),
            images: [main, library].into(),
        };
        let paths = [(main, "/usr/libexec/a".to_owned()), (library, "/private/var/tmp/b".to_owned())].into();
        let values = values(&logged, &paths, &LogClock::default());
        assert_eq!(values.len(), ARTIFACT.columns.len());
        assert_eq!((values[0].show(), values[2].show(), values[5].show()), ("".into(), "/usr/libexec/a".into(), "/private/var/tmp/b".into()));
    }
}
