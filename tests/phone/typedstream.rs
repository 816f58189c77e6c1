//! Writes the `attributedBody` of a message: an attributed string in the typed stream form of the old NeXT archiver.

/// References count up from -110, so that small integers stay one byte.
const FIRST_REFERENCE: u8 = 0x92;
const NEW: u8 = 0x84;
const NIL: u8 = 0x85;
const END: u8 = 0x86;

/// The attributed string of a message of one part, whose link (if any) is an attribute of the part of the text that spells
/// it, or of the whole text if the text shows something else.
pub fn message(text: &str, link: Option<&str>) -> Vec<u8> {
    let mut stream = Stream::new();
    stream.object("NSAttributedString");
    stream.types("@");
    stream.string(text);
    let runs = runs(text, link);
    let mut seen = 0;
    for (units, linked) in runs {
        let set = if link.is_some() && linked { 2 } else { 1 };
        stream.types("iI");
        stream.integer(set.min(seen + 1));
        stream.integer(units);
        if set <= seen {
            continue;
        }
        seen += 1;
        stream.attributes(link.filter(|_| linked));
    }
    stream.bytes.push(END);
    stream.bytes
}

/// Run lengths in UTF-16 units, each with whether the link applies.
fn runs(text: &str, link: Option<&str>) -> Vec<(i64, bool)> {
    let units = |part: &str| part.encode_utf16().count() as i64;
    match link.map(|link| (link, text.split_once(link))) {
        None => vec![(units(text), false)],
        Some((_, None)) => vec![(units(text), true)],
        Some((link, Some((before, after)))) => {
            let all = [(units(before), false), (units(link), true), (units(after), false)];
            all.into_iter().filter(|(length, _)| *length > 0).collect()
        }
    }
}

struct Stream {
    bytes: Vec<u8>,
    strings: Vec<String>,
    /// Names of classes and C strings by their place in the table; instances hold an empty name.
    objects: Vec<String>,
}

impl Stream {
    fn new() -> Stream {
        let mut bytes = vec![4, 11];
        bytes.extend_from_slice(b"streamtyped");
        bytes.extend_from_slice(&[0x81, 0xe8, 0x03]);
        let mut stream = Stream { bytes, strings: Vec::new(), objects: Vec::new() };
        stream.types("@");
        stream
    }

    fn integer(&mut self, value: i64) {
        if let Ok(small) = i8::try_from(value)
            && small >= -110
        {
            self.bytes.push(small as u8);
        } else if let Ok(short) = i16::try_from(value) {
            self.bytes.push(0x81);
            self.bytes.extend_from_slice(&short.to_le_bytes());
        } else {
            self.bytes.push(0x82);
            self.bytes.extend_from_slice(&i32::try_from(value).expect("texts are short").to_le_bytes());
        }
    }

    fn reference(&mut self, index: usize) {
        self.bytes.push(FIRST_REFERENCE.wrapping_add(u8::try_from(index).expect("few objects")));
    }

    /// A string of the shared table: a type encoding or a class name.
    fn types(&mut self, name: &str) {
        if let Some(index) = self.strings.iter().position(|known| known == name) {
            return self.reference(index);
        }
        self.bytes.push(NEW);
        self.integer(name.len() as i64);
        self.bytes.extend_from_slice(name.as_bytes());
        self.strings.push(name.to_owned());
    }

    fn class(&mut self, name: &str) {
        if let Some(index) = self.objects.iter().position(|known| known == name) {
            return self.reference(index);
        }
        self.bytes.push(NEW);
        self.types(name);
        self.objects.push(name.to_owned());
        let (version, parent) = match name {
            "NSObject" => (0, None),
            "NSString" => (1, Some("NSObject")),
            "NSNumber" => (0, Some("NSValue")),
            _ => (0, Some("NSObject")),
        };
        self.integer(version);
        match parent {
            Some(parent) => self.class(parent),
            None => self.bytes.push(NIL),
        }
    }

    fn object(&mut self, class: &str) {
        self.bytes.push(NEW);
        self.objects.push(String::new());
        self.class(class);
    }

    fn string(&mut self, text: &str) {
        self.object("NSString");
        self.types("+");
        self.length(text.len());
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(END);
    }

    /// A length is unsigned where an integer is not: 200 takes two bytes in both, but 0x81 marks it as such.
    fn length(&mut self, length: usize) {
        self.integer(length as i64);
    }

    fn attributes(&mut self, link: Option<&str>) {
        self.types("@");
        self.object("NSDictionary");
        self.types("i");
        self.integer(if link.is_some() { 2 } else { 1 });
        if let Some(link) = link {
            self.types("@");
            self.string("__kIMLinkAttributeName");
            self.types("@");
            self.object("NSURL");
            self.types("c");
            self.integer(0);
            self.types("@");
            self.string(link);
            self.bytes.push(END);
        }
        self.types("@");
        self.string("__kIMMessagePartAttributeName");
        self.types("@");
        self.object("NSNumber");
        self.types("*");
        self.c_string("i");
        self.types("i");
        self.integer(0);
        self.bytes.push(END);
        self.bytes.push(END);
    }

    fn c_string(&mut self, text: &str) {
        let name = format!("*{text}");
        if let Some(index) = self.objects.iter().position(|known| *known == name) {
            return self.reference(index);
        }
        self.bytes.push(NEW);
        self.types(text);
        self.objects.push(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes Messages writes for `Hello`.
    const HELLO: &str = "040b73747265616d747970656481e803840140848484124e5341747472696275746564537472696e67008484084e534f\
        626a656374008592848484084e53537472696e67019484012b0548656c6c6f86840269490105928484840c4e53446963\
        74696f6e617279009484016901928496961d5f5f6b494d4d657373616765506172744174747269627574654e616d6586\
        92848484084e534e756d626572008484074e5356616c7565009484012a84999900868686";

    #[test]
    fn hello_gives_the_bytes_of_a_device() {
        let hex: String = message("Hello", None).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, HELLO);
    }

    #[test]
    fn a_link_splits_the_text_in_runs() {
        assert_eq!(
            runs("see https://a.example !", Some("https://a.example")),
            [(4, false), (17, true), (2, false)]
        );
        assert_eq!(runs("tap here", Some("https://a.example")), [(8, true)]);
    }
}
