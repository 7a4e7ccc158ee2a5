//! Steps on the tables of the run's workspace. A runner has no database, so the server that drives the run carries them out,
//! whichever runner group the step names. What a step writes is one transaction with a row that says so
//! ([`store::table_steps`]): however often it is begun, it happens once. A table is cleared in many such transactions, each
//! of which goes on where the one before has ended.

mod file;
mod infer;
mod input;
mod read;
mod write;

use std::sync::Arc;
use std::time::Duration;

use actions::{ActionSpec, ErrorCode, Inputs};
use engine::{Dispatch, EffectResult, StepError};
use protocol::AttemptToken;
use serde_json::{Map, Value};
use store::table_steps::{self, TableStep};
use store::{Chain, Tx};
use tokio::sync::mpsc;
use types::Timestamp;

use super::Inner;
use super::grants::RunIds;
use super::link::Report;
use super::subflows::Origin;
use super::waits::Waits;
use crate::error::{ApiError, ApiResult, code};
use crate::hand::{Hand, Leads};
use crate::vault::random_token;
use file::{Place, SetFile};
use write::Write;

/// Pause before a step is tried again that the database did not take.
const RETRY_PAUSE: Duration = Duration::from_millis(250);
/// Times that a step is tried again because others came between: they made the same record, or are the step's new owner.
const TRIES_MAX: usize = 3;

/// What a step answers, or why it fails.
type Done<T = Value> = Result<T, StepError>;

/// One attempt of a step.
pub(super) struct TableAction {
    dispatch: Dispatch,
    ids: RunIds,
    started_by: String,
    /// The workflows that have led to what it does.
    chain: Chain,
}

impl TableAction {
    pub(super) fn new(dispatch: Dispatch, ids: RunIds, origin: &Origin) -> Self {
        Self { dispatch, ids, started_by: origin.created_by.clone(), chain: origin.chain_of_effects() }
    }

    /// Begins with it; its outcome is reported.
    pub(super) fn begin(self, inner: &Arc<Inner>, waits: &mut Waits, reports: mpsc::UnboundedSender<Report>) {
        let token = AttemptToken::new(random_token());
        waits.add_attempt(&token, &self.dispatch.path, self.dispatch.attempt);
        // It waits for no runner.
        waits.unbegun.remove(&self.dispatch.path);
        let of = Arc::clone(inner);
        inner.tasks.spawn(async move {
            let result = self.run(&of).await;
            // Whoever drives the run may have gone.
            let _ = reports.send(Report::Done(token, result));
        });
    }

    /// Carries it out, in its time.
    async fn run(self, inner: &Inner) -> EffectResult {
        let limit = Duration::from_millis(self.dispatch.timeout_ms);
        let done = tokio::time::timeout(limit, self.carry_out(inner)).await;
        match done {
            Ok(Ok(output)) => EffectResult::Succeeded(expr::Value::from(output)),
            Ok(Err(error)) => EffectResult::Failed { error, output: expr::Value::Nil },
            Err(_) => {
                let message = format!("`{}` took more than {} ms", self.dispatch.action, limit.as_millis());
                let error = StepError::new(ErrorCode::Timeout.as_str(), message);
                EffectResult::Failed { error, output: expr::Value::Nil }
            }
        }
    }

    async fn carry_out(&self, inner: &Inner) -> Done {
        let action = &self.dispatch.action;
        let spec = inner.catalog.server_action(action).ok_or_else(|| unknown(action))?;
        let given = match self.dispatch.inputs.to_json() {
            Value::Object(given) => given,
            _ => Map::new(),
        };
        let mut conflicts = 0;
        loop {
            let error = match self.try_once(inner, spec, &given).await? {
                Ok(output) => return Ok(output),
                Err(error) => error,
            };
            match *error.code() {
                // A step is not failed for a database that is away for a while.
                code::STORAGE_UNAVAILABLE if !inner.stopping.is_cancelled() => {
                    tracing::warn!(execution.id = %self.ids.execution, cause = error.cause(), "table step refused, trying again");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                code::RECORD_NOT_UNIQUE | code::INTERNAL if conflicts < TRIES_MAX => conflicts += 1,
                _ => return Err(self.failed(&error)),
            }
        }
    }

    /// The outer error is about the inputs, and final.
    async fn try_once(
        &self,
        inner: &Inner,
        spec: &ActionSpec,
        given: &Map<String, Value>,
    ) -> Done<ApiResult<Value>> {
        let now = inner.clock.now();
        let inputs = Inputs::new(spec, given, now);
        let workspace = self.ids.workspace;
        match spec.full_name.as_str() {
            "tables.GetRecordsV3" => {
                if let Some((sql, params)) = input::sql(&inputs)? {
                    return Ok(read::sql(&inner.db, workspace, (&sql, &params), now).await);
                }
                let (table, q) = (input::table(&inputs)?, input::question(&inputs)?);
                Ok(read::records(&inner.db, workspace, &table, &q).await)
            }
            "tables.GetTableSchema" => Ok(read::schema(&inner.db, workspace, &input::table(&inputs)?).await),
            "system.TableExists" => {
                let (name, by) = (input::table(&inputs)?, input::search_by(&inputs)?);
                Ok(read::exists(&inner.db, workspace, &name, by).await)
            }
            "tables.GetFileContent" => {
                let place = Place::read(&inputs)?;
                let shows = inputs.flag("show_output").map_err(input::refused)?;
                Ok(file::content(inner, &self.hand(inner, now), &place, shows).await)
            }
            "tables.UpdateFileColumn" => {
                let place = Place::read(&inputs)?;
                let name = inputs.filled_text("file_name").map_err(input::refused)?;
                Ok(self.set_file(inner, place, name.as_deref(), self.hand(inner, now)).await)
            }
            name => {
                let hand = self.hand(inner, now);
                let write = Write::read(name, &inputs, &hand)?.ok_or_else(|| unknown(name))?;
                match write {
                    Ok(write) => Ok(self.write_once(inner, write, hand).await),
                    Err(error) => Ok(Err(error)),
                }
            }
        }
    }

    /// The content is where files lie before the transaction that refers to it; what comes of none is found and removed.
    async fn set_file(
        &self,
        inner: &Inner,
        place: Place,
        name: Option<&str>,
        hand: Hand,
    ) -> ApiResult<Value> {
        let kept = match name {
            None => None,
            Some(name) => {
                // Nothing is kept for a place that there is not.
                let shape = store::records::shape(&inner.db, hand.workspace, place.table()).await?;
                place.within(&shape.ok_or_else(|| crate::http::tables::not_found(place.table()))?)?;
                Some(file::take(inner, &hand, (self.ids.execution, name.trim())).await?)
            }
        };
        self.write_once(inner, Write::SetFile(Box::new(SetFile { place, kept })), hand).await
    }

    /// Writes what no attempt of this step has written yet.
    async fn write_once(&self, inner: &Inner, write: Write, hand: Hand) -> ApiResult<Value> {
        let step = TableStep {
            execution: self.ids.execution,
            path: self.dispatch.path.clone(),
            replacements: self.dispatch.replacements,
        };
        let of = Arc::new((step, write, hand));
        loop {
            let written = Arc::clone(&of);
            let written = inner.db.write(async move |tx| once(tx, &written.0, &written.1, &written.2).await);
            let output = written.await?;
            if !of.1.goes_on(&output) {
                return Ok(output);
            }
        }
    }

    fn hand(&self, inner: &Inner, now: Timestamp) -> Hand {
        let of = (self.ids.tenant, self.ids.workspace);
        let leads = Leads { chain: self.chain.clone(), alarm: inner.record_alarm.clone() };
        Hand::of_run(of, self.ids.execution, &self.started_by, now, leads)
    }

    fn failed(&self, error: &ApiError) -> StepError {
        if let Some(cause) = error.cause() {
            tracing::error!(execution.id = %self.ids.execution, step = self.dispatch.path, cause, "table step failed");
        }
        StepError::new(error.code().identifier, error.message())
    }
}

async fn once(tx: &Tx<'_>, step: &TableStep, write: &Write, hand: &Hand) -> ApiResult<Value> {
    let Some(told) = table_steps::get(tx, step).await? else {
        let output = write.carry_out(tx, hand, None).await?;
        table_steps::insert(tx, step, &output.to_string(), hand.now).await?;
        return Ok(output);
    };
    let before = serde_json::from_str(&told).map_err(ApiError::internal)?;
    if !write.goes_on(&before) {
        return Ok(before);
    }
    let output = write.carry_out(tx, hand, Some(&before)).await?;
    if !table_steps::update(tx, step, &told, &output.to_string()).await? {
        return Err(ApiError::internal("another attempt of the step has gone on with it"));
    }
    Ok(output)
}

fn unknown(action: &str) -> StepError {
    StepError::new(ErrorCode::UnknownAction.as_str(), format!("the server has no action `{action}`"))
}
