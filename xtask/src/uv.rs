//! The `uv` that tests resolve and install Python packages with: the machine's, or one of our own below the target folder,
//! which comes from the index that pip is configured for.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::packages::{self, PIP};
use crate::shell::{self, find_program};

/// Which one is installed.
const WANTED: &str = "uv==0.13.9";

/// Where it is, installed if need be. The tests of the sandbox look there too.
pub(crate) fn ensure() -> Outcome<PathBuf> {
    if let Some(uv) = find_program("uv") {
        return Ok(uv);
    }
    let folder = shell::target_dir().join("tools").join("uv");
    let uv = folder.join("bin").join("uv");
    if uv.is_file() {
        return Ok(uv);
    }
    packages::ensure(&[PIP])?;
    println!("installing {WANTED}");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]);
    pip.args(["--root-user-action", "ignore", "--upgrade", "--target"]).arg(&folder).arg(WANTED);
    shell::run(&mut pip)?;
    if uv.is_file() { Ok(uv) } else { Err(Failure::new(format!("`{WANTED}` gave no program `bin/uv`"))) }
}
