//! What people decide about a run: pause, resume, resolve, complete, restart.

use serde_json::{Value, json};

use crate::args::{Decision, ResolveArgs, ResumeArgs};
use crate::client::Client;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::inputs::read_inputs;
use crate::printer::Printer;
use crate::text::{printable, value_line};
use crate::watch;

pub(super) async fn pause(
    client: &Client,
    printer: &Printer,
    execution: &str,
    reason: Option<&str>,
) -> Outcome {
    decide(client, printer, (execution, "pause"), &json!({"reason": reason})).await
}

pub(super) async fn resume(client: &Client, printer: &Printer, args: &ResumeArgs) -> Outcome {
    let mut body = json!({});
    if !args.inputs.is_empty() {
        body["inputs"] = Value::Object(read_inputs(&args.inputs)?);
    }
    if let Some(step) = &args.step {
        body["step"] = json!(step);
    }
    decide(client, printer, (&args.execution, "resume"), &body).await
}

pub(super) async fn resolve(client: &Client, printer: &Printer, args: &ResolveArgs) -> Outcome {
    let mut body = json!({});
    if let Some(step) = &args.step {
        body["step"] = json!(step);
    }
    let given = [
        ("--input", Decision::Retry, !args.inputs.is_empty()),
        ("--output", Decision::Done, args.output.is_some()),
        ("--message", Decision::Failed, args.message.is_some()),
    ];
    if let Some((flag, of, _)) = given.iter().find(|(_, of, given)| *given && *of != args.decision) {
        let message = format!("`{flag}` belongs to the decision `{}`", word(*of));
        return Err(Failure::new(Exit::Usage, message));
    }
    body["decision"] = json!(word(args.decision));
    match args.decision {
        Decision::Retry => body["inputs"] = Value::Object(read_inputs(&args.inputs)?),
        Decision::Done => body["output"] = args.output.clone().unwrap_or_default(),
        Decision::Failed => body["message"] = json!(args.message),
    }
    decide(client, printer, (&args.execution, "resolve"), &body).await
}

pub(super) async fn complete(client: &Client, printer: &Printer, execution: &str) -> Outcome {
    decide(client, printer, (execution, "complete"), &json!({})).await
}

/// Prints the new run's id, as `workflows execute` does.
pub(super) async fn restart(
    client: &Client,
    printer: &Printer,
    execution: &str,
    step: Option<&str>,
) -> Outcome {
    let body = step.map_or_else(|| json!({}), |step| json!({"step": step}));
    let answer = client.post(&["executions", execution, "restart"], &body).await?;
    if printer.is_json() {
        printer.json(&answer);
        return Ok(Exit::Ok);
    }
    printer.line(&printable(&value_line(&answer["execution_id"])));
    if answer["cancelled"] == true {
        let step = value_line(&answer["step"]);
        printer.note(&format!("begins with step `{}`; the paused run is cancelled", printable(&step)));
    }
    Ok(Exit::Ok)
}

async fn decide(
    client: &Client,
    printer: &Printer,
    (execution, what): (&str, &str),
    body: &Value,
) -> Outcome {
    let answer = client.post(&["executions", execution, what], body).await?;
    if printer.is_json() {
        printer.json(&answer);
    } else {
        let state = printable(watch::state(&answer));
        printer.note(&format!("execution `{}` is {state}", printable(execution)));
    }
    Ok(Exit::Ok)
}

const fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Retry => "retry",
        Decision::Done => "done",
        Decision::Failed => "failed",
    }
}
