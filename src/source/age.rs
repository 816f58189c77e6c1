//! Acquisitions encrypted with age, as AndroidQF and Bugbane write them: decrypted while they are read, at any place, and never written
//! anywhere.

use std::path::Path;

use super::{Secrets, SourceError, container::FileAt};

pub(super) fn is_age(head: &[u8]) -> bool {
    head.starts_with(b"age-encryption.org/v1\n")
}

fn refuse(path: &Path, reason: impl Into<String>, hint: &str) -> SourceError {
    SourceError::NotRecognised { path: path.display().to_string(), reason: reason.into(), hint: hint.into() }
}

/// This build cannot decrypt it and says who can.
#[cfg(not(feature = "age"))]
pub(super) fn open(path: &Path, _file: FileAt, _secrets: &dyn Secrets) -> Result<FileAt, SourceError> {
    Err(refuse(
        path,
        "it is encrypted with age, and this build was made without it",
        "Decrypt it first: `age --decrypt -i key.txt -o acquisition.zip acquisition.zip.age`, or without `-i` where it has a passphrase; then give \
         the zip.",
    ))
}

/// The plain content of an encrypted file.
#[cfg(feature = "age")]
pub(super) use real::open;

#[cfg(feature = "age")]
mod real {
    use std::io::{self, BufReader, Read, Seek, SeekFrom};
    use std::sync::{Arc, Mutex, PoisonError};

    use age::secrecy::SecretString;
    use age::stream::StreamReader;
    use age::{DecryptError, Decryptor, Identity, scrypt, x25519};

    use super::*;
    use crate::{format::ReadAt, source::container::Cursor};

    /// log2 of the work for a passphrase; both collectors use 15 to 18. Above it a hostile file could occupy the machine for minutes.
    const MAX_WORK: u8 = 22;

    type Encrypted = BufReader<Cursor<FileAt>>;

    pub fn open(path: &Path, file: FileAt, secrets: &dyn Secrets) -> Result<FileAt, SourceError> {
        let damaged = |reason: String| refuse(path, reason, "Copy it again from where it was made.");
        let input = BufReader::with_capacity(128 << 10, Cursor { reader: file.clone(), position: 0 });
        let decryptor = Decryptor::new_buffered(input)
            .map_err(|error| damaged(format!("its age header cannot be read: {error}")))?;
        let by_passphrase = decryptor.is_scrypt();
        let identities = if by_passphrase { passphrase(secrets)? } else { keys(path, secrets)? };
        if by_passphrase {
            secrets.deriving(true);
        }
        let opened = decryptor.decrypt(identities.iter().map(|identity| &**identity));
        if by_passphrase {
            secrets.deriving(false);
        }
        let mut stream = opened.map_err(|error| match error {
            DecryptError::NoMatchingKeys
            | DecryptError::DecryptionFailed
            | DecryptError::KeyDecryptionFailed => SourceError::PasswordWrong,
            error => damaged(format!("it cannot be decrypted: {error}")),
        })?;
        let (len, cut) = match stream.seek(SeekFrom::End(0)) {
            Ok(len) => (len, false),
            // Cut short: what is inside has no end either, which its reader tells.
            Err(_) => {
                let len = whole_chunks(&mut stream, &file).ok_or_else(|| {
                    damaged("it is encrypted with age, and cut short or damaged at its end".into())
                })?;
                (len, true)
            }
        };
        Ok(FileAt::of_view(Arc::new(Plain { stream: Mutex::new(stream), len, cut })))
    }

    const CHUNK: u64 = 64 << 10;
    /// Behind each chunk stands a tag.
    const TAG: u64 = 16;
    /// Between the header and the chunks.
    const NONCE: u64 = 16;
    /// Headers of thousands of recipients are no longer.
    const LONGEST_HEADER: usize = 1 << 20;

    /// How much can be decrypted of a file that does not come to its end.
    fn whole_chunks(stream: &mut StreamReader<Encrypted>, file: &FileAt) -> Option<u64> {
        let mut head = vec![0; LONGEST_HEADER.min(usize::try_from(file.len()).unwrap_or(usize::MAX))];
        let read = file.read_at(0, &mut head).ok()?;
        let head = head.get(..read)?;
        let last_line = memchr::memmem::find(head, b"\n--- ")? + 1;
        let header = last_line + memchr::memchr(b'\n', head.get(last_line..)?)? + 1;
        let payload = file.len().checked_sub(header as u64 + NONCE)?;
        let whole = payload / (CHUNK + TAG);
        // A look behind the end, which fails, makes the stream forget what it knows of its end.
        let _ = seek_in_cut(stream, whole.checked_add(5)?.checked_mul(CHUNK)?);
        // The last one may be damaged as well.
        let is_good = |len: &u64| {
            let mut byte = [0];
            seek_in_cut(stream, len - 1).and_then(|()| stream.read_exact(&mut byte)).is_ok()
        };
        (1..=whole).rev().take(2).map(|chunks| chunks * CHUNK).find(is_good)
    }

    /// To go to the beginning of a chunk, the stream asks for its own end, which is not there; not so to go elsewhere in the chunk.
    fn seek_in_cut(stream: &mut StreamReader<Encrypted>, offset: u64) -> io::Result<()> {
        if offset.is_multiple_of(CHUNK) {
            stream.seek(SeekFrom::Start(offset.saturating_add(1)))?;
        }
        stream.seek(SeekFrom::Start(offset)).map(drop)
    }

    fn passphrase(secrets: &dyn Secrets) -> Result<Vec<Box<dyn Identity>>, SourceError> {
        let password = secrets.android_password().ok_or(SourceError::PasswordMissing)?;
        let mut identity = scrypt::Identity::new(SecretString::from(password.to_string()));
        identity.set_max_work_factor(MAX_WORK);
        Ok(vec![Box::new(identity)])
    }

    fn keys(path: &Path, secrets: &dyn Secrets) -> Result<Vec<Box<dyn Identity>>, SourceError> {
        let file = secrets.identity().ok_or_else(|| {
            refuse(
                path,
                "it is encrypted with age for a key",
                "Give the file that holds the line `AGE-SECRET-KEY-1…` with `--key-file`; AndroidQF has the public half in its `key.txt`.",
            )
        })?;
        let lines = file.lines().map(str::trim).filter(|line| line.starts_with("AGE-SECRET-KEY-1"));
        let keys = lines.filter_map(|line| line.parse::<x25519::Identity>().ok());
        let keys: Vec<Box<dyn Identity>> = keys.map(|key| Box::new(key) as Box<dyn Identity>).collect();
        if keys.is_empty() {
            return Err(refuse(
                path,
                "the key file holds no age key that can be read",
                "Copy the whole line `AGE-SECRET-KEY-1…`.",
            ));
        }
        Ok(keys)
    }

    struct Plain {
        stream: Mutex<StreamReader<Encrypted>>,
        len: u64,
        /// The file does not come to its end.
        cut: bool,
    }

    impl ReadAt for Plain {
        fn len(&self) -> u64 {
            self.len
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let wanted =
                usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
            if wanted == 0 {
                return Ok(0);
            }
            let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
            if self.cut {
                seek_in_cut(&mut stream, offset)?;
            } else {
                stream.seek(SeekFrom::Start(offset))?;
            }
            stream.read_exact(&mut buffer[..wanted])?;
            Ok(wanted)
        }
    }

    #[cfg(test)]
    pub(in crate::source) mod testing {
        use super::*;

        /// Encrypted for the passphrase, or for the key where it is one.
        pub fn encrypted(plain: &[u8], secret: &str) -> Vec<u8> {
            let encrypt = |recipient: &dyn age::Recipient| {
                let mut out = Vec::new();
                let encryptor = age::Encryptor::with_recipients(std::iter::once(recipient)).unwrap();
                let mut writer = encryptor.wrap_output(&mut out).unwrap();
                io::Write::write_all(&mut writer, plain).unwrap();
                writer.finish().unwrap();
                out
            };
            match secret.parse::<x25519::Identity>() {
                Ok(key) => encrypt(&key.to_public()),
                Err(_) => {
                    let mut recipient = scrypt::Recipient::new(SecretString::from(secret.to_owned()));
                    recipient.set_work_factor(2);
                    encrypt(&recipient)
                }
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use zeroize::Zeroizing;

        use super::{testing::encrypted, *};
        use crate::source::testing::Password;

        const KEY: &str = "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQS0QQQQP";

        struct Key(String);

        impl Secrets for Key {
            fn password(&self) -> Option<Zeroizing<String>> {
                None
            }
            fn key(&self) -> Option<Zeroizing<[u8; 32]>> {
                None
            }
            fn identity(&self) -> Option<Zeroizing<String>> {
                Some(Zeroizing::new(format!("# made up\n{}\n", self.0)))
            }
        }

        fn open(bytes: Vec<u8>, secrets: &dyn Secrets) -> Result<FileAt, SourceError> {
            super::open(Path::new("a.zip.age"), FileAt::of_bytes(bytes), secrets)
        }

        fn plain() -> Vec<u8> {
            (0..50_000_u32).flat_map(u32::to_le_bytes).collect()
        }

        #[test]
        fn any_place_is_read_with_the_passphrase() {
            let file = open(encrypted(&plain(), "correct horse"), &Password("correct horse")).unwrap();
            assert_eq!(file.len(), 200_000);
            for offset in [199_990, 0, 65_530, 131_072, 65_536, 5, 200_000, 300_000] {
                let mut buffer = [0; 20];
                let read = file.read_at(offset, &mut buffer).unwrap();
                let expected = plain().get(offset as usize..).map_or(0, |rest| rest.len().min(20));
                assert_eq!(read, expected);
                assert!(plain()[(offset as usize).min(200_000)..].starts_with(&buffer[..read]));
            }
        }

        #[test]
        fn keys_open_and_wrong_or_missing_ones_say_so() {
            let key = age::secrecy::ExposeSecret::expose_secret(&x25519::Identity::generate().to_string())
                .to_owned();
            let bytes = encrypted(b"plain", &key);
            assert_eq!(open(bytes.clone(), &Key(key)).unwrap().read_all(10).unwrap(), b"plain");
            let other = age::secrecy::ExposeSecret::expose_secret(&x25519::Identity::generate().to_string())
                .to_owned();
            assert!(matches!(open(bytes.clone(), &Key(other)), Err(SourceError::PasswordWrong)));
            let missing = open(bytes.clone(), &Password("x")).err().unwrap();
            assert!(missing.hint().contains("--key-file"));
            assert!(open(bytes, &Key(KEY.into())).err().unwrap().to_string().contains("no age key"));
            let locked = encrypted(b"plain", "correct horse");
            assert!(matches!(open(locked.clone(), &Password("wrong")), Err(SourceError::PasswordWrong)));
            assert!(matches!(open(locked, &Password("")), Err(SourceError::PasswordMissing)));
        }

        #[test]
        fn cut_files_are_read_up_to_the_cut_and_damaged_ones_fail_where_they_are_read() {
            let whole = encrypted(&plain(), "x");
            let head = whole.len() - 200_000 - 4 * TAG as usize;
            for end in
                (0..whole.len()).step_by(4999).chain([head + 65_552, head + 2 * 65_552, whole.len() - 1])
            {
                let chunks = end.saturating_sub(head) / 65_552;
                match open(whole[..end].to_vec(), &Password("x")) {
                    Ok(file) => {
                        assert_eq!(file.read_all(1 << 20).unwrap(), plain()[..chunks * 65_536], "{end}")
                    }
                    Err(_) => assert_eq!(chunks, 0, "{end}"),
                }
            }
            for at in (0..whole.len()).step_by(3001) {
                let mut broken = whole.clone();
                broken[at] ^= 1;
                let _ = open(broken, &Password("x")).map(|file| file.read_all(1 << 20));
            }
        }
    }
}

#[cfg(all(test, feature = "age"))]
pub(super) use real::testing;
