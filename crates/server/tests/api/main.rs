//! The server as its clients meet it: started whole, with its embedded runner, on a port of its own, and spoken
//! to over HTTP. Every story runs on SQLite and on PostgreSQL.
//!
//! One binary, one file per resource. `support` starts servers and sends requests, `tool` stands for vendors.

// Helpers of a test may stop it: clippy's leave covers the test functions only.
#![allow(clippy::unwrap_used, clippy::panic)]

mod access;
mod agents;
mod api_keys;
mod apps;
mod attachment_actions;
mod attachment_removal;
mod attachment_s3;
mod attachments;
mod audit_log;
mod bad_input;
mod catalog;
mod clients;
mod concurrency;
mod connection_types;
mod connections;
mod controls;
mod durability;
mod events;
mod execution_lists;
mod executions;
mod files;
mod groups;
mod history;
mod invite_mails;
mod invites;
mod isolation;
mod keys;
mod lists;
mod openapi;
mod packs;
mod people;
mod queue;
mod record_history;
mod record_triggers;
mod records;
mod records_many;
mod relations;
mod restarts;
mod roles;
mod runner_groups;
mod runner_link;
mod scim;
mod scim_groups;
mod second_factors;
mod secrecy;
mod seed;
mod sessions;
mod shares;
mod sign_in;
mod single_sign_on;
mod single_sign_on_people;
mod subflow_ends;
mod subflows;
mod support;
mod table_actions;
mod table_sql;
mod tables;
mod test_runs;
mod tool;
mod transfer;
mod used_connections;
mod versions;
mod workflows;
mod workspaces;
