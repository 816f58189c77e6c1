//! Who signed an Android app: the certificates in its signing block (schemes 2 and 3) or in `META-INF` (scheme 1). Whether a signature
//! holds is not asked here.

use std::io::{Cursor, Read as _};

use anyhow::{Context as _, Result, bail};

/// Real blocks are some kilobytes long, with the source stamp of a store some tens.
const LONGEST_BLOCK: usize = 64 << 20;
const LONGEST_SIGNATURE_FILE: u64 = 4 << 20;
/// Real apps have one or two.
const MOST_CERTIFICATES: usize = 64;

const MAGIC: &[u8; 16] = b"APK Sig Block 42";
const SCHEMES: [(u32, &str); 3] = [(0x1b93_ad61, "v3.1"), (0xf053_68c0, "v3"), (0x7109_871a, "v2")];
/// The attribute of scheme 3 that lists the certificates that an app had before.
const ROTATION: u32 = 0x3ba0_6f8c;

/// The certificates of an app, in DER.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Signing {
    /// `v1`, `v2`, `v3`, `v3.1`: what the certificates were taken from, the newest first.
    pub schemes: Vec<&'static str>,
    /// Each once; the first is the app's.
    pub certificates: Vec<Vec<u8>>,
    /// From which the app's certificate was rotated.
    pub past: Vec<Vec<u8>>,
    /// What of it cannot be read.
    pub problems: Vec<String>,
}

impl Signing {
    fn add(&mut self, certificate: &[u8], past: bool) {
        let list = if past { &mut self.past } else { &mut self.certificates };
        if list.len() < MOST_CERTIFICATES
            && !certificate.is_empty()
            && !list.iter().any(|known| known == certificate)
        {
            list.push(certificate.to_vec());
        }
    }
}

/// The certificates that signed this app.
///
/// # Errors
/// When the bytes are no zip.
pub fn signing(apk: &[u8]) -> Result<Signing> {
    let mut signing = Signing::default();
    let mut archive = zip::ZipArchive::new(Cursor::new(apk)).context("the app is no zip that can be read")?;
    let directory = usize::try_from(archive.central_directory_start()).unwrap_or(usize::MAX);
    match block(apk, directory) {
        Ok(None) => {}
        Ok(Some(pairs)) => read_block(pairs, &mut signing),
        Err(error) => signing.problems.push(format!("{error:#}")),
    }
    if let Err(error) = old_signatures(&mut archive, &mut signing) {
        signing.problems.push(format!("{error:#}"));
    }
    Ok(signing)
}

/// The pairs of the signing block, which ends where the directory of the zip starts.
fn block(apk: &[u8], directory: usize) -> Result<Option<&[u8]>> {
    let before = apk.get(..directory).unwrap_or(apk);
    let Some(sized) = before.strip_suffix(MAGIC) else { return Ok(None) };
    let (pairs_and_start, size) = sized.split_last_chunk::<8>().context("the signing block has no size")?;
    // The size counts itself at the end and the magic, not its copy at the start.
    let size = usize::try_from(u64::from_le_bytes(*size)).unwrap_or(usize::MAX);
    let pairs = size
        .checked_sub(24)
        .filter(|_| size <= LONGEST_BLOCK)
        .context("the signing block has an impossible size")?;
    let start = pairs_and_start.len().checked_sub(pairs).context("the signing block is cut")?;
    Ok(pairs_and_start.get(start..))
}

fn read_block(mut pairs: &[u8], signing: &mut Signing) {
    let mut found: Vec<(usize, &[u8])> = Vec::new();
    while let Some((len, rest)) = pairs.split_first_chunk::<8>() {
        let len = usize::try_from(u64::from_le_bytes(*len)).unwrap_or(usize::MAX);
        let Some((pair, rest)) = rest.split_at_checked(len) else {
            signing.problems.push("the signing block is damaged".into());
            break;
        };
        pairs = rest;
        let Some((id, value)) = pair.split_first_chunk::<4>() else { continue };
        let id = u32::from_le_bytes(*id);
        found.extend(SCHEMES.iter().position(|(known, _)| *known == id).map(|scheme| (scheme, value)));
    }
    found.sort_by_key(|(scheme, _)| *scheme);
    for (scheme, value) in found {
        let Some((_, name)) = SCHEMES.get(scheme) else { continue };
        match signers(value, *name != "v2", signing) {
            Ok(()) => signing.schemes.push(name),
            Err(error) => {
                signing.problems.push(format!("the signature of scheme {name} cannot be read: {error:#}"))
            }
        }
    }
}

fn signers(value: &[u8], is_third: bool, signing: &mut Signing) -> Result<()> {
    let mut list = prefixed(&mut &value[..])?;
    while !list.is_empty() {
        let mut signer = prefixed(&mut list)?;
        let mut data = prefixed(&mut signer)?;
        let _digests = prefixed(&mut data)?;
        let mut certificates = prefixed(&mut data)?;
        while !certificates.is_empty() {
            signing.add(prefixed(&mut certificates)?, false);
        }
        if is_third {
            // The first and last release that it is for.
            data = data.get(8..).unwrap_or_default();
        }
        let mut attributes = prefixed(&mut data).unwrap_or_default();
        while !attributes.is_empty() {
            let attribute = prefixed(&mut attributes)?;
            if let Some((id, levels)) = attribute.split_first_chunk::<4>()
                && u32::from_le_bytes(*id) == ROTATION
            {
                rotation(levels, signing)?;
            }
        }
    }
    Ok(())
}

/// A version, then levels from the oldest certificate to the present one: signed data (certificate, algorithm), flags, algorithm,
/// signature.
fn rotation(levels: &[u8], signing: &mut Signing) -> Result<()> {
    let mut levels = levels.get(4..).context("the list of past certificates is cut")?;
    while !levels.is_empty() {
        let mut level = prefixed(&mut levels)?;
        let mut data = prefixed(&mut level)?;
        let certificate = prefixed(&mut data)?;
        if !signing.certificates.iter().any(|known| known == certificate) {
            signing.add(certificate, true);
        }
    }
    Ok(())
}

/// Bytes with their length in front, as 32 bits.
fn prefixed<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8]> {
    let (len, behind) = rest.split_first_chunk::<4>().context("a length is missing")?;
    let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
    let (value, behind) = behind.split_at_checked(len).context("a length goes beyond the end")?;
    *rest = behind;
    Ok(value)
}

/// The certificates of scheme 1: PKCS #7 beside the manifest.
fn old_signatures(archive: &mut zip::ZipArchive<Cursor<&[u8]>>, signing: &mut Signing) -> Result<()> {
    let is_signature = |name: &String| {
        let upper = name.to_ascii_uppercase();
        upper.strip_prefix("META-INF/").is_some_and(|name| {
            !name.contains('/') && [".RSA", ".DSA", ".EC"].iter().any(|ending| name.ends_with(ending))
        })
    };
    let names = archive.file_names().filter_map(Result::ok).map(|name| name.into_owned());
    let names: Vec<String> = names.filter(is_signature).take(16).collect();
    for name in names {
        let mut bytes = Vec::new();
        let member = archive.by_name(&name).with_context(|| format!("`{name}` cannot be read"))?;
        member
            .take(LONGEST_SIGNATURE_FILE)
            .read_to_end(&mut bytes)
            .with_context(|| format!("`{name}` cannot be read"))?;
        let certificates = pkcs7(&bytes).with_context(|| format!("`{name}` holds no certificates"))?;
        certificates.into_iter().for_each(|certificate| signing.add(certificate, false));
        if !signing.schemes.contains(&"v1") {
            signing.schemes.push("v1");
        }
    }
    Ok(())
}

/// The certificates of a signed message (RFC 5652): a sequence of the type and, inside `[0]`, the sequence whose own `[0]` holds them.
fn pkcs7(message: &[u8]) -> Result<Vec<&[u8]>> {
    let content = child(child(message, 0x30)?, 0xa0)?;
    let mut certificates = child(child(content, 0x30)?, 0xa0)?;
    let mut found = Vec::new();
    while !certificates.is_empty() && found.len() < MOST_CERTIFICATES {
        let element = element(certificates)?;
        if element.tag == 0x30 {
            found.push(element.whole);
        }
        certificates = element.rest;
    }
    Ok(found)
}

/// The content of the first element with this tag.
fn child(mut elements: &[u8], wanted: u8) -> Result<&[u8]> {
    while !elements.is_empty() {
        let element = element(elements)?;
        if element.tag == wanted {
            return Ok(element.content);
        }
        elements = element.rest;
    }
    bail!("has no element of tag {wanted:#x}")
}

/// An element of DER.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
    /// What follows.
    rest: &'a [u8],
}

fn element(bytes: &[u8]) -> Result<Element<'_>> {
    let [tag, first, ..] = bytes else { bail!("ends inside of an element") };
    let count = usize::from(first & 0x7f);
    let (len, header) = match first {
        0..=0x7f => (count, 2),
        _ if (1..=4).contains(&count) => {
            let digits = bytes.get(2..2 + count).context("ends inside of a length")?;
            (digits.iter().fold(0_usize, |len, digit| len << 8 | usize::from(*digit)), 2 + count)
        }
        _ => bail!("has a length of {count} bytes"),
    };
    let end = header.checked_add(len).context("a length goes beyond the end")?;
    let whole = bytes.get(..end).context("a length goes beyond the end")?;
    let content = whole.get(header..).unwrap_or_default();
    Ok(Element { tag: *tag, content, whole, rest: bytes.get(end..).unwrap_or_default() })
}

/// Apps made for tests.
#[cfg(test)]
pub mod testing {
    use std::io::Write as _;

    use super::*;

    fn prefix(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u32).to_le_bytes()[..], bytes].concat()
    }

    fn sequence(tag: u8, content: &[u8]) -> Vec<u8> {
        let len = (content.len() as u32).to_be_bytes();
        [&[tag, 0x84][..], &len, content].concat()
    }

    /// A zip with the certificate in `META-INF`.
    pub fn old(certificate: &[u8]) -> Vec<u8> {
        let data = [sequence(2, &[1]), sequence(0x31, &[]), sequence(0x30, &[]), sequence(0xa0, certificate)]
            .concat();
        let message = sequence(0x30, &[sequence(6, &[1]), sequence(0xa0, &sequence(0x30, &data))].concat());
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("META-INF/CERT.RSA", zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(&message).unwrap();
        writer.finish().unwrap().into_inner()
    }

    /// A zip with a signing block of scheme 3 and its past.
    pub fn signed(certificate: &[u8], past: &[u8]) -> Vec<u8> {
        let level = |certificate: &[u8]| {
            prefix(&[prefix(&[prefix(certificate), vec![0; 4]].concat()), vec![0; 8], prefix(&[])].concat())
        };
        let rotation =
            [ROTATION.to_le_bytes().to_vec(), 1_u32.to_le_bytes().to_vec(), level(past), level(certificate)]
                .concat();
        let data =
            [prefix(&[]), prefix(&prefix(certificate)), vec![0; 8], prefix(&prefix(&rotation))].concat();
        let signer = prefix(&[prefix(&data), vec![0; 8], prefix(&[]), prefix(&[])].concat());
        let value = [0xf053_68c0_u32.to_le_bytes().to_vec(), prefix(&signer)].concat();
        let pair = [(value.len() as u64).to_le_bytes().to_vec(), value].concat();
        let size = (pair.len() as u64 + 24).to_le_bytes();
        let block = [&size[..], &pair, &size, MAGIC].concat();
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("classes.dex", zip::write::SimpleFileOptions::default()).unwrap();
        let plain = writer.finish().unwrap().into_inner();
        let start = zip::ZipArchive::new(Cursor::new(&plain[..])).unwrap().central_directory_start() as usize;
        let mut apk = [&plain[..start], &block, &plain[start..]].concat();
        let end = apk.len();
        apk[end - 6..end - 2].copy_from_slice(&((start + block.len()) as u32).to_le_bytes());
        apk
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &[u8] = &[0x30, 3, 2, 1, 7];

    #[test]
    fn certificates_of_both_forms_are_found_and_past_ones_apart() {
        let newer = signing(&testing::signed(CERTIFICATE, b"past")).unwrap();
        let expected = Signing {
            schemes: vec!["v3"],
            certificates: vec![CERTIFICATE.to_vec()],
            past: vec![b"past".to_vec()],
            problems: Vec::new(),
        };
        assert_eq!(newer, expected);
        let older = signing(&testing::old(CERTIFICATE)).unwrap();
        assert_eq!((older.schemes, older.certificates), (vec!["v1"], vec![CERTIFICATE.to_vec()]));
        assert!(signing(b"PK").is_err());
    }

    #[test]
    fn broken_apps_never_panic() {
        for apk in [testing::signed(CERTIFICATE, b"past"), testing::old(CERTIFICATE)] {
            for end in 0..apk.len() {
                let _ = signing(&apk[..end]);
            }
            for at in 0..apk.len() {
                for value in [0, 0x7f, 0xff] {
                    let mut broken = apk.clone();
                    broken[at] = value;
                    let _ = signing(&broken);
                }
            }
        }
    }
}
