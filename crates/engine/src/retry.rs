//! Whether a failed attempt is followed by another, and when.

use std::time::Duration;

use expr::{Context, Value};
use types::Rng;
use types::limits::RETRY_ATTEMPTS_MAX;
use workflow::plan::{OnExhausted, Retry};

use crate::codes;
use crate::command::Command;
use crate::entry::{Entry, StepError, StepState};
use crate::evaluate::evaluate;
use crate::execution::Execution;
use crate::step::truth;
use crate::strand::{At, StrandId};

/// Steps of chance: fine enough that an hour is divided into milliseconds.
const CHANCES: u64 = 10_000_000;

impl Execution {
    /// The attempt that has failed was the last one, and the step says that the run pauses then.
    pub(crate) fn pauses_exhausted(&self, strand: StrandId) -> bool {
        let retry = self.current_step(strand).and_then(|step| self.plan.steps[step].settings.retry.as_ref());
        let failures = self.strands.get(strand).failures.saturating_add(1);
        retry.is_some_and(|retry| failures >= retry.attempts && retry.on_exhausted == OnExhausted::Pause)
    }

    /// Records the failure and sets a timer if there is to be another attempt; false if there is not.
    ///
    /// # Errors
    /// If the expression that decides on it fails.
    pub(crate) fn try_again(
        &mut self,
        error: &StepError,
        output: &Value,
        at: At,
        commands: &mut Vec<Command>,
    ) -> Result<bool, StepError> {
        let strand = self.strands.get(at.strand);
        let (Some(effect), Some(index)) = (strand.effect(), self.current_step(at.strand)) else {
            return Ok(false);
        };
        let step = &self.plan.steps[index];
        let failures = strand.failures.saturating_add(1);
        let Some(retry) = step.settings.retry.as_ref().filter(|retry| failures < retry.attempts) else {
            return Ok(false);
        };
        let mut rng = self.rng(at.strand);
        if let Some(when) = &retry.when {
            let mut view = self.view(at.strand);
            view.steps.set_finished(&step.id, StepState::Failed, output, Some(error));
            let holds = evaluate(when, &mut Context::new(&view, at.now, &mut rng)).map_err(|fault| {
                let message = format!("{}, after the failure: {}", fault.message, error.message);
                StepError::new(codes::EXPRESSION_ERROR, message)
            })?;
            if !truth(&holds) {
                return Ok(false);
            }
        }
        let due = at.now.saturating_add(pause(retry, failures, &mut rng));
        let (path, attempt, step) = (effect.path.clone(), effect.attempt, step.id.clone());
        let entry = Entry::AttemptFailed {
            path: path.clone(),
            step,
            strand: at.strand,
            attempt,
            error: error.clone(),
            due,
            at: at.now,
        };
        self.record(entry, commands);
        commands.push(Command::SetTimer { path, due });
        Ok(true)
    }
}

/// The pause after that many failures: longer each time, never over the maximum, and less by chance only.
fn pause(retry: &Retry, failures: u32, rng: &mut dyn Rng) -> Duration {
    // Ten to the power of that many is still a number.
    let exponent = i32::try_from(failures.saturating_sub(1).min(RETRY_ATTEMPTS_MAX)).unwrap_or(0);
    #[allow(clippy::cast_precision_loss)] // both are far below 2^53
    let (first, most) = (retry.initial_backoff_ms as f64, retry.maximum_backoff_ms as f64);
    // Every attempt of a step begins with the same randomness: the pause after the third failure is its third number.
    let chance = (0..failures.min(RETRY_ATTEMPTS_MAX)).map(|_| rng.below(CHANCES)).last().unwrap_or(0);
    let full = (first * retry.factor.powi(exponent)).min(most);
    #[allow(clippy::cast_precision_loss)]
    let chance = chance as f64 / CHANCES as f64;
    let millis = full * (1.0 - retry.jitter * chance);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and an hour
    Duration::from_millis(millis.round() as u64)
}

#[cfg(test)]
mod tests {
    use types::SeededRng;

    use super::*;

    #[test]
    fn pauses_grow_up_to_the_maximum_and_chance_shortens_them() {
        let steady = Retry { jitter: 0.0, maximum_backoff_ms: 10_000, ..Retry::default() };
        let mut rng = SeededRng::from_u64(1);
        let pauses: Vec<_> =
            [1, 2, 3, 4, 5, u32::MAX].map(|failures| pause(&steady, failures, &mut rng).as_millis()).into();
        assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
        let none = Retry { initial_backoff_ms: 0, ..Retry::default() };
        assert_eq!(pause(&none, u32::MAX, &mut rng), Duration::ZERO);

        let shaky = Retry { jitter: 0.5, ..Retry::default() };
        let pauses: Vec<_> = (0..1000).map(|_| pause(&shaky, 1, &mut rng).as_millis()).collect();
        assert!(pauses.iter().all(|pause| (500..=1_000).contains(pause)));
        assert!(pauses.iter().any(|pause| *pause < 550) && pauses.iter().any(|pause| *pause > 950));
        let pause_after = |failures| {
            let flat = Retry { factor: 1.0, ..shaky.clone() };
            pause(&flat, failures, &mut SeededRng::from_u64(9))
        };
        assert_eq!(pause_after(1), pause_after(1));
        assert_ne!(pause_after(1), pause_after(2));
    }
}
