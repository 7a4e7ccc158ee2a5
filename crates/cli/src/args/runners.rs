//! `nictate runner-groups …` and `nictate runners …`.

use clap::{Args, Subcommand};

use super::{ApiArgs, PageArgs};

#[derive(Debug, Args)]
pub(crate) struct RunnerGroupsArgs {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    #[command(subcommand)]
    pub(crate) command: RunnerGroupsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunnerGroupsCommand {
    /// List the workspace's runner groups
    List {
        #[command(flatten)]
        page: PageArgs,
    },
    /// Make a runner group and show its token, this once
    Create {
        /// The name that workflows, steps and connections use
        name: String,
        /// Steps go there for which nothing names a group
        #[arg(long)]
        default: bool,
    },
    /// Make a runner group the one for steps for which nothing names a group
    SetDefault {
        /// The group's name or id
        group: String,
    },
    /// Delete a runner group that nothing uses; its runners are cut off
    Delete {
        /// The group's name or id
        group: String,
    },
    /// Replace a group's token and show the new one, this once; its runners are cut off
    RotateToken {
        /// The group's name or id
        group: String,
    },
    /// Take a group its token away; its runners are cut off and none comes back
    RevokeToken {
        /// The group's name or id
        group: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RunnersArgs {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    #[command(subcommand)]
    pub(crate) command: RunnersCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunnersCommand {
    /// List the runners that have registered with groups of the workspace
    List {
        #[command(flatten)]
        page: PageArgs,
    },
}
