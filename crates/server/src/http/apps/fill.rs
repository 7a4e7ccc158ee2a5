//! What the server fills in of a resource's attributes: the table that it is about, the address of its HTML.

use serde_json::{Map, Value};
use store::tables::{self, Table};
use store::{Read, StoreError};
use types::{AppId, AppResourceId, WorkspaceId};

use super::check::{invalid, present};
use super::model::ResourceInput;
use crate::ctx::Ctx;
use crate::error::ApiResult;
use crate::http::excerpt;
use crate::http::routes::BASE;

/// How the table of a resource is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// By `table_name`: of one that is made.
    Name,
    /// By `table_id`, whatever `table_name` says: of one that is changed.
    Id,
}

/// The attributes of a resource with what the server fills in.
///
/// # Errors
/// `app_invalid` if there is no such table.
pub(super) async fn attributes(
    ctx: &Ctx,
    read: &impl Read,
    input: &ResourceInput,
    (app, id): (AppId, AppResourceId),
    by: By,
) -> ApiResult<Map<String, Value>> {
    let mut attributes = input.attributes.clone();
    match input.kind.as_str() {
        "table" | "table_data" => {
            fill_table(ctx.workspace(), read, &mut attributes, "attributes", by).await?;
        }
        "flow" => {
            for name in ["input", "output"] {
                let Some(Value::Object(part)) = attributes.get_mut(name) else { continue };
                if present(part, "table_name").or(present(part, "table_id")).is_some() {
                    fill_table(ctx.workspace(), read, part, &format!("attributes.{name}"), by).await?;
                }
            }
        }
        "html" => {
            let workspace = ctx.workspace();
            let address = format!("{BASE}/workspace/{workspace}/apps/{app}/resources/{id}/data");
            attributes.insert("html_url".to_owned(), address.into());
        }
        _ => {}
    }
    Ok(attributes)
}

async fn fill_table(
    workspace: WorkspaceId,
    read: &impl Read,
    part: &mut Map<String, Value>,
    at: &str,
    by: By,
) -> ApiResult<()> {
    let member = if by == By::Name { "table_name" } else { "table_id" };
    let named = present(part, member).and_then(Value::as_str).unwrap_or_default().to_owned();
    if named.is_empty() {
        return Err(invalid(&format!("{at}.{member}"), "is missing: it says which table is shown"));
    }
    let found = match by {
        By::Name => tables::get(read, workspace, &named).await?,
        By::Id => by_id(read, workspace, &named).await?,
    };
    let Some(table) = found else {
        let message = format!("is `{}`; the workspace has no such table", excerpt(&named));
        return Err(invalid(&format!("{at}.{member}"), message));
    };
    part.insert("table_id".to_owned(), table.id.to_string().into());
    part.insert("table_name".to_owned(), table.name.into());
    part.insert("table_display_name".to_owned(), table.display_name.into());
    Ok(())
}

async fn by_id(read: &impl Read, workspace: WorkspaceId, id: &str) -> Result<Option<Table>, StoreError> {
    match id.parse() {
        Ok(id) => tables::get_by_id(read, workspace, id).await,
        Err(_) => Ok(None),
    }
}
