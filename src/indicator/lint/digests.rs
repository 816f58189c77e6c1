//! Digests of files and certificates, and mail addresses.

use super::super::Ioc;
use super::super::intake::canonical;
use super::file::Value;
use super::{Mend, Sink, lists, rules};

pub(super) fn check(value: &Value, out: &mut Sink<'_>) {
    let text = value.text.trim();
    match value.ioc {
        Ioc::FileHash | Ioc::CertHash => digest(value, text, out),
        Ioc::Email => mail(value, text, out),
        _ => {}
    }
}

fn digest(value: &Value, text: &str, out: &mut Sink<'_>) {
    let plain = canonical(value.ioc, text);
    let promised = promised_length(&value.key);
    if !plain.bytes().all(|byte| byte.is_ascii_hexdigit()) || !matches!(plain.len(), 32 | 40 | 64) {
        let mend = Some(Mend::told("look it up in the report"));
        return out.add(
            &rules::BAD_HASH,
            value,
            format!("`{text}` is not the hexadecimal form of an MD5, SHA-1 or SHA-256"),
            mend,
        );
    }
    if let Some(promised) = promised.filter(|promised| *promised != plain.len()) {
        let length = plain.len();
        let message = format!("`{}` has {promised} digits, this has {length}", value.key);
        out.add(&rules::BAD_HASH, value, message, Some(Mend::told("name the algorithm that was used")));
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let lower = text.to_ascii_lowercase();
        let mend = super::edit_of(value, &lower, out.file);
        out.add(&rules::UPPER_HASH, value, "in upper case", Some(mend));
    } else {
        super::canonical_spelling(value, text, out);
    }
    let remove = || Some(Mend::told("remove the value"));
    match value.ioc {
        Ioc::CertHash => {
            if let Some(key) = lists::test_certificate(&plain) {
                let message = format!("anybody can sign with {key}");
                out.add(&rules::TEST_CERTIFICATE, value, message, remove());
            }
        }
        _ => {
            if let Some(content) = lists::harmless_content(&plain) {
                out.add(&rules::HARMLESS_HASH, value, format!("the digest of {content}"), remove());
            }
        }
    }
}

/// The digits that the algorithm in a pattern's key gives.
fn promised_length(key: &str) -> Option<usize> {
    let (_, algorithm) = key.rsplit_once('.')?;
    let plain: String = algorithm.chars().filter(char::is_ascii_alphanumeric).collect();
    match plain.to_ascii_lowercase().as_str() {
        "md5" => Some(32),
        "sha1" => Some(40),
        "sha256" => Some(64),
        _ => None,
    }
}

fn mail(value: &Value, text: &str, out: &mut Sink<'_>) {
    let parts = text.split_once('@').filter(|(name, host)| {
        let is_host = host.contains('.') && !host.split('.').any(str::is_empty) && !host.contains('@');
        !name.is_empty() && is_host && !text.contains(char::is_whitespace)
    });
    let Some((_, host)) = parts else {
        let mend = Some(Mend::told("look it up in the report"));
        return out.add(&rules::BAD_MAIL, value, format!("`{text}` is not an e-mail address"), mend);
    };
    super::canonical_spelling(value, &text.to_lowercase(), out);
    let host = host.to_ascii_lowercase();
    if lists::is_mail_provider(&host) {
        out.add(&rules::FREE_MAIL, value, format!("anybody gets an address at `{host}`"), None);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cases, stix};

    #[test]
    fn each_rule_for_digests_has_a_case_and_a_near_miss() {
        cases(
            "sha256.txt",
            &[
                ("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", ""),
                ("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde", "IND060"),
                ("0123456789abcdef0123456789abcdeg", "IND060"),
                ("0123456789ABCDEF0123456789ABCDEF", "IND061"),
                ("d41d8cd98f00b204e9800998ecf8427e", "IND062"),
                ("d41d8cd98f00b204e9800998ecf8427f", ""),
            ],
        );
        cases(
            "certificates.txt",
            &[
                ("61ed377e85d386a8dfee6b864bd85b0bfaa5af81", "IND063"),
                ("61ed377e85d386a8dfee6b864bd85b0bfaa5af82", ""),
                ("61:ED:37:7E:85:D3:86:A8:DF:EE:6B:86:4B:D8:5B:0B:FA:A5:AF:81", "IND061 IND063"),
            ],
        );
        assert_eq!(stix("[file:hashes.MD5='0123456789abcdef0123456789abcdef']"), "");
        assert_eq!(stix("[file:hashes.'SHA-256'='0123456789abcdef0123456789abcdef']"), "IND060");
    }

    #[test]
    fn each_rule_for_mail_has_a_case_and_a_near_miss() {
        cases(
            "emails.txt",
            &[
                ("somebody@evil.xyz", ""),
                ("somebody", "IND070"),
                ("somebody@evil", "IND070"),
                ("@evil.xyz", "IND070"),
                ("some@body@evil.xyz", "IND070"),
                ("Somebody@evil.xyz", "IND015"),
                ("somebody@gmail.com", "IND071"),
                ("somebody@gmail.evil.xyz", ""),
            ],
        );
    }
}
