//! Runs that steps have called. From the commit on that accepted it, such a run is a run as any; its caller, wherever that
//! is driven, learns of its end from the database, and has it stopped when it no longer waits.

use std::sync::Arc;
use std::time::Duration;

use engine::{EffectResult, Event, StepError};
use expr::Value;
use store::StoreError;
use store::executions::ExecutionState;
use types::{ExecutionId, Timestamp};

use super::grants::RunIds;
use super::link::{Report, Reports};
use super::places::Home;
use super::run::Run;
use super::seat::Seat;
use super::start::FIRST_EPOCH;
use super::subflows::{Begun, Call, Called, called_id};
use super::{Driver, Inner, codes};
use crate::error::ApiResult;

/// Pause before the database is asked again, where it did not answer, or where another server drives the run that is
/// waited for and so nobody here can say when it ends.
const POLL_PAUSE: Duration = Duration::from_millis(500);
/// How long the one who drives an unwanted run has to stop it, before any server does.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// Unwanted runs that are stopped at a time.
const STOPPED_AT_A_TIME: i64 = 100;

/// How a run that was waited for has ended.
enum Ended {
    So(EffectResult),
    /// Its attempt was cut off before there was such a run.
    NeverBegun,
    Unknown,
}

impl Inner {
    /// Waits until the run has ended, wherever it is driven, and says how; none if there is no such run, or if this
    /// server stops.
    async fn end_of(&self, ids: RunIds) -> Ended {
        loop {
            // Before the question, not after it: an end in between must not be missed.
            let driven_here = self.ended(ids.execution);
            match self.read_end(ids).await {
                Ok(Some(ended)) => return ended,
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(execution.id = %ids.execution, %error, "run that is waited for cannot be read");
                }
            }
            tokio::select! {
                () = async {
                    match driven_here {
                        Some(ended) => ended.cancelled().await,
                        None => tokio::time::sleep(POLL_PAUSE).await,
                    }
                } => {}
                () = self.stopping.cancelled() => return Ended::Unknown,
            }
        }
    }

    async fn read_end(&self, ids: RunIds) -> Result<Option<Ended>, StoreError> {
        let found = store::executions::outputs(&self.db, ids.workspace, ids.execution).await?;
        let Some((state, outputs)) = found else { return Ok(Some(Ended::NeverBegun)) };
        if !state.is_finished() {
            return Ok(None);
        }
        if let (ExecutionState::Completed, Some(outputs)) = (state, outputs) {
            let outputs = serde_json::from_str::<serde_json::Value>(&outputs).unwrap_or_default();
            return Ok(Some(Ended::So(EffectResult::Succeeded(Value::from(outputs)))));
        }
        let row = store::executions::get(&self.db, ids.workspace, ids.execution).await?;
        Ok(Some(row.map_or(Ended::NeverBegun, |row| Ended::So(failure(&row.execution)))))
    }

    /// As [`Self::end_of`] of a run that nobody waits for: it is enough that there is one.
    async fn read_accepted(&self, ids: RunIds) -> Ended {
        loop {
            match store::executions::outputs(&self.db, ids.workspace, ids.execution).await {
                Ok(Some(_)) => {
                    return Ended::So(accepted(ids.execution));
                }
                Ok(None) => return Ended::NeverBegun,
                Err(error) => {
                    tracing::warn!(execution.id = %ids.execution, %error, "run that was called cannot be read");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(POLL_PAUSE) => {}
                () = self.stopping.cancelled() => return Ended::Unknown,
            }
        }
    }
}

/// What the failure of a run is to the step that called it.
fn failure(run: &store::executions::Execution) -> EffectResult {
    let why = run.error_message.as_deref().or(run.cancel_reason.as_deref()).unwrap_or("it does not say why");
    let (code, what) = match run.state {
        ExecutionState::Cancelled => (codes::SUBFLOW_CANCELLED, "was cancelled"),
        ExecutionState::TimedOut => (codes::SUBFLOW_FAILED, "took too long"),
        _ => (codes::SUBFLOW_FAILED, "failed"),
    };
    let message = format!("run {} of workflow `{}` {what}: {why}", run.execution_number, run.workflow_name);
    let output = serde_json::json!({
        "execution_id": run.id,
        "state": run.state.public_name(),
        "error_code": run.error_code,
    });
    EffectResult::Failed { error: StepError::new(code, message), output: Value::from(output) }
}

impl Run {
    /// Carries a call out whose commit is done: the run that was accepted is driven, and its end waited for.
    pub(super) fn carry_out_call(&self, call: Call, reports: &Reports) {
        let Call { path, attempt, id, called } = call;
        let answer = match called {
            Err(error) => EffectResult::Failed { error, output: Value::Nil },
            Ok(Called::Begun(begun)) => {
                Driver(Arc::clone(&self.inner)).set_called_going(*begun);
                return self.watch(path, attempt, reports.clone());
            }
            Ok(Called::Queued(reserved)) => {
                reserved.line_up();
                if !self.awaited_call_is_async(&path) {
                    return self.watch(path, attempt, reports.clone());
                }
                accepted(id)
            }
            Ok(Called::Later) => accepted(id),
        };
        // The run itself holds the other end.
        let _ = reports.send(Report::Called(finished(path, attempt, answer)));
    }

    /// Waits for the end of a run that was called before this server had its caller.
    pub(super) fn await_call(&self, path: String, attempt: u32, reports: &Reports) {
        self.watch(path, attempt, reports.clone());
    }

    fn watch(&self, path: String, attempt: u32, reports: Reports) {
        let inner = Arc::clone(&self.inner);
        let ids = RunIds { execution: called_id(self.ids.execution, &path, attempt), ..self.ids };
        let is_async = self.awaited_call_is_async(&path);
        self.inner.tasks.spawn(async move {
            let ended = if is_async {
                inner.read_accepted(ids).await
            } else {
                tokio::select! {
                    ended = inner.end_of(ids) => ended,
                    // Its caller has gone.
                    () = reports.closed() => return,
                }
            };
            let event = match ended {
                Ended::So(result) => finished(path, attempt, result),
                Ended::NeverBegun => Event::AttemptLost { path, attempt, repeatable: true },
                Ended::Unknown => return,
            };
            // Its caller may have ended meanwhile.
            let _ = reports.send(Report::Called(event));
        });
    }

    fn awaited_call_is_async(&self, path: &str) -> bool {
        let pending = self.execution.pending_effects().find(|effect| effect.path == path);
        pending.and_then(|effect| effect.subflow.as_ref()).is_some_and(|options| options.is_async)
    }

    /// Stops the run that the attempt called. That it is to stop is on disk already.
    pub(super) fn stop_called(&self, path: &str, attempt: u32) {
        let driver = Driver(Arc::clone(&self.inner));
        let id = called_id(self.ids.execution, path, attempt);
        let (ids, reason) = (self.ids, unwanted_reason());
        self.inner.tasks.spawn(async move {
            if let Err(error) = driver.cancel(ids.tenant, ids.workspace, id, reason).await {
                tracing::warn!(execution.id = %id, cause = error.message(), "run cannot be stopped at the moment");
            }
        });
    }
}

impl Driver {
    fn set_called_going(&self, begun: Begun) {
        let Begun { execution, ids, origin } = begun;
        // Its first line is written.
        let (stored_state, commands) = (execution.state(), execution.outstanding());
        let seat = Seat::held(&self.0, Home { tenant: ids.tenant, workspace: ids.workspace });
        let run = self.run(ids, origin, FIRST_EPOCH, (execution, 2, stored_state), seat);
        self.set_going(run, Vec::new(), commands);
    }

    /// Stops the runs whose callers no longer wait for them, and whose drivers have not done so: a server that crashed
    /// between the wish and the deed. Answers how many.
    pub(crate) async fn stop_unwanted(&self) -> ApiResult<usize> {
        let requested_until = Timestamp::from_millis(
            self.0.clock.now().as_millis().saturating_sub(i64::try_from(STOP_GRACE.as_millis()).unwrap_or(0)),
        );
        let unwanted = store::unwanted_runs::list(&self.0.db, requested_until, STOPPED_AT_A_TIME).await?;
        let mut stopped = 0;
        for run in unwanted {
            if run.state.is_finished() {
                let id = run.id;
                self.0.db.write(async move |tx| store::unwanted_runs::remove(tx, id).await).await?;
            } else {
                let done = self.cancel(run.tenant_id, run.workspace_id, run.id, unwanted_reason()).await?;
                stopped += usize::from(done);
            }
        }
        Ok(stopped)
    }
}

/// Why a run stops whose caller has given up, for people.
pub(super) fn unwanted_reason() -> String {
    "the run that called it no longer waits for it".to_owned()
}

/// The answer to a step that does not wait: the run is on its way.
fn accepted(id: ExecutionId) -> EffectResult {
    EffectResult::Succeeded(Value::from(serde_json::json!({"execution_id": id})))
}

fn finished(path: String, attempt: u32, result: EffectResult) -> Event {
    Event::EffectFinished { path, attempt, result }
}
