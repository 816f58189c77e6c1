use crate::artifact::android_text::{bounded, component_info, number_after, package_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.accounts",
    title: "Accounts",
    about: "Accounts that the phone is signed in to, and the apps that offer kinds of accounts.",
    files: &["/dumpsys/account"],
    columns: &[
        email("name"),
        text("type"),
        // Of the app that offers the kind of account.
        app_id("package"),
        text("component"),
        int("user"),
    ],
    shows: Trace::Mentioned,
    line: "account {name} ({type}) {package}",
    parse: Parse::Text(parse),
};

/// `Account {name=somebody@example.org, type=com.example}` and
/// `ServiceInfo: AuthenticatorDescription {type=com.example}, ComponentInfo{org.example.app/.Service}, uid 10123`
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut user = None;
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        if line.starts_with("User UserInfo{") {
            user = number_after(line, "UserInfo{");
        } else if let Some(rest) = line.strip_prefix("Account {name=") {
            // Names may hold commas.
            let Some((name, kind)) = rest.rsplit_once(", type=") else { continue };
            let kind = kind.trim_end_matches('}');
            out.push(
                Place::Line { line: number },
                [bounded(name).into(), bounded(kind).into(), Value::Null, Value::Null, user.into()],
            );
        } else if let Some((_, rest)) = line.split_once("AuthenticatorDescription {type=") {
            let kind = rest.split('}').next().unwrap_or_default();
            let component = component_info(rest);
            out.push(
                Place::Line { line: number },
                [
                    Value::Null,
                    bounded(kind).into(),
                    component.and_then(package_of).into(),
                    component.map(bounded).into(),
                    user.into(),
                ],
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
User UserInfo{10:Work:1030}:
  Accounts: 1
    Account {name=somebody@example.org, type=com.example}

  RegisteredServicesCache: 1 services
    ServiceInfo: AuthenticatorDescription {type=com.example}, ComponentInfo{org.example.app/.Service}, uid 1010123
";

    #[test]
    fn accounts_and_who_offers_them_are_told_for_each_user() {
        assert_eq!(
            rows(&ARTIFACT, TEXT.as_bytes()),
            json!([
                {"name": "somebody@example.org", "type": "com.example", "user": 10, "_line": "account somebody@example.org (com.example) "},
                {"type": "com.example", "package": "org.example.app", "component": "org.example.app/.Service", "user": 10,
                 "_line": "account  (com.example) org.example.app"},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
