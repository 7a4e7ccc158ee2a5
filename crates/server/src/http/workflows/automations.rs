//! `GET /automations`: every workflow of the workspace in its pack.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::json as value;
use store::automation_packs::{DEFAULT_NAME, default_id};
use types::PackId;
use utoipa::ToSchema;

use super::model::Playbook;
use super::{Wanted, list, pages, shown};
use crate::ctx::Ctx;
use crate::error::ApiResult;
use crate::http::answer::json;
use crate::http::extract::{ListQuery, Query};
use crate::http::packs;

/// All packs of a workspace with their workflows.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::PacksWithAutomations)]
pub(crate) struct PacksWithAutomations {
    /// By name; a pack without workflows too.
    packs: Vec<PackWithAutomations>,
}

/// A pack with its workflows.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::PackWithAutomations)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct PackWithAutomations {
    pub pack_id: String,
    pub pack_name: String,
    pub automations: Vec<ListedAutomation>,
}

/// A workflow in its pack.
#[derive(Serialize, ToSchema)]
#[schema(as = v1::ListedAutomation)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct ListedAutomation {
    pub active: bool,
    pub automation_type: String,
    pub created_at: i64,
    pub created_by: String,
    pub description: String,
    pub has_unpublished_changes: bool,
    pub id: String,
    pub is_published: bool,
    pub name: String,
    pub pack_id: String,
    pub tags: Vec<String>,
    pub updated_at: i64,
    pub updated_by: String,
}

impl From<Playbook> for ListedAutomation {
    fn from(row: Playbook) -> Self {
        Self {
            active: row.active,
            automation_type: row.automation_type,
            created_at: row.created_at,
            created_by: row.created_by,
            description: row.description,
            has_unpublished_changes: row.has_unpublished_changes,
            id: row.id,
            is_published: row.is_published,
            name: row.name,
            pack_id: row.pack_id,
            tags: row.tags,
            updated_at: row.updated_at,
            updated_by: row.updated_by,
        }
    }
}

/// The packs with their workflows; with `q`, the workflows as a page, as `/playbooks` answers them.
pub(in crate::http) async fn automations(ctx: Ctx, Query(query): Query<ListQuery>) -> ApiResult {
    if query.q.as_deref().is_some_and(|q| !q.trim().is_empty()) {
        return list(ctx, Query(query)).await;
    }
    let mut packs: Vec<PackWithAutomations> =
        packs::all(&ctx).await?.iter().map(|row| new_pack(row.id, &row.display_name)).collect();
    let mut places: HashMap<String, usize> =
        packs.iter().enumerate().map(|(place, pack)| (pack.pack_id.clone(), place)).collect();
    let default = default_id(ctx.workspace());
    for rows in pages(&ctx, value!({})).await? {
        for row in shown(&ctx, rows, Wanted { hash: true, uses: false, text: false }).await? {
            // A server of an older version, which knows no packs, may have stored it.
            let place = places.get(&row.pack_id).or_else(|| places.get(&default.to_string())).copied();
            let place = place.unwrap_or_else(|| {
                packs.push(new_pack(default, DEFAULT_NAME));
                places.insert(default.to_string(), packs.len() - 1);
                packs.len() - 1
            });
            if let Some(pack) = packs.get_mut(place) {
                pack.automations.push(row.into());
            }
        }
    }
    json(&PacksWithAutomations { packs })
}

fn new_pack(id: PackId, name: &str) -> PackWithAutomations {
    PackWithAutomations { pack_id: id.to_string(), pack_name: name.to_owned(), automations: Vec::new() }
}
