//! Small backups and dumps for tests, made of files named in the test.

use std::{fs, path::Path};

use aes::Aes256;
use aes_kw::{KeyInit, KwAes256};
use cbc::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use plist::{Dictionary, Uid, Value};
use zeroize::Zeroizing;

use super::{Secrets, Source, VirtualFile, manifest::file_id};
use crate::record::{hex, unhex};

pub(super) const PASSWORD: &str = "correct horse";
/// The key that the password and the keybag below stand for.
pub(super) const K2: &str = "e3ba997ee490d0bc8ebd9893a6da690c8dd407b65b90130fead5c296d92a638e";

/// A password; the empty one stands for "none to be had".
pub(super) struct Password(pub &'static str);

impl Secrets for Password {
    fn password(&self) -> Option<Zeroizing<String>> {
        (!self.0.is_empty()).then(|| Zeroizing::new(self.0.into()))
    }
    fn key(&self) -> Option<Zeroizing<[u8; 32]>> {
        None
    }
}

pub(super) struct GivenKey(pub [u8; 32]);

impl Secrets for GivenKey {
    fn password(&self) -> Option<Zeroizing<String>> {
        None
    }
    fn key(&self) -> Option<Zeroizing<[u8; 32]>> {
        Some(Zeroizing::new(self.0))
    }
}

pub(super) fn wrap(wrapping: &[u8; 32], key: &[u8; 32]) -> Vec<u8> {
    let mut wrapped = [0; 40];
    KwAes256::new(wrapping.into()).wrap_key(key, &mut wrapped).unwrap();
    wrapped.to_vec()
}

pub(super) fn encrypt(key: &[u8; 32], plain: &[u8]) -> Vec<u8> {
    let mut buffer = [plain, &[0; 16]].concat();
    cbc::Encryptor::<Aes256>::new(key.into(), &[0; 16].into())
        .encrypt_padded::<Pkcs7>(&mut buffer, plain.len())
        .unwrap()
        .to_vec()
}

/// The keybag of the published vectors; without the first round as before iOS 10.2.
pub(super) fn keybag(first_round: bool) -> Vec<u8> {
    let mut bag = Vec::new();
    let mut put = |tag: &[u8; 4], value: &[u8]| {
        bag.extend(tag);
        bag.extend((value.len() as u32).to_be_bytes());
        bag.extend(value);
    };
    put(b"VERS", &3u32.to_be_bytes());
    put(b"TYPE", &1u32.to_be_bytes());
    put(b"UUID", &[1; 16]);
    put(b"SALT", &(0x20..0x34).collect::<Vec<u8>>());
    put(b"ITER", &10u32.to_be_bytes());
    if first_round {
        put(b"DPIC", &1000u32.to_be_bytes());
        put(b"DPSL", &(0..20).collect::<Vec<u8>>());
    }
    let k2 = if first_round {
        unhex(K2).unwrap().try_into().unwrap()
    } else {
        let mut key = [0; 32];
        pbkdf2::pbkdf2_hmac::<sha1::Sha1>(
            PASSWORD.as_bytes(),
            &(0x20..0x34).collect::<Vec<u8>>(),
            10,
            &mut key,
        );
        key
    };
    for (class, byte) in [(3u32, 0x33), (4, 0x44)] {
        put(b"UUID", &[byte; 16]);
        put(b"CLAS", &class.to_be_bytes());
        put(b"WRAP", &2u32.to_be_bytes());
        put(b"KTYP", &0u32.to_be_bytes());
        put(b"WPKY", &wrap(&k2, &[byte; 32]));
    }
    bag
}

/// An archived `MBFile`: `objects` get the indices from 2 on.
pub(super) fn mbfile(fields: Vec<(String, Value)>, objects: Vec<Value>) -> Vec<u8> {
    let mut all = vec![Value::from("$null"), Value::Dictionary(fields.into_iter().collect())];
    all.extend(objects);
    let top: Dictionary = [("root".to_owned(), Value::Uid(Uid::new(1)))].into_iter().collect();
    let archive: Dictionary = [
        ("$version".to_owned(), Value::from(100_000i64)),
        ("$archiver".to_owned(), Value::from("NSKeyedArchiver")),
        ("$top".to_owned(), Value::Dictionary(top)),
        ("$objects".to_owned(), Value::Array(all)),
    ]
    .into_iter()
    .collect();
    let mut bytes = Vec::new();
    Value::Dictionary(archive).to_writer_binary(&mut bytes).unwrap();
    bytes
}

/// A legacy list of plain files.
pub(super) fn mbdb(files: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"mbdb\x05\x00".to_vec();
    for (domain, relative, content) in files {
        for text in [domain, relative] {
            bytes.extend((text.len() as u16).to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes.extend([0xff; 6]);
        bytes.extend(0o100_644u16.to_be_bytes());
        bytes.extend(1u64.to_be_bytes());
        bytes.extend(501u32.to_be_bytes());
        bytes.extend(501u32.to_be_bytes());
        for _ in 0..3 {
            bytes.extend(1_400_000_000u32.to_be_bytes());
        }
        bytes.extend((content.len() as u64).to_be_bytes());
        bytes.extend([3, 0]);
    }
    bytes
}

const MANIFEST_KEY: [u8; 32] = [0xaa; 32];
const FILE_KEY: [u8; 32] = [0xbb; 32];
pub(super) const UDID: &str = "00008110-001A2B3C4D5E6F70";

/// What the tests put into a backup: domain, relative path, content.
pub(super) const FILES: &[(&str, &str, &[u8])] = &[
    ("HomeDomain", "Library/Test/hello.txt", b"hello world file contents\n"),
    ("HomeDomain", "Library/SMS/sms.db", &[b'x'; 5000]),
    ("AppDomain-com.example.app", "Documents/empty", b""),
    ("RootDomain", "Library/sixteen", b"0123456789abcdef"),
];

pub(super) struct Builder {
    pub encrypted: bool,
    pub snapshot_state: &'static str,
    pub files: Vec<(&'static str, &'static str, Vec<u8>)>,
    /// File ids whose payload is left out.
    pub without: Vec<String>,
    /// SQL run on the manifest before it is stored.
    pub sql: String,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            encrypted: false,
            snapshot_state: "finished",
            files: FILES.iter().map(|(domain, path, bytes)| (*domain, *path, bytes.to_vec())).collect(),
            without: Vec::new(),
            sql: String::new(),
        }
    }
}

impl Builder {
    pub fn encrypted() -> Builder {
        Builder { encrypted: true, ..Builder::default() }
    }

    /// Writes the backup into `folder`.
    pub fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        let k4: [u8; 32] = [0x44; 32];
        let mut database = rusqlite::Connection::open_in_memory().unwrap();
        database
            .execute_batch(
                "CREATE TABLE Files (fileID TEXT PRIMARY KEY, domain TEXT, relativePath TEXT, flags INTEGER, file BLOB);
                 CREATE TABLE Properties (key TEXT PRIMARY KEY, value BLOB);",
            )
            .unwrap();
        let insert = |domain: &str, relative: &str, flags: i64, blob: Vec<u8>| {
            database
                .execute(
                    "INSERT INTO Files VALUES (?1, ?2, ?3, ?4, ?5)",
                    (file_id(domain, relative), domain, relative, flags, blob),
                )
                .unwrap();
        };
        insert("HomeDomain", "Library/Test", 2, mbfile(vec![("Mode".into(), 0o040_755i64.into())], vec![]));
        insert(
            "HomeDomain",
            "Library/link",
            4,
            mbfile(vec![("Target".into(), Value::Uid(Uid::new(2)))], vec!["/var/mobile/Library/Test".into()]),
        );
        for (domain, relative, content) in &self.files {
            let mut fields = vec![
                ("Size".to_owned(), Value::from(content.len() as i64)),
                ("Mode".to_owned(), Value::from(0o100_644i64)),
                ("LastModified".to_owned(), Value::from(1_700_000_000i64)),
                ("ProtectionClass".to_owned(), Value::from(4i64)),
            ];
            let mut objects = Vec::new();
            if self.encrypted {
                fields.push(("EncryptionKey".into(), Value::Uid(Uid::new(2))));
                let key = [4u32.to_le_bytes().to_vec(), wrap(&k4, &FILE_KEY)].concat();
                let data: Dictionary = [("NS.data".to_owned(), Value::Data(key))].into_iter().collect();
                objects.push(Value::Dictionary(data));
            }
            insert(domain, relative, 1, mbfile(fields, objects));
            let id = file_id(domain, relative);
            if !self.without.contains(&id) {
                let stored = match content.as_slice() {
                    // A file of no bytes has no payload bytes either.
                    [] => Vec::new(),
                    _ if self.encrypted => encrypt(&FILE_KEY, content),
                    _ => content.clone(),
                };
                put(folder, &format!("{}/{id}", &id[..2]), &stored);
            }
        }
        database.execute_batch(&self.sql).unwrap();
        let mut manifest = database.serialize("main").unwrap().to_vec();
        // As on the phone.
        manifest[18..20].fill(2);
        let manifest = if self.encrypted { encrypt(&MANIFEST_KEY, &manifest) } else { manifest };
        put(folder, "Manifest.db", &manifest);
        self.write_plists(folder);
    }

    fn write_plists(&self, folder: &Path) {
        let k3: [u8; 32] = [0x33; 32];
        let info = [
            ("Device Name", Value::from("Test phone")),
            ("Product Type", "iPhone14,5".into()),
            ("Product Version", "17.1".into()),
            ("Unique Identifier", UDID.into()),
        ];
        put(folder, "Info.plist", &plist_bytes(info));
        let mut manifest =
            vec![("IsEncrypted", Value::from(self.encrypted)), ("BackupKeyBag", Value::Data(keybag(true)))];
        if self.encrypted {
            let key = [3u32.to_le_bytes().to_vec(), wrap(&k3, &MANIFEST_KEY)].concat();
            manifest.push(("ManifestKey", Value::Data(key)));
        }
        put(folder, "Manifest.plist", &plist_bytes(manifest));
        put(folder, "Status.plist", &plist_bytes([("SnapshotState", Value::from(self.snapshot_state))]));
    }
}

pub(super) fn plist_bytes<'a>(pairs: impl IntoIterator<Item = (&'a str, Value)>) -> Vec<u8> {
    let dictionary: Dictionary = pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut bytes = Vec::new();
    Value::Dictionary(dictionary).to_writer_binary(&mut bytes).unwrap();
    bytes
}

#[expect(clippy::disallowed_methods, reason = "tests make their evidence")]
pub(super) fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// All files below a folder, with their relative names, sorted.
#[expect(clippy::disallowed_methods, reason = "tests look at their evidence")]
pub(super) fn tree(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let name = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// Everything a source lists, as lines: path, kind, missing, content or what was wrong; then the problems.
pub(super) fn listing(source: &dyn Source) -> Vec<String> {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    source
        .list(crate::source::Detail::Full, &mut |file| files.push(file), &mut |problem| {
            problems.push(format!("problem: {problem}"))
        })
        .unwrap();
    let wanted: Vec<&VirtualFile> = files.iter().filter(|file| file.kind == super::FileKind::File).collect();
    source.stage(&wanted).unwrap();
    let mut lines: Vec<String> = files
        .iter()
        .map(|file| {
            let content = match file.kind {
                super::FileKind::File if file.missing => "missing".into(),
                super::FileKind::File => content(source, file),
                super::FileKind::Link => format!("-> {}", file.target.as_deref().unwrap_or("?")),
                other => format!("{other:?}").to_lowercase(),
            };
            let odd = file.odd.as_ref().map(|odd| format!(" ({odd})")).unwrap_or_default();
            format!("{} {content}{odd}", file.path)
        })
        .collect();
    lines.sort();
    lines.extend(problems);
    lines
}

pub(super) fn content(source: &dyn Source, file: &VirtualFile) -> String {
    match source.open(file).map(|reader| reader.read_all(1 << 20).unwrap()) {
        Ok(bytes) if bytes.len() > 60 || std::str::from_utf8(&bytes).is_err() => {
            format!("{} bytes {}", bytes.len(), &hex(&sha1_of(&bytes))[..8])
        }
        Ok(bytes) => format!("{:?}", String::from_utf8(bytes).unwrap()),
        Err(error) => format!("error: {error}"),
    }
}

fn sha1_of(bytes: &[u8]) -> Vec<u8> {
    use sha1::Digest;
    sha1::Sha1::digest(bytes).to_vec()
}

/// A folder as a zip, every second member stored without compression.
pub(super) fn zipped(folder: &Path) -> Vec<u8> {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (number, (name, bytes)) in tree(folder).iter().enumerate() {
        let method =
            if number % 2 == 0 { zip::CompressionMethod::Stored } else { zip::CompressionMethod::Deflated };
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        writer.start_file(name.as_str(), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A folder as a tar, links as links.
pub(super) fn tarred(folder: &Path) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    builder.follow_symlinks(false);
    builder.append_dir_all("", folder).unwrap();
    builder.into_inner().unwrap()
}

/// A tar of members named as they are, however odd.
pub(super) fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(super) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}
