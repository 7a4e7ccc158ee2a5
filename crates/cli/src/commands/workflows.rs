//! `nictate workflows …`; applying, executing and versions have files of their own.

mod apply;
mod execute;
mod versions;

pub(crate) use apply::{Ready, connection_types, publish, store};
pub(crate) use execute::execute_and_wait;

use serde_json::{Value, json};

use crate::args::{GetArgs, PageArgs, WorkflowsArgs, WorkflowsCommand};
use crate::client::{Client, find_workflow, results};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::printer::Printer;
use crate::table::{Table, note_more};
use crate::text::{instant, printable, value_line};

pub(crate) async fn run(args: &WorkflowsArgs, printer: &Printer) -> Outcome {
    let client = Client::new(&args.api)?;
    match &args.command {
        WorkflowsCommand::List { search, page } => list(&client, printer, search.as_deref(), page).await,
        WorkflowsCommand::Get(args) => get(&client, printer, args).await,
        WorkflowsCommand::Apply(args) => apply::run(&client, printer, args).await,
        WorkflowsCommand::Execute(args) => execute::run(&client, printer, args).await,
        WorkflowsCommand::Delete { workflow } => delete(&client, printer, workflow).await,
        WorkflowsCommand::Versions { workflow, page } => {
            versions::list(&client, printer, workflow, page).await
        }
        WorkflowsCommand::Diff { workflow, from, to } => {
            versions::diff(&client, printer, workflow, from, to.as_deref()).await
        }
        WorkflowsCommand::Restore { workflow, version } => {
            versions::restore(&client, printer, workflow, version).await
        }
    }
}

async fn list(client: &Client, printer: &Printer, search: Option<&str>, page: &PageArgs) -> Outcome {
    let mut q = json!({"limit": page.limit, "offset": page.offset, "sort": ["name"]});
    if let Some(text) = search {
        q["search"] = json!({"text": text, "fields": ["name"]});
    }
    let answer = client.get(&["playbooks"], &[("q", q.to_string())]).await?;
    if printer.is_json() {
        printer.json(&answer);
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["NAME", "STATE", "UPDATED", "ID"]);
    for row in results(&answer) {
        table.row([
            value_line(&row["name"]),
            state(row).to_owned(),
            instant(row["updated_at"].as_i64().unwrap_or(0)),
            value_line(&row["id"]),
        ]);
    }
    table.print(printer);
    note_more(printer, &answer);
    Ok(Exit::Ok)
}

/// What a list of the contract shows: draft, published, or published with changes that are not.
fn state(row: &Value) -> &'static str {
    let flag = |name: &str| row[name].as_bool();
    match (flag("is_published"), flag("has_unpublished_changes"), flag("active")) {
        (Some(false), ..) => "draft",
        (_, _, Some(false)) => "inactive",
        (_, Some(true), _) => "modified",
        _ => "published",
    }
}

async fn get(client: &Client, printer: &Printer, args: &GetArgs) -> Outcome {
    let id = find_workflow(client, &args.workflow).await?;
    let path: &[&str] = if args.draft { &["playbooks", &id, "draft"] } else { &["playbooks", &id] };
    let workflow = client.get(path, &[]).await?;
    if printer.is_json() {
        printer.json(&workflow);
        return Ok(Exit::Ok);
    }
    // As it was stored, so that it can be edited and applied again.
    printer.document(workflow["playbook"].as_str().unwrap_or_default());
    Ok(Exit::Ok)
}

async fn delete(client: &Client, printer: &Printer, named: &str) -> Outcome {
    let id = find_workflow(client, named).await?;
    let answer = client.delete(&["playbooks", &id], &[]).await?;
    if printer.is_json() {
        printer.json(&answer);
    } else {
        printer.note(&format!("deleted workflow `{}`", printable(named)));
    }
    Ok(Exit::Ok)
}
