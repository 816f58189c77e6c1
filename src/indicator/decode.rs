//! Disguises of addresses in text, and how each is taken off: escapes of formats, and what people write so that nobody clicks.

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::Form;
use super::found::Cap;

/// A way of writing that hides a host from the tokeniser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disguise {
    Json,
    Html,
    QuotedPrintable,
    Percent,
    Defanged,
    /// Ideographic full stops, and characters without width.
    Dots,
}

/// In the order in which they are taken off: outer ones first.
const ORDER: [Disguise; 6] = [
    Disguise::Json,
    Disguise::Html,
    Disguise::QuotedPrintable,
    Disguise::Percent,
    Disguise::Defanged,
    Disguise::Dots,
];

/// Text that holds none of these needs no decoding.
const TRIGGERS: [(&str, Disguise); 46] = [
    ("\\/", Disguise::Json),
    ("\\u00", Disguise::Json),
    ("\\n", Disguise::Json),
    ("\\r", Disguise::Json),
    ("\\t", Disguise::Json),
    ("&#", Disguise::Html),
    ("&period;", Disguise::Html),
    ("&sol;", Disguise::Html),
    ("&colon;", Disguise::Html),
    ("&commat;", Disguise::Html),
    ("&shy;", Disguise::Html),
    ("&lt;", Disguise::Html),
    ("&gt;", Disguise::Html),
    ("&quot;", Disguise::Html),
    ("=2e", Disguise::QuotedPrintable),
    ("=2f", Disguise::QuotedPrintable),
    ("=3a", Disguise::QuotedPrintable),
    ("=40", Disguise::QuotedPrintable),
    ("=\n", Disguise::QuotedPrintable),
    ("=\r\n", Disguise::QuotedPrintable),
    ("%2e", Disguise::Percent),
    ("%2f", Disguise::Percent),
    ("%3a", Disguise::Percent),
    ("%40", Disguise::Percent),
    ("hxxp", Disguise::Defanged),
    ("[.]", Disguise::Defanged),
    ("[.", Disguise::Defanged),
    (".]", Disguise::Defanged),
    ("(.)", Disguise::Defanged),
    ("{.}", Disguise::Defanged),
    ("[dot]", Disguise::Defanged),
    ("(dot)", Disguise::Defanged),
    ("{dot}", Disguise::Defanged),
    (" dot ", Disguise::Defanged),
    ("[:", Disguise::Defanged),
    ("[@]", Disguise::Defanged),
    ("[at]", Disguise::Defanged),
    ("(at)", Disguise::Defanged),
    ("[/]", Disguise::Defanged),
    ("\u{3002}", Disguise::Dots),
    ("\u{ff0e}", Disguise::Dots),
    ("\u{ff61}", Disguise::Dots),
    ("\u{200b}", Disguise::Dots),
    ("\u{2060}", Disguise::Dots),
    ("\u{feff}", Disguise::Dots),
    ("\u{ad}", Disguise::Dots),
];

/// Replacements for defanged writing, compared without regard to case.
const FANGS: [(&str, &str); 16] = [
    ("hxxp", "http"),
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("[dot]", "."),
    ("(dot)", "."),
    ("{dot}", "."),
    ("[://]", "://"),
    ("[:]", ":"),
    ("[@]", "@"),
    ("[at]", "@"),
    ("(at)", "@"),
    ("[/]", "/"),
    // Half a pair is common where only one bracket was typed.
    ("[.", "."),
    (".]", "."),
    ("[:", ":"),
];

impl Disguise {
    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// What a host found behind it may still claim. An escape of the format says nothing about the writer.
    pub fn cap(self) -> Cap {
        match self {
            Disguise::Json | Disguise::Dots => Cap::NONE,
            Disguise::Html => Cap::medium(Form::HtmlEntity),
            Disguise::QuotedPrintable => Cap::medium(Form::QuotedPrintable),
            Disguise::Percent => Cap::medium(Form::Nested),
            Disguise::Defanged => Cap::medium(Form::Defanged),
        }
    }

    fn take_off(self, text: &str) -> String {
        match self {
            Disguise::Json => rewrite(text, json),
            Disguise::Html => rewrite(text, html),
            Disguise::QuotedPrintable => rewrite(text, quoted_printable),
            Disguise::Percent => percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned(),
            Disguise::Defanged => refanged(text),
            Disguise::Dots => rewrite(text, dots),
        }
    }
}

/// Finds out whether text needs decoding at all.
pub(super) struct Decoder {
    triggers: AhoCorasick,
}

impl Decoder {
    pub fn new() -> Decoder {
        let triggers = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(TRIGGERS.map(|(trigger, _)| trigger))
            .expect("a few short words make a small automaton");
        Decoder { triggers }
    }

    /// True where [`Decoder::each`] may have something to say.
    pub fn is_needed(&self, text: &str) -> bool {
        self.triggers.is_match(text)
    }

    /// Calls `each` with the text after every disguise taken off, and the disguise. The text itself is not among them.
    pub fn each(&self, text: &str, leave: &[Disguise], mut each: impl FnMut(&str, Disguise)) {
        if !self.is_needed(text) {
            return;
        }
        let mut present = 0_u8;
        for trigger in self.triggers.find_overlapping_iter(text) {
            if let Some((_, disguise)) = TRIGGERS.get(trigger.pattern().as_usize()) {
                present |= disguise.bit();
            }
        }
        let mut current = text.to_owned();
        for disguise in ORDER {
            if present & disguise.bit() != 0 && !leave.contains(&disguise) {
                let decoded = disguise.take_off(&current);
                if decoded != current {
                    each(&decoded, disguise);
                    current = decoded;
                }
            }
        }
    }
}

/// What to write for an escape, and how many bytes the escape has.
type Unescaped = Option<(Option<char>, usize)>;

/// Applies `step` at every character; where it finds no escape, the character stays.
fn rewrite(text: &str, step: fn(&str) -> Unescaped) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let used = match step(rest) {
            Some((character, used)) => {
                result.extend(character);
                used.max(1)
            }
            None => {
                result.push(first);
                first.len_utf8()
            }
        };
        rest = rest.get(used..).unwrap_or("");
    }
    result
}

fn hex_char(digits: Option<&str>) -> Option<char> {
    let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

fn json(text: &str) -> Unescaped {
    let escape = text.strip_prefix('\\')?;
    match escape.chars().next()? {
        '/' => Some((Some('/'), 2)),
        '"' => Some((Some('"'), 2)),
        '\\' => Some((Some('\\'), 2)),
        'n' | 'r' | 't' => Some((Some(' '), 2)),
        'u' => hex_char(escape.get(1..5)).map(|character| (Some(character), 6)),
        _ => None,
    }
}

fn html(text: &str) -> Unescaped {
    const NAMED: [(&str, char); 9] = [
        ("&period;", '.'),
        ("&sol;", '/'),
        ("&colon;", ':'),
        ("&commat;", '@'),
        ("&shy;", '\u{ad}'),
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&quot;", '"'),
        ("&amp;", '&'),
    ];
    let rest = text.strip_prefix('&')?;
    let Some(number) = rest.strip_prefix('#') else {
        return NAMED
            .iter()
            .find(|(name, _)| text.starts_with(name))
            .map(|(name, character)| (Some(*character), name.len()));
    };
    let (digits, radix, mark) = match number.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16, 3),
        None => (number, 10, 2),
    };
    let count = digits.bytes().take(8).take_while(|byte| char::from(*byte).is_digit(radix)).count();
    let character = char::from_u32(u32::from_str_radix(digits.get(..count)?, radix).ok()?)?;
    let semicolon = usize::from(digits.get(count..)?.starts_with(';'));
    Some((Some(character), mark + count + semicolon))
}

fn quoted_printable(text: &str) -> Unescaped {
    let rest = text.strip_prefix('=')?;
    if rest.starts_with("\r\n") {
        return Some((None, 3));
    }
    if rest.starts_with('\n') {
        return Some((None, 2));
    }
    hex_char(rest.get(..2)).filter(char::is_ascii).map(|character| (Some(character), 3))
}

fn dots(text: &str) -> Unescaped {
    let first = text.chars().next()?;
    match first {
        '\u{3002}' | '\u{ff0e}' | '\u{ff61}' => Some((Some('.'), first.len_utf8())),
        '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{ad}' => Some((None, first.len_utf8())),
        _ => None,
    }
}

fn refanged(text: &str) -> String {
    let starts =
        |rest: &str, word: &str| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let used = if let Some((from, to)) = FANGS.iter().find(|(from, _)| starts(rest, from)) {
            result.push_str(to);
            from.len()
        } else if starts(rest, " dot ") && between_names(&result, rest) {
            result.push('.');
            5
        } else {
            result.push(first);
            first.len_utf8()
        };
        rest = rest.get(used..).unwrap_or("");
    }
    result
}

/// `example dot com`, not `a dot, a line`.
fn between_names(before: &str, rest: &str) -> bool {
    before.ends_with(|c: char| c.is_alphanumeric())
        && rest.get(5..).is_some_and(|after| after.starts_with(|c: char| c.is_alphanumeric()))
}
