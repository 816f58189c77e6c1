//! Android backups (`adb backup`): a text header, then AES if there is a password, then zlib, then a tar.
//!
//! The layers are taken off here; what is in the tar is known to nobody in this file.

use std::io::{self, Read};
use std::sync::Arc;

use aes::Aes256;
use cbc::cipher::{Array, BlockModeDecrypt, KeyIvInit};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::super::{
    Secrets, SourceError,
    archive::{Bytes, Index},
    container::{Container, Cursor, FileAt, Member},
    keybag::spellings,
    tar,
};
use crate::format::{ReadAt, zlib};

const MAGIC: &[u8] = b"ANDROID BACKUP\n";
/// A header is some six hundred bytes long.
const LONGEST_HEADER: usize = 16 << 10;
/// Above what any phone writes, low enough that a hostile header cannot occupy the machine for minutes.
const MAX_ROUNDS: u32 = 5_000_000;
const BLOCK: usize = 16;
const CHUNK: usize = 64 << 10;

pub(super) fn is_backup(head: &[u8]) -> bool {
    head.starts_with(MAGIC) || head.starts_with(b"ANDROID BACKUP\r\n")
}

/// An opened backup and what is wrong with it.
pub(super) struct Opened {
    pub members: Arc<dyn Container>,
    pub encrypted: bool,
    pub problems: Vec<String>,
}

/// Opens the backup in `file`; one that is neither encrypted nor compressed is read in place, any other is kept in memory.
pub(super) fn open(
    path: &str,
    file: &FileAt,
    secrets: &dyn Secrets,
    max_memory: u64,
) -> Result<Opened, SourceError> {
    let refuse = |reason: String| SourceError::File { path: path.into(), reason };
    let mut head = vec![0; LONGEST_HEADER];
    let read = file.read_at(0, &mut head).map_err(|error| refuse(error.to_string()))?;
    head.truncate(read);
    let header = Header::parse(&head).map_err(refuse)?;
    let payload = file.part(header.len, u64::MAX);
    let encrypted = header.encryption.is_some();
    let reader: Box<dyn Read> = match &header.encryption {
        None => {
            let mut head = [0; 512];
            let read = payload.read_at(0, &mut head).map_err(|error| refuse(error.to_string()))?;
            if !zlib::is_zlib(head.get(..read).unwrap_or_default()) {
                let members = tar::index(payload.clone());
                return Ok(Opened {
                    members: indexed(members, payload, max_memory),
                    encrypted,
                    problems: Vec::new(),
                });
            }
            Box::new(Cursor { reader: payload, position: 0 })
        }
        Some(encryption) => {
            let keys = encryption.unlock(header.version, secrets)?;
            Box::new(Decrypting::new(payload, &keys))
        }
    };
    let (bytes, problem) = unpack(reader, encrypted, max_memory).map_err(refuse)?;
    let inner = FileAt::of_bytes(bytes);
    let members = indexed(tar::index(inner.clone()), inner, max_memory);
    Ok(Opened { members, encrypted, problems: problem.into_iter().collect() })
}

fn indexed(index: Index, bytes: FileAt, max_memory: u64) -> Arc<dyn Container> {
    // A refused backup is an empty tar, which has no header to read.
    let index = if index.len() == 0 && bytes.len() < 512 { Index::default() } else { index };
    Arc::new(index.finish("an Android backup file", Bytes::File(bytes), max_memory))
}

/// The tar, inflated if it was compressed, which its first bytes tell: the flag in the header is wrong for some phones.
fn unpack(
    mut reader: Box<dyn Read>,
    padded: bool,
    max_memory: u64,
) -> Result<(Vec<u8>, Option<String>), String> {
    let too_long =
        || format!("holds more than the memory limit of {max_memory} bytes; allow more with `--max-memory`");
    let mut head = Vec::new();
    reader.by_ref().take(2).read_to_end(&mut head).map_err(|error| error.to_string())?;
    let rest = io::Cursor::new(head.clone()).chain(reader);
    if zlib::is_zlib(&head) {
        let inflated = zlib::inflate(rest, max_memory);
        return if inflated.too_long { Err(too_long()) } else { Ok((inflated.bytes, inflated.damage)) };
    }
    let mut bytes = Vec::new();
    let read = rest.take(max_memory.saturating_add(1)).read_to_end(&mut bytes);
    if bytes.len() as u64 > max_memory {
        return Err(too_long());
    }
    if padded {
        drop_padding(&mut bytes);
    }
    Ok((bytes, read.err().map(|error| format!("it ends early: {error}"))))
}

/// PKCS#7; whether it is whole does not matter behind the end of a tar.
fn drop_padding(bytes: &mut Vec<u8>) {
    let count = usize::from(bytes.last().copied().unwrap_or(0));
    let padding = bytes.len().checked_sub(count).and_then(|start| bytes.get(start..));
    let valid = padding.is_some_and(|padding| padding.iter().all(|byte| usize::from(*byte) == count));
    if (1..=BLOCK).contains(&count) && valid {
        bytes.truncate(bytes.len() - count);
    }
}

struct Header {
    version: u32,
    encryption: Option<Encryption>,
    /// Where the payload starts.
    len: u64,
}

struct Encryption {
    user_salt: Vec<u8>,
    checksum_salt: Vec<u8>,
    rounds: u32,
    user_iv: [u8; BLOCK],
    blob: Vec<u8>,
}

impl Header {
    /// Four lines, or nine; behind the last line end anything may follow.
    fn parse(head: &[u8]) -> Result<Header, String> {
        let mut position = 0;
        let mut line = |what: &str| -> Result<String, String> {
            let rest = head.get(position..).unwrap_or_default();
            let end =
                memchr::memchr(b'\n', rest).ok_or_else(|| format!("the header ends before its {what}"))?;
            position += end + 1;
            Ok(String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).trim().to_owned())
        };
        line("first line")?;
        let version = line("version")?;
        let version = version.parse().map_err(|_| format!("`{version:.20}` is no version of the format"))?;
        // What the flag says is not always so; the first bytes of the payload are asked instead.
        line("compression")?;
        let encryption = match line("encryption")? {
            none if none.eq_ignore_ascii_case("none") => None,
            aes if aes.eq_ignore_ascii_case("AES-256") => {
                let hex = |text: String, what: &str| {
                    crate::record::unhex(&text).ok_or_else(|| format!("the {what} is not hexadecimal"))
                };
                Some(Encryption {
                    user_salt: hex(line("salt")?, "salt")?,
                    checksum_salt: hex(line("second salt")?, "second salt")?,
                    rounds: line("rounds")?
                        .parse()
                        .ok()
                        .filter(|rounds| (1..=MAX_ROUNDS).contains(rounds))
                        .ok_or("the number of rounds is out of range")?,
                    user_iv: hex(line("initial vector")?, "initial vector")?
                        .try_into()
                        .map_err(|_| "the initial vector is not 16 bytes long")?,
                    blob: hex(line("master key")?, "master key")?,
                })
            }
            other => return Err(format!("it is encrypted with `{other:.40}`, which no Android wrote")),
        };
        Ok(Header { version, encryption, len: position as u64 })
    }
}

/// What opens the payload.
struct Keys {
    key: Zeroizing<[u8; 32]>,
    iv: [u8; BLOCK],
}

impl Encryption {
    fn unlock(&self, version: u32, secrets: &dyn Secrets) -> Result<Keys, SourceError> {
        let password = secrets.android_password().ok_or(SourceError::PasswordMissing)?;
        let mut candidates: Vec<Zeroizing<Vec<u8>>> = spellings(&password)
            .iter()
            .map(|spelling| Zeroizing::new(spelling.as_bytes().to_vec()))
            .collect();
        if version == 1 && !password.is_ascii() {
            // Java's characters, cut to eight bits.
            candidates.push(Zeroizing::new(password.encode_utf16().map(|unit| unit as u8).collect()));
        }
        secrets.deriving(true);
        let keys = candidates.iter().find_map(|candidate| self.keys(candidate));
        secrets.deriving(false);
        keys.ok_or(SourceError::PasswordWrong)
    }

    fn keys(&self, password: &[u8]) -> Option<Keys> {
        let user_key = self.derive(password, &self.user_salt);
        let mut blob = Zeroizing::new(self.blob.clone());
        let (blocks, _) = Array::slice_as_chunks_mut(&mut blob);
        cbc::Decryptor::<Aes256>::new((&*user_key).into(), &self.user_iv.into()).decrypt_blocks(blocks);
        // With a wrong password the lengths are random.
        let mut rest = blob.as_slice();
        let iv = counted(&mut rest)?.try_into().ok()?;
        let key: [u8; 32] = counted(&mut rest)?.try_into().ok()?;
        let key = Zeroizing::new(key);
        let checksum = counted(&mut rest)?;
        // The first versions hashed the key itself, later ones what Java makes of it, and some phones the other of the two.
        let matches = |secret: &[u8]| self.derive(secret, &self.checksum_salt)[..] == *checksum;
        (matches(&as_java_text(&key)) || matches(&key[..])).then_some(Keys { key, iv })
    }

    fn derive(&self, secret: &[u8], salt: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        pbkdf2::pbkdf2_hmac::<Sha1>(secret, salt, self.rounds, &mut *key);
        key
    }
}

/// Bytes with their number in front.
fn counted<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (count, behind) = rest.split_first()?;
    let (bytes, behind) = behind.split_at_checked(usize::from(*count))?;
    *rest = behind;
    Some(bytes)
}

/// Each byte as a signed number made a character of 16 bits, and those as UTF-8: Android hashed the key as if it were a password.
fn as_java_text(key: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    let character = |byte: &u8| match byte {
        0x80.. => char::from_u32(0xff00 | u32::from(*byte)).unwrap_or(char::REPLACEMENT_CHARACTER),
        ascii => char::from(*ascii),
    };
    Zeroizing::new(key.iter().map(character).collect::<String>().into_bytes())
}

/// The payload while it is decrypted from front to back. A part of a block at the end is left out.
struct Decrypting {
    inner: Cursor<FileAt>,
    cipher: cbc::Decryptor<Aes256>,
    plain: Vec<u8>,
    given: usize,
}

impl Decrypting {
    fn new(payload: FileAt, keys: &Keys) -> Decrypting {
        Decrypting {
            inner: Cursor { reader: payload, position: 0 },
            cipher: cbc::Decryptor::new((&*keys.key).into(), &keys.iv.into()),
            plain: Vec::new(),
            given: 0,
        }
    }
}

impl Read for Decrypting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.plain.len() {
            self.plain.clear();
            self.given = 0;
            self.inner.by_ref().take(CHUNK as u64).read_to_end(&mut self.plain)?;
            self.plain.truncate(self.plain.len() - self.plain.len() % BLOCK);
            let (blocks, _) = Array::slice_as_chunks_mut(&mut self.plain);
            self.cipher.decrypt_blocks(blocks);
        }
        let ready = self.plain.get(self.given..).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        buffer[..count].copy_from_slice(&ready[..count]);
        self.given += count;
        Ok(count)
    }
}

/// What is missing from messages and apps of a backup, as sentences.
pub(super) fn gaps(numbered: &[(u32, bool)]) -> Option<String> {
    let missing = |numbers: &mut Vec<u32>| {
        numbers.sort_unstable();
        numbers.dedup();
        let last = numbers.last().copied()?;
        let missing = (u64::from(last) + 1).saturating_sub(numbers.len() as u64);
        (missing > 0).then_some((missing, last))
    };
    let all = missing(&mut numbered.iter().map(|(number, _)| *number).collect());
    // Some manufacturers count SMS and MMS apart.
    let of = |mms: bool| numbered.iter().filter(move |(_, is_mms)| *is_mms == mms).map(|(number, _)| *number);
    let apart = [true, false].into_iter().all(|mms| missing(&mut of(mms).collect()).is_none());
    let (missing, last) = all.filter(|_| !apart)?;
    Some(format!(
        "{missing} of the files of messages numbered 0 to {last} are not in the backup: a phone leaves out the oldest where there is too much"
    ))
}

/// True where a member is more than the description of an app.
pub(super) fn is_data(member: &Member) -> bool {
    member.kind == super::FileKind::File
        && !member.path.ends_with("/_manifest")
        && !member.path.ends_with("/_meta")
}

#[cfg(test)]
#[path = "ab_tests.rs"]
pub(super) mod testing;
