//! The store's tests: every function on both databases.

mod connections;
mod database;
mod executions;
mod filter;
mod identity;
mod speed;
mod workflows;
