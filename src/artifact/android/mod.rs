//! What an Android phone told a bugreport, AndroidQF or a backup. Paths are those of `source/android`: `/dumpsys/SERVICE`, `/getprop`,
//! `/settings/NAMESPACE`, and the phone's own.

crate::artifact::artifacts! {
    acquisition
    boot_history
    collected_files
    collected_package_files
    collected_packages
    dumpstate_log
    environment
    file_times
    mounts
    platform_compat
    processes
    properties
    root_binaries
    selinux
    services
    setting_changes
    settings
    tmp_files
    tombstone_files
    tombstones
}
