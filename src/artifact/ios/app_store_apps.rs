use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.app_store_apps",
    title: "Apps and purchases known to the App Store",
    about: "Apps on the phone as the App Store counts them, removed ones too, and what the account ever bought, hidden purchases too.",
    files: &["/private/var/mobile/Library/Caches/com.apple.appstored/storeUser.db"],
    columns: &[
        time("installed", Epoch::Mac, Moment::Installed),
        time("removed", Epoch::Mac, Moment::Removed),
        // By the account, on whatever device.
        time("purchased", Epoch::Mac, Moment::Created),
        app_id("bundle_id"),
        text("title"),
        text("vendor"),
        text("version"),
        text("bundle_version"),
        int("item_id"),
        url("product_url"),
        boolean("hidden"),
        email("apple_id"),
        int("account_id"),
        text("table"),
    ],
    shows: Trace::Installed,
    line: "app {bundle_id} ({title}) of {vendor}",
    parse: Parse::Database(|database, out| {
        read_present_tables(database, &[("current_apps", CURRENT), ("purchase_history_apps", PURCHASED)], out)
    }),
};

const CURRENT: &[&str] = &["
    SELECT c.rowid, {c.timestamp}, {c.deletion_date}, NULL, {c.bundle_id}, {c.item_name}, {c.vendor_name}, {c.short_version},
           {c.bundle_version}, {c.item_id}, NULL, NULL, NULL, NULL, 'current_apps'
    FROM current_apps c ORDER BY c.rowid"];

macro_rules! purchased {
    ($account:literal, $join:literal) => {
        concat!(
            "SELECT p.rowid, NULL, NULL, {p.date_purchased}, {p.bundle_id}, {p.title}, {p.developer_name}, NULL, NULL,
                    {p.store_item_id}, {p.product_url}, {p.hidden_from_springboard}, ", $account, ", {p.purchaser_dsid},
                    'purchase_history_apps'
             FROM purchase_history_apps p ", $join, " ORDER BY p.rowid"
        )
    };
}

const PURCHASED: &[&str] = &[
    purchased!(
        "a.apple_id",
        "LEFT JOIN (SELECT account_id, max(apple_id) AS apple_id FROM account_events GROUP BY account_id) a
         ON a.account_id = p.purchaser_dsid"
    ),
    purchased!("NULL", ""),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    #[test]
    fn apps_on_the_phone_and_purchases_of_the_account() {
        let database = sqlite(
            "CREATE TABLE current_apps (pid INTEGER PRIMARY KEY, timestamp, bundle_id, item_name, vendor_name, short_version,
                                        bundle_version, item_id, deletion_date);
             CREATE TABLE purchase_history_apps (pid INTEGER PRIMARY KEY, date_purchased, title, bundle_id, developer_name,
                                        product_url, store_item_id, hidden_from_springboard, purchaser_dsid);
             CREATE TABLE account_events (account_id, apple_id);
             INSERT INTO current_apps VALUES (1, 588814410.5, 'com.example.a', 'A', 'Example Ltd', '1.2', '12', 7, 588814420.5),
                                             (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
             INSERT INTO purchase_history_apps VALUES (1, 588814410.5, 'B', 'com.example.b', 'Example Ltd', 'https://apps.example/b', 8, 1, 99),
                                             (2, 0, NULL, x'63', NULL, NULL, NULL, NULL, NULL);
             INSERT INTO account_events VALUES (99, 'a@example.org'), (99, NULL);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"installed": "2019-08-29T23:33:30.500000+00:00", "removed": "2019-08-29T23:33:40.500000+00:00",
                 "bundle_id": "com.example.a", "title": "A", "vendor": "Example Ltd", "version": "1.2", "bundle_version": "12",
                 "item_id": 7, "table": "current_apps", "_line": "app com.example.a (A) of Example Ltd"},
                {"table": "current_apps", "_line": "app  () of "},
                {"purchased": "2019-08-29T23:33:30.500000+00:00", "bundle_id": "com.example.b", "title": "B",
                 "vendor": "Example Ltd", "item_id": 8, "product_url": "https://apps.example/b", "hidden": true,
                 "apple_id": "a@example.org", "account_id": 99, "table": "purchase_history_apps",
                 "_line": "app com.example.b (B) of Example Ltd"},
                {"bundle_id": "c", "table": "purchase_history_apps", "_line": "app c () of "},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn one_table_is_enough_and_none_is_told() {
        let purchases = sqlite("CREATE TABLE purchase_history_apps (bundle_id); INSERT INTO purchase_history_apps VALUES ('com.example.a')");
        assert_eq!(rows(&ARTIFACT, &purchases)[0]["bundle_id"], "com.example.a");
        assert!(rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE b (c)")).1[0].contains("its tables: b"));
    }
}
