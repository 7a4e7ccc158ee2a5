//! The example that a first start runs once, over the public API like anybody else: stores a connection to
//! the server itself, applies the workflow, executes it and shows how it went.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::First;
use crate::args::ApiArgs;
use crate::client::Client;
use crate::commands::workflows::{Ready, execute_and_wait, publish, store};
use crate::documents::{Checked, catalog};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::printer::{Printer, Target};
use crate::text::printable;

/// The connection type whose connections lead to a server like this one.
const OWN_TYPE: &str = "nictate";
/// An example that takes longer goes on alone.
const WAIT: Duration = Duration::from_secs(60);

/// A workflow that can be run.
pub(super) struct Example {
    workflow: Ready,
    /// The name of the connection to the server itself, if a step uses one.
    connection: Option<String>,
}

impl Example {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// A file that cannot be read or is not valid.
    pub(super) fn read(path: &Path) -> Outcome<Self> {
        let checked = Checked::read(path, &catalog([]))?;
        let connection = checked
            .plan
            .as_ref()
            .and_then(|plan| plan.steps.iter().find_map(|step| step.connections.get(OWN_TYPE)).cloned());
        let invalid = || {
            Failure::new(Exit::Invalid, format!("the example `{}` is not valid", path.display()))
                .hint(format!("`nictate validate {}` says why", path.display()))
        };
        let workflow = Ready::from_checked(checked, path).ok_or_else(invalid)?;
        Ok(Self { workflow, connection })
    }

    pub(super) async fn run(&self, printer: &Printer, first: &First) -> Outcome<()> {
        let client = Client::new(&ApiArgs {
            url: first.url.clone(),
            api_key: Some(first.key.expose().clone()),
            workspace: Some(first.workspace.to_string()),
        })?;
        if let Some(name) = &self.connection {
            let body = json!({
                "name": name,
                "type_name": OWN_TYPE,
                "description": "This server itself, for the example.",
                "attributes": {
                    "base_url": {"value": first.public_url},
                    "api_key": {"value": first.key.expose()},
                },
            });
            client.post(&["connections"], &body).await?;
        }
        let (id, _) = store(&client, &self.workflow).await?;
        publish(&client, &id, &self.workflow).await?;
        printer.note(&format!("first run of the example `{}`:", printable(&self.workflow.name)));
        let ended = execute_and_wait(&client, printer, &id, json!({}), Some(WAIT)).await?;
        if !printer.is_json() && ended.has_outputs() {
            printer.write(Target::Err, &format!("{:#}\n", ended.outputs));
        }
        Ok(())
    }
}
