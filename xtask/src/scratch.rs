//! Folders that go away with their guard. What a killed run left behind goes away at the next one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Context, Outcome};

/// A new, empty folder of this process.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes `nictate-NAME-PROCESS` in `place`. `name` is one word, unique within this process.
    pub(crate) fn make(place: &Path, name: &str) -> Outcome<Self> {
        let prefix = format!("nictate-{name}-");
        remove_leftovers(place, &prefix);
        let folder = place.join(format!("{prefix}{}", std::process::id()));
        fs::create_dir_all(&folder).context(format!("create `{}`", folder.display()))?;
        Ok(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes folders of processes that are no more. What cannot be removed is not ours to mourn.
fn remove_leftovers(place: &Path, prefix: &str) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(prefix)?.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_of_dead_processes_go_and_those_of_living_ones_stay() {
        let place = std::env::temp_dir();
        // No process has this number: Linux ends at 2^22.
        let (dead, living) = (place.join("nictate-leftover-4194999"), place.join("nictate-leftover-1"));
        fs::create_dir_all(&dead).unwrap();
        fs::create_dir_all(&living).unwrap();
        let scratch = Scratch::make(&place, "leftover").unwrap();
        assert!(!dead.exists() && living.exists() && scratch.path().is_dir());
        let path = scratch.path().to_owned();
        drop(scratch);
        assert!(!path.exists());
        fs::remove_dir(living).unwrap();
    }
}
