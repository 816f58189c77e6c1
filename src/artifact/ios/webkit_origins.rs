use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.webkit_origins",
    title: "Sites that stored data in WebKit under hashed names",
    about: "Since iOS 16 a site's folder is called by a hash; a file in it names the site and the page around it.",
    files: &["/private/var/**/WebsiteData/**/origin"],
    columns: &[url("url"), url("top_url")],
    shows: Trace::Resolved,
    line: "data of {url} on {top_url}",
    parse: Parse::Bytes { most: 1 << 20, parse },
};

/// The page's site, the storing site: each a scheme, a host and a port, as WebKit encodes texts: length, width, letters.
fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let texts = texts(bytes);
    let mut sites = texts.windows(2).filter_map(|pair| match pair {
        [scheme, host] if matches!(scheme.as_str(), "http" | "https") => Some(format!("{scheme}://{host}")),
        _ => None,
    });
    let Some(first) = sites.next() else {
        // Files and apps' own pages have no host.
        anyhow::ensure!(!texts.is_empty(), "names no site");
        return Ok(());
    };
    let (top, url) = match sites.next() {
        Some(second) => (Some(first), second),
        None => (None, first),
    };
    out.push(Place::Offset { offset: 0 }, [url.into(), top.into()]);
    Ok(())
}

/// Every text in the bytes; what stands between differs by version.
fn texts(bytes: &[u8]) -> Vec<String> {
    /// Host names end there.
    const LONGEST: usize = 255;
    let (mut texts, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        match text(rest, LONGEST) {
            Some((text, behind)) => {
                texts.push(text);
                rest = behind;
            }
            None => rest = rest.get(1..).unwrap_or_default(),
        }
    }
    texts
}

fn text(bytes: &[u8], longest: usize) -> Option<(String, &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok().filter(|len| (1..=longest).contains(len))?;
    let (narrow, rest) = rest.split_first()?;
    let width = match narrow {
        1 => 1,
        0 => 2,
        _ => return None,
    };
    let (taken, rest) = rest.split_at_checked(len.checked_mul(width)?)?;
    let units = taken.chunks_exact(width).map(|unit| match unit {
        [low, high] => u16::from_le_bytes([*low, *high]),
        [byte, ..] => u16::from(*byte),
        [] => 0,
    });
    let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '_' | '[' | ']' | ':' | '+')).then_some((text, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake};

    fn narrow(text: &str) -> Vec<u8> {
        [&(text.len() as u32).to_le_bytes()[..], &[1], text.as_bytes()].concat()
    }

    fn wide(text: &str) -> Vec<u8> {
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        [&((units.len() / 2) as u32).to_le_bytes()[..], &[0], &units].concat()
    }

    #[test]
    fn the_site_and_the_page_around_it_are_told() {
        let bytes = [narrow("https"), narrow("a.example"), vec![0], narrow("https"), wide("b.example"), vec![1, 0xbb, 1], vec![0xaa; 20]].concat();
        let expected = json!([{"url": "https://b.example", "top_url": "https://a.example",
                               "_line": "data of https://b.example on https://a.example"}]);
        assert_eq!(rows(&ARTIFACT, &bytes), expected);
        shake(&ARTIFACT, &bytes);
        let alone = [narrow("http"), narrow("a.example"), vec![0]].concat();
        assert_eq!(rows(&ARTIFACT, &alone)[0]["url"], "http://a.example");
    }

    #[test]
    fn apps_pages_have_no_site_and_other_files_are_told() {
        assert_eq!(rows_at(&ARTIFACT, "/x/origin", &[narrow("file"), narrow("x")].concat()), (json!([]), vec![]));
        assert_eq!(rows_at(&ARTIFACT, "/x/origin", &[0xff; 9]).1, ["names no site"]);
    }
}
