//! The placeholders of the sources: `${name argument|argument}` becomes a number or, as `x'…'`, the bytes a device would hold.
//!
//! | placeholder | becomes |
//! |---|---|
//! | `${mac T}` `${mac_ns T}` | seconds, nanoseconds since 2001 |
//! | `${unix T}` `${unix_s T}` `${unix_ms T}` `${unix_us T}` | seconds (with, without fraction), milliseconds, microseconds since 1970 |
//! | `${webkit T}` | microseconds since 1601 |
//! | `${attributed TEXT}` `${attributed TEXT\|LINK}` | a message's attributed text |
//! | `${rich_link URL\|TITLE}` | a link preview |
//! | `${tab URL\|TITLE}` `${tab URL\|TITLE\|ORIGINAL}` | the history of a tab |
//! | `${tab_seen T}` `${tab_linked T}` | a tab's local attributes |
//! | `${shortcut URL}` `${shortcut_text TEXT}` | the actions of a shortcut |
//! | `${blob TEXT}` | the text as bytes |

use super::archive;
use super::times::Time;
use super::typedstream;

/// `text` with every placeholder replaced; panics on one it does not know.
pub fn expand(text: &str) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (placeholder, after) = after.split_once('}').expect("a placeholder ends with }");
        expanded.push_str(before);
        expanded.push_str(&value(placeholder));
        rest = after;
    }
    expanded.push_str(rest);
    expanded
}

fn value(placeholder: &str) -> String {
    let (name, arguments) = placeholder.split_once(' ').unwrap_or((placeholder, ""));
    let arguments: Vec<&str> = arguments.split('|').collect();
    let time = || Time::parse(arguments[0]);
    let second = arguments.get(1).copied();
    match name {
        "mac" => time().mac(),
        "mac_ns" => time().mac_nanos().to_string(),
        "unix" => time().unix(),
        "unix_s" => time().seconds.to_string(),
        "unix_ms" => (time().unix_micros() / 1_000).to_string(),
        "unix_us" => time().unix_micros().to_string(),
        "webkit" => time().webkit_micros().to_string(),
        "attributed" => literal(&typedstream::message(arguments[0], second)),
        "rich_link" => literal(&archive::rich_link(arguments[0], arguments[0], second.expect("a title"))),
        "tab" => {
            let original = arguments.get(2).copied().unwrap_or(arguments[0]);
            literal(&archive::tab_session(&[(arguments[0], original, second.expect("a title"))]))
        }
        "tab_seen" => literal(&archive::tab_attributes(&time().mac(), false)),
        "tab_linked" => literal(&archive::tab_attributes(&time().mac(), true)),
        "shortcut" => literal(&archive::shortcut(arguments[0])),
        "shortcut_text" => literal(&archive::shortcut_text(arguments[0])),
        "blob" => literal(arguments[0].as_bytes()),
        _ => panic!("unknown placeholder `{placeholder}`"),
    }
}

/// A BLOB literal of SQL.
pub fn literal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2 + 3);
    text.push_str("x'");
    for byte in bytes {
        text.push_str(&format!("{byte:02x}"));
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_numbers_and_literals() {
        assert_eq!(expand("(${mac_ns 2001-01-01T00:00:01Z}, ${blob ab})"), "(1000000000, x'6162')");
        assert_eq!(expand("nothing here"), "nothing here");
    }
}
