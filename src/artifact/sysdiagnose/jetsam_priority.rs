use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.jetsam_priority",
    title: "Running processes (memory priorities)",
    about: "Every process by how soon it is ended when memory runs short; a list that neither ps nor taskinfo made.",
    files: &["/sysdiagnose/jetsam_priority.csv", "/sysdiagnose/jetsam_priority.txt"],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::Running),
        // Cut to 32 bytes.
        process("name"),
        int("pid"),
        text("priority"),
        text("footprint"),
        text("footprint_peak"),
    ],
    shows: Trace::Executed,
    line: "process {name} [{pid}], memory priority {priority}",
    parse: Parse::Text(parse),
};

/// A table whose first row names its columns; separated by commas, bars or blanks.
struct Table {
    separator: Option<char>,
    columns: Vec<String>,
    name: usize,
    pid: usize,
}

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut table: Option<Table> = None;
    let mut any = false;
    while let Some((number, line)) = lines.next()? {
        let text = line.trim();
        if text.is_empty() || text.bytes().all(|byte| b"-=+| ".contains(&byte)) {
            continue;
        }
        any = true;
        let Some(table) = &table else {
            // Some words may stand above the table.
            table = Table::of(text);
            continue;
        };
        let fields = table.fields(text);
        let field = |index: usize| fields.get(index).map(String::as_str).filter(|field| !field.is_empty());
        let named = |names: &[&str]| {
            field(table.columns.iter().position(|column| names.contains(&column.as_str()))?).map(str::to_owned)
        };
        let pid = field(table.pid).and_then(|pid| pid.parse::<i64>().ok());
        let (Some(name), Some(pid)) = (field(table.name), pid) else {
            out.warn(Some(Place::Line { line: number }), "is no row with a name and a number");
            continue;
        };
        out.push(
            Place::Line { line: number },
            [
                0_i64.into(),
                name.into(),
                pid.into(),
                named(&["priority_name", "priority"]).into(),
                named(&["footprint"]).into(),
                named(&["footprint_peak"]).into(),
            ],
        );
    }
    anyhow::ensure!(table.is_some() || !any, "has no row that names the columns `name` and `pid`");
    Ok(())
}

impl Table {
    fn of(header: &str) -> Option<Table> {
        let separator = [',', '|', '\t'].into_iter().find(|separator| header.contains(*separator));
        let columns: Vec<String> = match separator {
            Some(separator) => header.split(separator).map(clean).collect(),
            None => header.split_whitespace().map(clean).collect(),
        };
        // A header is a dozen words; more would make every row slow.
        if columns.len() > 100 {
            return None;
        }
        let position = |names: &[&str]| columns.iter().position(|column| names.contains(&column.as_str()));
        let (name, pid) = (position(&["name", "process", "command"])?, position(&["pid"])?);
        Some(Table { separator, columns, name, pid })
    }

    fn fields(&self, row: &str) -> Vec<String> {
        if self.separator == Some(',') {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(row.as_bytes());
            let fields = reader.records().next().and_then(Result::ok);
            return fields.map(|fields| fields.iter().map(|field| field.trim().to_owned()).collect()).unwrap_or_default();
        }
        if let Some(separator) = self.separator {
            return row.split(separator).map(|field| field.trim().to_owned()).collect();
        }
        let words: Vec<&str> = row.split_whitespace().collect();
        // A name may have blanks: what is too much belongs to it.
        let more = words.len().saturating_sub(self.columns.len());
        let (before, rest) = words.split_at(self.name.min(words.len()));
        let (name, after) = rest.split_at((more + 1).min(rest.len()));
        let fields = before.iter().map(|word| (*word).to_owned());
        fields.chain([name.join(" ")]).chain(after.iter().map(|word| (*word).to_owned())).collect()
    }
}

fn clean(name: &str) -> String {
    name.trim().trim_matches('"').to_ascii_lowercase().replace(' ', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const CSV: &str = "\
pid,name,priority_name,footprint,footprint_peak
1,launchd,CRITICAL,9000,9500
410,\"Foo, Bar\",FOREGROUND,1,2
x,y
";

    #[test]
    fn columns_are_found_by_their_names() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/sysdiagnose/jetsam_priority.csv", CSV.as_bytes());
        assert_eq!(warnings, ["is no row with a name and a number"]);
        assert_eq!(
            records[0],
            json!({
                "seen": "2023-05-24T12:00:00.000000+00:00", "name": "launchd", "pid": 1, "priority": "CRITICAL",
                "footprint": "9000", "footprint_peak": "9500",
                "_line": "process launchd [1], memory priority CRITICAL",
            })
        );
        assert_eq!(records[1]["name"], "Foo, Bar");
    }

    #[test]
    fn a_table_of_blanks_lets_names_have_some() {
        let text = "PID   NAME        PRIORITY\n----  ----  ----\n410   Foo Bar     10\n7  a  0\n";
        let (records, warnings) = rows_at(&ARTIFACT, "/sysdiagnose/jetsam_priority.txt", text.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let named: Vec<_> = [0, 1].map(|row: usize| (&records[row]["name"], &records[row]["priority"])).into();
        assert_eq!(named, [(&json!("Foo Bar"), &json!("10")), (&json!("a"), &json!("0"))]);
    }

    #[test]
    fn another_text_is_said_to_be_one_and_broken_ones_never_panic() {
        let (_, warnings) = rows_at(&ARTIFACT, "/sysdiagnose/jetsam_priority.txt", b"hello\n");
        assert_eq!(warnings, ["has no row that names the columns `name` and `pid`"]);
        shake(&ARTIFACT, CSV.as_bytes());
    }
}
