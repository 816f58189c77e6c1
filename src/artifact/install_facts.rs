//! What the logs of the daemons that install, activate and contain apps tell, which write the same grammar and partly the same
//! sentences.

use anyhow::Result;

use super::Out;
use super::text_log::{
    DAEMON_SHAPE, DaemonHead, between, daemon_head, data_path, entries, foreign_app, has_address,
};
use crate::format::text::Lines;
use crate::record::{Column, Moment, Place, Value, app_id, int, message, path, process, text, time};
use crate::time::{Epoch, Precision};

/// The columns of every artifact made from these logs. A fact has one of the times.
pub const COLUMNS: &[Column] = &[
    time("installed", Epoch::Local, Moment::Installed).rounded(Precision::Second),
    time("removed", Epoch::Local, Moment::Removed).rounded(Precision::Second),
    time("booted", Epoch::Local, Moment::Started).rounded(Precision::Second),
    time("logged", Epoch::Local, Moment::Logged).rounded(Precision::Second),
    text("event"),
    app_id("bundle_id"),
    // Of an installation `Customer`, `Placeholder`, `System`, `Developer`, …
    text("kind"),
    text("version"),
    process("requested_by"),
    path("file"),
    int("pid"),
    message("message"),
];

/// The sentence of the timeline.
pub const LINE: &str = "{event} {bundle_id}: {message}";

/// What a sentence of a log tells.
#[derive(Default, Debug, PartialEq)]
struct Fact<'t> {
    event: &'static str,
    app: Option<&'t str>,
    kind: Option<&'t str>,
    version: Option<String>,
    requested_by: Option<&'t str>,
    file: Option<&'t str>,
}

/// One record a fact. Other entries are kept only if `others` or if they hold a path outside the places of apps or an address: each app
/// that is installed leaves dozens of entries that say nothing more.
pub fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>, others: fn(&str) -> bool) -> Result<()> {
    entries(lines, DAEMON_SHAPE, daemon_head, |line, head, text| {
        let first = text.lines().next().unwrap_or_default();
        if let Some(fact) = fact(first).or_else(|| other(text, others)) {
            push(line, &head, &fact, text, out);
        }
    })
}

fn push(line: u64, head: &DaemonHead, fact: &Fact<'_>, text: &str, out: &mut Out<'_>) {
    let at = |events: &[&str]| -> Value<'static> {
        if events.contains(&fact.event) { head.logged.into() } else { Value::Null }
    };
    let (installed, removed, booted) = (at(&["installed"]), at(&["removed"]), at(&["reboot", "first_boot"]));
    let told = [&installed, &removed, &booted].iter().any(|time| !time.is_null());
    let logged = if told { Value::Null } else { head.logged.into() };
    out.push(
        Place::Line { line },
        [
            installed,
            removed,
            booted,
            logged,
            fact.event.into(),
            fact.app.into(),
            fact.kind.into(),
            fact.version.clone().into(),
            fact.requested_by.into(),
            fact.file.into(),
            head.pid.into(),
            text.into(),
        ],
    );
}

fn fact(message: &str) -> Option<Fact<'_>> {
    install(message).or_else(|| removal(message)).or_else(|| system(message))
}

fn install(message: &str) -> Option<Fact<'_>> {
    for (words, event) in [
        ("Install Successful for (", "installed"),
        ("Install successful for (", "installed"),
        ("Install Failed for (", "install_failed"),
        ("Install failed for (", "install_failed"),
    ] {
        if let Some(what) = between(message, words, &[')']) {
            let (kind, app) = what.split_once(':').map_or((None, what), |(kind, app)| (Some(kind), app));
            return Some(Fact { event, kind, app: Some(app), ..Fact::default() });
        }
    }
    if message.contains("Installing <") {
        let app = between(message, " ID=", &[';', ',', '>'])?;
        let version =
            [between(message, "; Version=", &[',', '>']), between(message, "ShortVersion=", &[',', '>'])];
        let version: Vec<&str> =
            version.into_iter().flatten().filter(|version| *version != "(null)").collect();
        return Some(Fact {
            event: "install_started",
            app: Some(app),
            version: Some(version.join(" / ")),
            ..Fact::default()
        });
    }
    if let Some(file) = between(message, "Install of \"", &['"']) {
        return Some(Fact {
            event: "install_requested",
            file: Some(file),
            kind: between(message, "\" type ", &[' ', '(']),
            requested_by: requester(message),
            ..Fact::default()
        });
    }
    for (words, place) in [("Made container live for ", " at "), ("Data container for ", " is now at ")] {
        if let Some((app, file)) = message.split_once(words).and_then(|(_, rest)| rest.split_once(place)) {
            return Some(Fact {
                event: "container_live",
                app: Some(app.trim()),
                file: Some(file.trim()),
                ..Fact::default()
            });
        }
    }
    let updated = message.contains("Attempting Delta patch update") || message.contains("Deleting patch");
    updated.then(|| Fact {
        event: "update",
        app: foreign_app(message),
        file: data_path(message),
        ..Fact::default()
    })
}

fn removal(message: &str) -> Option<Fact<'_>> {
    if let Some(app) = between(message, "Uninstalling identifier ", &[' ', ',', ';']) {
        return Some(Fact { event: "removed", app: Some(app), ..Fact::default() });
    }
    if message.contains("Uninstall requested by ") {
        let app = between(message, "for identity [", &['/', ']']);
        return Some(Fact {
            event: "removal_requested",
            app,
            requested_by: requester(message),
            ..Fact::default()
        });
    }
    let rest = message.split_once("Destroying container ")?.1;
    let app = between(rest, "identifier ", &[' ']).or_else(|| rest.split(' ').next());
    let file = rest.split_once(" at ").map(|(_, file)| file.trim());
    Some(Fact { event: "container_destroyed", app, file, ..Fact::default() })
}

fn system(message: &str) -> Option<Fact<'_>> {
    if message.contains("Reboot detected") {
        return Some(Fact { event: "reboot", ..Fact::default() });
    }
    if message.contains("performing first boot initialization") {
        // The daemon's first start after a boot; the oldest one follows an erasure.
        return Some(Fact { event: "first_boot", ..Fact::default() });
    }
    if let Some(versions) = upgrade(message) {
        return Some(Fact { event: "upgrade", version: Some(versions), ..Fact::default() });
    }
    const PROVISIONING: [&str; 5] =
        ["rovisioningProfile", "rovisioning profile", "UPP", "free developer profile", "profiles for "];
    let provisioning = PROVISIONING.iter().any(|words| message.contains(words))
        || message.contains("Removing matching profile");
    provisioning.then(|| Fact { event: "provisioning", app: foreign_app(message), ..Fact::default() })
}

/// `Upgrade from 19H307 to 19H349 detected` as `19H307 to 19H349`.
pub fn upgrade(message: &str) -> Option<String> {
    let at = message.find("pgrade from ")?;
    let rest = message.get(at + "pgrade from ".len()..)?;
    let (from, rest) = rest.split_once(" to ")?;
    let to = rest.split_whitespace().next()?;
    (!from.contains(' ')).then(|| format!("{from} to {}", to.trim_end_matches(['.', ','])))
}

/// `requested by installcoordinationd (pid 117 (501/501))`
fn requester(message: &str) -> Option<&str> {
    between(message, "requested by ", &['('])
}

fn other<'t>(text: &'t str, others: fn(&str) -> bool) -> Option<Fact<'t>> {
    let file = data_path(text).filter(|path| !is_place_of_apps(path));
    (file.is_some() || has_address(text) || others(text)).then(|| Fact {
        event: "other",
        app: foreign_app(text),
        file,
        ..Fact::default()
    })
}

/// Where apps and what they keep lie on every phone.
fn is_place_of_apps(path: &str) -> bool {
    let path = path.strip_prefix("/private").unwrap_or(path);
    [
        "/var/containers/",
        "/var/mobile/Containers/",
        "/var/installd/",
        "/var/staged_system_apps",
        "/var/MobileAsset/",
    ]
    .iter()
    .any(|place| path.starts_with(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(message: &str) -> (&str, &str, &str) {
        let fact = fact(message).unwrap();
        (fact.event, fact.app.unwrap_or_default(), fact.file.or(fact.requested_by).unwrap_or_default())
    }

    #[test]
    fn sentences_become_facts() {
        for (message, expected) in [
            (
                "x: Install Successful for (Customer:org.example.a); Staging",
                ("installed", "org.example.a", ""),
            ),
            (
                "x: Install Successful for (Customer:org.example.a) [Distributor: b]",
                ("installed", "org.example.a", ""),
            ),
            (
                "Installing <MIInstallableBundle ID=org.example.a; Version=1, ShortVersion=(null)>",
                ("install_started", "org.example.a", ""),
            ),
            (
                "Data container for org.example.a is now at /private/var/x y",
                ("container_live", "org.example.a", "/private/var/x y"),
            ),
            ("Uninstalling identifier org.example.a", ("removed", "org.example.a", "")),
            (
                "Destroying container with identifier org.example.a at /private/var/x",
                ("container_destroyed", "org.example.a", "/private/var/x"),
            ),
            (
                "Destroying container org.example.a with persona (null) at /private/var/x",
                ("container_destroyed", "org.example.a", "/private/var/x"),
            ),
            (
                "Uninstall requested by installd (pid 1 (2/3)) for identity [org.example.a/P] with",
                ("removal_requested", "org.example.a", "installd"),
            ),
            ("Attempting Delta patch update of org.example.a from 1", ("update", "org.example.a", "")),
            (
                "MIUninstallProfilesForAppIdentifier: Uninstalling profiles for T.org.example.a",
                ("provisioning", "T.org.example.a", ""),
            ),
        ] {
            assert_eq!(told(message), expected, "{message}");
        }
        assert_eq!(fact("Added pending LS operation"), None);
    }

    #[test]
    fn upgrades_name_both_builds() {
        assert_eq!(upgrade("Upgrade from 19H307 to 19H349 detected."), Some("19H307 to 19H349".into()));
        assert_eq!(upgrade("perform_migration: Detected upgrade from A to B."), Some("A to B".into()));
        assert_eq!(upgrade("upgrade from a friend and b to c"), None);
    }

    #[test]
    fn places_of_apps_are_not_worth_a_record() {
        let no = |_: &str| false;
        assert_eq!(other("at /private/var/containers/Bundle/Application/A/a.app", no), None);
        assert_eq!(other("at /var/db/x", no).unwrap().file, Some("/var/db/x"));
        assert!(other("from https://a.example", no).is_some());
    }
}
