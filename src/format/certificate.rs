//! Whom an X.509 certificate was made out to and by whom. Whether a signature holds is not asked here.

use anyhow::{Context as _, Result, ensure};
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::Decode as _;
use x509_cert::name::Name;

/// Real certificates are a few thousand bytes long.
const LONGEST_BYTES: usize = 64 << 10;

/// The two names of a certificate as RFC 4514 writes them: `CN=a.example,O=Example\, Ltd,C=XX`.
#[derive(Debug, PartialEq, Eq)]
pub struct Names {
    pub subject: String,
    pub issuer: String,
}

/// Reads the names of a certificate in DER.
///
/// # Errors
/// When the bytes are no certificate, or more than one could be.
pub fn names(der: &[u8]) -> Result<Names> {
    ensure!(
        der.len() <= LONGEST_BYTES,
        "certificate is {} bytes long, over the limit of {LONGEST_BYTES}",
        der.len()
    );
    // `Raw`: certificates made by hand have serial numbers that the rules of the web would refuse.
    let certificate = CertificateInner::<Raw>::from_der(der).context("is no certificate")?;
    let certificate = certificate.tbs_certificate();
    Ok(Names { subject: certificate.subject().to_string(), issuer: certificate.issuer().to_string() })
}

/// From when and until when a certificate in DER says that it is good, in seconds since 1970.
///
/// # Errors
/// When the bytes are no certificate, or more than one could be.
pub fn validity(der: &[u8]) -> Result<[u64; 2]> {
    ensure!(der.len() <= LONGEST_BYTES, "certificate is over the limit of {LONGEST_BYTES} bytes");
    let certificate = CertificateInner::<Raw>::from_der(der).context("is no certificate")?;
    let validity = certificate.tbs_certificate().validity();
    Ok([validity.not_before, validity.not_after].map(|time| time.to_unix_duration().as_secs()))
}

/// A distinguished name in DER, as [`Names`] have it.
///
/// # Errors
/// When the bytes are none, or more than one could be.
pub fn distinguished_name(der: &[u8]) -> Result<String> {
    ensure!(der.len() <= LONGEST_BYTES, "name is over the limit of {LONGEST_BYTES} bytes");
    Ok(Name::from_der(der).context("is no distinguished name")?.to_string())
}

/// A certificate made for tests.
#[cfg(test)]
pub const EXAMPLE_HEX: &str = "3082015e30820104020101300a06082a8648ce3d0403023033311a3018060355040a0c114578616d706c6520417574686f7269747931153013060355\
04030c0c4578616d706c6520526f6f74301e170d3236313132333233343832395a170d3336313132303233343832395a3043310b3009060355040613\
02585831153013060355040a0c0c4578616d706c652c204c7464311d301b06035504030c1470726f66696c65732e6578616d706c652e6f7267305930\
1306072a8648ce3d020106082a8648ce3d03010703420004b641796bdf6b04864e9d9aec4f32a18b9f9fd52ab05bcb0944590cfe9fdcb632ca8b3a88\
9948096775f8324c4cb50c137b3227af7dc32eaa823e161cde3d9474300a06082a8648ce3d0403020348003045022072b3278dc0a191dd89feb7af77\
8a74a457fc4f6ab4298ec029a226549a469fd2022100c161ce1c3dda8da5acc4ee0ed8584b3d2a2587698f0f78e6607d8b9601999151";

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Vec<u8> {
        crate::record::unhex(EXAMPLE_HEX).unwrap()
    }

    #[test]
    fn both_names_are_read_with_the_most_telling_part_first() {
        assert_eq!(
            names(&example()).unwrap(),
            Names {
                subject: r"CN=profiles.example.org,O=Example\, Ltd,C=XX".into(),
                issuer: "CN=Example Root,O=Example Authority".into(),
            }
        );
    }

    #[test]
    fn the_term_is_read() {
        assert_eq!(validity(&example()).unwrap(), [1_795_477_709, 2_110_837_709]);
    }

    #[test]
    fn a_name_alone_is_read() {
        let name = crate::record::unhex("30153113301106035504030c0a4578616d706c65204341").unwrap();
        assert_eq!(distinguished_name(&name).unwrap(), "CN=Example CA");
        assert!(distinguished_name(b"x").is_err());
    }

    #[test]
    fn what_is_no_certificate_is_an_error() {
        assert!(names(b"").is_err());
        assert!(names(b"<plist/>").is_err());
        assert!(names(&[0x30; LONGEST_BYTES + 1]).unwrap_err().to_string().contains("over the limit"));
    }

    #[test]
    fn broken_certificates_never_panic() {
        let whole = example();
        for end in 0..whole.len() {
            assert!(names(&whole[..end]).is_err());
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut broken = whole.clone();
                broken[at] ^= 1 << bit;
                let _ = (names(&broken), validity(&broken), distinguished_name(&broken));
            }
        }
    }
}
