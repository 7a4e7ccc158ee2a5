//! Where the server is and as whom to speak to it: flags of every command that asks the API.

use clap::Args;

/// How to reach the API.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server options")]
pub(crate) struct ApiArgs {
    /// The server's address
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "NICTATE_URL",
        default_value = "http://127.0.0.1:8700"
    )]
    pub(crate) url: String,
    /// The API key; better in the environment, where `ps` does not show it
    #[arg(long, global = true, value_name = "KEY", env = "NICTATE_API_KEY", hide_env_values = true)]
    pub(crate) api_key: Option<String>,
    /// The workspace's id or name; without it the key's default workspace
    #[arg(long, global = true, value_name = "WORKSPACE", env = "NICTATE_WORKSPACE")]
    pub(crate) workspace: Option<String>,
}

/// Which part of a list to show.
#[derive(Debug, Args)]
pub(crate) struct PageArgs {
    /// Rows to show at most
    #[arg(long, value_name = "ROWS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=types::limits::PAGE_ROWS_MAX))]
    pub(crate) limit: u64,
    /// Rows to leave out at the beginning
    #[arg(long, value_name = "ROWS", default_value_t = 0)]
    pub(crate) offset: u64,
}
