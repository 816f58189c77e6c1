use super::packages::{reason_word, source_word};
use crate::artifact::android_text::{indent, is_foreign};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.install_sessions",
    title: "Installations since the last start",
    about: "Each installation of an app: who asked for it, where it was downloaded, how it ended. Also of apps that are gone again.",
    files: &["/dumpsys/package"],
    columns: &[
        // The heading above it: `Active`, `Finalized`, `Historical` …
        text("list"),
        int("session_id"),
        int("user_id"),
        app_id("package_name"),
        text("label"),
        app_id("installer"),
        app_id("original_installer"),
        app_id("initiating_installer"),
        app_id("originating_package"),
        int("installer_uid"),
        int("original_installer_uid"),
        int("originating_uid"),
        url("originating_uri"),
        url("referrer_uri"),
        text("package_source"),
        text("install_reason"),
        text("install_flags"),
        path("stage_dir"),
        int("size_bytes"),
        text("final_status"),
        text("final_message"),
        time("created", Epoch::Unix, Moment::Created),
        time("updated", Epoch::Unix, Moment::Updated),
        time("committed", Epoch::Unix, Moment::Installed),
    ],
    shows: Trace::Installed,
    line: "installation of {package_name} {label} by {installer}, from {originating_uri} {referrer_uri}",
    parse: Parse::Text(parse),
};

/// Sessions are wrapped; this much text is kept of one.
const LONGEST_BYTES: usize = 256 << 10;

/// Keys of a session in any version. One that begins a wrapped line begins a new word even if the blank before it was lost.
const KEYS: [&str; 26] = [
    "userId",
    "mOriginalInstallerUid",
    "mOriginalInstallerPackageName",
    "installerPackageName",
    "mInstallerPackageName",
    "installInitiatingPackageName",
    "installOriginatingPackageName",
    "mInstallerUid",
    "createdMillis",
    "updatedMillis",
    "committedMillis",
    "stageDir",
    "stageCid",
    "mode",
    "installFlags",
    "installReason",
    "sizeBytes",
    "appPackageName",
    "appIcon",
    "appLabel",
    "originatingUri",
    "originatingUid",
    "referrerUri",
    "packageSource",
    "mFinalStatus",
    "mFinalMessage",
];

struct Session {
    line: u64,
    id: i64,
    text: String,
}

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut list: Option<String> = None;
    let mut open: Option<Session> = None;
    while let Some((number, line)) = lines.next()? {
        if is_foreign(&line) {
            continue;
        }
        let text = line.trim_start();
        let heading = line.trim_end().strip_suffix("nstall sessions:").filter(|_| indent(&line) < 2);
        if let Some(heading) = heading {
            finish(list.as_deref(), open.take(), out);
            list = Some(heading.trim_end_matches(['i', 'I', ' ']).to_owned());
        } else if list.is_some() && indent(&line) == 0 && !text.is_empty() {
            finish(list.as_deref(), open.take(), out);
            list = None;
        } else if list.is_none() {
            continue;
        } else if let Some(id) = session_id(text) {
            finish(list.as_deref(), open.take(), out);
            open = Some(Session { line: number, id, text: String::new() });
        } else if let Some(session) = &mut open
            && session.text.len() + text.len() < LONGEST_BYTES
        {
            let begins_key = KEYS.iter().any(|key| text.strip_prefix(key).is_some_and(|rest| rest.starts_with('=')));
            if begins_key && !session.text.ends_with(' ') {
                session.text.push(' ');
            }
            session.text.push_str(text);
        }
    }
    finish(list.as_deref(), open, out);
    Ok(())
}

/// `Session 12:`, `Active Session 12:`, `Finalized Child Session 12:`
fn session_id(text: &str) -> Option<i64> {
    let (before, id) = text.trim_end().strip_suffix(':')?.rsplit_once("Session ")?;
    before.split_whitespace().all(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic())).then(|| id.parse().ok())?
}

fn finish(list: Option<&str>, session: Option<Session>, out: &mut Out<'_>) {
    let (Some(list), Some(session)) = (list, session) else { return };
    let fields = fields(&session.text);
    let field = |name: &str| fields.get(name).map(String::as_str).filter(|value| !matches!(*value, "null" | ""));
    let int = |name: &str| field(name).and_then(|value| value.parse::<i64>().ok());
    // Sizes and times that are not known are -1 or 0.
    let known = |name: &str| int(name).filter(|value| *value > 0);
    out.push(
        Place::Line { line: session.line },
        [
            list.into(),
            session.id.into(),
            int("userId").into(),
            field("appPackageName").or_else(|| field("mPackageName")).into(),
            field("appLabel").into(),
            field("installerPackageName").or_else(|| field("mInstallerPackageName")).into(),
            field("mOriginalInstallerPackageName").into(),
            field("installInitiatingPackageName").or_else(|| field("mInitiatingPackageName")).into(),
            field("installOriginatingPackageName").or_else(|| field("mOriginatingPackageName")).into(),
            int("mInstallerUid").into(),
            int("mOriginalInstallerUid").into(),
            int("originatingUid").filter(|uid| *uid >= 0).into(),
            field("originatingUri").into(),
            field("referrerUri").into(),
            field("packageSource").map(source_word).into(),
            field("installReason").map(reason_word).into(),
            field("installFlags").into(),
            field("stageDir").into(),
            known("sizeBytes").into(),
            field("mFinalStatus").into(),
            field("mFinalMessage").into(),
            known("createdMillis").into(),
            known("updatedMillis").into(),
            known("committedMillis").into(),
        ],
    );
}

/// `key=value` pairs whose values may have blanks. The first of a name counts: what follows may be text of the app.
fn fields(text: &str) -> HashMap<String, String> {
    let mut fields: HashMap<String, String> = HashMap::new();
    let mut open: Option<(&str, String)> = None;
    for word in text.split_whitespace() {
        match word.split_once('=').filter(|(key, _)| is_key(key)) {
            Some((key, value)) => {
                if let Some((key, value)) = open.replace((key, value.to_owned())) {
                    fields.entry(key.to_owned()).or_insert(value);
                }
            }
            None => {
                if let Some((_, value)) = &mut open {
                    value.push(' ');
                    value.push_str(word);
                }
            }
        }
    }
    if let Some((key, value)) = open {
        fields.entry(key.to_owned()).or_insert(value);
    }
    fields
}

fn is_key(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const DUMP: &str = "Active install sessions:\n\nHistorical install sessions:\n  Historical Session 77:\n    userId=0 mOriginalInstallerUid=10088 \
        mOriginalInstallerPackageName=com.android.chrome installerPack\n    ageName=com.google.android.packageinstaller createdMil\n    \
        lis=1700000000000 committedMillis=1700000001000 \n    mode=1 installFlags=0x2 installReason=4 sizeBytes=-1\n    \
        appPackageName=com.example.bad appLabel=My Tool 2 originatingUri=https://a.example.org/x.apk?y=z originatingUid=10088 \n    \
        referrerUri=https://b.example.org/ packageSource=4 mFinalStatus=1 mFinalMessage=Session installed\n\nLegacy install sessions:\nOther:\n  Session 3:\n    userId=1\n";

    #[test]
    fn wrapped_sessions_are_joined() {
        assert_eq!(
            rows(&ARTIFACT, DUMP.as_bytes()),
            json!([{
                "list": "Historical", "session_id": 77, "user_id": 0, "package_name": "com.example.bad", "label": "My Tool 2",
                "installer": "com.google.android.packageinstaller", "original_installer": "com.android.chrome",
                "original_installer_uid": 10088, "originating_uid": 10088, "originating_uri": "https://a.example.org/x.apk?y=z",
                "referrer_uri": "https://b.example.org/", "package_source": "downloaded file", "install_reason": "user",
                "install_flags": "0x2", "final_status": "1", "final_message": "Session installed",
                "created": "2023-11-14T22:13:20.000000+00:00", "committed": "2023-11-14T22:13:21.000000+00:00",
                "_line": "installation of com.example.bad My Tool 2 by com.google.android.packageinstaller, from \
                          https://a.example.org/x.apk?y=z https://b.example.org/",
            }])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, DUMP.as_bytes());
    }
}
