//! What is wrong with a folder is said before anything of it is sent.

use super::tables;
use crate::commands::workflows::connection_types;
use crate::diagnostics::counted;
use crate::documents::{Checked, catalog};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::printer::{Printer, Target as Stream};
use crate::sync::compare::Compared;
use crate::sync::report::{Action, Line};
use crate::sync::{Kind, Target};

/// Reads all documents that would be sent, and shows every problem at its line and column.
pub(super) async fn documents(
    printer: &Printer,
    target: &Target,
    compared: &Compared,
    lines: &[Line],
) -> Outcome<()> {
    let pairs = compared.pairs.iter().zip(lines);
    let sent = pairs.filter(|(_, line)| {
        line.kind == Kind::Workflow && (line.action.is_due() || line.action == Action::Conflict)
    });
    let sent = sent.filter(|(_, line)| line.action != Action::Remove);
    let locals: Vec<_> = sent.filter_map(|(pair, _)| pair.local.as_ref()).collect();
    if locals.is_empty() {
        return Ok(());
    }
    // The server may have connection types that do not ship.
    let catalog = catalog(connection_types(&target.client).await?);
    let mut errors = 0;
    for local in locals {
        let text = local.object.document.clone().unwrap_or_default();
        let checked = Checked::of(local.path.clone(), text, &catalog);
        if checked.counts().0 > 0 {
            checked.print(printer, Stream::Err);
        }
        errors += checked.counts().0;
    }
    if errors > 0 {
        let message = format!("nothing was pushed: {}", counted(errors, 0));
        return Err(Failure::new(Exit::Invalid, message));
    }
    Ok(())
}

/// What a server never does: another type for a field, another pack for an agent.
pub(super) fn refuse_impossible(compared: &Compared, lines: &[Line]) -> Outcome<()> {
    let mut problems = Vec::new();
    for (pair, line) in compared.pairs.iter().zip(lines) {
        let (Action::Change, Some(local), Some(remote)) = (line.action, &pair.local, &pair.remote) else {
            continue;
        };
        let path = &line.path;
        if pair.kind == Kind::Table {
            let steps = tables::Steps::between(&local.object, remote);
            problems.extend(steps.type_changes.iter().map(|(field, from, to)| {
                format!(
                    "{path}: the field `{field}` has the type `{from}` on the server, and is to have `{to}`"
                )
            }));
        }
        let pack = |object: &crate::sync::Object| object.content.get("pack").cloned().unwrap_or_default();
        let (ours, theirs) = (pack(&local.object), pack(&remote.object));
        if pair.kind == Kind::Agent && ours != theirs {
            problems.push(format!(
                "{path}: the agent is in the pack {theirs} on the server, and is to be in {ours}"
            ));
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let message = "the server cannot become what the folder says; nothing was pushed";
    Err(Failure::new(Exit::Invalid, message)
        .details(problems)
        .hint("the type of a field and the pack of an agent never change: make a new one under another name"))
}
