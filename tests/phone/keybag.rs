//! The keys of an encrypted backup, all of them fixed, and what is wrapped with them.

use aes::Aes256;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeEncrypt, KeyInit, KeyIvInit};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Far fewer rounds than a device uses (ten million), so that tests stay quick.
const FIRST_ROUNDS: u32 = 1000;
const SECOND_ROUNDS: u32 = 10;
const MANIFEST_CLASS: u32 = 3;

/// The key that unwraps the others, made from the password.
pub struct Keybag {
    passphrase: [u8; 32],
}

impl Keybag {
    pub fn new(password: &str) -> Keybag {
        let mut first = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &counting(0x00), FIRST_ROUNDS, &mut first);
        let mut passphrase = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha1>(&first, &counting(0x20), SECOND_ROUNDS, &mut passphrase);
        Keybag { passphrase }
    }

    /// The `BackupKeyBag` of the manifest: tag, length, value, over and over.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bag = Vec::new();
        let mut put = |tag: &str, value: &[u8]| {
            bag.extend_from_slice(tag.as_bytes());
            bag.extend_from_slice(&(value.len() as u32).to_be_bytes());
            bag.extend_from_slice(value);
        };
        put("VERS", &number(5));
        put("TYPE", &number(1));
        put("UUID", &[0x10; 16]);
        put("HMCK", &[0x5a; 40]);
        put("WRAP", &number(1));
        put("SALT", &counting(0x20));
        put("ITER", &number(SECOND_ROUNDS));
        put("DPWT", &number(0));
        put("DPIC", &number(FIRST_ROUNDS));
        put("DPSL", &counting(0x00));
        for class in 1..=11 {
            put("UUID", &[class as u8; 16]);
            put("CLAS", &number(class));
            // Class keys above 8 never leave the device: what the password unwraps is still locked to it.
            put("WRAP", &number(if class > 8 { 3 } else { 2 }));
            put("KTYP", &number(0));
            put("WPKY", &wrap(&self.passphrase, &class_key(class)));
        }
        bag
    }

    pub fn manifest_key(&self) -> Vec<u8> {
        wrapped(MANIFEST_CLASS, &manifest_secret())
    }

    pub fn encrypt_manifest(&self, bytes: &[u8]) -> Vec<u8> {
        encrypt(&manifest_secret(), bytes)
    }

    /// The `EncryptionKey` of a file, by its id.
    pub fn file_key(&self, class: u32, file_id: &str) -> Vec<u8> {
        wrapped(class, &file_secret(file_id))
    }

    pub fn encrypt_file(&self, file_id: &str, bytes: &[u8]) -> Vec<u8> {
        encrypt(&file_secret(file_id), bytes)
    }
}

fn number(value: u32) -> [u8; 4] {
    value.to_be_bytes()
}

fn counting(from: u8) -> [u8; 20] {
    std::array::from_fn(|index| from + index as u8)
}

fn class_key(class: u32) -> [u8; 32] {
    [(class * 0x11) as u8; 32]
}

fn manifest_secret() -> [u8; 32] {
    [0xaa; 32]
}

fn file_secret(file_id: &str) -> [u8; 32] {
    Sha256::digest(format!("file key of {file_id}")).into()
}

fn wrap(key: &[u8; 32], secret: &[u8; 32]) -> Vec<u8> {
    let mut buffer = [0; 40];
    aes_kw::KwAes256::new(key.into()).wrap_key(secret, &mut buffer).expect("lengths that fit");
    buffer.to_vec()
}

/// Four bytes of class, little-endian, then the wrapped key.
fn wrapped(class: u32, secret: &[u8; 32]) -> Vec<u8> {
    let mut bytes = class.to_le_bytes().to_vec();
    bytes.extend(wrap(&class_key(class), secret));
    bytes
}

fn encrypt(key: &[u8; 32], bytes: &[u8]) -> Vec<u8> {
    let mut buffer = bytes.to_vec();
    buffer.resize((bytes.len() / 16 + 1) * 16, 0);
    cbc::Encryptor::<Aes256>::new(key.into(), &[0; 16].into())
        .encrypt_padded::<Pkcs7>(&mut buffer, bytes.len())
        .expect("room for the padding");
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn keys_agree_with_a_working_decryptor() {
        let keybag = Keybag::new("correct horse");
        assert_eq!(
            hex(&keybag.passphrase),
            "e3ba997ee490d0bc8ebd9893a6da690c8dd407b65b90130fead5c296d92a638e"
        );
        assert_eq!(
            hex(&keybag.manifest_key()),
            "03000000b332ec6da85130a4daea70493a8bfe65c65c9b0d116337076feb9389c5b6b1e5b88ed449d0df177d"
        );
        let text = b"hello world file contents\n";
        assert_eq!(
            hex(&encrypt(&[0xbb; 32], text)),
            "315564e7f63d3f212f9780692c5065542e0424199d2d218640663b6910c67bc8"
        );
    }
}
