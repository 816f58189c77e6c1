//! The tables in what `dumpsys package` writes that tell which component of which app answers to what.

use anyhow::Result;

use super::Out;
use super::android_text::{indent, is_foreign, package_of};
use crate::format::text::Lines;
use crate::record::{Column, Place, Value, app_id, int, text};

/// What the artifacts of all tables have.
pub const COLUMNS: &[Column] =
    &[text("resolver_type"), text("key"), app_id("package_name"), text("component"), int("filter_count")];

/// Pushes the entries of the table with this heading.
///
/// # Errors
/// When reading fails.
pub fn parse(heading: &str, lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut inside = false;
    let (mut category, mut key): (Option<&str>, Option<String>) = (None, None);
    while let Some((number, line)) = lines.next()? {
        if line.trim().is_empty() || is_foreign(&line) {
            continue;
        }
        let text = line.trim();
        if indent(&line) == 0 {
            inside = text == heading;
            (category, key) = (None, None);
            continue;
        }
        if !inside {
            continue;
        }
        if let Some(known) = text.strip_suffix(':').and_then(category_of) {
            (category, key) = (Some(known), None);
        } else if let (Some(category), Some(key), Some(entry)) = (category, key.as_deref(), entry(text)) {
            let (component, count) = entry;
            let values: [Value<'_>; 5] =
                [category.into(), key.into(), package_of(component).into(), component.into(), count.into()];
            out.push(Place::Line { line: number }, values);
        } else if let Some(name) = text.strip_suffix(':').filter(|name| !name.is_empty()) {
            key = Some(name.to_owned());
        }
    }
    Ok(())
}

fn category_of(heading: &str) -> Option<&'static str> {
    Some(match heading {
        "Full MIME Types" => "full_mime_type",
        "Base MIME Types" => "base_mime_type",
        "Wild MIME Types" => "wild_mime_type",
        "Schemes" => "scheme",
        "Non-Data Actions" => "non_data_action",
        "MIME Typed Actions" => "mime_typed_action",
        _ => return None,
    })
}

/// `1a2b3c com.example/.Name (2 filters)`: the component, and for how many filters it stands.
fn entry(text: &str) -> Option<(&str, i64)> {
    let (id, rest) = text.split_once(' ')?;
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let component = rest.split_whitespace().next()?;
    let count = rest.split_once('(').and_then(|(_, count)| count.split_whitespace().next()?.parse().ok());
    component.contains('/').then(|| (component, count.unwrap_or(1)))
}
