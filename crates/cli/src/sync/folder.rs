//! The folder: read within limits and without leaving it, written file by file, each at once.

use std::collections::HashSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Kind, Object, schema, yaml};
use crate::exit::Exit;
use crate::failure::{Context as _, Failure, Outcome};

/// Files of a folder.
pub(crate) const FILES_MAX: usize = 30_000;
/// Bytes of a file.
pub(crate) const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Problems that are listed.
const PROBLEMS_MAX: usize = 50;
/// The only form there is.
const FORMAT: u64 = 1;

pub(crate) const MANIFEST: &str = "nictate.yaml";
/// Beside a workflow's document.
const SIDECAR: &str = ".meta.yaml";
const ENDING: &str = ".yaml";
const PACK_FILE: &str = "pack.yaml";

/// What a folder says of itself: the workspace that it came from first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manifest {
    pub(crate) workspace: String,
    pub(crate) id: String,
}

/// An object in its file.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) object: Object,
    /// Below the folder, with `/`; of a workflow its document.
    pub(crate) path: String,
}

/// A folder that was read.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    pub(crate) root: PathBuf,
    pub(crate) manifest: Option<Manifest>,
    pub(crate) locals: Vec<Local>,
}

/// Where the files of a kind are.
pub(crate) const fn folder_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Connection => "connections",
        Kind::Table => "tables",
        Kind::Pack | Kind::Workflow => "packs",
        Kind::Agent => "agents",
        Kind::App => "apps",
    }
}

/// The file of a pack.
pub(crate) fn pack_path(folder: &str) -> String {
    format!("packs/{folder}/{PACK_FILE}")
}

/// The file of a workflow's document.
pub(crate) fn document_path(folder: &str, stem: &str) -> String {
    format!("packs/{folder}/{stem}{ENDING}")
}

/// The file of everything else.
pub(crate) fn plain_path(kind: Kind, stem: &str) -> String {
    format!("{}/{stem}{ENDING}", folder_of(kind))
}

/// `a` of `packs/x/a.yaml`.
pub(crate) fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(ENDING).unwrap_or(name)
}

/// `x` of `packs/x/a.yaml`.
pub(crate) fn pack_of(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

fn sidecar_of(path: &str) -> String {
    format!("{}{SIDECAR}", path.strip_suffix(ENDING).unwrap_or(path))
}

impl Folder {
    /// Reads everything; a folder that is not there is empty.
    ///
    /// # Errors
    /// Every file that cannot be understood, by line and column; symbolic links; more than the limits.
    pub(crate) fn read(root: &Path) -> Outcome<Self> {
        let mut reader = Reader { root, files: 0, problems: Vec::new() };
        let mut folder = Self { root: root.to_owned(), ..Self::default() };
        if let Some(text) = reader.text(MANIFEST)? {
            folder.manifest = reader.manifest(&text);
        }
        for kind in [Kind::Connection, Kind::Table, Kind::Agent, Kind::App] {
            for name in reader.list(folder_of(kind), false)? {
                let path = format!("{}/{name}", folder_of(kind));
                folder.locals.extend(reader.plain(kind, path)?);
            }
        }
        for pack in reader.list("packs", true)? {
            reader.pack(&pack, &mut folder.locals)?;
        }
        reader.finish()?;
        refuse_namesakes(&folder.locals)?;
        Ok(folder)
    }

    /// Writes what the folder says of itself.
    pub(crate) fn write_manifest(&self, workspace: &str, id: &str, server: &str) -> Outcome<()> {
        let manifest = json!({"format": FORMAT, "workspace": workspace, "id": id, "server": server});
        let text = manifest.as_object().map(yaml::file).unwrap_or_default();
        self.write(MANIFEST, &text)
    }

    /// Writes the file or files of an object.
    pub(crate) fn write_object(&self, path: &str, object: &Object) -> Outcome<()> {
        let mut map = Map::new();
        map.extend(object.id.clone().map(|id| ("id".to_owned(), Value::from(id))));
        map.extend(object.content.clone());
        match &object.document {
            Some(document) => {
                // Its folder says that.
                map.shift_remove("pack");
                self.write(&sidecar_of(path), &yaml::file(&map))?;
                self.write(path, document)
            }
            None => self.write(path, &yaml::file(&map)),
        }
    }

    /// Removes the file or files of an object, and the folder of a pack if nothing is left in it.
    pub(crate) fn remove_object(&self, kind: Kind, path: &str) -> Outcome<()> {
        let mut paths = vec![path.to_owned()];
        if kind == Kind::Workflow {
            paths.push(sidecar_of(path));
        }
        for path in paths {
            let removed = self.place(&path).and_then(|place| match fs::remove_file(place) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(error).context(Exit::Failed, || format!("remove `{path}`"))
                }
                _ => Ok(()),
            });
            removed?;
        }
        if folder_of(kind) == "packs" {
            // It stays where something is left in it.
            let _ = fs::remove_dir(self.root.join("packs").join(pack_of(path)));
        }
        Ok(())
    }

    /// Writes a file as a whole or not at all.
    pub(crate) fn write(&self, path: &str, text: &str) -> Outcome<()> {
        if text.len() as u64 > FILE_BYTES_MAX {
            let message = format!("`{path}` would have {} bytes; at most {FILE_BYTES_MAX}", text.len());
            return Err(Failure::new(Exit::Invalid, message));
        }
        self.write_long(path, text)
    }

    /// The same for a file that has a limit of its own.
    pub(super) fn write_long(&self, path: &str, text: &str) -> Outcome<()> {
        let place = self.place(path)?;
        let writing = || format!("write `{path}`");
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).context(Exit::Failed, writing)?;
        }
        let mut name = place.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let beside = place.with_file_name(name);
        let written = fs::File::create(&beside)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&beside, &place));
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written.context(Exit::Failed, writing)
    }

    /// Where a path lies; nothing on the way may lead elsewhere.
    fn place(&self, path: &str) -> Outcome<PathBuf> {
        let mut place = self.root.clone();
        for part in path.split('/') {
            place.push(part);
            refuse_link(&place, path)?;
        }
        Ok(place)
    }
}

fn refuse_link(place: &Path, path: &str) -> Outcome<()> {
    if fs::symlink_metadata(place).is_ok_and(|found| found.file_type().is_symlink()) {
        let message =
            format!("`{path}` is, or lies behind, a symbolic link, which may lead out of the folder");
        return Err(Failure::new(Exit::Invalid, message));
    }
    Ok(())
}

/// No two files may mean the same object.
fn refuse_namesakes(locals: &[Local]) -> Outcome<()> {
    let (mut names, mut ids) = (HashSet::new(), HashSet::new());
    for Local { object, path } in locals {
        let kind = object.kind;
        let told_apart = match kind {
            // Of each type one may have the name.
            Kind::Connection => format!("{} {}", object.content["type"], object.name),
            _ => object.name.clone(),
        };
        let same_name = !object.name.is_empty() && !names.insert((kind, told_apart));
        let same_id = object.id.clone().is_some_and(|id| !ids.insert(id));
        if same_name || same_id {
            let (what, value) = if same_id {
                ("id", object.id.as_deref().unwrap_or_default())
            } else {
                ("name", &*object.name)
            };
            let message = format!("`{path}` has the {what} `{value}`, which another {} has too", kind.noun());
            return Err(Failure::new(Exit::Invalid, message).hint(if same_id {
                "leave `id` out in a copy"
            } else {
                "names are unique in a workspace"
            }));
        }
    }
    Ok(())
}

struct Reader<'a> {
    root: &'a Path,
    files: usize,
    problems: Vec<String>,
}

impl Reader<'_> {
    /// The names of the files, or of the folders, in a folder, sorted. Hidden ones and files of others are none of ours.
    fn list(&mut self, folder: &str, folders: bool) -> Outcome<Vec<String>> {
        let place = self.root.join(folder);
        refuse_link(&place, folder)?;
        let reading = || format!("read the folder `{folder}`");
        let entries = match fs::read_dir(&place) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.context(Exit::Failed, reading)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.context(Exit::Failed, reading)?;
            self.files += 1;
            if self.files > FILES_MAX {
                let message = format!("`{}` has more than {FILES_MAX} files", self.root.display());
                return Err(Failure::new(Exit::Invalid, message));
            }
            let Ok(name) = entry.file_name().into_string() else { continue };
            let kind = entry.file_type().context(Exit::Failed, reading)?;
            let ours = folders || name.ends_with(ENDING);
            if name.starts_with('.') || !ours {
                continue;
            }
            refuse_link(&entry.path(), &format!("{folder}/{name}"))?;
            if kind.is_dir() == folders {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// The text of a file; none if it is not there, or no text, which is noted.
    fn text(&mut self, path: &str) -> Outcome<Option<String>> {
        let place = self.root.join(path);
        refuse_link(&place, path)?;
        let mut bytes = Vec::new();
        let read =
            fs::File::open(&place).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
        match read {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.context(Exit::Failed, || format!("read `{path}`"))?,
        };
        if bytes.len() as u64 > FILE_BYTES_MAX {
            self.problems.push(format!("{path}: has more than {FILE_BYTES_MAX} bytes"));
            return Ok(None);
        }
        let text = String::from_utf8(bytes);
        if let Err(error) = &text {
            let at = error.utf8_error().valid_up_to();
            self.problems.push(format!("{path}: is no text in UTF-8: byte {at} is not valid"));
        }
        Ok(text.ok())
    }

    fn record(&mut self, path: &str, text: &str, keys: &'static [schema::Key]) -> Option<Map<String, Value>> {
        match schema::read(path, text, keys) {
            Ok(map) => Some(map),
            Err(problems) => {
                self.problems.extend(problems);
                None
            }
        }
    }

    fn manifest(&mut self, text: &str) -> Option<Manifest> {
        let map = self.record(MANIFEST, text, schema::MANIFEST)?;
        if map["format"] != FORMAT {
            let message = format!("{MANIFEST}: `format` is {}; this program knows {FORMAT}", map["format"]);
            self.problems.push(message);
            return None;
        }
        let text = |name: &str| map.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Manifest { workspace: text("workspace"), id: text("id") })
    }

    fn plain(&mut self, kind: Kind, path: String) -> Outcome<Option<Local>> {
        let Some(text) = self.text(&path)? else { return Ok(None) };
        let map = self.record(&path, &text, schema::keys(kind));
        Ok(map.map(|map| Local { object: object(kind, map, None), path }))
    }

    fn pack(&mut self, pack: &str, locals: &mut Vec<Local>) -> Outcome<()> {
        let path = pack_path(pack);
        let map = match self.text(&path)? {
            Some(text) => self.record(&path, &text, schema::keys(Kind::Pack)),
            None => json!({"name": pack}).as_object().cloned(),
        };
        locals.extend(map.map(|map| Local { object: object(Kind::Pack, map, None), path }));
        let names = self.list(&format!("packs/{pack}"), false)?;
        for name in &names {
            if name == PACK_FILE {
                continue;
            }
            if let Some(stem) = name.strip_suffix(SIDECAR) {
                if !names.contains(&format!("{stem}{ENDING}")) {
                    self.problems.push(format!("packs/{pack}/{name}: there is no document `{stem}{ENDING}`"));
                }
                continue;
            }
            let path = format!("packs/{pack}/{name}");
            locals.extend(self.workflow(pack, path)?);
        }
        Ok(())
    }

    fn workflow(&mut self, pack: &str, path: String) -> Outcome<Option<Local>> {
        let Some(document) = self.text(&path)? else { return Ok(None) };
        let sidecar = sidecar_of(&path);
        let mut map = match self.text(&sidecar)? {
            Some(text) => match self.record(&sidecar, &text, schema::keys(Kind::Workflow)) {
                Some(map) => map,
                None => return Ok(None),
            },
            None => Map::new(),
        };
        if map.get("name").is_none_or(Value::is_null) {
            let parsed = workflow::parse(&document).document;
            let name = parsed.as_ref().and_then(|document| document.name());
            map.insert("name".to_owned(), name.unwrap_or(stem(&path)).into());
        }
        map.insert("pack".to_owned(), pack.into());
        Ok(Some(Local { object: object(Kind::Workflow, map, Some(document)), path }))
    }

    fn finish(mut self) -> Outcome<()> {
        if self.problems.is_empty() {
            return Ok(());
        }
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        self.problems.truncate(PROBLEMS_MAX);
        let message = format!("the folder `{}` has {count} {noun}", self.root.display());
        Err(Failure::new(Exit::Invalid, message).details(self.problems))
    }
}

/// An object of what its file says.
pub(super) fn object(kind: Kind, mut map: Map<String, Value>, document: Option<String>) -> Object {
    let text = |value: Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
    let id = text(map.remove("id")).filter(|id| !id.is_empty());
    let content = schema::normal(kind, map);
    let name = text(content.get("name").cloned()).unwrap_or_default();
    Object { kind, id, name, content, document }
}
