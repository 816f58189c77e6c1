use crate::artifact::prelude::*;
use crate::artifact::text_log::{has_address, is_public_address};

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.network_text",
    title: "Network settings and neighbours",
    about: "Lines of the network commands' outputs that name an address in the internet, a resolver or a link.",
    files: &[
        "/sysdiagnose/{logs/Networking,WiFi}/{arp,dns,ifconfig,ndp,network_status,route,routes,scutil,skywalk}*.txt",
        "/sysdiagnose/{logs/Networking,WiFi}/resolv.conf",
    ],
    columns: &[time("seen", Epoch::BeforeSnapshot, Moment::LastSeen), message("line")],
    shows: Trace::Resolved,
    line: "{line}",
    parse: Parse::Text(|lines, out| {
        while let Some((number, line)) = lines.next()? {
            let line = line.trim();
            let names_resolver = ["nameserver", "domain", "search"].iter().any(|word| line.starts_with(word));
            let mut words = line.split(|c: char| c.is_whitespace() || ",=\"()[]<>".contains(c));
            if names_resolver || has_address(line) || words.any(is_public_address) {
                out.push(Place::Line { line: number }, [0_i64.into(), line.into()]);
            }
        }
        Ok(())
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn lines_with_addresses_of_the_internet_are_kept() {
        let text = "inet 192.168.1.5 netmask 0xffffff00\n  nameserver[0] : 203.0.113.9\n  x = (203.0.113.7)\nplain\nproxy https://p.example/x.pac\n";
        let records = rows(&ARTIFACT, text.as_bytes());
        let told: Vec<_> = records.as_array().unwrap().iter().map(|record| record["line"].clone()).collect();
        assert_eq!(json!(told), json!(["nameserver[0] : 203.0.113.9", "x = (203.0.113.7)", "proxy https://p.example/x.pac"]));
        shake(&ARTIFACT, text.as_bytes());
    }
}
