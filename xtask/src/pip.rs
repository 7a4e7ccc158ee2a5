//! Programs from the index that pip is configured for, each in a folder of its own below the target folder.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::packages::{self, PIP};
use crate::shell;

/// A program that a Python package brings.
pub(crate) struct Tool {
    /// The package with its version: `uv==0.13.9`.
    pub(crate) package: &'static str,
    /// Its folder, and its program in `bin`.
    pub(crate) name: &'static str,
    /// Whether what the package depends on is needed too.
    pub(crate) dependencies: bool,
}

impl Tool {
    /// Where it is installed: also where Python finds its modules.
    pub(crate) fn folder(&self) -> PathBuf {
        shell::target_dir().join("tools").join(self.name)
    }

    /// Where its program is, installed if need be.
    pub(crate) fn ensure(&self) -> Outcome<PathBuf> {
        let program = self.folder().join("bin").join(self.name);
        if program.is_file() {
            return Ok(program);
        }
        packages::ensure(&[PIP])?;
        println!("installing {}", self.package);
        let mut pip = Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--only-binary",
            ":all:",
            "--root-user-action",
            "ignore",
        ]);
        if !self.dependencies {
            pip.arg("--no-deps");
        }
        pip.args(["--upgrade", "--target"]).arg(self.folder()).arg(self.package);
        shell::run(&mut pip)?;
        if program.is_file() {
            Ok(program)
        } else {
            Err(Failure::new(format!("`{}` gave no program `bin/{}`", self.package, self.name)))
        }
    }
}
