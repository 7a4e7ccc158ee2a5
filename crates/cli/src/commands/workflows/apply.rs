//! `nictate workflows apply FILE...`: all files are checked here first, so that a mistake in the last one
//! leaves nothing half applied; then each is stored under its name and published.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Value, json};
use types::limits::PAGE_ROWS_MAX;

use crate::args::ApplyArgs;
use crate::client::{Client, find_workflow_named, results};
use crate::diagnostics::counted;
use crate::documents::{Checked, catalog};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::printer::{Printer, Target};
use crate::text::printable;

/// A file that is ready to be stored.
struct Ready {
    file: String,
    name: String,
    text: String,
}

pub(super) async fn run(client: &Client, printer: &Printer, args: &ApplyArgs) -> Outcome {
    let ready = check(client, printer, args).await?;
    let mut applied = Vec::new();
    for workflow in &ready {
        let (id, done) = store(client, workflow).await?;
        if !args.draft {
            client.post(&["playbooks", &id, "public"], &commit(&workflow.text)).await?;
        }
        let published = if args.draft { "as a draft" } else { "and published" };
        if !printer.is_json() {
            printer.line(&format!("{done} {published}  {}  {id}", printable(&workflow.name)));
        }
        applied.push(json!({
            "file": workflow.file, "name": workflow.name, "id": id, "done": done, "published": !args.draft,
        }));
    }
    if printer.is_json() {
        printer.json(&json!({"workflows": applied}));
    }
    Ok(Exit::Ok)
}

async fn check(client: &Client, printer: &Printer, args: &ApplyArgs) -> Outcome<Vec<Ready>> {
    // The server may have connection types that do not ship.
    let catalog = catalog(connection_types(client).await?);
    let mut ready: Vec<Ready> = Vec::new();
    let mut file_of: HashMap<String, String> = HashMap::new();
    let mut errors = 0;
    for path in &args.files {
        let checked = Checked::read(path, &catalog)?;
        checked.print(printer, Target::Err);
        errors += checked.counts().0;
        let Some(plan) = checked.plan else { continue };
        let name = plan.name.unwrap_or_else(|| stem(path));
        if let Some(other) = file_of.insert(name.clone(), checked.file.clone()) {
            let message = format!("`{other}` and `{}` are both named `{name}`", checked.file);
            return Err(Failure::new(Exit::Invalid, message));
        }
        ready.push(Ready { file: checked.file, name, text: checked.text });
    }
    if errors > 0 {
        let message = format!("nothing was applied: {}", counted(errors, 0));
        return Err(Failure::new(Exit::Invalid, message));
    }
    Ok(ready)
}

async fn connection_types(client: &Client) -> Outcome<Vec<String>> {
    let q = json!({"limit": PAGE_ROWS_MAX, "select": ["name"]}).to_string();
    let page = client.get_root(&["connection_types"], &[("q", q)]).await?;
    Ok(results(&page).iter().filter_map(|kind| kind["name"].as_str()).map(str::to_owned).collect())
}

/// Stores the document; answers the workflow's id and what was done.
async fn store(client: &Client, workflow: &Ready) -> Outcome<(String, &'static str)> {
    if let Some(id) = find_workflow_named(client, &workflow.name).await? {
        client.post(&["playbooks", &id, "draft"], &commit(&workflow.text)).await?;
        return Ok((id, "updated"));
    }
    let body = json!({"name": workflow.name, "playbook": workflow.text});
    let created = client.post(&["playbooks", "ui"], &body).await?;
    let id = created["id"].as_str().or_else(|| created.as_str()).unwrap_or_default();
    Ok((id.to_owned(), "created"))
}

/// The body of a draft and of a published version.
fn commit(text: &str) -> Value {
    json!({"playbook": text, "branched_from": 0, "source": "manual"})
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
