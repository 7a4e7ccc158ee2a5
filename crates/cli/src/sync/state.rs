//! `.nictate/state.json`: how each object was, on either side, when the two were the same last. For each workspace of
//! each server that the folder has to do with, for one folder may go to many.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Target;
use super::folder::Folder;
use crate::exit::Exit;
use crate::failure::{Context as _, Failure, Outcome};

const PATH: &str = ".nictate/state.json";
/// It is about this copy of the folder, so git need not keep it.
const IGNORE: &str = ".nictate/.gitignore";
const FORMAT: u64 = 1;
/// Bytes of it: 300 for each object, of ten workspaces as full as they may be.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u64,
    targets: BTreeMap<String, BTreeMap<String, Entry>>,
}

/// An object when both sides were the same last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) kind: String,
    /// The server's.
    pub(crate) id: String,
    /// For people.
    pub(crate) version: String,
    /// The hash of what the folder says; empty while it has not all been pushed.
    pub(crate) local: String,
    /// The hash of what the server says; empty of what a push has made and not read back.
    pub(crate) remote: String,
}

/// What is known of one target.
#[derive(Debug)]
pub(crate) struct State {
    file: File,
    target: String,
}

impl State {
    /// Reads what is known; nothing if there is no such file.
    pub(crate) fn read(folder: &Folder, target: &Target) -> Outcome<Self> {
        let place = folder.root.join(PATH);
        let reading = || format!("read `{PATH}`");
        let file = match std::fs::metadata(&place) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                File { format: FORMAT, ..File::default() }
            }
            found => {
                let bytes = found.context(Exit::Failed, reading)?.len();
                if bytes > BYTES_MAX {
                    let message = format!("`{PATH}` has {bytes} bytes; at most {BYTES_MAX}");
                    return Err(Failure::new(Exit::Invalid, message));
                }
                let text = std::fs::read(&place).context(Exit::Failed, reading)?;
                serde_json::from_slice(&text).context(Exit::Invalid, reading).map_err(|failure| {
                    failure
                        .hint(format!("remove `{PATH}`: what is the same on both sides is noted in it anew"))
                })?
            }
        };
        if file.format != FORMAT {
            let message = format!("`{PATH}` has the format {}; this program knows {FORMAT}", file.format);
            return Err(Failure::new(Exit::Invalid, message));
        }
        Ok(Self { file, target: target.key() })
    }

    /// What is known of the file.
    pub(crate) fn at(&self, path: &str) -> Option<&Entry> {
        self.file.targets.get(&self.target)?.get(path)
    }

    /// Everything that is known: the files, and what is known of each.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.file.targets.get(&self.target).into_iter().flatten().map(|(path, entry)| (path.as_str(), entry))
    }

    /// Notes an object, in place of what was known of it under whatever path.
    pub(crate) fn note(&mut self, path: &str, entry: Entry) {
        let known = self.file.targets.entry(self.target.clone()).or_default();
        known.retain(|_, other| other.kind != entry.kind || other.id != entry.id);
        known.insert(path.to_owned(), entry);
    }

    /// Forgets an object that is gone on both sides.
    pub(crate) fn forget(&mut self, path: &str) {
        if let Some(known) = self.file.targets.get_mut(&self.target) {
            known.remove(path);
        }
    }

    /// Writes it down.
    pub(crate) fn write(&self, folder: &Folder) -> Outcome<()> {
        if !folder.root.join(IGNORE).exists() {
            folder.write(IGNORE, "*\n")?;
        }
        let text =
            serde_json::to_string_pretty(&self.file).context(Exit::Failed, || format!("write `{PATH}`"))?;
        folder.write_long(PATH, &(text + "\n"))
    }
}
