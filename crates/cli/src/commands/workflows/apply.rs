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
pub(crate) struct Ready {
    pub(crate) file: String,
    pub(crate) name: String,
    text: String,
}

impl Ready {
    /// Named as the document says, else as its file; none if the document has errors.
    pub(crate) fn from_checked(checked: Checked, path: &Path) -> Option<Self> {
        let stem = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = checked.plan?.name.unwrap_or_else(stem);
        Some(Self { file: checked.file, name, text: checked.text })
    }
}

pub(super) async fn run(client: &Client, printer: &Printer, args: &ApplyArgs) -> Outcome {
    let ready = check(client, printer, args).await?;
    let mut applied = Vec::new();
    for workflow in &ready {
        let (id, done) = store(client, workflow).await?;
        if !args.draft {
            publish(client, &id, workflow).await?;
        }
        if !printer.is_json() {
            let published = if args.draft { "as a draft" } else { "and published" };
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
        let Some(workflow) = Ready::from_checked(checked, path) else { continue };
        if let Some(other) = file_of.insert(workflow.name.clone(), workflow.file.clone()) {
            let message = format!("`{other}` and `{}` are both named `{}`", workflow.file, workflow.name);
            return Err(Failure::new(Exit::Invalid, message));
        }
        ready.push(workflow);
    }
    if errors > 0 {
        let message = format!("nothing was applied: {}", counted(errors, 0));
        return Err(Failure::new(Exit::Invalid, message));
    }
    Ok(ready)
}

/// The names of the connection types that the server knows.
pub(crate) async fn connection_types(client: &Client) -> Outcome<Vec<String>> {
    let q = json!({"limit": PAGE_ROWS_MAX, "select": ["name"]}).to_string();
    let page = client.get_root(&["connection_types"], &[("q", q)]).await?;
    Ok(results(&page).iter().filter_map(|kind| kind["name"].as_str()).map(str::to_owned).collect())
}

/// Stores the document as a draft; answers the workflow's id and what was done.
pub(crate) async fn store(client: &Client, workflow: &Ready) -> Outcome<(String, &'static str)> {
    if let Some(id) = find_workflow_named(client, &workflow.name).await? {
        client.post(&["playbooks", &id, "draft"], &commit(&workflow.text)).await?;
        return Ok((id, "updated"));
    }
    let body = json!({"name": workflow.name, "playbook": workflow.text});
    let created = client.post(&["playbooks", "ui"], &body).await?;
    let id = created["id"].as_str().or_else(|| created.as_str());
    let id = id.ok_or_else(|| Failure::new(Exit::Failed, "the server's answer names no workflow"))?;
    Ok((id.to_owned(), "created"))
}

/// Makes the stored document the one that is run.
pub(crate) async fn publish(client: &Client, id: &str, workflow: &Ready) -> Outcome<()> {
    client.post(&["playbooks", id, "public"], &commit(&workflow.text)).await.map(drop)
}

/// The body of a draft and of a published version.
fn commit(text: &str) -> Value {
    json!({"playbook": text, "branched_from": 0, "source": "manual"})
}
