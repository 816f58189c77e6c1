//! What an Android phone told a bugreport, AndroidQF or a backup. Paths are those of `source/android`: `/dumpsys/SERVICE`, `/getprop`,
//! `/settings/NAMESPACE`, and the phone's own.

crate::artifact::artifacts! {
    accessibility
    activities
    adb
    adb_keys
    anr_processes
    apk_certificates
    app_ops
    app_roles
    app_traffic
    app_usage
    backup_apps
    battery_daily
    battery_history
    bugbane_files
    bugbane_mounts
    bugbane_packages
    bugbane_root_binaries
    camera_use
    components
    connect_events
    database_activity
    device_admins
    dns_events
    dropbox
    install_sessions
    intrusion_other
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
    security_events
    services
    sms
    sockets
}
