//! Commands that run the server or work on its data: `serve`, `migrate`, `users`, `keys`, `doctor`, `generate`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ApiArgs;

/// Where the configuration and the data are.
#[derive(Debug, Args)]
pub(crate) struct DatabaseArgs {
    /// The configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "NICTATE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The folder of the embedded database and the key file; `server.data` in the configuration
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// `sqlite:PATH` or `postgres://…`; `database.url` in the configuration
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// Address and port to listen on; `server.listen` in the configuration
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<String>,
    /// A workflow file to store and run once when the database is new
    #[arg(long, value_name = "FILE")]
    pub(crate) example: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make new keys and seal every secret again under them; can be stopped and started again
    Rotate {
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct UsersArgs {
    #[command(subcommand)]
    pub(crate) command: UsersCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// Set the password that somebody signs in with; asked for, or read from stdin
    SetPassword {
        /// Their e-mail address
        email: String,
        /// They must choose another one before anything else
        #[arg(long)]
        must_change: bool,
        /// Remove their authenticator and recovery codes, too
        #[arg(long)]
        remove_totp: bool,
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) command: AuditCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Read the whole audit log and compare it with its seals
    Verify {
        /// A head that was kept elsewhere: the log must still hold what it stood for
        #[arg(long, value_name = "HEX")]
        head: Option<String>,
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}

/// Files made from the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GenerateWhat {
    /// The API's description, OpenAPI 3.1
    Openapi,
    /// The same for older generators, OpenAPI 3.0.1
    #[value(name = "openapi-3.0")]
    Openapi30,
    /// The page on the configuration's keys
    ConfigReference,
    /// The page on the commands
    CliReference,
    /// The page on the API's error identifiers
    Errors,
    /// The page on the actions
    Actions,
    /// The page on the functions of expressions
    Functions,
}
