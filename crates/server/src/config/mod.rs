//! The configuration: a TOML file, then `NICTATE_*` environment variables, then flags; later ones win.
//! One section a file. Every key is listed in the generated page docs/reference/configuration.md.

mod attachments;
mod bootstrap;
mod database;
mod history;
mod http;
mod limits;
mod load;
mod log;
mod packages;
mod reference;
mod sandbox;
mod secrets;
mod server;
mod sessions;
mod smtp;
mod sso;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use attachments::Attachments;
pub use bootstrap::Bootstrap;
pub use database::Database;
pub use history::History;
pub use http::Http;
pub use limits::Limits;
pub use load::{ConfigError, Flags, load};
pub use log::{Log, LogFormat};
pub use packages::Packages;
pub use reference::reference;
pub use sandbox::{Sandbox, SandboxMode};
pub use secrets::Secrets;
pub use server::Server;
pub use sessions::Sessions;
pub use smtp::{Smtp, SmtpSecurity};
pub use sso::Sso;

/// All sections.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The listening side.
    pub server: Server,
    /// Where everything is stored.
    pub database: Database,
    /// How long people stay signed in.
    pub sessions: Sessions,
    /// With which provider people sign in.
    pub sso: Sso,
    /// How mail is sent.
    pub smtp: Smtp,
    /// How connections' secrets are kept.
    pub secrets: Secrets,
    /// What steps may reach over the network.
    pub http: Http,
    /// How the embedded runner runs the code of steps.
    pub sandbox: Sandbox,
    /// Where the Python packages come from that code steps require.
    pub packages: Packages,
    /// How much runs at a time.
    pub limits: Limits,
    /// How large files of records may be, and where they lie.
    pub attachments: Attachments,
    /// How much of the past is kept.
    pub history: History,
    /// What the log says.
    pub log: Log,
    /// What an unattended installation begins with.
    pub bootstrap: Bootstrap,
}

impl Config {
    /// The database's URL: as configured, else SQLite in the data folder.
    pub fn database_url(&self) -> String {
        if self.database.url.is_empty() {
            format!("sqlite:{}", self.server.data.join("nictate.db").display())
        } else {
            self.database.url.clone()
        }
    }

    /// The file of master keys: as configured, else in the data folder.
    pub fn key_file(&self) -> PathBuf {
        if self.secrets.key_file.as_os_str().is_empty() {
            self.server.data.join("keys").join("master.key")
        } else {
            self.secrets.key_file.clone()
        }
    }
}
