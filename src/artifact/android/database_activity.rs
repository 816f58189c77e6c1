use crate::artifact::android_text::{indent, is_foreign, is_package, local_time};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.database_activity",
    title: "Statements to databases",
    about: "The last statements that each running app sent to its SQLite databases.",
    files: &["/dumpsys/dbinfo"],
    columns: &[
        time("at", Epoch::Local, Moment::Logged),
        process("process"),
        int("pid"),
        text("action"),
        int("duration_ms"),
        text("status"),
        message("sql"),
        path("database"),
        path("pool_path"),
        // Every folder or file of that path that is called like a package.
        app_id("packages"),
        int("connection_number"),
        boolean("is_primary"),
    ],
    shows: Trace::Logged,
    line: "{process} [{pid}] {action} ({status}) in {database}: {sql}",
    parse: Parse::Text(parse),
};

/// A statement over several lines is kept up to this.
const LONGEST_BYTES: usize = 1 << 20;

#[derive(Default)]
struct Reader {
    process: Option<String>,
    pool: Option<String>,
    connection: Option<i64>,
    primary: Option<bool>,
    /// The statement that may go on in the next line.
    open: Option<(u64, String)>,
}

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut reader = Reader::default();
    while let Some((number, line)) = lines.next()? {
        if is_foreign(&line) {
            continue;
        }
        let text = line.trim();
        if indent(&line) >= 4 && begins_entry(text) {
            reader.flush(out);
            reader.open = Some((number, text.to_owned()));
        } else if reader.heading(text, out) {
        } else if let Some((_, open)) = &mut reader.open
            && (!is_complete(open) || goes_on(open, &line))
            && open.len() + line.len() < LONGEST_BYTES
        {
            open.push('\n');
            open.push_str(&line);
        }
    }
    reader.flush(out);
    Ok(())
}

/// `0: [2023-07-27 12:21:44.097] …`
fn begins_entry(text: &str) -> bool {
    text.split_once(": [").is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_complete(entry: &str) -> bool {
    let entry = entry.trim_end();
    !entry.contains(", sql=\"") || entry.contains("\", path=") || entry.contains("\", bindArgs=") || (entry.ends_with('"') && !entry.ends_with("sql=\""))
}

/// A quote at the end of a line may be one inside of the statement.
fn goes_on(entry: &str, line: &str) -> bool {
    let has_end = ["\", path=", "\", bindArgs="].iter().any(|end| entry.contains(end));
    let is_rest = line.contains("\", path=") || (indent(line) == 0 && !line.trim().is_empty());
    entry.contains(", sql=\"") && !has_end && is_rest
}

impl Reader {
    /// True if the line is a heading, which ends the statement before.
    fn heading(&mut self, text: &str, out: &mut Out<'_>) -> bool {
        if let Some(rest) = text.strip_prefix("** Database info for pid ") {
            self.flush(out);
            let process = rest.split_once('[').and_then(|(_, rest)| rest.split(']').next());
            *self = Reader { process: process.map(str::to_owned), ..Reader::default() };
        } else if let Some(pool) = text.strip_prefix("Connection pool for ") {
            self.flush(out);
            self.pool = Some(pool.trim_end_matches(':').to_owned());
            (self.connection, self.primary) = (None, None);
        } else if let Some(number) = text.strip_prefix("Connection #") {
            self.flush(out);
            self.connection = number.trim_end_matches(':').parse().ok();
            self.primary = None;
        } else if let Some(primary) = text.strip_prefix("isPrimaryConnection: ") {
            self.primary = primary.parse().ok();
        } else {
            return false;
        }
        true
    }

    fn flush(&mut self, out: &mut Out<'_>) {
        let Some((number, text)) = self.open.take() else { return };
        let place = Place::Line { line: number };
        let Some(entry) = entry(&text) else {
            return out.warn(Some(place), "is no statement in a known form");
        };
        let at = local_time(entry.at, out.clock());
        let database = entry.path.or(self.pool.as_deref());
        let packages: Vec<&str> =
            database.unwrap_or_default().split('/').filter(|part| is_package(part)).collect();
        out.push(
            place,
            [
                at.into(),
                self.process.as_deref().into(),
                entry.pid.into(),
                entry.action.into(),
                entry.duration_ms.into(),
                entry.status.into(),
                entry.sql.into(),
                database.into(),
                self.pool.as_deref().into(),
                packages.into_iter().collect(),
                self.connection.into(),
                self.primary.into(),
            ],
        );
    }
}

struct Statement<'a> {
    at: &'a str,
    pid: Option<i64>,
    action: &'a str,
    duration_ms: Option<i64>,
    status: Option<&'a str>,
    sql: Option<&'a str>,
    path: Option<&'a str>,
}

/// `0: [time] [Pid:(1)]execute took 2ms - succeeded, sql="…", path=/…`; a status may carry the text of an exception, with commas.
fn entry(text: &str) -> Option<Statement<'_>> {
    let (at, rest) = text.split_once(": [")?.1.split_once(']')?;
    let rest = rest.trim_start();
    let (pid, rest) = match rest.strip_prefix("[Pid:(").and_then(|rest| rest.split_once(")]")) {
        Some((pid, rest)) => (pid.parse().ok(), rest),
        None => (None, rest),
    };
    let (head, sql) = match rest.split_once(", sql=\"") {
        Some((head, sql)) => (head, Some(sql)),
        None => (rest, None),
    };
    let (action, result) = head.split_once(" took ").or_else(|| head.split_once(" started ")).unwrap_or((head, ""));
    let duration_ms = result.split_once("ms").and_then(|(number, _)| number.trim().parse().ok());
    let status = result.split_once(" - ").map(|(_, status)| status.trim());
    // Quotes in statements are not escaped: the last one before the path ends it.
    let (sql, path) = match sql {
        Some(sql) => match sql.rsplit_once("\", path=") {
            Some((sql, path)) => (Some(sql), Some(path.trim())),
            None => (Some(sql.trim_end().strip_suffix('"').unwrap_or(sql)), None),
        },
        None => (None, head.rsplit_once(", path=").map(|(_, path)| path.trim())),
    };
    let sql = sql.map(|sql| sql.rsplit_once("\", bindArgs=").map_or(sql, |(sql, _)| sql));
    Some(Statement { at, pid, action: action.trim(), duration_ms, status, sql, path })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const DUMP: &str = "** Database info for pid 1234 [com.example.app] **

Connection pool for /data/user/0/com.example.app/databases/x.db:
  Available primary connection:
    Connection #0:
      isPrimaryConnection: true
      Most recently executed operations:
        0: [2025-03-04 10:00:00.123] [Pid:(1234)]executeForCursorWindow took 2ms - succeeded, sql=\"SELECT a FROM t WHERE b=?\", path=/data/user/0/com.example.app/databases/x.db
        1: [2025-03-04 09:00:00.000] prepare took 0ms - succeeded, sql=\"COMMIT;\"
        2: [2025-03-04 08:00:00.000] execute took 1ms - failed, exception=\"no, such table\", sql=\"SELECT \"x\"
FROM https://a.example.org/\", path=/data/user/0/com.example.app/databases/x.db
";

    #[test]
    fn statements_are_read_with_their_database_over_several_lines() {
        let (records, warnings) = rows_at(&ARTIFACT, "/dumpsys/dbinfo", DUMP.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let database = "/data/user/0/com.example.app/databases/x.db";
        assert_eq!(
            records[0],
            json!({"at": "2025-03-04T10:00:00.123000+00:00", "process": "com.example.app", "pid": 1234, "action": "executeForCursorWindow",
                   "duration_ms": 2, "status": "succeeded", "sql": "SELECT a FROM t WHERE b=?", "database": database, "pool_path": database,
                   "packages": ["com.example.app", "x.db"], "connection_number": 0, "is_primary": true,
                   "_line": format!("com.example.app [1234] executeForCursorWindow (succeeded) in {database}: SELECT a FROM t WHERE b=?")})
        );
        assert_eq!((records[1].get("pid"), &records[1]["database"], &records[1]["sql"]), (None, &json!(database), &json!("COMMIT;")));
        assert_eq!(records[2]["status"], "failed, exception=\"no, such table\"");
        assert_eq!(records[2]["sql"], "SELECT \"x\"\nFROM https://a.example.org/");
        assert_eq!(records.as_array().unwrap().len(), 3);
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, DUMP.as_bytes());
    }
}
