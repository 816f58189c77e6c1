//! The README's commands do what it says.

use crate::run::{command, ran};

#[test]
fn the_commands_of_the_readme_run() {
    let readme = include_str!("../../README.md");
    let commands: Vec<&str> = readme.lines().filter(|line| line.starts_with("cargo ")).collect();
    assert_eq!(commands.len(), 2, "one runs the main job, one the tests: {commands:?}");
    // This very test runs under the second.
    assert_eq!(commands[1], "cargo test");
    let arguments = commands[0].strip_prefix("cargo run --release -- ").unwrap();
    let ran = ran(command().args(arguments.split(' ')).output().unwrap());
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("RESULT: trace of known spyware"), "{}", ran.stdout);
    assert!(ran.stdout.contains("Where to get help"));
}

#[test]
fn every_hoofprint_command_that_the_readme_shows_is_understood() {
    let readme = include_str!("../../README.md");
    let mut seen = 0;
    for line in readme.lines().filter_map(|line| line.strip_prefix("hoofprint ")) {
        let verb = line.split(' ').next().unwrap();
        let ran = ran(command().args([verb, "--help"]).output().unwrap());
        assert_eq!(ran.status, 0, "{line}");
        for flag in line.split(' ').filter(|word| word.starts_with("--")) {
            let flag = flag.split('=').next().unwrap();
            assert!(ran.stdout.contains(flag), "`{flag}` of `{line}`");
        }
        seen += 1;
    }
    assert!(seen >= 5, "only {seen} commands were found");
}
