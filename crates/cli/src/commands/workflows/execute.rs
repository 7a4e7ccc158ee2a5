//! `nictate workflows execute`: starts a run and, with `--wait`, tells how it goes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::args::ExecuteArgs;
use crate::client::{Client, find_workflow};
use crate::commands::executions::report_end;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::inputs::read_inputs;
use crate::printer::{Printer, Target};
use crate::steps::StepLine;
use crate::text::printable;
use crate::watch::{self, Watched, watch};

pub(super) async fn run(client: &Client, printer: &Printer, args: &ExecuteArgs) -> Outcome {
    let inputs = Value::Object(read_inputs(&args.inputs)?);
    let id = find_workflow(client, &args.workflow).await?;
    if !args.wait {
        let answer = execute(client, &id, inputs).await?;
        if printer.is_json() {
            printer.json(&answer);
        } else {
            printer.line(&printable(&execution_id(&answer)?));
        }
        return Ok(Exit::Ok);
    }
    let time = args.timeout.map(Duration::from_secs);
    let ended = execute_and_wait(client, printer, &id, inputs, time).await?;
    if printer.is_json() {
        let steps = watch::steps(client, &ended.id).await?;
        printer.json(&json!({"execution": ended.row, "steps": steps, "outputs": ended.outputs}));
    } else if ended.has_outputs() {
        printer.json(&ended.outputs);
    }
    Ok(watch::exit_of(&ended.row))
}

/// A run that is over.
pub(crate) struct Ended {
    id: String,
    row: Value,
    pub(crate) outputs: Value,
}

impl Ended {
    pub(crate) fn has_outputs(&self) -> bool {
        self.outputs.as_object().is_some_and(|outputs| !outputs.is_empty())
    }
}

/// Starts a run and waits for its end; steps and the end are told on stderr.
///
/// # Errors
/// Also when waiting ends before the run does.
pub(crate) async fn execute_and_wait(
    client: &Client,
    printer: &Printer,
    workflow: &str,
    inputs: Value,
    time: Option<Duration>,
) -> Outcome<Ended> {
    let id = execution_id(&execute(client, workflow, inputs).await?)?;
    printer.note(&format!("execution {}", printable(&id)));
    let tell = |step: &Value| StepLine::from_api(step).print(printer, Target::Err);
    let row = match watch(client, printer, &id, time, tell).await? {
        Watched::Over(row) => row,
        Watched::OutOfTime => return Err(goes_on(&id, "it was not over in the time given")),
        Watched::Interrupted => return Err(goes_on(&id, "waiting was interrupted")),
    };
    report_end(printer, &row);
    let outputs = client.get(&["executions", &id, "outputs"], &[]).await?;
    Ok(Ended { id, row, outputs })
}

async fn execute(client: &Client, workflow: &str, inputs: Value) -> Outcome<Value> {
    client.post(&["playbooks", workflow, "execute"], &json!({"input_values": inputs})).await
}

fn execution_id(answer: &Value) -> Outcome<String> {
    let id = answer["execution_id"].as_str().map(str::to_owned);
    id.ok_or_else(|| Failure::new(Exit::Failed, "the server's answer names no execution"))
}

fn goes_on(execution: &str, why: &str) -> Failure {
    Failure::new(Exit::RunIncomplete, format!("execution `{execution}` goes on: {why}"))
        .hint(format!("`nictate executions logs {execution} --follow` shows how"))
        .hint(format!("`nictate executions cancel {execution}` stops it"))
}
