//! `timesync`: what the wall clock said at some ticks of each boot, and from it the time of any tick.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Damages;
use super::bytes::{Fields, Uuid};
use crate::record::Value;
use crate::time::Epoch;

const BOOT_MAGIC: [u8; 2] = [0xB0, 0xBB];
const SYNC_MAGIC: &[u8; 4] = b"Ts \0";
const BOOT_LEN: usize = 48;

/// A start of the device.
#[derive(Clone, Debug)]
pub struct Boot {
    pub uuid: Uuid,
    /// When it started, by the clock of that moment; `None` if that cannot be a date.
    pub wall: Option<Timestamp>,
    /// Minutes west of UTC at that moment.
    pub minutes_west: i32,
    wall_ns: i64,
    timebase: (u32, u32),
    /// Ticks and the wall clock in nanoseconds since 1970, by ticks.
    syncs: Vec<(u64, i64)>,
}

/// All boots that a set of `timesync` files knows, in the order of the files.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    boots: Vec<Boot>,
    by_uuid: HashMap<Uuid, usize>,
    /// By file name.
    pub damages: Vec<(String, Damages)>,
}

impl Clock {
    /// Reads the files, given with their names: a long boot goes on in the file whose name comes next.
    pub fn read(mut files: Vec<(String, Vec<u8>)>) -> Clock {
        files.sort();
        let mut clock = Clock::default();
        for (name, bytes) in files {
            let damages = clock.add(&bytes);
            if !damages.is_empty() {
                clock.damages.push((name, damages));
            }
        }
        for boot in &mut clock.boots {
            // Stable: of two records of one tick the later file has the last word.
            boot.syncs.sort_by_key(|(ticks, _)| *ticks);
        }
        clock
    }

    fn add(&mut self, bytes: &[u8]) -> Damages {
        let mut damages = Damages::default();
        let mut current = None;
        let mut at = 0;
        let mut lost = false;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let read = if rest.starts_with(&BOOT_MAGIC) {
                read_boot(rest).map(|(boot, len)| {
                    current = Some(self.begin(boot));
                    len
                })
            } else if rest.starts_with(SYNC_MAGIC) {
                read_sync(rest).map(|(sync, len)| {
                    match current.and_then(|index: usize| self.boots.get_mut(index)) {
                        Some(boot) => boot.syncs.push(sync),
                        None => damages.add(at as u64, "time of no boot"),
                    }
                    len
                })
            } else {
                None
            };
            if read.is_none() && !lost {
                damages.add(at as u64, "no record begins here");
            }
            lost = read.is_none();
            at += read.unwrap_or(4);
        }
        damages
    }

    fn begin(&mut self, boot: Boot) -> usize {
        *self.by_uuid.entry(boot.uuid).or_insert_with(|| {
            self.boots.push(boot);
            self.boots.len() - 1
        })
    }

    /// All boots, in the order in which the device recorded them.
    pub fn boots(&self) -> &[Boot] {
        &self.boots
    }

    /// The time of a tick; `None` for a boot that no file knows, and where the clock had no date.
    pub fn wall(&self, boot: Uuid, continuous: u64) -> Option<Timestamp> {
        self.boots.get(*self.by_uuid.get(&boot)?)?.at(continuous)
    }
}

impl Boot {
    fn at(&self, continuous: u64) -> Option<Timestamp> {
        let behind = self.syncs.partition_point(|(ticks, _)| *ticks <= continuous);
        let anchor = match behind.checked_sub(1).and_then(|index| self.syncs.get(index)) {
            Some(anchor) => *anchor,
            // Before the first record the start counts, unless that record is nearer: the boot may go on from a file that is gone.
            None => match self.syncs.first() {
                Some(first) if first.0 - continuous < continuous => *first,
                _ => (0, self.wall_ns),
            },
        };
        let (numerator, denominator) = self.timebase;
        let ticks = i128::from(continuous) - i128::from(anchor.0);
        let passed = (ticks * i128::from(numerator)).checked_div(i128::from(denominator))?;
        date(i128::from(anchor.1) + passed)
    }
}

/// Nanoseconds since 1970 to a date, if it can be one.
fn date(nanos: i128) -> Option<Timestamp> {
    let time = Timestamp::from_nanosecond(nanos).ok()?;
    Epoch::Unix.decode(&Value::Time(time), &crate::time::Clock::NONE).ok().flatten()
}

fn read_boot(bytes: &[u8]) -> Option<(Boot, usize)> {
    let mut fields = Fields(bytes);
    fields.u16()?;
    let len = usize::from(fields.u16()?).max(BOOT_LEN);
    fields.u32()?;
    let uuid = fields.uuid()?;
    let timebase = (fields.u32()?, fields.u32()?);
    let wall_ns = fields.i64()?;
    let (minutes_west, _daylight) = (fields.i32()?, fields.u32()?);
    let wall = date(wall_ns.into());
    Some((Boot { uuid, wall, minutes_west, wall_ns, timebase, syncs: Vec::new() }, len))
}

fn read_sync(bytes: &[u8]) -> Option<((u64, i64), usize)> {
    let mut fields = Fields(bytes);
    let (_magic, _flags) = (fields.u32()?, fields.u32()?);
    let sync = (fields.u64()?, fields.i64()?);
    let (_minutes_west, _daylight) = (fields.u32()?, fields.u32()?);
    Some((sync, 32))
}

#[cfg(test)]
mod tests {
    use super::super::writer;
    use super::*;

    const NOON: i64 = 1_709_294_400_000_000_000;
    const SECOND: u64 = 24_000_000;

    fn boot(uuid: u128) -> Vec<u8> {
        writer::timesync_boot(uuid, (125, 3), NOON, -60)
    }

    fn wall(clock: &Clock, ticks: u64) -> String {
        clock.wall(Uuid(1), ticks).map(|time| time.to_string()).unwrap_or_default()
    }

    #[test]
    fn ticks_count_from_the_last_record_before_them() {
        let hour = 3_600_000_000_000;
        let file = [
            boot(1),
            writer::timesync_sync(100 * SECOND, NOON + 100_000_000_000),
            writer::timesync_sync(200 * SECOND, NOON + hour),
        ];
        let clock = Clock::read(vec![("1".into(), file.concat())]);
        assert_eq!(wall(&clock, 10 * SECOND), "2024-03-01T12:00:10Z");
        assert_eq!(wall(&clock, 199 * SECOND), "2024-03-01T12:03:19Z");
        assert_eq!(wall(&clock, 200 * SECOND + 12), "2024-03-01T13:00:00.0000005Z");
        assert_eq!((clock.boots()[0].minutes_west, clock.damages.len()), (-60, 0));
    }

    #[test]
    fn a_boot_goes_on_in_the_next_file_by_name() {
        let early = [boot(1), writer::timesync_sync(SECOND, NOON)].concat();
        let late = [boot(1), writer::timesync_sync(90 * SECOND, NOON)].concat();
        let clock = Clock::read(vec![("b".into(), late), ("a".into(), early)]);
        assert_eq!(clock.boots().len(), 1);
        assert_eq!(wall(&clock, 91 * SECOND), "2024-03-01T12:00:01Z");
    }

    #[test]
    fn an_unknown_boot_has_no_time() {
        let clock = Clock::read(vec![("a".into(), boot(1))]);
        assert_eq!(clock.wall(Uuid(2), 5), None);
        let reset = writer::timesync_boot(3, (125, 3), 0, 0);
        assert_eq!(Clock::read(vec![("a".into(), reset)]).wall(Uuid(3), 5), None);
    }

    #[test]
    fn broken_files_keep_what_can_be_read() {
        let whole =
            [boot(1), writer::timesync_sync(SECOND, NOON), boot(2), writer::timesync_sync(9, NOON)].concat();
        for len in 0..whole.len() {
            Clock::read(vec![("a".into(), whole[..len].to_vec())]).wall(Uuid(1), u64::MAX);
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let clock = Clock::read(vec![("a".into(), flipped)]);
            clock.wall(Uuid(1), 0);
            clock.wall(Uuid(1), u64::MAX);
        }
        let torn = [&boot(1)[..], &[7; 12], &writer::timesync_sync(SECOND, NOON)].concat();
        let clock = Clock::read(vec![("a".into(), torn)]);
        assert_eq!(clock.damages[0].1.places.len(), 1);
        assert_eq!(wall(&clock, 2 * SECOND), "2024-03-01T12:00:01Z");
    }
}
