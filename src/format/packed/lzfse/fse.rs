//! Finite state entropy as LZFSE uses it: numbers written as bits of a state that runs backwards through the bytes.

/// Bits taken from the end of a payload towards its beginning.
pub(super) struct Bits<'b> {
    /// With [`Bits::PADDING`] behind the payload.
    padded: &'b [u8],
    /// Bits not taken yet.
    left: usize,
}

impl<'b> Bits<'b> {
    /// Zeros that the payload must be followed by, so that eight bytes can be read anywhere.
    pub const PADDING: usize = 8;

    /// `unused` bits at the end of the last byte are zeros and mean nothing.
    pub fn new(padded: &'b [u8], unused: usize) -> Option<Bits<'b>> {
        let payload = padded.get(..padded.len().checked_sub(Bits::PADDING)?)?;
        let left = (payload.len() * 8).checked_sub(unused)?;
        let is_clear = unused == 0 || payload.last()? >> (8_usize.checked_sub(unused)?) == 0;
        is_clear.then_some(Bits { padded, left })
    }

    /// The last `count` bits, up to 32.
    fn take(&mut self, count: u32) -> Option<u32> {
        self.left = self.left.checked_sub(count as usize)?;
        let bytes = self.padded.get(self.left / 8..)?.first_chunk()?;
        let bits = u64::from_le_bytes(*bytes) >> (self.left % 8);
        Some((bits & ((1 << count) - 1)) as u32)
    }
}

/// What a state stands for and leads to.
#[derive(Clone, Copy)]
struct Entry {
    /// Bits that are added to `next`, and bits that are added to `base`.
    state_bits: u8,
    value_bits: u8,
    next: u16,
    base: u32,
}

/// The states of one kind of number.
pub(super) struct Table(Vec<Entry>);

impl Table {
    /// Makes the states from how many of them each symbol has; `None` if that is more than there are. `states` is a power of two.
    /// A symbol with `extra` bits of its own stands for as many values, which follow those of the symbol before.
    pub fn new(frequencies: &[u16], states: u32, extra: impl Fn(usize) -> u8) -> Option<Table> {
        let mut entries = Vec::with_capacity(states as usize);
        let mut base = 0_u32;
        for (symbol, count) in frequencies.iter().map(|count| u32::from(*count)).enumerate() {
            let value_bits = extra(symbol);
            if count > 0 {
                if entries.len() + count as usize > states as usize {
                    return None;
                }
                // The states that lead on to this symbol are shared out among its own: some take one bit more than the others.
                let bits = states.ilog2() - count.ilog2();
                let longer = ((2 * states) >> bits) - count;
                entries.extend((0..count).map(|index| {
                    let (state_bits, next) = match index.checked_sub(longer) {
                        None => (bits, ((count + index) << bits) - states),
                        Some(index) => (bits - 1, index << (bits - 1)),
                    };
                    Entry { state_bits: state_bits as u8, value_bits, next: next as u16, base }
                }));
            }
            base += 1 << value_bits;
        }
        Some(Table(entries))
    }

    /// The number that the state stands for, after which the state is the next one.
    pub fn value(&self, state: &mut u16, bits: &mut Bits<'_>) -> Option<u32> {
        let entry = self.0.get(usize::from(*state))?;
        let taken = bits.take(u32::from(entry.state_bits + entry.value_bits))?;
        *state = entry.next.checked_add((taken >> entry.value_bits) as u16)?;
        Some(entry.base + (taken & ((1 << entry.value_bits) - 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_taken_from_the_end() {
        let bytes = [0x21, 0x43, 0x05, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut bits = Bits::new(&bytes, 4).unwrap();
        let taken: Vec<u32> = std::iter::from_fn(|| bits.take(4)).collect();
        assert_eq!(taken, [5, 4, 3, 2, 1]);
        assert!(
            Bits::new(&bytes, 6).is_none() && Bits::new(&[0; 8], 1).is_none() && Bits::new(&[], 0).is_none()
        );
    }

    #[test]
    fn states_are_shared_out_by_frequency() {
        // Three of four states for the first symbol, one for the third.
        let table = Table::new(&[3, 0, 1], 4, |_| 0).unwrap();
        let symbols: Vec<u32> = table.0.iter().map(|entry| entry.base).collect();
        assert_eq!(symbols, [0, 0, 0, 2]);
        // Whatever the bits, the next state is one of the four.
        for entry in &table.0 {
            assert!(entry.next + (1 << entry.state_bits) <= 4);
        }
        assert!(Table::new(&[3, 2], 4, |_| 0).is_none());
    }
}
