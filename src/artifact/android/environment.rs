use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.environment",
    title: "Environment",
    about: "The variables that the phone's shell runs programs with.",
    files: &["/androidqf/env.txt", "/dumpstate/PRINTENV"],
    columns: &[
        text("name"),
        message("value"),
        // What of it is a path of its own, such as libraries to load.
        path("paths"),
    ],
    shows: Trace::Policy,
    line: "{name} is {value}",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    while let Some((number, line)) = lines.next()? {
        let Some((name, value)) = line.split_once('=') else { continue };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.is_empty() && name.chars().all(is_name) {
            let value = value.trim_end();
            let paths: Vec<&str> = value.split([':', ' ']).filter(|path| path.starts_with('/')).collect();
            let paths = if paths.is_empty() { Value::Null } else { paths.into_iter().collect() };
            out.push(Place::Line { line: number }, [name.into(), value.into(), paths]);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn variables_are_told_and_further_lines_passed_over() {
        let text = b"PATH=/sbin:/system/bin\nLD_PRELOAD=/data/x.so libc.so\nHOME=home\nnot a = variable\n";
        assert_eq!(
            rows_at(&ARTIFACT, "/androidqf/env.txt", text).0,
            json!([
                {"name": "PATH", "value": "/sbin:/system/bin", "paths": ["/sbin", "/system/bin"], "_line": "PATH is /sbin:/system/bin"},
                {"name": "LD_PRELOAD", "value": "/data/x.so libc.so", "paths": ["/data/x.so"],
                 "_line": "LD_PRELOAD is /data/x.so libc.so"},
                {"name": "HOME", "value": "home", "_line": "HOME is home"},
            ])
        );
        shake(&ARTIFACT, text);
    }
}
