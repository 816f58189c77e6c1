//! Everything that is tested from outside: one binary, so that it links once.

mod cli;
mod containers;
mod fixtures;
mod layers;
mod phones;
#[path = "../phone/mod.rs"]
mod phone;
mod readme;
mod registry;
mod run;
