//! Nothing looks to its right: every `crate::` path in `src/` is read and held against the one table of layers.

use std::path::{Path, PathBuf};

/// From left to right; a module may use those before it and itself.
const LAYERS: [&str; 11] = [
    "time",
    "record",
    "format",
    "source",
    "indicator",
    "finding",
    "artifact",
    "heuristic",
    "scan",
    "report",
    "cli",
];

/// `time` and `record` describe the same values from two sides and know each other.
const PAIR: [&str; 2] = ["time", "record"];

#[test]
fn no_module_looks_to_its_right() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let layer = layer_of(&file);
        let Some(own) = rank(&layer) else { continue };
        let text = std::fs::read_to_string(&file).unwrap();
        for used in uses(&text) {
            seen += 1;
            let pair = PAIR.contains(&used.as_str()) && PAIR.contains(&layer.as_str());
            if rank(&used).is_none_or(|used| used > own) && !pair {
                wrong.push(format!("{}: crate::{used}", file.display()));
            }
        }
    }
    assert!(seen > 100, "only {seen} paths were read: is the reader broken?");
    assert!(wrong.is_empty(), "these look to their right:\n{}", wrong.join("\n"));
}

#[test]
fn brace_lists_are_read_too() {
    assert_eq!(uses("use crate::{scan::x, report};"), ["scan", "report"]);
    assert_eq!(uses("let a = crate::time::iso(b);"), ["time"]);
    assert_eq!(uses("pub(crate) use artifacts; // crate::scan"), Vec::<String>::new());
}

#[test]
fn nothing_in_the_tree_opens_a_socket() {
    // What downloads indicators is left out of the program unless it is asked for, and its tests need a server.
    let only_if_asked = Path::new("src").join("indicator").join("fetch");
    let words = ["TcpStream", "TcpListener", "UdpSocket", "ToSocketAddrs", "UnixStream"];
    for file in rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        if file.display().to_string().contains(&only_if_asked.display().to_string()) {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!words.iter().any(|word| text.contains(word)), "{}", file.display());
    }
    let lock = include_str!("../../Cargo.lock");
    let manifest = include_str!("../../Cargo.toml");
    assert!(manifest.contains("default = [\"age\"]") && manifest.contains("update = [\"dep:ureq\"]"));
    assert!(manifest.lines().any(|line| line.starts_with("ureq = ") && line.contains("optional = true")));
    for package in ["reqwest", "hyper", "curl", "tokio", "native-tls", "socket2"] {
        assert!(!lock.contains(&format!("name = \"{package}\"\n")), "{package} can open sockets");
    }
}

fn rank(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|known| *known == layer)
}

/// The first path component below `src`, without its ending.
fn layer_of(file: &Path) -> String {
    let below = file.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = below.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules named behind `crate::` outside comments.
fn uses(text: &str) -> Vec<String> {
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for (at, path) in code.match_indices("crate::") {
        // `$crate::` is a macro's own.
        if code[..at].ends_with('$') {
            continue;
        }
        let rest = &code[at + path.len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut word = String::new();
            let mut at_start = true;
            for character in list.chars() {
                match character {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => {
                        found.push(std::mem::take(&mut word));
                        at_start = true;
                        continue;
                    }
                    ':' if depth == 1 => at_start = false,
                    letter if depth == 1 && at_start && (letter.is_alphanumeric() || letter == '_') => {
                        word.push(letter)
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            found.push(word);
        } else {
            found
                .push(rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect());
        }
    }
    found.retain(|word| !word.is_empty());
    found
}

pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .collect();
    files.sort();
    files
}
