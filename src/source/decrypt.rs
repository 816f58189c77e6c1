//! A decrypted view of one file of an encrypted backup, made while it is read and never written anywhere.

use std::io;

use aes::Aes256;
use cbc::cipher::{Array, BlockModeDecrypt, InnerIvInit, KeyInit};

use super::keybag::Key;
use crate::format::ReadAt;

const BLOCK: u64 = 16;

/// AES-256-CBC with a zero IV. Block n needs only ciphertext block n-1, so any place can be read on its own.
pub(super) struct Decrypted {
    inner: Box<dyn ReadAt>,
    cipher: Aes256,
    len: u64,
    damage: Option<&'static str>,
}

impl Decrypted {
    /// Looks at the last block once to know the length. `size` is the length the manifest states: it is older than the content of
    /// live databases, so it only counts where the padding is of no use.
    pub fn new(inner: Box<dyn ReadAt>, key: &Key, size: Option<u64>) -> io::Result<Decrypted> {
        let stored = inner.len();
        let whole = stored - stored % BLOCK;
        let mut view = Decrypted { inner, cipher: Aes256::new((&**key).into()), len: whole, damage: None };
        if whole != stored {
            // Cut in the middle of a block: the padding is gone with the rest.
            view.damage = Some("its ciphertext is cut short");
        } else if whole > 0 {
            let mut last = [0; BLOCK as usize];
            view.read_at(whole - BLOCK, &mut last)?;
            match padding(&last) {
                Some(count) => view.len = whole - count,
                None => {
                    view.damage = Some("its padding is damaged");
                    view.len = size.filter(|size| *size <= whole).unwrap_or(whole);
                }
            }
        }
        Ok(view)
    }

    /// Decrypts whole blocks in place; `offset` and the length are multiples of the block.
    fn blocks(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut before = [0; BLOCK as usize];
        if offset > 0 && self.inner.read_at(offset - BLOCK, &mut before)? < before.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let read = self.inner.read_at(offset, buffer)?;
        let whole = read - read % BLOCK as usize;
        let (blocks, _) = Array::slice_as_chunks_mut(buffer.get_mut(..whole).unwrap_or_default());
        cbc::Decryptor::inner_iv_init(self.cipher.clone(), &Array::from(before)).decrypt_blocks(blocks);
        Ok(whole)
    }

    /// One block of which only a part is wanted.
    fn part(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut block = [0; BLOCK as usize];
        let within = (offset % BLOCK) as usize;
        let read = self.blocks(offset - offset % BLOCK, &mut block)?;
        let from = block.get(within..read).unwrap_or_default();
        let count = from.len().min(buffer.len());
        buffer[..count].copy_from_slice(&from[..count]);
        Ok(count)
    }
}

/// PKCS#7: the number of bytes to drop.
fn padding(last: &[u8; BLOCK as usize]) -> Option<u64> {
    let count = last[15];
    let valid =
        (1..=16).contains(&count) && last[16 - usize::from(count)..].iter().all(|byte| *byte == count);
    valid.then_some(u64::from(count))
}

impl ReadAt for Decrypted {
    fn len(&self) -> u64 {
        self.len
    }

    fn damage(&self) -> Option<&str> {
        self.damage
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
        let mut rest = &mut buffer[..wanted];
        let mut done = 0;
        while !rest.is_empty() {
            let at = offset + done as u64;
            let whole = rest.len() - rest.len() % BLOCK as usize;
            let read = if !at.is_multiple_of(BLOCK) || whole == 0 {
                let head = rest.len().min((BLOCK - at % BLOCK) as usize);
                self.part(at, &mut rest[..head])?
            } else {
                self.blocks(at, &mut rest[..whole])?
            };
            if read == 0 {
                break;
            }
            done += read;
            rest = &mut rest[read..];
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{record::unhex, source::testing::encrypt};
    use zeroize::Zeroizing;

    fn key() -> Key {
        Zeroizing::new([0xbb; 32])
    }

    fn view(stored: Vec<u8>, size: Option<u64>) -> Decrypted {
        Decrypted::new(Box::new(stored), &key(), size).unwrap()
    }

    #[test]
    fn published_vector() {
        let stored = "315564e7f63d3f212f9780692c5065542e0424199d2d218640663b6910c67bc8";
        let view = view(unhex(stored).unwrap(), None);
        assert_eq!(view.read_all(100).unwrap(), b"hello world file contents\n");
    }

    #[test]
    fn every_stretch_reads_as_it_does_in_the_whole() {
        let plain: Vec<u8> = (0..100u8).collect();
        let view = view(encrypt(&[0xbb; 32], &plain), Some(7));
        assert_eq!(view.len(), 100);
        for start in 0..=101 {
            for len in 0..=101 {
                let mut buffer = vec![0; len];
                let read = view.read_at(start, &mut buffer).unwrap();
                let from = plain.get(start as usize..).unwrap_or_default();
                assert_eq!(&buffer[..read], &from[..len.min(from.len())]);
            }
        }
    }

    #[test]
    fn cut_ciphertext_keeps_its_complete_blocks() {
        let plain = [7; 100];
        let view = view(encrypt(&[0xbb; 32], &plain)[..75].to_vec(), None);
        assert_eq!(view.read_all(100).unwrap(), &plain[..64]);
        assert_eq!(view.damage(), Some("its ciphertext is cut short"));
    }

    #[test]
    fn without_padding_the_stated_size_counts_if_it_fits() {
        let stored = encrypt(&[0xbb; 32], &[0xee; 100])[..64].to_vec();
        assert_eq!(view(stored.clone(), Some(60)).len(), 60);
        assert_eq!(view(stored.clone(), Some(100)).len(), 64);
        assert_eq!(view(stored, None).damage(), Some("its padding is damaged"));
    }

    #[test]
    fn nothing_stored_is_nothing_read() {
        assert!(view(Vec::new(), Some(5)).is_empty());
    }
}
