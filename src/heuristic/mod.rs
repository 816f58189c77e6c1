//! Heuristics: rules that judge records. They see no bytes and no container, need no indicators and never hide a match.
//!
//! One rule, one file, one word in the list. The fixed headings of a rule are fields, so no rule can lack one.

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
    android_certificate_installed
    android_security_failure
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
    locationd_odd_executable
    lockdown_mode
    network_taken_over
    new_host_pairing
    old_ios
    process_in_some_lists
    profile_changed
    profile_silences_notifications
    profile_takes_control
    profile_without_file
    program_outside_system
    published_crash_signature
    quadream_invitation
    safari_redirect
    shortcut_risky_action
    shutdown_sticky_client
    tcc_app_not_installed
    tcc_client_not_installed
    tcc_from_odd_path
    tcc_set_by_system
    tcc_without_prompt
    tls_interception
    traffic_of_unknown_process
    unknown_trusted_device
    unlogged_shutdowns
    whatsapp_deleted_messages
}

mod programs;
#[cfg(test)]
mod testing;

/// The rule of an id.
pub fn find(id: &str) -> Option<&'static Heuristic> {
    ALL.iter().copied().find(|heuristic| heuristic.id == id)
}

/// What a rule file needs.
mod prelude {
    pub use super::{Heuristic, Kept, Reads};
    pub use crate::artifact::Record;
    pub use crate::finding::{Exhibit, Finding, Level};
    pub use crate::record::{Trace, Value};
}
