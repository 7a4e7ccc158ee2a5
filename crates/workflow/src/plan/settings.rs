//! How a step is run, whatever it does.

use expr::Value;

use super::PlanValue;

/// Settings that any step may carry.
#[derive(Debug, Default, Clone)]
pub struct StepSettings {
    /// `when: "false"`: the step is skipped. An expression is decided at run time.
    pub when: Option<PlanValue>,
    /// Milliseconds until the step's attempt fails; none: the default.
    pub timeout_ms: Option<u64>,
    /// A failure is noted and the run goes on.
    pub continue_on_error: bool,
    /// The action's whole answer (status, headers, body) instead of the body alone.
    pub full_response: bool,
    /// A failed attempt is followed by another.
    pub retry: Option<Retry>,
    /// The output that stands in for a run of the step.
    pub mock_output: Option<Value>,
    /// The step's output is not kept.
    pub discard_output: bool,
    /// The step's output is kept as a file beside the run.
    pub save_output: Option<SaveOutput>,
    /// The group whose runners carry the step out; none: the connection's, the workflow's or the default one.
    pub runner_group: Option<String>,
}

/// How the file is called that keeps a step's output.
#[derive(Debug, Clone)]
pub enum SaveOutput {
    /// As the step's id, with an extension for what is in it.
    ByStep,
    /// As this says, which must be a text.
    Named(PlanValue),
}

/// When and how often a failed step is tried again.
#[derive(Debug, Clone)]
pub struct Retry {
    /// All attempts, the first one included.
    pub attempts: u32,
    /// Milliseconds before the second attempt.
    pub initial_backoff_ms: u64,
    /// Milliseconds between two attempts at most.
    pub maximum_backoff_ms: u64,
    /// Each pause is that many times as long as the one before.
    pub factor: f64,
    /// The part of each pause, from 0 to 1, that chance may take away.
    pub jitter: f64,
    /// Decides whether a failure is worth another attempt; every one is if absent.
    pub when: Option<PlanValue>,
    /// What happens when the last attempt has failed.
    pub on_exhausted: OnExhausted,
}

/// What happens when the last attempt of a step has failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnExhausted {
    /// The step has failed.
    #[default]
    Fail,
    /// The run pauses there, until somebody decides.
    Pause,
}

impl Default for Retry {
    fn default() -> Self {
        let (initial_backoff_ms, maximum_backoff_ms) = (1_000, 60_000);
        Self {
            attempts: 3,
            initial_backoff_ms,
            maximum_backoff_ms,
            factor: 2.0,
            jitter: 0.2,
            when: None,
            on_exhausted: OnExhausted::Fail,
        }
    }
}
