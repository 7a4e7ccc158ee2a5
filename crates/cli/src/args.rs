//! The words of the command line. What they do stands in `commands/`, one file per command.
//! The help texts here are also the source of docs/reference/cli.md (`nictate generate cli-reference`).

mod actions;
mod api;
mod assignment;
mod connections;
mod eval;
mod executions;
mod local;
mod runners;
mod server;
mod sync;
mod tables;
mod workflows;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use actions::{ActionsArgs, ActionsCommand};
pub(crate) use api::{ApiArgs, PageArgs};
pub(crate) use assignment::{Assignment, Source};
pub(crate) use connections::{
    ConnectionTypesArgs, ConnectionTypesCommand, ConnectionsArgs, ConnectionsCommand, CreateArgs,
};
pub(crate) use eval::{EvalArgs, Language};
pub(crate) use executions::{
    Decision, ExecutionsArgs, ExecutionsCommand, ListArgs as ExecutionsListArgs, LogsArgs, ResolveArgs,
    ResumeArgs,
};
pub(crate) use local::{RunArgs, ValidateArgs};
pub(crate) use runners::{RunnerArgs, RunnerGroupsArgs, RunnerGroupsCommand, RunnersArgs, RunnersCommand};
pub(crate) use server::{
    AuditArgs, AuditCommand, DatabaseArgs, DoctorArgs, GenerateWhat, KeysArgs, KeysCommand, MigrateArgs,
    ServeArgs, UsersArgs, UsersCommand,
};
pub(crate) use sync::{PullArgs, PushArgs};
pub(crate) use tables::{Format, TablesArgs, TablesCommand};
pub(crate) use workflows::{ApplyArgs, ExecuteArgs, GetArgs, SavedVersion, WorkflowsArgs, WorkflowsCommand};

/// Self-hosted security automation: connections, workflows and their runs
#[derive(Debug, Parser)]
#[command(name = "nictate", version, propagate_version = false, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Print one JSON document on stdout instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colours; `auto` is on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: When,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server, with its embedded database and runner unless configured otherwise
    Serve(ServeArgs),
    /// Bring the database's tables up to this version, then stop
    Migrate(MigrateArgs),
    /// Run a workflow file on this machine, without a server
    Run(RunArgs),
    /// Check workflow files without running them
    Validate(ValidateArgs),
    /// Evaluate an expression, or many
    Eval(EvalArgs),
    /// Stored connections to tools
    Connections(ConnectionsArgs),
    /// The kinds of tools that connections can be made to
    ConnectionTypes(ConnectionTypesArgs),
    /// Workflows on the server
    Workflows(WorkflowsArgs),
    /// Write a workspace into a folder of files, for git
    Pull(PullArgs),
    /// Bring a workspace to what a folder of files says
    Push(PushArgs),
    /// What the steps of workflows can do
    Actions(ActionsArgs),
    /// Runs of workflows
    Executions(ExecutionsArgs),
    /// Tables of the workspace: SQL, and records into files and out of them
    Tables(TablesArgs),
    /// Carry out steps for a server, from wherever this machine is
    Runner(RunnerArgs),
    /// Groups of runners, and the tokens that runners register with
    RunnerGroups(RunnerGroupsArgs),
    /// Runners that have registered with groups
    Runners(RunnersArgs),
    /// People who sign in, on the server's own machine
    Users(UsersArgs),
    /// The audit log, on the server's own machine
    Audit(AuditArgs),
    /// The keys that secrets are sealed with
    Keys(KeysArgs),
    /// Look for what is wrong with an installation
    Doctor(DoctorArgs),
    /// Print a shell's completion script
    Completions {
        /// The shell to print it for
        shell: clap_complete::Shell,
    },
    /// Print a file that is made from the code
    #[command(hide = true)]
    Generate {
        /// Which one
        what: GenerateWhat,
    },
}
