//! `nictate eval`: expressions without a workflow around them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// A language of code steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    Python,
    Bash,
    #[value(name = "javascript")]
    JavaScript,
}

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// The expression; `-` reads it from stdin
    #[arg(required_unless_present = "batch", value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) expression: Option<String>,
    /// What it sees: a file with a JSON object, whose members are the roots; `-` reads stdin
    #[arg(long, short, value_name = "FILE")]
    pub(crate) env: Option<PathBuf>,
    /// Read one expression a line, print one line for each: its result as JSON, or `{"error": "…"}`; `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with = "expression")]
    pub(crate) batch: Option<PathBuf>,
    /// It is a text with expressions in `{{ … }}`; if it is nothing but one, its value keeps its type
    #[arg(long, short)]
    pub(crate) template: bool,
    /// The template is the code of a step in this language: values become text or literals there, never code
    #[arg(long, requires = "template", value_name = "LANGUAGE")]
    pub(crate) language: Option<Language>,
    /// Say what is wrong with it, certainly or probably, without evaluating it; ends with 6 if anything fails for certain
    #[arg(long, conflicts_with_all = ["batch", "complete"])]
    pub(crate) check: bool,
    /// Print what may be written at this byte of it, without evaluating it
    #[arg(long, value_name = "BYTE", conflicts_with = "batch")]
    pub(crate) complete: Option<usize>,
    /// What `now()` answers, in RFC 3339, instead of the machine's clock
    #[arg(long, value_name = "TIME")]
    pub(crate) now: Option<jiff::Timestamp>,
    /// Make what is random the same each time
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
}
