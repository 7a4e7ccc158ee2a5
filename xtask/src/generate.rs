//! `cargo xtask generate`: the files that are made from the code, so that they cannot tell anything else.
//! The binary prints each one (`nictate generate WHAT`); here is only the list of where they go.

use std::fs;
use std::path::PathBuf;

use crate::failure::{Context, Failure, Outcome};
use crate::shell::{self, Profile};

/// What the binary is asked for, and the file that holds its answer.
const FILES: &[(&str, &str)] = &[
    ("openapi", "openapi.json"),
    ("openapi-3.0", "docs/reference/openapi-3.0.json"),
    ("config-reference", "docs/reference/configuration.md"),
    ("cli-reference", "docs/reference/cli.md"),
    ("errors", "docs/reference/errors.md"),
    ("actions", "docs/reference/actions.md"),
    ("functions", "docs/reference/functions.md"),
];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write nothing; fail if a file differs from what would be written.
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let nictate = shell::build_nictate(Profile::Debug)?;
    let mut stale = Vec::new();
    for (what, file) in FILES {
        let text = shell::output(shell::program_at_root(&nictate).args(["generate", what]))?;
        let path = shell::root().join(file);
        if fs::read_to_string(&path).is_ok_and(|present| present == text) {
            continue;
        }
        if arguments.check {
            stale.push(*file);
        } else {
            write(&path, &text)?;
            println!("wrote {file}");
        }
    }
    if stale.is_empty() {
        Ok(())
    } else {
        let files = stale.join("`, `");
        Err(Failure::new(format!(
            "not what the code says: `{files}`; run `cargo xtask generate` and read the diff"
        )))
    }
}

fn write(path: &PathBuf, text: &str) -> Outcome {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).context(format!("create `{}`", folder.display()))?;
    }
    fs::write(path, text).context(format!("write `{}`", path.display()))
}
