use crate::artifact::android_text::{bounded, duration_ms, number_after};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.users",
    title: "Users and profiles of the phone",
    about: "The owner, further users and profiles such as one for work, and when each was made and last used. Apps of another user are not seen by the owner.",
    files: &["/dumpsys/user"],
    columns: &[
        int("user"),
        text("name"),
        text("type"),
        time("created", Epoch::BeforeSnapshot, Moment::Created),
        time("last_logged_in", Epoch::BeforeSnapshot, Moment::LastSeen),
        text("flags"),
    ],
    shows: Trace::Policy,
    line: "user {user} {name} ({type})",
    parse: Parse::Text(parse),
};

#[derive(Default)]
struct User {
    line: u64,
    id: i64,
    name: String,
    kind: Option<String>,
    flags: Option<String>,
    created_ms: Option<i64>,
    logged_in_ms: Option<i64>,
}

/// `UserInfo{10:Work:1030} serialNo=10 …` and the lines below it.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut open: Option<User> = None;
    while let Some((number, line)) = lines.next()? {
        let text = line.trim();
        // Lists of users by their name stand elsewhere; only the one with serial numbers goes on below.
        if text.starts_with("UserInfo{") && text.contains(" serialNo=") {
            let (info, _) = text.split_once("} ").unwrap_or((text, ""));
            let name = info.split_once(':').map_or("", |(_, rest)| rest.rsplit_once(':').map_or(rest, |(name, _)| name));
            let Some(id) = number_after(text, "UserInfo{") else { continue };
            push(open.replace(User { line: number, id, name: bounded(name).to_owned(), ..User::default() }), out);
            continue;
        }
        let Some(user) = &mut open else { continue };
        let age = |text: &str| duration_ms(text.trim().trim_end_matches("ago").trim());
        if text.is_empty() {
            push(open.take(), out);
        } else if let Some(kind) = text.strip_prefix("Type: ") {
            user.kind = Some(bounded(kind).to_owned());
        } else if let Some(flags) = text.strip_prefix("Flags: ") {
            user.flags = Some(bounded(flags).to_owned());
        } else if let Some(created) = text.strip_prefix("Created: ") {
            user.created_ms = age(created);
        } else if let Some(seen) = text.strip_prefix("Last logged in: ") {
            user.logged_in_ms = age(seen);
        }
    }
    push(open, out);
    Ok(())
}

fn push(user: Option<User>, out: &mut Out<'_>) {
    let Some(user) = user else { return };
    let seconds = |ms: Option<i64>| ms.map_or(Value::Null, |ms| Value::Real(ms as f64 / 1000.0));
    out.push(
        Place::Line { line: user.line },
        [
            user.id.into(),
            user.name.into(),
            user.kind.into(),
            seconds(user.created_ms),
            seconds(user.logged_in_ms),
            user.flags.into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
Users:
  UserInfo{0:Owner:4c13} serialNo=0 isPrimary=true
    Type: android.os.usertype.full.SYSTEM
    Flags: 19475 (ADMIN|FULL)
    Created: <unknown>
    Last logged in: +1h0m0s0ms ago
  UserInfo{10:Second: space:1030} serialNo=10
    Type: android.os.usertype.profile.MANAGED
    Created: +10d0h0m0s0ms ago

  Device owner id:-10000
    Created: +1s ago
";

    #[test]
    fn users_are_told_with_when_they_were_made() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/dumpsys/user", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records,
            json!([
                {"user": 0, "name": "Owner", "type": "android.os.usertype.full.SYSTEM", "flags": "19475 (ADMIN|FULL)",
                 "last_logged_in": "2023-05-24T11:00:00.000000+00:00", "_line": "user 0 Owner (android.os.usertype.full.SYSTEM)"},
                {"user": 10, "name": "Second: space", "type": "android.os.usertype.profile.MANAGED",
                 "created": "2023-05-14T12:00:00.000000+00:00", "_line": "user 10 Second: space (android.os.usertype.profile.MANAGED)"},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
