//! What lies only in a sysdiagnose: outputs of commands that the collector ran. Files that it copied from the phone are in `ios`, under their paths on the phone.

crate::artifact::artifacts! {
    preferences
    ps
}
