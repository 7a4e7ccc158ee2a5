//! `nictate tables …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{ApiArgs, PageArgs};

#[derive(Debug, Args)]
pub(crate) struct TablesArgs {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    #[command(subcommand)]
    pub(crate) command: TablesCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TablesCommand {
    /// List the workspace's tables
    List {
        #[command(flatten)]
        page: PageArgs,
    },
    /// Ask the tables by a SELECT
    Sql {
        /// The SELECT; `-` reads it from stdin
        sql: String,
        /// A value for $1, $2, ... in this order: JSON, or else a text; can be repeated
        #[arg(short, long = "param", value_name = "VALUE", allow_hyphen_values = true)]
        params: Vec<String>,
    },
    /// Write a table's records into a file
    Export {
        /// The table's name
        table: String,
        /// csv, json or jsonl; by the file's name if this is not given, else csv
        #[arg(long, value_name = "FORMAT")]
        format: Option<Format>,
        /// The file, which must not exist; without it stdout
        #[arg(short, long, value_name = "PATH")]
        output: Option<PathBuf>,
        /// Which records and fields: JSON of filter, sort, select, search, ci
        #[arg(long, value_name = "JSON")]
        q: Option<String>,
    },
    /// Make the records of a file, and tell which could not be made
    Import {
        /// The table's name
        table: String,
        /// The file; `-` for stdin
        file: PathBuf,
        /// csv, json or jsonl; by the file's name if this is not given, else csv
        #[arg(long, value_name = "FORMAT")]
        format: Option<Format>,
    },
}

/// How records stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Csv,
    Json,
    Jsonl,
}

impl Format {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
        }
    }
}
