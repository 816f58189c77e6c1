use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.safari_tombstones",
    title: "Deleted Safari history",
    about: "What Safari remembers of deleted history, so that the deletion reaches the account's other devices, where it may also come from.",
    files: super::safari_history::ARTIFACT.files,
    columns: &[
        // The visits between the two were deleted. Only the end is near the deletion itself.
        Column { moment: None, ..time("interval_start", Epoch::Safari, Moment::Deleted) },
        time("interval_end", Epoch::Safari, Moment::Deleted),
        url("url"),
        bytes("url_digest"),
        int("generation"),
    ],
    shows: Trace::Visited,
    line: "Safari history of {url} from {interval_start} to {interval_end} deleted",
    parse: Parse::Rows {
        table: "history_tombstones",
        queries: &["SELECT id, {start_time}, {end_time}, url, {generation} FROM history_tombstones ORDER BY id"],
        row,
    },
};

fn row(row: &Row<'_>, out: &mut Out<'_>) -> Result<()> {
    let place = Place::row("history_tombstones", row.value(0).as_int().unwrap_or_default());
    let (url, digest) = match row.value(3) {
        // Newer versions write a digest in place of the address.
        Value::Bytes(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) if text.contains(':') => (Value::from(text.to_owned()), Value::Null),
            _ => (Value::Null, Value::Bytes(bytes)),
        },
        other => (other, Value::Null),
    };
    out.push(place, [row.value(1), row.value(2), url, digest, row.value(4)]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    #[test]
    fn deleted_pages_keep_address_or_digest_and_the_interval() {
        let database = sqlite(
            "CREATE TABLE history_tombstones (id INTEGER PRIMARY KEY, start_time, end_time, url, generation);
             INSERT INTO history_tombstones VALUES (1, -63114076800.0, 588814410.5, 'https://a.example/x', 3),
                 (2, 588814000, 1763900000, x'ff01c3', 4), (3, NULL, NULL, x'687474703a2f2f612e6578616d706c65', NULL);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"interval_end": "2019-08-29T23:33:30.500000+00:00", "url": "https://a.example/x", "generation": 3,
                 "_line": "Safari history of https://a.example/x from  to 2019-08-29T23:33:30.500000+00:00 deleted"},
                {"interval_start": "2019-08-29T23:26:40.000000+00:00",
                 "interval_end": "2025-11-23T12:13:20.000000+00:00", "url_digest": "ff01c3", "generation": 4,
                 "_line": "Safari history of  from 2019-08-29T23:26:40.000000+00:00 to \
                           2025-11-23T12:13:20.000000+00:00 deleted"},
                {"url": "http://a.example", "_line": "Safari history of http://a.example from  to  deleted"},
            ])
        );
        shake(&ARTIFACT, &database);
    }
}
