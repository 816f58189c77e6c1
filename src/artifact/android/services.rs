use crate::artifact::prelude::*;
use crate::artifact::resolver_table;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.services",
    title: "Services",
    about: "Which apps offer services that the system asks for: keyboards, accessibility, VPN and the like.",
    files: &["/dumpsys/package"],
    columns: resolver_table::COLUMNS,
    shows: Trace::Installed,
    line: "service {component} answers to {key} ({resolver_type})",
    parse: Parse::Text(|lines, out| resolver_table::parse("Service Resolver Table:", lines, out)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{package_dump::EXAMPLE, testing::*};

    #[test]
    fn services_that_the_system_asks_for_are_read() {
        let text = "Service Resolver Table:\n  Non-Data Actions:\n      android.net.VpnService:\n        1a2b3c com.example.vpn/.Tunnel\n";
        assert_eq!(
            rows(&ARTIFACT, text.as_bytes()),
            json!([{"resolver_type": "non_data_action", "key": "android.net.VpnService", "package_name": "com.example.vpn",
                    "component": "com.example.vpn/.Tunnel", "filter_count": 1,
                    "_line": "service com.example.vpn/.Tunnel answers to android.net.VpnService (non_data_action)"}])
        );
        assert_eq!(rows(&ARTIFACT, EXAMPLE.as_bytes()), json!([]));
        shake(&ARTIFACT, text.as_bytes());
    }
}
