//! What an `advance` decided, made durable: journal lines, the run's row where it changed, audit entries, all
//! in one commit. Commands other than appends wait until it is done.

use std::sync::Arc;
use std::time::Duration;

use engine::{Command, Dispatch, Entry, Execution, RunState, SaveFile, StepError};
use protocol::Assignment;
use store::StoreError;
use store::audit::AuditEntry;
use store::executions::{ExecutionState, Outcome};
use store::files::{File, NewFile};
use store::journal::Appended;
use store::runs::{Begin, Line, RunWrite};
use store::step_logs::NewStepLog;
use types::ExecutionId;

use super::Inner;
use super::grants::RunIds;
use super::keyed::Gate;
use super::link::Target;
use super::subflows::{Call, Origin, called_id};
use super::table_actions::TableAction;

/// Pause before a commit that the database refused is tried again: doubled each time, up to the second.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What is carried out once the commit is done.
pub(super) enum Effect {
    /// A runner's work.
    Attempt(Box<Attempt>),
    /// Another run.
    Call(Box<Call>),
    /// Work of the server itself, in its database.
    Table(Box<TableAction>),
}

/// An attempt that is about to be handed out, or the reason why it cannot be.
pub(super) struct Attempt {
    pub(super) dispatch: Dispatch,
    pub(super) assignment: Result<(Target, Box<Assignment>), StepError>,
}

/// The commands of one `advance`, taken apart.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) lines: Vec<Line>,
    pub(super) audit: Vec<AuditEntry>,
    pub(super) files: Vec<NewFile>,
    pub(super) step_logs: Vec<NewStepLog>,
    pub(super) effects: Vec<Effect>,
    /// The runs that the commit accepts besides.
    pub(super) called: Vec<Begin>,
    /// The runs that are to stop, whatever they do.
    pub(super) unwanted: Vec<ExecutionId>,
    pub(super) rest: Vec<Command>,
}

impl Batch {
    /// Takes the commands apart and prepares the effects among them.
    pub(super) async fn new(
        inner: &Arc<Inner>,
        run: RunIds,
        origin: &Origin,
        commands: Vec<Command>,
    ) -> Self {
        let mut batch = Self::default();
        for command in without_revoked(commands) {
            batch.lines.extend(line_of(&command));
            match command {
                Command::Append(_) => {}
                Command::SaveFile(file) => batch.files.push(file_of(run, *file)),
                Command::CallSubflow(call) => {
                    let (call, begin) = inner.prepare_call(run, origin, call).await;
                    batch.called.extend(begin);
                    batch.effects.push(Effect::Call(Box::new(call)));
                }
                Command::CancelSubflow { path, attempt } => {
                    batch.unwanted.push(called_id(run.execution, &path, attempt));
                    batch.rest.push(Command::CancelSubflow { path, attempt });
                }
                Command::Dispatch(dispatch) if inner.catalog.server_action(&dispatch.action).is_some() => {
                    let action = TableAction::new(dispatch, run, origin);
                    batch.effects.push(Effect::Table(Box::new(action)));
                }
                Command::Dispatch(dispatch) => {
                    let assignment = match inner.prepare(run, &dispatch).await {
                        Ok(prepared) => {
                            batch.audit.extend(prepared.audit);
                            Ok((prepared.target, prepared.assignment))
                        }
                        Err(error) => Err(error),
                    };
                    batch.effects.push(Effect::Attempt(Box::new(Attempt { dispatch, assignment })));
                }
                other => batch.rest.push(other),
            }
        }
        batch
    }
}

/// The commands without those that a later one among them takes back: an attempt that is not wanted any more is not
/// handed out, and a run is not called whose caller has given up. Both happen where a run that is read back hears
/// of several losses at once.
fn without_revoked(mut commands: Vec<Command>) -> Vec<Command> {
    let mut place = 0;
    while let Some(command) = commands.get(place) {
        let begun = match command {
            Command::CancelAttempt { path, attempt } => {
                let is_it = |other: &Command| matches!(other, Command::Dispatch(dispatch) if dispatch.path == *path && dispatch.attempt == *attempt);
                commands.iter().take(place).position(is_it)
            }
            Command::CancelSubflow { path, attempt } => {
                let is_it = |other: &Command| matches!(other, Command::CallSubflow(call) if call.path == *path && call.attempt == *attempt);
                commands.iter().take(place).position(is_it)
            }
            _ => None,
        };
        match begun {
            Some(begun) => {
                commands.remove(place);
                commands.remove(begun);
                place -= 1;
            }
            None => place += 1,
        }
    }
    commands
}

/// The journal's line that the command asks for, if it does.
pub(super) fn line_of(command: &Command) -> Option<Line> {
    let Command::Append(entry) = command else { return None };
    Some(line(entry))
}

/// The journal's line that the entry is.
pub(super) fn line(entry: &Entry) -> Line {
    // An entry is plain data: there is nothing in it that JSON cannot say.
    Line::new(entry.kind(), serde_json::to_string(entry).unwrap_or_default())
}

/// The row of a file that a step leaves.
fn file_of(run: RunIds, saved: SaveFile) -> NewFile {
    let SaveFile { id, path, name, content_type, size_bytes, json, at } = saved;
    let size_bytes = i64::try_from(size_bytes).unwrap_or(i64::MAX);
    let file = File { id, path, name, content_type: content_type.to_owned(), size_bytes, created_at: at };
    NewFile { workspace: run.workspace, execution: run.execution, file, json }
}

/// Makes a commit of a run in progress durable, however long the database is away. Fenced if the run has another
/// owner by now.
///
/// # Errors
/// If the database refuses it for a reason that time will not change.
pub(super) async fn write(inner: &Inner, id: ExecutionId, write: RunWrite) -> Result<Appended, StoreError> {
    let write = Arc::new(write);
    persist(id, || inner.writer.write(Arc::clone(&write)), Appended::Written).await
}

/// The same for the first commit of a run that needs a key; none if too many others hold it.
///
/// # Errors
/// As [`write`].
pub(super) async fn write_keyed(
    inner: &Inner,
    id: ExecutionId,
    write: RunWrite,
    gate: &Gate,
) -> Result<Option<Appended>, StoreError> {
    let write = Arc::new(write);
    let attempt = || {
        let (write, key, limit) = (Arc::clone(&write), gate.key.clone(), gate.limit);
        inner.db.write(async move |tx| store::keyed_runs::begin(tx, &key, id, limit, &write).await)
    };
    persist(id, attempt, Some(Appended::Written)).await
}

/// Tries until the database takes it or refuses it for good; `done` is the answer that may have got lost.
async fn persist<T, F: Future<Output = Result<T, StoreError>>>(
    id: ExecutionId,
    attempt: impl Fn() -> F,
    done: T,
) -> Result<T, StoreError> {
    let (mut pause, mut tried_before) = (RETRY_PAUSE.0, false);
    loop {
        match attempt().await {
            Err(error) if error.is_unavailable() => {
                tracing::warn!(execution.id = %id, %error, "commit refused, trying again");
                tried_before = true;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY_PAUSE.1);
            }
            // The same commit, done before its answer got lost.
            Err(StoreError::Duplicate { key })
                if tried_before && [store::journal::SEQ_KEY, store::audit::KEY].contains(&key.as_str()) =>
            {
                return Ok(done);
            }
            answer => return answer,
        }
    }
}

/// The row's content for a run as it stands.
pub(super) fn outcome_of(execution: &Execution) -> Outcome {
    let state = execution.state();
    let completed = state == RunState::Completed;
    Outcome {
        state: stored_state(state),
        outputs: completed.then(|| serde_json::to_string(execution.outputs()).unwrap_or_default()),
        step_results: serde_json::to_string(execution.step_results()).unwrap_or_default(),
        error_code: execution.error().map(|error| error.code.clone()),
        error_message: execution.error().map(|error| storable(&error.message)),
        cancel_reason: execution.cancel_reason().map(storable),
        started_at: Some(execution.started_at()),
        finished_at: execution.finished_at(),
        net_runtime_ms: execution.net_runtime_ms(),
    }
}

/// PostgreSQL takes no NUL in a text, and a run must not be stuck for one.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The engine's states under the store's name for them.
pub(super) fn stored_state(state: RunState) -> ExecutionState {
    match state {
        RunState::Queued => ExecutionState::Queued,
        RunState::Running => ExecutionState::Running,
        RunState::Waiting => ExecutionState::Waiting,
        RunState::Paused => ExecutionState::Paused,
        RunState::Completed => ExecutionState::Completed,
        RunState::Failed => ExecutionState::Failed,
        RunState::Cancelled => ExecutionState::Cancelled,
        RunState::TimedOut => ExecutionState::TimedOut,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use engine::{SubflowCall, SubflowOptions};
    use expr::Value;
    use types::WorkflowId;

    use super::*;

    fn dispatch(path: &str, attempt: u32) -> Command {
        Command::Dispatch(Dispatch {
            path: path.to_owned(),
            step: path.to_owned(),
            attempt,
            action: "http.requestV2".to_owned(),
            inputs: Value::Nil,
            context: None,
            packages: None,
            connections: BTreeMap::new(),
            timeout_ms: 1,
            full_response: false,
            runner_group: None,
            workflow_runner_group: None,
            replacements: 0,
        })
    }

    fn call(path: &str, attempt: u32) -> Command {
        Command::CallSubflow(SubflowCall {
            path: path.to_owned(),
            step: path.to_owned(),
            attempt,
            workflow: WorkflowId::of_name("w"),
            inputs: Value::Nil,
            options: SubflowOptions::default(),
        })
    }

    fn stop_attempt(path: &str, attempt: u32) -> Command {
        Command::CancelAttempt { path: path.to_owned(), attempt }
    }

    fn stop_call(path: &str, attempt: u32) -> Command {
        Command::CancelSubflow { path: path.to_owned(), attempt }
    }

    fn shown(commands: &[Command]) -> Vec<String> {
        let shown = commands.iter().map(|command| match command {
            Command::Dispatch(dispatch) => format!("dispatch {} {}", dispatch.path, dispatch.attempt),
            Command::CallSubflow(call) => format!("call {} {}", call.path, call.attempt),
            Command::CancelAttempt { path, attempt } => format!("stop attempt {path} {attempt}"),
            Command::CancelSubflow { path, attempt } => format!("stop call {path} {attempt}"),
            other => format!("{other:?}"),
        });
        shown.collect()
    }

    #[test]
    fn what_begins_and_is_taken_back_in_one_batch_never_happens() {
        let commands = vec![
            stop_call("S1", 1),
            call("S1", 2),
            dispatch("S2", 1),
            call("S3", 1),
            stop_attempt("S2", 1),
            Command::Continue,
            stop_call("S1", 2),
            stop_attempt("S4", 1),
        ];
        let left = ["stop call S1 1", "call S3 1", "Continue", "stop attempt S4 1"];
        assert_eq!(shown(&without_revoked(commands)), left);
        assert_eq!(shown(&without_revoked(Vec::new())), [""; 0]);
    }
}
