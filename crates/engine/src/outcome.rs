//! How a step ended, before it becomes an entry.

use std::sync::Arc;

use expr::{Map, Value};
use types::Timestamp;

use crate::entry::{Appended, Entry, StepError, StepFinished, StepState};

/// How a step ended, before it becomes an entry.
pub(crate) struct Outcome {
    pub(crate) state: StepState,
    pub(crate) inputs: Value,
    pub(crate) output: Value,
    pub(crate) file_bytes: usize,
    pub(crate) variables: Map,
    pub(crate) appended: Option<Appended>,
    pub(crate) branch: Option<bool>,
    pub(crate) label: Option<String>,
    pub(crate) error: Option<StepError>,
    pub(crate) tolerated: bool,
}

impl Outcome {
    pub(crate) fn ok(output: Value) -> Self {
        Self {
            state: StepState::Ok,
            inputs: Value::Nil,
            output,
            file_bytes: 0,
            variables: Map::new(),
            appended: None,
            branch: None,
            label: None,
            error: None,
            tolerated: false,
        }
    }

    /// A loop went through its turns.
    pub(crate) fn looped(turns: usize) -> Self {
        let turns = Value::Int(i64::try_from(turns).unwrap_or(i64::MAX));
        Self::ok(Value::Map(Arc::new([("turns".into(), turns)].into_iter().collect())))
    }

    /// The run or another branch has ended it.
    pub(crate) fn cancelled() -> Self {
        Self { state: StepState::Cancelled, ..Self::ok(Value::Nil) }
    }

    pub(crate) fn failed(error: StepError) -> Self {
        Self { state: StepState::Failed, error: Some(error), ..Self::ok(Value::Nil) }
    }

    pub(crate) fn into_entry(
        self,
        strand: u64,
        path: String,
        step: String,
        attempt: u32,
        started_at: Timestamp,
        at: Timestamp,
    ) -> Entry {
        Entry::StepFinished(Box::new(StepFinished {
            path,
            step,
            strand,
            attempt,
            state: self.state,
            inputs: self.inputs,
            output: self.output,
            file_bytes: self.file_bytes,
            variables: self.variables,
            appended: self.appended,
            branch: self.branch,
            label: self.label,
            error: self.error,
            tolerated: self.tolerated,
            started_at,
            at,
        }))
    }
}
