use super::packages::{Apps, PACKAGES, SHORT_LIST};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_device_admin",
    title: "An app administers the phone",
    looks_at: "Active device administrators and owners that do not come with the phone, and where they were installed from.",
    why_it_matters: "An administrator can lock or wipe the phone and cannot be removed like other apps; stalkerware takes that right to stay.",
    innocent_causes: "An employer's or a school's management app, a mail app whose server asks for it, an app that finds a lost phone, \
        a parent's app that the owner knows of, an app that locks the screen.",
    next_check: "Ask the owner whether the app is known; Settings, Security, Device admin apps shows it. Keep a copy of the app before \
        the right is taken away, since whoever uses it may see that.",
    references: &[
        "https://developer.android.com/work/device-admin",
        "https://github.com/AssoEchap/stalkerware-indicators",
    ],
    reads: &[Reads { artifact: "android.device_admins", keep: |_| true }, PACKAGES, SHORT_LIST],
    check,
};

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let apps = Apps::of(kept);
    let mut told: Vec<(&str, &str)> = Vec::new();
    for admin in kept.of("android.device_admins") {
        let (package, role) = (admin.text("package"), admin.text("role"));
        if apps.is_stock(package) || told.contains(&(package, role)) || told.len() >= MOST {
            continue;
        }
        told.push((package, role));
        // An owner of the phone is set up with it, as employers do.
        let level = if apps.is_from_elsewhere(package) { Level::High } else { Level::Medium };
        let policies = match admin.text("policies") {
            "" => String::new(),
            policies => format!("; it may {policies}"),
        };
        let message = format!("{package}, {}, has the rights of a {role}{policies}", apps.origin_words(package));
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Policy, message, admin));
    }
}

/// No phone has as many.
const MOST: usize = 50;

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn admin(package: &str) -> (&'static str, serde_json::Value) {
        ("android.device_admins", json!({ "package": package, "role": "device admin", "policies": "wipe-data" }))
    }

    #[test]
    fn where_it_came_from_decides_the_level() {
        let records = [
            admin("org.example.spy"),
            admin("org.example.work"),
            admin("org.example.spy"),
            ("android.package_checkin", json!({ "package": "org.example.spy" })),
            ("android.package_checkin", json!({ "package": "org.example.work", "installer": "com.android.vending" })),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "HIGH org.example.spy, not from an app store, has the rights of a device admin; it may wipe-data",
                "MEDIUM org.example.work, from an app store, has the rights of a device admin; it may wipe-data",
            ]
        );
    }

    #[test]
    fn what_comes_with_the_phone_is_silent() {
        assert_eq!(verdicts(&HEURISTIC, &[admin("com.google.android.gms")]), [""; 0]);
    }
}
