use jiff::civil::DateTime;

use crate::artifact::prelude::*;
use crate::format::tgz;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.wifi_events",
    title: "Events of the Wi-Fi service",
    about: "When the phone joined, left, found and changed between wireless networks, as the Wi-Fi service counts it.",
    files: &["/sysdiagnose/WiFi/**/Entity_*.csv", "/sysdiagnose/WiFi/**/Entity_*.csv.tgz"],
    columns: &[
        time("logged", Epoch::Unix, Moment::Logged),
        time("logged_local", Epoch::Local, Moment::Logged),
        text("event"),
        message("values"),
    ],
    shows: Trace::Mentioned,
    line: "Wi-Fi {event}: {values}",
    parse: Parse::Bytes { most: 64 << 20, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let name = out.path().rsplit('/').next().unwrap_or_default().to_owned();
    // Unpacked by hand, a table keeps the name of its archive.
    if !bytes.starts_with(b"\x1f\x8b") {
        return table(&name, bytes, out);
    }
    let mut result = Ok(());
    let read = tgz::files(bytes, |name, content| {
        let name = name.rsplit('/').next().unwrap_or(name);
        if !name.starts_with("._")
            && let Err(error) = table(name, content, out)
        {
            result = Err(error.context(name.to_owned()));
        }
    });
    read.context("is no archive of tables")?;
    result
}

fn table(file: &str, bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let header = reader.byte_headers().context("is no table")?.clone();
    let titles: Vec<String> = header.iter().map(|title| String::from_utf8_lossy(title).into_owned()).collect();
    // `Entity_2023-05-24_Join.csv`: the event is the last word.
    let event = file.trim_end_matches(".tgz").trim_end_matches(".csv").rsplit('_').next().unwrap_or(file);
    let dated = titles.iter().position(|title| {
        let title = title.to_ascii_lowercase();
        title.contains("timestamp") || matches!(title.as_str(), "date" | "time" | "datetime")
    });
    if dated.is_none() && !bytes.trim_ascii().is_empty() {
        out.warn(None, format!("no column of `{event}` is a time"));
    }
    for row in reader.byte_records() {
        let row = row.context("is no table")?;
        let field = |index: usize| row.get(index).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let (logged, local) = instant(&dated.and_then(field).unwrap_or_default());
        let told = titles.iter().enumerate().filter(|(index, _)| Some(*index) != dated);
        let values: Vec<String> = told
            .filter_map(|(index, title)| Some(format!("{title}={}", field(index).filter(|text| !text.is_empty())?)))
            .collect();
        let key = format!("{file}, line {}", row.position().map_or(0, csv::Position::line));
        out.push(Place::key(key), [logged, local, event.into(), values.join(", ").into()]);
    }
    Ok(())
}

/// A time as a number of either epoch, with its zone, or local; the last one into the second value.
fn instant(text: &str) -> (Value<'static>, Value<'static>) {
    if let Some(time) = crate::time::zoned(text) {
        return (time.into(), Value::Null);
    }
    if let Ok(number) = text.parse::<f64>() {
        // Below this a number of seconds counts from 2001, as a plausible date shows.
        let since_1970 = number + if number < 1e9 { crate::time::MAC_TO_UNIX_S as f64 } else { 0.0 };
        return (if number > 0.0 { Value::Real(since_1970) } else { Value::Null }, Value::Null);
    }
    let local = text.parse::<DateTime>().or_else(|_| DateTime::strptime("%m/%d/%Y %H:%M:%S%.f", text));
    (Value::Null, local.ok().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const CSV: &str = "\
timestamp,ssid,reason
2023-05-24 13:29:15.5 +0200,\"Cafe, free\",user
706620555,Home,
1684927755,Home,auto
05/24/2023 13:29:15.250,Home,x
";

    fn packed(text: &str) -> Vec<u8> {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut builder = tar::Builder::new(gzip);
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        builder.append_data(&mut header, "x/Entity_2023_Join.csv", text.as_bytes()).unwrap();
        builder.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn rows_have_their_time_in_whatever_form() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/sysdiagnose/WiFi/Entity_2023_Join.csv.tgz", &packed(CSV));
        assert!(warnings.is_empty(), "{warnings:?}");
        let told: Vec<_> =
            records.as_array().unwrap().iter().map(|record| [&record["logged"], &record["logged_local"], &record["_line"]]).collect();
        assert_eq!(
            json!(told),
            json!([
                ["2023-05-24T11:29:15.500000+00:00", null, "Wi-Fi Join: ssid=Cafe, free, reason=user"],
                ["2023-05-24T11:29:15.000000+00:00", null, "Wi-Fi Join: ssid=Home"],
                ["2023-05-24T11:29:15.000000+00:00", null, "Wi-Fi Join: ssid=Home, reason=auto"],
                [null, "2023-05-24T11:29:15.250000+00:00", "Wi-Fi Join: ssid=Home, reason=x"],
            ])
        );
    }

    #[test]
    fn plain_tables_are_read_too_and_others_are_said() {
        assert_eq!(rows_at(&ARTIFACT, "/x/Entity_Leave.csv", CSV.as_bytes()).0[1]["event"], "Leave");
        assert_eq!(rows_at(&ARTIFACT, "/x/Entity_A.csv", b"a,b\n1,2\n").1, ["no column of `A` is a time"]);
        assert_eq!(rows_at(&ARTIFACT, "/x/Entity_A.csv.tgz", b"\x1f\x8bno").1.len(), 1);
        shake(&ARTIFACT, &packed(CSV));
        shake(&ARTIFACT, CSV.as_bytes());
    }
}
