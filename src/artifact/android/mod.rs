//! What an Android phone told a bugreport, AndroidQF or a backup. Paths are those of `source/android`: `/dumpsys/SERVICE`, `/getprop`,
//! `/settings/NAMESPACE`, and the phone's own.

crate::artifact::artifacts! {
    accessibility
    activities
    adb
    adb_keys
    anr_processes
    app_ops
    app_roles
    app_traffic
    app_usage
    battery_daily
    battery_history
    camera_use
    components
    database_activity
    device_admins
    dropbox
    install_sessions
    logcat
    microphone_use
    notification_listeners
    notifications
    open_files
    package_checkin
    package_permissions
    package_users
    packages
    process_exits
    properties
    receivers
    redirections
    services
    sockets
}
