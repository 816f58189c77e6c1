//! Small tar.gz files inside of an acquisition, in memory: the collector packs tables so. Whole acquisitions are opened by `source`.

use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;

/// What is inflated of one archive, with its headers.
const MOST_BYTES: u64 = 256 << 20;
/// What is read of one member.
const MEMBER_BYTES: u64 = 64 << 20;
const MEMBERS: usize = 1_000;

/// Hands the name and content of each file of a tar.gz to `each`; links and other special members are left out.
///
/// # Errors
/// When it is no tar.gz, ends early, or holds more than its kind does; what was before was handed over.
pub fn files(bytes: &[u8], mut each: impl FnMut(&str, &[u8])) -> io::Result<()> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(bytes).take(MOST_BYTES));
    for (number, entry) in archive.entries()?.enumerate() {
        if number >= MEMBERS {
            return Err(io::Error::other(format!(
                "it has more than {MEMBERS} members; the rest was not read"
            )));
        }
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        if entry.size() > MEMBER_BYTES {
            return Err(io::Error::other(format!(
                "a member is larger than {MEMBER_BYTES} bytes; the rest was not read"
            )));
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut content = Vec::new();
        let read = (&mut entry).take(MEMBER_BYTES).read_to_end(&mut content);
        each(&name, &content);
        read?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(names: &[&str]) -> Vec<u8> {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut builder = tar::Builder::new(gzip);
        for name in names {
            let mut header = tar::Header::new_gnu();
            header.set_size(4);
            header.set_cksum();
            builder.append_data(&mut header, name, &b"text"[..]).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn read(bytes: &[u8]) -> (Vec<String>, bool) {
        let mut names = Vec::new();
        let result =
            files(bytes, |name, content| names.push(format!("{name}: {}", String::from_utf8_lossy(content))));
        (names, result.is_ok())
    }

    #[test]
    fn every_file_is_handed_over() {
        assert_eq!(
            read(&packed(&["a.csv", "b/c.csv"])),
            (vec!["a.csv: text".into(), "b/c.csv: text".into()], true)
        );
    }

    #[test]
    fn broken_ones_are_errors_and_keep_what_came_before() {
        let whole = packed(&["a.csv", "b.csv"]);
        for cut in 0..whole.len() {
            read(&whole[..cut]);
        }
        assert_eq!(read(b"no archive"), (Vec::new(), false));
        let many: Vec<String> = (0..=MEMBERS).map(|number| format!("{number}")).collect();
        let (names, whole) = read(&packed(&many.iter().map(String::as_str).collect::<Vec<_>>()));
        assert_eq!((names.len(), whole), (MEMBERS, false));
    }
}
