//! MVT's names for our artifacts and columns, as of its release 2026.10. Artifacts that MVT lacks get names in its manner.

use std::sync::LazyLock;

use serde_json::{Map, Value};

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
    /// True for its records, where MVT spreads those of an artifact over several modules.
    only: Option<Only>,
}

type Only = fn(&Map<String, Value>) -> bool;

impl Module {
    /// False for a record of its artifact that goes to another module.
    pub fn takes(&self, record: &Map<String, Value>) -> bool {
        self.only.is_none_or(|only| only(record))
    }

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

/// A module whose columns and events are called as ours.
const fn named(artifact: &'static str, slug: &'static str, class: &'static str) -> Module {
    Module { artifact, slug, class, fields: &[], events: &[], record_type: None, only: None }
}

/// In MVT's order; several artifacts may go to one module.
const MODULES: &[Module] = &[
    Module {
        fields: &[
            ("stored_as", "file_id"),
            ("relative", "relative_path"),
            ("changed", "status_changed"),
            ("uid", "owner"),
            ("size_bytes", "size"),
        ],
        events: &[("created", "---B"), ("modified", "M---"), ("changed", "--C-")],
        ..named("ios.manifest", "manifest", "Manifest")
    },
    Module {
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
        ..named("ios.backup_info", "backup_info", "BackupInfo")
    },
    Module {
        fields: &[("installed", "install_date")],
        events: &[("installed", "configuration_profile_install")],
        ..named("ios.profiles", "configuration_profiles", "ConfigurationProfiles")
    },
    Module {
        fields: &[("happened", "timestamp")],
        events: &[("happened", "profile_operation")],
        ..named("ios.profile_events", "profile_events", "ProfileEvents")
    },
    Module {
        fields: &[("started", "isodate"), ("duration_s", "duration")],
        events: &[("started", "call")],
        ..named("ios.calls", "calls", "Calls")
    },
    Module {
        fields: &[("visited", "isodate"), ("url_id", "id")],
        events: &[("visited", "visit")],
        ..named("ios.chrome_history", "chrome_history", "ChromeHistory")
    },
    Module {
        fields: &[("started", "isodate")],
        events: &[("started", "download"), ("ended", "download_ended"), ("last_opened", "download_opened")],
        ..named("ios.chrome_downloads", "chrome_downloads", "ChromeDownloads")
    },
    Module {
        fields: &[("last_visited", "isodate")],
        events: &[("last_visited", "search")],
        ..named("ios.chrome_searches", "chrome_searches", "ChromeSearches")
    },
    Module {
        fields: &[
            ("first", "First"),
            ("middle", "Middle"),
            ("last", "Last"),
            ("organisation", "Organization"),
        ],
        ..named("ios.contacts", "contacts", "Contacts")
    },
    Module {
        fields: &[("visited", "isodate"), ("visit_id", "id"), ("transition", "type")],
        events: &[("visited", "firefox_history")],
        ..named("ios.firefox_history", "firefox_history", "FirefoxHistory")
    },
    Module {
        events: &[("deleted", "history_deleted"), ("visited", "firefox_history")],
        ..named("ios.firefox_tombstones", "firefox_tombstones", "FirefoxTombstones")
    },
    Module {
        fields: &[("looked_up", "isodate"), ("service", "package"), ("status", "idstatus")],
        events: &[("looked_up", "lookup")],
        ..named("ios.idstatuscache", "id_status_cache", "IDStatusCache")
    },
    Module {
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
        ..named("ios.interactions", "interaction_c", "InteractionC")
    },
    Module {
        events: &[
            ("created", "contacts_creation_date"),
            ("first_incoming_sender", "first_incoming_sender_date"),
            ("last_incoming_sender", "last_incoming_sender_date"),
            ("first_incoming_recipient", "first_incoming_recipient_date"),
            ("last_incoming_recipient", "last_incoming_recipient_date"),
            ("first_outgoing_recipient", "first_outgoing_recipient_date"),
            ("last_outgoing_recipient", "last_outgoing_recipient_date"),
        ],
        ..named("ios.interaction_contacts", "interaction_contacts", "InteractionContacts")
    },
    Module {
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
        ..named("ios.locationd", "locationd_clients", "LocationdClients")
    },
    Module {
        fields: &[
            ("process", "package"),
            ("last_used", "ts"),
            ("wifi_in_bytes", "wifi_in"),
            ("wifi_out_bytes", "wifi_out"),
            ("wwan_in_bytes", "wwan_in"),
            ("wwan_out_bytes", "wwan_out"),
        ],
        events: &[("last_used", "osanalytics_addaily")],
        ..named("ios.addaily", "os_analytics_ad_daily", "OSAnalyticsADDaily")
    },
    Module {
        fields: &[
            ("first_seen", "first_isodate"),
            ("last_seen", "isodate"),
            ("used", "live_isodate"),
            ("process", "proc_name"),
        ],
        events: &[("first_seen", "first_usage"), ("last_seen", "current_usage"), ("used", "live_usage")],
        ..named("ios.datausage", "datausage", "Datausage")
    },
    Module {
        fields: &[
            ("title", "tab_title"),
            ("url", "tab_url"),
            ("visible_url", "tab_visible_url"),
            ("last_viewed", "last_viewed_timestamp"),
        ],
        events: &[("last_viewed", "tab")],
        ..named("ios.safari_tabs", "safari_browser_state", "SafariBrowserState")
    },
    Module {
        fields: &[("title", "tab_title"), ("url", "tab_url"), ("last_viewed", "last_viewed_timestamp")],
        events: &[("last_viewed", "tab"), ("last_visited", "tab")],
        ..named("ios.safari_open_tabs", "safari_browser_state", "SafariBrowserState")
    },
    Module {
        fields: &[("visited", "isodate"), ("item_id", "id"), ("path", "safari_history_db")],
        events: &[("visited", "safari_history")],
        ..named("ios.safari_history", "safari_history", "SafariHistory")
    },
    Module {
        fields: &[("path", "safari_history_db")],
        events: &[("interval_end", "history_deleted")],
        ..named("ios.safari_tombstones", "safari_tombstones", "SafariTombstones")
    },
    Module {
        fields: &[("modified", "last_modified"), ("access", "auth_value"), ("reason", "auth_reason_desc")],
        events: &[("modified", "AccessRequest")],
        ..named("ios.tcc", "tcc", "TCC")
    },
    Module {
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
        ..named("ios.sms", "sms", "SMS")
    },
    Module {
        fields: &[
            ("created", "isodate"),
            ("transfer_started", "start_date"),
            ("handle", "phone_number"),
            ("file", "filename"),
            ("hidden", "hide_attachment"),
        ],
        events: &[("created", "sms_attachment")],
        ..named("ios.sms_attachments", "sms_attachments", "SMSAttachments")
    },
    named("ios.attachment_files", "attachment_files", "AttachmentFiles"),
    Module {
        fields: &[
            ("last_seen", "last_seen_isodate"),
            ("user_interaction", "most_recent_user_interaction_time_isodate"),
            ("web_push_interaction", "most_recent_web_push_interaction_time_isodate"),
        ],
        events: &[("last_seen", "visit")],
        ..named("ios.webkit_observations", "webkit_resource_load_statistics", "WebkitResourceLoadStatistics")
    },
    named("ios.webkit_redirects", "webkit_redirects", "WebkitRedirects"),
    Module {
        events: &[("modified", "webkit_indexeddb"), ("created", "webkit_indexeddb")],
        ..site_data("webkit_indexeddb", "WebkitIndexedDB", |record| {
            starts(record, "storage", "IndexedDB") && !of_view_service(record)
        })
    },
    site_data("webkit_safari_view_service", "WebkitSafariViewService", of_view_service),
    Module {
        events: &[("modified", "webkit_local_storage"), ("created", "webkit_local_storage")],
        ..site_data("webkit_local_storage", "WebkitLocalStorage", |record| {
            !starts(record, "storage", "IndexedDB") && !of_view_service(record)
        })
    },
    Module {
        fields: &[
            ("user_interaction", "most_recent_interaction"),
            ("had_user_interaction", "user_interaction"),
        ],
        events: &[("last_seen", "resource_seen")],
        ..named("ios.webkit_session_log", "webkit_session_resource_log", "WebkitSessionResourceLog")
    },
    Module {
        fields: &[("recorded", "isodate")],
        events: &[("recorded", "cache_response")],
        ..named("ios.cache_files", "cache_files", "CacheFiles")
    },
    Module {
        fields: &[
            ("first_seen", "first_isodate"),
            ("last_seen", "isodate"),
            ("used", "live_isodate"),
            ("process", "proc_name"),
        ],
        events: &[("first_seen", "first_usage"), ("last_seen", "current_usage"), ("used", "live_usage")],
        ..named("ios.netusage", "netusage", "Netusage")
    },
    Module {
        fields: &[("happened", "isodate"), ("path", "artifact")],
        ..named("ios.security_analytics", "analytics", "Analytics")
    },
    Module {
        fields: &[("first_seen", "isodate"), ("major_version", "version")],
        events: &[("first_seen", "analytics_ios_version")],
        ..named("ios.security_analytics_builds", "analytics_ios_versions", "AnalyticsIOSVersions")
    },
    Module {
        fields: &[("stored", "isodate"), ("kind", "type"), ("path", "safari_favicon_db_path")],
        events: &[("stored", "safari_favicon")],
        ..named("ios.safari_favicons", "safari_favicon", "SafariFavicon")
    },
    Module {
        fields: &[("stored", "isodate")],
        events: &[("stored", "new_favicon")],
        ..named("ios.chrome_favicons", "chrome_favicon", "ChromeFavicon")
    },
    Module {
        fields: &[
            ("stored", "isodate"),
            ("icon_url", "url"),
            ("url", "history_url"),
            ("icon_id", "id"),
            ("page_id", "history_id"),
            ("icon_type", "type"),
        ],
        events: &[("stored", "firefox_history")],
        ..named("ios.firefox_favicons", "firefox_favicon", "FirefoxFavicon")
    },
    Module {
        fields: &[
            ("shutdown", "isodate"),
            ("pids", "pid"),
            ("client_delay_s", "delay"),
            ("client_notices", "times_delayed"),
        ],
        events: &[("shutdown", "shutdown")],
        ..named("ios.shutdown_log", "shutdown_log", "ShutdownLog")
    },
    Module {
        fields: &[("recorded", "isodate")],
        events: &[("recorded", "ios_version")],
        ..named("ios.version_history", "ios_version_history", "IOSVersionHistory")
    },
    Module {
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
        ..named("ios.whatsapp", "whatsapp", "Whatsapp")
    },
    Module {
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
        ..named("ios.whatsapp_chats", "whatsapp", "Whatsapp")
    },
    Module {
        fields: &[("phone", "phone_number"), ("paired", "pair_timestamp")],
        events: &[("paired", "lid_pair_recorded")],
        record_type: Some("lid_phone_number_pair"),
        ..named("ios.whatsapp_lids", "whatsapp", "Whatsapp")
    },
    Module {
        fields: &[("started", "isodate"), ("duration_s", "duration")],
        events: &[("started", "call")],
        ..named("ios.whatsapp_calls", "whatsapp_calls", "WhatsappCalls")
    },
    Module {
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
        ..named("ios.whatsapp_contacts", "whatsapp_contacts", "WhatsappContacts")
    },
    Module {
        fields: &[
            ("created", "isodate"),
            ("modified", "modified_date"),
            ("name", "shortcut_name"),
            ("urls", "action_urls"),
            ("action_count", "parsed_actions"),
        ],
        events: &[("created", "shortcut_created"), ("modified", "shortcut_modified")],
        ..named("ios.shortcuts", "shortcuts", "Shortcuts")
    },
    Module {
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
        ..named("ios.applications", "applications", "Applications")
    },
    named("ios.app_info", "app_info", "AppInfo"),
    Module {
        events: &[("installed", "app_bundle_installed")],
        ..named("ios.app_bundles", "app_bundles", "AppBundles")
    },
    Module {
        events: &[("created", "provisioning_created"), ("expires", "provisioning_expires")],
        ..named("ios.app_provisioning", "app_provisioning", "AppProvisioning")
    },
    Module {
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
        ..named("ios.calendar", "calendar", "Calendar")
    },
    named("ios.global_preferences", "global_preferences", "GlobalPreferences"),
    named("android.properties", "dumpsys_get_prop", "DumpsysGetProp"),
    named("android.accessibility", "dumpsys_accessibility", "DumpsysAccessibility"),
    named("android.activities", "dumpsys_activities", "DumpsysActivities"),
    named("android.receivers", "dumpsys_receivers", "DumpsysReceivers"),
    Module {
        fields: &[("operation", "name"), ("at", "timestamp")],
        events: &[("at", "access")],
        ..named("android.app_ops", "dumpsys_appops", "DumpsysAppops")
    },
    Module {
        events: &[("period_start", "battery_daily")],
        ..named("android.battery_daily", "dumpsys_battery_daily", "DumpsysBatteryDaily")
    },
    Module {
        fields: &[("at", "timestamp")],
        ..named("android.battery_history", "dumpsys_battery_history", "DumpsysBatteryHistory")
    },
    Module {
        fields: &[("at", "timestamp"), ("database", "path")],
        ..named("android.database_activity", "dbinfo", "DumpsysDBInfo")
    },
    Module {
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
        ..named("android.packages", "dumpsys_packages", "DumpsysPackages")
    },
    named("android.platform_compat", "dumpsys_platform_compat", "DumpsysPlatformCompat"),
    named("android.adb", "dumpsys_adb_state", "DumpsysADBState"),
    Module {
        events: &[("modified", "M---")],
        ..named("android.file_times", "bugreport_timestamps", "BugReportTimestamps")
    },
    Module {
        fields: &[("crashed", "timestamp")],
        events: &[("crashed", "Tombstone")],
        ..named("android.tombstones", "tombstones", "Tombstones")
    },
    named("android.processes", "processes", "Processes"),
    named("android.settings", "settings", "Settings"),
    Module {
        events: &[("changed", "settings_change")],
        ..named("android.setting_changes", "settings", "Settings")
    },
    named("android.mounts", "mounts", "Mounts"),
    named("android.collected_packages", "aqf_packages", "AQFPackages"),
    Module { events: &[("modified", "M---")], ..named("android.collected_files", "aqf_files", "AQFFiles") },
    named("android.root_binaries", "root_binaries", "RootBinaries"),
    Module {
        fields: &[("received", "isodate"), ("sent", "isodate"), ("handle", "address"), ("message", "body")],
        events: &[("received", "sms_received"), ("sent", "sms_sent")],
        ..named("android.sms", "sms", "SMS")
    },
    Module {
        fields: &[("happened", "timestamp")],
        events: &[("happened", "dns_query")],
        ..named("android.dns_events", "dns_event", "DnsEvent")
    },
    Module {
        fields: &[("happened", "timestamp")],
        events: &[("happened", "network_connection")],
        ..named("android.connect_events", "connect_event", "ConnectEvent")
    },
    Module {
        fields: &[("happened", "timestamp")],
        ..named("android.security_events", "security_event", "SecurityEvent")
    },
    named("android.bugbane_packages", "aqf_packages", "AQFPackages"),
    Module {
        fields: &[("file", "path"), ("path", "listing"), ("modified", "modified_time")],
        events: &[("modified", "M---")],
        ..named("android.bugbane_files", "aqf_files", "AQFFiles")
    },
    Module {
        fields: &[("binary", "path"), ("path", "listing")],
        ..named("android.bugbane_root_binaries", "root_binaries", "RootBinaries")
    },
];

/// Sites' data in web views: MVT has a module for each kind.
const fn site_data(slug: &'static str, class: &'static str, only: Only) -> Module {
    Module {
        fields: &[("modified", "isodate")],
        only: Some(only),
        ..named("ios.webkit_storage", slug, class)
    }
}

fn starts(record: &Map<String, Value>, field: &str, start: &str) -> bool {
    record.get(field).and_then(Value::as_str).is_some_and(|text| text.starts_with(start))
}

fn of_view_service(record: &Map<String, Value>) -> bool {
    let folder = record.get("folder").and_then(Value::as_str);
    folder.is_some_and(|folder| folder.contains("/com.apple.SafariViewService/"))
}

/// The module that a record of an artifact goes to.
pub fn of_record(artifact: &str, record: &Map<String, Value>) -> Option<&'static Module> {
    all().find(|module| module.artifact == artifact && module.takes(record))
}

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
    named(artifact, words.join("_").leak(), words.iter().map(capital).collect::<String>().leak())
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
    fn site_data_goes_to_one_module_each() {
        let slug = |storage: &str, folder: &str| {
            let record = serde_json::json!({"storage": storage, "folder": folder});
            of_record("ios.webkit_storage", record.as_object().unwrap()).unwrap().slug
        };
        assert_eq!(slug("IndexedDB/v1", "/x"), "webkit_indexeddb");
        assert_eq!(slug("LocalStorage", "/x"), "webkit_local_storage");
        assert_eq!(slug("IndexedDB", "/x/com.apple.SafariViewService/y"), "webkit_safari_view_service");
    }

    #[test]
    fn artifacts_that_mvt_lacks_are_named_in_its_manner() {
        let module = of_artifact("sysdiagnose.ps").unwrap();
        assert_eq!((module.slug, module.class), ("sysdiagnose_ps", "SysdiagnosePs"));
        assert!(artifact::all().iter().all(|artifact| of_artifact(artifact.id).is_some()));
    }
}
