use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.webkit_network_cache",
    title: "WebKit's network cache",
    about: "Pages and their parts that an app's web views, Safari's included, kept a copy of; the path tells the app.",
    // The bodies lie beside them, called `…-blob`.
    files: &["/private/var/mobile/**/NetworkCache/Version*/Records/*/*/*"],
    columns: &[
        time("stored", Epoch::Unix, Moment::NetworkUsed),
        url("url"),
        text("partition"),
        text("kind"),
        int("version"),
    ],
    shows: Trace::Resolved,
    line: "WebKit kept {url} of {partition}",
    parse: Parse::Head { bytes: HEAD_BYTES, parse },
};

/// A longer address than fits into this is read up to here.
const HEAD_BYTES: usize = 64 << 10;

/// The layout is not published: version, partition, kind, a range since some version, the address, hashes, the time.
fn parse(head: &[u8], out: &mut Out<'_>) {
    if out.path().ends_with("-blob") || head.is_empty() {
        return;
    }
    let place = Place::Offset { offset: 0 };
    match Key::read(head) {
        Some(key) => {
            let stored = key.stored.map_or(Value::Null, Value::Real);
            if stored.is_null() {
                out.warn(Some(place.clone()), "the time of a record is not where it was expected");
            }
            out.push(
                place,
                [stored, key.url.into(), key.partition.into(), key.kind.into(), i64::from(key.version).into()],
            );
        }
        None => out.warn(Some(place), "is no record of a version that is known"),
    }
}

struct Key {
    version: u32,
    partition: String,
    kind: String,
    url: String,
    stored: Option<f64>,
}

impl Key {
    fn read(head: &[u8]) -> Option<Key> {
        let mut rest = head;
        let version = u32::from_le_bytes(take(&mut rest)?);
        let (partition, kind) = (string(&mut rest)?, string(&mut rest)?);
        // An empty range stands before the address in some versions.
        let mut url = string(&mut rest)?;
        if !url.contains(':') {
            url = string(&mut rest)?;
        }
        if !url.contains(':') {
            return None;
        }
        Some(Key { version, partition, kind, url, stored: stored(rest) })
    }
}

/// Two hashes stand before the time, and a number or a range before them, whose length differs: what can be a time is looked for.
fn stored(rest: &[u8]) -> Option<f64> {
    const HASHES: usize = 40;
    /// 2010 and 2100.
    const PLAUSIBLE: std::ops::Range<f64> = 1_262_304_000.0..4_102_444_800.0;
    let at = |start: usize| rest.get(start..)?.first_chunk().copied().map(f64::from_le_bytes);
    [4, 0, 5, 8, 12].iter().filter_map(|before| at(HASHES + before)).find(|time| PLAUSIBLE.contains(time))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*taken)
}

/// A length, whether it is of Latin letters, and the text; a length of -1 is no text.
fn string(rest: &mut &[u8]) -> Option<String> {
    let len = u32::from_le_bytes(take(rest)?);
    if len == u32::MAX {
        return Some(String::new());
    }
    let [narrow] = take(rest)?;
    let len = usize::try_from(len).ok()?;
    let (taken, behind) = rest.split_at_checked(if narrow == 0 { len.checked_mul(2)? } else { len })?;
    *rest = behind;
    if narrow == 0 {
        let units = taken.chunks_exact(2).filter_map(|pair| pair.first_chunk().copied().map(u16::from_le_bytes));
        return Some(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect());
    }
    Some(taken.iter().map(|byte| char::from(*byte)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};

    const PATH: &str = "/private/var/mobile/Containers/Data/Application/A/Library/Caches/WebKit/NetworkCache/Version 16/Records/\
                        AB/Resource/0123";

    fn narrow(text: &str) -> Vec<u8> {
        [&(text.len() as u32).to_le_bytes()[..], &[1], text.as_bytes()].concat()
    }

    fn wide(text: &str) -> Vec<u8> {
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        [&((units.len() / 2) as u32).to_le_bytes()[..], &[0], &units].concat()
    }

    fn record(texts: &[Vec<u8>]) -> Vec<u8> {
        let time = 1_684_922_400.5_f64.to_le_bytes();
        [&16_u32.to_le_bytes()[..], &texts.concat(), &[0; 4], &[0xaa; 40], &time, &[0; 60]].concat()
    }

    #[test]
    fn address_and_time_are_read_in_both_widths() {
        let plain = record(&[narrow("b.example"), narrow("Resource"), narrow("https://a.example/x")]);
        let ranged = record(&[wide("b.example"), wide("Resource"), u32::MAX.to_le_bytes().to_vec(), wide("https://a.example/x")]);
        for bytes in [plain, ranged] {
            assert_eq!(
                rows_at(&ARTIFACT, PATH, &bytes),
                (
                    json!([{"stored": "2023-05-24T10:00:00.500000+00:00", "url": "https://a.example/x", "partition": "b.example",
                            "kind": "Resource", "version": 16, "_line": "WebKit kept https://a.example/x of b.example"}]),
                    vec![]
                )
            );
            shake(&ARTIFACT, &bytes);
        }
    }

    #[test]
    fn a_record_of_an_unknown_layout_says_so_and_bodies_are_passed_over() {
        assert_eq!(rows_at(&ARTIFACT, PATH, &[7; 40]).1, ["is no record of a version that is known"]);
        let without_time = [&16_u32.to_le_bytes()[..], &narrow("b"), &narrow("R"), &narrow("https://a.example/")].concat();
        let (records, warnings) = rows_at(&ARTIFACT, PATH, &without_time);
        assert_eq!((&records[0]["url"], warnings.len()), (&json!("https://a.example/"), 1));
        assert!(rows_at(&ARTIFACT, &format!("{PATH}-blob"), b"hello").1.is_empty());
    }
}
