//! The same phone in every wrapping gives the same result, with any number of threads, and is not changed by being read.

#![allow(clippy::disallowed_methods, reason = "tests build archives and read what the program wrote")]

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::phone;
use crate::run::{copy, files, scan_into, scan_into_with};

/// The phone as folder, as the folder above it, and as zip, tar and tar.gz.
fn wrappings(phone: &Path, into: &Path) -> Vec<PathBuf> {
    let above = into.join("above");
    copy(phone, &above.join("00008110-000A11223344801E"));
    let zipped = into.join("phone.bin");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&zipped).unwrap());
    let tarred = into.join("phone.tar");
    let mut tar = tar::Builder::new(std::fs::File::create(&tarred).unwrap());
    let gzipped = into.join("phone.data");
    let encoder =
        flate2::write::GzEncoder::new(std::fs::File::create(&gzipped).unwrap(), flate2::Compression::fast());
    let mut targz = tar::Builder::new(encoder);
    for (path, bytes) in files(phone) {
        let name = format!("backup/{path}");
        zip.start_file(&name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(&bytes).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        for builder in [&mut tar as &mut dyn Append, &mut targz] {
            builder.add(&mut header.clone(), &name, &bytes);
        }
    }
    zip.finish().unwrap();
    tar.into_inner().unwrap();
    targz.into_inner().unwrap().finish().unwrap();
    vec![above, zipped, tarred, gzipped]
}

trait Append {
    fn add(&mut self, header: &mut tar::Header, name: &str, bytes: &[u8]);
}

impl<W: Write> Append for tar::Builder<W> {
    fn add(&mut self, header: &mut tar::Header, name: &str, bytes: &[u8]) {
        self.append_data(header, name, bytes).unwrap();
    }
}

#[test]
fn every_wrapping_of_a_backup_gives_the_same_findings_and_timeline() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, phone::PASSWORD).unwrap();
    let secret = ["--password-file", password.to_str().unwrap()];
    for (name, arguments) in [("infected-iphone", &[][..]), ("infected-iphone-encrypted", &secret[..])] {
        let evidence = phone::fixture(name);
        let work = folder.path().join(name);
        std::fs::create_dir(&work).unwrap();
        let expected = work.join("expected");
        scan_into(&expected, &evidence, arguments);
        let expected = files(&expected);
        assert!(expected["timeline.jsonl"].len() > 10_000);
        for wrapping in wrappings(&evidence, &work) {
            let out = work.join(format!("{}-out", wrapping.file_name().unwrap().to_str().unwrap()));
            scan_into(&out, &wrapping, arguments);
            for (path, bytes) in files(&out) {
                // What an archive says of its own limits is its own.
                if path != "coverage.json" && path != "problems.jsonl" {
                    assert!(bytes == expected[&path], "{path} of {}", wrapping.display());
                }
            }
        }
    }
}

/// The files of a phone where they lie on the device.
fn dump(name: &str, into: &Path) {
    const ROOTS: [(&str, &str); 8] = [
        ("HomeDomain", "private/var/mobile"),
        ("MediaDomain", "private/var/mobile"),
        ("RootDomain", "private/var/root"),
        ("WirelessDomain", "private/var/wireless"),
        ("AppDomainGroup-", "private/var/mobile/Containers/Shared/AppGroup/"),
        ("AppDomainPlugin-", "private/var/mobile/Containers/Data/PluginKitPlugin/"),
        ("AppDomain-", "private/var/mobile/Containers/Data/Application/"),
        ("SysSharedContainerDomain-", "private/var/containers/Shared/SystemGroup/"),
    ];
    for ((domain, path), file) in &phone::from_sources(name).files {
        let phone::Content::Bytes(bytes) = &file.content else { continue };
        let Some((prefix, root)) = ROOTS.iter().find(|(prefix, _)| domain.starts_with(prefix)) else {
            continue;
        };
        let target = into.join(format!("{root}{}", &domain[prefix.len()..])).join(path);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::write(target, bytes).unwrap();
    }
}

#[test]
fn a_filesystem_dump_gives_the_records_of_the_backup() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("dump");
    dump("infected-iphone", &root);
    let (of_dump, of_backup) = (folder.path().join("of-dump"), folder.path().join("of-backup"));
    scan_into(&of_dump, &root, &[]);
    scan_into(&of_backup, &phone::fixture("infected-iphone"), &[]);
    let strip = |bytes: &[u8]| -> Vec<serde_json::Value> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let records = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        records
            .map(|mut record| {
                record.as_object_mut().unwrap().remove("stored_as");
                record
            })
            .collect()
    };
    let (of_dump, of_backup) = (files(&of_dump), files(&of_backup));
    for artifact in [
        "sms",
        "whatsapp",
        "interactions",
        "safari_history",
        "datausage",
        "tcc",
        "locationd",
        "webkit_observations",
    ] {
        let name = format!("records/ios.{artifact}.jsonl");
        assert_eq!(strip(&of_dump[&name]), strip(&of_backup[&name]), "{artifact}");
    }
    // The name is in another file than the interaction.
    let interactions = strip(&of_dump["records/ios.interactions.jsonl"]);
    let resolved = interactions.iter().find(|record| record["sender"] == "15550188@s.whatsapp.net").unwrap();
    assert_eq!(resolved["sender_resolved_name"], "+1 555 0188");
}

#[test]
fn the_number_of_threads_does_not_show() {
    let folder = tempfile::tempdir().unwrap();
    let evidence = phone::fixture("infected-iphone");
    let results: Vec<_> = ["1", "4", "4"]
        .into_iter()
        .enumerate()
        .map(|(index, jobs)| {
            let out = folder.path().join(index.to_string());
            scan_into(&out, &evidence, &["--jobs", jobs, "--format", "hoofprint,mvt,timesketch"]);
            files(&out)
        })
        .collect();
    for other in &results[1..] {
        assert_eq!(results[0].keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
        for (path, bytes) in &results[0] {
            // Two of MVT's files hold the date of the run.
            let dated = path.ends_with("info.json") || path.ends_with("command.log");
            assert!(dated || bytes == &other[path], "{path}");
        }
    }
}

#[test]
fn zone_and_language_of_the_computer_do_not_show() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["infected-iphone", "infected-sysdiagnose.tar.gz", "infected-android.zip"] {
        let results: Vec<_> = [("UTC", "C"), ("Asia/Kathmandu", "ar_EG.UTF-8")]
            .into_iter()
            .map(|(zone, language)| {
                let out = folder.path().join(name).join(language);
                scan_into_with(&out, &phone::fixture(name), &[("TZ", zone), ("LC_ALL", language)]);
                files(&out)
            })
            .collect();
        for (path, bytes) in &results[0] {
            // It tells when it ran.
            assert!(path == "run.json" || bytes == &results[1][path], "{path} of {name}");
        }
    }
}

#[test]
fn evidence_is_bit_for_bit_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, phone::PASSWORD).unwrap();
    for name in ["infected-iphone", "infected-iphone-encrypted"] {
        let evidence = folder.path().join(name);
        copy(&phone::fixture(name), &evidence);
        for entry in walkdir::WalkDir::new(&evidence).contents_first(true) {
            let entry = entry.unwrap();
            let mut permissions = entry.metadata().unwrap().permissions();
            permissions.set_readonly(true);
            std::fs::set_permissions(entry.path(), permissions).unwrap();
        }
        let state = |path: &Path| -> Vec<_> {
            let modified = walkdir::WalkDir::new(path).sort_by_file_name().into_iter().map(|entry| {
                let entry = entry.unwrap();
                (entry.path().to_owned(), entry.metadata().unwrap().modified().unwrap())
            });
            modified.collect()
        };
        let before = (files(&evidence), state(&evidence));
        let out = folder.path().join(format!("{name}-out"));
        scan_into(&out, &evidence, &["--password-file", password.to_str().unwrap(), "--hashes"]);
        assert!(before == (files(&evidence), state(&evidence)), "{name} was changed");
        #[expect(clippy::permissions_set_readonly_false, reason = "so that the test folder can be removed")]
        for entry in walkdir::WalkDir::new(&evidence) {
            let entry = entry.unwrap();
            let mut permissions = entry.metadata().unwrap().permissions();
            permissions.set_readonly(false);
            std::fs::set_permissions(entry.path(), permissions).unwrap();
        }
    }
}
