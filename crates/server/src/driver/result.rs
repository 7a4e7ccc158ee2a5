//! What a runner reports, as the engine takes it.

use engine::{EffectResult, StepError};
use expr::Value;
use protocol::Outcome;

/// How an attempt went.
pub fn effect_result(outcome: Outcome) -> EffectResult {
    match outcome {
        Outcome::Succeeded { output, variables } => EffectResult::Assigned {
            output: Value::from(output),
            variables: variables.into_iter().map(|(name, value)| (name.into(), Value::from(value))).collect(),
        },
        Outcome::Failed { error } => EffectResult::Failed {
            error: StepError::new(error.code, error.message),
            output: Value::from(error.data),
        },
        Outcome::Cancelled => EffectResult::Cancelled,
    }
}
