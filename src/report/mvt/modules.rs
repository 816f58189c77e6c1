//! MVT's names for our artifacts and columns, as of its release 2026.10.

/// A module of MVT.
pub struct Module {
    pub artifact: &'static str,
    /// Of the JSON file.
    pub slug: &'static str,
    /// In the timeline's Plugin column.
    pub class: &'static str,
    /// Our column, MVT's field; columns that are not here have the same name.
    fields: &'static [(&'static str, &'static str)],
    /// Our time column, MVT's event name.
    events: &'static [(&'static str, &'static str)],
}

impl Module {
    pub fn field<'a>(&self, column: &'a str) -> &'a str {
        self.fields.iter().find(|(ours, _)| *ours == column).map_or(column, |(_, theirs)| theirs)
    }

    pub fn event<'a>(&self, column: &'a str) -> &'a str {
        self.events.iter().find(|(ours, _)| *ours == column).map_or(column, |(_, theirs)| theirs)
    }
}

pub const MODULES: &[Module] = &[Module {
    artifact: "ios.calls",
    slug: "calls",
    class: "Calls",
    fields: &[("started", "isodate"), ("duration_s", "duration")],
    events: &[("started", "call")],
}];

/// The module that an artifact's records go to.
pub fn of_artifact(artifact: &str) -> Option<&'static Module> {
    MODULES.iter().find(|module| module.artifact == artifact)
}

/// MVT's class name for an artifact.
pub fn module_of(artifact: &str) -> Option<&'static str> {
    of_artifact(artifact).map(|module| module.class)
}

/// The artifacts behind a module's class name or slug.
pub fn artifacts_of(name: &str) -> Vec<&'static str> {
    let named = |module: &&Module| module.class == name || module.slug == name;
    MODULES.iter().filter(named).map(|module| module.artifact).collect()
}

/// MVT's name for a kind of indicator.
pub fn collection(ioc: &str, value: &str) -> &'static str {
    match (ioc, value.len()) {
        ("domain" | "ip", _) => "domains",
        ("url", _) => "urls",
        ("process", _) => "processes",
        ("file-name", _) => "file_names",
        ("file-path", _) => "file_paths",
        ("email", _) => "emails",
        ("file-hash", 32) => "files_md5",
        ("file-hash", 40) => "files_sha1",
        ("file-hash", _) => "files_sha256",
        ("app-id", _) => "app_ids",
        ("cert-hash", _) => "app_cert_hashes",
        ("profile-id", _) => "ios_profile_ids",
        _ => "android_property_names",
    }
}
