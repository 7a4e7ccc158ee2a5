//! What is said of a run while it goes on: its journal's lines in the words of the API, and the two ways in which they
//! are put into a body that grows.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use store::executions::{Execution, ExecutionState};
use store::journal::Entry;

/// What follows each message of `start/stream`, 55 bytes.
pub(super) const MARKER: &str = "%%%%_____________%%%%BLINK_MESSAGE%%%%_____________%%%%";

/// How messages are put into the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-sent events; an event's id is the number of its line.
    Events,
    /// JSON texts, each followed by [`MARKER`].
    Marked,
}

impl Framing {
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream",
            Self::Marked => "application/octet-stream",
        }
    }

    /// What the body begins with.
    pub(super) fn opening(self, run: &str) -> Bytes {
        match self {
            Self::Events => Bytes::from_static(b"retry: 1000\n\n"),
            Self::Marked => marked(&json!({"data": {"id": run}})),
        }
    }

    /// What says nothing but that the connection lives.
    pub(super) fn keep_alive(self) -> Bytes {
        match self {
            Self::Events => Bytes::from_static(b": still here\n\n"),
            // A blank piece between two markers, which clients pass over.
            Self::Marked => Bytes::from_static(MARKER.as_bytes()),
        }
    }

    /// A line of the journal.
    pub(super) fn line(self, line: &Entry, said: Map<String, Value>) -> Bytes {
        match self {
            Self::Events => event(Some(line.seq), &line.kind, &Value::Object(said)),
            Self::Marked => command(&in_camel_case(&line.kind), said),
        }
    }

    /// The last message: the run has ended.
    pub(super) fn end(self, run: &Execution) -> Bytes {
        let said = ended(run);
        match self {
            Self::Events => event(None, "end", &Value::Object(said)),
            Self::Marked => command("EndExecution", said),
        }
    }
}

fn event(id: Option<i64>, name: &str, data: &Value) -> Bytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    // JSON as it is written here has no line breaks.
    Bytes::from(format!("{id}event: {name}\ndata: {data}\n\n"))
}

fn command(kind: &str, mut said: Map<String, Value>) -> Bytes {
    said.insert("cmd_type".to_owned(), json!(kind));
    marked(&json!({"data": said}))
}

fn marked(message: &Value) -> Bytes {
    Bytes::from(format!("{message}{MARKER}"))
}

/// `step_started` as `StepStarted`.
fn in_camel_case(kind: &str) -> String {
    let capitalized = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    };
    kind.split('_').map(capitalized).collect()
}

fn ended(run: &Execution) -> Map<String, Value> {
    let state = run.state.public_name();
    let (code, message) =
        (run.error_code.as_ref().map(|code| json!(code)), run.error_message.as_ref().map(|text| json!(text)));
    let error = error_details(code.as_ref(), message.as_ref());
    Map::from_iter([
        ("execution_id".to_owned(), json!(run.id.to_string())),
        ("state".to_owned(), json!(state)),
        ("state_ui".to_owned(), json!(state)),
        ("finished_at".to_owned(), json!(run.finished_at.map_or(0, types::Timestamp::as_millis))),
        ("error_details".to_owned(), error),
    ])
}

/// Members of a line that are said, and under which name. What is not among them stays in the journal: the run's
/// randomness, and what a later version may add.
const MEMBERS: [(&str, &str); 22] = [
    ("at", "at"),
    ("attempt", "execution_count"),
    ("branch", "branch"),
    ("by", "by"),
    ("decision", "decision"),
    ("due", "due"),
    ("error", "error_data"),
    ("event", "event"),
    ("failed", "failed_step"),
    ("from", "restarted_from_execution_id"),
    ("index", "turn"),
    ("inputs", "input_parameters"),
    ("label", "label"),
    ("output", "output_data"),
    ("outputs", "outputs"),
    ("path", "path"),
    ("reason", "reason"),
    ("started_at", "started_at"),
    ("state", "state"),
    ("step", "step_id"),
    ("tolerated", "tolerated"),
    ("variables", "output_data"),
];

/// What a line of the journal says, in the API's words. `actions`: step id -> its action's full name and its own name.
///
/// # Errors
/// If the line is not the JSON of an object.
pub(super) fn said_by(
    line: &Entry,
    run: &Execution,
    actions: &BTreeMap<String, (String, String)>,
) -> serde_json::Result<Map<String, Value>> {
    let mut stored: Map<String, Value> = serde_json::from_str(&line.body)?;
    let mut said = Map::from_iter([("execution_id".to_owned(), json!(run.id.to_string()))]);
    for (member, name) in MEMBERS {
        if let Some(value) = stored.remove(member) {
            said.insert(name.to_owned(), value);
        }
    }
    let step = said.get("step_id").and_then(Value::as_str);
    if let Some((action, name)) = step.and_then(|step| actions.get(step)) {
        let (action, name) = (json!(action), json!(name));
        said.insert("action".to_owned(), action);
        said.insert("name".to_owned(), name);
    }
    match line.kind.as_str() {
        "started" => rename(&mut said, "input_parameters", "inputs"),
        // How many turns a while has is known when it is done.
        "loop_started" if said.get("action").is_none_or(|action| action != "internal.while") => {
            let turns = stored.get("items").and_then(Value::as_array).map_or(0, Vec::len);
            said.insert("input_parameters".to_owned(), json!({"turns": turns}));
        }
        "cancel_requested" => rename(&mut said, "reason", "cancel_reason"),
        "finished" => {
            let state = said.get("state").and_then(Value::as_str).and_then(ExecutionState::from_name);
            said.insert("state".to_owned(), json!(state.map(ExecutionState::public_name)));
            let error = said.shift_remove("error_data").unwrap_or_default();
            said.insert("error_details".to_owned(), error_details(error.get("code"), error.get("message")));
        }
        _ => {}
    }
    Ok(said)
}

fn rename(said: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = said.shift_remove(from) {
        said.insert(to.to_owned(), value);
    }
}

/// As a run has them: empty if it did not fail.
fn error_details(code: Option<&Value>, message: Option<&Value>) -> Value {
    match (code, message) {
        (None, None) => json!({}),
        (code, message) => json!({"error_code": code, "message": message}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_is_the_contracts() {
        assert_eq!(MARKER.len(), 55);
    }

    #[test]
    fn kinds_of_lines_become_kinds_of_commands() {
        assert_eq!(in_camel_case("step_started"), "StepStarted");
        assert_eq!(in_camel_case("finished"), "Finished");
    }
}
