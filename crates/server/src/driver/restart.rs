//! Runs that go on from a step of another one. What they copy of its journal and its files is theirs from their first
//! commit on: the other one may be deleted. Those that have to wait wait like any others.

use std::sync::Arc;

use engine::{Entry, Event, Execution, Restart, RestartError, Start};
use store::audit::AuditEntry;
use store::files::CopiedFiles;
use types::{ExecutionId, Timestamp};
use workflow::plan::Plan;

use super::Driver;
use super::commit::line;
use super::start::{Carried, NewRun, event_of, key_of};
use crate::error::{ApiError, ApiResult};

impl Driver {
    /// Accepts a run that goes on from a step of another one, whose journal is `journal`; the path of that step.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub(crate) async fn restart(
        &self,
        mut new: NewRun,
        plan: Arc<Plan>,
        (from, journal): (ExecutionId, &[Entry]),
        step: Option<String>,
        audit: AuditEntry,
    ) -> ApiResult<Result<(ExecutionId, String), RestartError>> {
        let inner = &self.0;
        let (id, seed, now) = self.identity()?;
        let point = engine::restart_point(Arc::clone(&plan), journal, step.as_deref());
        let (path, copied) = match point {
            Ok((path, before)) => (path, journal.get(..before).unwrap_or_default()),
            Err(error) => return Ok(Err(error)),
        };
        new.restarted_from = Some((from, path.clone()));
        let carried = Carried {
            lines: copied.iter().map(line).collect(),
            files: files_of(&new, &plan, (from, id), copied),
            audit: vec![audit],
            delivered: Vec::new(),
        };
        let (metadata, run_time) = (inner.metadata(&new, id, now), plan.run_time(inner.run_time));
        let start = Start {
            inputs: new.inputs.clone(),
            event: event_of(new.event.clone()),
            metadata: metadata.clone(),
            seed,
            run_time,
        };
        let key = key_of(&new, &plan, &start, now)?;
        if key.is_some() || inner.places().has_line(new.home()) {
            return Ok(Ok((self.enqueue(new, (id, seed, now), key, carried).await?, path)));
        }
        let restart = Restart { from: from.to_string(), path: path.clone(), metadata, seed, run_time };
        let (execution, commands) = begin(plan, copied, restart, now)?;
        let accepted = match inner.seat_for(&new, execution.state()) {
            Some(seat) => self.begin_new(new, (id, seed, now), (execution, commands, seat), carried).await?,
            None => self.enqueue(new, (id, seed, now), None, carried).await?,
        };
        Ok(Ok((accepted, path)))
    }
}

/// The run after its first steps.
fn begin(
    plan: Arc<Plan>,
    copied: &[Entry],
    restart: Restart,
    now: Timestamp,
) -> ApiResult<(Execution, Vec<engine::Command>)> {
    // It has been read once already.
    let begun = Execution::restart(plan, copied, restart, now);
    let (mut execution, mut commands) = begun.map_err(ApiError::internal)?;
    commands.extend(execution.advance(Event::Continue, now));
    Ok((execution, commands))
}

/// The files that the steps have left which do not run again.
fn files_of(
    new: &NewRun,
    plan: &Plan,
    (from, to): (ExecutionId, ExecutionId),
    copied: &[Entry],
) -> Vec<CopiedFiles> {
    let leaves_file =
        |id: &str| plan.steps.iter().any(|step| step.id == id && step.settings.save_output.is_some());
    let finished = copied.iter().filter_map(|entry| match entry {
        Entry::StepFinished(finished) if leaves_file(&finished.step) => Some(finished.path.clone()),
        _ => None,
    });
    finished.map(|path| CopiedFiles { workspace: new.workspace, from, to, path }).collect()
}
