//! The store's tests: every function on both databases.
#![allow(clippy::unwrap_used)] // helpers of tests fail tests

mod audit_seals;
mod bodies;
mod connections;
mod database;
mod executions;
mod filter;
mod history;
mod identity;
mod journal;
mod ownership;
mod package_locks;
mod readers;
mod records;
mod runner_groups;
mod runs;
mod tables;
mod workflows;
