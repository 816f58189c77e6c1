//! Everything that is tested from outside: one binary, so that it links once.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod android;
mod cli;
mod containers;
mod demo_android;
mod docs;
mod expect;
mod fixtures;
mod indicators;
mod layers;
#[path = "../phone/mod.rs"]
mod phone;
mod phones;
mod readme;
mod recovered;
mod registry;
mod rescan;
mod run;
mod shake;
mod sweep;
mod sysdiagnose;
mod unified_log;
mod verdict;
