//! What people decide about a run that is under way: pause, resume, resolve a step, complete.

use std::sync::Arc;

use engine::{Control, Decision, NewInputs, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{find, shown};
use crate::ctx::Ctx;
use crate::driver::Decided;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::json;
use crate::http::excerpt;
use crate::http::extract::Body;
use crate::http::names::check_text;

/// Why a run is paused.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = v1::PauseExecutionRequest)]
#[serde(default)]
pub(crate) struct PauseInput {
    /// For people.
    reason: Option<String>,
}

/// How a run goes on.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = v1::ResumeExecutionRequest)]
#[serde(default)]
pub(crate) struct ResumeInput {
    /// The step whose inputs are replaced, by its path or id: the one at which the run stands if it is left out.
    step: Option<String>,
    /// Inputs that its next attempt has instead of those of the same names.
    #[schema(value_type = Option<Object>)]
    inputs: Option<Map<String, Value>>,
}

/// What becomes of a step that is in doubt or out of attempts.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = v1::ResolveExecutionRequest)]
#[serde(default)]
pub(crate) struct ResolveInput {
    /// The step, by its path or id: the only one of which it can be decided if it is left out.
    step: Option<String>,
    /// Must be given: `retry`, `done` or `failed`.
    #[schema(value_type = Option<String>)]
    decision: Option<Word>,
    /// Of `retry`: inputs that the next attempt has instead of those of the same names.
    #[schema(value_type = Option<Object>)]
    inputs: Option<Map<String, Value>>,
    /// Of `done`: the step's output.
    #[schema(value_type = Option<Object>)]
    output: Value,
    /// Of `failed`: why.
    message: Option<String>,
}

/// What becomes of it: it is tried again, it has happened, it has failed.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // the names say it
pub(crate) enum Word {
    Retry,
    Done,
    Failed,
}

/// Lets what is under way end, and begins nothing.
pub(in crate::http) async fn pause(ctx: Ctx, Body(input): Body<PauseInput>) -> ApiResult {
    find(&ctx).await?;
    check_text("reason", input.reason.as_deref())?;
    let reason = input.reason.filter(|reason| !reason.is_empty());
    let reason = reason.map_or_else(|| format!("paused by {}", ctx.caller().email), |text| excerpt(&text));
    decide(&ctx, "pause", "execution.paused", Control::Pause { reason }).await
}

/// Lets a paused run go on.
pub(in crate::http) async fn resume(ctx: Ctx, Body(input): Body<ResumeInput>) -> ApiResult {
    find(&ctx).await?;
    let ResumeInput { step, inputs } = input;
    if step.is_some() && inputs.is_none() {
        let message = "`step` says whose `inputs` are replaced, and there are none";
        return Err(ApiError::new(&code::BODY_INVALID, message));
    }
    let inputs = inputs.map(|inputs| NewInputs { step, inputs: named(inputs) });
    let by = ctx.caller().email.clone();
    decide(&ctx, "resume", "execution.resumed", Control::Resume { inputs, by }).await
}

/// Says what becomes of a step that is in doubt or out of attempts.
pub(in crate::http) async fn resolve(ctx: Ctx, Body(input): Body<ResolveInput>) -> ApiResult {
    find(&ctx).await?;
    check_text("message", input.message.as_deref())?;
    let by = ctx.caller().email.clone();
    let decision = match input.decision {
        None => {
            let message = "`decision` is missing: `retry`, `done` or `failed`";
            return Err(ApiError::new(&code::BODY_INVALID, message));
        }
        Some(Word::Retry) => Decision::Retry { inputs: named(input.inputs.unwrap_or_default()) },
        Some(Word::Done) => Decision::Done { output: input.output.into() },
        Some(Word::Failed) => {
            let message = input.message.filter(|message| !message.is_empty());
            Decision::Failed { message: message.unwrap_or_else(|| format!("{by} says that it has failed")) }
        }
    };
    decide(&ctx, "resolve", "execution.resolved", Control::Resolve { step: input.step, decision, by }).await
}

/// Ends a run as completed, wherever it stands.
pub(in crate::http) async fn complete(ctx: Ctx) -> ApiResult {
    let reason = format!("completed by {}", ctx.caller().email);
    decide(&ctx, "complete", "execution.completed", Control::Complete { reason }).await
}

fn named(inputs: Map<String, Value>) -> expr::Map {
    inputs.into_iter().map(|(name, value)| (Arc::from(name), value.into())).collect()
}

/// Decides; answers the run as it stands then.
async fn decide(ctx: &Ctx, verb: &str, action: &str, control: Control) -> ApiResult {
    let full = find(ctx).await?;
    let (id, state) = (full.execution.id, full.execution.state.public_name());
    let audit = ctx.audit(action, "execution", &id.to_string(), &full.execution.workflow_name);
    let decided = ctx.app().driver().decide(ctx.tenant(), ctx.workspace(), id, control, audit).await?;
    let refused = |kind, message: String| Err(ApiError::new(kind, message).with_data("state", state));
    match decided {
        Decided::Done => json(&shown(ctx, find(ctx).await?).await?.0),
        Decided::NotBegun | Decided::Refused(Refusal::Ended) => {
            let message = format!("Cannot {verb} execution, it is not in a running state");
            refused(&code::EXECUTION_NOT_RUNNING, message)
        }
        Decided::Refused(refusal) => {
            let message = format!("Cannot {verb} execution: {refusal}");
            match refusal {
                Refusal::PausedAlready | Refusal::Ended => refused(&code::EXECUTION_NOT_RUNNING, message),
                Refusal::NotPaused => refused(&code::EXECUTION_NOT_PAUSED, message),
                Refusal::InDoubt(steps) => refused(&code::EXECUTION_IN_DOUBT, message)
                    .map_err(|error: ApiError| error.with_data("steps", steps)),
                Refusal::SeveralSteps(steps) => refused(&code::STEP_INVALID, message)
                    .map_err(|error: ApiError| error.with_data("steps", steps)),
                Refusal::NoStep(_) | Refusal::Output(_) => refused(&code::STEP_INVALID, message),
            }
        }
    }
}
