//! Routes of agents.

use http::Method;
use types::Permission::{AgentEdit, AgentView};

use crate::http::agents;
use crate::http::describe::Describe;
use crate::http::routes::Access::Needs;
use crate::http::routes::Routes;

const TAG: &str = "Workflows";
const ID: &str = "Agent ID";
const NOT_FOUND: &str = "Cannot find the agent";
const NAME_TAKEN: &str = "The name is taken";
const NOT_YET: &str = "Agents are kept and not run yet";

/// Agents and their packs.
pub(super) fn routes(routes: Routes) -> Routes {
    runs(versions(stored(packs(routes))))
}

fn packs(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::GET,
            "/agent_packs",
            agents::list_packs,
            Needs(AgentView),
            Describe::new("AgentPackFindByFilter", TAG, "Gets the packs of agents")
                .q()
                .page::<agents::AgentPack>()
                .error(400, "Cannot read the query"),
        )
        .workspace(
            Method::POST,
            "/agent_packs",
            agents::create_pack,
            Needs(AgentEdit),
            Describe::new("CreateAgentPack", TAG, "Creates a pack of agents")
                .body::<agents::AgentPackInput>()
                .one::<agents::AgentPack>()
                .error(400, NAME_TAKEN),
        )
}

fn stored(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::GET,
            "/agents",
            agents::list,
            Needs(AgentView),
            Describe::new("AgentFindByFilter", TAG, "Gets the agents")
                .q()
                .page::<agents::Agent>()
                .error(400, "Cannot read the query"),
        )
        .workspace(
            Method::POST,
            "/agents",
            agents::create,
            Needs(AgentEdit),
            Describe::new("CreateAgent", TAG, "Creates an agent with an empty draft")
                .body::<agents::AgentInput>()
                .one::<agents::Agent>()
                .error(400, "There is no such pack, or the name is taken"),
        )
        .workspace(
            Method::GET,
            "/agents/{id}",
            agents::get,
            Needs(AgentView),
            Describe::new("AgentGetById", TAG, "Gets an agent")
                .id(ID)
                .one::<agents::Agent>()
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::PATCH,
            "/agents/{id}",
            agents::update,
            Needs(AgentEdit),
            Describe::new("UpdateAgent", TAG, "Changes name, title and description")
                .id(ID)
                .body::<agents::AgentUpdate>()
                .one::<agents::Agent>()
                .error(400, NAME_TAKEN)
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::DELETE,
            "/agents/{id}",
            agents::delete,
            Needs(AgentEdit),
            Describe::new("DeleteAgent", TAG, "Deletes an agent").id(ID).text().error(404, NOT_FOUND),
        )
}

fn versions(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::POST,
            "/agents/{id}/draft",
            agents::save_draft,
            Needs(AgentEdit),
            Describe::new("SaveAgentDraft", TAG, "Replaces the draft as a whole")
                .id(ID)
                .body::<agents::VersionInput>()
                .one::<agents::Agent>()
                .error(400, "A member cannot be so")
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::POST,
            "/agents/{id}/publish",
            agents::publish,
            Needs(AgentEdit),
            Describe::new("PublishAgent", TAG, "Replaces draft and published version as a whole")
                .id(ID)
                .body::<agents::VersionInput>()
                .one::<agents::Agent>()
                .error(400, "A member cannot be so")
                .error(404, NOT_FOUND),
        )
}

fn runs(routes: Routes) -> Routes {
    routes.workspace(
        Method::POST,
        "/agents/{id}/execute",
        agents::run,
        Needs(AgentEdit),
        Describe::new("ExecuteAgent", TAG, "Would run an agent")
            .id(ID)
            .error(404, NOT_FOUND)
            .error(501, NOT_YET),
    )
}
