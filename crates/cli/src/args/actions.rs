//! `nictate actions …`.

use clap::{Args, Subcommand};

use super::ApiArgs;

#[derive(Debug, Args)]
pub(crate) struct ActionsArgs {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    #[command(subcommand)]
    pub(crate) command: ActionsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ActionsCommand {
    /// List the actions that steps can take, workflows that can be called among them
    List {
        /// Only actions with this text in their name or description
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// Show an action with its inputs
    Get {
        /// The action's full name, such as `http.requestV2`
        action: String,
    },
}
