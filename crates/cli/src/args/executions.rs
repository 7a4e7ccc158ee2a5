//! `nictate executions …`.

use clap::{Args, Subcommand, ValueEnum};

use super::{ApiArgs, PageArgs};

#[derive(Debug, Args)]
pub(crate) struct ExecutionsArgs {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    #[command(subcommand)]
    pub(crate) command: ExecutionsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ExecutionsCommand {
    /// List runs, the newest first
    List(ListArgs),
    /// Show one run with its outputs or its error
    Get {
        /// The execution's id
        execution: String,
    },
    /// Show the steps of a run
    Logs(LogsArgs),
    /// Stop a run
    Cancel {
        /// The execution's id
        execution: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only runs of this workflow, by name or id
    #[arg(long, value_name = "WORKFLOW")]
    pub(crate) workflow: Option<String>,
    /// Only runs in this state
    #[arg(long, value_name = "STATE", ignore_case = true)]
    pub(crate) state: Option<State>,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

/// The states that the API shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum State {
    Queued,
    Running,
    Pending,
    Paused,
    Completed,
    Failed,
    Cancelled,
    Timeout,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The execution's id
    pub(crate) execution: String,
    /// Print steps as they finish, until the run ends
    #[arg(long, short)]
    pub(crate) follow: bool,
}
