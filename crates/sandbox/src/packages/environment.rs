//! An environment in use.

use std::io;
use std::path::{Path, PathBuf};

use nix::sys::stat::futimens;
use nix::sys::time::TimeSpec;

use super::claim::Claim;
use super::places::Places;

/// A folder of packages, for [`crate::Program::packages`]: whole, readable for all and writable for none. While this is
/// held, no process removes it: hold it until the program has ended.
#[derive(Debug)]
pub struct Environment {
    path: PathBuf,
    _claim: Claim,
}

impl Environment {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens one that is there, and notes that it was used.
    pub(super) fn open(places: &Places, key: &str) -> io::Result<Option<Self>> {
        let path = places.environment(key);
        // Before the claim, which would make a file for what is not there.
        if !path.is_dir() {
            return Ok(None);
        }
        let Some(claim) = Claim::shared(&places.claim(key))? else { return Ok(None) };
        if !path.is_dir() {
            return Ok(None);
        }
        futimens(claim.file(), &TimeSpec::UTIME_OMIT, &TimeSpec::UTIME_NOW)?;
        Ok(Some(Self { path, _claim: claim }))
    }
}
