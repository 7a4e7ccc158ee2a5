//! `GET /actions`: what a step may do, in collections.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use types::PackId;
use utoipa::ToSchema;

use super::{agents, icons, subflows};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::{excerpt, packs};

/// The collection of the workspace's own workflows.
const WORKFLOWS: &str = "Workflows";
/// The collection of its agents.
const AGENTS: &str = "Agents";

/// The collections of what is the workspace's own.
pub(super) const OWN: [&str; 2] = [WORKFLOWS, AGENTS];

/// What is asked of the list. Members that are not named here have no effect: clients send those of other lists.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Question {
    /// Collections of the answer; 0 for all.
    limit: usize,
    /// Collections before the first one.
    offset: usize,
    filter: Filter,
    search: Search,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Filter {
    search: String,
    /// Actions of each collection; 0 for all.
    action_per_collection_limit: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Search {
    text: String,
}

/// Collections of actions.
#[derive(Serialize, ToSchema)]
#[schema(as = action_explorer::ActionExplorerResponse)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct Explored {
    pub collections: Vec<Collection>,
    pub limit: usize,
    pub offset: usize,
    pub search_value: String,
    /// How many collections there are without `limit` and `offset`.
    pub total: usize,
}

/// A collection of actions.
#[derive(Serialize, ToSchema)]
#[schema(as = action_explorer::ActionExplorerCollection)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct Collection {
    pub actions: Vec<ListedAction>,
    pub collection_display_name: String,
    pub collection_id: String,
    pub collection_name: String,
    /// A picture as a `data:` address.
    pub icon_uri: String,
    /// How many actions there are without `action_per_collection_limit`.
    pub num_of_actions: usize,
}

/// An action in a collection.
#[derive(Serialize, ToSchema)]
#[schema(as = action_explorer::ActionExplorerAction)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct ListedAction {
    /// `Action`, `Subflow` for a workflow that can be called, or `Agent`.
    pub action_type: String,
    /// The collection of a built-in action; the pack of a workflow or an agent.
    pub category: String,
    pub description: String,
    pub display_name: String,
    pub full_name: String,
    pub id: String,
    pub name: String,
}

impl Question {
    /// Reads `q`.
    ///
    /// # Errors
    /// `query_invalid` if it is no JSON object, or a member is of the wrong kind.
    pub(super) fn parse(q: Option<&str>) -> ApiResult<Self> {
        let text = q.map(str::trim).filter(|text| !text.is_empty()).unwrap_or("{}");
        let invalid = |reason: String| ApiError::new(&code::QUERY_INVALID, format!("`q`: {reason}"));
        let mut members: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
        members.retain(|_, value| !value.is_null());
        // Serde would read an array as an object's members in their order.
        for name in ["filter", "search"] {
            if let Some(value) = members.get(name).filter(|value| !value.is_object()) {
                return Err(invalid(format!("`{name}` is an object, not `{}`", excerpt(&value.to_string()))));
            }
        }
        serde_json::from_value(Value::Object(members)).map_err(|error| invalid(error.to_string()))
    }

    fn wanted(&self) -> &str {
        if self.filter.search.is_empty() { &self.search.text } else { &self.filter.search }
    }
}

/// Every action that is offered in lists, in collections by name.
pub(super) async fn collections(ctx: &Ctx, question: &Question) -> ApiResult<Explored> {
    let wanted = question.wanted().to_lowercase();
    let mut found: BTreeMap<String, Vec<ListedAction>> = BTreeMap::new();
    for spec in ctx.app().catalog().all().iter().filter(|spec| !spec.hidden) {
        let action = ListedAction::new(&spec.full_name, &spec.display_name, &spec.description);
        let action = ListedAction { category: spec.collection.clone(), ..action };
        if action.says(&wanted) || spec.collection.to_lowercase().contains(&wanted) {
            found.entry(spec.collection.clone()).or_default().push(action);
        }
    }
    let packs: HashMap<PackId, String> =
        packs::all(ctx).await?.into_iter().map(|pack| (pack.id, pack.display_name)).collect();
    for row in subflows::callable(ctx).await? {
        let action = ListedAction::new(&subflows::full_name(row.id), &row.name, &row.description);
        if action.says(&wanted) {
            let category = row.pack_id.and_then(|id| packs.get(&id)).cloned().unwrap_or_default();
            let action = ListedAction { action_type: "Subflow".to_owned(), category, ..action };
            found.entry(WORKFLOWS.to_owned()).or_default().push(action);
        }
    }
    for agent in store::agents::callable(ctx.db(), ctx.workspace()).await? {
        let action = ListedAction::of_agent(agent);
        if action.says(&wanted) {
            found.entry(AGENTS.to_owned()).or_default().push(action);
        }
    }
    let total = found.len();
    let most = if question.limit == 0 { usize::MAX } else { question.limit };
    let page = found.into_iter().skip(question.offset).take(most);
    Ok(Explored {
        collections: page.map(|(name, actions)| question.collection(name, actions)).collect(),
        limit: question.limit,
        offset: question.offset,
        search_value: question.wanted().to_owned(),
        total,
    })
}

impl Question {
    fn collection(&self, name: String, mut actions: Vec<ListedAction>) -> Collection {
        let num_of_actions = actions.len();
        if self.filter.action_per_collection_limit > 0 {
            actions.truncate(self.filter.action_per_collection_limit);
        }
        let id = name.to_lowercase().replace(' ', "_");
        Collection {
            actions,
            icon_uri: icons::of(&name),
            collection_display_name: name,
            collection_name: id.clone(),
            collection_id: id,
            num_of_actions,
        }
    }
}

impl ListedAction {
    fn new(full_name: &str, display_name: &str, description: &str) -> Self {
        Self {
            action_type: "Action".to_owned(),
            category: String::new(),
            description: description.to_owned(),
            display_name: display_name.to_owned(),
            full_name: full_name.to_owned(),
            id: full_name.to_owned(),
            name: full_name.split_once('.').map_or(full_name, |(_, name)| name).to_owned(),
        }
    }

    fn of_agent(agent: store::agents::Callable) -> Self {
        let action =
            Self::new(&agents::full_name(agent.id), &agents::display_name(&agent), &agent.description);
        Self { action_type: "Agent".to_owned(), category: agent.pack_name, ..action }
    }

    /// Whether the words, in lower case, stand in it.
    fn says(&self, words: &str) -> bool {
        [&self.full_name, &self.display_name, &self.description]
            .iter()
            .any(|text| text.to_lowercase().contains(words))
    }
}
