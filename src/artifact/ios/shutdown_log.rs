use std::collections::{BTreeMap, BTreeSet};

use crate::artifact::image::{LONGEST_PATH_BYTES, folders, split_uuid};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.shutdown_log",
    title: "Shutdown log",
    about: "Programs that had not ended yet when the phone was shut down, over months and years.",
    // Since iOS 26 some phones write shutdown.0.log, and only that.
    files: &["/private/var/db/diagnostics/shutdown*.log"],
    columns: &[
        time("shutdown", Epoch::Unix, Moment::Rebooted).rounded(Precision::Second),
        // Where the log ends before the shutdown does: the last shutdown before it.
        text("after"),
        int("block"),
        int("notices"),
        real("longest_delay_s"),
        text("state"),
        process("client"),
        // A bundle may carry the published name where the executable does not.
        process("folders"),
        text("image_uuid"),
        int("pids"),
        int("client_notices"),
        real("client_delay_s"),
        boolean("open"),
    ],
    shows: Trace::Executed,
    line: "shutdown {block} of the log, {state} {client}",
    parse: Parse::Text(parse),
};

/// Clients of one shutdown, and numbers of one client: a phone has some hundred and a few.
const CLIENTS_KEPT: usize = 20_000;
const PIDS_KEPT: usize = 100;

/// What is logged of one shutdown up to its SIGTERM line.
#[derive(Default)]
struct Block {
    line: u64,
    notices: i64,
    delay_s: Option<f64>,
    longest_delay_s: Option<f64>,
    /// By path and image.
    clients: BTreeMap<String, Client>,
    clients_dropped: u64,
    at: Option<i64>,
}

#[derive(Default)]
struct Client {
    line: u64,
    pids: BTreeSet<i64>,
    notices: i64,
    last_notice: Option<i64>,
    delay_s: Option<f64>,
}

/// `{notice: After 1.2s, these clients are still here: {client}} SIGTERM: [seconds since 1970] text`, and what third parties' copies
/// have: clients on the line of their notice, phases, clients named by SIGTERM lines.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut log = Log { block: Block::default(), blocks: 0, last: None };
    let (mut understood, mut odd) = (false, None);
    while let Some((number, line)) = lines.next()? {
        let text = line.trim();
        if text.is_empty() || text.starts_with("%%%%%") {
            continue;
        }
        if log.take(number, text, out) {
            understood = true;
        } else {
            odd = odd.or(Some(number));
            out.warn(Some(Place::Line { line: number }), "is no line of a shutdown log");
        }
    }
    log.end(true, out);
    if !understood && odd.is_some() {
        anyhow::bail!("has no line of a shutdown log: neither clients that are still here nor a SIGTERM");
    }
    Ok(())
}

struct Log {
    block: Block,
    blocks: i64,
    /// The last shutdown with a time, in seconds since 1970.
    last: Option<i64>,
}

impl Log {
    /// False where the line is none of a shutdown log.
    fn take(&mut self, number: u64, text: &str, out: &mut Out<'_>) -> bool {
        if self.block.line == 0 {
            self.block.line = number;
        }
        if let Some(rest) = text.strip_prefix("SIGTERM:") {
            let at = sigterm_time(rest);
            self.block.at = at.or(self.block.at);
            if let Some((pid, client)) = client(rest) {
                self.block.still_here(number, pid, client);
            } else {
                if at.is_none() {
                    out.warn(Some(Place::Line { line: number }), "has no time of a shutdown");
                }
                self.end(false, out);
            }
            return true;
        }
        if let Some((delay, rest)) = notice(text) {
            let client = client(rest);
            if self.block.delay_s.is_some_and(|before| delay < before) {
                // Delays grow until the phone is off: this one belongs to the next shutdown.
                self.end(true, out);
                self.block.line = number;
            }
            // One notice is one line with its clients, or, in the short form, all lines with the same delay.
            if client.is_none() || self.block.delay_s != Some(delay) {
                self.block.notices += 1;
            }
            self.block.delay_s = Some(delay);
            self.block.longest_delay_s = self.block.longest_delay_s.max_of(delay);
            if let Some((pid, client)) = client {
                self.block.still_here(number, pid, client);
            }
            return true;
        }
        match client(text) {
            Some((pid, client)) => {
                self.block.still_here(number, pid, client);
                true
            }
            None => false,
        }
    }

    /// Writes the block and begins the next.
    fn end(&mut self, open: bool, out: &mut Out<'_>) {
        let block = std::mem::take(&mut self.block);
        if open && block.notices == 0 && block.clients.is_empty() {
            return;
        }
        self.blocks += 1;
        block.push(self.blocks, open, self.last, out);
        self.last = block.at.or(self.last);
    }
}

impl Block {
    fn still_here(&mut self, line: u64, pid: i64, path: &str) {
        let client = if let Some(client) = self.clients.get_mut(path) {
            client
        } else if self.clients.len() < CLIENTS_KEPT && path.len() <= LONGEST_PATH_BYTES {
            self.clients.entry(path.to_owned()).or_insert(Client { line, ..Client::default() })
        } else {
            self.clients_dropped += 1;
            return;
        };
        if client.pids.len() < PIDS_KEPT {
            client.pids.insert(pid);
        }
        // Two processes of one program in the same notice are one notice.
        if client.last_notice != Some(self.notices) {
            client.last_notice = Some(self.notices);
            client.notices += 1;
        }
        if let Some(delay) = self.delay_s {
            client.delay_s = client.delay_s.max_of(delay);
        }
    }

    fn push(&self, number: i64, open: bool, last: Option<i64>, out: &mut Out<'_>) {
        let real = |delay: Option<f64>| delay.map_or(Value::Null, Value::Real);
        let after = last.filter(|_| self.at.is_none()).and_then(|last| jiff::Timestamp::from_second(last).ok());
        let after = after.map(crate::time::iso);
        let mut push = |line, path: Option<(&str, &Client)>| {
            let (image, uuid) = path.map(|(path, _)| split_uuid(path)).unwrap_or_default();
            let client = path.map(|(_, client)| client);
            let pids = client.map(|client| client.pids.iter().copied().collect::<Value<'_>>());
            let names = path.map(|_| folders(image)).filter(|names| !names.is_empty());
            out.push(
                Place::Line { line },
                [
                    self.at.into(),
                    after.clone().into(),
                    number.into(),
                    self.notices.into(),
                    real(self.longest_delay_s),
                    if client.is_some() { "still running:" } else { "nothing still running" }.into(),
                    client.map(|_| image).into(),
                    names.map_or(Value::Null, |names| names.into_iter().collect()),
                    uuid.into(),
                    pids.unwrap_or_default(),
                    client.map(|client| client.notices).into(),
                    real(client.and_then(|client| client.delay_s)),
                    open.into(),
                ],
            );
        };
        if self.clients.is_empty() {
            push(self.line, None);
        }
        for (path, client) in &self.clients {
            push(client.line, Some((path, client)));
        }
        if self.clients_dropped > 0 {
            let problem = format!("one shutdown names more than {CLIENTS_KEPT} clients, or paths that are too long; they were left out");
            out.warn(Some(Place::Line { line: self.line }), problem);
        }
    }
}

trait MaxOf {
    fn max_of(self, other: f64) -> Option<f64>;
}

impl MaxOf for Option<f64> {
    fn max_of(self, other: f64) -> Option<f64> {
        Some(self.map_or(other, |one| one.max(other)))
    }
}

/// `After 1.26s, …`: the delay in seconds and what follows it.
fn notice(text: &str) -> Option<(f64, &str)> {
    let (delay, rest) = text.strip_prefix("After ")?.split_once(',')?;
    let delay = delay.trim().trim_end_matches('s').trim().parse::<f64>().ok()?;
    let rest = rest.trim();
    let known = rest.starts_with("these clients are still here") || rest.starts_with("remaining client pid");
    (known && delay.is_finite()).then_some((delay, rest))
}

/// `remaining client pid: 12 (/path)`. A path may hold brackets: it ends at the last one of the line.
fn client(text: &str) -> Option<(i64, &str)> {
    let (_, rest) = text.split_once("remaining client pid:")?;
    let (pid, path) = rest.split_once('(')?;
    let path = path.rfind(')').and_then(|end| path.get(..end)).unwrap_or(path);
    (!path.is_empty()).then_some((pid.trim().parse().ok()?, path))
}

/// `[1700000000] …`, in seconds since 1970; where that is an address instead, ` @1700000000` may follow.
fn sigterm_time(rest: &str) -> Option<i64> {
    let (inside, after) = rest.trim_start().strip_prefix('[')?.split_once(']')?;
    let ten_digits = |text: &str| {
        let digits = text.get(..10).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse::<i64>().ok()
    };
    let whole = inside.trim();
    let decimal = Some(whole).filter(|text| text.len() == 10).and_then(ten_digits);
    decimal.or_else(|| ten_digits(after.split_once(" @")?.1.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TWO_SHUTDOWNS: &str = "\
After 0.51s, these clients are still here:
\t\tremaining client pid: 0 (/kernel/11111111-2222-3333-4444-555555555555)
\t\tremaining client pid: 90 (/private/var/tmp/a (b)/bh.app/bh/AAAAAAAA-2222-3333-4444-555555555555)
After 1.25s, these clients are still here:
\t\tremaining client pid: 90 (/private/var/tmp/a (b)/bh.app/bh/AAAAAAAA-2222-3333-4444-555555555555)
\t\tremaining client pid: 91 (/private/var/tmp/a (b)/bh.app/bh/AAAAAAAA-2222-3333-4444-555555555555)
SIGTERM: [1700000000] All buffers flushed
SIGTERM: [1700100000] All buffers flushed
";

    fn parsed(text: &str) -> (Vec<serde_json::Value>, Vec<String>) {
        let (records, warnings) = rows_at(&ARTIFACT, "/private/var/db/diagnostics/shutdown.log", text.as_bytes());
        (records.as_array().unwrap().clone(), warnings)
    }

    #[test]
    fn clients_are_counted_by_notice_and_shutdowns_without_any_are_kept() {
        let (records, warnings) = parsed(TWO_SHUTDOWNS);
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(records.len(), 3);
        assert_eq!((&records[0]["client"], &records[0]["client_notices"]), (&json!("/kernel"), &json!(1)));
        assert_eq!(
            records[1],
            json!({
                "shutdown": "2023-11-14T22:13:20.000000+00:00", "block": 1, "notices": 2, "longest_delay_s": 1.25,
                "state": "still running:", "client": "/private/var/tmp/a (b)/bh.app/bh",
                "folders": ["bh"],
                "image_uuid": "AAAAAAAA-2222-3333-4444-555555555555", "pids": [90, 91], "client_notices": 2,
                "client_delay_s": 1.25, "open": false,
                "_line": "shutdown 1 of the log, still running: /private/var/tmp/a (b)/bh.app/bh",
            })
        );
        assert_eq!(
            records[2],
            json!({
                "shutdown": "2023-11-16T02:00:00.000000+00:00", "block": 2, "notices": 0, "open": false,
                "state": "nothing still running", "_line": "shutdown 2 of the log, nothing still running ",
            })
        );
    }

    #[test]
    fn a_shutdown_that_the_log_does_not_finish_is_kept_with_its_bound() {
        let text = "SIGTERM: [1700000000] All buffers flushed\nAfter 0.6s, these clients are still here:\n\
                    \t\tremaining client pid: 5 (/usr/libexec/a)\n";
        let (records, warnings) = parsed(text);
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!((&records[1]["client"], &records[1]["open"]), (&json!("/usr/libexec/a"), &json!(true)));
        assert_eq!(records[1].get("shutdown"), None);
        assert_eq!(records[1]["after"], "2023-11-14T22:13:20.000000+00:00");
    }

    #[test]
    fn times_behind_an_address_are_found_and_a_delay_that_falls_is_another_shutdown() {
        let text = "\t\tremaining client pid: 5 (/usr/libexec/a)\nSIGTERM: [0x100304080] sent @1700000000\n\
                    After 3s, these clients are still here:\n\t\tremaining client pid: 6 (/b)\n\
                    After 0.5s, these clients are still here:\n\t\tremaining client pid: 7 (/c)\nSIGTERM: [0x1] x\n";
        let (records, warnings) = parsed(text);
        assert_eq!(warnings, ["has no time of a shutdown"]);
        let blocks: Vec<_> = records.iter().map(|record| (&record["block"], &record["client"])).collect();
        let expected = [(json!(1), json!("/usr/libexec/a")), (json!(2), json!("/b")), (json!(3), json!("/c"))];
        assert_eq!(blocks, expected.iter().map(|(a, b)| (a, b)).collect::<Vec<_>>());
        assert_eq!(records[0]["shutdown"], "2023-11-14T22:13:20.000000+00:00");
        assert_eq!(records[0]["notices"], 0);
    }

    #[test]
    fn the_short_form_names_a_client_with_each_delay() {
        let text = "%%%%% Entering phase: term\nAfter 0.1s, remaining client pid: 5 (/a)\n\
                    After 0.1s, remaining client pid: 6 (/b)\nAfter 0.4s, remaining client pid: 6 (/b)\n\
                    SIGTERM: [1700000000] Sent SIGTERM to remaining client pid: 6 (/b)\n\
                    After 0.2s, remaining client pid: 7 (/c)\n";
        let (records, warnings) = parsed(text);
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!((&records[0]["notices"], &records[1]["client_notices"]), (&json!(2), &json!(2)));
        assert_eq!(records[1]["shutdown"], "2023-11-14T22:13:20.000000+00:00");
        assert_eq!((&records[2]["block"], &records[2]["client"]), (&json!(2), &json!("/c")));
    }

    #[test]
    fn an_empty_log_is_fine_and_another_text_is_not() {
        assert_eq!(parsed(""), (vec![], vec![]));
        let (records, warnings) = parsed("hello\n");
        assert_eq!((records.len(), warnings.len()), (0, 2));
        assert!(warnings[0].starts_with("has no line of a shutdown log"), "{warnings:?}");
    }

    #[test]
    fn a_path_that_no_file_can_have_is_left_out_and_reported() {
        let text = format!("\t\tremaining client pid: 5 (/{})\nSIGTERM: [1700000000] x\n", "a".repeat(5000));
        let (records, warnings) = parsed(&text);
        assert_eq!((records.len(), records[0].get("client"), warnings.len()), (1, None, 1));
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TWO_SHUTDOWNS.as_bytes());
    }
}
