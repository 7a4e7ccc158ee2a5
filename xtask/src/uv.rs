//! The `uv` that tests resolve and install Python packages with: the machine's, or one of our own below the target folder.

use std::path::PathBuf;

use crate::failure::Outcome;
use crate::pip::Tool;
use crate::shell::find_program;

const UV: Tool = Tool { package: "uv==0.13.9", name: "uv", dependencies: false };

/// Where it is, installed if need be. The tests of the sandbox look there too.
pub(crate) fn ensure() -> Outcome<PathBuf> {
    match find_program("uv") {
        Some(uv) => Ok(uv),
        None => UV.ensure(),
    }
}
