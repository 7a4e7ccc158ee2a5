//! Both sides beside each other: what belongs together, and which side has changed since the two were the same.

use std::collections::{HashMap, HashSet};

use super::folder::{self, Folder, Local};
use super::remote::Remote;
use super::state::{Entry, State};
use super::{Ids, Kind, names};

/// How the two sides of an object stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Same,
    /// Only in the folder, and always was.
    LocalNew,
    LocalChanged,
    /// Its file is gone, and the server has it as it was.
    LocalRemoved,
    /// Only on the server, and always was.
    RemoteNew,
    RemoteChanged,
    /// It is gone from the server, and the file is as it was.
    RemoteRemoved,
    /// Both sides have changed, or nobody knows which one.
    Both,
}

/// An object, on one side or both.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// Where its file is, or would be.
    pub(crate) path: String,
    /// Where it belongs by what the server says: of a workflow that has gone into another pack, there.
    pub(crate) path_of_remote: String,
    pub(crate) local: Option<Local>,
    pub(crate) remote: Option<Remote>,
    pub(crate) relation: Relation,
    /// What the version of the server was when both sides were the same.
    pub(crate) known_version: Option<String>,
}

/// Two sides, compared.
pub(crate) struct Compared {
    pub(crate) pairs: Vec<Pair>,
    /// From the folder's ids to the server's.
    pub(crate) to_remote: Ids,
    /// From the server's ids to the folder's.
    pub(crate) to_local: Ids,
}

/// Compares them.
pub(crate) fn compare(folder: &Folder, remotes: Vec<Remote>, state: &State) -> Compared {
    let mut pairs = matched(folder, remotes, state);
    let (mut to_remote, mut to_local) = (Ids::default(), Ids::default());
    for pair in &pairs {
        let (Some(local), Some(remote)) = (&pair.local, &pair.remote) else { continue };
        if let Some(id) = &local.object.id {
            to_remote.insert(id, &remote.key);
            to_local.insert(&remote.key, id);
        }
    }
    place(&mut pairs, state);
    let known: HashMap<(&str, &str), &Entry> =
        state.entries().map(|(_, entry)| ((entry.kind.as_str(), entry.id.as_str()), entry)).collect();
    for pair in &mut pairs {
        let base = match &pair.remote {
            Some(remote) => known.get(&(pair.kind.noun(), remote.key.as_str())).copied(),
            None => state.at(&pair.path),
        };
        pair.relation = relate(pair, &to_remote, base);
        pair.known_version = base.map(|base| base.version.clone());
    }
    pairs.sort_by(|a, b| (a.kind, &a.path).cmp(&(b.kind, &b.path)));
    Compared { pairs, to_remote, to_local }
}

/// Pairs by what is known of the file, by id, and then by name.
fn matched(folder: &Folder, remotes: Vec<Remote>, state: &State) -> Vec<Pair> {
    let mut remotes: Vec<Option<Remote>> = remotes.into_iter().map(Some).collect();
    let mut by_key: HashMap<(Kind, String), usize> = HashMap::new();
    let mut by_name: HashMap<(Kind, String), usize> = HashMap::new();
    for (place, remote) in remotes.iter().enumerate() {
        let Some(Remote { object, key, .. }) = remote else { continue };
        by_key.insert((object.kind, key.clone()), place);
        if !object.name.is_empty() {
            by_name.insert((object.kind, name_key(object.kind, object)), place);
        }
    }
    let mut found: Vec<Option<Remote>> = folder.locals.iter().map(|_| None).collect();
    for step in 0..3 {
        for (local, found) in folder.locals.iter().zip(&mut found) {
            if found.is_some() {
                continue;
            }
            let kind = local.object.kind;
            let place = match step {
                0 => local.object.id.clone().and_then(|id| by_key.get(&(kind, id))),
                1 => {
                    let entry = state.at(&local.path).filter(|entry| entry.kind == kind.noun());
                    entry.and_then(|entry| by_key.get(&(kind, entry.id.clone())))
                }
                _ => by_name.get(&(kind, name_key(kind, &local.object))),
            };
            *found = place.and_then(|place| remotes.get_mut(*place)).and_then(Option::take);
        }
    }
    let both = folder.locals.iter().cloned().zip(found).map(|(local, remote)| Pair {
        kind: local.object.kind,
        name: local.object.name.clone(),
        path: local.path.clone(),
        path_of_remote: local.path.clone(),
        local: Some(local),
        remote,
        relation: Relation::Same,
        known_version: None,
    });
    let mut pairs: Vec<Pair> = both.collect();
    pairs.extend(remotes.into_iter().flatten().map(|remote| Pair {
        kind: remote.object.kind,
        name: remote.object.name.clone(),
        path: String::new(),
        path_of_remote: String::new(),
        local: None,
        remote: Some(remote),
        relation: Relation::Same,
        known_version: None,
    }));
    pairs
}

fn name_key(kind: Kind, object: &super::Object) -> String {
    match kind {
        Kind::Connection => {
            format!("{}/{}", object.content["type"].as_str().unwrap_or_default(), object.name)
        }
        _ => object.name.clone(),
    }
}

/// Gives files to what has none, and says of workflows on the server in which pack's folder they are.
fn place(pairs: &mut [Pair], state: &State) {
    let known: HashMap<(&str, &str), &str> =
        state.entries().map(|(path, entry)| ((entry.kind.as_str(), entry.id.as_str()), path)).collect();
    let mut taken: HashMap<String, HashSet<String>> = HashMap::new();
    for pair in pairs.iter().filter(|pair| pair.local.is_some()) {
        let (folder, stem) = match pair.kind {
            Kind::Pack => ("packs".to_owned(), folder::pack_of(&pair.path)),
            _ => (pair.path.rsplit_once('/').unwrap_or_default().0.to_owned(), folder::stem(&pair.path)),
        };
        taken.entry(folder).or_default().insert(stem.to_ascii_lowercase());
    }
    let mut claim = |kind: Kind, key: &str, name: &str, folder: &str, path_of: &dyn Fn(&str) -> String| {
        let taken = taken.entry(folder.to_owned()).or_default();
        // Where its file was before it was removed, unless another one is there by now.
        let before = known.get(&(kind.noun(), key)).map(|path| match kind {
            Kind::Pack => folder::pack_of(path),
            _ => folder::stem(path),
        });
        let before = before.filter(|before| taken.insert(before.to_ascii_lowercase()));
        path_of(&before.map_or_else(|| names::claim(name, taken), str::to_owned))
    };
    let mut packs: HashMap<String, String> = HashMap::new();
    for pair in pairs.iter_mut().filter(|pair| pair.kind == Kind::Pack) {
        let Some(remote) = &pair.remote else { continue };
        if pair.local.is_none() {
            pair.path = claim(Kind::Pack, &remote.key, &pair.name, "packs", &folder::pack_path);
        }
        packs.insert(remote.key.clone(), folder::pack_of(&pair.path).to_owned());
    }
    for pair in pairs.iter_mut() {
        let Some(remote) = &mut pair.remote else { continue };
        if pair.kind == Kind::Workflow {
            let id =
                remote.object.content.get("pack").and_then(serde_json::Value::as_str).unwrap_or_default();
            // A server of an older version has stored it, which knows no packs.
            let pack = packs.get(id).cloned().unwrap_or_else(|| "default".to_owned());
            remote.object.content.insert("pack".to_owned(), pack.clone().into());
            if pair.local.is_none() {
                let path = |stem: &str| folder::document_path(&pack, stem);
                pair.path = claim(pair.kind, &remote.key, &pair.name, &format!("packs/{pack}"), &path);
            } else if folder::pack_of(&pair.path) != pack {
                let path = |stem: &str| folder::document_path(&pack, stem);
                let name = &remote.object.name;
                pair.path_of_remote = claim(pair.kind, "", name, &format!("packs/{pack}"), &path);
            }
        } else if pair.local.is_none() && pair.kind != Kind::Pack {
            let path = |stem: &str| folder::plain_path(pair.kind, stem);
            pair.path = claim(pair.kind, &remote.key, &pair.name, folder::folder_of(pair.kind), &path);
        }
        if pair.path_of_remote.is_empty() {
            pair.path_of_remote.clone_from(&pair.path);
        }
    }
}

fn relate(pair: &Pair, to_remote: &Ids, base: Option<&Entry>) -> Relation {
    match (&pair.local, &pair.remote) {
        (Some(local), Some(remote)) => {
            let theirs = remote.object.hash();
            if local.object.with_ids(to_remote).hash() == theirs {
                return Relation::Same;
            }
            let Some(base) = base else { return Relation::Both };
            if base.remote.is_empty() {
                // A push that was cut off has made it.
                return Relation::LocalChanged;
            }
            match (local.object.hash() == base.local, theirs == base.remote) {
                (true, true) => Relation::Same,
                (false, true) => Relation::LocalChanged,
                (true, false) => Relation::RemoteChanged,
                (false, false) => Relation::Both,
            }
        }
        (Some(local), None) => match base {
            None => Relation::LocalNew,
            Some(base) if local.object.hash() == base.local => Relation::RemoteRemoved,
            Some(_) => Relation::Both,
        },
        (None, Some(remote)) => match base {
            None => Relation::RemoteNew,
            Some(base) if remote.object.hash() == base.remote => Relation::LocalRemoved,
            Some(_) => Relation::Both,
        },
        (None, None) => Relation::Same,
    }
}
