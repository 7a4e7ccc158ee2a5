//! What the commands need beyond Rust, and how a Debian machine gets it. Installs only as root;
//! anyone else is told what is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::shell::{self, find_program};

/// Programs of PostgreSQL 15, which Debian keeps off the path.
pub(crate) const POSTGRES_BIN: &str = "/usr/lib/postgresql/15/bin";

/// Something to have on the machine.
#[derive(Clone, Copy)]
pub(crate) struct Package {
    /// Its name in Debian.
    debian: &'static str,
    /// A program that is there once it is installed: a name on the path, or a whole path.
    program: &'static str,
}

pub(crate) const POSTGRES: Package =
    Package { debian: "postgresql-15", program: "/usr/lib/postgresql/15/bin/postgres" };
pub(crate) const CHROMIUM: Package = Package { debian: "chromium", program: "chromium" };
pub(crate) const NODE: Package = Package { debian: "nodejs", program: "node" };
pub(crate) const NPM: Package = Package { debian: "npm", program: "npm" };
pub(crate) const PIP: Package = Package { debian: "python3-pip", program: "pip3" };
pub(crate) const SQLITE: Package = Package { debian: "sqlite3", program: "sqlite3" };
pub(crate) const WRK: Package = Package { debian: "wrk", program: "wrk" };

impl Package {
    /// Where its program is, if it is there.
    pub(crate) fn path(self) -> Option<PathBuf> {
        if self.program.starts_with('/') {
            Some(PathBuf::from(self.program)).filter(|path| path.is_file())
        } else {
            find_program(self.program)
        }
    }
}

/// Makes sure that every package is there.
pub(crate) fn ensure(wanted: &[Package]) -> Outcome {
    let missing: Vec<&str> =
        wanted.iter().filter(|package| package.path().is_none()).map(|package| package.debian).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if !shell::is_root() || !Path::new("/usr/bin/apt-get").exists() {
        return Err(Failure::new(format!(
            "not installed: `{names}`; install them, or run this as root on Debian"
        )));
    }
    println!("installing {names}");
    apt_get(&["update", "-qq"])?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(&missing);
    apt_get(&install)?;
    match wanted.iter().find(|package| package.path().is_none()) {
        None => Ok(()),
        Some(package) => {
            Err(Failure::new(format!("package `{}` gave no program `{}`", package.debian, package.program)))
        }
    }
}

fn apt_get(arguments: &[&str]) -> Outcome {
    shell::run(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}
