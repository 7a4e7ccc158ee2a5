//! The real binary, run as people run it: what it prints, where, and which code it ends with.

mod apply;
mod connections;
mod errors;
mod execute;
mod help;
mod output;
mod support;
mod validate;
