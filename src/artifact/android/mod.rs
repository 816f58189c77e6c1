//! What an Android phone told a bugreport, AndroidQF or a backup. Paths are those of `source/android`: `/dumpsys/SERVICE`, `/getprop`,
//! `/settings/NAMESPACE`, and the phone's own.

crate::artifact::artifacts! {
    properties
}
