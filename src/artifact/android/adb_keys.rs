use crate::artifact::adb_state;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.adb_keys",
    title: "Computers that may debug the phone",
    about: "The keys of computers that somebody allowed on the phone's screen, and when each was last used.",
    files: &["/dumpsys/adb"],
    columns: &[
        // `user_keys`, `system_keys` or `keystore`
        text("list"),
        text("user"),
        // As the phone shows it when it asks.
        text("fingerprint"),
        text("key"),
        time("last_connected", Epoch::Unix, Moment::LastSeen),
    ],
    shows: Trace::Policy,
    line: "computer {user} ({fingerprint}) may debug the phone",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    for key in adb_state::read(lines)?.map(|state| state.keys).unwrap_or_default() {
        out.push(
            Place::Line { line: key.line },
            [key.list.into(), key.user.into(), key.fingerprint.into(), key.key.into(), key.last_connected_ms.into()],
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{adb_state::EXAMPLE, testing::*};

    #[test]
    fn keys_of_all_lists_have_the_fingerprint_that_the_phone_shows() {
        let records = rows(&ARTIFACT, EXAMPLE.as_bytes());
        let told: Vec<_> = records
            .as_array()
            .unwrap()
            .iter()
            .map(|row| [&row["list"], &row["user"], &row["fingerprint"], &row["last_connected"]])
            .collect();
        let first = "6B:BA:8B:C2:EF:EB:E6:D6:13:C0:96:56:19:FD:BA:9F";
        assert_eq!(
            json!(told),
            json!([
                ["user_keys", "user@host", first, null],
                ["user_keys", "other@host", "E0:35:00:23:A8:3A:3B:63:B5:37:B9:01:60:C0:03:5D", null],
                ["keystore", "user@host", first, "2023-11-14T22:13:20.000000+00:00"],
            ])
        );
        shake(&ARTIFACT, EXAMPLE.as_bytes());
    }

    #[test]
    fn keys_are_found_in_what_is_left_of_binary_xml() {
        let text = format!("{{\n  debugging_manager={{\n    keystore=ABX\0\u{fffd}key\u{fffd}{} user@linux\u{fffd}\n  }}\n}}\n", "QAAA".repeat(174));
        let records = rows(&ARTIFACT, text.as_bytes());
        assert_eq!((records.as_array().unwrap().len(), &records[0]["user"]), (1, &json!("user@linux")));
        shake(&ARTIFACT, text.as_bytes());
    }
}
