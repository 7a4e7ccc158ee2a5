//! `nictate connections …` and `nictate connection-types …`.

use clap::{Args, Subcommand};

use super::{ApiArgs, Assignment, PageArgs};

#[derive(Debug, Args)]
pub(crate) struct ConnectionsArgs {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    #[command(subcommand)]
    pub(crate) command: ConnectionsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionsCommand {
    /// List the workspace's connections
    List {
        /// Only connections of this type
        #[arg(long = "type", value_name = "TYPE")]
        type_name: Option<String>,
        /// Only connections with this text in their name
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show one connection; secrets are masked
    Get {
        /// The connection's name or id
        connection: String,
    },
    /// Store a new connection
    Create(CreateArgs),
    /// Ask the tool whether it accepts the stored connection
    Test {
        /// The connection's name or id
        connection: String,
    },
    /// Delete a connection that no workflow uses
    Delete {
        /// The connection's name or id
        connection: String,
        /// Delete it even if workflows use it
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The connection's type; `nictate connection-types list` shows them
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) type_name: String,
    /// The name that workflows use
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// One attribute: `name=value`, `name=@FILE` reads a file, `name=-` asks or reads stdin
    ///
    /// Use `name=-` or `name=@FILE` for secrets: what stands on the command line is kept in the shell's
    /// history and shown by `ps`. A line break at the end of a file or of stdin is left out. `name=@@value`
    /// is a value that begins with `@`.
    #[arg(long = "attribute", short = 'a', value_name = "NAME=VALUE", value_parser = Assignment::attribute)]
    pub(crate) attributes: Vec<Assignment>,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) description: String,
    /// The secret manager of the runners that keeps the secrets; secret attributes are what they are called there
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) secret_manager: String,
    /// The runner group whose runners may use it
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) runner_group: String,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectionTypesArgs {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    #[command(subcommand)]
    pub(crate) command: ConnectionTypesCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionTypesCommand {
    /// List the types
    List {
        /// Only types with this text in their name
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show one type with the attributes it takes
    Get {
        /// The type's name or id
        connection_type: String,
    },
}
