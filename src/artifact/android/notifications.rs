use crate::artifact::android_text::{bounded, number_after};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.notifications",
    title: "Notifications",
    about: "Notifications that were shown or kept when the report was made; most phones hide their text.",
    files: &["/dumpsys/notification"],
    columns: &[
        app_id("package"),
        text("tag"),
        message("title"),
        message("text"),
        int("user"),
        int("importance"),
    ],
    shows: Trace::Received,
    line: "notification of {package}: {title} {text}",
    parse: Parse::Text(parse),
};

#[derive(Default)]
struct Notification {
    line: u64,
    package: String,
    tag: Option<String>,
    title: Option<String>,
    text: Option<String>,
    user: Option<i64>,
    importance: Option<i64>,
}

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut open: Option<Notification> = None;
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        if let Some((_, rest)) = line.split_once("NotificationRecord(").filter(|_| line.starts_with("NotificationRecord(")) {
            push(open.take(), out);
            let word = |key: &str| Some(rest.split_once(key)?.1.split_whitespace().next()?.to_owned());
            open = word(" pkg=").map(|package| Notification {
                line: number,
                package,
                tag: word(" tag=").filter(|tag| tag != "null").map(|tag| bounded(&tag).to_owned()),
                user: number_after(rest, "UserHandle{"),
                importance: number_after(rest, " importance="),
                ..Notification::default()
            });
        } else if let Some(notification) = &mut open {
            for (key, slot) in [("android.title=", &mut notification.title), ("android.text=", &mut notification.text)] {
                if let Some(value) = line.strip_prefix(key)
                    && slot.is_none()
                {
                    *slot = shown(value).map(str::to_owned);
                }
            }
        }
    }
    push(open, out);
    Ok(())
}

/// `String (the text)`; phones of users write `String [length=12]`.
fn shown(value: &str) -> Option<&str> {
    let (_, text) = value.split_once('(')?;
    let text = text.strip_suffix(')').unwrap_or(text);
    Some(bounded(text)).filter(|text| !text.is_empty())
}

fn push(notification: Option<Notification>, out: &mut Out<'_>) {
    let Some(notification) = notification else { return };
    out.push(
        Place::Line { line: notification.line },
        [
            notification.package.into(),
            notification.tag.into(),
            notification.title.into(),
            notification.text.into(),
            notification.user.into(),
            notification.importance.into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
    NotificationRecord(0x0a1b: pkg=org.example.sms user=UserHandle{0} id=1 tag=null importance=4 key=0|org.example.sms|1|null|10123: Notification(x))
      extras={
          android.title=String (Parcel)
          android.text=String (pay at https://a.example/x (now))
      }
    NotificationRecord(0x0a1c: pkg=org.example.b user=UserHandle{10} id=1 tag=t key=x
          android.text=String [length=12]
";

    #[test]
    fn texts_are_read_where_the_phone_shows_them() {
        assert_eq!(
            rows(&ARTIFACT, TEXT.as_bytes()),
            json!([
                {"package": "org.example.sms", "title": "Parcel", "text": "pay at https://a.example/x (now)", "user": 0,
                 "importance": 4, "_line": "notification of org.example.sms: Parcel pay at https://a.example/x (now)"},
                {"package": "org.example.b", "tag": "t", "user": 10, "_line": "notification of org.example.b:  "},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
