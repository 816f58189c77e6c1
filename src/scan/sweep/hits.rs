//! Raw hits of a file, and how those that say the same become one record.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::place::Meaning;
use super::spot::Spot;
use crate::format::sqlite::Part;
use crate::indicator::{Hit, IndicatorSet, Ioc};
use crate::record::{Origin, Place, Value};

/// Hits of one indicator in one file of which the place is kept; further ones are counted.
const PLACES_KEPT: usize = 16;
/// Places named in a record.
const PLACES_NAMED: usize = 3;

/// A place where raw bytes hold an indicator.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    /// The members and packed pieces that it is in, outermost first; empty for the file itself.
    pub inner: Arc<str>,
    /// In the file, or in the innermost of these.
    pub offset: u64,
    /// Of a database: the file itself, or its write-ahead log.
    pub part: Part,
    pub hit: Hit<'static>,
    /// The printable text around it.
    pub around: String,
    /// What stands there, once somebody looked.
    pub spot: Option<Spot>,
}

impl Raw {
    fn is_deleted(&self) -> bool {
        self.spot.as_ref().is_some_and(|spot| spot.origin == Some(Origin::Freed))
    }

    /// Where it is, in words.
    fn inside(&self) -> String {
        let here = match &self.spot {
            Some(spot) => spot.inside.clone(),
            None => format!("byte {}", self.offset),
        };
        if self.inner.is_empty() { here } else { format!("{}: {here}", self.inner) }
    }
}

/// The hits of one indicator in one file.
#[derive(Default)]
pub(super) struct Hits {
    pub places: Vec<Raw>,
    /// Places beyond those that are kept.
    more: u64,
}

impl Hits {
    pub fn add(&mut self, raw: impl FnOnce() -> Raw) {
        if self.places.len() < PLACES_KEPT {
            self.places.push(raw());
        } else {
            self.more += 1;
        }
    }

    /// An older state of a page holds most of its rows as they still are: those were not deleted.
    pub fn forget_older_states(&mut self) {
        let place = |raw: &Raw| raw.spot.as_ref().map(|spot| spot.place.clone());
        let living = self.places.iter().filter(|raw| !raw.is_deleted()).filter_map(place);
        let living: Vec<Place> = living.filter(|place| matches!(place, Place::Row { .. })).collect();
        let of_living = |raw: &Raw| place(raw).is_some_and(|place| living.contains(&place));
        let older: Vec<Place> =
            self.places.iter().filter(|raw| raw.is_deleted() && of_living(raw)).filter_map(place).collect();
        self.places.retain(|raw| !(raw.is_deleted() && of_living(raw)));
        for spot in self.places.iter_mut().filter_map(|raw| raw.spot.as_mut()) {
            if older.contains(&spot.place) {
                spot.origin = Some(Origin::Live);
            }
        }
    }

    pub fn take(&mut self, other: Hits) {
        self.more += other.more;
        for raw in other.places {
            self.add(|| raw);
        }
    }
}

/// What was found in a file, by indicator.
pub(super) type Found = BTreeMap<u32, Hits>;

/// Hits of one published value that say the same of a file: in living or in deleted content, packed or not.
pub(super) struct Group<'f> {
    places: Vec<&'f Raw>,
    more: u64,
    /// The indicators of that value.
    pub indicators: Vec<u32>,
}

/// The hits of a file, in the order of values.
pub(super) fn groups<'f>(found: &'f Found, set: &'f IndicatorSet) -> Vec<Group<'f>> {
    let mut groups: BTreeMap<(Ioc, &str, bool, bool), Group<'f>> = BTreeMap::new();
    for (id, hits) in found {
        let Some(indicator) = set.indicators.get(*id as usize) else { continue };
        for (index, raw) in hits.places.iter().enumerate() {
            let key = (indicator.ioc, &*indicator.value, raw.is_deleted(), !raw.inner.is_empty());
            let empty = Group { places: Vec::new(), more: 0, indicators: Vec::new() };
            let group = groups.entry(key).or_insert(empty);
            if !group.indicators.contains(id) {
                group.indicators.push(*id);
            }
            // The same value of several sets is hit at the same places.
            if group.indicators.first() == Some(id) {
                group.places.push(raw);
                group.more += if index == 0 { hits.more } else { 0 };
            }
        }
    }
    groups.into_values().collect()
}

impl Group<'_> {
    /// The hit that stands for all, the first of the strongest, with its place and the values of the record.
    pub fn record(&self, meaning: &Meaning) -> Option<(&Hit<'static>, Place, [Value<'_>; 8])> {
        let strongest = self.places.iter().map(|raw| raw.hit.strength).max();
        let best = self.places.iter().copied().find(|raw| Some(raw.hit.strength) == strongest)?;
        let spot = best.spot.as_ref();
        let place = match spot {
            Some(spot) if best.inner.is_empty() => spot.place.clone(),
            _ => Place::Offset { offset: best.offset },
        };
        let state = spot.and_then(|spot| spot.origin).map(|origin| match origin {
            Origin::Live => "live",
            Origin::Wal => "wal",
            Origin::Freed => "freed",
        });
        let values = [
            best.hit.matched.as_ref().into(),
            self.inside(best).into(),
            state.into(),
            best.offset.into(),
            best.around.as_str().into(),
            Some(meaning.holder.as_str()).filter(|holder| !holder.is_empty()).into(),
            best.is_deleted().into(),
            (!best.inner.is_empty()).into(),
        ];
        Some((&best.hit, place, values.map(Value::into_owned)))
    }

    /// The best place in words, the next ones, and how many more there are.
    fn inside(&self, best: &Raw) -> String {
        let mut named = vec![best.inside()];
        let mut more = self.more;
        for raw in &self.places {
            let inside = raw.inside();
            if named.contains(&inside) {
                continue;
            }
            if named.len() < PLACES_NAMED {
                named.push(inside);
            } else {
                more += 1;
            }
        }
        let more = if more > 0 { format!("; and {more} more places") } else { String::new() };
        format!("{}{more}", named.join("; "))
    }
}
