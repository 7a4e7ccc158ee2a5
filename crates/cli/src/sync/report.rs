//! How a plan is shown: a line for each object that is not the same on both sides, as a table or as JSON.

use serde_json::{Value, json};

use super::Kind;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::table::Table;
use crate::text::printable;

/// What is to happen to an object, or why nothing does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    Unchanged,
    Add,
    Change,
    Publish,
    Remove,
    /// It would be removed if `--prune` were given.
    Held,
    /// The server is newer: for `pull`.
    Behind,
    /// The folder is newer: for `push`.
    Ahead,
    /// Only a person can make it.
    Missing,
    Conflict,
}

impl Action {
    const ALL: [Self; 10] = [
        Self::Unchanged,
        Self::Add,
        Self::Change,
        Self::Publish,
        Self::Remove,
        Self::Held,
        Self::Behind,
        Self::Ahead,
        Self::Missing,
        Self::Conflict,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Add => "add",
            Self::Change => "change",
            Self::Publish => "publish",
            Self::Remove => "remove",
            Self::Held => "held",
            Self::Behind => "behind",
            Self::Ahead => "ahead",
            Self::Missing => "missing",
            Self::Conflict => "conflict",
        }
    }

    /// Whether something is to be done.
    pub(crate) const fn is_due(self) -> bool {
        matches!(self, Self::Add | Self::Change | Self::Publish | Self::Remove)
    }
}

/// A line of a plan.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) action: Action,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) path: String,
    /// Empty if there is nothing to say.
    pub(crate) note: String,
}

/// Shows the plan, unless JSON is wanted.
pub(crate) fn show(printer: &Printer, lines: &[Line]) {
    if printer.is_json() {
        return;
    }
    let shown: Vec<&Line> = lines.iter().filter(|line| line.action != Action::Unchanged).collect();
    if !shown.is_empty() {
        let mut table = Table::new(&["ACTION", "KIND", "NAME", "FILE", "NOTE"]);
        for line in shown {
            let Line { action, kind, name, path, note } = line;
            table.row([
                action.name().to_owned(),
                kind.noun().to_owned(),
                name.clone(),
                path.clone(),
                note.clone(),
            ]);
        }
        table.print(printer);
    }
    printer.note(&printable(&summary(lines)));
}

/// `2 to add, 1 to change, 7 unchanged`.
fn summary(lines: &[Line]) -> String {
    let parts = counts(lines).into_iter().map(|(action, count)| {
        let to = if action.is_due() { "to " } else { "" };
        format!("{count} {to}{}", action.name())
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "nothing here and nothing there".to_owned() } else { parts.join(", ") }
}

fn counts(lines: &[Line]) -> Vec<(Action, usize)> {
    let count = |action| lines.iter().filter(|line| line.action == action).count();
    let mut counts: Vec<(Action, usize)> =
        Action::ALL.into_iter().map(|action| (action, count(action))).collect();
    counts.retain(|(_, count)| *count > 0);
    // What stays as it is comes last.
    counts.sort_by_key(|(action, _)| *action == Action::Unchanged);
    counts
}

/// The plan for programs; `done` says whether it was carried out.
pub(crate) fn to_json(workspace: &super::Target, lines: &[Line], done: bool) -> Value {
    let changes: Vec<Value> = lines
        .iter()
        .filter(|line| line.action != Action::Unchanged)
        .map(|line| {
            json!({
                "action": line.action.name(), "kind": line.kind.noun(), "name": line.name, "file": line.path,
                "note": line.note,
            })
        })
        .collect();
    let counts: serde_json::Map<String, Value> =
        Action::ALL.into_iter().map(|action| (action.name().to_owned(), 0.into())).collect();
    let mut counts = counts;
    for (action, count) in self::counts(lines) {
        counts.insert(action.name().to_owned(), count.into());
    }
    json!({
        "workspace": {"id": workspace.id, "name": workspace.name},
        "done": done, "counts": counts, "changes": changes,
    })
}

/// What was refused because both sides have changed.
pub(crate) fn conflict(lines: &[Line], hint: &str) -> Failure {
    const SHOWN_MAX: usize = 50;
    let conflicts: Vec<&Line> = lines.iter().filter(|line| line.action == Action::Conflict).collect();
    let noun = if conflicts.len() == 1 { "object has" } else { "objects have" };
    let message = format!("{} {noun} changed on both sides; nothing was changed", conflicts.len());
    let details = conflicts
        .iter()
        .take(SHOWN_MAX)
        .map(|line| format!("{} `{}` ({}): {}", line.kind.noun(), line.name, line.path, line.note));
    Failure::new(Exit::Conflict, message).details(details).hint(hint)
}
