//! The real binary, run as people run it: what it prints, where, and which code it ends with.

#![allow(clippy::unwrap_used, clippy::panic)] // a helper that fails fails its test

mod apply;
mod code;
mod connections;
mod errors;
mod eval;
mod examples;
mod execute;
mod help;
mod local;
mod output;
mod packages;
mod real;
mod redaction;
mod runners;
mod secret_managers;
mod server;
mod start;
mod support;
mod sync;
mod sync_push;
mod tables;
mod validate;
mod versions;
