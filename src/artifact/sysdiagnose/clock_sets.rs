use crate::artifact::prelude::*;
use crate::time::zoned;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.clock_sets",
    title: "Settings of the clock (battery data)",
    about: "When the phone's clock was set, as the battery's log notes it.",
    files: &["/sysdiagnose/logs/BatteryBDC/*.csv"],
    columns: &[time("set_to", Epoch::Unix, Moment::Logged), text("details")],
    shows: Trace::Mentioned,
    line: "the clock was set: {details}",
    parse: Parse::Bytes { most: 64 << 20, parse },
};

/// Most of these tables are about the battery; only those with the column tell.
fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = table.byte_headers().context("is no table")?.clone();
    let Some(set) = header.iter().position(|name| name.trim_ascii() == b"set_system_time") else { return Ok(()) };
    for row in table.byte_records() {
        let row = row.context("is no table")?;
        let Some(place) = row.position().map(|position| Place::Line { line: position.line() }) else { continue };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let written = row.get(set).map(text).unwrap_or_default();
        let set_to = zoned(&written);
        if set_to.is_none() && !written.is_empty() {
            out.warn(Some(place.clone()), "the time the clock was set to has an unknown form");
        }
        let others: Vec<String> =
            header.iter().zip(row.iter()).map(|(name, value)| format!("{} {}", text(name), text(value))).collect();
        out.push(place, [set_to.into(), others.join(", ").into()]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn only_tables_with_clock_sets_are_kept() {
        let text = "set_system_time,delta\n2023-05-24 13:29:15 +0200,4\nyesterday,5\n";
        let (records, warnings) = rows_at(&ARTIFACT, "/x", text.as_bytes());
        assert_eq!(warnings.len(), 1);
        assert_eq!(records[0]["set_to"], "2023-05-24T11:29:15.000000+00:00");
        assert_eq!(records[0]["details"], "set_system_time 2023-05-24 13:29:15 +0200, delta 4");
        assert_eq!(rows(&ARTIFACT, b"TimeStamp,Amperage\n2023-05-24 13:29:15,4\n"), json!([]));
        shake(&ARTIFACT, text.as_bytes());
    }
}
