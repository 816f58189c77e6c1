//! A full filesystem dump, in any container: every name becomes an absolute path on the device.

use std::{io, sync::Arc};

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::{
    Detail, Device, FileKind, Source, SourceError, VirtualFile,
    container::{COPY, Container, Member, below, is_litter, join},
    device,
};
use crate::format::ReadAt;

/// A folder of the container that is a place on the device.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Root {
    folder: String,
    kind: RootKind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum RootKind {
    /// `/`, with `private/var` or `var` inside.
    Device,
    /// `/private/var`, with `mobile` and `containers` inside.
    Data,
}

/// Tells whether `folder` is the root of a device, or of its data volume.
pub(super) fn root(container: &dyn Container, folder: &str) -> Option<Root> {
    let has = |name: &str| container.is_directory(&join(folder, name));
    let kind = if has("private/var/mobile") || has("var/mobile") {
        RootKind::Device
    } else if has("mobile") && (has("containers") || has("db") || has("mobile/Library")) {
        RootKind::Data
    } else {
        return None;
    };
    Some(Root { folder: folder.into(), kind })
}

impl Root {
    fn device_path(&self, relative: &str) -> String {
        let path = match self.kind {
            RootKind::Device => canonical(&format!("/{relative}")),
            RootKind::Data => format!("/private/var/{relative}"),
        };
        if is_nfc(&path) { path } else { path.nfc().collect() }
    }
}

/// `/private/var/x` for `/var/x`; the same for `tmp` and `etc`, which are links to there.
fn canonical(path: &str) -> String {
    let linked = ["/var/", "/tmp/", "/etc/"].iter().any(|prefix| path.starts_with(prefix));
    if linked { format!("/private{path}") } else { path.to_owned() }
}

/// Where a link points to on the device, whatever machine the dump lies on.
fn rerooted(path: &str, target: &str) -> String {
    if target.starts_with('/') {
        return canonical(target);
    }
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                // The parent of the root is the root.
                if parts.len() > 1 {
                    parts.pop();
                }
            }
            _ => parts.push(part),
        }
    }
    canonical(&parts.join("/"))
}

pub(super) struct Dump {
    container: Arc<dyn Container>,
    roots: Vec<Root>,
    device: Device,
}

impl Dump {
    pub fn open(container: Arc<dyn Container>, roots: Vec<Root>) -> Result<Dump, SourceError> {
        let mut dump = Dump { container, roots, device: Device::default() };
        let candidates: Vec<String> = device::DUMP_FILES.iter().flat_map(|path| dump.stored(path)).collect();
        dump.container.stage(&candidates.iter().map(String::as_str).collect::<Vec<_>>())?;
        dump.device = device::of_dump(|path| {
            dump.stored(path).iter().find_map(|stored| device::read(&*dump.container, stored))
        });
        dump.device.limits.extend(dump.left_out());
        Ok(dump)
    }

    /// Where in the container a path on the device may be.
    fn stored(&self, path: &str) -> Vec<String> {
        let mut places = Vec::new();
        for root in &self.roots {
            match root.kind {
                RootKind::Device => {
                    places.push(join(&root.folder, path.trim_start_matches('/')));
                    places.extend(path.strip_prefix("/private/").map(|rest| join(&root.folder, rest)));
                }
                RootKind::Data => {
                    places.extend(path.strip_prefix("/private/var/").map(|rest| join(&root.folder, rest)));
                }
            }
        }
        places.retain(|place| self.container.is_file(place));
        places
    }

    /// What lies beside the roots is no part of the device; that it is there is said.
    fn left_out(&self) -> Option<String> {
        let parent = self.roots.first()?.folder.rsplit_once('/').map_or("", |(parent, _)| parent);
        if self.roots.iter().any(|root| root.folder.is_empty()) {
            return None;
        }
        let beside = self.container.children(parent).into_iter().map(|(name, _)| join(parent, &name));
        let beside: Vec<String> = beside
            .filter(|path| !is_litter(path) && self.roots.iter().all(|root| root.folder != *path))
            .map(|path| format!("`{path}`"))
            .collect();
        let shown = beside.get(..10).unwrap_or(&beside).join(", ");
        (!beside.is_empty()).then(|| {
            format!(
                "beside the file system there is more, which was not read ({} in all): {shown}",
                beside.len()
            )
        })
    }

    fn file_of(root: &Root, member: Member) -> Option<VirtualFile> {
        let relative = below(&root.folder, &member.path)?;
        let path = root.device_path(relative);
        Some(VirtualFile {
            target: member
                .target
                .filter(|_| member.kind == FileKind::Link)
                .map(|target| rerooted(&path, &target)),
            path,
            size: member.size,
            kind: member.kind,
            created: member.created,
            modified: member.modified,
            changed: member.changed,
            mode: member.mode,
            uid: member.uid,
            odd: member.odd,
            stored_as: member.path,
            ..VirtualFile::default()
        })
    }
}

impl Source for Dump {
    fn describe(&self) -> String {
        let roots: Vec<String> = self
            .roots
            .iter()
            .map(|root| {
                let what = match root.kind {
                    RootKind::Device => "root of the device",
                    RootKind::Data => "data volume",
                };
                let folder = if root.folder.is_empty() { "top" } else { &root.folder };
                format!("`{folder}` is the {what}")
            })
            .collect();
        format!("iOS filesystem dump in {} ({})", self.container.describe(), roots.join(", "))
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn list(
        &self,
        _detail: Detail,
        each: &mut dyn FnMut(VirtualFile),
        problem: &mut dyn FnMut(SourceError),
    ) -> Result<(), SourceError> {
        for root in &self.roots {
            self.container.walk(
                &root.folder,
                &mut |member| {
                    if !is_litter(&member.path) && !member.path.contains(COPY) {
                        Dump::file_of(root, member).into_iter().for_each(&mut *each);
                    }
                },
                problem,
            )?;
        }
        Ok(())
    }

    fn open(&self, file: &VirtualFile) -> Result<Box<dyn ReadAt + '_>, SourceError> {
        if file.kind != FileKind::File {
            return Err(SourceError::File {
                path: file.path.clone(),
                reason: "is not a regular file".into(),
            });
        }
        self.container.open(&file.stored_as)
    }

    fn pour(
        &self,
        each: &mut dyn FnMut(VirtualFile, &mut dyn io::Read),
        _problem: &mut dyn FnMut(SourceError),
    ) -> Option<Result<(), SourceError>> {
        self.container.pour(&mut |member, content| {
            if is_litter(&member.path) || member.kind != FileKind::File {
                return;
            }
            let root = self.roots.iter().find(|root| below(&root.folder, &member.path).is_some());
            if let Some(file) = root.and_then(|root| Dump::file_of(root, member)) {
                each(file, content);
            }
        })
    }

    fn streamed(&self) -> bool {
        self.container.streamed()
    }

    fn stage(&self, files: &[&VirtualFile]) -> Result<(), SourceError> {
        self.container.stage(&files.iter().map(|file| file.stored_as.as_str()).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_targets_stay_on_the_device() {
        for (target, expected) in [
            ("/var/mobile/x", "/private/var/mobile/x"),
            ("../b/c", "/private/b/c"),
            ("../../../../../etc/passwd", "/private/etc/passwd"),
            ("here", "/private/a/here"),
        ] {
            assert_eq!(rerooted("/private/a/link", target), expected);
        }
    }
}
