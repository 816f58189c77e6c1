use sha2::{Digest as _, Sha256};

use super::*;
use crate::record::{hex, unhex};
use crate::source::testing::{Password, tar_of};

const BLOB_5: &str = "9e61f4693feeb19baa46b9853b48f6ceb8d0803440c673f43f09fa7d80ddc98e41e0db70b1cf76bb06cc241a509a291f\
    fed01f40fa2986f8e6ee1482e3e0b8fbccaad5ef760f57655bd11a830e123c4f00bc05741c4b7583bb4d65a02289840b";
const BLOB_1: &str = "9e61f4693feeb19baa46b9853b48f6ceb8d0803440c673f43f09fa7d80ddc98e41e0db70b1cf76bb06cc241a509a291f\
    d7cfd0a1c98e379be59db3e66bd35e62e8d344998a67b02b4a4901e2c0759b4d67c151121478e6d36aca6e110c83ed0f";
const PAYLOAD: &str = "b840b1df7b9c893b00bcfb8c970aa97939947c863c0a005e6733da8ff45e9a3b1815c908c115501ed9dd3c0c00993bae\
    c43e0618be27e3d5a5741e706f5325e6d5b09caaaa59c2c463bfbd006a3adbe8d1e75aa63f920e59e694482272fb6019\
    e1a43ef6340dc74f749cc42d2bb307a767c25ab1a15810d1d27c978253cbd322c583f5c472ea183e3fa46a9bf0372b23\
    a2780d921f2545e592d7bdd03db43a3ea7d1ad176637a255677b6cb419a2e9911d56316624e26adcf88b35401aa98d68\
    72272290395add7c4f0c1d6c651ee697d0e78416f4d236e7dc680fd8125a5c3fef8622d7d85249a9632c7d513ef9a590\
    b7e7b6fd7b5be5b6f9ab1171225367f7fcb8d1af2383a047a9aa6d6871484b83";
const MESSAGES: &str = "apps/com.android.providers.telephony/d_f/000000_sms_backup";

/// The published vector as a file.
pub fn example() -> Vec<u8> {
    encrypted(5, BLOB_5)
}

/// The published vector: the password is `correct horse`.
fn encrypted(version: u32, blob: &str) -> Vec<u8> {
    let bytes = |from: u8, to: u8| hex(&(from..=to).collect::<Vec<u8>>()).to_uppercase();
    let header = format!(
        "ANDROID BACKUP\n{version}\n1\nAES-256\n{}\n{}\n1000\n{}\n{}\n",
        bytes(0, 0x3f),
        bytes(0x40, 0x7f),
        bytes(0x80, 0x8f),
        blob.to_uppercase()
    );
    [header.into_bytes(), unhex(PAYLOAD).unwrap()].concat()
}

fn plain(flag: &str, payload: &[u8]) -> Vec<u8> {
    [format!("ANDROID BACKUP\n5\n{flag}\nnone\n").as_bytes(), payload].concat()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    io::Write::write_all(&mut writer, bytes).unwrap();
    writer.finish().unwrap()
}

fn opened(bytes: Vec<u8>, password: &'static str) -> Result<Opened, SourceError> {
    open("a.ab", &FileAt::of_bytes(bytes), &Password(password), 1 << 20)
}

fn members(opened: &Opened) -> (Vec<String>, Vec<String>) {
    let (mut members, mut problems) = (Vec::new(), opened.problems.clone());
    let mut problem = |error: SourceError| problems.push(error.to_string());
    opened.members.walk("", &mut |member| members.push(member.path), &mut problem).unwrap();
    (members, problems)
}

#[test]
fn encrypted_backups_of_both_ways_to_check_the_key_open() {
    let whole = encrypted(5, BLOB_5);
    let digest = hex(&Sha256::digest(&whole));
    assert_eq!((whole.len(), &digest[..16]), (788, "4e7d92e8b3151adf"));
    // A vendor's file may have the check of the other version.
    for bytes in [whole, encrypted(1, BLOB_1), encrypted(1, BLOB_5), encrypted(3, BLOB_1)] {
        let opened = opened(bytes, "correct horse").unwrap();
        assert_eq!(members(&opened), (vec![MESSAGES.into()], vec![]));
        assert!(opened.encrypted);
        let stream = opened.members.read(MESSAGES, 1000).unwrap();
        assert_eq!(stream.len(), 137);
        let text = zlib::inflate(&stream[..], 1 << 20).bytes;
        assert!(String::from_utf8(text).unwrap().contains("https://example.org/a"));
    }
}

#[test]
fn the_published_tar_comes_out_byte_for_byte() {
    let bytes = encrypted(5, BLOB_5);
    let header = Header::parse(&bytes).unwrap();
    let encryption = header.encryption.as_ref().unwrap();
    let user_key = encryption.derive(b"correct horse", &encryption.user_salt);
    assert_eq!(hex(&user_key[..]), "f8eb9818a11e8e39d9828200ccda721bec59250f278f32d1821f992eb9ae48db");
    let keys = encryption.keys(b"correct horse").unwrap();
    assert!(hex(&as_java_text(&keys.key)).ends_with(
        "7e7fefbe80efbe81efbe82efbe83efbe84efbe85efbe86efbe87efbe88efbe89efbe8aefbe8befbe8cefbe8defbe8eefbe8f"
    ));
    let payload = FileAt::of_bytes(bytes).part(header.len, u64::MAX);
    let (tar, problem) = unpack(Box::new(Decrypting::new(payload, &keys)), true, 1 << 20).unwrap();
    assert_eq!((tar.len(), problem), (2048, None));
    assert_eq!(
        hex(&Sha256::digest(&tar)),
        "096ce3056529cb29957554bf9019a42488850ce4b24f1670d99e6b5860a10558"
    );
}

#[test]
fn any_other_password_is_wrong_and_none_is_missing() {
    for password in ["wrong", "correct horse ", "Correct horse", "caf\u{e9}"] {
        assert!(matches!(opened(encrypted(5, BLOB_5), password), Err(SourceError::PasswordWrong)));
        assert!(matches!(opened(encrypted(1, BLOB_1), password), Err(SourceError::PasswordWrong)));
    }
    assert!(matches!(opened(encrypted(5, BLOB_5), ""), Err(SourceError::PasswordMissing)));
}

#[test]
fn the_first_bytes_tell_compression_whatever_the_flag_says() {
    let tar = tar_of(&[("apps/a.b/_manifest", b"1\n"), ("apps/a.b/f/x", b"\n\n")]);
    for flag in ["0", "1"] {
        for payload in [tar.clone(), deflated(&tar), [deflated(&tar), b"behind".to_vec()].concat()] {
            let opened = opened(plain(flag, &payload), "").unwrap();
            let expected = vec!["apps/a.b/_manifest".to_owned(), "apps/a.b/f/x".into()];
            assert_eq!(members(&opened), (expected, vec![]));
            assert_eq!(opened.members.read("apps/a.b/f/x", 10).unwrap(), b"\n\n");
        }
    }
}

#[test]
fn what_a_cut_backup_holds_is_read_and_its_end_told() {
    let tar = tar_of(&[("apps/a.b/_manifest", &[b'x'; 600]), ("apps/a.b/f/x", &[b'y'; 5000])]);
    let stored = {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::none());
        io::Write::write_all(&mut writer, &tar).unwrap();
        writer.finish().unwrap()
    };
    let cut = opened(plain("1", &stored[..3000]), "").unwrap();
    let (found, problems) = members(&cut);
    assert_eq!(found.len(), 2);
    assert!(problems.concat().contains("damaged after"), "{problems:?}");
    assert_eq!(cut.members.read("apps/a.b/_manifest", 1000).unwrap(), [b'x'; 600]);
}

#[test]
fn a_backup_over_the_memory_limit_is_refused_only_where_it_must_be_unpacked() {
    let tar = tar_of(&[("apps/a.b/f/x", &[b'y'; 50_000])]);
    let open = |payload: &[u8]| open("a.ab", &FileAt::of_bytes(plain("1", payload)), &Password(""), 10_000);
    assert!(open(&tar).is_ok());
    let error = open(&deflated(&tar)).err().unwrap().to_string();
    assert!(error.contains("--max-memory"), "{error}");
}

#[test]
fn a_refused_backup_is_empty_and_no_error() {
    for payload in [&b""[..], &[0; 1024]] {
        let opened = opened(plain("0", payload), "").unwrap();
        assert_eq!(members(&opened), (vec![], vec![]));
    }
}

#[test]
fn headers_that_no_phone_writes_are_refused() {
    for header in [
        "",
        "x",
        "5\n1\n",
        "5\n1\nDES\n",
        "5\n1\nAES-256\n00\n00\n0\n",
        "5\n1\nAES-256\nzz\n",
        "five\n1\nnone\n",
    ] {
        let bytes = format!("ANDROID BACKUP\n{header}").into_bytes();
        assert!(matches!(opened(bytes, "x"), Err(SourceError::File { .. })), "{header}");
    }
}

#[test]
fn broken_backups_never_panic() {
    let mut whole = encrypted(5, BLOB_5);
    // One round is enough to get past the key.
    let at = whole.windows(6).position(|window| window == b"\n1000\n").unwrap();
    for end in (0..whole.len()).step_by(13) {
        let _ = opened(whole[..end].to_vec(), "correct horse");
    }
    for bit in (0..whole.len() * 8).step_by(61).filter(|bit| !(at..at + 6).contains(&(bit / 8))) {
        whole[bit / 8] ^= 1 << (bit % 8);
        let _ = opened(whole.clone(), "correct horse");
        whole[bit / 8] ^= 1 << (bit % 8);
    }
    let tar = deflated(&tar_of(&[("apps/a.b/f/x", b"y")]));
    for at in 0..tar.len() {
        let mut broken = tar.clone();
        broken[at] ^= 0x24;
        let _ = opened(plain("1", &broken), "").map(|opened| members(&opened));
    }
}

#[test]
fn gaps_in_the_numbers_of_messages_are_told() {
    assert_eq!(gaps(&[]), None);
    assert_eq!(gaps(&[(0, false), (2, false), (1, true)]), None);
    assert_eq!(gaps(&[(0, false), (1, false), (0, true)]), None, "each kind counted for itself");
    assert!(
        gaps(&[(2, false), (3, true)]).unwrap().starts_with("2 of the files of messages numbered 0 to 3")
    );
    assert!(gaps(&[(0, false), (2, true)]).is_some());
}
