use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.message_gaps",
    title: "Missing numbers of messages",
    about: "Where the numbers that Messages gives to messages leave numbers out, because messages were deleted.",
    files: super::sms::ARTIFACT.files,
    columns: &[
        // Of the messages around the gap; neither tells when the others were deleted.
        fact_time("after_message", Epoch::Mac),
        fact_time("before_message", Epoch::Mac),
        int("first_missing"),
        int("last_missing"),
        int("missing"),
        // Behind the newest message; the numbers were given and the messages are gone.
        boolean("at_end"),
    ],
    shows: Trace::Tampered,
    line: "{missing} messages, {first_missing} to {last_missing}, are missing between {after_message} and {before_message}",
    parse: Parse::Database(read),
};

fn read(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut last: Option<(i64, Value<'static>)> = None;
    database.prepare(&["SELECT ROWID, {date} FROM message ORDER BY ROWID"])?.for_each(&mut |row| {
        let Some(number) = row.value(0).as_int() else { return Ok(()) };
        // The numbers begin at 1.
        let (before, date) = last.take().unwrap_or((0, Value::Null));
        push((before, date), (number, row.value(1)), false, out);
        last = Some((number, row.value(1).into_owned()));
        Ok(())
    })?;
    let Some(end) = given(database)?.and_then(|given| given.checked_add(1)) else { return Ok(()) };
    push(last.unwrap_or_default(), (end, Value::Null), true, out);
    Ok(())
}

/// The highest number that a message ever had; SQLite notes it where a table asks for it.
fn given(database: &Database<'_>) -> Result<Option<i64>> {
    if !database.tables().iter().any(|table| table == "sqlite_sequence") {
        return Ok(None);
    }
    let mut given = None;
    database.prepare(&["SELECT seq FROM sqlite_sequence WHERE name = 'message'"])?.for_each(&mut |row| {
        given = given.max(row.value(0).as_int());
        Ok(())
    })?;
    Ok(given)
}

fn push((before, after_date): (i64, Value<'_>), (number, before_date): (i64, Value<'_>), at_end: bool, out: &mut Out<'_>) {
    let missing = number.checked_sub(before).and_then(|step| step.checked_sub(1));
    // Numbers below 1 are nobody's, and a difference that no number holds is no count.
    let Some(missing) = missing.filter(|missing| *missing > 0 && before >= 0) else { return };
    let (first, last) = (before.saturating_add(1), number.saturating_sub(1));
    let values = [after_date, before_date, first.into(), last.into(), missing.into(), at_end.into()];
    out.push(Place::row("message", before), values);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    #[test]
    fn gaps_lie_before_between_and_behind_messages() {
        let database = sqlite(
            "CREATE TABLE message (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, date);
             INSERT INTO message VALUES (3, 600000000000000000), (4, 600000060000000000), (9, NULL), (12, 1);
             DELETE FROM message WHERE ROWID = 12;",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"before_message": "2020-01-06T10:40:00.000000+00:00", "first_missing": 1, "last_missing": 2, "missing": 2,
                 "at_end": false, "_line": "2 messages, 1 to 2, are missing between  and 2020-01-06T10:40:00.000000+00:00"},
                {"after_message": "2020-01-06T10:41:00.000000+00:00", "first_missing": 5, "last_missing": 8, "missing": 4,
                 "at_end": false, "_line": "4 messages, 5 to 8, are missing between 2020-01-06T10:41:00.000000+00:00 and "},
                {"first_missing": 10, "last_missing": 12, "missing": 3, "at_end": true,
                 "_line": "3 messages, 10 to 12, are missing between  and "},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn a_whole_row_of_numbers_has_no_gap() {
        let database = sqlite("CREATE TABLE message (ROWID INTEGER PRIMARY KEY); INSERT INTO message VALUES (-9223372036854775808), (1), (2);");
        assert_eq!(rows_at(&ARTIFACT, "/x", &database), (json!([]), vec![]));
        assert!(rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE a (b);")).1[0].contains("its tables: a"));
    }
}
