//! `nictate executions …`; what decides about runs is in `decide`.

mod decide;

use serde_json::{Value, json};

use crate::args::{ExecutionsArgs, ExecutionsCommand, ExecutionsListArgs, LogsArgs};
use crate::client::{Client, find_workflow, results};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::printer::{Printer, Target, Tone};
use crate::steps::StepLine;
use crate::table::{Table, note_more};
use crate::text::{duration, instant, printable, value_line};
use crate::watch::{self, Watched, watch};

pub(crate) async fn run(args: &ExecutionsArgs, printer: &Printer) -> Outcome {
    let client = Client::new(&args.api)?;
    match &args.command {
        ExecutionsCommand::List(args) => list(&client, printer, args).await,
        ExecutionsCommand::Get { execution } => get(&client, printer, execution).await,
        ExecutionsCommand::Logs(args) => logs(&client, printer, args).await,
        ExecutionsCommand::Cancel { execution } => cancel(&client, printer, execution).await,
        ExecutionsCommand::Pause { execution, reason } => {
            decide::pause(&client, printer, execution, reason.as_deref()).await
        }
        ExecutionsCommand::Resume(args) => decide::resume(&client, printer, args).await,
        ExecutionsCommand::Resolve(args) => decide::resolve(&client, printer, args).await,
        ExecutionsCommand::Complete { execution } => decide::complete(&client, printer, execution).await,
        ExecutionsCommand::Restart { execution, step } => {
            decide::restart(&client, printer, execution, step.as_deref()).await
        }
    }
}

async fn list(client: &Client, printer: &Printer, args: &ExecutionsListArgs) -> Outcome {
    let mut filter = json!({});
    if let Some(named) = &args.workflow {
        filter["playbook_id"] = json!(find_workflow(client, named).await?);
    }
    if let Some(state) = args.state {
        // The variants are named as the API names the states.
        filter["state_ui"] = json!(format!("{state:?}"));
    }
    let q = json!({
        "limit": args.page.limit, "offset": args.page.offset, "sort": ["-started_at"], "filter": filter,
    });
    let answer = client.get(&["executions"], &[("q", q.to_string())]).await?;
    if printer.is_json() {
        printer.json(&answer);
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["ID", "WORKFLOW", "STATE", "STARTED", "DURATION"]);
    for row in results(&answer) {
        table.row([
            value_line(&row["id"]),
            value_line(&row["name"]),
            watch::state(row).to_owned(),
            instant(row["started_at"].as_i64().unwrap_or(0)),
            run_duration(row),
        ]);
    }
    table.print(printer);
    note_more(printer, &answer);
    Ok(Exit::Ok)
}

async fn get(client: &Client, printer: &Printer, execution: &str) -> Outcome {
    let row = client.get(&["executions", execution], &[]).await?;
    if printer.is_json() {
        printer.json(&row);
        return Ok(Exit::Ok);
    }
    let line = |name: &str, value: String| {
        if !value.is_empty() {
            let name = printer.paint(Target::Out, Tone::Heading, &format!("{:<10}", format!("{name}:")));
            printer.line(&format!("{name} {}", printable(&value)));
        }
    };
    line("id", value_line(&row["id"]));
    line("workflow", value_line(&row["name"]));
    line("state", watch::state(&row).to_owned());
    line("started", instant(row["started_at"].as_i64().unwrap_or(0)));
    line("finished", instant(row["finished_at"].as_i64().unwrap_or(0)));
    line("duration", run_duration(&row));
    line("error", why(&row));
    if watch::state(&row) == "Completed" {
        let outputs = client.get(&["executions", execution, "outputs"], &[]).await?;
        line("outputs", outputs.to_string());
    }
    Ok(Exit::Ok)
}

async fn logs(client: &Client, printer: &Printer, args: &LogsArgs) -> Outcome {
    let execution = &args.execution;
    if args.lines {
        return lines(client, printer, execution).await;
    }
    if args.follow {
        let watched = watch(client, printer, execution, None, |step| {
            if !printer.is_json() {
                StepLine::from_api(step).print(printer, Target::Out);
            }
        })
        .await?;
        if let Watched::Over(row) = watched {
            report_end(printer, &row);
        }
        if !printer.is_json() {
            return Ok(Exit::Ok);
        }
    }
    let steps = watch::steps(client, execution).await?;
    if printer.is_json() {
        printer.json(&json!({"results": steps}));
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["STEP", "STATE", "DURATION", "OUTPUT OR ERROR"]);
    for step in &steps {
        let line = StepLine::from_api(step);
        table.row([line.path.clone(), line.state.clone(), line.duration(), line.detail]);
    }
    table.print(printer);
    Ok(Exit::Ok)
}

/// What the steps have said, each line with the path of its step.
async fn lines(client: &Client, printer: &Printer, execution: &str) -> Outcome {
    let answer = client.get(&["executions", execution, "logs"], &[]).await?;
    if printer.is_json() {
        printer.json(&answer);
        return Ok(Exit::Ok);
    }
    for log in results(&answer) {
        let path = value_line(&log["path"]);
        match log["dropped"].as_i64() {
            None | Some(0) => {}
            Some(dropped) => printer.line(&format!("{path} ({dropped} lines before these were not kept)")),
        }
        for line in log["lines"].as_array().into_iter().flatten() {
            printer.line(&format!("{path} | {}", printable(line["text"].as_str().unwrap_or_default())));
        }
    }
    note_more(printer, &answer);
    Ok(Exit::Ok)
}

/// How a run ended and why, to stderr.
pub(super) fn report_end(printer: &Printer, execution: &Value) {
    let state = watch::state(execution);
    let tone = match state {
        "Completed" => Tone::Success,
        "Cancelled" | "Paused" => Tone::Warning,
        _ => Tone::Error,
    };
    let why = why(execution);
    let why = if why.is_empty() { why } else { format!(": {}", printable(&why)) };
    printer.note(&format!("{}{why}", printer.paint(Target::Err, tone, &printable(state))));
}

async fn cancel(client: &Client, printer: &Printer, execution: &str) -> Outcome {
    let answer = client.post(&["executions", execution, "cancel"], &json!({})).await?;
    if printer.is_json() {
        printer.json(&answer);
    } else {
        printer.note(&format!("cancelled execution `{}`", printable(execution)));
    }
    Ok(Exit::Ok)
}

fn why(execution: &Value) -> String {
    let reasons = [&execution["error_details"]["message"], &execution["cancel_reason"]];
    reasons.into_iter().map(value_line).find(|reason| !reason.is_empty()).unwrap_or_default()
}

fn run_duration(execution: &Value) -> String {
    let (started, finished) = (execution["started_at"].as_i64(), execution["finished_at"].as_i64());
    let ended = finished.filter(|&at| at > 0).zip(started).filter(|(_, begin)| *begin > 0);
    ended.map_or_else(|| "-".to_owned(), |(end, begin)| duration(end - begin))
}
