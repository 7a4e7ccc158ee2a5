//! The actions that only compute, at their outer boundary.

// Helpers of a test may stop it: clippy's leave covers the test functions only.
#![allow(clippy::unwrap_used, clippy::panic)]

mod array;
mod dates;
mod formats;
mod inputs;
mod jq;
mod json;
mod markup;
mod texts;

use std::sync::Mutex;
use std::time::Duration;

use actions::guard::NetworkPolicy;
use actions::http::{HttpClient, TokenCache};
use actions::{ActionContext, ActionError, Catalog, CodeHost, Sink};
use serde_json::Value as Json;
use types::{ConnectionId, FixedClock, Timestamp};

/// The runner's time in all tests: 2023-11-14T22:13:20.5Z.
const NOW_MS: i64 = 1_700_000_000_500;

/// Runs the action; its output and what it said to the log.
async fn attempt(action: &str, inputs: &Json, timeout: Duration) -> (Result<Json, ActionError>, Vec<String>) {
    let heard = Heard::default();
    let http = HttpClient::new(NetworkPolicy::default());
    let clock = FixedClock::new(Timestamp::from_millis(NOW_MS));
    let cx = ActionContext {
        inputs: inputs.as_object().unwrap(),
        context: None,
        packages: None,
        connections: &[],
        timeout,
        idempotency_key: "run-1/S1",
        include_full_response: false,
        http: &http,
        code: &CodeHost::off(),
        token_cache: &TokenCache::default(),
        clock: &clock,
        sink: &heard,
    };
    let outcome = Catalog::builtin().effect(action).unwrap().run(cx).await;
    (outcome, heard.0.into_inner().unwrap())
}

async fn run(action: &str, inputs: Json) -> Result<Json, ActionError> {
    attempt(action, &inputs, Duration::from_secs(60)).await.0
}

/// The action gives this.
async fn check(action: &str, inputs: Json, expected: Json) {
    let shown = inputs.to_string();
    match run(action, inputs).await {
        Ok(output) => assert_eq!(output, expected, "{action} {shown}"),
        Err(error) => panic!("{action} {shown}: {error}"),
    }
}

/// The action fails, and says this.
async fn check_fails(action: &str, inputs: Json, expected: &str) {
    let shown: String = inputs.to_string().chars().take(200).collect();
    match run(action, inputs).await {
        Ok(output) => panic!("{action} {shown} gave {:.200}", output.to_string()),
        Err(error) => {
            assert_eq!(error.code.as_str(), "invalid_input", "{action} {shown}");
            assert_eq!(error.message, expected, "{action} {shown}");
            assert!(!error.retryable);
        }
    }
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Sink for Heard {
    fn log(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }

    fn set_variable(&self, name: String, _: Json) {
        panic!("a computation sets no variable, and sets `{name}`");
    }

    fn secret_used(&self, _: ConnectionId, _: &str) {
        panic!("a computation uses no secret");
    }
}
