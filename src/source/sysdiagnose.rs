//! A sysdiagnose, or a log archive alone: what the collector copied stands under its path on the phone, so that the same artifacts
//! read it from a filesystem dump; what it wrote itself stands under `/sysdiagnose`.

use std::{
    io::Read,
    sync::{Arc, OnceLock},
};

use jiff::{Timestamp, civil::DateTime};

use super::{
    Detail, Device, FileKind, Source, SourceError, VirtualFile,
    container::{Container, Member, below, is_litter, join, plain},
};
use crate::{
    format::{ReadAt, keyed},
    time,
};

/// Files that tell about the phone and its clock are small, or tell it in their beginning.
const CONTEXT_BYTES: u64 = 1 << 20;
const CONTEXT_MEMBERS: [&str; 10] = [
    "sysdiagnose.log",
    "logs/SystemVersion/SystemVersion.plist",
    "remotectl_dumpstate.txt",
    "spindump-nosymbols.txt",
    "ps.txt",
    "logs/MobileActivation/collection_oob_request.txt",
    "logs/FDR/FDRDiagnosticReport.plist",
    "system_logs.logarchive/Extra/logd.0.log",
    "system_logs.logarchive/Extra/logd.1.log",
    "system_logs.logarchive/Extra/logd.2.log",
];

/// Folders of a sysdiagnose and where they lie on a phone; the first that fits.
const PLACES: [(&str, &str); 22] = [
    ("system_logs.logarchive/Extra/", DIAGNOSTICS),
    ("system_logs.logarchive/Persist/", "/private/var/db/diagnostics/Persist/"),
    ("system_logs.logarchive/Special/", "/private/var/db/diagnostics/Special/"),
    ("system_logs.logarchive/Signpost/", "/private/var/db/diagnostics/Signpost/"),
    ("system_logs.logarchive/HighVolume/", "/private/var/db/diagnostics/HighVolume/"),
    ("system_logs.logarchive/timesync/", "/private/var/db/diagnostics/timesync/"),
    ("system_logs.logarchive/logdata.", "/private/var/db/diagnostics/logdata."),
    ("system_logs.logarchive/Info.plist", "/sysdiagnose/system_logs.logarchive/Info.plist"),
    ("system_logs.logarchive/", "/private/var/db/uuidtext/"),
    ("crashes_and_spins/", CRASHES),
    ("logs/Accessibility/TCC.db", "/private/var/mobile/Library/TCC/TCC.db"),
    (
        "logs/powerlogs/",
        "/private/var/containers/Shared/SystemGroup/systemgroup.com.apple.powerlog/Library/BatteryLife/",
    ),
    ("logs/MobileInstallation/", "/private/var/installd/Library/Logs/MobileInstallation/"),
    ("logs/MobileActivation/", "/private/var/mobile/Library/Logs/mobileactivationd/"),
    ("logs/MobileContainerManager/", "/private/var/root/Library/Logs/MobileContainerManager/"),
    ("logs/MobileLockdown/", "/private/var/logs/"),
    ("logs/AppConduit/", "/private/var/mobile/Library/Logs/AppConduit/"),
    (
        "logs/MCState/Shared/",
        "/private/var/containers/Shared/SystemGroup/systemgroup.com.apple.configurationprofiles/Library/ConfigurationProfiles/",
    ),
    ("logs/MCState/User/", "/private/var/mobile/Library/UserConfigurationProfiles/"),
    ("logs/Networking/com.apple.networkextension", "/private/var/preferences/com.apple.networkextension"),
    ("logs/SystemVersion/", "/System/Library/CoreServices/"),
    ("WiFi/com.apple.wifi", "/private/var/preferences/com.apple.wifi"),
];
const DIAGNOSTICS: &str = "/private/var/db/diagnostics/";
const CRASHES: &str = "/private/var/mobile/Library/Logs/CrashReporter/";

/// A folder of the container that a sysdiagnose, or a part of one, was written to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Root {
    folder: String,
    kind: RootKind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum RootKind {
    Sysdiagnose,
    LogArchive,
    CrashReports,
}

/// Tells by what lies in it whether `folder` is a sysdiagnose, a log archive or a folder of crash reports.
pub(super) fn root(container: &dyn Container, folder: &str) -> Option<Root> {
    let file = |name: &str| container.is_file(&join(folder, name));
    let directory = |name: &str| container.is_directory(&join(folder, name));
    let typical = [
        file("ps.txt"),
        file("spindump-nosymbols.txt"),
        file("taskinfo.txt"),
        directory("crashes_and_spins"),
        directory("system_logs.logarchive"),
    ];
    let kind = if file("sysdiagnose.log") || typical.iter().filter(|there| **there).count() >= 2 {
        RootKind::Sysdiagnose
    } else if (file("Info.plist") || directory("timesync"))
        && ["Persist", "Special", "timesync", "Extra"].iter().filter(|name| directory(name)).count() >= 2
    {
        RootKind::LogArchive
    } else if container.children(folder).iter().any(|(name, kind)| *kind == FileKind::File && is_report(name))
    {
        RootKind::CrashReports
    } else {
        return None;
    };
    Some(Root { folder: folder.into(), kind })
}

fn is_report(name: &str) -> bool {
    [".ips", ".ips.ca", ".ips.synced", ".ips.ca.synced"].iter().any(|ending| name.ends_with(ending))
}

impl Root {
    /// True for a whole sysdiagnose, which no other acquisition begins with.
    pub fn is_whole(&self) -> bool {
        self.kind == RootKind::Sysdiagnose
    }

    fn device_path(&self, relative: &str) -> String {
        match self.kind {
            RootKind::Sysdiagnose => device_path(relative),
            RootKind::LogArchive => device_path(&format!("system_logs.logarchive/{relative}")),
            RootKind::CrashReports => format!("{CRASHES}{relative}"),
        }
    }
}

fn device_path(relative: &str) -> String {
    let place = PLACES.iter().find_map(|(from, to)| Some((relative.strip_prefix(from)?, to)));
    place.map_or_else(|| format!("/sysdiagnose/{relative}"), |(rest, to)| format!("{to}{rest}"))
}

pub(super) struct Sysdiagnose {
    container: Arc<dyn Container>,
    roots: Vec<Root>,
    device: OnceLock<Device>,
}

/// What was read of the [`CONTEXT_MEMBERS`].
type Context = Vec<(&'static str, Vec<u8>)>;

impl Sysdiagnose {
    pub fn new(container: Arc<dyn Container>, roots: Vec<Root>) -> Sysdiagnose {
        Sysdiagnose { container, roots, device: OnceLock::new() }
    }

    fn root_of<'a>(&self, path: &'a str) -> Option<(&Root, &'a str)> {
        self.roots.iter().find_map(|root| Some((root, below(&root.folder, path)?)))
    }

    fn file_of(&self, member: Member) -> Option<VirtualFile> {
        let path = plain(&member.path);
        if is_litter(path) || path.split('/').any(|part| part.starts_with("PaxHeader")) {
            return None;
        }
        let (root, relative) = self.root_of(path)?;
        Some(VirtualFile {
            path: root.device_path(relative),
            size: member.size,
            // The collector makes no hard links.
            kind: if member.target.is_some() { FileKind::Link } else { member.kind },
            // When a folder was unpacked is the examiner's doing; only what archives carry is the phone's.
            modified: member.modified,
            mode: member.mode,
            uid: member.uid,
            target: member.target,
            odd: member.odd,
            stored_as: member.path,
            ..VirtualFile::default()
        })
    }

    /// The name of the context member that a file is, of the first root: several archives are several moments.
    fn context_member(&self, stored_as: &str) -> Option<&'static str> {
        let relative = below(&self.roots.first()?.folder, stored_as)?;
        CONTEXT_MEMBERS.into_iter().find(|name| *name == relative)
    }

    fn read_context(&self) -> Context {
        let root = self.roots.first().map_or("", |root| &root.folder);
        let stored = CONTEXT_MEMBERS.map(|name| (name, join(root, name)));
        let paths: Vec<&str> = stored.iter().map(|(_, path)| path.as_str()).collect();
        // What cannot be staged cannot be opened either.
        let _ = self.container.stage(&paths);
        let read = stored.iter().filter_map(|(name, path)| {
            let mut bytes = vec![0; CONTEXT_BYTES as usize];
            let read = self.container.open(path).ok()?.read_at(0, &mut bytes).ok()?;
            bytes.truncate(read);
            Some((*name, bytes))
        });
        read.collect()
    }

    fn device_of(&self, context: &Context) -> Device {
        let top = self.roots.first().map_or("", |root| &root.folder);
        let mut device = device_of(top.rsplit('/').next().unwrap_or(top), context);
        if self.roots.len() > 1 {
            device.limits.push(format!(
                "{} acquisitions lie side by side and were read together; times without a date are reckoned from the first, `{top}`",
                self.roots.len()
            ));
        }
        if top.split('/').any(|part| part.starts_with("IN_PROGRESS")) {
            device.limits.push("the sysdiagnose was not finished: its logs may be old or incomplete".into());
        }
        device
    }
}

/// The phone and its clock from the name of the top folder and what context members hold.
fn device_of(top: &str, context: &Context) -> Device {
    let text = |name: &str| {
        let bytes = context.iter().find(|(member, _)| *member == name).map(|(_, bytes)| bytes.as_slice());
        String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
    };
    let log = text("sysdiagnose.log");
    let spindump = text("spindump-nosymbols.txt");
    let stamp = named_instant(&log).or_else(|| named_instant(top));
    let (acquired, offset) = match stamp {
        Some((instant, offset)) => (Some(instant), Some(offset)),
        None => (header(&spindump, "Date/Time").and_then(|date| time::zoned(&date)), None),
    };
    let diaries = context.iter().filter(|(member, _)| member.contains("/Extra/logd."));
    let zones =
        time::stretches(diaries.flat_map(|(_, bytes)| zones_of(&String::from_utf8_lossy(bytes))).collect());
    let mut device = Device { acquired, offset, zones, ..Device::default() };
    if acquired.is_none() {
        device.limits.push(
            "nothing in the sysdiagnose tells when it was made: what its snapshots show has no time".into(),
        );
    }
    if offset.is_none() {
        device.limits.push("the phone's time zone is unknown: its local times are marked as such".into());
    }
    let list = |name: &str| {
        let (_, bytes) = context.iter().find(|(member, _)| member.ends_with(name))?;
        keyed::parse(bytes).ok()?.into_dictionary()
    };
    let version = list("SystemVersion.plist");
    let report = list("FDRDiagnosticReport.plist");
    let of_report = |key: &str| {
        let verified = report.as_ref()?.get("VerifiedProperties")?.as_dictionary()?;
        Some(verified.get(key)?.as_string()?.to_owned())
    };
    let of_version = |key: &str| Some(version.as_ref()?.get(key)?.as_string()?.to_owned());
    let remote = text("remotectl_dumpstate.txt");
    // The phone itself comes first; after it come the parts it is connected to.
    let of_remote = |key: &str| {
        let line =
            remote.lines().map(str::trim).find_map(|line| line.strip_prefix(key)?.trim().strip_prefix("=>"));
        line.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let activation = text("logs/MobileActivation/collection_oob_request.txt");
    let activation: Option<serde_json::Value> =
        activation.split_once("BODY:").and_then(|(_, body)| serde_json::from_str(body.trim()).ok());
    let of_activation = |key: &str| Some(activation.as_ref()?.get(key)?.as_str()?.to_owned());
    let os = header(&spindump, "OS Version");
    let of_os = os.as_deref().and_then(|os| {
        let (version, build) = os.split_once(" (Build ")?;
        let version = version.rsplit(' ').next()?;
        Some((version.to_owned(), build.trim_end_matches(')').to_owned()))
    });
    device.os_version =
        of_version("ProductVersion").or_else(|| of_remote("OSVersion")).or_else(|| Some(of_os.clone()?.0));
    device.os_build =
        of_version("ProductBuildVersion").or_else(|| of_remote("BuildVersion")).or_else(|| Some(of_os?.1));
    device.product = of_remote("ProductType")
        .or_else(|| of_activation("productType"))
        .or_else(|| header(&spindump, "Hardware model"));
    device.serial =
        of_remote("SerialNumber").or_else(|| of_activation("serial-number")).or_else(|| of_report("SrNm"));
    device.udid = of_remote("UniqueDeviceID").or_else(|| of_activation("udid"));
    device
}

/// `sysdiagnose_2023.05.24_13-29-15+0200_…`, the name that the collector gives its work, anywhere in a text.
fn named_instant(text: &str) -> Option<(Timestamp, jiff::tz::Offset)> {
    text.match_indices("sysdiagnose_").find_map(|(at, name)| {
        let stamp = text.get(at + name.len()..)?.get(..24)?;
        let local = DateTime::strptime("%Y.%m.%d_%H-%M-%S", stamp.get(..19)?).ok()?;
        let offset = time::offset(stamp.get(19..)?)?;
        Some((offset.to_timestamp(local).ok()?, offset))
    })
}

/// The instants and offsets of `2023-05-24 13:29:15+0200 logd[42]: …`, which logd writes with the zone of the moment.
fn zones_of(log: &str) -> Vec<(Timestamp, jiff::tz::Offset)> {
    let zone = |line: &str| {
        let (written, _) = line.trim_start().split_once(" logd[")?;
        Some((time::zoned(written)?, time::offset(written.get(written.rfind(['+', '-'])?..)?)?))
    };
    log.lines().filter_map(zone).collect()
}

/// The value of a `Key: value` line before the first process of a spindump.
fn header(text: &str, key: &str) -> Option<String> {
    let lines = text.lines().take_while(|line| !line.starts_with("Process:"));
    let value = lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.trim() == key)?.1;
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// Links told one by one; a collector makes hardly any.
const LINKS_MOST: usize = 1_000;

/// Whoever packs an archive can point links anywhere: each is told and none is followed.
fn add_link(file: &VirtualFile, links: &mut Vec<SourceError>) {
    let Some(target) = file.target.as_deref() else { return };
    let target: String = target.chars().take(200).collect();
    let reason = match links.len() {
        ..LINKS_MOST => format!("is a link to `{target}`, which was not followed"),
        LINKS_MOST => "is a link as well; further ones are only in the file listing".into(),
        _ => return,
    };
    links.push(SourceError::File { path: file.stored_as.clone(), reason });
}

impl Source for Sysdiagnose {
    fn describe(&self) -> String {
        let what = match self.roots.first().map(|root| root.kind) {
            Some(RootKind::LogArchive) => "log archive",
            Some(RootKind::CrashReports) => "iOS crash reports",
            _ => "sysdiagnose",
        };
        let folders: Vec<String> = self.roots.iter().map(|root| format!("`{}`", root.folder)).collect();
        format!("{what} in {} ({})", self.container.describe(), folders.join(", "))
    }

    fn device(&self) -> &Device {
        self.device.get_or_init(|| self.device_of(&self.read_context()))
    }

    fn list(
        &self,
        _detail: Detail,
        each: &mut dyn FnMut(VirtualFile),
        problem: &mut dyn FnMut(SourceError),
    ) -> Result<(), SourceError> {
        let mut links = Vec::new();
        let mut listed = |member| {
            if let Some(file) = self.file_of(member) {
                add_link(&file, &mut links);
                each(file);
            }
        };
        self.container.walk("", &mut listed, problem)?;
        links.into_iter().for_each(problem);
        Ok(())
    }

    fn read_through(
        &self,
        each: &mut dyn FnMut(VirtualFile, &mut dyn Read),
        problem: &mut dyn FnMut(SourceError),
    ) -> Option<Result<(), SourceError>> {
        let (mut context, mut links) = (Context::new(), Vec::new());
        let result = self.container.read_through(
            &mut |member, bytes| {
                let Some(file) = self.file_of(member) else { return };
                add_link(&file, &mut links);
                let Some(name) = self.context_member(&file.stored_as) else { return each(file, bytes) };
                let mut start = Vec::new();
                // What cannot be read here cannot be read by anybody else, who will say so.
                let _ = bytes.take(CONTEXT_BYTES).read_to_end(&mut start);
                each(file, &mut start.as_slice().chain(bytes));
                context.push((name, start));
            },
            problem,
        )?;
        links.into_iter().for_each(problem);
        self.device.get_or_init(|| self.device_of(&context));
        Some(result)
    }

    fn open(&self, file: &VirtualFile) -> Result<Box<dyn ReadAt + '_>, SourceError> {
        self.container.open(&file.stored_as)
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
    fn members_stand_under_their_paths_on_the_phone() {
        for (member, path) in [
            ("ps.txt", "/sysdiagnose/ps.txt"),
            ("system_logs.logarchive/Extra/shutdown.log", "/private/var/db/diagnostics/shutdown.log"),
            ("system_logs.logarchive/3F/AB", "/private/var/db/uuidtext/3F/AB"),
            ("crashes_and_spins/a.ips", "/private/var/mobile/Library/Logs/CrashReporter/a.ips"),
        ] {
            assert_eq!(device_path(member), path);
        }
    }

    #[test]
    fn the_instant_and_zone_come_from_the_log_and_else_from_the_folders_name() {
        let top = "sysdiagnose_2023.05.24_13-29-15+0200_iPhone-OS_iPhone_20F66";
        let device = device_of(top, &Vec::new());
        assert_eq!(device.acquired.map(time::iso).as_deref(), Some("2023-05-24T11:29:15.000000+00:00"));
        assert_eq!(device.offset, time::offset("+0200"));
        let log = b"IN_PROGRESS_sysdiagnose_2022.01.02_03-04-05-0330_x started".to_vec();
        let device = device_of(top, &vec![("sysdiagnose.log", log)]);
        assert_eq!(device.acquired.map(time::iso).as_deref(), Some("2022-01-02T06:34:05.000000+00:00"));
    }

    #[test]
    fn a_renamed_sysdiagnose_is_dated_by_its_spindump_and_its_zone_stays_unknown() {
        let spindump = "\
Date/Time:        2023-05-24 13:29:20.123 +0200
OS Version:       iPhone OS 16.0.2 (Build 20A380)
Hardware model:   iPhone14,5
Process:          a [1]
Date/Time:        2001-01-01 00:00:00 +0000
";
        let context: Context = vec![("spindump-nosymbols.txt", spindump.into())];
        let device = device_of("renamed", &context);
        assert_eq!(device.acquired.map(time::iso).as_deref(), Some("2023-05-24T11:29:20.123000+00:00"));
        assert_eq!(device.os_version.as_deref(), Some("16.0.2"));
        assert_eq!(device.os_build.as_deref(), Some("20A380"));
        assert_eq!(device.product.as_deref(), Some("iPhone14,5"));
        assert_eq!(device.offset, None);
        assert_eq!(device.limits.len(), 1);
    }

    #[test]
    fn zones_of_earlier_times_are_read_from_the_diary_of_logd() {
        let log = "2023-03-20 10:00:00+0100 logd[4]: a\nodd\n2023-03-22 10:00:00+0100 logd[4]: b\n2023-03-29 10:00:00+0200 logd[4]: c\n";
        let zones =
            device_of("x", &vec![("system_logs.logarchive/Extra/logd.0.log", log.into())]).zones.unwrap();
        let told: Vec<String> = zones
            .iter()
            .map(|stretch| format!("{} {}", time::short(stretch.until), stretch.offset))
            .collect();
        assert_eq!(told, ["2023-03-22 09:00:00 UTC +01", "2023-03-29 08:00:00 UTC +02"]);
    }

    #[test]
    fn the_serial_number_is_read_from_the_factory_report_where_nothing_else_has_it() {
        let report = b"<plist><dict><key>VerifiedProperties</key><dict><key>SrNm</key><string>F2LHP0000001</string></dict></dict></plist>";
        let context: Context = vec![("logs/FDR/FDRDiagnosticReport.plist", report.to_vec())];
        assert_eq!(device_of("x", &context).serial.as_deref(), Some("F2LHP0000001"));
    }

    #[test]
    fn odd_names_and_texts_never_panic() {
        for text in [
            "sysdiagnose_",
            "sysdiagnose_2023.05.24_13-29-15",
            "sysdiagnose_é.é",
            "sysdiagnose_2023.13.24_13-29-15+0200",
        ] {
            assert_eq!(named_instant(text), None, "{text}");
        }
        assert_eq!(device_of("", &vec![("ps.txt", vec![0xff; 9])]).acquired, None);
    }
}
