use crate::artifact::property_list::{dictionary, items, member, text as text_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.network_preferences",
    title: "Network settings",
    about: "The phone's network services with the name servers and proxies set for them.",
    files: &[
        "/private/var/preferences/SystemConfiguration/preferences.plist",
        "/sysdiagnose/logs/Networking/preferences.plist",
    ],
    columns: &[
        text("service"),
        text("interface"),
        text("host_name"),
        host("dns_servers"),
        host("proxies"),
        url("proxy_script"),
    ],
    shows: Trace::Policy,
    line: "network service {service}: name servers {dns_servers}, proxies {proxies} {proxy_script}",
    parse: Parse::Plist(parse),
};

const PROXIES: [&str; 4] = ["HTTPProxy", "HTTPSProxy", "SOCKSProxy", "FTPProxy"];

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let list = dictionary(list)?;
    let system = member(list, "System").and_then(|system| member(system, "System"));
    if let Some(name) = system.map(|system| text_of(system, "HostName")).filter(|name| !name.is_null()) {
        let nothing = Value::Null;
        out.push(
            Place::key("System"),
            [nothing.clone(), nothing.clone(), name, nothing.clone(), nothing.clone(), nothing],
        );
    }
    for (key, service) in member(list, "NetworkServices").into_iter().flatten() {
        let place = Place::key(format!("NetworkServices/{key}"));
        let Some(service) = service.as_dictionary() else {
            out.warn(Some(place), "a network service is not a dictionary");
            continue;
        };
        let dns = member(service, "DNS").map_or(&[][..], |dns| items(dns, "ServerAddresses"));
        let dns: Vec<&str> = dns.iter().filter_map(plist::Value::as_string).collect();
        let settings = member(service, "Proxies");
        let proxies: Vec<&str> =
            PROXIES.iter().filter_map(|name| settings?.get(name)?.as_string()).collect();
        let listed = |texts: Vec<&str>| -> Value<'static> {
            if texts.is_empty() { Value::Null } else { texts.into_iter().map(str::to_owned).collect() }
        };
        let interface = member(service, "Interface").map(|interface| text_of(interface, "DeviceName"));
        let script = settings.map(|settings| text_of(settings, "ProxyAutoConfigURLString"));
        out.push(
            place,
            [
                text_of(service, "UserDefinedName"),
                interface.unwrap_or_default(),
                Value::Null,
                listed(dns),
                listed(proxies),
                script.unwrap_or_default(),
            ],
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn name_servers_and_proxies_of_services_are_told() {
        let list = br#"<plist version="1.0"><dict>
            <key>System</key><dict><key>System</key><dict><key>HostName</key><string>phone</string></dict></dict>
            <key>NetworkServices</key><dict><key>AA</key><dict>
                <key>UserDefinedName</key><string>Wi-Fi</string>
                <key>Interface</key><dict><key>DeviceName</key><string>en0</string></dict>
                <key>DNS</key><dict><key>ServerAddresses</key><array><string>203.0.113.5</string></array></dict>
                <key>Proxies</key><dict><key>HTTPProxy</key><string>proxy.example</string>
                    <key>ProxyAutoConfigURLString</key><string>http://p.example/pac</string></dict>
            </dict></dict>
        </dict></plist>"#;
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([
                { "host_name": "phone", "_line": "network service : name servers , proxies  " },
                { "service": "Wi-Fi", "interface": "en0", "dns_servers": ["203.0.113.5"], "proxies": ["proxy.example"],
                  "proxy_script": "http://p.example/pac",
                  "_line": "network service Wi-Fi: name servers 203.0.113.5, proxies proxy.example http://p.example/pac" },
            ])
        );
        shake(&ARTIFACT, list);
    }
}
