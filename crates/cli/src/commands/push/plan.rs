//! What a push would do about each object, and why not.

use super::tables;
use crate::args::PushArgs;
use crate::commands::pull::conflict_note;
use crate::printer::Printer;
use crate::sync::Kind;
use crate::sync::compare::{Compared, Pair, Relation};
use crate::sync::report::{Action, Line};

/// The line of an object.
pub(super) fn line(pair: &Pair, compared: &Compared, args: &PushArgs) -> Line {
    let (action, note) = match pair.kind {
        Kind::Connection => connection(pair),
        _ => action(pair, compared, args),
    };
    Line { action, kind: pair.kind, name: pair.name.clone(), path: pair.path.clone(), note }
}

/// Secrets never travel, so connections are made by people.
fn connection(pair: &Pair) -> (Action, String) {
    match (&pair.local, &pair.remote) {
        (Some(_), None) => (Action::Missing, "make it on the server".to_owned()),
        (None, _) => (Action::Behind, "only on the server".to_owned()),
        _ => (Action::Unchanged, String::new()),
    }
}

fn action(pair: &Pair, compared: &Compared, args: &PushArgs) -> (Action, String) {
    let said = |action, note: &str| (action, note.to_owned());
    match pair.relation {
        Relation::Same if args.publish && needs_publishing(pair, compared) => said(Action::Publish, ""),
        Relation::Same => said(Action::Unchanged, ""),
        Relation::LocalNew => said(Action::Add, publishing(pair, args)),
        Relation::LocalChanged => change(pair, args),
        Relation::LocalRemoved => removal(pair, args),
        Relation::RemoteNew if args.prune && args.force => said(Action::Remove, records(pair).as_str()),
        Relation::RemoteNew => said(Action::Behind, "only on the server: pull it"),
        Relation::RemoteChanged if args.force => change(pair, args),
        Relation::RemoteChanged => said(Action::Behind, "changed on the server: pull it"),
        Relation::RemoteRemoved if args.force => said(Action::Add, publishing(pair, args)),
        Relation::RemoteRemoved => said(Action::Behind, "gone from the server: --force makes it anew"),
        Relation::Both if !args.force => (Action::Conflict, conflict_note(pair)),
        Relation::Both => match (&pair.local, &pair.remote) {
            (Some(_), Some(_)) => change(pair, args),
            (Some(_), None) => said(Action::Add, publishing(pair, args)),
            (None, _) => removal(pair, args),
        },
    }
}

fn change(pair: &Pair, args: &PushArgs) -> (Action, String) {
    if let (Kind::Table, Some(local), Some(remote)) = (pair.kind, &pair.local, &pair.remote) {
        let steps = tables::Steps::between(&local.object, remote);
        let action = if steps.is_held(args.prune) { Action::Held } else { Action::Change };
        return (action, steps.describe(args.prune));
    }
    (Action::Change, publishing(pair, args).to_owned())
}

fn removal(pair: &Pair, args: &PushArgs) -> (Action, String) {
    if args.prune {
        return (Action::Remove, records(pair));
    }
    (Action::Held, "removed from the folder: --prune removes it".to_owned())
}

/// What goes with a table.
fn records(pair: &Pair) -> String {
    match pair.remote.as_ref().map_or(0, |remote| remote.records) {
        0 => String::new(),
        1 => "with 1 record".to_owned(),
        count => format!("with {count} records"),
    }
}

fn publishing(pair: &Pair, args: &PushArgs) -> &'static str {
    if args.publish && matches!(pair.kind, Kind::Workflow | Kind::Agent) { "and publish" } else { "" }
}

fn needs_publishing(pair: &Pair, compared: &Compared) -> bool {
    let (Some(local), Some(remote)) = (&pair.local, &pair.remote) else { return false };
    match (pair.kind, &remote.published) {
        (Kind::Workflow, Some((_, text))) => {
            local.object.with_ids(&compared.to_remote).document.as_ref() != Some(text)
        }
        (Kind::Workflow, None) => true,
        // An agent is published under its name.
        (Kind::Agent, published) => published.is_none() && !pair.name.is_empty(),
        _ => false,
    }
}

/// How to make the connections that are missing.
pub(super) fn explain_missing(printer: &Printer, lines: &[Line], compared: &Compared) {
    for (line, pair) in lines.iter().zip(&compared.pairs) {
        if line.action != Action::Missing {
            continue;
        }
        let kind = pair.local.as_ref().and_then(|local| local.object.content.get("type")?.as_str());
        printer.hint(&format!(
            "`nictate connections create --type {} --name {}` makes the connection `{}`; secrets are in no file",
            kind.unwrap_or_default(),
            quoted(&line.name),
            line.name,
        ));
    }
}

/// For a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
