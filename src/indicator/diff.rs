//! What changed between two sets: by value and meaning, whatever the forms, ids and order of the files.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::host::{self, Host, Shape};
use super::intake::{canonical, platform_name, role_name};
use super::name;
use super::set::{IndicatorSet, Ioc, Platform, Role};

/// The difference between two sets, sorted by kind and value.
///
/// Times from which values are valid are left out: publishers write the moment of generation there, so they change with every file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub added: Vec<Listed>,
    pub removed: Vec<Listed>,
    pub changed: Vec<Changed>,
    /// Values that mean the same in both.
    pub same: usize,
}

/// A value that only one set has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    pub kind: Ioc,
    pub value: String,
    pub campaigns: Vec<String>,
}

/// A value that both sets have, with another meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    pub kind: Ioc,
    pub value: String,
    pub changes: Vec<Change>,
}

/// `campaign`, `role`, `platform` or `validity`, and its words before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub what: &'static str,
    pub before: Vec<String>,
    pub after: Vec<String>,
}

impl Difference {
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// All that a set says of one value.
#[derive(Default, PartialEq, Eq)]
struct Meaning {
    campaigns: BTreeSet<String>,
    roles: BTreeSet<String>,
    platforms: BTreeSet<String>,
    validity: BTreeSet<String>,
}

type Meanings = BTreeMap<(Ioc, String), Meaning>;

/// Compares two sets.
pub fn diff(before: &IndicatorSet, after: &IndicatorSet) -> Difference {
    let mut difference = Difference::default();
    let mut old = meanings(before);
    for ((kind, value), new) in meanings(after) {
        match old.remove(&(kind, value.clone())) {
            None => difference.added.push(listed(kind, value, new)),
            Some(old) if old == new => difference.same += 1,
            Some(old) => difference.changed.push(Changed { kind, value, changes: changes(&old, &new) }),
        }
    }
    difference.removed = old.into_iter().map(|((kind, value), old)| listed(kind, value, old)).collect();
    difference
}

fn listed(kind: Ioc, value: String, meaning: Meaning) -> Listed {
    Listed { kind, value, campaigns: meaning.campaigns.into_iter().collect() }
}

fn changes(old: &Meaning, new: &Meaning) -> Vec<Change> {
    let pairs = [
        ("campaign", &old.campaigns, &new.campaigns),
        ("role", &old.roles, &new.roles),
        ("platform", &old.platforms, &new.platforms),
        ("validity", &old.validity, &new.validity),
    ];
    let changed = pairs.into_iter().filter(|(_, before, after)| before != after);
    let words = |set: &BTreeSet<String>| set.iter().cloned().collect();
    changed.map(|(what, before, after)| Change { what, before: words(before), after: words(after) }).collect()
}

fn meanings(set: &IndicatorSet) -> Meanings {
    let mut meanings = Meanings::new();
    for indicator in &set.indicators {
        let meaning = meanings.entry((indicator.ioc, normal(indicator.ioc, &indicator.value))).or_default();
        let campaign = set.campaigns.get(usize::from(indicator.campaign));
        meaning.campaigns.insert(campaign.map_or("", |campaign| &campaign.name).to_owned());
        if indicator.role != Role::Unstated {
            meaning.roles.insert(role_name(indicator.role).to_owned());
        }
        if indicator.platform != Platform::Any {
            meaning.platforms.insert(platform_name(indicator.platform).to_owned());
        }
        if indicator.revoked {
            meaning.validity.insert("withdrawn".to_owned());
        }
        if let Some(until) = indicator.valid_until {
            meaning.validity.insert(format!("until {until}"));
        }
    }
    meanings
}

/// The form in which two spellings that match alike are equal.
pub(super) fn normal(ioc: Ioc, value: &str) -> String {
    let value = canonical(ioc, value);
    match ioc {
        Ioc::Domain => {
            let (front, name) = match value.strip_prefix("*.") {
                Some(name) => ("*.", name),
                None => ("", &*value),
            };
            match host::canonical(name) {
                Some(Host::Name(name)) => format!("{front}{name}"),
                _ => value.into_owned(),
            }
        }
        Ioc::Url => match host::cut(&value) {
            Shape::Address(address) if !address.malformed => {
                let host = match address.host {
                    Host::Name(name) => name.into_owned(),
                    Host::Ip(_) => address.written.to_owned(),
                };
                let scheme = match address.scheme {
                    "" => String::new(),
                    scheme => format!("{}://", scheme.to_ascii_lowercase()),
                };
                let port = address.port.map(|port| format!(":{port}")).unwrap_or_default();
                let rest = if address.rest == "/" { "" } else { address.rest };
                format!("{scheme}{host}{port}{rest}")
            }
            _ => value.into_owned(),
        },
        Ioc::ProfileId => name::profile(&value).into_owned(),
        _ => value.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::intake::{Entry, Intake};
    use crate::indicator::set::Source;

    fn set(values: &[(Ioc, &str, &str, Role)]) -> IndicatorSet {
        let mut set = IndicatorSet::default();
        let mut intake = Intake::new(&mut set, Source::default()).unwrap();
        for (ioc, value, campaign, role) in values {
            let campaign = intake.campaign_named(campaign);
            intake.add(1, Entry { role: *role, ..Entry::new(*ioc, value, campaign) });
        }
        intake.finish();
        set
    }

    #[test]
    fn spelling_and_order_are_no_difference() {
        let before = set(&[
            (Ioc::Domain, "Evil.example.com", "Spy", Role::C2),
            (Ioc::Domain, "xn--telegrm-qbd.com", "Spy", Role::C2),
            (Ioc::Url, "HTTPS://Evil.example.com:443/A", "Spy", Role::C2),
            (Ioc::FileHash, &"AB".repeat(32), "Spy", Role::C2),
        ]);
        let after = set(&[
            (Ioc::FileHash, &"ab".repeat(32), "Spy", Role::C2),
            (Ioc::Url, "https://evil.example.com/A", "Spy", Role::C2),
            (Ioc::Domain, "telegrɑm.com", "Spy", Role::C2),
            (Ioc::Domain, "evil.example.com", "Spy", Role::C2),
        ]);
        let difference = diff(&before, &after);
        assert!(difference.is_empty(), "{difference:?}");
        assert_eq!(difference.same, 4);
    }

    #[test]
    fn added_removed_and_changed_values_are_told() {
        let before = set(&[
            (Ioc::Domain, "a.example.com", "Spy", Role::C2),
            (Ioc::Domain, "b.example.com", "Spy", Role::C2),
            (Ioc::Process, "bh", "Spy", Role::Unstated),
        ]);
        let mut after = set(&[
            (Ioc::Domain, "a.example.com", "Spy", Role::Sinkholed),
            (Ioc::Domain, "a.example.com", "Other", Role::Sinkholed),
            (Ioc::Domain, "c.example.com", "Spy", Role::C2),
            (Ioc::Process, "bh", "Spy", Role::Unstated),
        ]);
        after.indicators[3].valid_until = Some("2025-01-01T00:00:00Z".parse().unwrap());
        let difference = diff(&before, &after);
        assert_eq!(difference.added[0].value, "c.example.com");
        assert_eq!(difference.removed[0].value, "b.example.com");
        let told: Vec<_> = difference
            .changed
            .iter()
            .flat_map(|it| {
                it.changes.iter().map(|change| {
                    format!("{} {} {:?} {:?}", it.value, change.what, change.before, change.after)
                })
            })
            .collect();
        assert_eq!(
            told,
            [
                r#"a.example.com campaign ["Spy"] ["Other", "Spy"]"#,
                r#"a.example.com role ["c2"] ["sinkholed"]"#,
                r#"bh validity [] ["until 2025-01-01T00:00:00Z"]"#,
            ]
        );
        assert_eq!(difference.same, 0);
    }
}
