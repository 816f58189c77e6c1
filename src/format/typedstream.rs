//! `typedstream`, the archive of `NSArchiver`: the styled text of messages (`attributedBody`), with the true targets of its links.
//!
//! Read into a flat list of objects; only attributed strings are understood, anything else is left alone.

use anyhow::{Context, bail, ensure};

const MAX_LEN: usize = 16 << 20;
const MAX_DEPTH: usize = 64;
const MAX_ITEMS: usize = 100_000;
/// Links, and likewise attachments, of one text.
const MAX_TARGETS: usize = 1000;
/// References count upwards from this value (byte 0x92).
const FIRST_REFERENCE: i64 = -110;

const NEW: u8 = 0x84;
const NIL: u8 = 0x85;
const END: u8 = 0x86;

/// The text of an attributed string, and what its attributes carry beyond it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributed {
    /// U+FFFC stands for an attachment, U+FFFD for an app's balloon.
    pub text: String,
    /// Where links lead, whatever the text shows.
    pub links: Vec<String>,
    /// Ids of the transferred files, as in the column `guid` of `attachment`.
    pub attachments: Vec<String>,
    /// Why not everything could be read; what came before is here.
    pub incomplete: Option<String>,
}

/// Decodes an archived attributed string. Where its structure breaks off, the text is searched for instead.
///
/// `Err`: not a typedstream, or no text in it.
pub fn decode(bytes: &[u8]) -> anyhow::Result<Attributed> {
    ensure!(bytes.len() <= MAX_LEN, "typedstream is {} bytes long, over the limit of {MAX_LEN}", bytes.len());
    let big_endian = match bytes.get(..13) {
        Some(b"\x04\x0bstreamtyped") => false,
        Some(b"\x04\x0btypedstream") => true,
        _ => bail!("is not a typedstream"),
    };
    let mut reader = Reader {
        rest: bytes.get(13..).unwrap_or_default(),
        big_endian,
        strings: Vec::new(),
        objects: Vec::new(),
        depth: 0,
        left: MAX_ITEMS,
    };
    let outcome = reader.stream();
    let incomplete = outcome
        .err()
        .map(|error| format!("{error:#} at offset {}", bytes.len().saturating_sub(reader.rest.len())));
    let objects = reader.objects;
    let (links, attachments) = attributes(&objects);
    let root = objects.iter().position(|object| matches!(object, Object::Instance { .. }));
    let text = root.and_then(|root| text_of(&objects, root, 0));
    let text = match text {
        Some(text) => text,
        None => search(bytes, big_endian).context(match &incomplete {
            Some(reason) => format!("typedstream holds no text ({reason})"),
            None => "typedstream holds no text".into(),
        })?,
    };
    Ok(Attributed { text, links, attachments, incomplete })
}

/// What a value of a group can be.
#[derive(Clone, Debug)]
enum Item<'b> {
    Number,
    Bytes(&'b [u8]),
    Object(usize),
    Nil,
}

/// What a reference into the table of objects can name.
#[derive(Debug)]
enum Object<'b> {
    Class(&'b [u8]),
    Text,
    Instance { class: Option<usize>, items: Vec<Item<'b>> },
}

struct Reader<'b> {
    rest: &'b [u8],
    big_endian: bool,
    /// Type encodings and class names.
    strings: Vec<&'b [u8]>,
    /// Objects, classes and C strings, in one table of their own.
    objects: Vec<Object<'b>>,
    depth: usize,
    left: usize,
}

impl<'b> Reader<'b> {
    fn stream(&mut self) -> anyhow::Result<()> {
        self.integer().context("system version")?;
        while !self.rest.is_empty() {
            self.group()?;
        }
        Ok(())
    }

    fn take(&mut self, len: usize) -> anyhow::Result<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len).context("ends early")?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> anyhow::Result<u8> {
        let (byte, rest) = self.rest.split_first().context("ends early")?;
        self.rest = rest;
        Ok(*byte)
    }

    fn integer(&mut self) -> anyhow::Result<i64> {
        let head = self.byte()?;
        self.integer_after(head)
    }

    fn integer_after(&mut self, head: u8) -> anyhow::Result<i64> {
        match head {
            0x81 => {
                let bytes = self.take(2)?.first_chunk().copied().unwrap_or_default();
                Ok(if self.big_endian { i16::from_be_bytes(bytes) } else { i16::from_le_bytes(bytes) }.into())
            }
            0x82 => {
                let bytes = self.take(4)?.first_chunk().copied().unwrap_or_default();
                Ok(if self.big_endian { i32::from_be_bytes(bytes) } else { i32::from_le_bytes(bytes) }.into())
            }
            0x83 | NEW | NIL | END => bail!("{head:#04x} where an integer should be"),
            byte => Ok((byte as i8).into()),
        }
    }

    /// A length: the same encoding, without sign.
    fn length(&mut self) -> anyhow::Result<usize> {
        let wide = self.rest.first().copied();
        let value = self.integer()?;
        Ok(match wide {
            Some(0x81) => usize::from(value as u16),
            Some(0x82) => value as u32 as usize,
            _ => usize::from(value as u8),
        })
    }

    fn real(&mut self, len: usize) -> anyhow::Result<()> {
        match self.byte()? {
            0x83 => self.take(len).map(drop),
            head => self.integer_after(head).map(drop),
        }
    }

    fn reference(&mut self, head: u8, table_len: usize) -> anyhow::Result<usize> {
        let index = self.integer_after(head)? - FIRST_REFERENCE;
        usize::try_from(index)
            .ok()
            .filter(|index| *index < table_len)
            .with_context(|| format!("refers to entry {index} of {table_len}"))
    }

    fn shared_string(&mut self) -> anyhow::Result<Option<&'b [u8]>> {
        match self.byte()? {
            NIL => Ok(None),
            NEW => {
                let len = self.length()?;
                let string = self.take(len)?;
                self.strings.push(string);
                Ok(Some(string))
            }
            head => {
                let index = self.reference(head, self.strings.len())?;
                Ok(self.strings.get(index).copied())
            }
        }
    }

    fn group(&mut self) -> anyhow::Result<Vec<Item<'b>>> {
        let mut types = self.shared_string()?.context("group without types")?;
        let mut items = Vec::new();
        while !types.is_empty() {
            types = self.item(types, &mut items)?;
        }
        Ok(items)
    }

    /// Reads the value of the first type; returns the types after it.
    fn item<'t>(&mut self, types: &'t [u8], items: &mut Vec<Item<'b>>) -> anyhow::Result<&'t [u8]> {
        self.left = self.left.checked_sub(1).context("has too many values")?;
        let (code, rest) = types.split_first().context("types end early")?;
        items.push(match code {
            b'@' => self.object()?.map_or(Item::Nil, Item::Object),
            b'#' => self.class()?.map_or(Item::Nil, Item::Object),
            b'*' => self.c_string()?.map_or(Item::Nil, Item::Object),
            b':' | b'%' => self.shared_string()?.map_or(Item::Nil, Item::Bytes),
            b'+' => {
                let len = self.length()?;
                Item::Bytes(self.take(len)?)
            }
            // Characters and booleans are written as they are: every byte value is possible.
            b'c' | b'C' | b'B' => self.byte().map(|_| Item::Number)?,
            b's' | b'S' | b'i' | b'I' | b'l' | b'L' | b'q' | b'Q' => self.integer().map(|_| Item::Number)?,
            b'f' => self.real(4).map(|()| Item::Number)?,
            b'd' => self.real(8).map(|()| Item::Number)?,
            b'[' => return self.fixed_array(rest, items),
            b'{' => return self.structure(rest, items),
            other => bail!("unknown type `{}`", char::from(*other).escape_default()),
        });
        Ok(rest)
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> anyhow::Result<T>) -> anyhow::Result<T> {
        ensure!(self.depth < MAX_DEPTH, "is nested more than {MAX_DEPTH} levels deep");
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// `[<n>c]`: n values of one type.
    fn fixed_array<'t>(&mut self, types: &'t [u8], items: &mut Vec<Item<'b>>) -> anyhow::Result<&'t [u8]> {
        let digits = types.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (count, element) = types.split_at(digits);
        let count: usize = std::str::from_utf8(count)?.parse().context("array without length")?;
        if let [b'c' | b'C', b']', rest @ ..] = element {
            items.push(Item::Bytes(self.take(count)?));
            return Ok(rest);
        }
        ensure!(count > 0, "array without elements");
        let mut rest = element;
        for _ in 0..count {
            rest = self.deeper(|reader| reader.item(element, items))?;
        }
        rest.strip_prefix(b"]").context("array type is not closed")
    }

    /// `{name=…}`: its fields one after the other.
    fn structure<'t>(&mut self, types: &'t [u8], items: &mut Vec<Item<'b>>) -> anyhow::Result<&'t [u8]> {
        let fields = types.iter().position(|byte| *byte == b'=').context("structure without fields")?;
        let mut rest = types.get(fields + 1..).unwrap_or_default();
        while !rest.starts_with(b"}") {
            rest = self.deeper(|reader| reader.item(rest, items))?;
        }
        Ok(rest.get(1..).unwrap_or_default())
    }

    fn object(&mut self) -> anyhow::Result<Option<usize>> {
        match self.byte()? {
            NIL => Ok(None),
            NEW => self.deeper(Self::new_object).map(Some),
            head => self.reference(head, self.objects.len()).map(Some),
        }
    }

    fn new_object(&mut self) -> anyhow::Result<usize> {
        // The object takes its place before its class does.
        let index = self.objects.len();
        self.objects.push(Object::Instance { class: None, items: Vec::new() });
        let its_class = self.class()?;
        if let Some(Object::Instance { class, .. }) = self.objects.get_mut(index) {
            *class = its_class;
        }
        while self.rest.first() != Some(&END) {
            let group = self.group()?;
            if let Some(Object::Instance { items, .. }) = self.objects.get_mut(index) {
                items.extend(group);
            }
        }
        self.byte()?;
        Ok(index)
    }

    fn class(&mut self) -> anyhow::Result<Option<usize>> {
        match self.byte()? {
            NIL => Ok(None),
            NEW => {
                let name = self.shared_string()?.context("class without name")?;
                let index = self.objects.len();
                self.objects.push(Object::Class(name));
                self.integer().context("class version")?;
                self.deeper(Self::class)?;
                Ok(Some(index))
            }
            head => self.reference(head, self.objects.len()).map(Some),
        }
    }

    fn c_string(&mut self) -> anyhow::Result<Option<usize>> {
        match self.byte()? {
            NIL => Ok(None),
            NEW => {
                self.shared_string()?;
                self.objects.push(Object::Text);
                Ok(Some(self.objects.len() - 1))
            }
            head => self.reference(head, self.objects.len()).map(Some),
        }
    }
}

fn class_name<'b>(objects: &[Object<'b>], class: Option<usize>) -> &'b [u8] {
    match class.and_then(|class| objects.get(class)) {
        Some(Object::Class(name)) => name,
        _ => b"",
    }
}

/// The text of a string, or of the first string inside the object (attributed strings, URLs).
fn text_of(objects: &[Object<'_>], index: usize, depth: usize) -> Option<String> {
    let Object::Instance { class, items } = objects.get(index)? else { return None };
    if let (b"NSString" | b"NSMutableString", Some(Item::Bytes(bytes))) =
        (class_name(objects, *class), items.first())
    {
        return Some(String::from_utf8_lossy(bytes).into_owned());
    }
    if depth >= 4 {
        return None;
    }
    // A relative URL holds its base first; both together are the target.
    let mut parts = items.iter().take(4).filter_map(|item| match item {
        Item::Object(inner) => text_of(objects, *inner, depth + 1),
        _ => None,
    });
    let first = parts.next()?;
    if class_name(objects, *class) == b"NSURL"
        && let Some(relative) = parts.next()
    {
        let joined = url::Url::parse(&first).and_then(|base| base.join(&relative));
        return Some(joined.map_or_else(|_| format!("{first}{relative}"), String::from));
    }
    Some(first)
}

/// Links and attachments from every attribute dictionary, each once, in their order.
fn attributes(objects: &[Object<'_>]) -> (Vec<String>, Vec<String>) {
    let (mut links, mut attachments) = (Vec::new(), Vec::new());
    for object in objects {
        let Object::Instance { class, items } = object else { continue };
        if !matches!(class_name(objects, *class), b"NSDictionary" | b"NSMutableDictionary") {
            continue;
        }
        // The count comes first, then key and value in turn.
        let (pairs, _) = items.get(1..).unwrap_or_default().as_chunks::<2>();
        for pair in pairs {
            let [Item::Object(key), Item::Object(value)] = pair else { continue };
            let list = match text_of(objects, *key, 4).as_deref() {
                Some("__kIMLinkAttributeName") => &mut links,
                Some("__kIMFileTransferGUIDAttributeName") => &mut attachments,
                _ => continue,
            };
            if let Some(text) = text_of(objects, *value, 0)
                && list.len() < MAX_TARGETS
                && !list.contains(&text)
            {
                list.push(text);
            }
        }
    }
    (links, attachments)
}

/// The text after the name of the string class, for archives whose structure is broken.
fn search(bytes: &[u8], big_endian: bool) -> Option<String> {
    let name = [&b"NSString"[..], b"NSMutableString"]
        .into_iter()
        .filter_map(|name| Some(memchr::memmem::find(bytes, name)? + name.len()))
        .min()?;
    let rest = bytes.get(name..)?;
    let rest = rest.get(memchr::memchr(b'+', rest)? + 1..)?;
    let mut reader = Reader { rest, big_endian, strings: Vec::new(), objects: Vec::new(), depth: 0, left: 1 };
    let len = reader.length().ok()?;
    // A text that was cut off is still worth its beginning.
    let text = reader.rest.get(..len.min(reader.rest.len()))?;
    (!text.is_empty()).then(|| String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::unhex;

    fn hello() -> Vec<u8> {
        unhex(
            "040b73747265616d747970656481e803840140848484124e5341747472696275746564537472696e67008484084e534f\
             626a656374008592848484084e53537472696e67019484012b0548656c6c6f86840269490105928484840c4e53446963\
             74696f6e617279009484016901928496961d5f5f6b494d4d657373616765506172744174747269627574654e616d6586\
             92848484084e534e756d626572008484074e5356616c7565009484012a84999900868686",
        )
        .unwrap()
    }

    fn length(len: usize) -> Vec<u8> {
        match len {
            0..0x80 => vec![len as u8],
            _ => [&[0x81][..], &(len as u16).to_le_bytes()].concat(),
        }
    }

    /// `hello` with another text and more attributes: `extra` are groups of keys and values, as bytes.
    fn message(text: &str, count: u8, extra: &[u8]) -> Vec<u8> {
        let hello = hello();
        let at = memchr::memmem::find(&hello, b"\x05Hello").unwrap();
        let end = hello.len() - 2;
        let mut bytes =
            [&hello[..at], &length(text.len()), text.as_bytes(), &hello[at + 6..end], extra, &hello[end..]]
                .concat();
        let dictionary = memchr::memmem::find(&bytes, b"\x84\x01i\x01").unwrap();
        bytes[dictionary + 3] = count;
        bytes
    }

    /// The group `@` with a new `NSString`.
    fn string(text: &str) -> Vec<u8> {
        [&[0x92, 0x84, 0x96, 0x96][..], &length(text.len()), text.as_bytes(), &[0x86]].concat()
    }

    #[test]
    fn a_message_as_the_phone_writes_it() {
        let decoded = decode(&hello()).unwrap();
        assert_eq!(decoded, Attributed { text: "Hello".into(), ..Attributed::default() });
    }

    #[test]
    fn long_and_non_ascii_text_is_whole() {
        for text in [
            "",
            "👩‍💻 ünï\u{fffc}",
            &"long 🙂 ".repeat(40),
            &"x".repeat(127),
            &"x".repeat(128),
            &"é".repeat(20000),
        ] {
            let decoded = decode(&message(text, 1, &[])).unwrap();
            assert_eq!((decoded.text.as_str(), decoded.incomplete), (text, None));
        }
    }

    #[test]
    fn links_and_attachments_come_from_the_attributes() {
        // A new object of a new class NSURL: group `c` with 0, then the text.
        let url = [
            &b"\x92\x84\x84\x84\x05NSURL\x00\x94\x84\x01c\x00"[..],
            &string("https://evil.example/x"),
            &[0x86],
        ]
        .concat();
        let extra = [
            string("__kIMLinkAttributeName"),
            url,
            string("__kIMFileTransferGUIDAttributeName"),
            string("at_0_1234"),
        ]
        .concat();
        let decoded = decode(&message("click here", 3, &extra)).unwrap();
        assert_eq!(decoded.incomplete, None);
        assert_eq!(decoded.text, "click here");
        assert_eq!(decoded.links, ["https://evil.example/x"]);
        assert_eq!(decoded.attachments, ["at_0_1234"]);
    }

    #[test]
    fn broken_structure_still_gives_the_text() {
        let bytes = message(&"long ".repeat(100), 1, &[]);
        let cut = decode(&bytes[..bytes.len() - 30]).unwrap();
        assert_eq!(cut.text, "long ".repeat(100));
        assert!(cut.incomplete.unwrap().contains("ends early"));
        let mut unknown = hello();
        let class = memchr::memmem::find(&unknown, b"NSObject").unwrap();
        unknown[class - 1] = 0x7f;
        let unknown = decode(&unknown).unwrap();
        assert_eq!(unknown.text, "Hello");
        assert!(unknown.incomplete.is_some());
    }

    #[test]
    fn what_is_no_typedstream_is_refused() {
        assert!(decode(b"").is_err());
        assert!(decode(b"bplist00").is_err());
        assert!(decode(b"\x04\x0bstreamtyped\x81\xe8\x03").is_err());
    }

    #[test]
    fn hostile_streams_end() {
        let deep =
            [&b"\x04\x0bstreamtyped\x81\xe8\x03\x84\x01@"[..], &[0x84, 0x85, 0x92].repeat(100_000)].concat();
        assert!(decode(&deep).is_err());
        let types = b"\x04\x0bstreamtyped\x81\xe8\x03\x84\x1e[4000000000{a=[4000000000{b=}]}]";
        assert!(decode(types).is_err());
    }

    #[test]
    fn broken_streams_do_not_panic() {
        let bytes = hello();
        for len in 0..bytes.len() {
            let _ = decode(&bytes[..len]);
        }
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let _ = decode(&bytes);
        }
    }
}
