//! `nictate pull` and `nictate push`.

use std::path::PathBuf;

use clap::Args;

use super::ApiArgs;

#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// The folder
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Print what would change and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Overwrite what has changed in the folder too; files that are new stay
    #[arg(long)]
    pub(crate) force: bool,
    // Last, for its heading goes on over what follows.
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// The folder
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Print what would change and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// End with code 9 if there is something to change
    #[arg(long, requires = "dry_run")]
    pub(crate) exit_code: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Publish workflows and agents whose published version is another one than the folder's
    #[arg(long)]
    pub(crate) publish: bool,
    /// Remove from the server what was removed from the folder: tables and fields with all their values too
    #[arg(long)]
    pub(crate) prune: bool,
    /// Overwrite what has changed on the server too, or was not there at the last pull
    #[arg(long)]
    pub(crate) force: bool,
    // Last, for its heading goes on over what follows.
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}
