use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.tcc",
    title: "Privacy permissions",
    about: "Which apps and programs asked for the camera, the microphone, photos and the like, and what was decided; three schemas: up to iOS 11, 12 and 13, and since 14.",
    files: &["/private/var/mobile/Library/TCC/TCC.db"],
    columns: &[
        time("modified", Epoch::Unix, Moment::PermissionChanged),
        text("service"),
        process("client"),
        // Which of the two `client` is depends on `client_type`.
        app_id("client_bundle_id"),
        path("client_path"),
        text("client_type"),
        text("access"),
        text("reason"),
        int("prompt_count"),
        int("pid"),
        text("boot_uuid"),
        time("expired", Epoch::Unix, Moment::PermissionChanged),
    ],
    shows: Trace::Installed,
    line: "access to {service} by {client}: {access}",
    parse: Parse::Database(parse),
};

fn parse(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    read_tables(database, &[("access", ACCESS)], out)?;
    // Permissions that ran out; not every version has it.
    if database.tables().iter().any(|table| table == "expired") {
        read_tables(database, &[("expired", EXPIRED)], out)?;
    }
    Ok(())
}

const ACCESS: &[&str] = &[
    // iOS 14 and later.
    "SELECT rowid, {last_modified}, service, client, iif(client_type = 0, client, NULL),
            iif(client_type = 1, client, NULL),
            CASE client_type WHEN 0 THEN 'bundle_id' WHEN 1 THEN 'absolute_path' ELSE CAST(client_type AS TEXT) END,
            CASE auth_value WHEN 0 THEN 'denied' WHEN 1 THEN 'unknown' WHEN 2 THEN 'allowed' WHEN 3 THEN 'limited'
                ELSE CAST(auth_value AS TEXT) END,
            CASE {auth_reason} WHEN 1 THEN 'error' WHEN 2 THEN 'user_consent' WHEN 3 THEN 'user_set'
                WHEN 4 THEN 'system_set' WHEN 5 THEN 'service_policy' WHEN 6 THEN 'mdm_policy'
                WHEN 7 THEN 'override_policy' WHEN 8 THEN 'missing_usage_string' WHEN 9 THEN 'prompt_timeout'
                WHEN 10 THEN 'preflight_unknown' WHEN 11 THEN 'entitled' WHEN 12 THEN 'app_type_policy'
                ELSE {iif(auth_reason IS NULL, NULL, 'unknown')} END,
            {prompt_count}, {pid}, {boot_uuid}, NULL
     FROM access ORDER BY rowid",
    // Before; without `last_modified` up to iOS 11.
    "SELECT rowid, {last_modified}, service, client, iif(client_type = 0, client, NULL),
            iif(client_type = 1, client, NULL),
            CASE client_type WHEN 0 THEN 'bundle_id' WHEN 1 THEN 'absolute_path' ELSE CAST(client_type AS TEXT) END,
            CASE allowed WHEN 0 THEN 'denied' WHEN 1 THEN 'allowed' ELSE CAST(allowed AS TEXT) END,
            NULL, {prompt_count}, NULL, NULL, NULL
     FROM access ORDER BY rowid",
];

const EXPIRED: &[&str] = &[
    "SELECT rowid, {last_modified}, service, client, iif(client_type = 0, client, NULL),
            iif(client_type = 1, client, NULL),
            CASE client_type WHEN 0 THEN 'bundle_id' WHEN 1 THEN 'absolute_path' ELSE CAST(client_type AS TEXT) END,
            'expired', NULL, NULL, NULL, NULL, {expired_at}
     FROM expired ORDER BY rowid",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    #[test]
    fn reasons_and_values_of_ios_14_read_as_words() {
        let database = sqlite(
            "CREATE TABLE access (service, client, client_type, auth_value, auth_reason, auth_version, last_modified);
             INSERT INTO access VALUES ('kTCCServiceCamera', 'com.a', 0, 2, 2, 1, 1567121610),
                 ('kTCCServicePhotos', '/usr/libexec/x', 1, 3, 0, 1, 0), (NULL, x'7a', 9, NULL, NULL, NULL, NULL);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"modified": "2019-08-29T23:33:30.000000+00:00", "service": "kTCCServiceCamera", "client": "com.a",
                 "client_bundle_id": "com.a", "client_type": "bundle_id", "access": "allowed", "reason": "user_consent",
                 "_line": "access to kTCCServiceCamera by com.a: allowed"},
                {"service": "kTCCServicePhotos", "client": "/usr/libexec/x", "client_path": "/usr/libexec/x",
                 "client_type": "absolute_path", "access": "limited", "reason": "unknown",
                 "_line": "access to kTCCServicePhotos by /usr/libexec/x: limited"},
                {"client": "z", "client_type": "9", "_line": "access to  by z: "},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn older_schemas_say_allowed_or_denied() {
        let twelve = sqlite(
            "CREATE TABLE access (service, client, client_type, allowed, prompt_count, last_modified);
             INSERT INTO access VALUES ('kTCCServiceCamera', 'com.a', 0, 1, 1, 1567121610);",
        );
        assert_eq!(
            rows(&ARTIFACT, &twelve),
            json!([{"modified": "2019-08-29T23:33:30.000000+00:00", "service": "kTCCServiceCamera", "client": "com.a",
                    "client_bundle_id": "com.a", "client_type": "bundle_id", "access": "allowed", "prompt_count": 1,
                    "_line": "access to kTCCServiceCamera by com.a: allowed"}])
        );
        let eleven = sqlite(
            "CREATE TABLE access (service, client, client_type, allowed, prompt_count);
             INSERT INTO access VALUES ('kTCCServiceCamera', 'com.a', 0, 0, 1);",
        );
        assert_eq!(rows(&ARTIFACT, &eleven)[0]["access"], "denied");
        shake(&ARTIFACT, &eleven);
    }

    #[test]
    fn permissions_that_ran_out_and_the_process_that_asked_are_told() {
        let database = sqlite(
            "CREATE TABLE access (service, client, client_type, auth_value, auth_reason, last_modified, pid, pid_version, boot_uuid);
             INSERT INTO access VALUES ('kTCCServiceCamera', '/usr/libexec/x', 1, 2, 4, 1567121610, 410, 7, 'ABCD');
             CREATE TABLE expired (service, client, client_type, csreq, last_modified, expired_at);
             INSERT INTO expired VALUES ('kTCCServicePhotos', 'com.a', 0, NULL, 1567121610, 1567121620);",
        );
        let records = rows(&ARTIFACT, &database);
        assert_eq!((&records[0]["pid"], &records[0]["boot_uuid"]), (&json!(410), &json!("ABCD")));
        assert_eq!(records[0]["client_path"], "/usr/libexec/x");
        assert_eq!(records[1]["access"], "expired");
        assert_eq!(records[1]["expired"], "2019-08-29T23:33:40.000000+00:00");
        shake(&ARTIFACT, &database);
    }
}
