//! `nictate pull`: the workspace into a folder. Nothing that a person wrote there is lost: where both sides have
//! changed, nothing is written at all.

use crate::args::PullArgs;
use crate::client::Client;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::printer::Printer;
use crate::sync::compare::{Compared, Pair, Relation, compare};
use crate::sync::folder::Folder;
use crate::sync::report::{self, Action, Line};
use crate::sync::state::{Entry, State};
use crate::sync::{Kind, Target, remote};
use crate::text::printable;

pub(crate) async fn run(args: &PullArgs, printer: &Printer) -> Outcome {
    let folder = Folder::read(&args.folder)?;
    let target = Target::find(Client::new(&args.api)?, folder.manifest.as_ref()).await?;
    let mut state = State::read(&folder, &target)?;
    let compared = compare(&folder, remote::all(&target.client).await?, &state);
    let lines: Vec<Line> = compared.pairs.iter().map(|pair| line(pair, args.force)).collect();
    report::show(printer, &lines);
    if lines.iter().any(|line| line.action == Action::Conflict) {
        return Err(report::conflict(&lines, "--force overwrites what is in the folder"));
    }
    if !args.dry_run {
        write(&folder, &target, &compared, &lines, &mut state)?;
    }
    if printer.is_json() {
        printer.json(&report::to_json(&target, &lines, !args.dry_run));
    } else if !args.dry_run {
        let (name, place) = (printable(&target.name), args.folder.display().to_string());
        printer.note(&format!("workspace `{name}` is in `{}`", printable(&place)));
    }
    Ok(Exit::Ok)
}

fn line(pair: &Pair, force: bool) -> Line {
    let removed = if pair.remote.is_some() { Action::Add } else { Action::Remove };
    let taken = if pair.local.is_some() && pair.remote.is_some() { Action::Change } else { removed };
    let (action, note) = match pair.relation {
        Relation::Same => (Action::Unchanged, ""),
        Relation::RemoteNew => (Action::Add, ""),
        Relation::RemoteChanged => (Action::Change, ""),
        Relation::RemoteRemoved => (Action::Remove, "gone from the server"),
        Relation::LocalNew => (Action::Ahead, "not on the server: push it"),
        Relation::LocalChanged | Relation::LocalRemoved | Relation::Both if force => (taken, "by force"),
        Relation::LocalChanged => (Action::Ahead, "changed in the folder: push it"),
        Relation::LocalRemoved => (Action::Ahead, "removed from the folder: push --prune removes it"),
        Relation::Both => (Action::Conflict, ""),
    };
    let note = if action == Action::Conflict { conflict_note(pair) } else { note.to_owned() };
    let path = if action == Action::Change { &pair.path_of_remote } else { &pair.path };
    Line { action, kind: pair.kind, name: shown_name(pair), path: path.clone(), note }
}

/// The server's name, which is the newer one.
fn shown_name(pair: &Pair) -> String {
    let remote = pair.remote.as_ref().map(|remote| &remote.object.name);
    remote.filter(|name| !name.is_empty()).unwrap_or(&pair.name).clone()
}

/// Which versions there are.
pub(super) fn conflict_note(pair: &Pair) -> String {
    match (&pair.remote, &pair.known_version) {
        (Some(remote), Some(known)) => {
            format!("the server has {}, the folder began from {known}", remote.version)
        }
        (Some(remote), None) => {
            format!("the server has {}, of which this folder knows nothing", remote.version)
        }
        (None, Some(known)) => format!("gone from the server, the folder began from {known}"),
        (None, None) => "gone from the server".to_owned(),
    }
}

fn write(
    folder: &Folder,
    target: &Target,
    compared: &Compared,
    lines: &[Line],
    state: &mut State,
) -> Outcome<()> {
    if folder.manifest.is_none() {
        folder.write_manifest(&target.name, &target.id, target.client.address())?;
    }
    for (pair, line) in compared.pairs.iter().zip(lines) {
        match (line.action, &pair.remote) {
            (Action::Add | Action::Change, Some(remote)) => {
                let mut object = remote.object.with_ids(&compared.to_local);
                let kept = pair.local.as_ref().and_then(|local| local.object.id.clone());
                object.id = kept.or(object.id);
                folder.write_object(&line.path, &object)?;
                if line.path != pair.path {
                    folder.remove_object(pair.kind, &pair.path)?;
                }
                let entry = Entry { local: object.hash(), ..entry(pair.kind, remote) };
                state.note(&line.path, entry);
            }
            (Action::Remove, _) => {
                folder.remove_object(pair.kind, &pair.path)?;
                state.forget(&pair.path);
            }
            (Action::Unchanged, Some(remote)) => {
                let local = pair.local.as_ref().map(|local| local.object.hash()).unwrap_or_default();
                state.note(&pair.path, Entry { local, ..entry(pair.kind, remote) });
            }
            _ => {}
        }
    }
    state.write(folder)
}

/// What is to be known of an object; what the folder says of it is the caller's to add.
pub(super) fn entry(kind: Kind, remote: &remote::Remote) -> Entry {
    Entry {
        kind: kind.noun().to_owned(),
        id: remote.key.clone(),
        version: remote.version.clone(),
        local: String::new(),
        remote: remote.object.hash(),
    }
}
