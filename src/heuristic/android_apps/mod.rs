//! What rules about apps of Android phones share: which come with the phone, which are installed, and from where.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use super::prelude::*;

/// Artifacts that list what is installed: the columns of package and installer, and the one that says whether anybody has it.
const LISTS: [(&str, &str, &str, &str); 1] =
    [("android.package_checkin", "package", "installer", "installed")];

/// The records of [`LISTS`].
pub const PACKAGES: Reads = Reads { artifact: "android.package_checkin", keep: |_| true };

/// Where an app came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// With the phone, by its name and the lack of an installer.
    Phone,
    Store,
    /// Somebody installed it past the stores.
    Elsewhere,
    /// No list of packages names it.
    Unknown,
}

/// What is installed.
#[derive(Default)]
pub struct Apps<'k> {
    /// The installers of each package.
    installers: BTreeMap<&'k str, Vec<&'k str>>,
}

impl<'k> Apps<'k> {
    pub fn of(kept: &'k Kept) -> Apps<'k> {
        let mut apps = Apps::default();
        for (artifact, package, installer, installed) in LISTS {
            for record in kept.of(artifact) {
                let installers = apps.installers.entry(record.text(package)).or_default();
                installers.extend(Some(record.text(installer)).filter(|name| !name.is_empty()));
                // Its data is left, and nobody has it any more.
                if matches!(record.value(installed), Value::Bool(false)) {
                    apps.installers.remove(record.text(package));
                }
            }
        }
        apps
    }

    /// False where no list of packages was read.
    pub fn are_known(&self) -> bool {
        !self.installers.is_empty()
    }

    pub fn has(&self, package: &str) -> bool {
        self.installers.contains_key(package)
    }

    pub fn origin(&self, package: &str) -> Origin {
        let installers = self.installers.get(package).map(Vec::as_slice);
        let stores = installers.unwrap_or_default().iter().all(|installer| STORES.contains(installer));
        match installers {
            _ if has_stock_name(package) && stores => Origin::Phone,
            None => Origin::Unknown,
            Some([]) => Origin::Elsewhere,
            Some(_) if stores => Origin::Store,
            Some(_) => Origin::Elsewhere,
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
        let apps = Apps {
            installers: [
                ("com.android.a", vec![]),
                ("com.android.spy", vec!["com.google.android.packageinstaller"]),
                ("org.example.a", vec!["com.android.vending"]),
                ("org.example.b", vec![]),
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
        assert_eq!(named(["a", "b"]), "a, b");
        // The lists are there.
        assert!(STORES.len() > 10);
    }
}
