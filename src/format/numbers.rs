//! Numbers at fixed places in bytes; `None` where the bytes end before.

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

pub fn le_u32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

pub fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

pub fn le_i32(bytes: &[u8], at: usize) -> Option<i32> {
    array(bytes, at).map(i32::from_le_bytes)
}

pub fn le_u64(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

pub fn le_f64(bytes: &[u8], at: usize) -> Option<f64> {
    array(bytes, at).map(f64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_with_the_bytes() {
        let bytes = [1, 0, 0, 0, 0, 0, 0, 2];
        assert_eq!((le_u32(&bytes, 0), be_u32(&bytes, 4), le_i32(&bytes, 1)), (Some(1), Some(2), Some(0)));
        assert_eq!((le_u64(&bytes, 0), le_u64(&bytes, 1)), (Some(0x0200_0000_0000_0001), None));
        assert_eq!((le_u32(&bytes, 5), le_u32(&bytes, usize::MAX), le_f64(&bytes, 1)), (None, None, None));
    }
}
