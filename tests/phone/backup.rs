//! A phone's files to the folder that a backup of it makes.

use std::collections::BTreeMap;
use std::path::Path;

use plist::{Dictionary, Value};
use rusqlite::params;
use sha1::{Digest, Sha1};

use super::archive::{Archive, binary};
use super::database;
use super::keybag::Keybag;

/// What a backup folder holds and whether it is locked, with the password if there is one.
#[derive(Clone, Copy, Debug)]
pub enum Form<'a> {
    /// Made without a password.
    Plain,
    Encrypted(&'a str),
    /// A decrypted copy of an encrypted backup: its property lists and its manifest still speak of the encryption.
    Decrypted(&'a str),
}

#[derive(Clone, Debug)]
pub enum Content {
    Bytes(Vec<u8>),
    /// A row of the manifest whose payload is not in the backup.
    Missing,
    Folder,
    Link(String),
}

/// One row of the manifest; times are seconds since 1970.
#[derive(Clone, Debug)]
pub struct DeviceFile {
    pub content: Content,
    pub born: i64,
    pub modified: i64,
    pub changed: i64,
}

#[derive(Clone, Debug)]
pub struct Phone {
    pub info: Dictionary,
    pub manifest: Dictionary,
    pub status: Dictionary,
    /// By domain and path relative to it.
    pub files: BTreeMap<(String, String), DeviceFile>,
    pub page_size: u32,
}

/// The name under which a backup keeps a file.
pub fn file_id(domain: &str, path: &str) -> String {
    Sha1::digest(format!("{domain}-{path}")).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Phone {
    /// Gives every folder above a file its own row, as a device does.
    pub fn add_folders(&mut self, born: i64) {
        let mut folders = Vec::new();
        for (domain, path) in self.files.keys() {
            let mut path = path.as_str();
            while let Some(parent) =
                (!path.is_empty()).then(|| path.rsplit_once('/').map_or("", |(parent, _)| parent))
            {
                folders.push((domain.clone(), parent.to_owned()));
                path = parent;
            }
        }
        for key in folders {
            let folder = DeviceFile { content: Content::Folder, born, modified: born, changed: born };
            self.files.entry(key).or_insert(folder);
        }
    }

    /// Hands every file of the backup folder, by its path in it, to `sink`.
    pub fn emit(&self, form: Form<'_>, mut sink: impl FnMut(&str, &[u8])) {
        let keybag = match form {
            Form::Plain => Keybag::new(""),
            Form::Encrypted(password) | Form::Decrypted(password) => Keybag::new(password),
        };
        let encrypted = matches!(form, Form::Encrypted(_));
        let keys = !matches!(form, Form::Plain);

        let mut info = Vec::new();
        Value::Dictionary(self.info.clone()).to_writer_xml(&mut info).expect("writing to memory");
        sink("Info.plist", &info);
        let mut manifest = self.manifest.clone();
        manifest.insert("IsEncrypted".into(), Value::from(keys));
        manifest.insert("BackupKeyBag".into(), Value::Data(keybag.bytes()));
        if keys {
            manifest.insert("ManifestKey".into(), Value::Data(keybag.manifest_key()));
        }
        sink("Manifest.plist", &binary(&Value::Dictionary(manifest)));
        sink("Status.plist", &binary(&Value::Dictionary(self.status.clone())));

        let database = self.manifest_database(keys.then_some(&keybag));
        match encrypted {
            true => sink("Manifest.db", &keybag.encrypt_manifest(&database)),
            false => sink("Manifest.db", &database),
        }
        for ((domain, path), file) in &self.files {
            let Content::Bytes(bytes) = &file.content else { continue };
            let id = file_id(domain, path);
            let place = format!("{}/{id}", &id[..2]);
            match encrypted {
                true => sink(&place, &keybag.encrypt_file(&id, bytes)),
                false => sink(&place, bytes),
            }
        }
    }

    /// Writes the backup into a folder, which is made.
    pub fn write(&self, folder: &Path, form: Form<'_>) {
        self.emit(form, |path, bytes| {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder can be made");
            std::fs::write(path, bytes).expect("a file can be written");
        });
    }

    fn manifest_database(&self, keybag: Option<&Keybag>) -> Vec<u8> {
        database::build_with(self.page_size, |connection| {
            connection.execute_batch(
                "CREATE TABLE Files (fileID TEXT PRIMARY KEY, domain TEXT, relativePath TEXT, flags INTEGER, file BLOB);
                 CREATE INDEX FilesDomainIdx ON Files(domain);
                 CREATE INDEX FilesRelativePathIdx ON Files(relativePath);
                 CREATE INDEX FilesFlagsIdx ON Files(flags);
                 CREATE TABLE Properties (key TEXT PRIMARY KEY, value BLOB);
                 PRAGMA user_version = 2;",
            )?;
            let mut insert = connection.prepare("INSERT INTO Files VALUES (?, ?, ?, ?, ?)")?;
            for (inode, ((domain, path), file)) in self.files.iter().enumerate() {
                let id = file_id(domain, path);
                let flags = match file.content {
                    Content::Bytes(_) | Content::Missing => 1,
                    Content::Folder => 2,
                    Content::Link(_) => 4,
                };
                let key = keybag.filter(|_| flags == 1).map(|keybag| keybag.file_key(class(domain), &id));
                insert.execute(params![
                    id,
                    domain,
                    path,
                    flags,
                    metadata(domain, path, file, inode as u64, key)
                ])?;
            }
            Ok(())
        })
    }
}

/// Files of the system are readable before the first unlock, the owner's after it.
fn class(domain: &str) -> u32 {
    match domain {
        "RootDomain" | "WirelessDomain" | "DatabaseDomain" => 4,
        _ => 3,
    }
}

/// The archived `MBFile` of a row.
fn metadata(domain: &str, path: &str, file: &DeviceFile, inode: u64, key: Option<Vec<u8>>) -> Vec<u8> {
    let (mode, size) = match &file.content {
        Content::Bytes(bytes) => (0o100_644, bytes.len()),
        Content::Missing => (0o100_644, 4096),
        Content::Folder => (0o040_755, 0),
        Content::Link(_) => (0o120_755, 0),
    };
    let owner = match domain {
        "RootDomain" | "DatabaseDomain" => 0,
        "WirelessDomain" => 25,
        _ => 501,
    };
    let folder = matches!(file.content, Content::Folder | Content::Link(_));
    let mut root = Dictionary::new();
    let mut put = |name: &str, value: i64| root.insert(name.to_owned(), Value::from(value));
    put("LastModified", file.modified);
    put("Flags", 0);
    put("GroupID", owner);
    put("LastStatusChange", file.changed);
    put("Birth", file.born);
    put("Size", size as i64);
    put("InodeNumber", 4_300_000 + inode as i64);
    put("Mode", mode);
    put("UserID", owner);
    put("ProtectionClass", if folder { 0 } else { i64::from(class(domain)) });

    let mut archive = Archive::new();
    archive.add(0);
    root.insert("RelativePath".into(), archive.add(path));
    if let Content::Link(target) = &file.content {
        root.insert("Target".into(), archive.add(target.as_str()));
    }
    if let Some(key) = key {
        let class = archive.class(&["NSMutableData", "NSData", "NSObject"]);
        let data = Dictionary::from_iter([("NS.data", Value::Data(key)), ("$class", class)]);
        root.insert("EncryptionKey".into(), archive.add(Value::Dictionary(data)));
    }
    let class = archive.class(&["MBFile", "NSObject"]);
    root.insert("$class".into(), class);
    archive.set_root(root);
    archive.finish()
}
