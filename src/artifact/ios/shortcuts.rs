use crate::artifact::prelude::*;
use crate::format::keyed;

/// Actions whose shortcut is gone.
macro_rules! orphans {
    () => {
        "
         UNION ALL
         SELECT a.Z_PK, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, a.ZDATA
         FROM ZSHORTCUTACTIONS a LEFT JOIN ZSHORTCUT s ON s.Z_PK = a.ZSHORTCUT WHERE s.Z_PK IS NULL"
    };
}

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.shortcuts",
    title: "Shortcuts and automations",
    about: "The owner's shortcuts with the actions in them, the addresses these use and whether they run by themselves.",
    files: &["/private/var/mobile/Library/Shortcuts/Shortcuts.sqlite"],
    columns: &[
        time("created", Epoch::Mac, Moment::Created),
        time("modified", Epoch::Mac, Moment::Modified),
        time("last_run", Epoch::Mac, Moment::Started),
        text("name"),
        text("description"),
        text("actions"),
        int("action_count"),
        url("urls"),
        host("ssh_hosts"),
        app_id("app_ids"),
        int("automations"),
        boolean("asks_before_running"),
        boolean("deleted"),
        int("shortcut_id"),
    ],
    shows: Trace::Policy,
    line: "shortcut {name}: {description} {urls}",
    parse: Parse::Rows {
        table: "ZSHORTCUT",
        queries: &[
            concat!(
                "SELECT s.Z_PK, 'shortcut', {s.ZCREATIONDATE}, {s.ZMODIFICATIONDATE}, {s.ZLASTRUNEVENTDATE},
                        {s.ZNAME}, {s.ZACTIONSDESCRIPTION}, {s.ZASSOCIATEDAPPBUNDLEIDENTIFIER}, t.automations, t.asks,
                        {s.ZTOMBSTONED}, a.ZDATA
                 FROM ZSHORTCUT s LEFT JOIN ZSHORTCUTACTIONS a ON a.ZSHORTCUT = s.Z_PK
                 LEFT JOIN (SELECT ZSHORTCUT, count(*) AS automations, min({ZSHOULDPROMPT}) AS asks
                            FROM ZTRIGGER GROUP BY ZSHORTCUT) t ON t.ZSHORTCUT = s.Z_PK",
                orphans!()
            ),
            concat!(
                "SELECT s.Z_PK, 'shortcut', {s.ZCREATIONDATE}, {s.ZMODIFICATIONDATE}, {s.ZLASTRUNEVENTDATE},
                        {s.ZNAME}, {s.ZACTIONSDESCRIPTION}, {s.ZASSOCIATEDAPPBUNDLEIDENTIFIER}, NULL, NULL,
                        {s.ZTOMBSTONED}, a.ZDATA
                 FROM ZSHORTCUT s LEFT JOIN ZSHORTCUTACTIONS a ON a.ZSHORTCUT = s.Z_PK",
                orphans!()
            ),
            "SELECT s.Z_PK, 'shortcut', {s.ZCREATIONDATE}, {s.ZMODIFICATIONDATE}, {s.ZLASTRUNEVENTDATE}, {s.ZNAME},
                    {s.ZACTIONSDESCRIPTION}, {s.ZASSOCIATEDAPPBUNDLEIDENTIFIER}, NULL, NULL, {s.ZTOMBSTONED}, NULL
             FROM ZSHORTCUT s ORDER BY s.Z_PK",
        ],
        row,
    },
};

fn row(row: &Row<'_>, out: &mut Out<'_>) -> Result<()> {
    let id = row.value(0);
    let is_shortcut = !row.value(1).is_null();
    let table = if is_shortcut { "ZSHORTCUT" } else { "ZSHORTCUTACTIONS" };
    let place = Place::row(table, id.as_int().unwrap_or_default());
    let mut actions = Actions::default();
    let mut count = Value::Null;
    if let Value::Bytes(bytes) = row.value(11) {
        match keyed::parse(&bytes) {
            Ok(list) => {
                count = Value::Int(list.as_array().map_or(0, Vec::len) as i64);
                actions.collect(&list);
            }
            Err(error) => out.warn(Some(place.clone()), format!("the actions cannot be read: {error:#}")),
        }
        if actions.cut {
            out.warn(Some(place.clone()), format!("only the first {KEPT} actions and addresses are kept"));
        }
    }
    if let Value::Text(app) = row.value(7) {
        push_new(&mut actions.app_ids, &app, &mut actions.cut);
    }
    let list = |items: Vec<String>| if items.is_empty() { Value::Null } else { items.into_iter().collect() };
    out.push(
        place,
        [
            row.value(2),
            row.value(3),
            row.value(4),
            row.value(5),
            row.value(6),
            list(actions.identifiers),
            count,
            list(actions.urls),
            list(actions.ssh_hosts),
            list(actions.app_ids),
            row.value(8),
            row.value(9),
            row.value(10),
            if is_shortcut { id } else { Value::Null },
        ],
    );
    Ok(())
}

/// Different actions, and addresses, of one shortcut.
const KEPT: usize = 1000;
/// Dictionaries in lists in dictionaries.
const DEEPEST: usize = 64;

/// What the actions of a shortcut say, each once, in their order.
#[derive(Default)]
struct Actions {
    identifiers: Vec<String>,
    urls: Vec<String>,
    ssh_hosts: Vec<String>,
    app_ids: Vec<String>,
    cut: bool,
}

impl Actions {
    fn collect(&mut self, list: &plist::Value) {
        for action in list.as_array().map_or(&[][..], Vec::as_slice) {
            let Some(action) = action.as_dictionary() else { continue };
            if let Some(identifier) = action.get("WFWorkflowActionIdentifier").and_then(plist::Value::as_string) {
                push_new(&mut self.identifiers, identifier, &mut self.cut);
            }
            if let Some(parameters) = action.get("WFWorkflowActionParameters") {
                self.walk("", parameters, DEEPEST);
            }
        }
    }

    /// `key` is the nearest one above that names a parameter: texts with variables in them lie some dictionaries deeper.
    fn walk<'v>(&mut self, key: &'v str, value: &'v plist::Value, depth: usize) {
        if depth == 0 {
            self.cut = true;
            return;
        }
        match value {
            plist::Value::Array(items) => items.iter().for_each(|item| self.walk(key, item, depth - 1)),
            plist::Value::Dictionary(items) => {
                for (name, item) in items {
                    let key = if matches!(name.as_str(), "Value" | "string") { key } else { name };
                    self.walk(key, item, depth - 1);
                }
            }
            plist::Value::String(text) => self.text(key, text),
            _ => {}
        }
    }

    fn text(&mut self, key: &str, text: &str) {
        let links = links(text);
        match key {
            "WFSSHHost" => push_new(&mut self.ssh_hosts, text, &mut self.cut),
            "WFAppIdentifier" | "BundleIdentifier" => push_new(&mut self.app_ids, text, &mut self.cut),
            // In the address fields Shortcuts itself adds a missing `http://`.
            "WFURLActionURL" | "WFURL" if links.is_empty() && text.contains('.') => {
                push_new(&mut self.urls, text.trim(), &mut self.cut);
            }
            _ => {}
        }
        for link in links {
            push_new(&mut self.urls, link, &mut self.cut);
        }
    }
}

fn push_new(list: &mut Vec<String>, text: &str, cut: &mut bool) {
    if list.iter().any(|known| known == text) {
        return;
    }
    if list.len() < KEPT { list.push(text.to_owned()) } else { *cut = true }
}

/// The `http` and `https` addresses in a text, each up to white space or a quote.
fn links(text: &str) -> Vec<&str> {
    let mut links = Vec::new();
    for (at, _) in text.match_indices("://") {
        let (Some(before), Some(from)) = (text.get(..at), text.get(at..)) else { continue };
        let ends_in = |scheme: &str| {
            let start = before.len().checked_sub(scheme.len())?;
            before.get(start..)?.eq_ignore_ascii_case(scheme).then_some(start)
        };
        let Some(start) = ends_in("https").or_else(|| ends_in("http")) else { continue };
        let end = from.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '\u{fffc}'));
        let end = end.map_or(text.len(), |end| at + end);
        links.extend(text.get(start..end));
        if links.len() >= KEPT {
            break;
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};
    use crate::record::hex;

    const ACTIONS: &str = "<plist><array>
        <dict><key>WFWorkflowActionIdentifier</key><string>is.workflow.actions.downloadurl</string>
              <key>WFWorkflowActionParameters</key><dict><key>WFURL</key><dict><key>Value</key><dict>
                  <key>string</key><string>a.example/x?</string></dict></dict>
                  <key>Text</key><array><string>see HTTPS://b.example/y, or http://c.example</string></array></dict></dict>
        <dict><key>WFWorkflowActionIdentifier</key><string>is.workflow.actions.runsshscript</string>
              <key>WFWorkflowActionParameters</key><dict><key>WFSSHHost</key><string>d.example</string></dict></dict>
        <dict><key>WFWorkflowActionIdentifier</key><string>is.workflow.actions.openapp</string>
              <key>WFWorkflowActionParameters</key><dict><key>WFAppIdentifier</key><string>com.a</string></dict></dict>
        <string>odd</string></array></plist>";

    fn actions() -> String {
        let value = plist::Value::from_reader_xml(ACTIONS.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        value.to_writer_binary(&mut bytes).unwrap();
        hex(&bytes)
    }

    #[test]
    fn actions_are_walked_and_automations_counted() {
        let database = sqlite(&format!(
            "CREATE TABLE ZSHORTCUT (Z_PK INTEGER PRIMARY KEY, ZNAME, ZCREATIONDATE, ZMODIFICATIONDATE, ZACTIONSDESCRIPTION);
             CREATE TABLE ZSHORTCUTACTIONS (Z_PK INTEGER PRIMARY KEY, ZSHORTCUT, ZDATA);
             CREATE TABLE ZTRIGGER (Z_PK INTEGER PRIMARY KEY, ZSHORTCUT, ZSHOULDPROMPT);
             INSERT INTO ZSHORTCUT VALUES (1, 'Fetch', 588814400.0, 588814410.5, '2 actions'), (2, CAST(x'ff41' AS TEXT), NULL, 0, NULL);
             INSERT INTO ZSHORTCUTACTIONS VALUES (4, 1, x'{}'), (5, 77, x'00');
             INSERT INTO ZTRIGGER VALUES (1, 1, 1), (2, 1, 0);",
            actions()
        ));
        let (rows, warnings) = rows_at(&ARTIFACT, "/private/var/mobile/Library/Shortcuts/Shortcuts.sqlite", &database);
        assert_eq!(
            rows,
            json!([
                {"created": "2019-08-29T23:33:20.000000+00:00", "modified": "2019-08-29T23:33:30.500000+00:00",
                 "name": "Fetch", "description": "2 actions",
                 "actions": ["is.workflow.actions.downloadurl", "is.workflow.actions.runsshscript",
                             "is.workflow.actions.openapp"],
                 "action_count": 4, "urls": ["a.example/x?", "HTTPS://b.example/y,", "http://c.example"],
                 "ssh_hosts": ["d.example"], "app_ids": ["com.a"], "automations": 2, "asks_before_running": false,
                 "shortcut_id": 1,
                 "_line": "shortcut Fetch: 2 actions a.example/x?, HTTPS://b.example/y,, http://c.example"},
                {"name": "\u{fffd}A", "shortcut_id": 2, "_line": "shortcut \u{fffd}A:  "},
                {"_line": "shortcut :  "},
            ])
        );
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn databases_without_actions_or_triggers_are_read() {
        let database = sqlite(
            "CREATE TABLE ZSHORTCUT (Z_PK INTEGER PRIMARY KEY, ZNAME); INSERT INTO ZSHORTCUT VALUES (1, 'A');",
        );
        assert_eq!(rows(&ARTIFACT, &database)[0]["name"], "A");
    }

    #[test]
    fn deep_nesting_ends() {
        let mut value = plist::Value::String("http://a.example".into());
        for _ in 0..200 {
            value = plist::Value::Array(vec![value]);
        }
        let mut actions = Actions::default();
        actions.walk("", &value, DEEPEST);
        assert!(actions.cut && actions.urls.is_empty());
    }
}
