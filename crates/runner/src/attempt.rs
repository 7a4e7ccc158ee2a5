//! One attempt from its assignment to its report. Whatever happens in between, exactly one report goes out.

use std::sync::Arc;
use std::time::Duration;

use actions::guard::NetworkPolicy;
use actions::{ActionContext, ActionError, Effect, ErrorCode};
use protocol::{Assignment, Outcome, SecretUse, ToServer};
use sandbox::Environment;
use serde_json::{Map, Value as Json};
use tokio_util::sync::CancellationToken;

use crate::grants::{Grants, open};
use crate::voice::{Said, Voice};
use crate::{Shared, outcome};

/// How much longer than its time an action gets, to say itself what it waited for.
const GRACE: Duration = Duration::from_millis(250);

/// Pause between two looks at a lease that has run out and may be renewed.
const LEASE_PAUSE: Duration = Duration::from_millis(50);

/// Runs the attempt and reports on it.
pub(crate) async fn carry_out(shared: &Arc<Shared>, assignment: Assignment, cancelled: CancellationToken) {
    let token = assignment.token.clone();
    let ready = async {
        let turn = shared.turns.acquire().await.ok();
        // Before the step's time begins, and before the last look: packages that were never used here take minutes.
        let environment = environment(shared, &assignment).await;
        (turn.map(|turn| (turn, environment)), may_begin(shared, assignment.lease_term).await)
    };
    let (turn, may_begin) = tokio::select! {
        biased;
        () = cancelled.cancelled() => (None, true),
        // What has not begun is for others to do.
        () = shared.draining.cancelled() => (None, false),
        ready = ready => ready,
    };
    if !may_begin {
        let _ = shared.to_server.send(ToServer::NotBegun { token }).await;
        return;
    }
    let (outcome, secret_uses) = match turn {
        Some((_turn, Ok(environment))) if !cancelled.is_cancelled() => {
            run(shared, assignment, environment, &cancelled).await
        }
        Some((_, Err(error))) if !cancelled.is_cancelled() => (outcome::failed(error), Vec::new()),
        _ => (Outcome::Cancelled, Vec::new()),
    };
    // Nobody is left to hear it if this fails.
    let _ = shared.to_server.send(ToServer::Finished { token, outcome, secret_uses }).await;
}

/// The last look before the deed. While the attempt waited for its turn the process may have stood still, and
/// another server taken the run. As long as nobody has, it is waited for the lease to be renewed.
async fn may_begin(shared: &Shared, term: u64) -> bool {
    while !shared.lease.holds(term) {
        if shared.lease.term() != term {
            return false;
        }
        tokio::time::sleep(LEASE_PAUSE).await;
    }
    true
}

async fn run(
    shared: &Arc<Shared>,
    assignment: Assignment,
    environment: Option<Environment>,
    cancelled: &CancellationToken,
) -> (Outcome, Vec<SecretUse>) {
    let started = ToServer::Started { token: assignment.token.clone(), at: shared.clock.now() };
    let _ = shared.to_server.send(started).await;
    let session = shared.sessions.of(&assignment.token);
    let opened = tokio::select! {
        opened = open(session.as_deref(), &shared.secret_managers, &assignment) => opened,
        // A secret manager may let it wait.
        () = cancelled.cancelled() => return (Outcome::Cancelled, Vec::new()),
    };
    let grants = match opened {
        Ok(grants) => grants,
        Err(error) => return (outcome::failed(error), Vec::new()),
    };
    let redactor = Arc::clone(&grants.redactor);
    let voice = Arc::new(Voice::new(shared, &assignment.token, Arc::clone(&redactor)));
    let result = tokio::select! {
        result = perform(shared, assignment, Given { grants, environment }, Arc::clone(&voice)) => Some(result),
        () = cancelled.cancelled() => None,
    };
    let Said { variables, secret_uses } = voice.end().await;
    let outcome = result.map_or(Outcome::Cancelled, |result| outcome::redacted(result, variables, &redactor));
    (outcome, secret_uses)
}

/// The service of agents.
const AGENTS: &str = "agents.";

/// What an action is given beside its assignment.
struct Given {
    grants: Grants,
    /// Held until the action has ended: nobody removes it before.
    environment: Option<Environment>,
}

/// The packages that the step's code imports, installed.
async fn environment(shared: &Shared, assignment: &Assignment) -> Result<Option<Environment>, ActionError> {
    match &assignment.packages {
        Some(lock) => shared.code.environment(lock).await.map(Some),
        None => Ok(None),
    }
}

/// Why there is nothing to perform.
fn lacking(action: &str) -> ActionError {
    if action.starts_with(AGENTS) {
        let message = format!("`{action}` cannot be run: agents are kept and not run yet");
        return ActionError::new(ErrorCode::NotAvailableYet, message);
    }
    ActionError::new(ErrorCode::UnknownAction, format!("this runner has no action `{action}`"))
}

/// Performs the action in a task of its own, so that a panic ends the attempt and not the runner. Dropping
/// the future stops the task.
async fn perform(
    shared: &Arc<Shared>,
    assignment: Assignment,
    given: Given,
    voice: Arc<Voice>,
) -> Result<Json, ActionError> {
    let effect = shared.catalog.effect(&assignment.action).ok_or_else(|| lacking(&assignment.action))?;
    let timeout = Duration::from_millis(assignment.timeout_ms);
    let action = assignment.action.clone();
    let mut task = tokio::task::JoinSet::new();
    task.spawn(act(Arc::clone(shared), effect, assignment, given, voice));
    match tokio::time::timeout(timeout.saturating_add(GRACE), task.join_next()).await {
        Ok(Some(Ok(result))) => result,
        Ok(_) => {
            // The panic's text may hold a secret; it has gone to standard error by way of the panic hook.
            tracing::error!(action = %action, "an action panicked");
            let message =
                format!("action `{action}` panicked; this is a bug in it, the runner's log says where");
            Err(ActionError::new(ErrorCode::Internal, message))
        }
        Err(_) => {
            let message = format!("action `{action}` did not end within {} s", timeout.as_secs_f64());
            Err(ActionError::transient(ErrorCode::Timeout, message))
        }
    }
}

async fn act(
    shared: Arc<Shared>,
    effect: &'static dyn Effect,
    assignment: Assignment,
    Given { grants, environment }: Given,
    voice: Arc<Voice>,
) -> Result<Json, ActionError> {
    let inputs = match assignment.inputs {
        Json::Object(inputs) => inputs,
        Json::Null => Map::new(),
        _ => return Err(ActionError::new(ErrorCode::InvalidInput, "the inputs are not a map")),
    };
    let networks = assignment.network.allowed_networks.iter().map(String::as_str);
    let mut policy = NetworkPolicy::parse(assignment.network.allow_private, networks).map_err(|text| {
        let message = format!("`{text}` in the allowed networks is not a network such as `10.0.0.0/8`");
        ActionError::new(ErrorCode::Internal, message)
    })?;
    policy.allowed_endpoints =
        assignment.network.allowed_endpoints.iter().filter_map(|endpoint| endpoint.parse().ok()).collect();
    let cx = ActionContext {
        inputs: &inputs,
        context: assignment.context.as_deref(),
        packages: environment.as_ref().map(Environment::path),
        connections: &grants.connections,
        timeout: Duration::from_millis(assignment.timeout_ms),
        idempotency_key: &assignment.idempotency_key,
        include_full_response: assignment.include_full_response,
        http: &shared.http.under(policy),
        code: &shared.code,
        token_cache: &shared.token_cache,
        clock: &*shared.clock,
        sink: &*voice,
    };
    effect.run(cx).await
}
