//! `nictate workflows …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ApiArgs, Assignment, PageArgs};

#[derive(Debug, Args)]
pub(crate) struct WorkflowsArgs {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    #[command(subcommand)]
    pub(crate) command: WorkflowsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkflowsCommand {
    /// List the workspace's workflows
    List {
        /// Only workflows with this text in their name
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Print a workflow's document
    Get(GetArgs),
    /// Check files, store them under their names and publish them
    Apply(ApplyArgs),
    /// Start a run
    Execute(ExecuteArgs),
    /// Delete a workflow
    Delete {
        /// The workflow's name or id
        workflow: String,
    },
    /// List what was saved of a workflow: drafts and published versions
    Versions {
        /// The workflow's name or id
        workflow: String,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show what is different between two versions of a workflow
    Diff {
        /// The workflow's name or id
        workflow: String,
        /// `draft/3`, `public/2`, `3` for a draft, `draft` or `public` for the newest
        from: String,
        /// The same; the newest draft, if it is left out
        to: Option<String>,
    },
    /// Make an old version the newest draft
    Restore {
        /// The workflow's name or id
        workflow: String,
        /// `draft/3`, `public/2`, or `3` for a draft
        #[arg(value_parser = SavedVersion::parse)]
        version: SavedVersion,
    },
}

/// One saved version, as a person names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SavedVersion {
    pub(crate) branch: String,
    pub(crate) number: u64,
}

impl SavedVersion {
    fn parse(text: &str) -> Result<Self, String> {
        let (branch, number) = text.split_once('/').unwrap_or(("draft", text));
        match (branch, number.parse()) {
            ("draft" | "public", Ok(number)) => Ok(Self { branch: branch.to_owned(), number }),
            _ => Err("write `draft/3`, `public/2`, or `3` for a draft".to_owned()),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The workflow's name or id
    pub(crate) workflow: String,
    /// The latest draft instead of the published version
    #[arg(long)]
    pub(crate) draft: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The workflow files; a file's `name`, or else the file's own name, is the workflow's
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Store them as drafts and publish nothing
    #[arg(long)]
    pub(crate) draft: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExecuteArgs {
    /// The workflow's name or id
    pub(crate) workflow: String,
    /// One input: `name=value`, `name=@FILE` reads a file, `name:=JSON` is not text
    #[arg(long = "input", short, value_name = "NAME=VALUE", value_parser = Assignment::input)]
    pub(crate) inputs: Vec<Assignment>,
    /// Print steps as they finish, then the outputs
    #[arg(long, short)]
    pub(crate) wait: bool,
    /// Seconds to wait at most; the run itself goes on
    #[arg(long, value_name = "SECONDS", requires = "wait", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
}
