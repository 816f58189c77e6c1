use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.remote_services",
    title: "Services offered to computers (remotectl)",
    about: "The services that a connected computer could use when the sysdiagnose was made.",
    files: &["/sysdiagnose/remotectl_dumpstate.txt"],
    columns: &[time("seen", Epoch::BeforeSnapshot, Moment::LastSeen), text("device"), app_id("service")],
    shows: Trace::Mentioned,
    line: "{device} offers {service}",
    parse: Parse::Text(|lines, out| {
        let (mut device, mut services, mut any, mut known) = (String::new(), None, false, false);
        while let Some((number, line)) = lines.next()? {
            let depth = line.len() - line.trim_start().len();
            let text = line.trim();
            any |= !text.is_empty();
            if depth == 0 && !text.is_empty() {
                text.clone_into(&mut device);
                services = None;
            } else if text == "Services:" {
                (services, known) = (Some(depth), true);
            } else if services.is_some_and(|services| depth <= services) && !text.is_empty() {
                services = None;
            } else if services.is_some_and(|services| depth == services + 1) && text.contains('.') && !text.contains("=>") {
                let service = text.split(char::is_whitespace).next();
                out.push(Place::Line { line: number }, [0_i64.into(), device.as_str().into(), service.into()]);
            }
        }
        anyhow::ensure!(known || !any, "holds no services of remotectl");
        Ok(())
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn services_are_told_of_their_device() {
        let text = "\
Local device
\tUUID: AA
\tProperties: {
\t\tOSVersion => 16.0.2
\t}
\tServices:
\t\tcom.apple.afc.shim.remote
\t\t\tProperties: {
\t\t\t\tUsesRemoteXPC => true
\t\t\t}
\t\torg.example.odd
\tOther: x.y
Found bridge (bridge)
\tServices:
\t\tcom.apple.x
";
        let records = rows(&ARTIFACT, text.as_bytes());
        let told: Vec<_> = records.as_array().unwrap().iter().map(|record| record["_line"].clone()).collect();
        assert_eq!(
            json!(told),
            json!(["Local device offers com.apple.afc.shim.remote", "Local device offers org.example.odd", "Found bridge (bridge) offers com.apple.x"])
        );
        assert_eq!(rows_at(&ARTIFACT, "/x", b""), (json!([]), vec![]));
        assert_eq!(rows_at(&ARTIFACT, "/x", b"usage\n").1.len(), 1);
        shake(&ARTIFACT, text.as_bytes());
    }
}
