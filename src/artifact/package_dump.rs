//! The packages in what `dumpsys package` writes, one after the other. Three artifacts take their part of each.

use std::collections::HashMap;

use anyhow::Result;

use super::android_text::{indent, is_foreign};
use crate::format::text::Lines;

/// A package as one of the two lists has it.
#[derive(Default)]
pub struct Package {
    /// The line on which it begins.
    pub line: u64,
    pub name: String,
    /// The version in the system image of an app that was updated since.
    pub hidden: bool,
    fields: HashMap<String, String>,
    pub requested: Vec<String>,
    pub permissions: Vec<Permission>,
    pub users: Vec<User>,
}

/// What a user of the phone has of the package.
pub struct User {
    pub line: u64,
    pub id: i64,
    fields: HashMap<String, String>,
}

pub struct Permission {
    pub line: u64,
    pub name: String,
    pub kind: PermissionKind,
    pub granted: Option<bool>,
    /// Flags, or what protects a declared permission.
    pub flags: String,
    /// Of permissions that users give.
    pub user: Option<i64>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum PermissionKind {
    Declared,
    Install,
    Runtime,
}

impl PermissionKind {
    pub fn name(self) -> &'static str {
        match self {
            PermissionKind::Declared => "declared",
            PermissionKind::Install => "install",
            PermissionKind::Runtime => "runtime",
        }
    }
}

/// Permissions, fields and users kept of one package; no real one has as many.
const ITEMS_MOST: usize = 10_000;

impl Package {
    /// What stands behind `name=`; the text `null` is kept.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        self.field(name)?.split_whitespace().next()?.parse().ok()
    }

    /// True if one of the package's lists of flags has this word.
    pub fn has_flag(&self, flag: &str) -> bool {
        ["flags", "pkgFlags", "privateFlags", "privatePkgFlags"]
            .iter()
            .filter_map(|name| self.field(name))
            .any(|flags| flags.split_whitespace().any(|word| word == flag))
    }
}

impl User {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.field(name)?.parse().ok()
    }
}

/// What the lines below a heading are.
#[derive(Clone, Copy, PartialEq)]
enum Section {
    Fields,
    Requested,
    Permissions(PermissionKind),
    /// Of Android 5 and before: names of permissions that were granted.
    Granted,
    /// Components and libraries, which look like permissions and are none.
    Other,
}

/// Hands over every package of both lists, in their order.
///
/// # Errors
/// When reading fails.
pub fn each(lines: &mut Lines<'_>, take: &mut dyn FnMut(&Package)) -> Result<()> {
    let mut part: Option<bool> = None;
    let mut reader = Reader { package: None, section: Section::Fields, user_indent: None };
    while let Some((number, line)) = lines.next()? {
        if line.trim().is_empty() || is_foreign(&line) {
            continue;
        }
        if indent(&line) == 0 {
            let heading = line.trim_end();
            if heading.ends_with(" overlay paths:") {
                continue;
            }
            reader.finish(take);
            part = match heading {
                "Packages:" => Some(false),
                "Hidden system packages:" => Some(true),
                _ => None,
            };
            continue;
        }
        let Some(hidden) = part else { continue };
        let text = line.trim();
        let begun = text.strip_prefix("Package [").and_then(|rest| rest.split_once(']'));
        if let Some((name, after)) = begun
            && after.trim_start().starts_with('(')
        {
            reader.finish(take);
            reader.package =
                Some(Package { line: number, name: name.to_owned(), hidden, ..Package::default() });
        } else {
            reader.line(number, indent(&line), text);
        }
    }
    reader.finish(take);
    Ok(())
}

struct Reader {
    package: Option<Package>,
    section: Section,
    /// How far the line of the open user is indented.
    user_indent: Option<usize>,
}

impl Reader {
    fn finish(&mut self, take: &mut dyn FnMut(&Package)) {
        if let Some(package) = self.package.take() {
            take(&package);
        }
        self.section = Section::Fields;
        self.user_indent = None;
    }

    fn line(&mut self, number: u64, indent: usize, text: &str) {
        let Some(package) = &mut self.package else { return };
        if let Some((id, rest)) = user(text) {
            self.section = Section::Fields;
            self.user_indent = Some(indent);
            if package.users.len() < ITEMS_MOST {
                let fields = pairs(rest).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                package.users.push(User { line: number, id, fields });
            }
            return;
        }
        if let Some(section) = heading(text) {
            self.section = section;
            return;
        }
        let in_user = self.user_indent.is_some_and(|user| indent > user);
        let user = if in_user { package.users.last().map(|user| user.id) } else { None };
        match self.section {
            Section::Requested if is_name(text.split(':').next().unwrap_or(text)) => {
                // Some carry `: restricted=true`.
                let name = text.split(':').next().unwrap_or(text);
                if package.requested.len() < ITEMS_MOST {
                    package.requested.push(name.to_owned());
                }
                return;
            }
            Section::Granted if is_name(text) => {
                let permission = Permission {
                    line: number,
                    name: text.to_owned(),
                    kind: PermissionKind::Install,
                    granted: Some(true),
                    flags: String::new(),
                    user: None,
                };
                return add(package, permission);
            }
            Section::Permissions(kind) => {
                if let Some(mut permission) = permission(kind, text) {
                    permission.line = number;
                    permission.user = user;
                    return add(package, permission);
                }
            }
            _ => {}
        }
        // Of all of them, one is written with a colon.
        let stated = match text.strip_prefix("lastDisabledCaller: ") {
            Some(caller) => Some(("lastDisabledCaller", caller)),
            None => text.split_once('=').filter(|(name, _)| is_key(name)),
        };
        let Some((name, value)) = stated else { return };
        let fields = match package.users.last_mut().filter(|_| in_user) {
            Some(user) => &mut user.fields,
            None => &mut package.fields,
        };
        if fields.len() >= ITEMS_MOST {
            return;
        }
        if name == "versionCode" {
            fields.extend(pairs(text).map(|(name, value)| (name.to_owned(), value.to_owned())));
        } else {
            // The first is the package's own; libraries and signing keys repeat words below.
            fields.entry(name.to_owned()).or_insert_with(|| value.trim().to_owned());
        }
    }
}

fn add(package: &mut Package, permission: Permission) {
    if package.permissions.len() < ITEMS_MOST {
        package.permissions.push(permission);
    }
}

/// `User 0: ceDataInode=1 installed=true …`
fn user(text: &str) -> Option<(i64, &str)> {
    let (id, rest) = text.strip_prefix("User ")?.split_once(':')?;
    Some((id.trim().parse().ok()?, rest))
}

fn heading(text: &str) -> Option<Section> {
    let heading = text.strip_suffix(':')?;
    Some(match heading {
        "declared permissions" => Section::Permissions(PermissionKind::Declared),
        "requested permissions" => Section::Requested,
        "install permissions" => Section::Permissions(PermissionKind::Install),
        "runtime permissions" => Section::Permissions(PermissionKind::Runtime),
        "grantedPermissions" => Section::Granted,
        _ => Section::Other,
    })
}

/// `name: granted=true, flags=[ A|B]`, of declared ones `name: prot=normal, INSTALLED`.
fn permission(kind: PermissionKind, text: &str) -> Option<Permission> {
    let (name, rest) = text.split_once(": ")?;
    let granted =
        rest.strip_prefix("granted=").map(|rest| rest.split(',').next().unwrap_or(rest).trim() == "true");
    let protection = rest.strip_prefix("prot=");
    if !is_name(name) || (granted.is_none() && protection.is_none()) {
        return None;
    }
    let flags = match (protection, rest.split_once("flags=[")) {
        (Some(protection), _) => protection.to_owned(),
        (None, Some((_, flags))) => flags.trim_end().trim_end_matches(']').trim().to_owned(),
        (None, None) => String::new(),
    };
    Some(Permission { line: 0, name: name.to_owned(), kind, granted, flags, user: None })
}

/// The words of a line that have the form `name=value`.
fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split_whitespace().filter_map(|word| word.split_once('='))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains([' ', '=', '/'])
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The dump that the tests of the artifacts share.
#[cfg(test)]
pub const EXAMPLE: &str = include_str!("package_dump.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disabled_components_are_no_permissions_and_both_lists_are_read() {
        let text = EXAMPLE.as_bytes().to_vec();
        let mut packages = Vec::new();
        each(&mut Lines::new(&text).unwrap(), &mut |package| {
            let permissions = package.permissions.iter().map(|one| (one.name.clone(), one.granted, one.user));
            packages.push((package.name.clone(), package.hidden, permissions.collect::<Vec<_>>()));
        })
        .unwrap();
        let magisk = vec![
            ("android.permission.INTERNET".to_owned(), Some(true), None),
            ("android.permission.CAMERA".to_owned(), Some(false), Some(0)),
        ];
        assert_eq!(
            packages,
            [
                ("com.topjohnwu.magisk".to_owned(), false, magisk),
                ("com.example.sys".to_owned(), true, Vec::new())
            ]
        );
    }
}
