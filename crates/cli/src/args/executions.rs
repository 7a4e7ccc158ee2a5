//! `nictate executions …`.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use super::{ApiArgs, Assignment, PageArgs};

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
    /// Let what is under way end, and begin nothing
    Pause {
        /// The execution's id
        execution: String,
        /// Why, for people
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Let a paused run go on
    Resume(ResumeArgs),
    /// Say what becomes of a step that is in doubt or out of attempts
    Resolve(ResolveArgs),
    /// End a run as completed
    Complete {
        /// The execution's id
        execution: String,
    },
    /// Start a run that goes on from a step of one that has ended or is paused
    Restart {
        /// The execution's id
        execution: String,
        /// The step's path, or its id if it ran once; the one that failed if it is left out
        #[arg(long, value_name = "STEP")]
        step: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// The execution's id
    pub(crate) execution: String,
    /// The step whose inputs are replaced, by path or id; the one at which the run stands if it is left out
    #[arg(long, value_name = "STEP", requires = "inputs")]
    pub(crate) step: Option<String>,
    /// An input instead of the step's own: `name=value`, `name=@FILE` reads a file, `name:=JSON` is not text
    #[arg(long = "input", short, value_name = "NAME=VALUE", value_parser = Assignment::input)]
    pub(crate) inputs: Vec<Assignment>,
}

#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// The execution's id
    pub(crate) execution: String,
    /// What becomes of the step
    #[arg(value_name = "DECISION", ignore_case = true)]
    pub(crate) decision: Decision,
    /// The step, by path or id; the only one that can be meant if it is left out
    #[arg(long, value_name = "STEP")]
    pub(crate) step: Option<String>,
    /// Of `retry`: an input instead of the step's own, as for `resume`
    #[arg(long = "input", short, value_name = "NAME=VALUE", value_parser = Assignment::input)]
    pub(crate) inputs: Vec<Assignment>,
    /// Of `done`: the step's output, as JSON
    #[arg(long, value_name = "JSON", value_parser = json)]
    pub(crate) output: Option<Value>,
    /// Of `failed`: why, for people
    #[arg(long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
}

/// What becomes of a step that nobody but people can decide on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Decision {
    /// It is tried again
    Retry,
    /// It has happened
    Done,
    /// It has failed
    Failed,
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}"))
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
    /// Print what the steps have said, a line each, instead of how they ended
    #[arg(long, conflicts_with = "follow")]
    pub(crate) lines: bool,
    /// Print steps as they finish, until the run ends
    #[arg(long, short)]
    pub(crate) follow: bool,
}
