//! What the journal keeps. One entry is one row: `(execution_id, seq, kind, body)`.
//!
//! The format is stored for years: fields may be added with a default, never renamed or given a new meaning.

use expr::{Map, Value};
use serde::{Deserialize, Serialize};
use types::Timestamp;

pub use crate::state::{RunError, RunState, StepError, StepState};

/// The number of the strand that a run begins as. Others come and go with concurrent loops and parallel branches.
pub const ROOT: u64 = 0;

fn one() -> usize {
    1
}

fn is_one(number: &usize) -> bool {
    *number == 1
}

fn is_zero(bytes: &usize) -> bool {
    *bytes == 0
}

fn is_root(strand: &u64) -> bool {
    *strand == ROOT
}

/// One fact of a run. Applying all of them in order gives the run's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// The run was accepted.
    Started {
        /// The bound inputs.
        inputs: Map,
        /// What triggered it; `payload` below it.
        event: Value,
        /// What `metadata.*` answers.
        metadata: Map,
        /// 32 bytes in hex; the run's randomness comes from them.
        seed: String,
        /// When the run times out.
        deadline: Timestamp,
        /// When.
        at: Timestamp,
    },
    /// An effect's attempt is about to be handed to a runner.
    StepStarted {
        /// The step's id plus loop turns, `S4[3].S6`.
        path: String,
        /// The step's id.
        step: String,
        /// Its strand.
        #[serde(default, skip_serializing_if = "is_root")]
        strand: u64,
        /// Counts from 1; a result of an older attempt is ignored.
        attempt: u32,
        /// The evaluated inputs.
        inputs: Value,
        /// How another workflow is run, if that is what the step does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subflow: Option<SubflowOptions>,
        /// When.
        at: Timestamp,
    },
    /// An attempt has failed and another is to follow.
    AttemptFailed {
        /// The step's path.
        path: String,
        /// The step's id.
        step: String,
        /// Its strand.
        #[serde(default, skip_serializing_if = "is_root")]
        strand: u64,
        /// The attempt that failed.
        attempt: u32,
        /// Why.
        error: StepError,
        /// When the next attempt begins.
        due: Timestamp,
        /// When.
        at: Timestamp,
    },
    /// An attempt is lost and another is to follow when the run goes on: it is paused, or its server about to stop.
    AttemptLost {
        /// The step's path.
        path: String,
        /// The step's id.
        step: String,
        /// Its strand.
        #[serde(default, skip_serializing_if = "is_root")]
        strand: u64,
        /// The attempt that is lost.
        attempt: u32,
        /// When.
        at: Timestamp,
    },
    /// A loop was entered.
    LoopStarted {
        /// The loop's path.
        path: String,
        /// The loop's step id.
        step: String,
        /// Its strand.
        #[serde(default, skip_serializing_if = "is_root")]
        strand: u64,
        /// What it goes through; nothing for an `internal.while`.
        items: Vec<Value>,
        /// Turns at a time. With more than one each turn is a strand of its own, numbered as they begin.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        concurrency: usize,
        /// When.
        at: Timestamp,
    },
    /// The branches of an `internal.parallel` begin: a strand for each, numbered in this order.
    BranchesStarted {
        /// The step's path.
        path: String,
        /// The step's id.
        step: String,
        /// Its strand.
        #[serde(default, skip_serializing_if = "is_root")]
        strand: u64,
        /// The step ids of the branches that are not disabled.
        branches: Vec<String>,
        /// So many must succeed.
        needed: usize,
        /// When.
        at: Timestamp,
    },
    /// A turn of an `internal.while` begins: its condition holds.
    TurnStarted {
        /// The loop's path.
        path: String,
        /// The loop's step id.
        step: String,
        /// Its strand.
        #[serde(default, skip_serializing_if = "is_root")]
        strand: u64,
        /// The turn's number, from 0.
        index: usize,
        /// When.
        at: Timestamp,
    },
    /// A step is done, one way or another.
    StepFinished(Box<StepFinished>),
    /// A failure that would have ended the run goes to an `internal.catch`, whose steps come next.
    Caught {
        /// The path of the catch.
        path: String,
        /// Its step id.
        step: String,
        /// Its strand.
        #[serde(default, skip_serializing_if = "is_root")]
        strand: u64,
        /// The path of the step that failed.
        failed: String,
        /// Why.
        error: StepError,
        /// When.
        at: Timestamp,
    },
    /// A wait began.
    TimerSet {
        /// The waiting step's path.
        path: String,
        /// The waiting step's id.
        step: String,
        /// Its strand.
        #[serde(default, skip_serializing_if = "is_root")]
        strand: u64,
        /// When it is over.
        due: Timestamp,
        /// When it began.
        at: Timestamp,
    },
    /// Somebody asked for the run to stop.
    CancelRequested {
        /// Who or why, for people.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// The run stands still until somebody decides.
    Paused {
        /// The step whose outcome is unknown.
        path: String,
        /// The step's id.
        step: String,
        /// Its strand.
        #[serde(default, skip_serializing_if = "is_root")]
        strand: u64,
        /// For people.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// Every attempt that there was to be has failed, and somebody is to decide.
    Exhausted {
        /// The step's path.
        path: String,
        /// The step's id.
        step: String,
        /// Its strand.
        #[serde(default, skip_serializing_if = "is_root")]
        strand: u64,
        /// The last attempt.
        attempt: u32,
        /// Why it failed.
        error: StepError,
        /// When.
        at: Timestamp,
    },
    /// Somebody asked for the run to stand still: what is under way may end, and nothing begins.
    PauseRequested {
        /// Who or why, for people.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// Somebody has decided on a step that is in doubt or out of attempts.
    Resolved {
        /// The step's path.
        path: String,
        /// The step's id.
        step: String,
        /// Its strand.
        #[serde(default, skip_serializing_if = "is_root")]
        strand: u64,
        /// What is to become of it.
        decision: DecisionKind,
        /// Inputs that the next attempt has instead of those of the same names.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        inputs: Map,
        /// Who, for people.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// Somebody asked for the run to go on. What is out of attempts is tried again.
    Resumed {
        /// The step whose inputs are replaced, if any are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        /// Its strand.
        #[serde(default, skip_serializing_if = "is_root")]
        strand: u64,
        /// Inputs that the step's next attempt has instead of those of the same names.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        inputs: Map,
        /// Who, for people.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// Somebody asked for the run to end as completed.
    CompleteRequested {
        /// Who or why, for people.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// What stands before this is another run's: this one goes on from there by itself.
    Restarted {
        /// The other run's id.
        from: String,
        /// The path of the step that it begins with.
        path: String,
        /// What `metadata.*` answers from now on.
        metadata: Map,
        /// 32 bytes in hex; the run's randomness comes from them.
        seed: String,
        /// When the run times out.
        deadline: Timestamp,
        /// When.
        at: Timestamp,
    },
    /// The run is over.
    Finished {
        /// How it ended; never a state in which it could go on.
        state: RunState,
        /// The workflow's outputs; empty unless it completed.
        outputs: Map,
        /// Why it failed or timed out.
        error: Option<RunError>,
        /// When.
        at: Timestamp,
    },
}

/// What becomes of a step that somebody has decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionKind {
    /// It is tried again.
    Retry,
    /// It has happened.
    Done,
    /// It has failed.
    Failed,
}

/// How a step runs another workflow: its `configuration`, evaluated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubflowOptions {
    /// Nobody waits for its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_async: bool,
    /// Its newest draft is run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_draft: bool,
    /// Milliseconds from the start of the attempt until its end is waited for no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// When it begins, if not at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins_at: Option<Timestamp>,
}

/// The body of [`Entry::StepFinished`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepFinished {
    /// The step's path.
    pub path: String,
    /// The step's id.
    pub step: String,
    /// Its strand.
    #[serde(default, skip_serializing_if = "is_root")]
    pub strand: u64,
    /// 0 for a step that the engine itself runs.
    pub attempt: u32,
    /// How it ended.
    pub state: StepState,
    /// The evaluated inputs of a step that the engine itself runs; an effect's stand in its `step_started`.
    #[serde(default, skip_serializing_if = "Value::is_nil")]
    pub inputs: Value,
    /// What `steps.<id>.output` answers from now on.
    #[serde(default, skip_serializing_if = "Value::is_nil")]
    pub output: Value,
    /// Bytes of the file that it left.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub file_bytes: usize,
    /// Variables it set.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub variables: Map,
    /// The item that it put at the end of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appended: Option<Appended>,
    /// The branch that an if took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<bool>,
    /// The id of the label that a switch took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<StepError>,
    /// The failure does not end the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tolerated: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub at: Timestamp,
}

/// One item at the end of a variable's list: the list itself would be journaled anew with every item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Appended {
    /// The variable that holds the list; one that is not set begins as an empty list.
    pub variable: String,
    /// The item.
    pub item: Value,
}

impl Entry {
    /// Bytes of the values in it, as JSON: what makes it large, if anything does.
    pub(crate) fn weight(&self) -> usize {
        let map = |map: &Map| map.values().map(Value::json_len).sum::<usize>();
        match self {
            Self::Started { inputs, event, .. } => map(inputs) + event.json_len(),
            Self::StepStarted { inputs, .. } => inputs.json_len(),
            Self::LoopStarted { items, .. } => items.iter().map(Value::json_len).sum(),
            Self::StepFinished(finished) => {
                let appended = finished.appended.as_ref().map_or(0, |appended| appended.item.json_len());
                finished.output.json_len() + finished.file_bytes + map(&finished.variables) + appended
            }
            Self::Finished { outputs, .. } => map(outputs),
            Self::Resolved { inputs, .. } | Self::Resumed { inputs, .. } => map(inputs),
            Self::AttemptFailed { .. }
            | Self::AttemptLost { .. }
            | Self::BranchesStarted { .. }
            | Self::TurnStarted { .. }
            | Self::Caught { .. }
            | Self::TimerSet { .. }
            | Self::CancelRequested { .. }
            | Self::PauseRequested { .. }
            | Self::CompleteRequested { .. }
            | Self::Restarted { .. }
            | Self::Exhausted { .. }
            | Self::Paused { .. } => 0,
        }
    }

    /// The strand that it is about; the root's if it is about the run.
    pub const fn strand(&self) -> u64 {
        match self {
            Self::StepStarted { strand, .. }
            | Self::AttemptFailed { strand, .. }
            | Self::AttemptLost { strand, .. }
            | Self::LoopStarted { strand, .. }
            | Self::BranchesStarted { strand, .. }
            | Self::TurnStarted { strand, .. }
            | Self::Caught { strand, .. }
            | Self::TimerSet { strand, .. }
            | Self::Exhausted { strand, .. }
            | Self::Resolved { strand, .. }
            | Self::Resumed { strand, .. }
            | Self::Paused { strand, .. } => *strand,
            Self::StepFinished(finished) => finished.strand,
            Self::Started { .. }
            | Self::CancelRequested { .. }
            | Self::PauseRequested { .. }
            | Self::CompleteRequested { .. }
            | Self::Restarted { .. }
            | Self::Finished { .. } => ROOT,
        }
    }

    /// When.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Started { at, .. }
            | Self::StepStarted { at, .. }
            | Self::AttemptFailed { at, .. }
            | Self::AttemptLost { at, .. }
            | Self::LoopStarted { at, .. }
            | Self::BranchesStarted { at, .. }
            | Self::TurnStarted { at, .. }
            | Self::Caught { at, .. }
            | Self::TimerSet { at, .. }
            | Self::CancelRequested { at, .. }
            | Self::Paused { at, .. }
            | Self::Exhausted { at, .. }
            | Self::PauseRequested { at, .. }
            | Self::Resolved { at, .. }
            | Self::Resumed { at, .. }
            | Self::CompleteRequested { at, .. }
            | Self::Restarted { at, .. }
            | Self::Finished { at, .. } => *at,
            Self::StepFinished(finished) => finished.at,
        }
    }

    /// The kind column of the journal's row.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::StepStarted { .. } => "step_started",
            Self::AttemptFailed { .. } => "attempt_failed",
            Self::AttemptLost { .. } => "attempt_lost",
            Self::LoopStarted { .. } => "loop_started",
            Self::BranchesStarted { .. } => "branches_started",
            Self::TurnStarted { .. } => "turn_started",
            Self::StepFinished(_) => "step_finished",
            Self::Caught { .. } => "caught",
            Self::TimerSet { .. } => "timer_set",
            Self::CancelRequested { .. } => "cancel_requested",
            Self::Paused { .. } => "paused",
            Self::Exhausted { .. } => "exhausted",
            Self::PauseRequested { .. } => "pause_requested",
            Self::Resolved { .. } => "resolved",
            Self::Resumed { .. } => "resumed",
            Self::CompleteRequested { .. } => "complete_requested",
            Self::Restarted { .. } => "restarted",
            Self::Finished { .. } => "finished",
        }
    }
}
