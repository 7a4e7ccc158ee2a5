//! `core.jq`: a query in the language of jq over a JSON value.
//!
//! Each query has a thread of its own, with a stack that is large enough for calls within calls; it ends when its time
//! is up or nobody waits for it any more, whatever it does.

mod access;
mod calculation;
mod filters;
mod limits;
mod number;
mod order;
mod program;
mod regex;
mod value;

use std::borrow::Cow;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value as Json, json};
use tokio::sync::oneshot;

use self::limits::{DEPTH_MAX, LIVE_BYTES_MAX, STACK_BYTES, STEPS_MAX, Stop};
use crate::inputs::{Inputs, invalid};
use crate::pure::{bounded, broken, input_bytes, name_unknown};
use crate::{ActionContext, ActionError, ActionSpec, Effect, ErrorCode, InputType, Parameter};

/// Bytes of a query.
const QUERY_BYTES_MAX: usize = 16 * 1024;
/// Results of a query.
const RESULTS_MAX: usize = 250_000;
/// Bytes of all results as JSON.
const RESULT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Time that a query may take, if its step allows as much.
const TIME_MAX: Duration = Duration::from_secs(60);

/// The action.
pub(crate) struct Jq;

impl Effect for Jq {
    fn spec(&self) -> ActionSpec {
        let description = "Runs a query in the language of jq over a JSON value. One result is the output; several are \
                           a list, none is null. There is no access to files, other inputs or the environment.";
        let always_list = "The output is a list of the results, also if there is one or none.";
        ActionSpec {
            parameters: vec![
                Parameter::new("query", "Query", InputType::Textarea, "Such as `.alerts[] | .id`.")
                    .required(),
                Parameter::new("json", "JSON", InputType::Json, "What is queried, also as JSON text.")
                    .required(),
                Parameter::new("always_list", "Always a list", InputType::Checkbox, always_list)
                    .default(false),
            ],
            example_output: json!(["web-1", "db-1"]),
            ..ActionSpec::pure("core.jq", "jq query", "Code", description)
        }
    }

    fn run<'a>(&'a self, cx: ActionContext<'a>) -> BoxFuture<'a, Result<Json, ActionError>> {
        Box::pin(run(self.spec(), cx))
    }
}

async fn run(spec: ActionSpec, cx: ActionContext<'_>) -> Result<Json, ActionError> {
    let now = cx.clock.now();
    let inputs = Inputs::new(&spec, cx.inputs, now);
    name_unknown(&cx, &spec, &inputs);
    input_bytes(&cx)?;
    let query = inputs.filled_text("query")?.map(Cow::into_owned);
    let query = query.ok_or_else(|| invalid("input `query` is missing"))?;
    if query.len() > QUERY_BYTES_MAX {
        return Err(invalid(&format!("input `query` has more than {QUERY_BYTES_MAX} bytes")));
    }
    let input = inputs.json_or_null("json")?.into_owned();
    let always_list = inputs.flag("always_list")?;

    let now_seconds = now.as_millis() as f64 / 1000.0;
    let mut results = on_a_thread(query, input, now_seconds, cx.timeout.min(TIME_MAX)).await?;
    bounded(match results.len() {
        0 if !always_list => Json::Null,
        1 if !always_list => results.remove(0),
        _ => Json::Array(results),
    })
}

/// Stops the query when nobody waits for it any more.
struct Cancel(Arc<AtomicBool>);

impl Drop for Cancel {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn on_a_thread(
    query: String,
    input: Json,
    now_seconds: f64,
    time: Duration,
) -> Result<Vec<Json>, ActionError> {
    let (send, receive) = oneshot::channel();
    let cancel = Cancel(Arc::default());
    let cancelled = Arc::clone(&cancel.0);
    let work = move || {
        limits::begin(cancelled, now_seconds);
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| program::run(&query, &input)));
        // Nobody may be there to hear it.
        let _ = send.send(outcome.unwrap_or_else(|why| Err(stopped(why.downcast_ref::<Stop>()))));
    };
    let thread = thread::Builder::new().name("jq".to_owned()).stack_size(STACK_BYTES);
    thread.spawn(work).map_err(|error| broken(&format!("no thread: {error}")))?;
    match tokio::time::timeout(time, receive).await {
        Ok(outcome) => outcome.unwrap_or_else(|_| Err(broken("its thread is gone"))),
        Err(_) => {
            let message = format!("the query did not end within {} s", time.as_secs_f64());
            Err(ActionError::new(ErrorCode::Timeout, message))
        }
    }
}

/// The failure of a query that was stopped, or has met an error of the evaluator.
fn stopped(why: Option<&Stop>) -> ActionError {
    match why {
        None => broken("the evaluator of jq cannot run this query"),
        Some(Stop::Cancelled) => ActionError::new(ErrorCode::Timeout, "the query was cancelled"),
        Some(Stop::Steps) => invalid(&format!("the query takes more than {STEPS_MAX} steps")),
        Some(Stop::Memory) => invalid(&format!("the query's values have more than {LIVE_BYTES_MAX} bytes")),
        Some(Stop::Depth) => invalid(&format!("a value of the query has more than {DEPTH_MAX} levels")),
        Some(Stop::Stack) => invalid("the query calls itself too deeply"),
    }
}
