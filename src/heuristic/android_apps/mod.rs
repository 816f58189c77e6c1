//! What rules about apps of Android phones share: which come with the phone, which are installed, and from where.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use jiff::Timestamp;

use super::prelude::*;

/// An artifact that lists what is installed, and its columns.
struct List {
    artifact: &'static str,
    package: &'static str,
    installer: &'static str,
    /// False where only data is left.
    installed: &'static str,
    /// True for parts of the system image.
    system: &'static str,
    updated: &'static str,
}

const LISTS: [List; 2] = [
    List {
        artifact: "android.package_checkin",
        package: "package",
        installer: "installer",
        installed: "installed",
        system: "factory_time",
        updated: "updated",
    },
    List {
        artifact: "android.packages",
        package: "package_name",
        installer: "installer",
        // Told for each user elsewhere; what is left of an app counts as installed here.
        installed: "",
        system: "system",
        updated: "updated",
    },
];

/// The records of [`LISTS`].
pub const PACKAGES: Reads = Reads { artifact: "android.package_checkin", keep: |_| true };
pub const DUMPED_PACKAGES: Reads = Reads { artifact: "android.packages", keep: |_| true };

/// Where an app came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Phone,
    Store,
    /// Somebody installed it past the stores.
    Elsewhere,
    /// No list of packages names it.
    Unknown,
}

/// What is known of an installed package.
#[derive(Default)]
struct App<'k> {
    installers: Vec<&'k str>,
    system: bool,
}

/// What is installed.
#[derive(Default)]
pub struct Apps<'k> {
    apps: BTreeMap<&'k str, App<'k>>,
}

/// An update of the system gives that many packages the same time, to the millisecond; nobody installs so many apps at once.
const ONE_UPDATE: u32 = 10;

impl<'k> Apps<'k> {
    pub fn of(kept: &'k Kept) -> Apps<'k> {
        let mut apps = Apps::default();
        for list in LISTS {
            let records = kept.of(list.artifact);
            let mut together: HashMap<Timestamp, u32> = HashMap::new();
            for time in records.iter().filter_map(|record| record.time(list.updated)) {
                *together.entry(time).or_default() += 1;
            }
            let of_update = |record: &Exhibit| {
                let count = record.time(list.updated).and_then(|time| together.get(&time));
                record.text(list.installer).is_empty() && count.is_some_and(|count| *count >= ONE_UPDATE)
            };
            for record in
                records.iter().filter(|record| !matches!(record.value(list.installed), Value::Bool(false)))
            {
                let app = apps.apps.entry(record.text(list.package)).or_default();
                app.installers.extend(Some(record.text(list.installer)).filter(|name| !name.is_empty()));
                app.system |= record.value(list.system).is_true() || of_update(record);
            }
        }
        apps
    }

    /// False where no list of packages was read.
    pub fn are_known(&self) -> bool {
        !self.apps.is_empty()
    }

    pub fn has(&self, package: &str) -> bool {
        self.apps.contains_key(package)
    }

    pub fn origin(&self, package: &str) -> Origin {
        let app = self.apps.get(package);
        let installers = app.map(|app| app.installers.as_slice()).unwrap_or_default();
        if !installers.iter().all(|installer| STORES.contains(installer)) {
            return Origin::Elsewhere;
        }
        match app {
            Some(app) if app.system => Origin::Phone,
            _ if has_stock_name(package) => Origin::Phone,
            None => Origin::Unknown,
            Some(_) if installers.is_empty() => Origin::Elsewhere,
            Some(_) => Origin::Store,
        }
    }

    /// The origin as words behind the name of an app.
    pub fn origin_words(&self, package: &str) -> &'static str {
        match self.origin(package) {
            Origin::Phone => "which comes with the phone",
            Origin::Store => "from an app store",
            Origin::Elsewhere => "not from an app store",
            Origin::Unknown => "whose origin is unknown",
        }
    }
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
static STORES: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| entries(include_str!("stores.txt")).collect());

fn entries(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
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
    use super::*;

    #[test]
    fn a_stock_name_with_a_foreign_installer_is_not_of_the_phone() {
        let app = |installers: &[&'static str], system| App { installers: installers.to_vec(), system };
        let apps = Apps {
            apps: [
                ("com.android.a", app(&[], false)),
                ("com.android.spy", app(&["com.google.android.packageinstaller"], false)),
                ("org.example.a", app(&["com.android.vending"], false)),
                ("org.example.b", app(&[], false)),
                ("org.example.preloaded", app(&[], true)),
            ]
            .into_iter()
            .collect(),
        };
        let origins = [
            "com.android.a",
            "com.android.spy",
            "org.example.a",
            "org.example.b",
            "org.example.c",
            "android",
        ];
        assert_eq!(
            origins.map(|package| apps.origin(package)),
            [
                Origin::Phone,
                Origin::Elsewhere,
                Origin::Store,
                Origin::Elsewhere,
                Origin::Unknown,
                Origin::Phone
            ]
        );
        assert!(!has_stock_name("com.androids.x"));
        assert_eq!(
            (named(["a", "b"]).as_str(), times(1).as_str(), times(2).as_str()),
            ("a, b", "once", "2 times")
        );
        // The lists are there.
        assert!(STORES.len() > 10);
    }
}
