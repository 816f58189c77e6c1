//! Property lists from evidence, and the object graphs that `NSKeyedArchiver` folds into them.
//!
//! Both come out as plain `plist::Value` trees, within bounds on size, depth and count. What an object means is left to artifacts.

use anyhow::{Context, bail, ensure};
use plist::{Dictionary, Value};

use super::bplist;

/// The longest property list that is read, in bytes.
const MAX_LEN: usize = 64 << 20;
const MAX_DEPTH: usize = 64;
const MAX_XML_DEPTH: usize = 128;
const MAX_XML_ELEMENTS: usize = 2_000_000;
/// Objects of an archive after shared ones are repeated.
const MAX_OBJECTS: usize = 500_000;
/// Bytes of text and data of an archive, counted likewise.
const MAX_CONTENT: usize = 128 << 20;
const MAX_STRINGS: usize = 1_000_000;

/// Reads a binary or XML property list.
///
/// In a binary list, sets become arrays, null the text `$null`, an impossible date its seconds since 2001 as a number.
pub fn parse(bytes: &[u8]) -> anyhow::Result<Value> {
    ensure!(
        bytes.len() <= MAX_LEN,
        "property list is {} bytes long, over the limit of {MAX_LEN}",
        bytes.len()
    );
    if bytes.starts_with(b"bplist00") {
        return bplist::read(bytes).context("binary property list");
    }
    if bytes.starts_with(b"bplist1") {
        let version = String::from_utf8_lossy(bytes.get(..8).unwrap_or_default());
        bail!("`{version}` is another format than the binary property list and not supported");
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    ensure!(text.starts_with(b"<"), "is neither a binary nor an XML property list");
    // The `plist` crate builds and drops nested values by recursion and without a bound.
    check_nesting(text)?;
    Value::from_reader_xml(text).context("XML property list")
}

/// Refuses XML that is nested too deeply or has too many elements. Comments and the like may hold tags that are none.
fn check_nesting(mut text: &[u8]) -> anyhow::Result<()> {
    let (mut depth, mut elements) = (0usize, 0usize);
    while let Some(at) = memchr::memchr(b'<', text) {
        text = &text[at..];
        let end: &[u8] = match text {
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'<', b'!', b'[', ..] => b"]]>",
            [b'<', b'?', ..] => b"?>",
            _ => b">",
        };
        let Some(close) = memchr::memmem::find(text, end) else { break };
        let (tag, rest) = text.split_at(close + end.len());
        match tag {
            [b'<', b'!' | b'?', ..] => {}
            [b'<', b'/', ..] => depth = depth.saturating_sub(1),
            [.., b'/', b'>'] => elements += 1,
            _ => {
                depth += 1;
                elements += 1;
            }
        }
        ensure!(depth <= MAX_XML_DEPTH, "XML property list is nested more than {MAX_XML_DEPTH} levels deep");
        ensure!(elements <= MAX_XML_ELEMENTS, "XML property list has more than {MAX_XML_ELEMENTS} elements");
        text = rest;
    }
    Ok(())
}

/// True for the outer shape of an archive.
pub fn is_archive(value: &Value) -> bool {
    value.as_dictionary().is_some_and(|outer| outer.contains_key("$objects") && outer.contains_key("$top"))
}

/// The object graph of an archive as a plain tree: `$top.root`, or the only named top, or a dictionary of all tops.
///
/// Foundation's collections, strings, data, dates, URLs and UUIDs become their plain values; any other object a dictionary of its
/// fields with its class name under `$class`. A nil field is left out, a nil member is the text `$null`, and an object inside
/// itself the text `$cycle`.
pub fn unarchive(value: &Value) -> anyhow::Result<Value> {
    let outer = value.as_dictionary().context("is not a keyed archive")?;
    let objects = outer.get("$objects").and_then(Value::as_array).context("is not a keyed archive")?;
    let top = outer.get("$top").and_then(Value::as_dictionary).context("archive has no $top")?;
    let mut archive = Archive { objects, path: Vec::new(), left: MAX_OBJECTS, content: MAX_CONTENT };
    let root = match top.get("root") {
        Some(root) => Some(root),
        None if top.len() == 1 => top.values().next(),
        None => None,
    };
    match root {
        Some(root) => archive.value(root)?.context("archive has a nil root"),
        None => Ok(Value::Dictionary(archive.fields(top)?)),
    }
}

/// [`parse`], then [`unarchive`] where the list is an archive.
pub fn parse_unarchived(bytes: &[u8]) -> anyhow::Result<Value> {
    let value = parse(bytes)?;
    if is_archive(&value) { unarchive(&value) } else { Ok(value) }
}

struct Archive<'v> {
    objects: &'v [Value],
    /// The objects around the current one.
    path: Vec<u64>,
    left: usize,
    content: usize,
}

impl Archive<'_> {
    /// `None` for nil.
    fn value(&mut self, value: &Value) -> anyhow::Result<Option<Value>> {
        self.left = self.left.checked_sub(1).context("archive has too many objects")?;
        match value {
            Value::Uid(uid) => self.object(uid.get()),
            Value::String(text) if text == "$null" => Ok(None),
            Value::Array(items) => self.nested(|archive| archive.array(items)).map(Some),
            Value::Dictionary(fields) => self.nested(|archive| archive.instance(fields)),
            Value::String(text) => self.counted(text.len(), value),
            Value::Data(bytes) => self.counted(bytes.len(), value),
            plain => Ok(Some(plain.clone())),
        }
    }

    fn counted(&mut self, len: usize, value: &Value) -> anyhow::Result<Option<Value>> {
        self.content = self.content.checked_sub(len).context("archive holds too much when expanded")?;
        Ok(Some(value.clone()))
    }

    fn object(&mut self, index: u64) -> anyhow::Result<Option<Value>> {
        if index == 0 {
            return Ok(None);
        }
        if self.path.contains(&index) {
            return Ok(Some(Value::String("$cycle".into())));
        }
        let object = usize::try_from(index).ok().and_then(|index| self.objects.get(index));
        let object =
            object.with_context(|| format!("archive refers to object {index}, which is not there"))?;
        // Written by no archiver, and a way around the cycle guard's cost.
        ensure!(object.as_uid().is_none(), "archive object {index} is only a reference");
        self.within(index, |archive| archive.value(object))
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> anyhow::Result<T>) -> anyhow::Result<T> {
        // A container written in place has no index; 0 is nil and never on the path otherwise.
        self.within(0, read)
    }

    fn within<T>(
        &mut self,
        index: u64,
        read: impl FnOnce(&mut Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        // Each archived object takes two places, its reference and its content.
        ensure!(self.path.len() < 2 * MAX_DEPTH, "archive is nested more than {MAX_DEPTH} levels deep");
        self.path.push(index);
        let value = read(self)?;
        self.path.pop();
        Ok(value)
    }

    fn array(&mut self, items: &[Value]) -> anyhow::Result<Value> {
        let nil = || Value::String("$null".into());
        let items: anyhow::Result<_> =
            items.iter().map(|item| Ok(self.value(item)?.unwrap_or_else(nil))).collect();
        Ok(Value::Array(items?))
    }

    /// An archived object, told by its fields: subclasses and mutable variants share them.
    fn instance(&mut self, fields: &Dictionary) -> anyhow::Result<Option<Value>> {
        if let (Some(keys), Some(values)) = (array_of(fields, "NS.keys"), array_of(fields, "NS.objects")) {
            let mut dictionary = Dictionary::new();
            for (key, value) in keys.iter().zip(values) {
                let key = self.value(key)?.map_or_else(|| "$null".into(), bplist::key_text);
                if let Some(value) = self.value(value)? {
                    dictionary.insert(key, value);
                }
            }
            return Ok(Some(Value::Dictionary(dictionary)));
        }
        if let Some(items) = array_of(fields, "NS.objects") {
            return self.array(items).map(Some);
        }
        for name in ["NS.string", "NS.data", "NS.bytes"] {
            if let Some(value) = fields.get(name) {
                return self.value(value);
            }
        }
        if let Some(time) = fields.get("NS.time") {
            let seconds = time.as_real().or_else(|| time.as_signed_integer().map(|seconds| seconds as f64));
            return Ok(Some(seconds.map_or_else(|| time.clone(), bplist::date)));
        }
        if let Some(bytes) = fields.get("NS.uuidbytes").and_then(Value::as_data) {
            return Ok(Some(Value::String(uuid(bytes))));
        }
        if let Some(relative) = fields.get("NS.relative") {
            let relative = self.value(relative)?;
            let base = fields.get("NS.base").map(|base| self.value(base)).transpose()?.flatten();
            return Ok(joined(base, relative));
        }
        self.fields(fields).map(|fields| Some(Value::Dictionary(fields)))
    }

    fn fields(&mut self, fields: &Dictionary) -> anyhow::Result<Dictionary> {
        let mut plain = Dictionary::new();
        for (name, value) in fields {
            if name == "$class" {
                if let Some(class) = self.class_name(value) {
                    plain.insert(name.clone(), Value::String(class));
                }
            } else if let Some(value) = self.value(value)? {
                plain.insert(name.clone(), value);
            }
        }
        Ok(plain)
    }

    fn class_name(&self, class: &Value) -> Option<String> {
        let class = match class {
            Value::Uid(uid) => self.objects.get(usize::try_from(uid.get()).ok()?)?,
            other => other,
        };
        Some(class.as_dictionary()?.get("$classname")?.as_string()?.to_owned())
    }
}

fn array_of<'v>(fields: &'v Dictionary, name: &str) -> Option<&'v [Value]> {
    fields.get(name)?.as_array().map(Vec::as_slice)
}

fn uuid(bytes: &[u8]) -> String {
    let mut text = crate::record::hex(bytes).to_uppercase();
    if bytes.len() == 16 {
        for at in [20, 16, 12, 8] {
            text.insert(at, '-');
        }
    }
    text
}

/// A URL and the one it is relative to, as one text.
fn joined(base: Option<Value>, relative: Option<Value>) -> Option<Value> {
    let (Some(Value::String(base)), Some(Value::String(relative))) = (&base, &relative) else {
        return relative.or(base);
    };
    let joined = url::Url::parse(base).and_then(|base| base.join(relative));
    Some(Value::String(joined.map_or_else(|_| format!("{base}{relative}"), String::from)))
}

/// Every text in a property list, keys included, in its order; at most a million.
pub fn strings(value: &Value) -> Vec<&str> {
    enum Next<'v> {
        Key(&'v str),
        Value(&'v Value),
    }
    let mut found = Vec::new();
    let mut waiting = vec![Next::Value(value)];
    while let Some(next) = waiting.pop()
        && found.len() < MAX_STRINGS
    {
        match next {
            Next::Key(text) => found.push(text),
            Next::Value(Value::String(text)) => found.push(text),
            Next::Value(Value::Array(items)) => waiting.extend(items.iter().rev().map(Next::Value)),
            Next::Value(Value::Dictionary(fields)) => {
                let start = waiting.len();
                waiting.extend(fields.iter().flat_map(|(key, value)| [Next::Key(key), Next::Value(value)]));
                if let Some(added) = waiting.get_mut(start..) {
                    added.reverse();
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(xml: &str) -> Vec<u8> {
        let value = parse(format!("<plist>{xml}</plist>").as_bytes()).unwrap();
        let mut bytes = Vec::new();
        value.to_writer_binary(&mut bytes).unwrap();
        bytes
    }

    /// A list of objects, written byte by byte: `objects` one after the other, the first one on top.
    fn list(objects: &[&[u8]]) -> Vec<u8> {
        let mut bytes = b"bplist00".to_vec();
        let mut offsets = Vec::new();
        for object in objects {
            offsets.push(bytes.len() as u8);
            bytes.extend_from_slice(object);
        }
        let table = bytes.len() as u64;
        bytes.extend(offsets);
        bytes.extend([0, 0, 0, 0, 0, 0, 1, 1]);
        for number in [objects.len() as u64, 0, table] {
            bytes.extend(number.to_be_bytes());
        }
        bytes
    }

    fn uid(index: u64) -> Value {
        Value::Uid(plist::Uid::new(index))
    }

    fn fields(pairs: &[(&str, Value)]) -> Value {
        Value::Dictionary(pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    }

    fn archive(top: Value, objects: Vec<Value>) -> Value {
        let objects = [vec![Value::String("$null".into())], objects].concat();
        fields(&[("$top", top), ("$objects", Value::Array(objects))])
    }

    #[test]
    fn xml_and_binary_say_the_same() {
        let xml = "<dict><key>a</key><array><string>é</string><integer>-5</integer><true/></array>
                   <key>b</key><data>AAE=</data></dict>";
        let value =
            parse(format!("<?xml version=\"1.0\"?><!-- <dict> --><plist>{xml}</plist>").as_bytes()).unwrap();
        assert_eq!(parse(&binary(xml)).unwrap(), value);
        assert_eq!(strings(&value), ["a", "é", "b"]);
    }

    #[test]
    fn what_the_plist_crate_refuses_is_kept() {
        let nan = [&[0x33][..], &f64::NAN.to_be_bytes()].concat();
        let huge = [&[0x14][..], &[0x7f; 16]].concat();
        let bytes = list(&[
            &[0xc6, 1, 2, 3, 4, 5, 6],
            &nan,
            &huge,
            &[0x62, 0xd8, 0, 0, b'a'],
            &[0],
            &[0x10, 200],
            &[0xd1, 7, 5],
            &[0x42, b'k', b'y'],
        ]);
        let value = parse(&bytes).unwrap();
        let items = value.as_array().unwrap();
        assert!(items[0].as_real().unwrap().is_nan());
        assert_eq!(items[1].as_string(), Some(i128::from_be_bytes([0x7f; 16]).to_string().as_str()));
        assert_eq!(items[2].as_string(), Some("\u{fffd}a"));
        assert_eq!(items[3].as_string(), Some("$null"));
        assert_eq!(items[4].as_unsigned_integer(), Some(200));
        assert_eq!(items[5].as_dictionary().unwrap().keys().next().unwrap(), "ky");
    }

    #[test]
    fn lists_that_contain_themselves_or_explode_are_refused() {
        let error = format!("{:#}", parse(&list(&[&[0xa1, 0]])).unwrap_err());
        assert!(error.contains("contains itself"), "{error}");
        // Twenty levels of an array that holds the next one ten times.
        let levels: Vec<Vec<u8>> = (1..=20).map(|next| [&[0xaa][..], &[next; 10]].concat()).collect();
        let mut objects: Vec<&[u8]> = levels.iter().map(Vec::as_slice).collect();
        objects.push(&[0x09]);
        assert!(parse(&list(&objects)).is_err());
    }

    #[test]
    fn deep_xml_is_refused_before_it_is_built() {
        let deep = "<array>".repeat(100_000);
        assert!(parse(format!("<plist>{deep}").as_bytes()).unwrap_err().to_string().contains("nested"));
        let hidden = "<array><!-- </array> --><![CDATA[</array>]]>".repeat(100_000);
        assert!(parse(format!("<plist>{hidden}").as_bytes()).is_err());
    }

    #[test]
    fn other_formats_are_refused_in_words() {
        assert!(parse(b"bplist15xxxx").unwrap_err().to_string().contains("bplist15"));
        assert!(parse(b"{ a = b; }").unwrap_err().to_string().contains("neither"));
        assert!(parse(b"").is_err());
    }

    #[test]
    fn foundation_objects_become_plain_values() {
        let class = fields(&[("$classname", Value::String("MBFile".into()))]);
        let value = archive(
            fields(&[("root", uid(1))]),
            vec![
                fields(&[
                    ("Name", uid(2)),
                    ("Nothing", uid(0)),
                    ("Map", uid(4)),
                    ("When", uid(6)),
                    ("Link", uid(7)),
                    ("Id", fields(&[("NS.uuidbytes", Value::Data(vec![0xab; 16]))])),
                    ("$class", uid(3)),
                ]),
                fields(&[("NS.string", Value::String("n".into()))]),
                class,
                fields(&[
                    ("NS.keys", Value::Array(vec![uid(2)])),
                    ("NS.objects", Value::Array(vec![uid(5)])),
                ]),
                fields(&[("NS.objects", Value::Array(vec![uid(0), uid(2)]))]),
                fields(&[("NS.time", Value::Real(0.0))]),
                fields(&[("NS.base", uid(8)), ("NS.relative", Value::String("/b".into()))]),
                fields(&[("NS.base", uid(0)), ("NS.relative", Value::String("https://a.example/x".into()))]),
            ],
        );
        let plain = unarchive(&value).unwrap();
        let plain = plain.as_dictionary().unwrap();
        assert_eq!(plain["Name"].as_string(), Some("n"));
        assert!(!plain.contains_key("Nothing"));
        assert_eq!(strings(&plain["Map"]), ["n", "$null", "n"]);
        assert_eq!(plain["When"].as_date().unwrap().to_xml_format(), "2001-01-01T00:00:00Z");
        assert_eq!(plain["Link"].as_string(), Some("https://a.example/b"));
        assert_eq!(plain["Id"].as_string(), Some("ABABABAB-ABAB-ABAB-ABAB-ABABABABABAB"));
        assert_eq!(plain["$class"].as_string(), Some("MBFile"));
    }

    #[test]
    fn dates_at_the_ends_of_the_calendar_can_be_written() {
        for seconds in [-63_114_076_800.0, -0.5, 63_113_904_000.0, 252_423_993_599.0] {
            assert!(bplist::date(seconds).as_date().is_some_and(|date| date.to_xml_format().ends_with('Z')));
        }
        for seconds in [f64::NAN, f64::INFINITY, -63_114_076_801.0, 1e300] {
            assert!(bplist::date(seconds).as_real().is_some());
        }
    }

    #[test]
    fn a_named_top_stands_for_the_root() {
        let value = archive(fields(&[("0", uid(1))]), vec![Value::String("x".into())]);
        assert_eq!(unarchive(&value).unwrap().as_string(), Some("x"));
        let several = archive(fields(&[("a", uid(1)), ("b", uid(1))]), vec![Value::String("x".into())]);
        assert_eq!(strings(&unarchive(&several).unwrap()), ["a", "x", "b", "x"]);
    }

    #[test]
    fn hostile_archives_end() {
        let own = |index| fields(&[("NS.objects", Value::Array(vec![uid(index); 10]))]);
        let cycle = archive(fields(&[("root", uid(1))]), vec![own(1)]);
        assert_eq!(strings(&unarchive(&cycle).unwrap()), ["$cycle"; 10]);
        let exploding = archive(fields(&[("root", uid(1))]), (2..40).map(own).collect());
        assert!(unarchive(&exploding).is_err());
        let chain = |next| fields(&[("next", uid(next))]);
        let deep = archive(fields(&[("root", uid(1))]), (2..2000).map(chain).collect());
        assert!(unarchive(&deep).unwrap_err().to_string().contains("nested"));
        let dangling = archive(fields(&[("root", uid(9))]), vec![]);
        assert!(unarchive(&dangling).is_err());
    }

    #[test]
    fn broken_lists_do_not_panic() {
        let bytes = binary(
            "<dict><key>$top</key><dict><key>root</key><integer>1</integer></dict>
             <key>$objects</key><array><string>$null</string><date>2020-01-01T00:00:00Z</date><real>1.5</real>
             <data>AAECAw==</data><string>ünï</string></array></dict>",
        );
        for len in 0..bytes.len() {
            let _ = parse_unarchived(&bytes[..len]);
        }
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let _ = parse_unarchived(&bytes);
        }
        let xml = b"<plist><dict><key>a</key><array><date>2020-01-01T00:00:00Z</date></array></dict></plist>";
        for len in 0..xml.len() {
            let _ = parse(&xml[..len]);
            let mut xml = *xml;
            xml[len] ^= 0x14;
            let _ = parse(&xml);
        }
    }
}
