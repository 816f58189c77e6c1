use crate::artifact::android_text::{bare, bounded, is_package, package_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.app_roles",
    title: "Roles of apps",
    about: "Apps that the phone trusts with a task: default SMS app, keyboard, assistant, autofill, VPN, recording of the screen, companion devices.",
    files: &[
        "/dumpsys/{autofill,companiondevice,connectivity,credential,deviceidle,input_method,media_projection,role,trust,voiceinteraction,vpn_management}",
    ],
    columns: &[
        text("role"),
        app_id("package"),
        text("component"),
        // What is in use, not only installed or allowed.
        boolean("active"),
        int("user"),
        text("detail"),
    ],
    shows: Trace::Policy,
    line: "{package} has the role {role} (in use: {active})",
    parse: Parse::Text(parse),
};

/// One role of one app, in use or only possible.
struct Role<'a> {
    role: &'a str,
    component: &'a str,
    active: bool,
}

/// No phone has as many roles; an attacker's text may.
const MOST: usize = 10_000;

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let service = out.path().rsplit('/').next().unwrap_or_default().to_owned();
    let mut state = State::default();
    let mut seen: HashMap<(String, String, Option<i64>), bool> = HashMap::new();
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        let told = ["user_id=", "User ", "userId=", "mUserId=", "UserId: "].into_iter().find_map(|key| {
            let digits: &str = line.strip_prefix(key)?;
            digits.get(..digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len()))?.parse().ok()
        });
        state.user = told.or(state.user);
        let user = state.user;
        let Some(role) = state.role(&service, line) else { continue };
        let Some(package) = package_of(role.component) else { continue };
        let component = bare(role.component);
        let key = (role.role.to_owned(), component.to_owned(), user);
        // The same app is named several times; being in use is said on its own line.
        if seen.get(&key).is_some_and(|active| *active || !role.active) || seen.len() >= MOST {
            continue;
        }
        seen.insert(key, role.active);
        out.push(
            Place::Line { line: number },
            [
                role.role.into(),
                package.into(),
                Some(component).filter(|component| component.contains('/')).into(),
                role.active.into(),
                user.into(),
                Some(bounded(line)).filter(|_| service != "role").into(),
            ],
        );
    }
    Ok(())
}

#[derive(Default)]
struct State {
    user: Option<i64>,
    /// The role whose holders follow, or the list a line stands in.
    open: String,
}

impl State {
    fn role<'a>(&'a mut self, service: &str, line: &'a str) -> Option<Role<'a>> {
        let after = |key: &str| Some(line.split_once(key)?.1.split([' ', ',', ')', ']', '}']).next()?.trim());
        match service {
            "role" => {
                if let Some(name) = line.strip_prefix("name=") {
                    self.open = name.trim().strip_prefix("android.app.role.").unwrap_or(name.trim()).to_owned();
                }
                let holder = line.strip_prefix("holders=").unwrap_or(line).trim();
                let is_holder = !self.open.is_empty() && is_package(holder);
                is_holder.then_some(Role { role: &self.open, component: holder, active: true })
            }
            "input_method" => {
                let active = ["mCurMethodId=", "mCurId=", "mSelectedMethodId="].into_iter().find_map(after);
                let component = active.or_else(|| after("mId="))?;
                component.contains('/').then_some(Role { role: "keyboard", component, active: active.is_some() })
            }
            "autofill" | "credential" => {
                let component = ["Component from settings: ", "ComponentInfo{", "Service component: "].into_iter().find_map(after)?;
                let role = if service == "autofill" { "autofill" } else { "credential provider" };
                Some(Role { role, component, active: true })
            }
            "voiceinteraction" => {
                let component = ["mComponent=", "ComponentInfo{"].into_iter().find_map(after)?;
                Some(Role { role: "assistant", component, active: true })
            }
            "vpn_management" => {
                if line.ends_with(':') && !line.contains(' ') {
                    self.open = line.to_owned();
                }
                let (number, component) = line.split_once(": ").filter(|_| self.open == "VPNs:")?;
                number.parse::<u32>().ok()?;
                Some(Role { role: "VPN", component, active: true })
            }
            "connectivity" => {
                let component = after("extra: VPN:")?;
                Some(Role { role: "VPN", component, active: line.contains("CONNECTED") })
            }
            "media_projection" => {
                let (component, _) = line.strip_prefix('(')?.split_once(", uid=")?;
                Some(Role { role: "screen recording", component, active: true })
            }
            "companiondevice" => {
                let component = ["packageName=", "mPackageName='", "mPackageName="].into_iter().find_map(after)?;
                Some(Role { role: "companion of a device", component: component.trim_matches(['\'', '"']), active: true })
            }
            "trust" => {
                let component = line.split_whitespace().find(|word| word.contains('/') && package_of(word).is_some())?;
                Some(Role { role: "trust agent", component, active: line.contains("connected=1") })
            }
            "deviceidle" => {
                if line.ends_with(':') {
                    self.open = line.to_owned();
                }
                let listed = self.open == "Whitelist user apps:" && is_package(line);
                listed.then_some(Role { role: "exempt from saving power", component: line, active: true })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    fn told(service: &str, text: &str) -> Vec<String> {
        let (records, warnings) = rows_at(&ARTIFACT, &format!("/dumpsys/{service}"), text.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let records = records.as_array().unwrap().clone();
        let told = |record: &serde_json::Value| {
            let user = record.get("user").map(|user| format!(" of user {user}")).unwrap_or_default();
            format!("{}{user}", record["_line"].as_str().unwrap())
        };
        records.iter().map(told).collect()
    }

    #[test]
    fn each_service_names_its_apps_in_its_own_way() {
        let role = "user_states={\n{\nuser_id=0\nroles=[\n{\nname=android.app.role.SMS\nfallback_enabled=true\nholders=org.example.sms\n}\n";
        assert_eq!(told("role", role), ["org.example.sms has the role SMS (in use: yes) of user 0"]);
        let input = "  InputMethod #0:\n    mId=org.example.kb/.Ime mSettingsActivityName=x\n  mCurMethodId=org.example.kb/.Ime\n";
        assert_eq!(
            told("input_method", input),
            ["org.example.kb has the role keyboard (in use: no)", "org.example.kb has the role keyboard (in use: yes)"]
        );
        assert_eq!(
            told("vpn_management", "VPNs:\n  0: org.example.vpn\n  1: [Legacy VPN]\nOther:\n  0: org.example.no\n"),
            ["org.example.vpn has the role VPN (in use: yes)"]
        );
        assert_eq!(
            told("connectivity", "NetworkAgentInfo{ni{VPN CONNECTED extra: VPN:org.example.vpn} x}\n"),
            ["org.example.vpn has the role VPN (in use: yes)"]
        );
        assert_eq!(
            told("media_projection", "Media Projection: \n(org.example.cast, uid=10123): TYPE_SCREEN_CAPTURE\n"),
            ["org.example.cast has the role screen recording (in use: yes)"]
        );
        assert_eq!(
            told("deviceidle", "  Whitelist system apps:\n    org.example.a\n  Whitelist user apps:\n    org.example.b\n"),
            ["org.example.b has the role exempt from saving power (in use: yes)"]
        );
        assert_eq!(
            told("companiondevice", "Association{id=1, userId=0, packageName='org.example.watch', x}\n"),
            ["org.example.watch has the role companion of a device (in use: yes)"]
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, b"user_id=0\nname=android.app.role.SMS\nholders=org.example.sms\n");
    }
}
