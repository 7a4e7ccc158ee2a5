//! Routes of the catalog: what workflows can be made of.

use http::Method;
use types::Permission::WorkflowView;

use crate::http::catalog;
use crate::http::describe::Describe;
use crate::http::routes::Access::{Needs, TenantNeeds};
use crate::http::routes::Routes;

const TAG: &str = "Workflows";

/// Actions and triggers.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .root(
            Method::GET,
            "/copilot_data/actions",
            catalog::actions,
            TenantNeeds(WorkflowView),
            Describe::new("CopilotActions", TAG, "Gets every built-in action")
                .array::<catalog::CatalogAction>(),
        )
        .root(
            Method::GET,
            "/copilot_data/triggers",
            catalog::triggers,
            TenantNeeds(WorkflowView),
            Describe::new("CopilotTriggers", TAG, "Gets every trigger").array::<catalog::CatalogTrigger>(),
        )
        .workspace(
            Method::GET,
            "/actions",
            catalog::explore,
            Needs(WorkflowView),
            Describe::new("ExploreActions", TAG, "Gets the actions of the workspace by collection")
                .query(
                    "q",
                    "string",
                    "JSON: limit (0 for all collections), offset, filter {search, action_per_collection_limit}",
                )
                .one::<catalog::Explored>()
                .error(400, "Cannot read the query"),
        )
        .workspace(
            Method::GET,
            "/collections/triggers",
            catalog::trigger_collections,
            Needs(WorkflowView),
            Describe::new("GetTriggerCollections", TAG, "Gets the categories of triggers")
                .page::<catalog::TriggerCollection>(),
        )
        .workspace(
            Method::GET,
            "/actions/{id}",
            catalog::action,
            Needs(WorkflowView),
            Describe::new("ActionGetByName", TAG, "Gets an action with its parameters")
                .id("The action's full name")
                .one::<catalog::CatalogAction>()
                .error(404, "Cannot find the action"),
        )
}
