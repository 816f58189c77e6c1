use super::app_links::clock;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.wifi_passwords",
    title: "Wi-Fi networks in the keychain",
    about: "Wireless networks the phone keeps a password for, and since when; the passwords are not in it.",
    files: &["/sysdiagnose/WiFi/security.txt"],
    columns: &[
        time("created", Epoch::Unix, Moment::Created),
        time("modified", Epoch::Unix, Moment::Modified),
        text("ssid"),
        app_id("access_group"),
        text("service"),
    ],
    shows: Trace::Mentioned,
    line: "password for Wi-Fi network {ssid} of {access_group}",
    parse: Parse::Text(|lines, out| {
        let mut item = Vec::new();
        let mut start = 1;
        while let Some((number, line)) = lines.next()? {
            match line.split_once(" : ").map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())) {
                Some(field) if item.len() < 100 => item.push(field),
                Some(_) => {}
                None => {
                    push(start, &item, out);
                    item.clear();
                    start = number + 1;
                }
            }
        }
        push(start, &item, out);
        Ok(())
    }),
};

fn push(line: u64, item: &[(String, String)], out: &mut Out<'_>) {
    let field = |name: &str| item.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if field("acct").is_none() && field("agrp").is_none() {
        return;
    }
    let time = |name| field(name).and_then(clock);
    out.push(
        Place::Line { line },
        [time("cdat").into(), time("mdat").into(), field("acct").into(), field("agrp").into(), field("svce").into()],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn items_are_parted_by_blank_lines() {
        let text = "\
acct : Cafe
agrp : apple
cdat : 2023-05-24 19:55:51 +0000
mdat : 2023-05-25 19:55:51 +0000
svce : AirPort

acct : Home

note
";
        assert_eq!(
            rows(&ARTIFACT, text.as_bytes()),
            json!([
                { "created": "2023-05-24T19:55:51.000000+00:00", "modified": "2023-05-25T19:55:51.000000+00:00", "ssid": "Cafe",
                  "access_group": "apple", "service": "AirPort", "_line": "password for Wi-Fi network Cafe of apple" },
                { "ssid": "Home", "_line": "password for Wi-Fi network Home of " },
            ])
        );
        shake(&ARTIFACT, text.as_bytes());
    }
}
