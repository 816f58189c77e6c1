//! What rules about Android's apps share: which of them came with the phone, and who installed the others.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::prelude::*;

/// The packages, for rules that ask where an app came from.
pub const PACKAGES: Reads = Reads { artifact: "android.packages", keep: |_| true };

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

/// The apps of a phone by their package; of updated apps of the system the version that is active.
pub struct Apps<'a> {
    by_name: HashMap<&'a str, &'a Exhibit>,
}

impl<'a> Apps<'a> {
    pub fn of(kept: &'a Kept) -> Apps<'a> {
        let active = kept.of("android.packages").iter().filter(|app| app.text("package_type") == "active");
        Apps { by_name: active.map(|app| (app.text("package_name"), app)).collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub fn get(&self, package: &str) -> Option<&'a Exhibit> {
        self.by_name.get(package).copied()
    }

    /// Where a package came from; `None` if the phone does not list it.
    pub fn origin(&self, package: &str) -> Option<Origin<'a>> {
        self.get(package).map(|app| self.origin_of(app))
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

static INSTALLERS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    table(include_str!("../android_installers.txt")).map(|(kind, package)| (package, kind)).collect()
});

/// The first two words of each line of a data file.
pub fn table(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?))
    })
}

/// Permissions that let an app watch its owner.
pub fn dangerous_permissions() -> impl Iterator<Item = &'static str> {
    include_str!("../android_dangerous_permissions.txt").lines().filter(|line| !line.starts_with('#'))
}

/// The level that a package of the list of root tools has.
pub fn root_level(package: &str) -> Option<Level> {
    let (level, _) = table(include_str!("../android_root_packages.txt"))
        .find(|(_, known)| known.eq_ignore_ascii_case(package))?;
    Some(if level == "low" { Level::Low } else { Level::Medium })
}

#[cfg(test)]
mod tests {
    use super::*;

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
