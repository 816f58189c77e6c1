//! What an Android phone told a bugreport, AndroidQF or a backup. Paths are those of `source/android`: `/dumpsys/SERVICE`, `/getprop`,
//! `/settings/NAMESPACE`, and the phone's own.

crate::artifact::artifacts! {
    anr_processes
    app_roles
    app_traffic
    app_usage
    camera_use
    components
    device_admins
    dropbox
    logcat
    microphone_use
    notification_listeners
    notifications
    open_files
    package_checkin
    process_exits
    properties
    redirections
    sockets
}
