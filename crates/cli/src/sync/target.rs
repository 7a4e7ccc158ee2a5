//! Which workspace a folder goes to: what the flags say, else what the folder says, else the key's own.

use serde_json::{Value, json};
use types::limits::PAGE_ROWS_MAX;

use super::folder::Manifest;
use crate::client::{Client, results};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};

/// A workspace of a server, with a client that is in it.
pub(crate) struct Target {
    pub(crate) client: Client,
    pub(crate) id: String,
    pub(crate) name: String,
}

impl Target {
    /// Asks the server which workspace is meant.
    ///
    /// # Errors
    /// There is no such workspace, or the caller may not enter it.
    pub(crate) async fn find(client: Client, manifest: Option<&Manifest>) -> Outcome<Self> {
        let mut wanted: Vec<String> = client.workspace().map(str::to_owned).into_iter().collect();
        let named = wanted.first().cloned();
        if wanted.is_empty() {
            wanted.extend(
                manifest.iter().flat_map(|manifest| [manifest.id.clone(), manifest.workspace.clone()]),
            );
            wanted.retain(|name| !name.is_empty());
        }
        if wanted.is_empty() {
            let caller = client.get_root(&["user"], &[]).await?;
            let chosen = [&caller["selected_workspace"], &caller["default_workspace"]];
            wanted.extend(chosen.into_iter().filter_map(Value::as_str).map(str::to_owned));
            wanted.retain(|name| !name.is_empty());
        }
        let known = all(&client).await?;
        let is = |row: &Value, name: &str| ["id", "name", "display_name"].iter().any(|key| row[*key] == name);
        let found = wanted.iter().find_map(|name| known.iter().find(|row| is(row, name)));
        let Some(found) = found else {
            let what = named.or_else(|| wanted.first().cloned()).unwrap_or_default();
            return Err(Failure::new(
                Exit::NotFound,
                format!("there is no workspace `{what}` that the caller may enter"),
            )
            .hint("--workspace names another one"));
        };
        let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        let (id, name) = (text("id"), text("display_name"));
        let name = if name.is_empty() { text("name") } else { name };
        Ok(Self { client: client.in_workspace(id.clone()), id, name })
    }

    /// Under which the state knows it: no two servers have workspaces of one id, and one server may have many addresses.
    pub(crate) fn key(&self) -> String {
        self.id.clone()
    }
}

async fn all(client: &Client) -> Outcome<Vec<Value>> {
    let q = json!({"limit": PAGE_ROWS_MAX, "offset": 0}).to_string();
    Ok(results(&client.get_root(&["workspaces"], &[("q", q)]).await?).to_vec())
}
