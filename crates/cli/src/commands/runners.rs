//! `nictate runner-groups …` and `nictate runners …`. The runner itself is `runner.rs`.

use serde_json::{Value, json};

use crate::args::{PageArgs, RunnerGroupsArgs, RunnerGroupsCommand, RunnersArgs, RunnersCommand};
use crate::client::{Client, find_runner_group, results};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::printer::{Printer, Target, Tone};
use crate::table::{Table, note_more};
use crate::text::{instant, printable, value_line};

pub(crate) async fn run(args: &RunnersArgs, printer: &Printer) -> Outcome {
    let client = Client::new(&args.api)?;
    match &args.command {
        RunnersCommand::List { page } => list_runners(&client, printer, page).await,
    }
}

pub(crate) async fn run_groups(args: &RunnerGroupsArgs, printer: &Printer) -> Outcome {
    let client = Client::new(&args.api)?;
    match &args.command {
        RunnerGroupsCommand::List { page } => list_groups(&client, printer, page).await,
        RunnerGroupsCommand::Create { name, default } => create(&client, printer, name, *default).await,
        RunnerGroupsCommand::SetDefault { group } => {
            let id = find_runner_group(&client, group).await?;
            let answer = client.post(&["runner_groups", &id], &json!({"is_default": true})).await?;
            done(printer, &answer, &format!("runner group `{}` is the default one", printable(group)))
        }
        RunnerGroupsCommand::Delete { group } => {
            let id = find_runner_group(&client, group).await?;
            let answer = client.delete(&["runner_groups", &id], &[]).await?;
            done(printer, &answer, &format!("deleted runner group `{}`", printable(group)))
        }
        RunnerGroupsCommand::RotateToken { group } => {
            let id = find_runner_group(&client, group).await?;
            let answer = client.post(&["runner_groups", &id, "token"], &json!({})).await?;
            show_token(printer, &answer);
            Ok(Exit::Ok)
        }
        RunnerGroupsCommand::RevokeToken { group } => {
            let id = find_runner_group(&client, group).await?;
            let answer = client.delete(&["runner_groups", &id, "token"], &[]).await?;
            done(printer, &answer, &format!("runner group `{}` has no token any more", printable(group)))
        }
    }
}

async fn list_groups(client: &Client, printer: &Printer, page: &PageArgs) -> Outcome {
    let q = json!({"limit": page.limit, "offset": page.offset, "sort": ["name"]});
    let answer = client.get(&["runner_groups"], &[("q", q.to_string())]).await?;
    if printer.is_json() {
        printer.json(&answer);
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["NAME", "DEFAULT", "RUNNERS", "USED BY", "ID"]);
    for row in results(&answer) {
        table.row([
            value_line(&row["name"]),
            if row["is_default"] == true { "yes" } else { "no" }.to_owned(),
            value_line(&row["available_runners"]),
            value_line(&row["used_by"]),
            value_line(&row["id"]),
        ]);
    }
    table.print(printer);
    note_more(printer, &answer);
    Ok(Exit::Ok)
}

async fn list_runners(client: &Client, printer: &Printer, page: &PageArgs) -> Outcome {
    let q = json!({"limit": page.limit, "offset": page.offset, "sort": ["name"]});
    let answer = client.get(&["runners"], &[("q", q.to_string())]).await?;
    if printer.is_json() {
        printer.json(&answer);
        return Ok(Exit::Ok);
    }
    let columns = ["NAME", "GROUP", "STATUS", "ADDRESS", "CAPACITY", "LABELS", "VERSION", "LAST SEEN", "ID"];
    let mut table = Table::new(&columns);
    for row in results(&answer) {
        let labels: Vec<String> = row["labels"].as_array().into_iter().flatten().map(value_line).collect();
        table.row([
            value_line(&row["name"]),
            value_line(&row["group_name"]),
            value_line(&row["status"]),
            value_line(&row["ip_address"]),
            value_line(&row["capacity"]),
            labels.join(","),
            value_line(&row["version"]),
            instant(row["last_seen"].as_i64().unwrap_or(0)),
            value_line(&row["id"]),
        ]);
    }
    table.print(printer);
    note_more(printer, &answer);
    Ok(Exit::Ok)
}

async fn create(client: &Client, printer: &Printer, name: &str, default: bool) -> Outcome {
    let made = client.post(&["runner_groups"], &json!({"name": name, "is_default": default})).await?;
    if !printer.is_json() {
        printer.note(&format!("made runner group `{}`", printable(name)));
    }
    show_token(printer, &made);
    Ok(Exit::Ok)
}

/// The token on stdout, alone, so that it can go into a file.
fn show_token(printer: &Printer, answer: &Value) {
    if printer.is_json() {
        printer.json(answer);
        return;
    }
    let token = value_line(&answer["runner_group_api_key"]);
    printer.line(&printer.paint(Target::Out, Tone::Heading, &token));
    printer.note(
        "the token is shown this once: give it to `nictate runner`, in NICTATE_RUNNER_TOKEN for example",
    );
}

fn done(printer: &Printer, answer: &Value, text: &str) -> Outcome {
    if printer.is_json() {
        printer.json(answer);
    } else {
        printer.note(text);
    }
    Ok(Exit::Ok)
}
