use crate::artifact::android_text::{bare, component_info, number_after, package_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.device_admins",
    title: "Device administrators and owners",
    about: "Apps that may administer the phone: lock or wipe it, and not be removed before that right is taken from them.",
    files: &["/dumpsys/device_policy"],
    columns: &[
        // `device owner`, `profile owner` or `device admin`.
        text("role"),
        app_id("package"),
        text("component"),
        text("policies"),
        int("uid"),
        int("user"),
        boolean("test_only"),
    ],
    shows: Trace::Policy,
    line: "{role} of user {user}: {component} ({policies})",
    parse: Parse::Text(parse),
};

#[derive(Default)]
struct Admin {
    line: u64,
    role: &'static str,
    component: String,
    package: String,
    policies: Vec<String>,
    uid: Option<i64>,
    user: Option<i64>,
    test_only: bool,
}

/// More policies than Android has are no list of them.
const MOST_POLICIES: usize = 64;

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut open: Option<Admin> = None;
    let (mut role, mut user, mut in_policies) = ("", None, false);
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        let begun = [("Device Owner", "device owner"), ("Profile Owner", "profile owner"), ("Enabled Device Admins", "device admin")];
        if let Some((_, name)) = begun.into_iter().find(|(heading, _)| line.starts_with(heading) && line.ends_with(':')) {
            push(open.take(), out);
            (role, user, in_policies) = (name, number_after(line, "(User "), false);
            if role != "device admin" {
                open = Some(Admin { line: number, role, user, ..Admin::default() });
            }
            continue;
        }
        let is_component = line.ends_with(':') && !line.contains(' ') && package_of(line).is_some() && line.contains('/');
        if role == "device admin" && is_component {
            push(open.take(), out);
            let component = bare(line);
            let package = package_of(component).unwrap_or_default().to_owned();
            open = Some(Admin { line: number, role, user, component: component.to_owned(), package, ..Admin::default() });
            in_policies = false;
            continue;
        }
        let Some(admin) = &mut open else { continue };
        if line == "policies:" {
            in_policies = true;
        } else if let Some((key, value)) = line.split_once('=') {
            in_policies = false;
            match key {
                "admin" => {
                    let component = component_info(line).unwrap_or_else(|| bare(value));
                    admin.component = component.to_owned();
                    admin.package = package_of(component).unwrap_or_default().to_owned();
                }
                "package" if admin.package.is_empty() => admin.package = value.trim().to_owned(),
                "uid" => admin.uid = value.trim().parse().ok(),
                "testOnlyAdmin" => admin.test_only = value.trim() == "true",
                _ => {}
            }
        } else if let Some(number) = number_after(line, "User ID:") {
            admin.user = Some(number);
        } else if in_policies && !line.contains([' ', ':']) && admin.policies.len() < MOST_POLICIES {
            admin.policies.push(line.to_owned());
        } else if line.is_empty() && role != "device admin" {
            push(open.take(), out);
        }
    }
    push(open, out);
    Ok(())
}

fn push(admin: Option<Admin>, out: &mut Out<'_>) {
    let Some(admin) = admin.filter(|admin| !admin.package.is_empty()) else { return };
    out.push(
        Place::Line { line: admin.line },
        [
            admin.role.into(),
            admin.package.into(),
            Some(admin.component).filter(|component| !component.is_empty()).into(),
            Some(admin.policies.join(", ")).filter(|policies| !policies.is_empty()).into(),
            admin.uid.into(),
            admin.user.into(),
            admin.test_only.into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
Current Device Policy Manager state:
  Device Owner: 
    admin=ComponentInfo{org.example.mdm/org.example.mdm.Admin}
    name=
    package=org.example.mdm
    User ID: 0

  Enabled Device Admins (User 0, provisioningState: 0):
    com.google.android.gms/.mdm.receivers.MdmDeviceAdminReceiver:
      uid=10124
      testOnlyAdmin=false
      policies:
        wipe-data
        force-lock
      passwordQuality=0x0
    ComponentInfo{org.example.spy/org.example.spy.Receiver}:
      uid=10300
      policies:
        disable-camera
";

    #[test]
    fn owners_and_admins_are_told_with_their_policies() {
        let records = rows(&ARTIFACT, TEXT.as_bytes());
        assert_eq!(
            records,
            json!([
                {"role": "device owner", "package": "org.example.mdm", "component": "org.example.mdm/org.example.mdm.Admin",
                 "user": 0, "test_only": false, "_line": "device owner of user 0: org.example.mdm/org.example.mdm.Admin ()"},
                {"role": "device admin", "package": "com.google.android.gms",
                 "component": "com.google.android.gms/.mdm.receivers.MdmDeviceAdminReceiver",
                 "policies": "wipe-data, force-lock", "uid": 10124, "user": 0, "test_only": false,
                 "_line": "device admin of user 0: com.google.android.gms/.mdm.receivers.MdmDeviceAdminReceiver (wipe-data, force-lock)"},
                {"role": "device admin", "package": "org.example.spy", "component": "org.example.spy/org.example.spy.Receiver",
                 "policies": "disable-camera", "uid": 10300, "user": 0, "test_only": false,
                 "_line": "device admin of user 0: org.example.spy/org.example.spy.Receiver (disable-camera)"},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
