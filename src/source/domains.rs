//! Backup domains to places on the device, after Apple's list of domains for iOS 16.4.

/// Domains whose root is fixed.
const FIXED: &[(&str, &str)] = &[
    ("HomeDomain", "mobile"),
    ("CameraRollDomain", "mobile"),
    ("MediaDomain", "mobile"),
    ("KeyboardDomain", "mobile"),
    ("TonesDomain", "mobile"),
    ("HomeKitDomain", "mobile"),
    ("HealthDomain", "mobile/Library"),
    ("BooksDomain", "mobile/Media/Books"),
    ("RootDomain", "root"),
    ("WirelessDomain", "wireless"),
    ("NetworkDomain", "networkd"),
    ("DatabaseDomain", "db"),
    ("SystemPreferencesDomain", "preferences"),
    ("ManagedPreferencesDomain", "Managed Preferences"),
    ("InstallDomain", "installd"),
    ("KeychainDomain", "Keychains"),
    ("ProtectedDomain", "protected"),
    ("MobileDeviceDomain", "MobileDevice"),
];

/// Domains of containers: the id that follows stands where the phone has a UUID.
const CONTAINERS: &[(&str, &str)] = &[
    ("AppDomain-", "mobile/Containers/Data/Application"),
    ("AppDomainGroup-", "mobile/Containers/Shared/AppGroup"),
    ("AppDomainPlugin-", "mobile/Containers/Data/PluginKitPlugin"),
    ("SysContainerDomain-", "containers/Data/System"),
    ("SysSharedContainerDomain-", "containers/Shared/SystemGroup"),
];

/// `/private/var/mobile/Library/SMS/sms.db` for `HomeDomain` and `Library/SMS/sms.db`. A domain that is not known is put under
/// `/backup/` with its name, so that nothing is lost and nothing pretends to be a place on the device.
pub(super) fn device_path(domain: &str, relative: &str) -> String {
    let root = FIXED
        .iter()
        .find(|(name, _)| *name == domain)
        .map(|(_, root)| format!("/private/var/{root}"))
        .or_else(|| {
            CONTAINERS.iter().find_map(|(prefix, root)| {
                Some(format!("/private/var/{root}/{}", domain.strip_prefix(prefix)?))
            })
        })
        .unwrap_or_else(|| format!("/backup/{domain}"));
    if relative.is_empty() { root } else { format!("{root}/{relative}") }
}

#[cfg(test)]
mod tests {
    use super::device_path;

    #[test]
    fn domains_become_places_on_the_device() {
        for (domain, relative, expected) in [
            ("HomeDomain", "Library/SMS/sms.db", "/private/var/mobile/Library/SMS/sms.db"),
            ("HealthDomain", "Health/a.db", "/private/var/mobile/Library/Health/a.db"),
            ("ManagedPreferencesDomain", "", "/private/var/Managed Preferences"),
            (
                "AppDomain-a.b",
                "Documents/x",
                "/private/var/mobile/Containers/Data/Application/a.b/Documents/x",
            ),
            ("AppDomainGroup-group.c", "", "/private/var/mobile/Containers/Shared/AppGroup/group.c"),
            ("SysSharedContainerDomain-s", "x", "/private/var/containers/Shared/SystemGroup/s/x"),
            ("NewDomain", "x", "/backup/NewDomain/x"),
        ] {
            assert_eq!(device_path(domain, relative), expected);
        }
    }
}
