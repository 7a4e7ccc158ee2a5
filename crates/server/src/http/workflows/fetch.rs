//! `GET /playbooks/{id}/fetch`: the choices of an input that are not known before someone asks.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::tables;
use utoipa::ToSchema;

use super::{excerpt, find};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::page;
use crate::http::extract::Query;
use crate::http::{all_of, tables as shown};

/// The tables of the workspace.
const TABLES: &str = "tables.ListTables";
/// The fields of the table that the input `table` names.
const FIELDS: &str = "tables.ListFields";

/// What is asked for. `connections`, `runner` and `execution_id` are accepted and have no effect: what is fetched here
/// needs none of them.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    fetcher: Option<String>,
    query: Option<String>,
    inputs: Option<String>,
}

/// Something that an input can be.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::FetchedChoice)]
pub(crate) struct Choice {
    /// For people.
    pub(super) label: String,
    /// What a step writes.
    pub(super) value: String,
}

/// The choices that a fetcher finds.
pub(crate) async fn fetch(ctx: Ctx, Query(asked): Query<Asked>) -> ApiResult {
    find(&ctx).await?;
    let mut choices = match asked.fetcher.as_deref().unwrap_or_default() {
        "" => return Err(invalid("the parameter `fetcher` is missing".to_owned())),
        TABLES => tables_of(&ctx).await?,
        FIELDS => fields_of(&ctx, &asked.table()?).await?,
        other => {
            let message = format!("there is no fetcher `{}`", excerpt(other));
            return Err(
                ApiError::new(&code::FETCHER_UNKNOWN, message).with_data("fetchers", vec![TABLES, FIELDS])
            );
        }
    };
    if let Some(words) = asked.query.as_deref().map(str::to_lowercase) {
        choices.retain(|choice| {
            [&choice.label, &choice.value].into_iter().any(|text| text.to_lowercase().contains(&words))
        });
    }
    // A workspace has fewer tables than a page holds, and a table fewer fields.
    page(&all_of(&tables::FIELDS)?, choices.len() as u64, &choices)
}

async fn tables_of(ctx: &Ctx) -> ApiResult<Vec<Choice>> {
    let found = tables::list(ctx.db(), ctx.workspace(), &all_of(&tables::FIELDS)?).await?;
    Ok(found.rows.into_iter().map(|table| Choice { label: table.display_name, value: table.name }).collect())
}

async fn fields_of(ctx: &Ctx, table: &str) -> ApiResult<Vec<Choice>> {
    let fields = shown::fields_of(ctx, table).await?;
    let fields = fields.ok_or_else(|| invalid(format!("the workspace has no table `{}`", excerpt(table))))?;
    Ok(fields.into_iter().map(|field| Choice { label: field.display_name, value: field.name }).collect())
}

impl Asked {
    /// The input `table`, in whatever letter case, as text or as the `{value, display_name}` of a dropdown.
    fn table(&self) -> ApiResult<String> {
        let text = self.inputs.as_deref().filter(|text| !text.trim().is_empty()).unwrap_or("{}");
        let inputs: Map<String, Value> = serde_json::from_str(text)
            .map_err(|error| invalid(format!("`inputs` is no JSON object: {error}")))?;
        let inputs: HashMap<String, Value> =
            inputs.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
        let given = inputs.get("table");
        let given = given.map(|value| value.get("value").unwrap_or(value));
        match given {
            Some(Value::String(table)) if table.contains("{{") => {
                // Clients look for the words "test run".
                Err(invalid(format!("`table` is `{}`: only a test run knows its value", excerpt(table))))
            }
            Some(Value::String(table)) if !table.is_empty() => Ok(table.clone()),
            None | Some(Value::Null | Value::String(_)) => {
                Err(invalid("`inputs` has no `table`: choose a table first".to_owned()))
            }
            Some(other) => {
                Err(invalid(format!("`table` is the name of a table, not `{}`", excerpt(&other.to_string()))))
            }
        }
    }
}

fn invalid(message: String) -> ApiError {
    ApiError::new(&code::PARAMETER_INVALID, message)
}
