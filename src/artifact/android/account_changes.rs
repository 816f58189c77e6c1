use crate::artifact::android_text::{bounded, number_after, written};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.account_changes",
    title: "Changes of accounts",
    about: "The last sixty-four times that an app added, removed or changed an account.",
    files: &["/dumpsys/account"],
    columns: &[
        time("at", Epoch::Local, Moment::Updated).rounded(Precision::Second),
        // `action_account_add`, `action_called_account_remove` …
        text("action"),
        // -1 where the account was not yet there.
        int("account"),
        int("uid"),
        int("user"),
    ],
    shows: Trace::Mentioned,
    line: "account {account}: {action} by user id {uid}",
    parse: Parse::Text(parse),
};

/// `1,action_account_add,2026-02-11 08:33:39,10177,accounts,1` below `Accounts History`
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let (mut user, mut inside) = (None, false);
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        if line.starts_with("User UserInfo{") {
            user = number_after(line, "UserInfo{");
        }
        let fields: Vec<&str> = line.split(',').take(7).collect();
        let [account, action, at, uid, ..] = fields.as_slice() else {
            inside = line == "Accounts History";
            continue;
        };
        let Some(account) = account.parse::<i64>().ok().filter(|_| inside) else { continue };
        out.push(
            Place::Line { line: number },
            [written(at), bounded(action).into(), account.into(), uid.parse::<i64>().ok().into(), user.into()],
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
User UserInfo{0:Owner:4c13}:
  AccountId, Action_Type, timestamp, UID, TableName, Key
  Accounts History
  1,action_account_add,2023-02-11 08:33:39,10177,accounts,1
  -1,action_called_account_add,2023-04-03 21:47:01,10178,accounts,4

  Active Sessions: 0
  1,action_x,2023-02-11 08:33:39,10177,accounts,1
";

    #[test]
    fn the_history_is_read_and_nothing_behind_it() {
        let (records, _) = rows_timed(&ARTIFACT, "/dumpsys/account", TEXT.as_bytes());
        assert_eq!(
            records,
            json!([
                {"at": "2023-02-11T06:33:39.000000+00:00", "action": "action_account_add", "account": 1, "uid": 10177, "user": 0,
                 "_line": "account 1: action_account_add by user id 10177"},
                {"at": "2023-04-03T19:47:01.000000+00:00", "action": "action_called_account_add", "account": -1, "uid": 10178, "user": 0,
                 "_line": "account -1: action_called_account_add by user id 10178"},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
