use crate::artifact::prelude::*;
use crate::artifact::text_log::{data_path, foreign_app};

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.file_providers",
    title: "Apps that provide files (fileproviderctl)",
    about: "Apps whose documents the Files app shows, and where they are installed.",
    files: &["/sysdiagnose/fileproviderctl*", "/sysdiagnose/FileProvider/fileproviderctl*"],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::LastSeen),
        app_id("app"),
        path("file"),
        text("entry"),
    ],
    shows: Trace::Installed,
    line: "file provider {app} {file}",
    parse: Parse::Text(|lines, out| {
        let mut seen = std::collections::HashSet::new();
        let (mut known, mut any) = (false, false);
        while let Some((number, line)) = lines.next()? {
            let line = line.trim();
            any |= !line.is_empty();
            let tells = [".app", "undle", "rovider", "dentifier"].iter().any(|word| line.contains(word));
            known |= tells;
            let file = data_path(line).filter(|path| path.contains(".app"));
            let app = foreign_app(line);
            let new = || (app.map(str::to_owned), file.map(str::to_owned));
            if tells && (file.is_some() || app.is_some()) && seen.len() < MOST && seen.insert(new()) {
                let entry = line.get(..line.floor_char_boundary(500)).unwrap_or(line);
                out.push(Place::Line { line: number }, [0_i64.into(), app.into(), file.into(), entry.into()]);
            }
        }
        anyhow::ensure!(known || !any, "names no provider of files");
        Ok(())
    }),
};

/// Different apps and paths of a dump; real ones name some dozens.
const MOST: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn each_app_and_place_is_told_once() {
        let text = "\
Date/Time: 2023-05-24 13:29:15 +0200
provider org.example.files.provider
  bundle: file:///x \"/private/var/containers/Bundle/Application/A/My Files.app/PlugIns/x.appex\"
provider org.example.files.provider
  com.apple.CloudDocs bundle
";
        let records = rows(&ARTIFACT, text.as_bytes());
        let told: Vec<_> = records.as_array().unwrap().iter().map(|record| [&record["app"], &record["file"]]).collect();
        assert_eq!(
            json!(told),
            json!([
                ["org.example.files.provider", null],
                [null, "/private/var/containers/Bundle/Application/A/My Files.app/PlugIns/x.appex"],
            ])
        );
        assert_eq!(rows_at(&ARTIFACT, "/x", b"failed\n").1, ["names no provider of files"]);
        shake(&ARTIFACT, text.as_bytes());
    }
}
