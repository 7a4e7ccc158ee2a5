//! The server: the HTTP API, access, jobs, configuration, and the driver of runs.
//!
//! Decides who may do what and carries out what the engine decides. Knows no SQL and no database driver (crate
//! `store`), and carries out no action itself (crate `runner`, over `protocol`).

mod action_catalog;
mod app;
mod attachments;
mod audit;
mod audit_sealing;
mod blob_removal;
mod blobs;
mod bootstrap;
pub mod config;
mod connection_kinds;
mod ctx;
mod driver;
mod error;
mod hand;
mod http;
mod identity;
mod invite_mail;
mod jobs;
pub mod keys;
mod listen;
mod mail;
mod network;
mod package_locks;
mod passwords;
mod predecessor;
mod record_events;
mod reference;
mod retention;
mod server;
mod single_sign_on;
pub mod users;
mod vault;
mod workspace_removal;

pub use action_catalog::ActionCatalog;
pub use app::App;
pub use bootstrap::FirstStart;
pub use connection_kinds::{ConnectionKinds, Kind};
pub use driver::{RunnerChannel, effect_result};
pub use error::{Code, code};
pub use http::{Access, BASE, Route, Scope};
pub use identity::{CALLER_CACHE_TTL, Identity, Principal};
pub use reference::{action_reference, error_reference, openapi, openapi_3_0, routes};
pub use server::{SNAPSHOT_TIME, Server, StartError, Stores, http_client};
pub use vault::{Vault, VaultError};
