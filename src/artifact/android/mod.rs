//! What an Android phone told a bugreport, AndroidQF or a backup. Paths are those of `source/android`: `/dumpsys/SERVICE`, `/getprop`,
//! `/settings/NAMESPACE`, and the phone's own.

crate::artifact::artifacts! {
    apk_certificates
    backup_apps
    bugbane_files
    bugbane_mounts
    bugbane_packages
    bugbane_root_binaries
    connect_events
    dns_events
    intrusion_other
    properties
    security_events
    sms
}
