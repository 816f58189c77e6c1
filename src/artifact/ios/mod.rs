//! What lies where on an iPhone. Paths, tables, columns and epochs are stated in each file.

crate::artifact::artifacts! {
    addaily
    applications
    attachment_files
    backup_info
    calendar
    calls
    chrome_history
    contacts
    datausage
    firefox_history
    global_preferences
    idstatuscache
    interaction_contacts
    interactions
    locationd
    manifest
    profile_events
    profiles
    safari_history
    safari_open_tabs
    safari_tabs
    safari_tombstones
    shortcuts
    sms
    sms_attachments
    tcc
    webkit_observations
    webkit_redirects
    whatsapp
    whatsapp_chats
    whatsapp_contacts
    whatsapp_lids
}
