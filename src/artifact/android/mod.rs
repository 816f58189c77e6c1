//! What an Android phone told a bugreport, AndroidQF or a backup. Paths are those of `source/android`: `/dumpsys/SERVICE`, `/getprop`,
//! `/settings/NAMESPACE`, and the phone's own.

crate::artifact::artifacts! {
    accessibility
    activities
    adb
    adb_keys
    app_ops
    battery_daily
    battery_history
    database_activity
    install_sessions
    package_permissions
    package_users
    packages
    properties
    receivers
    services
}
