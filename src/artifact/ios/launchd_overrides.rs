use crate::artifact::prelude::*;
use crate::artifact::property_list::{dictionary, shown};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.launchd_overrides",
    title: "Services switched on or off",
    about: "Services of iOS that somebody switched off or on again, against what iOS itself says.",
    files: &["/private/var/db/com.apple.xpc.launchd/disabled*.plist"],
    columns: &[text("service"), boolean("disabled"), text("value")],
    shows: Trace::Policy,
    line: "service {service}, disabled: {disabled}{value}",
    parse: Parse::Plist(|list, out| {
        for (service, value) in dictionary(list)? {
            let disabled = value.as_boolean();
            let other = if disabled.is_none() { Some(shown(value)) } else { None };
            out.push(Place::key(service.as_str()), [service.as_str().into(), disabled.into(), other.into()]);
        }
        Ok(())
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn each_service_says_whether_it_is_off() {
        let list = b"<plist><dict><key>com.example.a</key><true/><key>com.example.b</key><false/><key>c</key><integer>1</integer></dict></plist>";
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([
                {"service": "com.example.a", "disabled": true, "_line": "service com.example.a, disabled: yes"},
                {"service": "com.example.b", "disabled": false, "_line": "service com.example.b, disabled: no"},
                {"service": "c", "value": "1", "_line": "service c, disabled: 1"},
            ])
        );
        shake(&ARTIFACT, list);
    }
}
