//! What lies only in a sysdiagnose: outputs of commands that the collector ran. Files that it copied from the phone are in `ios`, under their paths on the phone.

crate::artifact::artifacts! {
    app_links
    calls
    clock_sets
    cloud_containers
    collector
    file_providers
    ioreg_clients
    jetsam_priority
    keyboards
    keychain_items
    ledgers
    mounts
    netstat
    network_text
    other_text
    preferences
    ps
    ps_thread
    radio_status
    recent_networks
    remote_services
    runningboard_state
    security_events
    spindump_images
    spindump_processes
    sysctl
    taskinfo
    trace_strings
    trusted_devices
    wifi_events
    wifi_passwords
    wifi_scans
}
