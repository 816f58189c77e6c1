//! What lies where on an iPhone. Paths, tables, columns and epochs are stated in each file.

crate::artifact::artifacts! {
    addaily
    applications
    backup_info
    calls
    chrome_history
    datausage
    firefox_history
    global_preferences
    idstatuscache
    locationd
    manifest
    profile_events
    profiles
    safari_history
    safari_open_tabs
    safari_tabs
    safari_tombstones
    shortcuts
    tcc
    webkit_observations
    webkit_redirects
}
