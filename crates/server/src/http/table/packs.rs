//! Routes of packs, and of workflows as the clients of 2022 call them: automations.

use http::Method;
use types::Permission::{WorkflowEdit, WorkflowExecute, WorkflowPublish, WorkflowView};

use crate::http::describe::Describe;
use crate::http::routes::Access::Needs;
use crate::http::routes::Routes;
use crate::http::{executions, packs, workflows};

const TAG: &str = "Workflows";
const PACK: &str = "Pack ID";
const NO_PACK: &str = "Cannot find the pack";
const ID: &str = "Playbook ID";
const NOT_FOUND: &str = "Can not find Playbook";

/// Packs, and workflows by their other name.
pub(super) fn routes(routes: Routes) -> Routes {
    starts(automations(stored(routes)))
}

fn stored(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::POST,
            "/automation_packs",
            packs::create,
            Needs(WorkflowEdit),
            Describe::new("CreateAutomationPack", TAG, "Creates a pack of Workflows")
                .body::<packs::PackInput>()
                .one::<packs::Pack>()
                .error(400, "The name is taken"),
        )
        .workspace(
            Method::PUT,
            "/automation_packs/{id}",
            packs::update,
            Needs(WorkflowEdit),
            Describe::new("UpdateAutomationPack", TAG, "Changes a pack")
                .id(PACK)
                .body::<packs::PackInput>()
                .one::<packs::Pack>()
                .error(400, "The name is taken")
                .error(404, NO_PACK),
        )
        .workspace(
            Method::DELETE,
            "/automation_packs/{id}",
            packs::delete,
            Needs(WorkflowEdit),
            Describe::new("DeleteAutomationPack", TAG, "Deletes a pack")
                .id(PACK)
                .query(
                    "move_to",
                    "string",
                    "The pack that its workflows go to; without it there must be none",
                )
                .text()
                .error(400, "Workflows are in it")
                .error(404, NO_PACK),
        )
        .workspace(
            Method::GET,
            "/automations",
            workflows::automations,
            Needs(WorkflowView),
            Describe::new("AutomationFindByFilter", TAG, "Gets all packs with their Workflows")
                .query(
                    "q",
                    "string",
                    "If it is there, the answer is a page of Workflows, as `/playbooks` answers it",
                )
                .one::<workflows::PacksWithAutomations>()
                .error(400, "Cannot read the query"),
        )
}

fn automations(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::POST,
            "/automations",
            workflows::create,
            Needs(WorkflowPublish),
            Describe::new("CreateAutomation", TAG, "Creates and publishes a Workflow")
                .body::<workflows::PlaybookInput>()
                .one::<workflows::Playbook>()
                .error(400, "Cannot create Playbook"),
        )
        .workspace(
            Method::GET,
            "/automations/{id}",
            workflows::get,
            Needs(WorkflowView),
            Describe::new("AutomationGetById", TAG, "Gets a Workflow by id")
                .id(ID)
                .one::<workflows::Playbook>()
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::PUT,
            "/automations/{id}",
            workflows::update,
            Needs(WorkflowPublish),
            Describe::new("UpdateAutomation", TAG, "Changes a Workflow; a new document is published")
                .id(ID)
                .body::<workflows::PlaybookInput>()
                .one::<workflows::Playbook>()
                .error(400, "Cannot update Playbook")
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::DELETE,
            "/automations/{id}",
            workflows::delete,
            Needs(WorkflowEdit),
            Describe::new("DeleteAutomation", TAG, "Deletes a Workflow").id(ID).text().error(404, NOT_FOUND),
        )
        .workspace(
            Method::POST,
            "/automations/{id}/execute",
            executions::execute,
            Needs(WorkflowExecute),
            Describe::new("ExecuteAutomation", TAG, "Runs the published version")
                .id(ID)
                .body::<executions::ExecuteInput>()
                .one::<executions::Started>()
                .error(400, "Can not execute playbook")
                .error(404, NOT_FOUND),
        )
}

/// Who may send any text along edits, whether it is saved or not.
fn starts(routes: Routes) -> Routes {
    let describe = |operation_id: &'static str| {
        Describe::new(operation_id, TAG, "Tests a document without saving it; answers the run")
            .id(ID)
            .body::<executions::TestInput>()
            .one::<executions::FullExecutionView>()
            .error(400, "The document cannot be run, or the inputs do not fit")
            .error(404, NOT_FOUND)
    };
    routes
        .workspace(
            Method::POST,
            "/playbooks/{id}/start",
            executions::start_document,
            Needs(WorkflowEdit),
            describe("PlaybookStartExecution"),
        )
        .workspace(
            Method::POST,
            "/automations/{id}/start",
            executions::start_document,
            Needs(WorkflowEdit),
            describe("AutomationStartExecution"),
        )
}
