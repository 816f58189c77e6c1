//! What lies where on an iPhone. Paths, tables, columns and epochs are stated in each file.

crate::artifact::artifacts! {
    addaily
    backup_info
    calls
    global_preferences
    idstatuscache
    locationd
    manifest
}
