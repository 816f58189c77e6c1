//! Writes adb backups (`.ab`): a header of lines, then a tar that may be compressed and encrypted.

use std::io::Write;

use aes::Aes256;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeEncrypt, KeyIvInit};
use sha1::Sha1;

/// Far fewer than a device's ten thousand, so that tests stay quick.
const ROUNDS: u32 = 1000;

/// How the tar is wrapped.
#[derive(Clone, Copy)]
pub enum Wrapping<'a> {
    Plain,
    Compressed,
    /// Compressed and encrypted with a password.
    Encrypted(&'a str),
}

/// A backup file of format version 5.
pub fn write(tar: &[u8], wrapping: Wrapping<'_>) -> Vec<u8> {
    match wrapping {
        Wrapping::Plain => [b"ANDROID BACKUP\n5\n0\nnone\n", tar].concat(),
        Wrapping::Compressed => [b"ANDROID BACKUP\n5\n1\nnone\n", &zlib(tar)[..]].concat(),
        Wrapping::Encrypted(password) => encrypted(&zlib(tar), password),
    }
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("a stream in memory");
    encoder.finish().expect("a stream in memory")
}

/// A zlib stream of blocks that are not compressed, so that no compressor has a say in its bytes.
pub fn stored_zlib(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = bytes.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        stream.push(u8::from(blocks.peek().is_none()));
        let length = block.len() as u16;
        stream.extend_from_slice(&length.to_le_bytes());
        stream.extend_from_slice(&(!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    stream.extend_from_slice(&(high << 16 | low).to_be_bytes());
    stream
}

fn encrypted(payload: &[u8], password: &str) -> Vec<u8> {
    let (salt, check_salt): ([u8; 64], [u8; 64]) = (counting(0x00), counting(0x40));
    let (iv, master_key, master_iv): ([u8; 16], [u8; 32], [u8; 16]) =
        (counting(0x80), counting(0x70), counting(0xa0));
    let user_key = derive(password.as_bytes(), &salt);
    let check = derive(&as_java_chars(&master_key), &check_salt);
    let mut blob = Vec::new();
    for part in [&master_iv[..], &master_key, &check] {
        blob.push(part.len() as u8);
        blob.extend_from_slice(part);
    }
    let mut file = format!(
        "ANDROID BACKUP\n5\n1\nAES-256\n{}\n{}\n{ROUNDS}\n{}\n{}\n",
        hex(&salt),
        hex(&check_salt),
        hex(&iv),
        hex(&encrypt(&user_key, &iv, &blob))
    )
    .into_bytes();
    file.extend(encrypt(&master_key, &master_iv, payload));
    file
}

fn counting<const N: usize>(from: u8) -> [u8; N] {
    std::array::from_fn(|index| from + index as u8)
}

fn derive(secret: &[u8], salt: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha1>(secret, salt, ROUNDS, &mut key);
    key
}

/// Since version 2 the key is taken for characters: a byte of 0x80 or more is sign-extended and becomes three bytes of UTF-8.
fn as_java_chars(key: &[u8]) -> Vec<u8> {
    let mut text = String::new();
    for byte in key {
        let code = if *byte < 0x80 { u32::from(*byte) } else { 0xff00 | u32::from(*byte) };
        text.push(char::from_u32(code).expect("no surrogate"));
    }
    text.into_bytes()
}

fn encrypt(key: &[u8; 32], iv: &[u8; 16], bytes: &[u8]) -> Vec<u8> {
    let mut buffer = bytes.to_vec();
    buffer.resize((bytes.len() / 16 + 1) * 16, 0);
    cbc::Encryptor::<Aes256>::new(key.into(), iv.into())
        .encrypt_padded::<Pkcs7>(&mut buffer, bytes.len())
        .expect("room for the padding");
    buffer
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn keys_and_their_blob_are_those_of_a_working_decryptor() {
        assert_eq!(
            hex(&derive(b"correct horse", &counting::<64>(0))),
            "F8EB9818A11E8E39D9828200CCDA721BEC59250F278F32D1821F992EB9AE48DB"
        );
        let file = encrypted(b"", "correct horse");
        let text = String::from_utf8_lossy(&file);
        let blob = text.lines().nth(8).unwrap();
        assert_eq!(blob.len(), 192);
        assert!(blob.starts_with("9E61F4693FEEB19BAA46B9853B48F6CEB8D0803440C673F4"), "{blob}");
        assert!(blob.ends_with("00BC05741C4B7583BB4D65A02289840B"), "{blob}");
    }

    #[test]
    fn what_is_stored_in_zlib_comes_out_again() {
        for length in [0, 1, 0xffff, 0x10000] {
            let bytes = vec![7; length];
            let mut out = Vec::new();
            let result = flate2::read::ZlibDecoder::new(&stored_zlib(&bytes)[..]).read_to_end(&mut out);
            assert!(length == 0 || result.is_ok());
            assert_eq!(out, bytes);
        }
    }
}
