//! Each finding at its times, with the events around it: the page an analyst reads first.

use std::collections::HashSet;
use std::io::{self, Write};

use jiff::Timestamp;

use super::finding::Written;
use super::timeline::{Event, cell};
use crate::finding::Stamp;

/// A stretch of time around findings.
struct Window {
    from: Timestamp,
    to: Timestamp,
}

/// Writes `suspicious.jsonl` and `suspicious.csv` while the timeline passes.
pub(super) struct Suspicious<'a, J: Write, C: Write> {
    findings: &'a [Written<'a>],
    windows: Vec<Window>,
    /// Findings at each of their times, in order.
    dated: Vec<(Timestamp, usize, &'a Stamp)>,
    next: usize,
    current: usize,
    /// The records that are findings themselves: artifact, path and place.
    own: HashSet<(&'static str, &'a str, String)>,
    json: J,
    csv: csv::Writer<C>,
}

const HEADER: [&str; 10] =
    ["window", "kind", "time", "timestamp_desc", "level", "finding", "artifact", "message", "path", "where"];

impl<'a, J: Write, C: Write> Suspicious<'a, J, C> {
    /// `context` is what counts as around, in seconds before and after.
    pub fn new(findings: &'a [Written<'a>], context_s: i64, json: J, csv: C) -> io::Result<Self> {
        let mut dated: Vec<(Timestamp, usize, &Stamp)> = findings
            .iter()
            .enumerate()
            .flat_map(|(index, finding)| finding.times.iter().map(move |stamp| (stamp.at, index, stamp)))
            .collect();
        dated.sort_by_key(|(at, index, stamp)| (*at, *index, stamp.column));
        let mut windows: Vec<Window> = Vec::new();
        for (at, ..) in &dated {
            let context = jiff::SignedDuration::from_secs(context_s);
            let from = at.checked_sub(context).unwrap_or(*at);
            let to = at.checked_add(context).unwrap_or(*at);
            match windows.last_mut() {
                Some(last) if from <= last.to => last.to = to,
                _ => windows.push(Window { from, to }),
            }
        }
        let place = |finding: &Written<'_>| serde_json::to_string(finding.place);
        let own = findings
            .iter()
            .map(|finding| Ok((finding.artifact, finding.path, place(finding)?)))
            .collect::<io::Result<_>>()?;
        let mut csv = csv::Writer::from_writer(csv);
        csv.write_record(HEADER)?;
        Ok(Suspicious { findings, windows, dated, next: 0, current: 0, own, json, csv })
    }

    /// Takes the next event of the timeline.
    pub fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.findings_until(event.time)?;
        while self.windows.get(self.current).is_some_and(|window| window.to < event.time) {
            self.current += 1;
        }
        if self.windows.get(self.current).is_none_or(|window| event.time < window.from) {
            return Ok(());
        }
        if self.own.contains(&(event.artifact, event.path, event.place.to_owned())) {
            return Ok(());
        }
        let window = self.current + 1;
        let mut line = format!("{{\"window\":{window},\"kind\":\"context\",").into_bytes();
        event.json_fields(&mut line)?;
        line.extend_from_slice(b"}\n");
        self.json.write_all(&line)?;
        self.csv.write_record([
            window.to_string().as_str(),
            "context",
            &crate::time::iso(event.time),
            event.description(),
            "",
            "",
            event.artifact,
            &cell(event.message),
            &cell(event.path),
            event.place,
        ])?;
        Ok(())
    }

    fn findings_until(&mut self, time: Timestamp) -> io::Result<()> {
        while let Some((at, index, stamp)) = self.dated.get(self.next).copied()
            && at <= time
        {
            self.next += 1;
            let window = self.windows.iter().position(|window| (window.from..=window.to).contains(&at));
            self.finding(window.map(|index| index + 1), index, Some(stamp))?;
        }
        Ok(())
    }

    fn finding(&mut self, window: Option<usize>, index: usize, stamp: Option<&Stamp>) -> io::Result<()> {
        let Some(finding) = self.findings.get(index) else { return Ok(()) };
        let kind = if stamp.is_some() { "finding" } else { "undated" };
        let time = stamp.map(|stamp| crate::time::iso(stamp.at));
        let description = stamp.map_or("", |stamp| stamp.moment.description());
        let object = serde_json::json!({
            "window": window, "kind": kind, "time": time, "timestamp_desc": description,
            "level": finding.level, "finding": finding.id, "evidence_class": finding.evidence_class,
            "artifact": finding.artifact, "message": finding.message, "line": finding.line,
            "path": finding.path, "where": finding.place,
        });
        serde_json::to_writer(&mut self.json, &object)?;
        self.json.write_all(b"\n")?;
        self.csv.write_record([
            window.map_or_else(String::new, |window| window.to_string()).as_str(),
            kind,
            time.as_deref().unwrap_or_default(),
            description,
            finding.level,
            &finding.id,
            finding.artifact,
            &cell(finding.message),
            &cell(finding.path),
            &serde_json::to_string(finding.place)?,
        ])?;
        Ok(())
    }

    /// The findings after the last event, and those without a time.
    pub fn finish(mut self) -> io::Result<(J, csv::Writer<C>)> {
        self.findings_until(Timestamp::MAX)?;
        for (index, finding) in self.findings.iter().enumerate() {
            if finding.times.is_empty() {
                self.finding(None, index, None)?;
            }
        }
        self.csv.flush()?;
        Ok((self.json, self.csv))
    }
}
