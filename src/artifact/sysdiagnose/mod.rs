//! What lies only in a sysdiagnose: outputs of commands that the collector ran. Files that it copied from the phone are in `ios`, under their paths on the phone.

crate::artifact::artifacts! {
    app_links
    calls
    clock_sets
    cloud_containers
    collector
    file_providers
    keyboards
    keychain_items
    netstat
    network_text
    other_text
    preferences
    ps
    radio_status
    remote_services
    security_events
    trusted_devices
    wifi_passwords
    wifi_scans
}
