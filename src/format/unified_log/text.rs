//! Readable text in unpacked log data, for a search that does not decode messages.

/// Shorter runs are chance.
const SHORTEST: usize = 4;

/// The runs of at least four bytes of printable ASCII and other UTF-8 text, with their offsets; anything else ends a run.
pub fn text_runs(data: &[u8]) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + data.get(at..)?.iter().position(|byte| *byte >= b' ' && *byte != 0x7F)?;
            at = start;
            while let Some(len) = printable(data.get(at..).unwrap_or_default()) {
                at += len;
            }
            let run = data.get(start..at).unwrap_or_default();
            if at == start {
                at += 1;
            } else if run.len() >= SHORTEST
                && let Ok(text) = std::str::from_utf8(run)
            {
                return Some((start, text));
            }
        }
    })
}

/// The length of the printable character at the front.
fn printable(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.first()?;
    if first < 0x80 {
        return (first >= b' ' && first != 0x7F).then_some(1);
    }
    let len = match first {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let text = std::str::from_utf8(bytes.get(..len)?).ok()?;
    text.chars().all(|character| !character.is_control()).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_at_what_is_not_text() {
        let data = b"\x01\x02/usr/lib\x00abc\x00\xffd\xc3\xa9j\xc3\xa0 vu\x7f\xc3";
        assert_eq!(text_runs(data).collect::<Vec<_>>(), [(2, "/usr/lib"), (16, "déjà vu")]);
    }

    #[test]
    fn empty_and_unprintable_data_have_none() {
        assert_eq!(text_runs(b"").count() + text_runs(&[0xC3; 9]).count() + text_runs(b"abc").count(), 0);
    }
}
