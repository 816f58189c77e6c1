//! What lies only in a sysdiagnose: outputs of commands that the collector ran. Files that it copied from the phone are in `ios`, under their paths on the phone.

crate::artifact::artifacts! {
    ioreg_clients
    jetsam_priority
    mounts
    ps
    ps_thread
    runningboard_state
    spindump_images
    spindump_processes
    sysctl
    taskinfo
}
