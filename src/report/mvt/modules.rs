//! MVT's names for our artifacts and columns, as of its release 2026.10. Artifacts that MVT lacks get names in its manner.

use std::sync::LazyLock;

use crate::artifact;

/// A module of MVT.
pub struct Module {
    pub artifact: &'static str,
    /// Of the JSON file.
    pub slug: &'static str,
    /// In the timeline's Plugin column.
    pub class: &'static str,
    /// Our column, MVT's field; columns that are not here have the same name.
    fields: &'static [(&'static str, &'static str)],
    /// Our time column, MVT's event name.
    events: &'static [(&'static str, &'static str)],
    /// MVT tells the kinds of records in one file apart by their `record_type`.
    pub record_type: Option<&'static str>,
}

impl Module {
    pub fn field<'a>(&self, column: &'a str) -> &'a str {
        self.fields.iter().find(|(ours, _)| *ours == column).map_or(column, |(_, theirs)| theirs)
    }

    pub fn event<'a>(&self, column: &'a str) -> &'a str {
        self.events.iter().find(|(ours, _)| *ours == column).map_or(column, |(_, theirs)| theirs)
    }
}

/// Columns of Messages' tables that MVT writes in base64.
pub const BASE64: [&str; 8] = [
    "attributedBody",
    "payload_data",
    "message_summary_info",
    "user_info",
    "sticker_user_info",
    "attribution_info",
    "ck_server_change_token_blob",
    "sr_ck_server_change_token_blob",
];

/// In MVT's order; several artifacts may go to one module.
const MODULES: &[Module] = &[
    Module {
        artifact: "ios.manifest",
        slug: "manifest",
        class: "Manifest",
        fields: &[
            ("stored_as", "file_id"),
            ("relative", "relative_path"),
            ("changed", "status_changed"),
            ("uid", "owner"),
            ("size_bytes", "size"),
        ],
        events: &[("created", "---B"), ("modified", "M---"), ("changed", "--C-")],
        record_type: None,
    },
    Module {
        artifact: "ios.backup_info",
        slug: "backup_info",
        class: "BackupInfo",
        fields: &[
            ("device_name", "Device Name"),
            ("display_name", "Display Name"),
            ("product_name", "Product Name"),
            ("product_type", "Product Type"),
            ("product_version", "Product Version"),
            ("build", "Build Version"),
            ("serial_number", "Serial Number"),
            ("unique_identifier", "Unique Identifier"),
            ("target_identifier", "Target Identifier"),
            ("target_type", "Target Type"),
            ("guid", "GUID"),
            ("iccid", "ICCID"),
            ("imei", "IMEI"),
            ("meid", "MEID"),
            ("phone_number", "Phone Number"),
            ("last_backup", "Last Backup Date"),
            ("itunes_version", "iTunes Version"),
            ("macos_version", "macOS Version"),
            ("application_ids", "Installed Applications"),
        ],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "ios.profiles",
        slug: "configuration_profiles",
        class: "ConfigurationProfiles",
        fields: &[("installed", "install_date")],
        events: &[("installed", "configuration_profile_install")],
        record_type: None,
    },
    Module {
        artifact: "ios.profile_events",
        slug: "profile_events",
        class: "ProfileEvents",
        fields: &[("happened", "timestamp")],
        events: &[("happened", "profile_operation")],
        record_type: None,
    },
    Module {
        artifact: "ios.calls",
        slug: "calls",
        class: "Calls",
        fields: &[("started", "isodate"), ("duration_s", "duration")],
        events: &[("started", "call")],
        record_type: None,
    },
    Module {
        artifact: "ios.chrome_history",
        slug: "chrome_history",
        class: "ChromeHistory",
        fields: &[("visited", "isodate"), ("url_id", "id")],
        events: &[("visited", "visit")],
        record_type: None,
    },
    Module {
        artifact: "ios.chrome_downloads",
        slug: "chrome_downloads",
        class: "ChromeDownloads",
        fields: &[("started", "isodate")],
        events: &[("started", "download"), ("ended", "download_ended"), ("last_opened", "download_opened")],
        record_type: None,
    },
    Module {
        artifact: "ios.chrome_searches",
        slug: "chrome_searches",
        class: "ChromeSearches",
        fields: &[("last_visited", "isodate")],
        events: &[("last_visited", "search")],
        record_type: None,
    },
    Module {
        artifact: "ios.contacts",
        slug: "contacts",
        class: "Contacts",
        fields: &[
            ("first", "First"),
            ("middle", "Middle"),
            ("last", "Last"),
            ("organisation", "Organization"),
        ],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "ios.firefox_history",
        slug: "firefox_history",
        class: "FirefoxHistory",
        fields: &[("visited", "isodate"), ("visit_id", "id"), ("transition", "type")],
        events: &[("visited", "firefox_history")],
        record_type: None,
    },
    Module {
        artifact: "ios.firefox_tombstones",
        slug: "firefox_tombstones",
        class: "FirefoxTombstones",
        fields: &[],
        events: &[("deleted", "history_deleted"), ("visited", "firefox_history")],
        record_type: None,
    },
    Module {
        artifact: "ios.idstatuscache",
        slug: "id_status_cache",
        class: "IDStatusCache",
        fields: &[("looked_up", "isodate"), ("service", "package"), ("status", "idstatus")],
        events: &[("looked_up", "lookup")],
        record_type: None,
    },
    Module {
        artifact: "ios.interactions",
        slug: "interaction_c",
        class: "InteractionC",
        fields: &[
            ("started", "start_date"),
            ("ended", "end_date"),
            ("created", "interactions_creation_date"),
            ("app", "bundle_id"),
            ("target_app", "target_bundle_id"),
            ("content_url", "interaction_content_url"),
            ("derived_intent_id", "derivied_intent_id"),
            ("sender_name", "sender_display_name"),
            ("sender", "sender_identifier"),
            ("sender_person_id", "sender_personid"),
            ("sender_custom_id", "custom_id"),
            ("recipient_name", "recipient_display_name"),
            ("recipient", "recipient_identifier"),
            ("recipient_person_id", "recipient_personid"),
            ("attachment_url", "attachment_content_url"),
            ("attachment_uti", "uti"),
            ("attachment_bytes", "size"),
            ("attachment_photo_id", "photo_local_id"),
            ("attachment_cloud_id", "cloud_id"),
            ("sender_resolved_phone", "sender_resolved_phone_number"),
            ("recipient_resolved_phone", "recipient_resolved_phone_number"),
            ("domain_resolved_phone", "domain_resolved_phone_number"),
        ],
        events: &[
            ("started", "start_date"),
            ("ended", "end_date"),
            ("created", "interactions_creation_date"),
        ],
        record_type: None,
    },
    Module {
        artifact: "ios.interaction_contacts",
        slug: "interaction_contacts",
        class: "InteractionContacts",
        fields: &[],
        events: &[
            ("created", "contacts_creation_date"),
            ("first_incoming_sender", "first_incoming_sender_date"),
            ("last_incoming_sender", "last_incoming_sender_date"),
            ("first_incoming_recipient", "first_incoming_recipient_date"),
            ("last_incoming_recipient", "last_incoming_recipient_date"),
            ("first_outgoing_recipient", "first_outgoing_recipient_date"),
            ("last_outgoing_recipient", "last_outgoing_recipient_date"),
        ],
        record_type: None,
    },
    Module {
        artifact: "ios.locationd",
        slug: "locationd_clients",
        class: "LocationdClients",
        fields: &[
            ("bundle_id", "BundleId"),
            ("bundle_path", "BundlePath"),
            ("executable", "Executable"),
            ("registered", "Registered"),
            ("whitelisted", "Whitelisted"),
            ("authorization", "Authorization"),
            ("consumption_period_begin", "ConsumptionPeriodBegin"),
            ("receiving_stopped", "ReceivingLocationInformationTimeStopped"),
            ("visit_stopped", "VisitTimeStopped"),
            ("location_stopped", "LocationTimeStopped"),
            ("background_location_stopped", "BackgroundLocationTimeStopped"),
            ("significant_stopped", "SignificantTimeStopped"),
            ("non_persistent_significant_stopped", "NonPersistentSignificantTimeStopped"),
            ("fence_stopped", "FenceTimeStopped"),
            ("beacon_region_stopped", "BeaconRegionTimeStopped"),
        ],
        events: &[
            ("consumption_period_begin", "ConsumptionPeriodBegin"),
            ("receiving_stopped", "ReceivingLocationInformationTimeStopped"),
            ("visit_stopped", "VisitTimeStopped"),
            ("location_stopped", "LocationTimeStopped"),
            ("background_location_stopped", "BackgroundLocationTimeStopped"),
            ("significant_stopped", "SignificantTimeStopped"),
            ("non_persistent_significant_stopped", "NonPersistentSignificantTimeStopped"),
            ("fence_stopped", "FenceTimeStopped"),
            ("beacon_region_stopped", "BeaconRegionTimeStopped"),
        ],
        record_type: None,
    },
    Module {
        artifact: "ios.addaily",
        slug: "os_analytics_ad_daily",
        class: "OSAnalyticsADDaily",
        fields: &[
            ("process", "package"),
            ("last_used", "ts"),
            ("wifi_in_bytes", "wifi_in"),
            ("wifi_out_bytes", "wifi_out"),
            ("wwan_in_bytes", "wwan_in"),
            ("wwan_out_bytes", "wwan_out"),
        ],
        events: &[("last_used", "osanalytics_addaily")],
        record_type: None,
    },
    Module {
        artifact: "ios.datausage",
        slug: "datausage",
        class: "Datausage",
        fields: &[
            ("first_seen", "first_isodate"),
            ("last_seen", "isodate"),
            ("used", "live_isodate"),
            ("process", "proc_name"),
        ],
        events: &[("first_seen", "first_usage"), ("last_seen", "current_usage"), ("used", "live_usage")],
        record_type: None,
    },
    Module {
        artifact: "ios.safari_tabs",
        slug: "safari_browser_state",
        class: "SafariBrowserState",
        fields: &[
            ("title", "tab_title"),
            ("url", "tab_url"),
            ("visible_url", "tab_visible_url"),
            ("last_viewed", "last_viewed_timestamp"),
        ],
        events: &[("last_viewed", "tab")],
        record_type: None,
    },
    Module {
        artifact: "ios.safari_open_tabs",
        slug: "safari_browser_state",
        class: "SafariBrowserState",
        fields: &[("title", "tab_title"), ("url", "tab_url"), ("last_viewed", "last_viewed_timestamp")],
        events: &[("last_viewed", "tab"), ("last_visited", "tab")],
        record_type: None,
    },
    Module {
        artifact: "ios.safari_history",
        slug: "safari_history",
        class: "SafariHistory",
        fields: &[("visited", "isodate"), ("item_id", "id"), ("path", "safari_history_db")],
        events: &[("visited", "safari_history")],
        record_type: None,
    },
    Module {
        artifact: "ios.safari_tombstones",
        slug: "safari_tombstones",
        class: "SafariTombstones",
        fields: &[("path", "safari_history_db")],
        events: &[("interval_end", "history_deleted")],
        record_type: None,
    },
    Module {
        artifact: "ios.tcc",
        slug: "tcc",
        class: "TCC",
        fields: &[("modified", "last_modified"), ("access", "auth_value"), ("reason", "auth_reason_desc")],
        events: &[("modified", "AccessRequest")],
        record_type: None,
    },
    Module {
        artifact: "ios.sms",
        slug: "sms",
        class: "SMS",
        fields: &[
            ("received", "isodate"),
            ("sent", "isodate"),
            ("read", "isodate_read"),
            ("delivered", "date_delivered"),
            ("played", "date_played"),
            ("edited", "date_edited"),
            ("retracted", "date_retracted"),
            ("message", "text"),
            ("handle", "phone_number"),
            ("spam", "is_spam"),
            ("balloon", "balloon_bundle_id"),
        ],
        events: &[("received", "sms_received"), ("sent", "sms_received"), ("read", "sms_read")],
        record_type: None,
    },
    Module {
        artifact: "ios.sms_attachments",
        slug: "sms_attachments",
        class: "SMSAttachments",
        fields: &[
            ("created", "isodate"),
            ("transfer_started", "start_date"),
            ("handle", "phone_number"),
            ("file", "filename"),
            ("hidden", "hide_attachment"),
        ],
        events: &[("created", "sms_attachment")],
        record_type: None,
    },
    Module {
        artifact: "ios.attachment_files",
        slug: "attachment_files",
        class: "AttachmentFiles",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "ios.webkit_observations",
        slug: "webkit_resource_load_statistics",
        class: "WebkitResourceLoadStatistics",
        fields: &[
            ("last_seen", "last_seen_isodate"),
            ("user_interaction", "most_recent_user_interaction_time_isodate"),
            ("web_push_interaction", "most_recent_web_push_interaction_time_isodate"),
        ],
        events: &[("last_seen", "visit")],
        record_type: None,
    },
    Module {
        artifact: "ios.webkit_redirects",
        slug: "webkit_redirects",
        class: "WebkitRedirects",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "ios.whatsapp",
        slug: "whatsapp",
        class: "Whatsapp",
        fields: &[
            ("received", "isodate"),
            ("sent", "isodate"),
            ("message", "ZTEXT"),
            ("from", "ZFROMJID"),
            ("to", "ZTOJID"),
            ("message_type", "ZMESSAGETYPE"),
            ("chat_session", "ZCHATSESSION"),
            ("stanza_id", "ZSTANZAID"),
            ("preview_title", "ZTITLE"),
            ("preview_summary", "ZSUMMARY"),
            ("media_url", "ZMEDIAURL"),
            ("media_author", "ZAUTHORNAME"),
        ],
        events: &[("received", "message"), ("sent", "message")],
        record_type: None,
    },
    Module {
        artifact: "ios.whatsapp_chats",
        slug: "whatsapp",
        class: "Whatsapp",
        fields: &[
            ("group_created", "group_creation_date"),
            ("first_stored_message", "first_stored_message_date"),
            ("last_stored_message", "last_stored_message_date"),
            ("last_message", "last_message_date"),
            ("contact", "contact_jid"),
            ("name", "partner_name"),
            ("phone", "partner_resolved_phone_number"),
            ("stored_messages", "stored_message_count"),
        ],
        events: &[
            ("group_created", "group_created"),
            ("first_stored_message", "chat_first_message"),
            ("last_message", "chat_last_message"),
        ],
        record_type: Some("chat_session"),
    },
    Module {
        artifact: "ios.whatsapp_lids",
        slug: "whatsapp",
        class: "Whatsapp",
        fields: &[("phone", "phone_number"), ("paired", "pair_timestamp")],
        events: &[("paired", "lid_pair_recorded")],
        record_type: Some("lid_phone_number_pair"),
    },
    Module {
        artifact: "ios.whatsapp_calls",
        slug: "whatsapp_calls",
        class: "WhatsappCalls",
        fields: &[("started", "isodate"), ("duration_s", "duration")],
        events: &[("started", "call")],
        record_type: None,
    },
    Module {
        artifact: "ios.whatsapp_contacts",
        slug: "whatsapp_contacts",
        class: "WhatsappContacts",
        fields: &[
            ("phone", "phone_number"),
            ("localized_phone", "localized_phone_number"),
            ("about", "about_text"),
            ("disappearing", "disappearing_mode_label"),
            ("disappearing_s", "disappearing_mode_duration"),
            ("disappearing_set", "disappearing_mode_timestamp"),
            ("about_changed", "about_timestamp"),
            ("about_expires", "about_expiration_timestamp"),
        ],
        events: &[
            ("last_updated", "contact_last_updated"),
            ("about_changed", "about_changed"),
            ("about_expires", "about_expiration"),
            ("disappearing_set", "disappearing_mode_set"),
        ],
        record_type: None,
    },
    Module {
        artifact: "ios.shortcuts",
        slug: "shortcuts",
        class: "Shortcuts",
        fields: &[
            ("created", "isodate"),
            ("modified", "modified_date"),
            ("name", "shortcut_name"),
            ("urls", "action_urls"),
            ("action_count", "parsed_actions"),
        ],
        events: &[("created", "shortcut_created"), ("modified", "shortcut_modified")],
        record_type: None,
    },
    Module {
        artifact: "ios.applications",
        slug: "applications",
        class: "Applications",
        fields: &[
            ("store_bundle_id", "softwareVersionBundleId"),
            ("name", "itemName"),
            ("artist", "artistName"),
            ("version", "bundleShortVersionString"),
            ("bundle_version", "bundleVersion"),
            ("source_app", "sourceApp"),
            ("purchased", "isodate"),
            ("item_id", "itemId"),
            ("released", "releaseDate"),
            ("custom_business_app", "is-b2b-custom-app"),
            ("distributor", "distributorInfo"),
            ("bundle_id", "name"),
        ],
        events: &[("purchased", "app_installed")],
        record_type: None,
    },
    Module {
        artifact: "ios.app_info",
        slug: "app_info",
        class: "AppInfo",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "ios.app_bundles",
        slug: "app_bundles",
        class: "AppBundles",
        fields: &[],
        events: &[("installed", "app_bundle_installed")],
        record_type: None,
    },
    Module {
        artifact: "ios.app_provisioning",
        slug: "app_provisioning",
        class: "AppProvisioning",
        fields: &[],
        events: &[("created", "provisioning_created"), ("expires", "provisioning_expires")],
        record_type: None,
    },
    Module {
        artifact: "ios.calendar",
        slug: "calendar",
        class: "Calendar",
        fields: &[
            ("starts", "start_date"),
            ("ends", "end_date"),
            ("created", "creation_date"),
            ("modified", "last_modified"),
            ("organiser", "participant_email"),
            ("organiser_phone", "participant_phone"),
            ("organiser_comment", "participant_comment"),
            ("organiser_uuid", "participant_uuid"),
            ("organiser_modified", "participant_last_modified"),
            ("organiser_id", "organizer_id"),
            ("unique_id", "unique_identifier"),
        ],
        events: &[
            ("starts", "start_date"),
            ("ends", "end_date"),
            ("created", "creation_date"),
            ("modified", "last_modified"),
            ("organiser_modified", "participant_last_modified"),
        ],
        record_type: None,
    },
    Module {
        artifact: "ios.global_preferences",
        slug: "global_preferences",
        class: "GlobalPreferences",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.properties",
        slug: "dumpsys_get_prop",
        class: "DumpsysGetProp",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.accessibility",
        slug: "dumpsys_accessibility",
        class: "DumpsysAccessibility",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.activities",
        slug: "dumpsys_activities",
        class: "DumpsysActivities",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.receivers",
        slug: "dumpsys_receivers",
        class: "DumpsysReceivers",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.app_ops",
        slug: "dumpsys_appops",
        class: "DumpsysAppops",
        fields: &[("operation", "name"), ("at", "timestamp")],
        events: &[("at", "access")],
        record_type: None,
    },
    Module {
        artifact: "android.battery_daily",
        slug: "dumpsys_battery_daily",
        class: "DumpsysBatteryDaily",
        fields: &[],
        events: &[("period_start", "battery_daily")],
        record_type: None,
    },
    Module {
        artifact: "android.battery_history",
        slug: "dumpsys_battery_history",
        class: "DumpsysBatteryHistory",
        fields: &[("at", "timestamp")],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.database_activity",
        slug: "dbinfo",
        class: "DumpsysDBInfo",
        fields: &[("at", "timestamp"), ("database", "path")],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.packages",
        slug: "dumpsys_packages",
        class: "DumpsysPackages",
        fields: &[
            ("file_time", "timestamp"),
            ("updated", "last_update_time"),
            ("first_installed", "first_install_time"),
        ],
        events: &[
            ("file_time", "package_install"),
            ("updated", "package_last_update"),
            ("first_installed", "package_first_install"),
        ],
        record_type: None,
    },
    Module {
        artifact: "android.platform_compat",
        slug: "dumpsys_platform_compat",
        class: "DumpsysPlatformCompat",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.adb",
        slug: "dumpsys_adb_state",
        class: "DumpsysADBState",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.file_times",
        slug: "bugreport_timestamps",
        class: "BugReportTimestamps",
        fields: &[],
        events: &[("modified", "M---")],
        record_type: None,
    },
    Module {
        artifact: "android.tombstones",
        slug: "tombstones",
        class: "Tombstones",
        fields: &[("crashed", "timestamp")],
        events: &[("crashed", "Tombstone")],
        record_type: None,
    },
    Module {
        artifact: "android.processes",
        slug: "processes",
        class: "Processes",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.settings",
        slug: "settings",
        class: "Settings",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.setting_changes",
        slug: "settings",
        class: "Settings",
        fields: &[],
        events: &[("changed", "settings_change")],
        record_type: None,
    },
    Module {
        artifact: "android.mounts",
        slug: "mounts",
        class: "Mounts",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.collected_packages",
        slug: "aqf_packages",
        class: "AQFPackages",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.collected_files",
        slug: "aqf_files",
        class: "AQFFiles",
        fields: &[],
        events: &[("modified", "M---")],
        record_type: None,
    },
    Module {
        artifact: "android.root_binaries",
        slug: "root_binaries",
        class: "RootBinaries",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.sms",
        slug: "sms",
        class: "SMS",
        fields: &[("received", "isodate"), ("sent", "isodate"), ("handle", "address"), ("message", "body")],
        events: &[("received", "sms_received"), ("sent", "sms_sent")],
        record_type: None,
    },
    Module {
        artifact: "android.dns_events",
        slug: "dns_event",
        class: "DnsEvent",
        fields: &[("happened", "timestamp")],
        events: &[("happened", "dns_query")],
        record_type: None,
    },
    Module {
        artifact: "android.connect_events",
        slug: "connect_event",
        class: "ConnectEvent",
        fields: &[("happened", "timestamp")],
        events: &[("happened", "network_connection")],
        record_type: None,
    },
    Module {
        artifact: "android.security_events",
        slug: "security_event",
        class: "SecurityEvent",
        fields: &[("happened", "timestamp")],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.bugbane_packages",
        slug: "aqf_packages",
        class: "AQFPackages",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.bugbane_files",
        slug: "aqf_files",
        class: "AQFFiles",
        fields: &[("file", "path"), ("path", "listing"), ("modified", "modified_time")],
        events: &[("modified", "M---")],
        record_type: None,
    },
    Module {
        artifact: "android.bugbane_mounts",
        slug: "mounts",
        class: "Mounts",
        fields: &[],
        events: &[],
        record_type: None,
    },
    Module {
        artifact: "android.bugbane_root_binaries",
        slug: "root_binaries",
        class: "RootBinaries",
        fields: &[("binary", "path"), ("path", "listing")],
        events: &[],
        record_type: None,
    },
];

/// The module that an artifact's records go to.
pub fn of_artifact(artifact: &str) -> Option<&'static Module> {
    all().find(|module| module.artifact == artifact)
}

/// MVT's class name for an artifact.
pub fn module_of(artifact: &str) -> Option<&'static str> {
    MODULES.iter().find(|module| module.artifact == artifact).map(|module| module.class)
}

/// The artifacts behind a module's class name or slug.
pub fn artifacts_of(name: &str) -> Vec<&'static str> {
    let named = |module: &&Module| module.class == name || module.slug == name;
    all().filter(named).map(|module| module.artifact).collect()
}

/// MVT's modules, then one in its manner for each artifact that it lacks.
pub fn all() -> impl Iterator<Item = &'static Module> {
    static OWN: LazyLock<Vec<Module>> = LazyLock::new(|| {
        let known = |id: &str| MODULES.iter().any(|module| module.artifact == id);
        artifact::all()
            .iter()
            .filter(|artifact| !known(artifact.id))
            .map(|artifact| own(artifact.id))
            .collect()
    });
    MODULES.iter().chain(OWN.iter())
}

/// `ios.crash_reports` as `ios_crash_reports` and `IosCrashReports`. Made once for each artifact, so the names may stay for good.
fn own(artifact: &'static str) -> Module {
    let words: Vec<&str> = artifact.split(['.', '_']).collect();
    let capital = |word: &&str| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_ascii_uppercase() + rest
    };
    Module {
        artifact,
        slug: words.join("_").leak(),
        class: words.iter().map(capital).collect::<String>().leak(),
        fields: &[],
        events: &[],
        record_type: None,
    }
}

/// MVT's name for a kind of indicator.
pub fn collection(ioc: &str, value: &str) -> &'static str {
    match (ioc, value.len()) {
        ("domain" | "ip", _) => "domains",
        ("url", _) => "urls",
        ("process", _) => "processes",
        ("file-name", _) => "file_names",
        ("file-path", _) => "file_paths",
        ("email", _) => "emails",
        ("file-hash", 32) => "files_md5",
        ("file-hash", 40) => "files_sha1",
        ("file-hash", _) => "files_sha256",
        ("app-id", _) => "app_ids",
        ("cert-hash", _) => "app_cert_hashes",
        ("profile-id", _) => "ios_profile_ids",
        _ => "android_property_names",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_for_an_artifact_and_its_columns() {
        for module in MODULES {
            let artifact = artifact::find(module.artifact).unwrap_or_else(|| panic!("{}", module.artifact));
            let mut theirs = std::collections::BTreeSet::new();
            for (ours, name) in module.fields {
                let known = ["path", "stored_as"].contains(ours);
                assert!(known || artifact.columns.iter().any(|column| column.name == *ours), "{ours}");
                // Only one of the two times of a message is ever there.
                let known = theirs.insert(name) || *ours == "sent";
                assert!(known, "{}: `{name}` stands for two columns", module.artifact);
            }
            for (ours, _) in module.events {
                let column = artifact.columns.iter().find(|column| column.name == *ours);
                assert!(column.is_some_and(|column| column.moment.is_some()), "{}: {ours}", module.artifact);
            }
        }
    }

    #[test]
    fn artifacts_that_mvt_lacks_are_named_in_its_manner() {
        let module = of_artifact("sysdiagnose.ps").unwrap();
        assert_eq!((module.slug, module.class), ("sysdiagnose_ps", "SysdiagnosePs"));
        assert!(artifact::all().iter().all(|artifact| of_artifact(artifact.id).is_some()));
    }
}
