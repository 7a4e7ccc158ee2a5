//! What a local run says while it goes and at its end, in the words and with the members of the API, so that
//! a script reads `nictate run --json` as it reads `nictate workflows execute --wait --json`.

use engine::{Execution, StepFinished};
use serde_json::{Value, json};
use store::executions::ExecutionState;

use crate::printer::{Printer, Target, Tone};
use crate::steps::{StepLine, detail};
use crate::text::printable;

/// Collects the steps, and prints them as they finish.
pub(super) struct Report<'a> {
    printer: &'a Printer,
    steps: Vec<Value>,
}

impl<'a> Report<'a> {
    pub(super) fn new(printer: &'a Printer) -> Self {
        Self { printer, steps: Vec::new() }
    }

    /// A step has ended.
    pub(super) fn step(&mut self, step: &StepFinished) {
        // As the API shows it: where there is no output, what a step set is what came of it.
        let only_sets = step.output.is_nil() && !step.variables.is_empty();
        let output = if only_sets { json!(step.variables) } else { step.output.to_json() };
        let error = step.error.as_ref().map_or(Value::Null, |error| json!(error));
        let line = StepLine {
            path: step.path.clone(),
            state: step.state.as_str().to_owned(),
            duration_ms: i64::try_from(step.at.since(step.started_at).as_millis()).ok(),
            detail: detail(&error, &output),
        };
        line.print(self.printer, Target::Err);
        if self.printer.is_json() {
            self.steps.push(json!({
                "step_id": step.step,
                "path": step.path,
                "state": step.state.as_str(),
                "started_at": step.started_at,
                "finished_at": step.at,
                "output_data": output,
                "error_data": error,
            }));
        }
    }

    /// A line that a step's code wrote.
    pub(super) fn log(&self, line: &str) {
        let line = printable(line);
        self.printer.note(&self.printer.paint(Target::Err, Tone::Muted, &format!("  | {line}")));
    }

    /// How it ended to stderr, the outputs to stdout.
    pub(super) fn end(self, execution: &Execution) {
        let printer = self.printer;
        // The API's word for it, which the store knows.
        let state = execution.state().as_str();
        let state = ExecutionState::from_name(state).map_or(state, ExecutionState::public_name);
        let tone = if state == "Completed" { Tone::Success } else { Tone::Error };
        let why = execution.error().map(|error| error.message.as_str()).or(execution.cancel_reason());
        let why = why.map(|why| format!(": {}", printable(why))).unwrap_or_default();
        printer.note(&format!("{}{why}", printer.paint(Target::Err, tone, state)));

        let outputs = json!(execution.outputs());
        if !printer.is_json() {
            if !execution.outputs().is_empty() {
                printer.json(&outputs);
            }
            return;
        }
        let error = execution.error();
        let error_details = error.map(|error| json!({"message": error.message, "error_code": error.code}));
        printer.json(&json!({
            "execution": {
                "state": state,
                "state_ui": state,
                "started_at": execution.started_at(),
                "finished_at": execution.finished_at(),
                "net_runtime_ms": execution.net_runtime_ms(),
                "error_details": error_details,
                "cancel_reason": execution.cancel_reason(),
                "inputs": execution.inputs().to_json(),
            },
            "steps": self.steps,
            "outputs": outputs,
        }));
    }
}
