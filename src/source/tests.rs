//! One small phone in every container must read the same.

use std::path::{Path, PathBuf};

use super::{
    testing::{
        Builder, FILES, K2, PASSWORD, Password, UDID, gzipped, listing, put, tar_of, tarred, tree, zipped,
    },
    *,
};

fn opened(path: &Path, password: &'static str) -> Result<Box<dyn Source>, SourceError> {
    open(path, &Password(password), &Options::default())
}

fn backup(builder: &Builder) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(UDID);
    builder.write(&path);
    (folder, path)
}

/// The lines of [`listing`] without the root property lists, which differ between plain and encrypted.
fn files(source: &dyn Source) -> Vec<String> {
    let mut lines = listing(source);
    lines.retain(|line| !line.starts_with("/backup/"));
    lines
}

const EXPECTED: [&str; 6] = [
    "/private/var/mobile/Containers/Data/Application/com.example.app/Documents/empty \"\"",
    "/private/var/mobile/Library/SMS/sms.db 5000 bytes ",
    "/private/var/mobile/Library/Test directory",
    "/private/var/mobile/Library/Test/hello.txt \"hello world file contents\\n\"",
    "/private/var/mobile/Library/link -> /var/mobile/Library/Test",
    "/private/var/root/Library/sixteen \"0123456789abcdef\"",
];

fn assert_expected(lines: &[String]) {
    assert_eq!(lines.len(), EXPECTED.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(EXPECTED) {
        assert!(line.starts_with(expected), "{line}");
    }
}

#[test]
fn plain_and_encrypted_backups_read_the_same() {
    let (_keep, plain) = backup(&Builder::default());
    let (_keep_too, encrypted) = backup(&Builder::encrypted());
    let plain = opened(&plain, "").unwrap();
    let encrypted = opened(&encrypted, PASSWORD).unwrap();
    assert_expected(&files(&*plain));
    assert_eq!(files(&*plain), files(&*encrypted));
    assert_eq!(plain.device().name.as_deref(), Some("Test phone"));
    assert!(plain.device().limits.iter().any(|limit| limit.contains("not encrypted")));
    assert_eq!(encrypted.device().limits, [""; 0]);
    assert!(encrypted.describe().starts_with("iOS backup, encrypted, in a folder"));
}

#[test]
fn a_backup_is_found_below_and_above() {
    let (parent, path) = backup(&Builder::encrypted());
    let outer = parent.path().parent().unwrap();
    assert!(outer.exists());
    for place in [parent.path().to_path_buf(), path.join("69"), path.join("Manifest.db")] {
        assert_expected(&files(&*opened(&place, PASSWORD).unwrap()));
    }
}

#[test]
fn of_several_backups_each_is_named() {
    let (parent, _) = backup(&Builder::default());
    Builder::default().write(&parent.path().join("ffff"));
    let Err(SourceError::Several { found, .. }) = opened(parent.path(), "") else { panic!() };
    assert_eq!(found, [format!("{UDID}, \"Test phone\""), "ffff, \"Test phone\"".into()]);
}

#[test]
fn a_password_that_is_wrong_or_missing_is_told_at_once() {
    let (_keep, path) = backup(&Builder::encrypted());
    assert!(matches!(opened(&path, "wrong"), Err(SourceError::PasswordWrong)));
    assert!(matches!(opened(&path, ""), Err(SourceError::PasswordMissing)));
}

#[test]
fn the_key_can_be_taken_out_and_used_instead() {
    let (_keep, path) = backup(&Builder::encrypted());
    let key = derive_key(&path, &Password(PASSWORD)).unwrap();
    assert_eq!(crate::record::hex(&*key), K2);
    let source = open(&path, &testing::GivenKey(*key), &Options::default()).unwrap();
    assert_expected(&files(&*source));
    assert!(matches!(derive_key(&path, &Password("wrong")), Err(SourceError::PasswordWrong)));
    let (_keep, plain) = backup(&Builder::default());
    assert!(matches!(derive_key(&plain, &Password(PASSWORD)), Err(SourceError::NotRecognised { .. })));
}

#[test]
fn reading_leaves_the_evidence_as_it_was() {
    let (parent, path) = backup(&Builder::encrypted());
    let before = tree(parent.path());
    files(&*opened(&path, PASSWORD).unwrap());
    assert_eq!(before, tree(parent.path()));
}

#[test]
fn a_decrypted_copy_opens_as_a_plain_backup() {
    let (parent, path) = backup(&Builder::encrypted());
    let source = opened(&path, PASSWORD).unwrap();
    let copy = parent.path().join("copy/decrypted");
    let (mut written, mut problems) = (0, Vec::new());
    decrypt_to(&*source, &copy, &mut |_, _| written += 1, &mut |problem| problems.push(problem)).unwrap();
    assert!(problems.is_empty());
    assert_eq!(written, FILES.len() + 4);
    assert!(tree(&copy).iter().all(|(name, _)| !name.ends_with(".partial")));
    let plain = opened(&copy, "").unwrap();
    assert_eq!(listing(&*plain), listing(&*source));
    let again = decrypt_to(&*source, &copy, &mut |_, _| {}, &mut |_| {});
    assert!(again.unwrap_err().to_string().contains("the destination is not empty"));
}

#[test]
fn what_is_odd_or_missing_in_a_manifest_is_said_row_by_row() {
    let hello = manifest::file_id("HomeDomain", "Library/Test/hello.txt");
    let builder = Builder {
        without: vec![hello],
        snapshot_state: "uploading",
        sql: format!(
            "UPDATE Files SET file = zeroblob(200000) WHERE relativePath = 'Library/sixteen';
             UPDATE Files SET file = NULL WHERE relativePath = 'Library/SMS/sms.db';
             INSERT INTO Files VALUES ('../../../etc/passwd', 'HomeDomain', 'escape', 1, NULL);
             INSERT INTO Files VALUES ('{}', 'HomeDomain', 'renamed', 1, NULL);",
            "0".repeat(40)
        ),
        ..Builder::default()
    };
    let (_keep, path) = backup(&builder);
    put(&path, "ab/abababababababababababababababababababab", b"unlisted");
    let source = opened(&path, "").unwrap();
    let lines = files(&*source);
    let has = |text: &str| assert!(lines.iter().any(|line| line.contains(text)), "{text}: {lines:#?}");
    has("/hello.txt missing");
    has(
        "/sixteen \"0123456789abcdef\" (its description in the manifest is 200000 bytes long and was not read)",
    );
    has("/sms.db 5000 bytes");
    has("/escape missing (its file id is not 40 hexadecimal digits, so its content is not looked for)");
    has("/renamed missing (its file id is not the hash of its path)");
    has("3 files of HomeDomain are listed, but their content is not in the backup");
    has("1 stored files are not in the backup's own list");
    assert!(source.device().limits.iter().any(|limit| limit.contains("`uploading`")));
    for id in ["../../../etc/passwd", "ab/../../Info.plist", ""] {
        let file = VirtualFile { stored_as: id.into(), ..VirtualFile::default() };
        assert!(source.open(&file).is_err());
    }
}

#[test]
fn two_domains_with_the_same_path_are_two_files() {
    let content = |text: &str| text.as_bytes().to_vec();
    let files = vec![
        ("HomeDomain", "Library/a.db", content("of home")),
        ("CameraRollDomain", "Library/a.db", content("of the camera roll")),
    ];
    let (_keep, path) = backup(&Builder { files, ..Builder::default() });
    let source = opened(&path, "").unwrap();
    let mut found = Vec::new();
    let mut each = |file: VirtualFile| {
        if file.path == "/private/var/mobile/Library/a.db" {
            let content = source.open(&file).unwrap().read_all(100).unwrap();
            found.push((file.domain.unwrap(), String::from_utf8(content).unwrap()));
        }
    };
    source.list(Detail::Full, &mut each, &mut |_| ()).unwrap();
    found.sort();
    let expected = [("CameraRollDomain", "of the camera roll"), ("HomeDomain", "of home")];
    assert_eq!(found, expected.map(|(domain, content)| (domain.to_owned(), content.to_owned())));
}

#[test]
fn a_plain_backup_that_says_it_is_encrypted_needs_no_password() {
    let (_keep, path) = backup(&Builder::default());
    let plist = [("IsEncrypted", true.into()), ("BackupKeyBag", plist::Value::Data(testing::keybag(true)))];
    put(&path, "Manifest.plist", &testing::plist_bytes(plist));
    assert_expected(&files(&*opened(&path, "").unwrap()));
}

#[test]
fn an_encrypted_file_without_a_key_is_told_and_costs_only_itself() {
    let sql = "UPDATE Files SET file = NULL WHERE relativePath = 'Library/SMS/sms.db'".to_owned();
    let (_keep, path) = backup(&Builder { sql, ..Builder::encrypted() });
    let lines = files(&*opened(&path, PASSWORD).unwrap());
    assert!(lines.iter().any(|line| line.contains("sms.db") && line.contains("states no key")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("sixteen \"0123456789abcdef\"")), "{lines:#?}");
}

#[test]
fn cut_ciphertext_reads_as_far_as_it_goes() {
    let (_keep, path) = backup(&Builder::encrypted());
    let id = manifest::file_id("HomeDomain", "Library/SMS/sms.db");
    put(&path, &format!("{}/{id}", &id[..2]), &testing::encrypt(&[0xbb; 32], &[b'x'; 5000])[..1000]);
    let lines = files(&*opened(&path, PASSWORD).unwrap());
    assert!(
        lines.iter().any(|line| line.contains("sms.db 992 bytes") && line.ends_with("cut short)")),
        "{lines:#?}"
    );
}

#[test]
fn a_legacy_backup_has_its_files_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let listed: &[(&str, &str, &[u8])] = &[("HomeDomain", "Library/a", b"one"), ("AppDomain-x", "b", b"two")];
    put(folder.path(), "Manifest.mbdb", &testing::mbdb(listed));
    for (domain, relative, content) in listed {
        put(folder.path(), &manifest::file_id(domain, relative), content);
    }
    let source = opened(folder.path(), "").unwrap();
    assert_eq!(
        files(&*source),
        [
            "/private/var/mobile/Containers/Data/Application/x/b \"two\"",
            "/private/var/mobile/Library/a \"one\""
        ]
    );
}

#[test]
fn before_ios_10_2_only_the_payloads_tell_that_a_backup_is_encrypted() {
    let (_keep, path) = backup(&Builder::encrypted());
    let source = opened(&path, PASSWORD).unwrap();
    let list = VirtualFile { stored_as: "Manifest.db".into(), ..VirtualFile::default() };
    let manifest = source.open(&list).unwrap().read_all(1 << 20).unwrap();
    drop(source);
    put(&path, "Manifest.db", &manifest);
    let plist = [("IsEncrypted", true.into()), ("BackupKeyBag", plist::Value::Data(testing::keybag(true)))];
    put(&path, "Manifest.plist", &testing::plist_bytes(plist));
    assert_expected(&files(&*opened(&path, PASSWORD).unwrap()));
    assert!(matches!(opened(&path, "wrong"), Err(SourceError::PasswordWrong)));
}

#[test]
fn what_is_no_acquisition_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let told = |path: &Path| {
        let error = opened(path, "").err().unwrap();
        assert!(!error.hint().is_empty(), "{error}");
        error.to_string()
    };
    assert!(told(&folder.path().join("nothing")).ends_with("there is no such file or folder"));
    let case = |name: &str, file: &str| {
        put(&folder.path().join(name), file, b"{}");
        told(&folder.path().join(name))
    };
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    assert!(told(&folder.path().join("empty")).ends_with("it is empty"));
    assert!(case("cut", "Manifest.plist").contains("no Manifest.db"));
    put(folder.path(), "outer.zip", &zipped(&folder.path().join("cut")));
    assert!(told(&folder.path().join("outer.zip")).contains("no Manifest.db"));
    assert!(
        case("wrapped", "inner.zip").contains("neither a folder nor"),
        "the one archive of a folder is opened"
    );
    put(folder.path(), "wrapper.zip", &zipped(&folder.path().join("wrapped")));
    assert!(told(&folder.path().join("wrapper.zip")).contains("the archive `inner.zip`"));
    assert!(case("other", "photo.jpg").contains("neither Manifest.db"));
    assert!(told(&folder.path().join("other/photo.jpg")).contains("neither a folder nor"));
}

#[test]
fn a_sysdiagnose_in_a_stream_is_recognised_without_listing_it() {
    let place = tempfile::tempdir().unwrap();
    let top = place.path().join("top");
    put(&top, "s/ps.txt", b"USER PID COMMAND\n");
    put(&top, "s/sysdiagnose.log", b"x");
    let tar = tarred(&top);
    put(place.path(), "s.tar.gz", &gzipped(&tar));
    let options = Options { max_memory: tar.len() as u64 - 1 };
    let source = open(&place.path().join("s.tar.gz"), &Password(""), &options).unwrap();
    assert!(source.streamed());
    let mut names = Vec::new();
    let passed = source.read_through(&mut |file, _| names.push(file.path), &mut |_| ());
    assert!(matches!(passed, Some(Ok(()))), "it had been read through before");
    assert!(names.contains(&"/sysdiagnose/ps.txt".to_owned()), "{names:?}");
}

/// Packs `folder` in every way and opens each; the small budget makes a stream of the tar.gz.
fn in_every_archive(folder: &Path, password: &'static str, mut check: impl FnMut(&str, &dyn Source)) {
    let place = tempfile::tempdir().unwrap();
    let tar = tarred(folder);
    for (name, bytes) in [("a.zip", zipped(folder)), ("a.tar", tar.clone()), ("a.tar.gz", gzipped(&tar))] {
        put(place.path(), name, &bytes);
        check(name, &*opened(&place.path().join(name), password).unwrap());
    }
    let options = Options { max_memory: tar.len() as u64 - 1 };
    let source = open(&place.path().join("a.tar.gz"), &Password(password), &options).unwrap();
    assert!(source.streamed());
    check("streamed", &*source);
}

#[test]
fn a_backup_reads_the_same_from_every_archive() {
    for builder in [Builder::default(), Builder::encrypted()] {
        let (parent, _) = backup(&builder);
        in_every_archive(parent.path(), PASSWORD, |_, source| assert_expected(&files(source)));
    }
}

fn dump() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("extract/filesystem1");
    let system = [("ProductVersion", "17.1".into()), ("ProductBuildVersion", "21B74".into())];
    put(&root, "System/Library/CoreServices/SystemVersion.plist", &testing::plist_bytes(system));
    put(&root, "private/var/mobile/Library/SMS/sms.db", &[b'x'; 60_000]);
    put(&root, "private/var/mobile/a:b?.txt", b"odd name");
    put(&root, "private/var/mobile/._a", b"litter");
    put(&root, "private/var/mobile/.DS_Store", b"litter");
    put(&root, "private/etc/hosts", b"127.0.0.1");
    put(&folder.path().join("extract"), "report.txt", b"not of the phone");
    folder
}

#[test]
fn a_filesystem_dump_reads_the_same_from_every_container() {
    let folder = dump();
    let without_folders = |source: &dyn Source| {
        let mut lines = listing(source);
        // A zip made of files alone lists no folders.
        lines.retain(|line| !line.ends_with(" directory"));
        lines
    };
    let source = opened(folder.path(), "").unwrap();
    let lines = without_folders(&*source);
    let paths: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "/System/Library/CoreServices/SystemVersion.plist",
            "/private/etc/hosts",
            "/private/var/mobile/Library/SMS/sms.db",
            "/private/var/mobile/a:b?.txt",
        ]
    );
    assert_eq!(source.device().os_build.as_deref(), Some("21B74"));
    assert!(source.device().limits.iter().any(|limit| limit.contains("`extract/report.txt`")));
    in_every_archive(folder.path(), "", |name, source| {
        assert_eq!(without_folders(source), lines, "{name}");
        assert_eq!(source.device().os_version.as_deref(), Some("17.1"));
    });
}

#[test]
fn names_in_either_normal_form_are_one_path_and_case_counts() {
    let tar = tar_of(&[
        ("private/var/mobile/cafe\u{301}", b"decomposed"),
        ("private/var/mobile/caf\u{e9}2", b"composed"),
        ("private/var/mobile/Library", b"upper"),
        ("private/var/mobile/library", b"lower"),
    ]);
    assert_eq!(
        opened_bytes("x.tar", &tar).unwrap(),
        [
            "/private/var/mobile/Library \"upper\"",
            "/private/var/mobile/caf\u{e9} \"decomposed\"",
            "/private/var/mobile/caf\u{e9}2 \"composed\"",
            "/private/var/mobile/library \"lower\"",
        ]
    );
}

#[test]
fn a_streamed_member_over_the_budget_is_refused_in_words() {
    let (folder, place) = (dump(), tempfile::tempdir().unwrap());
    put(place.path(), "a.tar.gz", &gzipped(&tarred(folder.path())));
    let options = Options { max_memory: 50_000 };
    let source = open(&place.path().join("a.tar.gz"), &Password(""), &options).unwrap();
    let lines = listing(&*source);
    let large = lines.iter().find(|line| line.contains("sms.db")).unwrap();
    assert!(large.contains("larger than the memory limit of 50000 bytes"), "{large}");
    assert!(lines.iter().any(|line| line.ends_with("hosts \"127.0.0.1\"")));
}

#[cfg(unix)]
#[test]
fn links_are_listed_and_never_followed_out() {
    let folder = dump();
    let root = folder.path().join("extract/filesystem1/private/var");
    std::os::unix::fs::symlink("/etc/passwd", root.join("mobile/leak")).unwrap();
    std::os::unix::fs::symlink("/etc", root.join("mobile/leaks")).unwrap();
    std::os::unix::fs::symlink(".", root.join("mobile/loop")).unwrap();
    let source = opened(folder.path(), "").unwrap();
    let lines = listing(&*source);
    for expected in
        ["/private/var/mobile/leak -> /private/etc/passwd", "/private/var/mobile/loop -> /private/var/mobile"]
    {
        assert!(lines.iter().any(|line| line == expected), "{lines:#?}");
    }
    assert!(!lines.iter().any(|line| line.contains("leaks/")));
    for path in ["leak", "leaks/passwd", "../../../../../../../../etc/passwd"] {
        let stored_as = format!("extract/filesystem1/private/var/mobile/{path}");
        assert!(source.open(&VirtualFile { stored_as, ..VirtualFile::default() }).is_err());
    }
}

fn opened_bytes(name: &str, bytes: &[u8]) -> Result<Vec<String>, SourceError> {
    let place = tempfile::tempdir().unwrap();
    put(place.path(), name, bytes);
    opened(&place.path().join(name), "").map(|source| listing(&*source))
}

#[test]
fn hostile_names_in_archives_are_refused_and_reported() {
    let tar = tar_of(&[
        ("./private/var/mobile/a", b"first"),
        ("/private/var/mobile/a", b"last"),
        ("private/var/mobile/../../../../etc/cron", b"out"),
        ("private\\var\\mobile\\b", b"windows"),
    ]);
    for lines in [opened_bytes("x.tar", &tar).unwrap(), opened_bytes("x.tar.gz", &gzipped(&tar)).unwrap()] {
        assert_eq!(lines[..2], ["/private/var/mobile/a \"last\"", "/private/var/mobile/b \"windows\""]);
        assert!(lines[2].contains("names a place outside of the archive"), "{lines:#?}");
        assert!(lines[3].contains("more than once"), "{lines:#?}");
        assert_eq!(lines.len(), 4);
    }
}

#[test]
fn a_cut_gzip_counts_up_to_the_cut() {
    let noise: Vec<u8> =
        (0..40_000u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let packed = gzipped(&tar_of(&[("private/var/mobile/a", b"early"), ("private/var/mobile/b", &noise)]));
    let lines = opened_bytes("x.tar.gz", &packed[..packed.len() / 2]).unwrap();
    assert_eq!(lines[0], "/private/var/mobile/a \"early\"");
    assert!(lines[1].contains("/b ") && lines[1].contains("the archive ends before the end of this file"));
    assert!(lines.iter().any(|line| line.contains("the gzip stream ends early")), "{lines:#?}");
}

#[test]
fn a_zip_that_lies_about_sizes_is_not_inflated() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "private/var/mobile/a", b"stored");
    put(folder.path(), "private/var/mobile/b", &[0; 100_000]);
    let mut zip = zipped(folder.path());
    let central = zip.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    zip[central + 24..central + 28].copy_from_slice(&0x7fff_ffffu32.to_le_bytes());
    let lines = opened_bytes("x.zip", &zip).unwrap();
    assert!(lines[1].contains("states a size that its compressed bytes cannot have"), "{lines:#?}");
    zip[central + 8] |= 1;
    let error = opened_bytes("x.zip", &zip).err().unwrap();
    assert!(error.to_string().contains("encrypted with a password of its own"), "{error}");
}

/// Members that are not compressed, in this order.
fn stored(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    let options =
        ::zip::write::SimpleFileOptions::default().compression_method(::zip::CompressionMethod::Stored);
    for (name, bytes) in members {
        writer.start_file(*name, options).unwrap();
        io::Write::write_all(&mut writer, bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_cut_zip_is_read_up_to_the_cut_and_says_so() {
    let inner =
        stored(&[("bugreport-x.txt", b"== dumpstate: 2024-07-02 12:00:00\n"), ("FS/data/anr/a", b"hang")]);
    let whole = stored(&[
        ("acquisition.json", b"{}"),
        ("bugreport.zip", &inner),
        ("getprop.txt", b"[persist.sys.timezone]: [Europe/Paris]\n"),
        ("selinux.txt", b"Enforcing"),
    ]);
    // Right behind the zip inside: its own list is then the last thing in the file.
    let behind = whole.windows(inner.len()).position(|window| window == inner).unwrap() + inner.len();
    let lines = opened_bytes("x.zip", &whole[..behind]).unwrap();
    assert!(lines.iter().any(|line| line.starts_with("/data/anr/a ")), "{lines:#?}");
    let told =
        "as if it was cut short: 2 members were read from its beginning on; the next member is missing";
    assert!(lines.iter().any(|line| line.contains(told)), "{lines:#?}");
    // Inside of the zip inside.
    let lines = opened_bytes("x.zip", &whole[..behind - 30]).unwrap();
    assert!(lines.iter().any(|line| line.starts_with("/data/anr/a ")), "{lines:#?}");
    let place = tempfile::tempdir().unwrap();
    put(place.path(), "x.zip", &whole[..whole.len() - 40]);
    let source = opened(&place.path().join("x.zip"), "").unwrap();
    assert!(listing(&*source).iter().any(|line| line.contains("no member is missing")));
    assert!(source.device().zone.is_some());
    // The same of an iPhone; and what is gone with the rest is explained by the cut.
    let dump = stored(&[("private/var/mobile/a", b"one"), ("private/var/mobile/b", b"two two")]);
    let cut = dump.windows(7).position(|window| window == b"two two").unwrap() + 3;
    let lines = opened_bytes("x.zip", &dump[..cut]).unwrap();
    assert_eq!(lines[0], "/private/var/mobile/a \"one\"");
    assert!(lines.concat().contains("the last one has 3 of 7 bytes"), "{lines:#?}");
    let backup = stored(&[("x/Manifest.plist", b"<plist/>"), ("x/Manifest.db", b"SQLite")]);
    let cut = backup.windows(13).position(|window| window == b"x/Manifest.db").unwrap() - 30;
    let error = opened_bytes("x.zip", &backup[..cut]).err().unwrap().to_string();
    assert!(error.contains("no Manifest.db") && error.contains("as if it was cut short"), "{error}");
}

#[test]
fn broken_archives_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "private/var/mobile/a", b"content");
    let tar = tarred(folder.path());
    for whole in [zipped(folder.path()), gzipped(&tar), tar] {
        for len in (0..whole.len()).step_by(whole.len() / 60 + 1) {
            let _ = opened_bytes("x", &whole[..len]);
        }
        for bit in (0..whole.len() * 8).step_by(whole.len() / 40 + 1) {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = opened_bytes("x", &flipped);
        }
    }
}

/// The messages of the published encrypted backup, unpacked.
const MESSAGES: &str = "/backup/apps/com.android.providers.telephony/d_f/000000_sms_backup";

fn android_backup() -> Vec<u8> {
    android::testing::encrypted_backup()
}

#[test]
fn an_android_backup_reads_the_same_alone_and_in_an_acquisition() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "backup.ab", &android_backup());
    let alone = opened(&folder.path().join("backup.ab"), PASSWORD).unwrap();
    assert_eq!(alone.describe(), "Android backup, encrypted, in a file");
    assert_eq!(alone.system(), System::Android);
    let lines = listing(&*alone);
    assert!(lines.len() == 1 && lines[0].starts_with(&format!("{MESSAGES} 137 bytes")), "{lines:?}");
    assert!(matches!(opened(&folder.path().join("backup.ab"), "wrong"), Err(SourceError::PasswordWrong)));
    assert!(matches!(opened(&folder.path().join("backup.ab"), ""), Err(SourceError::PasswordMissing)));
    in_every_wrapping(folder.path(), PASSWORD, |name, source| {
        assert_eq!(listing(source), lines, "{name}");
    });
    put(folder.path(), "acquisition.json", b"{}");
    put(folder.path(), "getprop.txt", b"[a]: [b]");
    in_every_wrapping(folder.path(), PASSWORD, |name, source| {
        assert!(source.describe().starts_with("AndroidQF acquisition"), "{name}");
        assert!(listing(source).contains(&lines[0]), "{name}");
    });
    // A password that is not to be had costs the backup, not the acquisition.
    let without = listing(&*opened(folder.path(), "").unwrap());
    assert!(without.iter().any(|line| line.starts_with("/getprop")), "{without:?}");
    assert!(
        without.iter().any(|line| line.starts_with("problem: ") && line.contains("no password was given")),
        "{without:?}"
    );
}

/// The folder itself, and a zip of it.
fn in_every_wrapping(folder: &Path, password: &'static str, mut check: impl FnMut(&str, &dyn Source)) {
    check("folder", &*opened(folder, password).unwrap());
    let place = tempfile::tempdir().unwrap();
    put(place.path(), "a.zip", &zipped(folder));
    check("zip", &*opened(&place.path().join("a.zip"), password).unwrap());
}

#[test]
fn intrusion_logs_are_known_by_their_content() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "Intrusion Logging/2026-01-02.txt", b"{\"dns_event\":{}}");
    put(folder.path(), "2026-01-01.txt", b"{\"connect_event\":{}}\n");
    let expected = "/intrusion_logs/all 91 bytes";
    in_every_wrapping(folder.path(), "", |name, source| {
        let lines = listing(source);
        assert!(source.describe().starts_with("Android intrusion logs in "), "{name}");
        assert_eq!(
            (lines.len(), lines[0].split(" bytes").next()),
            (1, expected.strip_suffix(" bytes")),
            "{name}"
        );
    });
    let wrapper = tempfile::tempdir().unwrap();
    put(wrapper.path(), "logs.zip", &zipped(folder.path()));
    put(wrapper.path(), "more.zip", &zipped(folder.path()));
    in_every_wrapping(wrapper.path(), "", |name, source| {
        assert!(source.describe().starts_with("Android intrusion logs in "), "{name}");
        assert_eq!(listing(source).len(), 1, "{name}");
    });
    let collected = tempfile::tempdir().unwrap();
    put(collected.path(), "acquisition.json", b"{}");
    put(collected.path(), "intrusion_logs/a.zip", &zipped(folder.path()));
    in_every_wrapping(collected.path(), "", |name, source| {
        assert!(listing(source).iter().any(|line| line.starts_with("/intrusion_logs/all ")), "{name}");
    });
}

#[test]
fn an_unpacked_android_backup_is_known_and_gaps_in_its_messages_are_told() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "apps/com.android.providers.telephony/_manifest", b"1\n");
    put(folder.path(), "apps/com.android.providers.telephony/d_f/000002_sms_backup", b"[]");
    in_every_wrapping(folder.path(), "", |name, source| {
        let lines = listing(source);
        assert!(source.describe().starts_with("Android backup in "), "{name}");
        assert!(lines.iter().any(|line| line.contains("numbered 0 to 2 are not in the backup")), "{lines:?}");
    });
}

#[test]
fn acquisitions_of_several_android_phones_are_never_mixed() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "one/acquisition.json", b"{}");
    put(folder.path(), "two/acquisition.json", b"{}");
    let Err(SourceError::Several { found, .. }) = opened(folder.path(), "") else { panic!() };
    assert_eq!(found, ["one", "two"]);
}

#[test]
fn a_bugreport_that_is_the_words_of_an_error_is_told() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "acquisition.json", b"{}");
    put(folder.path(), "bugreport.zip", b"adb: error: device offline\n");
    let lines = listing(&*opened(folder.path(), "").unwrap());
    assert!(
        lines
            .iter()
            .any(|line| line.contains("is no archive: it begins with \"adb: error: device offline\"")),
        "{lines:?}"
    );
}

#[test]
fn hostile_names_in_a_bugreport_stay_inside_and_are_told() {
    let zip = stored(&[
        ("main_entry.txt", b"../../../../etc/passwd"),
        ("bugreport-x.txt", b"== dumpstate: 2024-07-02 12:00:00\n"),
        ("FS/data/anr/../../../../etc/cron", b"out"),
        ("FS//data\\anr\\a", b"hang"),
        ("/FS/data/anr/b", b"hang"),
        ("FS/data/anr/\u{202e}txt.exe", b"turned"),
    ]);
    let lines = opened_bytes("x.zip", &zip).unwrap();
    for path in ["/data/anr/a ", "/data/anr/b ", "/data/anr/\u{202e}txt.exe ", "/dumpstate/header "] {
        assert!(lines.iter().any(|line| line.starts_with(path)), "{path}: {lines:#?}");
    }
    assert!(!lines.iter().any(|line| line.starts_with("/etc")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("names a place outside of the archive")), "{lines:#?}");
}

#[test]
fn a_backup_that_inflates_without_end_is_refused_and_costs_only_itself() {
    let mut backup = b"ANDROID BACKUP\n5\n1\nnone\n".to_vec();
    let mut encoder = flate2::write::ZlibEncoder::new(&mut backup, flate2::Compression::best());
    io::Write::write_all(&mut encoder, &vec![0; 40 << 20]).unwrap();
    encoder.finish().unwrap();
    assert!(backup.len() < 100_000);
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "acquisition.json", b"{}");
    put(folder.path(), "backup.ab", &backup);
    let options = Options { max_memory: 8 << 20 };
    let source = open(folder.path(), &Password(""), &options).unwrap();
    let lines = listing(&*source);
    assert!(
        lines.iter().any(|line| line.contains("more than the memory limit of 8388608 bytes")),
        "{lines:#?}"
    );
    assert!(lines.iter().any(|line| line.starts_with("/androidqf/acquisition.json")), "{lines:#?}");
}

/// A bugreport as a zip, made at that local time by the phone with that serial number.
fn bugreport(local: &str, serial: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let row = "=".repeat(56);
    let text = format!(
        "{row}\n== dumpstate: {local}\n{row}\n------ SYSTEM PROPERTIES (getprop) ------\n[persist.sys.timezone]: [Europe/Paris]\n\
         [ro.serialno]: [{serial}]\n------ 0.1s was the duration of 'SYSTEM PROPERTIES' ------\n{row}\n== dumpstate: done (id 1)\n{row}\n"
    );
    put(folder.path(), "bugreport-x.txt", text.as_bytes());
    put(folder.path(), "FS/data/anr/anr_1", local.as_bytes());
    zipped(folder.path())
}

#[test]
fn older_bugreports_are_acquisitions_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "acquisition.json", b"{\"started\": \"2024-07-02T10:00:00Z\"}");
    put(folder.path(), "bugreport.zip", &bugreport("2024-07-02 12:00:00", "A1"));
    put(folder.path(), "old_bugreports/b.zip", &bugreport("2024-01-02 12:00:00", "A1"));
    put(folder.path(), "old_bugreports/a.zip", b"adb: error: no such file");
    put(folder.path(), "old_bugreports/c.png", b"x");
    in_every_wrapping(folder.path(), "", |name, source| {
        assert_eq!(source.older(), ["old_bugreports/a.zip", "old_bugreports/b.zip"], "{name}");
        assert!(source.describe().ends_with("with 2 older bugreports"), "{}", source.describe());
        let lines = listing(source);
        let hangs: Vec<&String> = lines.iter().filter(|line| line.starts_with("/data/anr/")).collect();
        assert!(hangs.len() == 1 && hangs[0].contains("2024-07-02"), "{name}: {lines:#?}");
        assert_eq!(source.device().acquired.map(crate::time::short).unwrap(), "2024-07-02 10:00:00 UTC");
        let older = source.open_older("old_bugreports/b.zip").unwrap();
        assert_eq!(older.device().acquired.map(crate::time::short).unwrap(), "2024-01-02 11:00:00 UTC");
        assert!(listing(&*older).iter().any(|line| line.contains("2024-01-02")), "{name}");
        let error = source.open_older("old_bugreports/a.zip").err().unwrap().to_string();
        assert!(error.contains("begins with \"adb: error"), "{error}");
        assert!(source.open_older("bugreport.zip").is_err());
    });
}

#[test]
fn texts_that_powershell_wrote_as_utf16_read_like_any_other() {
    let report = bugreport("2024-07-02 12:00:00", "A1");
    let place = tempfile::tempdir().unwrap();
    put(place.path(), "a.zip", &report);
    let expected = listing(&*opened(&place.path().join("a.zip"), "").unwrap());
    let plain = opened(&place.path().join("a.zip"), "").unwrap();
    let text: String = {
        let container = ::zip::ZipArchive::new(io::Cursor::new(&report));
        io::read_to_string(container.unwrap().by_name("bugreport-x.txt").unwrap()).unwrap()
    };
    let sections =
        expected.iter().filter(|line| line.starts_with("/getprop") || line.starts_with("/dumpstate/"));
    let sections: Vec<&String> = sections.collect();
    assert!(!sections.is_empty());
    for unit in [u16::to_le_bytes, u16::to_be_bytes] {
        let wide: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(unit).collect();
        // As the text alone, as a collector's file, and cut in the middle of a character.
        put(place.path(), "report.txt", &wide);
        let alone = opened(&place.path().join("report.txt"), "").unwrap();
        assert_eq!(alone.device().acquired, plain.device().acquired);
        assert_eq!(listing(&*alone).iter().collect::<Vec<_>>(), sections);
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "acquisition.json", b"{}");
        let properties = "\u{feff}[persist.sys.timezone]: [Europe/Paris]\r\n".encode_utf16();
        put(folder.path(), "getprop.txt", &properties.flat_map(unit).collect::<Vec<u8>>());
        let collected = opened(folder.path(), "").unwrap();
        assert_eq!(collected.device().zone.as_ref().and_then(|zone| zone.iana_name()), Some("Europe/Paris"));
        for length in (0..wide.len()).step_by(37) {
            put(place.path(), "report.txt", &wide[..length]);
            let _ = opened(&place.path().join("report.txt"), "").map(|source| listing(&*source));
        }
    }
}

#[cfg(feature = "age")]
#[test]
fn an_acquisition_encrypted_with_age_reads_like_its_zip() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "acquisition.json", b"{}");
    put(folder.path(), "getprop.txt", b"[a]: [b]");
    let place = tempfile::tempdir().unwrap();
    let encrypted = age::testing::encrypted(&zipped(folder.path()), PASSWORD);
    put(place.path(), "acquisition.zip.age", &encrypted);
    // Written while it was collected, and interrupted.
    let noise: Vec<u8> =
        (0..40_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let whole = stored(&[("acquisition.json", b"{}"), ("getprop.txt", b"[a]: [b]"), ("logcat.txt", &noise)]);
    let cut = age::testing::encrypted(&whole, PASSWORD);
    let other = tempfile::tempdir().unwrap();
    put(other.path(), "cut.zip.age", &cut[..cut.len() - 70_000]);
    let lines = listing(&*opened(&other.path().join("cut.zip.age"), PASSWORD).unwrap());
    assert!(lines.iter().any(|line| line.starts_with("/getprop \"[a]: [b]\"")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("as if it was cut short")), "{lines:#?}");
    for path in [place.path().join("acquisition.zip.age"), place.path().to_path_buf()] {
        let source = opened(&path, PASSWORD).unwrap();
        assert_eq!(listing(&*source), listing(&*opened(folder.path(), "").unwrap()));
        assert!(matches!(opened(&path, "wrong"), Err(SourceError::PasswordWrong)));
    }
}
