//! What a scan concludes: findings, the level each deserves, and the problems that kept it from seeing more.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::indicator::{Form, Indicator, Ioc, Role, Strength};
use crate::record::{Moment, Origin, Place, Trace, Value, hex};
use crate::time::{Basis, Precision};

/// How much a finding asks of its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl Level {
    pub const ALL: [Level; 5] =
        [Level::Critical, Level::High, Level::Medium, Level::Low, Level::Informational];

    pub fn name(self) -> &'static str {
        match self {
            Level::Informational => "INFORMATIONAL",
            Level::Low => "LOW",
            Level::Medium => "MEDIUM",
            Level::High => "HIGH",
            Level::Critical => "CRITICAL",
        }
    }

    /// One step up; nothing is above critical.
    pub fn raised(self) -> Level {
        match self {
            Level::Critical | Level::High => Level::Critical,
            Level::Medium => Level::High,
            Level::Low => Level::Medium,
            Level::Informational => Level::Low,
        }
    }

    /// One step down.
    pub fn lowered(self) -> Level {
        match self {
            Level::Critical => Level::High,
            Level::High => Level::Medium,
            Level::Medium => Level::Low,
            Level::Low | Level::Informational => Level::Informational,
        }
    }
}

/// The level of an indicator match, from how sure the match is and what it would mean.
///
/// It is a table on purpose: a laboratory that wants another policy changes it here and nowhere else.
pub fn level_of(strength: Strength, form: Form, trace: Trace) -> Level {
    use Strength::{Certain, Medium, Strong, Weak};
    match (trace, strength) {
        (Trace::Executed | Trace::Installed | Trace::Policy | Trace::Tampered, Certain) => Level::Critical,
        (Trace::Executed | Trace::Installed | Trace::Policy | Trace::Tampered, Strong) => Level::High,
        (Trace::Executed | Trace::Installed | Trace::Policy | Trace::Tampered, Medium) => Level::Medium,
        (Trace::Executed | Trace::Installed | Trace::Policy | Trace::Tampered, Weak) => Level::Low,
        (Trace::Visited | Trace::Resolved, Certain) => Level::Critical,
        (Trace::Visited | Trace::Resolved, Strong) if form == Form::Subdomain => Level::Critical,
        (Trace::Visited | Trace::Resolved, Strong) => Level::High,
        (Trace::Visited | Trace::Resolved, Medium) => Level::Medium,
        (Trace::Visited | Trace::Resolved, Weak) => Level::Low,
        (Trace::Received | Trace::Logged, Certain | Strong) => Level::High,
        (Trace::Stored, Certain | Strong) => Level::Medium,
        (Trace::Received | Trace::Logged | Trace::Stored, Medium) => Level::Medium,
        (Trace::Received | Trace::Logged | Trace::Stored, Weak) => Level::Informational,
        (Trace::Mentioned, Certain) => Level::Medium,
        (Trace::Mentioned, Strong | Medium) => Level::Low,
        (Trace::Mentioned, Weak) => Level::Informational,
    }
}

/// [`level_of`], lowered by what is known about the indicator, with the sentence that says so.
pub fn judged_level(
    strength: Strength,
    form: Form,
    trace: Trace,
    indicator: &Indicator,
    at: Option<Timestamp>,
) -> (Level, Option<&'static str>) {
    let level = level_of(strength, form, trace);
    if indicator.revoked {
        return (Level::Informational, Some("the publisher has withdrawn this indicator"));
    }
    if let (Some(until), Some(at)) = (indicator.valid_until, at)
        && at > until
    {
        return (level.lowered(), Some("the event is later than the indicator's stated validity"));
    }
    match indicator.role {
        Role::VendorWebsite => (level.lowered(), Some("this is a vendor's public web site, not its spyware")),
        Role::DualUse => (level.lowered(), Some("this software also has open, consensual uses")),
        Role::CompromisedSite => {
            (level.lowered(), Some("this is an ordinary site that attackers had taken over for a time"))
        }
        Role::Sinkholed => (level.lowered(), Some("this domain has since been taken over by defenders")),
        Role::Unstated | Role::C2 | Role::Delivery | Role::Distribution => (level, None),
    }
}

/// A point in time of a record, and what happened then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub at: Timestamp,
    pub moment: Moment,
    pub column: &'static str,
    pub basis: Basis,
    pub precision: Precision,
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut object = serializer.serialize_struct("Stamp", 5)?;
        object.serialize_field("time", &crate::time::iso(self.at))?;
        object.serialize_field("meaning", self.moment.description())?;
        object.serialize_field("column", self.column)?;
        object.serialize_field("basis", &self.basis)?;
        object.serialize_field("precision", &self.precision)?;
        object.end()
    }
}

/// Why a finding exists: a published value, or a rule of ours.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    Indicator {
        /// Indexes into the set: the same value may be published for several campaigns.
        indicators: Vec<u32>,
        ioc: Ioc,
        strength: Strength,
        form: Form,
    },
    /// A heuristic's id.
    Heuristic(&'static str),
}

/// The record a finding is about, kept with it so that it can be read alone.
#[derive(Clone, Debug)]
pub struct Exhibit {
    pub artifact: &'static str,
    /// On the device.
    pub path: Arc<str>,
    /// In the evidence.
    pub stored_as: Arc<str>,
    pub place: Place,
    pub origin: Origin,
    pub times: Vec<Stamp>,
    /// The timeline's sentence about the record.
    pub line: String,
    pub values: Vec<(&'static str, Value<'static>)>,
}

impl Exhibit {
    /// A value by its column's name; `Null` if the record has none.
    pub fn value(&self, column: &str) -> &Value<'static> {
        const NULL: &Value<'static> = &Value::Null;
        self.values.iter().find(|(name, _)| *name == column).map_or(NULL, |(_, value)| value)
    }

    pub fn text(&self, column: &str) -> &str {
        self.value(column).as_text().unwrap_or_default()
    }

    pub fn time(&self, column: &str) -> Option<Timestamp> {
        self.value(column).as_time()
    }

    /// The earliest of its times.
    pub fn at(&self) -> Option<Timestamp> {
        self.times.iter().map(|stamp| stamp.at).min()
    }
}

/// A trace or an anomaly, with everything needed to defend it.
#[derive(Clone, Debug)]
pub struct Finding {
    pub level: Level,
    pub trace: Trace,
    pub rule: Rule,
    /// One plain sentence.
    pub message: String,
    pub exhibit: Exhibit,
    /// The column that matched; `None` where a rule judged the whole record.
    pub column: Option<&'static str>,
    /// The whole field.
    pub value: String,
    /// The part of it that matched.
    pub matched: String,
    /// What a reader must know before believing it.
    pub caveats: Vec<String>,
    /// What other records did to its level, each with its reason.
    pub weighed: Vec<Weighed>,
    /// Of a rule's finding that rests on matches: the indicators of these.
    pub rests_on: Vec<u32>,
}

/// What another record does to the level of a finding: at most two steps, and never without its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    Raises,
    /// Is said, and changes nothing.
    Noted,
    Lowers,
    LowersTwice,
}

impl Weight {
    pub fn word(self) -> &'static str {
        match self {
            Weight::Raises => "raised",
            Weight::Noted => "noted",
            Weight::Lowers | Weight::LowersTwice => "lowered",
        }
    }
}

/// One rule's say about the level of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Weighed {
    /// Its id.
    pub rule: &'static str,
    pub weight: Weight,
    pub from: Level,
    pub to: Level,
    /// A sentence without its full stop.
    pub why: String,
}

impl Finding {
    /// The finding of a heuristic about a record.
    pub fn of_rule(
        id: &'static str,
        level: Level,
        trace: Trace,
        message: String,
        exhibit: &Exhibit,
    ) -> Finding {
        Finding {
            level,
            trace,
            rule: Rule::Heuristic(id),
            message,
            exhibit: exhibit.clone(),
            column: None,
            value: String::new(),
            matched: String::new(),
            caveats: Vec::new(),
            weighed: Vec::new(),
            rests_on: Vec::new(),
        }
    }

    /// Changes the level, and says so.
    pub fn weigh(&mut self, rule: &'static str, weight: Weight, why: impl Into<String>) {
        let from = self.level;
        self.level = match weight {
            Weight::Raises => from.raised(),
            Weight::Noted => from,
            Weight::Lowers => from.lowered(),
            Weight::LowersTwice => from.lowered().lowered(),
        };
        self.weighed.push(Weighed { rule, weight, from, to: self.level, why: why.into() });
    }

    /// The level before other records were looked at.
    pub fn own_level(&self) -> Level {
        self.weighed.first().map_or(self.level, |weighed| weighed.from)
    }

    /// True where another record, made independently, says the same.
    pub fn is_corroborated(&self) -> bool {
        self.weighed.iter().any(|weighed| weighed.weight == Weight::Raises)
    }

    /// The indicators it names: those that matched, or those of the matches it rests on.
    pub fn indicators(&self) -> &[u32] {
        match &self.rule {
            Rule::Indicator { indicators, .. } => indicators,
            Rule::Heuristic(_) => &self.rests_on,
        }
    }

    /// The earliest time of the record.
    pub fn at(&self) -> Option<Timestamp> {
        self.exhibit.at()
    }

    /// Twelve hexadecimal digits that stay the same from scan to scan: a hash of what was found where by which rule.
    ///
    /// `rule` is the indicator's `type:value` or the heuristic's id, so that a regenerated set does not rename findings.
    pub fn id(&self, rule: &str) -> String {
        let mut hash = Sha256::new();
        let place = self.exhibit.place.to_string();
        for part in [
            self.exhibit.artifact,
            &self.exhibit.path,
            &self.exhibit.stored_as,
            &place,
            self.column.unwrap_or_default(),
            rule,
            &self.value,
            &self.message,
        ] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hex(&hash.finalize()[..6])
    }
}

/// Something that was there and could not be read, or not in full.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// On the device, or the container's own file.
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<&'static str>,
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    pub reason: String,
    /// How often the same happened in this file; the first place is given.
    pub count: u64,
    /// What the reader can do about it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next: String,
}

impl Problem {
    pub fn new(path: impl Into<String>, reason: impl std::fmt::Display) -> Problem {
        Problem {
            path: path.into(),
            artifact: None,
            place: None,
            reason: reason.to_string(),
            count: 1,
            next: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indicator(role: Role) -> Indicator {
        Indicator {
            ioc: Ioc::Domain,
            value: "a.example".into(),
            campaign: 0,
            source: 0,
            role,
            platform: Default::default(),
            stix_id: "".into(),
            valid_from: None,
            valid_until: None,
            revoked: false,
            note: "".into(),
        }
    }

    #[test]
    fn a_received_link_is_never_as_grave_as_a_running_process() {
        assert_eq!(level_of(Strength::Certain, Form::Exact, Trace::Executed), Level::Critical);
        assert_eq!(level_of(Strength::Certain, Form::Exact, Trace::Received), Level::High);
        assert_eq!(level_of(Strength::Certain, Form::Exact, Trace::Mentioned), Level::Medium);
        assert_eq!(level_of(Strength::Weak, Form::Context, Trace::Received), Level::Informational);
    }

    #[test]
    fn a_changed_level_is_never_silent_and_stays_within_the_scale() {
        let exhibit = Exhibit {
            artifact: "ios.sms",
            path: "p".into(),
            stored_as: "p".into(),
            place: Place::key("k"),
            origin: Origin::Live,
            times: Vec::new(),
            line: String::new(),
            values: Vec::new(),
        };
        for level in Level::ALL {
            for (weight, most) in
                [(Weight::Raises, 1), (Weight::Noted, 0), (Weight::Lowers, 1), (Weight::LowersTwice, 2)]
            {
                let mut finding = Finding::of_rule("a", level, Trace::Visited, String::new(), &exhibit);
                finding.weigh("b", weight, "because");
                let [weighed] = &finding.weighed[..] else { panic!("not told") };
                assert_eq!((weighed.from, weighed.to), (level, finding.level));
                assert!((level as i32 - finding.level as i32).abs() <= most);
                assert_eq!(finding.own_level(), level);
                assert_eq!(finding.is_corroborated(), weight == Weight::Raises);
            }
        }
    }

    #[test]
    fn vendor_sites_and_withdrawn_indicators_are_lowered_and_say_why() {
        let judged = |indicator: &Indicator| {
            judged_level(Strength::Certain, Form::Exact, Trace::Visited, indicator, None)
        };
        assert_eq!(judged(&indicator(Role::Unstated)), (Level::Critical, None));
        assert_eq!(judged(&indicator(Role::VendorWebsite)).0, Level::High);
        let withdrawn = Indicator { revoked: true, ..indicator(Role::C2) };
        assert_eq!(judged(&withdrawn).0, Level::Informational);
        assert!(judged(&withdrawn).1.is_some());
    }

    #[test]
    fn an_expired_indicator_counts_less_for_events_after_its_end() {
        let until: Timestamp = "2023-01-01T00:00:00Z".parse().expect("a time");
        let expired = Indicator { valid_until: Some(until), ..indicator(Role::C2) };
        let at = |text: &str| {
            judged_level(Strength::Certain, Form::Exact, Trace::Visited, &expired, text.parse().ok()).0
        };
        assert_eq!(at("2022-06-01T00:00:00Z"), Level::Critical);
        assert_eq!(at("2023-06-01T00:00:00Z"), Level::High);
    }
}
