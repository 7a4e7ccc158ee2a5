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
    let inputs = read_inputs(&args.inputs)?;
    let id = find_workflow(client, &args.workflow).await?;
    let answer = client.post(&["playbooks", &id, "execute"], &json!({"input_values": inputs})).await?;
    let Some(execution) = answer["execution_id"].as_str() else {
        return Err(Failure::new(Exit::Failed, "the server's answer names no execution"));
    };
    if args.wait {
        return wait(client, printer, execution, args.timeout.map(Duration::from_secs)).await;
    }
    if printer.is_json() {
        printer.json(&answer);
    } else {
        printer.line(&printable(execution));
    }
    Ok(Exit::Ok)
}

async fn wait(client: &Client, printer: &Printer, execution: &str, time: Option<Duration>) -> Outcome {
    printer.note(&format!("execution {}", printable(execution)));
    let tell = |step: &Value| StepLine::from_api(step).print(printer, Target::Err);
    let row = match watch(client, printer, execution, time, tell).await? {
        Watched::Over(row) => row,
        Watched::OutOfTime => return Err(goes_on(execution, "it was not over in the time given")),
        Watched::Interrupted => return Err(goes_on(execution, "waiting was interrupted")),
    };
    report_end(printer, &row);
    let outputs = client.get(&["executions", execution, "outputs"], &[]).await?;
    if printer.is_json() {
        let steps = watch::steps(client, execution).await?;
        printer.json(&json!({"execution": row, "steps": steps, "outputs": outputs}));
    } else if outputs.as_object().is_some_and(|outputs| !outputs.is_empty()) {
        printer.json(&outputs);
    }
    Ok(watch::exit_of(&row))
}

fn goes_on(execution: &str, why: &str) -> Failure {
    Failure::new(Exit::RunIncomplete, format!("execution `{execution}` goes on: {why}"))
        .hint(format!("`nictate executions logs {execution} --follow` shows how"))
        .hint(format!("`nictate executions cancel {execution}` stops it"))
}
