//! `Cookies.binarycookies`: the cookies of an app or of Safari, in pages.

use anyhow::{Context as _, Result, ensure};

use super::numbers::{be_u32, le_f64, le_u32};

const MAGIC: &[u8; 4] = b"cook";
/// Pages and cookies of a page that are read; Safari has some hundred pages.
const MOST_PAGES: usize = 100_000;
const MOST_COOKIES: usize = 100_000;

/// One cookie; texts that are no UTF-8 have replacement characters.
#[derive(Clone, Debug, PartialEq)]
pub struct Cookie {
    /// Where it begins in the file.
    pub offset: u64,
    pub flags: u32,
    /// As stored: a leading dot means that subdomains get it too.
    pub host: String,
    pub name: String,
    pub path: String,
    pub value: String,
    /// Seconds since 2001.
    pub expires: f64,
    pub created: f64,
}

impl Cookie {
    pub fn is_secure(&self) -> bool {
        self.flags & 1 != 0
    }

    pub fn is_http_only(&self) -> bool {
        self.flags & 4 != 0
    }
}

/// Gives the cookies of a file, and as text what could not be read.
///
/// # Errors
/// When it is no such file.
pub fn read(bytes: &[u8], each: &mut dyn FnMut(Result<Cookie, String>)) -> Result<()> {
    ensure!(bytes.starts_with(MAGIC), "is no file of cookies");
    let count = be_u32(bytes, 4).context("is cut off before its list of pages")?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let sizes = bytes.get(8..).unwrap_or_default();
    let mut start = count.checked_mul(4).and_then(|len| len.checked_add(8)).unwrap_or(usize::MAX);
    let listed = sizes.chunks_exact(4).take(count.min(MOST_PAGES));
    if start > bytes.len() || count > MOST_PAGES {
        each(Err(format!("has no room for the {count} pages it says it has")));
    }
    for size in listed {
        let size = be_u32(size, 0).and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX);
        let end = start.saturating_add(size);
        let Some(page) = bytes.get(start..end.min(bytes.len())) else {
            each(Err("ends before its last page".into()));
            break;
        };
        read_page(page, start, each);
        start = end;
    }
    Ok(())
}

fn read_page(page: &[u8], start: usize, each: &mut dyn FnMut(Result<Cookie, String>)) {
    let Some(count) = le_u32(page, 4).filter(|_| page.starts_with(&[0, 0, 1, 0])) else {
        each(Err("a page is damaged".into()));
        return;
    };
    let offsets = page.get(8..).unwrap_or_default().chunks_exact(4);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    for offset in offsets.take(count.min(MOST_COOKIES)) {
        let at = le_u32(offset, 0).and_then(|at| usize::try_from(at).ok()).unwrap_or(usize::MAX);
        let read = page.get(at..).and_then(|bytes| cookie(bytes, start.saturating_add(at) as u64));
        each(read.ok_or_else(|| "a cookie is damaged".into()));
    }
}

fn cookie(bytes: &[u8], offset: u64) -> Option<Cookie> {
    let size = usize::try_from(le_u32(bytes, 0)?).ok()?;
    let bytes = bytes.get(..size.min(bytes.len()))?;
    let text = |at: usize| {
        let start = le_u32(bytes, at).and_then(|start| usize::try_from(start).ok())?;
        let text = bytes.get(start..)?;
        let end = memchr::memchr(0, text).unwrap_or(text.len());
        Some(String::from_utf8_lossy(text.get(..end)?).into_owned())
    };
    Some(Cookie {
        offset,
        flags: le_u32(bytes, 8)?,
        host: text(16)?,
        name: text(20).unwrap_or_default(),
        path: text(24).unwrap_or_default(),
        value: text(28).unwrap_or_default(),
        expires: le_f64(bytes, 40)?,
        created: le_f64(bytes, 48)?,
    })
}

/// Files made for tests.
#[cfg(test)]
pub mod testing {
    use super::*;

    fn cookie(cookie: &Cookie) -> Vec<u8> {
        let texts = [&cookie.host, &cookie.name, &cookie.path, &cookie.value];
        let mut bytes = vec![0; 16];
        bytes[8..12].copy_from_slice(&cookie.flags.to_le_bytes());
        let mut at = 56_u32;
        for text in texts {
            bytes.extend(at.to_le_bytes());
            at += text.len() as u32 + 1;
        }
        bytes.extend([0; 8]);
        bytes.extend(cookie.expires.to_le_bytes());
        bytes.extend(cookie.created.to_le_bytes());
        for text in texts {
            bytes.extend(text.as_bytes());
            bytes.push(0);
        }
        bytes[..4].copy_from_slice(&at.to_le_bytes());
        bytes
    }

    /// A file with one page for each list.
    pub fn file(pages: &[&[Cookie]]) -> Vec<u8> {
        let pages: Vec<Vec<u8>> = pages
            .iter()
            .map(|cookies| {
                let cookies: Vec<Vec<u8>> = cookies.iter().map(cookie).collect();
                let mut page = vec![0, 0, 1, 0];
                page.extend((cookies.len() as u32).to_le_bytes());
                let mut at = 12 + 4 * cookies.len() as u32;
                for cookie in &cookies {
                    page.extend(at.to_le_bytes());
                    at += cookie.len() as u32;
                }
                page.extend([0; 4]);
                page.extend(cookies.concat());
                page
            })
            .collect();
        let mut bytes = MAGIC.to_vec();
        bytes.extend((pages.len() as u32).to_be_bytes());
        for page in &pages {
            bytes.extend((page.len() as u32).to_be_bytes());
        }
        bytes.extend(pages.concat());
        bytes.extend([0; 8]);
        bytes
    }

    pub fn named(host: &str, name: &str) -> Cookie {
        Cookie {
            offset: 0,
            flags: 5,
            host: host.into(),
            name: name.into(),
            path: "/".into(),
            value: "v".into(),
            expires: 700_000_100.0,
            created: 700_000_000.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{file, named};
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Result<Cookie, String>> {
        let mut all = Vec::new();
        let _ = read(bytes, &mut |cookie| all.push(cookie));
        all
    }

    #[test]
    fn cookies_of_all_pages_are_read() {
        let bytes = file(&[&[named(".a.example", "x"), named("b.example", "y")], &[named("c.example", "")]]);
        let cookies: Vec<Cookie> = all(&bytes).into_iter().collect::<Result<_, _>>().unwrap();
        assert_eq!(cookies.len(), 3);
        let first = Cookie { offset: cookies[0].offset, ..named(".a.example", "x") };
        assert_eq!(cookies[0], first);
        assert!(first.is_secure() && first.is_http_only());
        assert_eq!(&bytes[cookies[2].offset as usize + 56..][..9], b"c.example");
    }

    #[test]
    fn broken_files_never_panic_and_keep_what_can_be_read() {
        let bytes = file(&[&[named(".a.example", "x")], &[named("c.example", "y")]]);
        assert!(read(b"bplist00", &mut |_| ()).is_err());
        let cut = all(&bytes[..bytes.len() - 60]);
        assert_eq!((cut.len(), cut[0].is_ok(), cut[1].is_ok()), (2, true, false));
        for len in 0..bytes.len() {
            all(&bytes[..len]);
        }
        for at in 0..bytes.len() {
            for bit in [1, 0x10, 0x80, 0xff] {
                let mut broken = bytes.clone();
                broken[at] ^= bit;
                all(&broken);
            }
        }
    }
}
