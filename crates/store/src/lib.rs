//! SQL, rows, migrations, journal and filters: the only crate that names a database driver.
//!
//! One SQL text serves SQLite and PostgreSQL; the drivers fork in `db` and nowhere else. A noun is a file
//! (`connections`, `executions`), its functions are verbs; each takes something to [`Read`] from or the [`Tx`]
//! of a write, then the workspace or tenant whose data it touches. Knows neither HTTP nor permissions.

mod db;
mod error;
mod filter;
mod migrate;
mod new_rows;
mod packed;
mod page;
mod row;
mod statement;
mod tx;
mod url;
mod value;

pub mod agent_packs;
pub mod agents;
pub mod api_keys;
pub mod app_resources;
pub mod apps;
pub mod audit;
pub mod audit_seals;
pub mod automation_packs;
mod batch;
pub mod blobs;
mod chain;
pub mod connection_types;
pub mod connections;
pub mod custom_roles;
pub mod data_keys;
pub mod documents;
pub mod executions;
pub mod files;
pub mod groups;
pub mod history;
pub mod invite_mails;
pub mod invites;
pub mod journal;
pub mod key_rotations;
pub mod keyed_runs;
pub mod members;
pub mod package_locks;
pub mod passwords;
pub mod provisioning;
pub mod queued_runs;
pub mod record_changes;
pub mod record_events;
pub mod record_triggers;
pub mod records;
pub mod runner_groups;
pub mod runners;
pub mod runs;
pub mod second_factors;
pub mod select;
pub mod servers;
pub mod sessions;
pub mod shares;
pub mod sign_in_failures;
pub mod step_logs;
pub mod table_steps;
pub mod tables;
pub mod tenant_entities;
pub mod tenants;
pub mod unwanted_runs;
pub mod user_identities;
pub mod user_settings;
pub mod users;
pub mod workflow_versions;
pub mod workflows;
pub mod workspace_removal;
pub mod workspaces;

#[cfg(feature = "testing")]
pub mod testing;

pub use chain::Chain;
pub use db::{Db, Options, Read};
pub use error::StoreError;
pub use filter::{
    Defaults, FILTER_CONDITIONS_MAX, FILTER_DEPTH_MAX, Field, FieldMap, IN_VALUES_MAX, Kind, Query,
    QueryError, SORT_KEYS_MAX,
};
pub use page::{Page, ROWS_COUNTED_MAX};
pub use row::{Row, RowError};
pub use statement::{Dialect, Sql, Statement};
pub use tx::Tx;
pub use url::{DatabaseUrl, UrlError};
pub use value::Value;
