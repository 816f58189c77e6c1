//! Heuristics: rules that judge records. They see no bytes and no container, need no indicators and never hide a match.
//!
//! One rule, one file, one word in the list. The fixed headings of a rule are fields, so no rule can lack one. Rules that weigh findings
//! against each other stand in `corroboration` and come after all others.

use std::collections::HashMap;

use crate::artifact::Record;
use crate::finding::{Exhibit, Finding};

/// A rule and what a reader must know about it.
pub struct Heuristic {
    /// The name of its file.
    pub id: &'static str,
    pub title: &'static str,
    pub looks_at: &'static str,
    pub why_it_matters: &'static str,
    pub innocent_causes: &'static str,
    pub next_check: &'static str,
    /// Public reports and documents.
    pub references: &'static [&'static str],
    pub reads: &'static [Reads],
    pub check: fn(&Kept, &mut Vec<Finding>),
}

/// The records a rule wants to see again when everything has been read.
pub struct Reads {
    pub artifact: &'static str,
    /// Streams decide what is kept: a phone has millions of records and memory has a budget.
    pub keep: fn(&Record<'_>) -> bool,
}

/// The records kept for one rule, by artifact, in the order of files and rows.
#[derive(Default)]
pub struct Kept {
    records: HashMap<&'static str, Vec<Exhibit>>,
}

impl Kept {
    pub fn push(&mut self, exhibit: Exhibit) {
        self.records.entry(exhibit.artifact).or_default().push(exhibit);
    }

    pub fn of(&self, artifact: &str) -> &[Exhibit] {
        self.records.get(artifact).map_or(&[], Vec::as_slice)
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

/// Declares the rule files and lists them.
macro_rules! heuristics {
    ($($name:ident)*) => {
        $(mod $name;)*
        /// Every rule, in the order in which they are listed.
        pub const ALL: &[&Heuristic] = &[$(&$name::HEURISTIC),*];
    };
}

heuristics! {
    addaily_only_process
    android_accessibility_service
    android_adb_commands
    android_adb_key
    android_adb_over_network
    android_app_daemon
    android_app_of_other_user
    android_appops_background
    android_appops_install
    android_appops_powers
    android_battery_package_changes
    android_call_recorded
    android_camera_in_background
    android_certificate_installed
    android_dangerous_permissions
    android_debuggable_build
    android_device_admin
    android_environment_preload
    android_hidden_code
    android_install_session
    android_launched_url
    android_listening_port
    android_media_parser_crash
    android_messenger_crash
    android_mount_root_tool
    android_mount_writable
    android_notification_listener
    android_outdated_patch
    android_package_from_unknown_installer
    android_program_in_tmp
    android_redirected_traffic
    android_removed_app_used
    android_replaced_system_app
    android_role_holder
    android_root_binary
    android_root_package
    android_root_process
    android_security_failure
    android_security_log_stopped
    android_security_package_disabled
    android_selinux_off
    android_set_uid_file
    android_settings_risky
    android_surveillance_components
    android_tmp_executable
    android_tombstone_odd_code
    android_tombstone_root_process
    android_unlocked_boot
    android_unreleased_app
    android_wifi_proxy
    app_not_from_store
    app_outside_store
    app_signed_privately
    app_without_bundle_id
    apple_name_imitated
    apple_process_foreign_image
    apple_threat_notification
    attachment_burst
    attachment_in_tmp
    backup_agent
    clock_jump
    corroborated_program
    crash_reporter_plist
    crash_reports_suppressed
    datausage_deleted_process
    datausage_missing_process
    disguised_attachment
    exploit_surface_crashes
    file_id_mismatch
    idstatuscache_nul
    idstatuscache_pair
    jailbreak_traces
    launchd_service_disabled
    locationd_odd_executable
    lockdown_mode
    message_gaps
    network_taken_over
    new_host_pairing
    odd_process_tree
    old_ios
    phone_set_up_anew
    process_in_some_lists
    profile_changed
    profile_silences_notifications
    profile_takes_control
    profile_without_file
    program_outside_system
    published_crash_signature
    quadream_invitation
    safari_redirect
    short_lived_file
    shortcut_risky_action
    shutdown_sticky_client
    staged_program
    tcc_app_not_installed
    tcc_client_not_installed
    tcc_from_odd_path
    tcc_set_by_system
    tcc_without_prompt
    tls_interception
    traffic_of_unknown_process
    triangulation_window
    unknown_trusted_device
    unlogged_shutdowns
    user_trusted_root
    version_went_back
    whatsapp_deleted_messages
}

pub mod corroboration;
mod packages;
mod programs;
mod property_signs;
#[cfg(test)]
mod testing;

pub use corroboration::{ALL as CORROBORATIONS, Corroboration};

/// What each rule reads: first those that judge records, then those that weigh findings.
pub fn reads() -> impl Iterator<Item = &'static [Reads]> {
    ALL.iter().map(|rule| rule.reads).chain(CORROBORATIONS.iter().map(|rule| rule.reads))
}

/// What is written about a rule of either kind.
#[derive(Clone, Copy)]
pub struct About {
    pub id: &'static str,
    pub title: &'static str,
    pub looks_at: &'static str,
    pub why_it_matters: &'static str,
    pub innocent_causes: &'static str,
    pub next_check: &'static str,
    /// How often it is expected to err; empty where a rule only judges records.
    pub false_positives: &'static str,
    pub references: &'static [&'static str],
}

/// All rules, those that judge records first.
pub fn about_all() -> impl Iterator<Item = About> {
    let judging = ALL.iter().map(|rule| About {
        id: rule.id,
        title: rule.title,
        looks_at: rule.looks_at,
        why_it_matters: rule.why_it_matters,
        innocent_causes: rule.innocent_causes,
        next_check: rule.next_check,
        false_positives: "",
        references: rule.references,
    });
    let weighing = CORROBORATIONS.iter().map(|rule| About {
        id: rule.id,
        title: rule.title,
        looks_at: rule.looks_at,
        why_it_matters: rule.why_it_matters,
        innocent_causes: rule.innocent_causes,
        next_check: rule.next_check,
        false_positives: rule.false_positives,
        references: rule.references,
    });
    judging.chain(weighing)
}

/// The rule of an id.
pub fn about(id: &str) -> Option<About> {
    about_all().find(|rule| rule.id == id)
}

/// What a rule file needs.
mod prelude {
    pub use super::{Heuristic, Kept, Reads};
    pub use crate::artifact::Record;
    pub use crate::finding::{Exhibit, Finding, Level};
    pub use crate::record::{Trace, Value};
}

#[cfg(test)]
mod tests {
    use super::testing::{json, verdicts};
    use super::*;

    #[test]
    fn rules_are_listed_in_the_order_of_their_names() {
        assert!(ALL.is_sorted_by_key(|rule| rule.id));
    }

    /// Apple's own programs that published names were made to look like, and names that are words, where Apple or the store puts them.
    const LOOKALIKES: [&str; 23] = [
        "/usr/libexec/neagent",
        "/usr/libexec/nehelper",
        "/usr/libexec/passd",
        "/System/Library/PrivateFrameworks/ProtectedCloudStorage.framework/Helpers/pcsstatus",
        "/Applications/MobileSMS.app/MobileSMS",
        "/usr/libexec/diagnosticd",
        "/usr/sbin/bluetoothd",
        "/usr/sbin/cfprefsd",
        "/usr/bin/vm_stat",
        "/usr/libexec/wifip2pd",
        "/sbin/launchd",
        "/System/Library/PrivateFrameworks/Rapport.framework/PlugIns/com.apple.rapport.events.appex/com.apple.rapport.events",
        "/System/Library/Frameworks/MapKit.framework/XPCServices/com.apple.MapKit.SnapshotService.xpc/com.apple.MapKit.SnapshotService",
        "/Applications/Reminders.app/PlugIns/RemindersIntentsUIExtension.appex/RemindersIntentsUIExtension",
        "/System/Library/Frameworks/CoreTelephony.framework/Support/CommCenterRootHelper",
        "/usr/libexec/BackupAgent2",
        "/System/Library/Frameworks/WebKit.framework/XPCServices/com.apple.WebKit.Networking.xpc/com.apple.WebKit.Networking",
        "/usr/libexec/UserEventAgent",
        "/System/Library/PrivateFrameworks/PhotoLibraryServices.framework/Support/photolibraryd",
        "/usr/libexec/logd_helper",
        "/usr/bin/sysdiagnose_helper",
        "/kernel",
        "/private/var/containers/Bundle/Application/6F0C2C0E-0000-4000-8000-000000000001/payload.app/payload",
    ];

    #[test]
    fn no_rule_takes_apples_programs_for_those_that_imitate_them() {
        let mut records = Vec::new();
        for (index, path) in LOOKALIKES.iter().enumerate() {
            let name = path.rsplit('/').next().unwrap();
            let pid = if name == "launchd" { 1 } else { 100 + index as i64 };
            let uid = if path.starts_with("/private") { 501 } else { 0 };
            let at = "2023-05-24T05:06:07Z";
            records.extend([
                ("ios.addaily", json!({"process": name, "last_used": at})),
                ("ios.analytics", json!({"process": name, "until": at})),
                ("ios.crash_images", json!({"process": name, "executable": path, "image": path})),
                ("ios.crash_reports", json!({"process": name, "executable": path, "parent": "launchd", "parent_pid": 1, "captured": at,
                    "incident": name, "bug_type": 309, "uid": uid})),
                ("ios.jetsam_processes", json!({"process": name, "time": at})),
                ("ios.logd_statistics", json!({"process": path, "logged": at})),
                ("ios.powerlog_network", json!({"process": name, "cell_out": 5, "table": "PLProcessNetworkAgent_EventInterval_UsageDiff"})),
                ("ios.powerlog_processes", json!({"process": name, "table": "PLProcessMonitorAgent_EventForward_ProcessID"})),
                ("ios.shutdown_log", json!({"client": path, "shutdown": at, "notices": 2, "client_notices": 2})),
                ("ios.stackshot_processes", json!({"process": name, "pid": pid, "parent_pid": 1, "time": at, "bug_type": 288})),
                ("ios.unified_log_images", json!({"image": path})),
                ("ios.unified_log_processes", json!({"executable": path, "libraries": ["/usr/lib/dyld"], "first_seen": at})),
                ("sysdiagnose.jetsam_priority", json!({"name": name, "pid": pid})),
                ("sysdiagnose.ps", json!({"executable": path, "pid": pid, "parent_pid": 1, "uid": uid, "seen": at})),
                ("sysdiagnose.ps_thread", json!({"executable": path, "pid": pid, "parent_pid": 1, "seen": at})),
                ("sysdiagnose.spindump_images", json!({"image": path, "processes": [format!("{name} [{pid}]")]})),
                ("sysdiagnose.spindump_processes", json!({"name": name, "executable": path, "pid": pid, "parent": "launchd", "parent_pid": 1,
                    "uid": uid, "age_s": 9000})),
                ("sysdiagnose.taskinfo", json!({"name": name, "pid": pid, "run_time_s": 9000})),
            ]);
        }
        for rule in ALL {
            assert_eq!(verdicts(rule, &records), [""; 0], "{}", rule.id);
        }
    }
}
