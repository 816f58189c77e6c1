//! Running the program as its users do.

#![allow(clippy::disallowed_methods, reason = "tests read what the program wrote")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What a run left behind.
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The program with an environment that holds nothing of the machine's.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoofprint"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    for variable in ["MVT_STIX2", "MVT_IOS_BACKUP_PASSWORD", "MVT_ANDROID_BACKUP_PASSWORD", "MVT_DATA_FOLDER"]
    {
        command.env_remove(variable);
    }
    // MVT's download folder is looked for below the home folder.
    command.env("HOME", "/nonexistent").env("XDG_DATA_HOME", "/nonexistent");
    command
}

pub fn hoofprint(arguments: &[&str]) -> Ran {
    ran(command().args(arguments).output().unwrap())
}

pub fn ran(output: Output) -> Ran {
    Ran {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The objects of a file of JSON lines.
pub fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every file below a folder with its content, without `run.json`, which holds the time of the run.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().is_file() && entry.file_name() != "run.json");
    files
        .map(|entry| {
            let path = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            let mut bytes = std::fs::read(entry.path()).unwrap();
            if path.ends_with("observables.tsv.gz") {
                // Its first line tells of the acquisition, and how that was wrapped.
                let mut lines = Vec::new();
                flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut lines).unwrap();
                bytes = lines.splitn(2, |byte| *byte == b'\n').last().unwrap().to_vec();
            }
            (path, bytes)
        })
        .collect()
}

/// Scans `path` into a new folder with these further arguments, which must succeed.
pub fn scan_into(folder: &Path, path: &Path, arguments: &[&str]) {
    let output = command().arg("scan").arg(path).arg("-o").arg(folder).args(arguments).output().unwrap();
    let ran = ran(output);
    assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
}

/// [`scan_into`] without the raw search, on a computer with these settings.
pub fn scan_into_with(folder: &Path, path: &Path, settings: &[(&str, &str)]) {
    let mut command = command();
    command.arg("scan").arg(path).arg("-o").arg(folder).arg("--no-sweep").envs(settings.iter().copied());
    assert_eq!(ran(command.output().unwrap()).status, 0, "{settings:?}");
}

/// Copies a folder with everything in it.
pub fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
