//! What an acquisition says about the phone it is of, and about its own limits.

use plist::Dictionary;

use super::{Device, container::Container, container::join};
use crate::{format::keyed, time::from_plist};

/// Property lists of a backup carry icons and licences of every app, so they grow to some MiB.
const MAX_PLIST: u64 = 64 << 20;

/// The named property list, if it is there and can be read.
pub(super) fn read(container: &dyn Container, path: &str) -> Option<Dictionary> {
    keyed::parse(&container.read(path, MAX_PLIST).ok()?).ok()?.into_dictionary()
}

fn text(dictionary: Option<&Dictionary>, key: &str) -> Option<String> {
    dictionary?.get(key)?.as_string().map(str::to_owned).filter(|text| !text.is_empty())
}

/// The phone of a backup, from `Info.plist` or else from the `Lockdown` part of `Manifest.plist`.
pub(super) fn of_backup(
    info: Option<&Dictionary>,
    manifest: Option<&Dictionary>,
    status: Option<&Dictionary>,
) -> Device {
    let lockdown = manifest.and_then(|manifest| manifest.get("Lockdown")?.as_dictionary());
    let either = |key: &str, other: &str| text(info, key).or_else(|| text(lockdown, other));
    let date = |dictionary: Option<&Dictionary>, key: &str| from_plist(dictionary?.get(key)?.as_date()?);
    Device {
        name: either("Device Name", "DeviceName"),
        product: either("Product Type", "ProductType"),
        os_version: either("Product Version", "ProductVersion"),
        os_build: either("Build Version", "BuildVersion"),
        serial: either("Serial Number", "SerialNumber"),
        udid: either("Unique Identifier", "UniqueDeviceID").or_else(|| text(info, "Target Identifier")),
        acquired: date(info, "Last Backup Date")
            .or_else(|| date(status, "Date"))
            .or_else(|| date(manifest, "Date")),
        ..Device::default()
    }
}

/// Where the pieces about the phone are in a filesystem dump.
pub(super) const DUMP_FILES: [&str; 3] = [
    "/System/Library/CoreServices/SystemVersion.plist",
    "/private/var/root/Library/Lockdown/data_ark.plist",
    "/private/var/preferences/SystemConfiguration/preferences.plist",
];

/// The phone of a filesystem dump, from [`DUMP_FILES`] in their order.
pub(super) fn of_dump(mut read: impl FnMut(&str) -> Option<Dictionary>) -> Device {
    let [system, ark, network] = DUMP_FILES.map(&mut read);
    let computer = network.as_ref().and_then(|network| {
        text(network.get("System")?.as_dictionary()?.get("System")?.as_dictionary(), "ComputerName")
    });
    Device {
        name: text(ark.as_ref(), "-DeviceName").or(computer),
        os_version: text(system.as_ref(), "ProductVersion"),
        os_build: text(system.as_ref(), "ProductBuildVersion"),
        ..Device::default()
    }
}

/// `00008110-…, "Alice's iPhone", last backup 2024-01-02 03:04:05 UTC`: to choose among several.
pub(super) fn title(container: &dyn Container, folder: &str) -> String {
    let info = read(container, &join(folder, "Info.plist"));
    let manifest = read(container, &join(folder, "Manifest.plist"));
    let device = of_backup(info.as_ref(), manifest.as_ref(), None);
    let mut title = folder.to_owned();
    if let Some(name) = device.name {
        title.push_str(&format!(", \"{name}\""));
    }
    if let Some(time) = device.acquired {
        title.push_str(&format!(", last backup {}", crate::time::short(time)));
    }
    title
}
