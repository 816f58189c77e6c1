use crate::artifact::property_list::{dictionary, member, moment_of, number_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.addaily",
    title: "Daily network usage baseline",
    about: "Which processes used the network and how much; names stay here for months, independently of the usage database.",
    files: &["/private/var/mobile/Library/Preferences/com.apple.osanalytics.addaily.plist"],
    columns: &[
        process("process"),
        time("last_used", Epoch::Mac, Moment::NetworkUsed),
        int("wifi_in_bytes"),
        int("wifi_out_bytes"),
        int("wwan_in_bytes"),
        int("wwan_out_bytes"),
    ],
    shows: Trace::Executed,
    line: "{process} used the network: wifi {wifi_in_bytes} in, {wifi_out_bytes} out, cellular {wwan_in_bytes} in, {wwan_out_bytes} out",
    parse: Parse::Plist(parse),
};

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let Some(baseline) = member(dictionary(list)?, "netUsageBaseline") else {
        return Ok(());
    };
    for (process, usage) in baseline {
        let place = Place::key(format!("netUsageBaseline/{process}"));
        // The name alone is evidence: it is kept whatever stands behind it.
        let usage = usage.as_array().map_or(&[][..], Vec::as_slice);
        if usage.len() < 5 {
            out.warn(Some(place.clone()), "a process has fewer than five figures");
        }
        let counter = |index| usage.get(index).map_or(Value::Null, number_of);
        let last_used = usage.first().map_or(Value::Null, moment_of);
        out.push(place, [process.as_str().into(), last_used, counter(1), counter(2), counter(3), counter(4)]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};

    #[test]
    fn a_short_array_keeps_the_name_of_its_process() {
        let list = br#"<plist version="1.0"><dict><key>netUsageBaseline</key><dict>
            <key>powerd/com.apple.datausage.diagnostics</key>
            <array><date>2024-01-02T03:04:05Z</date><integer>1</integer><real>2</real><integer>3</integer><integer>4</integer></array>
            <key>bh</key><array><date>2024-01-02T03:04:05Z</date></array>
            <key>odd</key><true/>
        </dict></dict></plist>"#;
        let (records, warnings) = rows_at(&ARTIFACT, "", list);
        assert_eq!(
            records,
            json!([
                {
                    "process": "powerd/com.apple.datausage.diagnostics",
                    "last_used": "2024-01-02T03:04:05.000000+00:00",
                    "wifi_in_bytes": 1,
                    "wifi_out_bytes": 2.0,
                    "wwan_in_bytes": 3,
                    "wwan_out_bytes": 4,
                    "_line": "powerd/com.apple.datausage.diagnostics used the network: wifi 1 in, 2 out, cellular 3 in, 4 out",
                },
                {
                    "process": "bh",
                    "last_used": "2024-01-02T03:04:05.000000+00:00",
                    "_line": "bh used the network: wifi  in,  out, cellular  in,  out",
                },
                { "process": "odd", "_line": "odd used the network: wifi  in,  out, cellular  in,  out" },
            ])
        );
        assert_eq!(warnings, ["a process has fewer than five figures"]);
        shake(&ARTIFACT, list);
    }
}
