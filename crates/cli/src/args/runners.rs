//! `nictate runner`, `nictate runner-groups …` and `nictate runners …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use server::config::{Sandbox, SandboxMode};

use super::{ApiArgs, PageArgs};

#[derive(Debug, Args)]
pub(crate) struct RunnerArgs {
    /// The server's address; several servers of one database: once for each
    #[arg(
        long = "server",
        value_name = "URL",
        env = "NICTATE_RUNNER_SERVER",
        value_delimiter = ',',
        required = true
    )]
    pub(crate) servers: Vec<String>,
    /// The runner group that the token must open; without it the token alone decides
    #[arg(long, value_name = "NAME", env = "NICTATE_RUNNER_GROUP")]
    pub(crate) group: Option<String>,
    /// The group's token; better in the environment, where `ps` does not show it
    #[arg(long, value_name = "TOKEN", env = "NICTATE_RUNNER_TOKEN", hide_env_values = true, required = true)]
    pub(crate) token: String,
    /// What the runner is called in lists
    #[arg(long, value_name = "NAME", env = "NICTATE_RUNNER_NAME", default_value = "runner")]
    pub(crate) name: String,
    /// Steps that it runs at a time
    #[arg(long, value_name = "STEPS", env = "NICTATE_RUNNER_CAPACITY", default_value_t = runner::CAPACITY_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) capacity: u32,
    /// A word that the runner says of itself; can be repeated
    #[arg(long = "label", value_name = "WORD")]
    pub(crate) labels: Vec<String>,
    /// Seconds that steps in flight get to finish when it is asked to stop
    #[arg(long, value_name = "SECONDS", env = "NICTATE_RUNNER_GRACE", default_value_t = 30)]
    pub(crate) grace: u64,
    /// What is accepted where the kernel forbids a part of the sandbox for code steps: full (nothing), reduced (fewer
    /// walls), off (no code at all)
    #[arg(long, value_name = "MODE", env = "NICTATE_RUNNER_SANDBOX", default_value = "full", value_parser = sandbox_mode)]
    pub(crate) sandbox: SandboxMode,
    /// The Python interpreter for code steps, instead of python3 on PATH
    #[arg(long, value_name = "PATH", env = "NICTATE_RUNNER_PYTHON")]
    pub(crate) python: Option<PathBuf>,
    /// MiB of memory that the code of one step may use
    #[arg(long, value_name = "MIB", env = "NICTATE_RUNNER_CODE_MEMORY", default_value_t = Sandbox::default().memory_mib, value_parser = clap::value_parser!(u64).range(Sandbox::MEMORY_MIB_MIN..=Sandbox::MEMORY_MIB_MAX))]
    pub(crate) code_memory: u64,
    /// Let no code step reach the network, whatever it asks for
    #[arg(long)]
    pub(crate) no_code_network: bool,
    /// The program uv, which installs the Python packages that code requires, instead of uv on PATH
    #[arg(long, value_name = "PATH", env = "NICTATE_RUNNER_UV")]
    pub(crate) uv: Option<PathBuf>,
    /// Where installed Python packages are kept; without it in a folder of the user's cache
    #[arg(long, value_name = "FOLDER", env = "NICTATE_RUNNER_PACKAGES")]
    pub(crate) packages: Option<PathBuf>,
    /// The index that Python packages come from, also with user:password@; better in the environment
    #[arg(long, value_name = "URL", env = "NICTATE_RUNNER_INDEX_URL", hide_env_values = true)]
    pub(crate) index_url: Option<String>,
    /// Fetch no Python packages: what is not in the cache is not to be had
    #[arg(long)]
    pub(crate) offline: bool,
    /// Where secrets are that the server does not have: NAME=folder:PATH or NAME=vault:https://HOST/MOUNT; can be repeated
    ///
    /// A vault is asked with VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, of the environment.
    #[arg(long = "secret-manager", value_name = "NAME=PLACE")]
    pub(crate) secret_managers: Vec<String>,
    /// A PEM file of certificate authorities to trust besides the public ones, as servers and as what steps ask
    #[arg(long, value_name = "PATH", env = "NICTATE_RUNNER_CA_FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Connect without TLS to another machine, for example inside a tunnel
    #[arg(long)]
    pub(crate) allow_plaintext: bool,
    /// What is logged, as in RUST_LOG
    #[arg(long, value_name = "FILTER", env = "NICTATE_LOG_LEVEL", default_value = "info")]
    pub(crate) log_level: String,
}

fn sandbox_mode(text: &str) -> Result<SandboxMode, String> {
    let mode = SandboxMode::ALL.into_iter().find(|mode| mode.as_str() == text);
    mode.ok_or_else(|| format!("`{text}` is none of full, reduced and off"))
}

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
