//! What rules about Android's apps share: which of them came with the phone, and who installed the others.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::prelude::*;

/// The packages, for rules that ask where an app came from.
pub const PACKAGES: Reads = Reads { artifact: "android.packages", keep: |_| true };
/// The same in short, which stands in other parts of a report.
pub const SHORT_LIST: Reads = Reads { artifact: "android.package_checkin", keep: |_| true };

/// Where an app came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// In the system image.
    System,
    Store,
    OtherStore(&'a str),
    /// From a file, which the owner opened.
    File,
    /// From a computer.
    Shell,
    /// Moved from another phone, or put there when the phone was set up.
    Moved,
    /// By an app that is part of the system and in no list.
    SystemApp(&'a str),
    /// By another app that was installed itself.
    App(&'a str),
    /// The phone says that nobody is known.
    Nobody,
    /// Nothing is said about it.
    Unstated,
}

impl Origin<'_> {
    /// True where nobody checked the app: not even another store.
    pub fn is_unchecked(self) -> bool {
        matches!(self, Origin::File | Origin::Shell | Origin::App(_) | Origin::Nobody)
    }

    pub fn is_system(self) -> bool {
        self == Origin::System
    }
}

/// What the lists have of a package; of updated apps of the system the version that is active.
#[derive(Clone, Copy, Default)]
struct App<'a> {
    dumped: Option<&'a Exhibit>,
    short: Option<&'a Exhibit>,
    /// Nobody is its installer, and it has the time of many others: a part of the system.
    of_update: bool,
}

/// The apps of a phone by their package.
pub struct Apps<'a> {
    by_name: HashMap<&'a str, App<'a>>,
}

/// An update of the system gives that many packages the same time, to the millisecond; nobody installs so many apps at once.
const ONE_UPDATE: u32 = 10;

impl<'a> Apps<'a> {
    pub fn of(kept: &'a Kept) -> Apps<'a> {
        let mut apps = Apps { by_name: HashMap::new() };
        for (artifact, name) in [("android.packages", "package_name"), ("android.package_checkin", "package")]
        {
            let records = kept.of(artifact);
            let mut together: HashMap<jiff::Timestamp, u32> = HashMap::new();
            for time in records.iter().filter_map(|record| record.time("updated")) {
                *together.entry(time).or_default() += 1;
            }
            // Of what no user has only data is left.
            let has = |record: &&Exhibit| {
                record.text("package_type") != "hidden_system"
                    && *record.value("installed") != Value::Bool(false)
            };
            for record in records.iter().filter(has) {
                let app = apps.by_name.entry(record.text(name)).or_default();
                let count = record.time("updated").and_then(|time| together.get(&time));
                app.of_update |=
                    record.text("installer").is_empty() && count.is_some_and(|count| *count >= ONE_UPDATE);
                if artifact == PACKAGES.artifact {
                    app.dumped = Some(record);
                } else {
                    app.short = Some(record);
                }
            }
        }
        apps
    }

    /// True where no list of packages was read.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub fn has(&self, package: &str) -> bool {
        self.by_name.contains_key(package)
    }

    /// What the long list says of a package.
    pub fn get(&self, package: &str) -> Option<&'a Exhibit> {
        self.by_name.get(package)?.dumped
    }

    /// Where a package came from; `None` if the phone does not list it.
    pub fn origin(&self, package: &str) -> Option<Origin<'a>> {
        let app = self.by_name.get(package)?;
        let dumped =
            app.dumped.map(|record| self.origin_of(record)).filter(|origin| *origin != Origin::Unstated);
        Some(match (dumped, app.short) {
            (Some(origin), _) => origin,
            (None, Some(record)) if record.value("factory_time").is_true() => Origin::System,
            // Its last field is always there.
            (None, Some(record)) => self.installer(record.text("installer"), true),
            (None, None) => Origin::Unstated,
        })
    }

    pub fn origin_of(&self, app: &'a Exhibit) -> Origin<'a> {
        if is_system(app) {
            return Origin::System;
        }
        // Who asked cannot be made up by the app that installs; whom it names can.
        let initiating = app.text("initiating_installer");
        let installer = if initiating.is_empty() { app.text("installer") } else { initiating };
        if app.text("install_reason").starts_with("device ") {
            return Origin::Moved;
        }
        if matches!(app.text("package_source"), "local file" | "downloaded file") {
            return Origin::File;
        }
        self.installer(installer, app.value("installer_stated").is_true())
    }

    /// What an installer means; an empty name says that there is none.
    pub fn installer(&self, installer: &'a str, stated: bool) -> Origin<'a> {
        match INSTALLERS.get(installer) {
            Some(&"store") => Origin::Store,
            Some(&"other") => Origin::OtherStore(installer),
            Some(&"manual") => Origin::File,
            Some(&"shell") => Origin::Shell,
            Some(_) => Origin::Moved,
            None if installer.is_empty() && stated => Origin::Nobody,
            None if installer.is_empty() => Origin::Unstated,
            None if self.get(installer).is_some_and(is_system) => Origin::SystemApp(installer),
            None => Origin::App(installer),
        }
    }

    /// True for parts of the phone: told by the lists or, where these name no installer, by the name.
    pub fn is_stock(&self, package: &str) -> bool {
        match self.origin(package) {
            Some(Origin::System) => true,
            Some(Origin::Nobody | Origin::Unstated) => {
                has_stock_name(package) || self.by_name.get(package).is_some_and(|app| app.of_update)
            }
            Some(origin) => !origin.is_unchecked() && has_stock_name(package),
            None => has_stock_name(package),
        }
    }

    /// True for what the lists have and neither the phone nor a store brought.
    pub fn is_from_elsewhere(&self, package: &str) -> bool {
        let origin = self.origin(package);
        origin.is_some_and(|origin| origin.is_unchecked() || origin == Origin::Unstated)
            && !self.is_stock(package)
    }

    /// The origin as words behind the name of an app.
    pub fn origin_words(&self, package: &str) -> &'static str {
        if self.is_stock(package) {
            "which comes with the phone"
        } else if self.is_from_elsewhere(package) {
            "not from an app store"
        } else if self.has(package) {
            "from an app store"
        } else {
            "whose origin is unknown"
        }
    }
}

/// True for apps of the system image, updated or not.
pub fn is_system(app: &Exhibit) -> bool {
    const IMAGES: [&str; 7] =
        ["/system/", "/vendor/", "/product/", "/system_ext/", "/odm/", "/apex/", "/oem/"];
    let path = app.text("code_path");
    app.value("system").is_true()
        || app.value("updated_system").is_true()
        || IMAGES.iter().any(|image| path.starts_with(image))
}

/// True for names that the phone's own packages have.
pub fn has_stock_name(package: &str) -> bool {
    STOCK.whole.contains(package) || STOCK.beginnings.iter().any(|beginning| package.starts_with(beginning))
}

struct Stock {
    whole: HashSet<&'static str>,
    beginnings: Vec<&'static str>,
}

static STOCK: LazyLock<Stock> = LazyLock::new(|| {
    let (beginnings, whole): (Vec<&str>, Vec<&str>) =
        entries(include_str!("../android_stock.txt")).partition(|entry| entry.ends_with('.'));
    Stock { whole: whole.into_iter().collect(), beginnings }
});

static INSTALLERS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    table(include_str!("../android_installers.txt")).map(|(kind, package)| (package, kind)).collect()
});

/// The lines of a data file that are no comments.
pub fn entries(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The first two words of each line of a data file.
pub fn table(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    entries(text).filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?))
    })
}

/// Permissions that let an app watch its owner.
pub fn dangerous_permissions() -> impl Iterator<Item = &'static str> {
    entries(include_str!("../android_dangerous_permissions.txt"))
}

/// The level that a package of the list of root tools has.
pub fn root_level(package: &str) -> Option<Level> {
    let (level, _) = table(include_str!("../android_root_packages.txt"))
        .find(|(_, known)| known.eq_ignore_ascii_case(package))?;
    Some(if level == "low" { Level::Low } else { Level::Medium })
}

/// `once`, `2 times`.
pub fn times(count: u64) -> String {
    if count == 1 { "once".into() } else { format!("{count} times") }
}

/// Names for one sentence, with a sign where there are more.
pub fn named<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    const MOST: usize = 20;
    let mut names: Vec<&str> = names.into_iter().take(MOST + 1).collect();
    let more = if names.len() > MOST { ", …" } else { "" };
    names.truncate(MOST);
    format!("{}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, kept};
    use super::*;

    #[test]
    fn both_lists_tell_what_comes_with_the_phone() {
        let short = |name: &str, installer: Option<&str>, factory: bool| {
            (
                "android.package_checkin",
                json!({"package": name, "installer": installer, "factory_time": factory}),
            )
        };
        let of_update = |number: u32| {
            (
                "android.package_checkin",
                json!({"package": format!("org.example.part{number}"), "updated": "2024-01-01T00:00:00Z"}),
            )
        };
        let mut records = vec![
            short("com.android.a", None, false),
            short("com.android.spy", Some("com.google.android.packageinstaller"), false),
            short("org.example.a", Some("com.android.vending"), false),
            short("org.example.b", None, false),
            short("org.example.preloaded", None, true),
            ("android.packages", json!({"package_name": "org.example.c", "package_type": "active"})),
        ];
        records.extend((0..10).map(of_update));
        let kept = kept(&[PACKAGES, SHORT_LIST], &records);
        let apps = Apps::of(&kept);
        for (package, words) in [
            ("com.android.a", "which comes with the phone"),
            ("android", "which comes with the phone"),
            ("org.example.preloaded", "which comes with the phone"),
            ("org.example.part1", "which comes with the phone"),
            ("com.android.spy", "not from an app store"),
            ("org.example.b", "not from an app store"),
            ("org.example.c", "not from an app store"),
            ("org.example.a", "from an app store"),
            ("org.example.gone", "whose origin is unknown"),
            ("com.androids.x", "whose origin is unknown"),
        ] {
            assert_eq!(apps.origin_words(package), words, "{package}");
        }
        assert_eq!((named(["a", "b"]), times(1), times(2)), ("a, b".into(), "once".into(), "2 times".into()));
    }

    #[test]
    fn the_lists_hold_only_what_they_may() {
        let kinds = ["store", "other", "manual", "shell", "moved"];
        assert!(table(include_str!("../android_installers.txt")).all(|(kind, _)| kinds.contains(&kind)));
        let levels: Vec<_> = table(include_str!("../android_root_packages.txt")).collect();
        assert!(levels.iter().all(|(level, _)| ["low", "medium"].contains(level)));
        assert_eq!(levels.len(), 37);
        assert_eq!(dangerous_permissions().count(), 20);
        assert_eq!(root_level("com.formyhm.hiderootpremium"), Some(Level::Medium));
        assert_eq!(root_level("com.example.app"), None);
    }
}
