use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.system_services",
    title: "System services (collector)",
    about: "The services of the system that answered when the phone was acquired; makers add their own.",
    files: &["/androidqf/services.txt"],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::Running),
        process("service"),
        text("interface"),
    ],
    shows: Trace::Executed,
    line: "service {service} with {interface}",
    parse: Parse::Text(parse),
};

/// `12<TAB>name: [interface]`
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    while let Some((number, line)) = lines.next()? {
        let Some((count, rest)) = line.trim().split_once(char::is_whitespace) else { continue };
        let Some((name, interface)) = rest.rsplit_once(": [").filter(|_| count.parse::<u32>().is_ok()) else {
            continue;
        };
        let interface = Some(interface.trim_end_matches(']')).filter(|interface| !interface.is_empty());
        out.push(Place::Line { line: number }, [0_i64.into(), name.trim().into(), interface.into()]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn services_have_a_name_and_mostly_an_interface() {
        let text = b"Found 2 services:\n0\tsip: [android.net.sip.ISipService]\n1\tvendor.x: []\n";
        assert_eq!(
            rows_at(&ARTIFACT, "/androidqf/services.txt", text).0,
            json!([
                {"service": "sip", "interface": "android.net.sip.ISipService", "_line": "service sip with android.net.sip.ISipService"},
                {"service": "vendor.x", "_line": "service vendor.x with "},
            ])
        );
        shake(&ARTIFACT, text);
    }
}
