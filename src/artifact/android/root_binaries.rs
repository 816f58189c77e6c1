use crate::artifact::json::each;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.root_binaries",
    title: "Root binaries (collector)",
    about: "Programs for root access that the phone's shell found where it looks for commands.",
    files: &["/androidqf/root_binaries.json"],
    columns: &[path("file"), text("name")],
    shows: Trace::Installed,
    line: "root binary {file}",
    parse: Parse::Bytes { most: 16 << 20, parse },
};

/// Each text is what `which -a` printed: one path a line, or that there is none.
fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    each(bytes, |number, found| {
        let text = found.as_str().or_else(|| found.get("path")?.as_str());
        let Some(text) = text else {
            out.warn(Some(Place::key(format!("[{number}]"))), "is no path");
            return;
        };
        for path in text.lines().map(str::trim).filter(|line| line.starts_with('/') && !line.contains(": ")) {
            let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
            out.push(Place::key(format!("[{number}]")), [path.into(), name.into()]);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn several_paths_in_one_text_are_several_binaries_and_error_texts_none() {
        let text = r#"["/system/bin/su", "/system/xbin/busybox\n/sbin/busybox", "/x/magisk", "which: su: not found", "/system/bin/sh: which: not found"]"#;
        let records = rows_at(&ARTIFACT, "/androidqf/root_binaries.json", text.as_bytes()).0;
        let files: Vec<_> = records.as_array().unwrap().iter().map(|record| record["file"].clone()).collect();
        assert_eq!(files, ["/system/bin/su", "/system/xbin/busybox", "/sbin/busybox", "/x/magisk"]);
        assert_eq!(records[2], json!({"file": "/sbin/busybox", "name": "busybox", "_line": "root binary /sbin/busybox"}));
        shake(&ARTIFACT, text.as_bytes());
    }
}
