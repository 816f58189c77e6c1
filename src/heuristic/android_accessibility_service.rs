use super::packages::{Apps, Origin, PACKAGES};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_accessibility_service",
    title: "Apps that may read the screen",
    looks_at: "Accessibility services that are enabled or bound, and those of apps from outside the system that are only installed, together \
        with where their apps came from.",
    why_it_matters: "An accessibility service sees what is on the screen and typed into it, and can press buttons. Nearly all spyware that \
        is installed by hand, and banking trojans, ask for it.",
    innocent_causes: "Screen readers and other aids, password managers, anti-virus apps, automation apps, remote help and the management \
        apps of employers.",
    next_check: "Ask the owner whether they enabled the service and what it is for. Look at when its app was installed, by whom, and at its \
        permissions. Do not switch it off before the phone was acquired.",
    references: &[
        "https://developer.android.com/guide/topics/ui/accessibility/service",
        "https://docs.mvt.re/en/latest/android/methodology/",
    ],
    reads: &[
        Reads { artifact: "android.accessibility", keep: |record| !record.value("package_name").is_null() },
        PACKAGES,
    ],
    check,
};

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let apps = Apps::of(kept);
    for service in kept.of("android.accessibility") {
        let package = service.text("package_name");
        let origin = apps.origin(package);
        let enabled = service.value("enabled").is_true() || service.value("bound").is_true();
        let refused = !service.value("enabled").is_null() && !enabled;
        let from_system = origin.is_some_and(Origin::is_system);
        let level = match origin {
            // What comes with the phone is installed on every such phone.
            Some(Origin::System) if !enabled => continue,
            Some(Origin::System) => Level::Low,
            _ if refused => Level::Low,
            Some(origin) if origin.is_unchecked() => Level::High,
            _ => Level::Medium,
        };
        let state = match (service.value("enabled").is_true(), service.value("bound").is_true()) {
            (true, true) => "is enabled and running",
            (true, false) => "is enabled",
            (false, true) => "is running",
            (false, false) if refused => "is installed, not enabled",
            (false, false) => "is installed; whether it is enabled is not said",
        };
        let of = match origin {
            None if apps.is_empty() => "",
            None => ", of an app that is not in the list of apps",
            Some(origin) if origin.is_unchecked() => ", of an app that no store installed",
            Some(_) if from_system => ", of an app of the system",
            Some(_) => "",
        };
        let message = format!("The accessibility service {} {state}{of}", service.text("component"));
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Policy, message, service));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    type Row = (&'static str, serde_json::Value);

    fn service(package: &str, enabled: Option<bool>) -> Row {
        let columns = json!({"package_name": package, "component": format!("{package}/.S"), "enabled": enabled, "bound": false});
        ("android.accessibility", columns)
    }

    fn app(name: &str, installer: Option<&str>, system: bool) -> Row {
        let columns = json!({"package_name": name, "package_type": "active", "installer": installer, "installer_stated": true, "system": system});
        ("android.packages", columns)
    }

    #[test]
    fn where_the_app_came_from_decides() {
        let records = [
            service("a.side", Some(true)),
            service("a.store", Some(true)),
            service("a.stock", Some(true)),
            service("a.stock.idle", Some(false)),
            service("a.store", Some(false)),
            service("a.gone", None),
            app("a.side", None, false),
            app("a.store", Some("com.android.vending"), false),
            app("a.stock", None, true),
            app("a.stock.idle", None, true),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "HIGH The accessibility service a.side/.S is enabled, of an app that no store installed",
                "MEDIUM The accessibility service a.store/.S is enabled",
                "LOW The accessibility service a.stock/.S is enabled, of an app of the system",
                "LOW The accessibility service a.store/.S is installed, not enabled",
                "MEDIUM The accessibility service a.gone/.S is installed; whether it is enabled is not said, of an app that is not in the list of apps",
            ]
        );
    }

    #[test]
    fn services_that_are_only_counted_are_silent() {
        assert_eq!(verdicts(&HEURISTIC, &[("android.accessibility", json!({"unnamed_service_count": 2}))]), [""; 0]);
    }
}
