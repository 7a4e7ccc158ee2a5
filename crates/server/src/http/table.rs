//! Every route there is, in the order of the contract's tags.

use http::Method;
use types::Permission::{
    ConnectionEdit, ConnectionTypeEdit, ConnectionTypeView, ConnectionView, ExecutionEdit, ExecutionView,
    WorkflowEdit, WorkflowExecute, WorkflowPublish, WorkflowView,
};

use super::describe::Describe;
use super::routes::Access::{Authenticated, Needs, Public, TenantNeeds};
use super::routes::Routes;
use super::{api_keys, connection_types, connections, controller, docs, executions, workflows};
use crate::App;

const CONNECTIONS: &str = "Connections";
const WORKFLOWS: &str = "Workflows";
const EXECUTIONS: &str = "Executions";

const CONNECTION_ID: &str = "Connection ID";
const WORKFLOW_ID: &str = "Playbook ID";
const EXECUTION_ID: &str = "Execution ID";

const NO_CONNECTION: &str = "Cannot find Connection";
const NO_WORKFLOW: &str = "Can not find Playbook";
const NO_EXECUTION: &str = "Can not find Executions";

/// The table.
pub(super) fn table(app: Option<&App>) -> Routes {
    let routes = controller_routes(Routes::new(app.cloned()));
    let routes = connection_routes(routes);
    let routes = workflow_routes(routes);
    let routes = execution_routes(routes);
    user_routes(routes)
}

fn controller_routes(routes: Routes) -> Routes {
    let tag = "Controller";
    routes
        .root(
            Method::GET,
            "/api/readiness",
            controller::readiness,
            Public,
            Describe::new("GetReadiness", tag, "Whether the server can work").text(),
        )
        .root(
            Method::GET,
            "/api/stats",
            controller::stats,
            Public,
            Describe::new("GetStats", tag, "What the server is doing").text(),
        )
        .root(
            Method::GET,
            "/api/version",
            controller::version,
            Public,
            Describe::new("GetVersion", tag, "The server's version").text(),
        )
        .root(
            Method::GET,
            "/openapi.json",
            docs::openapi,
            Public,
            Describe::new("GetOpenApi", tag, "This description, as OpenAPI 3.1"),
        )
        .root(
            Method::GET,
            "/openapi-3.0.json",
            docs::openapi_3_0,
            Public,
            Describe::new("GetOpenApi30", tag, "This description, as OpenAPI 3.0.1"),
        )
}

fn connection_routes(routes: Routes) -> Routes {
    let force = "Delete it although workflows use it";
    routes
        .workspace(
            Method::GET,
            "/connections",
            connections::list,
            Needs(ConnectionView),
            Describe::new("ConnectionFindByFilter", CONNECTIONS, "Gets Connections by filter")
                .q()
                .page::<connections::ListedConnection>()
                .error(400, "Cannot read the query"),
        )
        .workspace(
            Method::POST,
            "/connections",
            connections::create,
            Needs(ConnectionEdit),
            Describe::new("ConnectionCreate", CONNECTIONS, "Creates a Connection")
                .body::<connections::ConnectionInput>()
                .one::<connections::Connection>()
                .error(400, "Cannot create Connection"),
        )
        .workspace(
            Method::POST,
            "/connections/test",
            connections::test,
            Needs(ConnectionEdit),
            Describe::new("TestConnection", CONNECTIONS, "Asks the tool whether it accepts a Connection")
                .body::<connections::TestRequest>()
                .text()
                .error(400, "The tool does not accept it"),
        )
        .workspace(
            Method::GET,
            "/connections/{id}",
            connections::get,
            Needs(ConnectionView),
            Describe::new("ConnectionGetById", CONNECTIONS, "Gets a Connection by id")
                .id(CONNECTION_ID)
                .array::<connections::Connection>()
                .error(404, NO_CONNECTION),
        )
        .workspace(
            Method::POST,
            "/connections/{id}",
            connections::edit,
            Needs(ConnectionEdit),
            Describe::new("ConnectionEdit", CONNECTIONS, "Changes a Connection")
                .id(CONNECTION_ID)
                .body::<connections::ConnectionInput>()
                .one::<connections::Connection>()
                .error(400, "Cannot change Connection")
                .error(404, NO_CONNECTION),
        )
        .workspace(
            Method::DELETE,
            "/connections/{id}",
            connections::delete,
            Needs(ConnectionEdit),
            Describe::new("ConnectionDelete", CONNECTIONS, "Deletes a Connection")
                .id(CONNECTION_ID)
                .query("force", "boolean", force)
                .text()
                .error(400, "The Connection is in use")
                .error(404, NO_CONNECTION),
        )
        .workspace(
            Method::POST,
            "/connections/{id}/test",
            connections::test_stored,
            Needs(ConnectionEdit),
            Describe::new(
                "ConnectionTestById",
                CONNECTIONS,
                "Asks the tool whether it accepts a stored Connection",
            )
            .id(CONNECTION_ID)
            .text()
            .error(400, "The tool does not accept it")
            .error(404, NO_CONNECTION),
        )
        .workspace(
            Method::GET,
            "/connections/{id}/usage",
            connections::usage,
            Needs(ConnectionView),
            Describe::new("ConnectionUsage", CONNECTIONS, "Which Workflows use a Connection")
                .id(CONNECTION_ID)
                .one::<connections::Sharing>()
                .error(404, NO_CONNECTION),
        )
        .root(
            Method::GET,
            "/connection_types",
            connection_types::list,
            TenantNeeds(ConnectionTypeView),
            Describe::new("ConnectionTypeFindByFilter", CONNECTIONS, "Gets Connection types by filter")
                .q()
                .page::<connection_types::ConnectionType>()
                .error(400, "Cannot read the query"),
        )
        .root(
            Method::POST,
            "/connection_types",
            connection_types::create,
            TenantNeeds(ConnectionTypeEdit),
            Describe::new(
                "ConnectionTypeCreate",
                CONNECTIONS,
                "Creates a Connection type of the tenant's own",
            )
            .one::<connection_types::ConnectionType>()
            .error(400, "Cannot create Connection type"),
        )
        .root(
            Method::GET,
            "/connection_types/{id}",
            connection_types::get,
            TenantNeeds(ConnectionTypeView),
            Describe::new("ConnectionTypeGetById", CONNECTIONS, "Gets a Connection type by id or name")
                .id("Connection type ID")
                .one::<connection_types::ConnectionType>()
                .error(404, "Cannot find Connection type"),
        )
        .root(
            Method::DELETE,
            "/connection_types/{id}",
            connection_types::delete,
            TenantNeeds(ConnectionTypeEdit),
            Describe::new(
                "ConnectionTypeDelete",
                CONNECTIONS,
                "Deletes a Connection type of the tenant's own",
            )
            .id("Connection type ID")
            .text()
            .error(400, "The Connection type is in use")
            .error(404, "Cannot find Connection type"),
        )
}

fn workflow_routes(routes: Routes) -> Routes {
    let sync = "Answer with the outputs when the run has ended";
    let timeout = "Seconds to wait for the end of a synchronous run";
    routes
        .workspace(
            Method::GET,
            "/playbooks",
            workflows::list,
            Needs(WorkflowView),
            Describe::new("PlaybookFindByFilter", WORKFLOWS, "Gets Workflows by filter")
                .q()
                .page::<workflows::Playbook>()
                .error(400, "Cannot read the query"),
        )
        .workspace(
            Method::POST,
            "/playbooks",
            workflows::create,
            Needs(WorkflowPublish),
            Describe::new("CreatePlaybook", WORKFLOWS, "Creates and publishes a Workflow")
                .body::<workflows::PlaybookInput>()
                .one::<workflows::Playbook>()
                .error(400, "Cannot create Playbook"),
        )
        .workspace(
            Method::POST,
            "/playbooks/ui",
            workflows::create_draft,
            Needs(WorkflowEdit),
            Describe::new("CreatePlaybookDraft", WORKFLOWS, "Creates a Workflow with its first draft")
                .body::<workflows::PlaybookInput>()
                .one::<workflows::Playbook>()
                .error(400, "Cannot create Playbook"),
        )
        .workspace(
            Method::GET,
            "/playbooks/{id}",
            workflows::get,
            Needs(WorkflowView),
            Describe::new("PlaybookGetById", WORKFLOWS, "Gets a Workflow by id")
                .id(WORKFLOW_ID)
                .one::<workflows::Playbook>()
                .error(404, NO_WORKFLOW),
        )
        .workspace(
            Method::PUT,
            "/playbooks/{id}",
            workflows::update,
            Needs(WorkflowPublish),
            Describe::new("UpdatePlaybook", WORKFLOWS, "Changes a Workflow; a new document is published")
                .id(WORKFLOW_ID)
                .body::<workflows::PlaybookInput>()
                .one::<workflows::Playbook>()
                .error(400, "Cannot update Playbook")
                .error(404, NO_WORKFLOW),
        )
        .workspace(
            Method::DELETE,
            "/playbooks/{id}",
            workflows::delete,
            Needs(WorkflowEdit),
            Describe::new("DeletePlaybook", WORKFLOWS, "Deletes a Workflow")
                .id(WORKFLOW_ID)
                .text()
                .error(404, NO_WORKFLOW),
        )
        .workspace(
            Method::GET,
            "/playbooks/{id}/draft",
            workflows::draft,
            Needs(WorkflowView),
            Describe::new("GetLatestDraft", WORKFLOWS, "Gets the newest draft, byte for byte")
                .id(WORKFLOW_ID)
                .one::<workflows::PlaybookWithVersion>()
                .error(404, NO_WORKFLOW),
        )
        .workspace(
            Method::POST,
            "/playbooks/{id}/draft",
            workflows::save_draft,
            Needs(WorkflowEdit),
            Describe::new("SaveDraft", WORKFLOWS, "Saves a draft")
                .id(WORKFLOW_ID)
                .body::<workflows::PlaybookForCommit>()
                .one::<workflows::SavedVersion>()
                .error(400, "The document cannot be read")
                .error(404, NO_WORKFLOW),
        )
        .workspace(
            Method::POST,
            "/playbooks/{id}/public",
            workflows::publish,
            Needs(WorkflowPublish),
            Describe::new("PublishPlaybook", WORKFLOWS, "Publishes a version and activates the Workflow")
                .id(WORKFLOW_ID)
                .body::<workflows::PlaybookForCommit>()
                .one::<workflows::SavedVersion>()
                .error(400, "The document cannot be run")
                .error(404, NO_WORKFLOW),
        )
        .workspace(
            Method::GET,
            "/playbooks/{id}/version/{branch}/{version}",
            workflows::version,
            Needs(WorkflowView),
            Describe::new("GetPlaybookVersion", WORKFLOWS, "Gets one saved version")
                .id(WORKFLOW_ID)
                .one::<workflows::PlaybookWithVersion>()
                .error(404, NO_WORKFLOW),
        )
        .workspace(
            Method::POST,
            "/playbooks/{id}/execute",
            executions::execute,
            Needs(WorkflowExecute),
            Describe::new("ExecutePlaybook", WORKFLOWS, "Runs the published version")
                .id(WORKFLOW_ID)
                .query("run_sync", "boolean", sync)
                .query("timeout", "integer", timeout)
                .body::<executions::ExecuteInput>()
                .one::<executions::Started>()
                .error(400, "Can not execute playbook")
                .error(404, NO_WORKFLOW)
                .error(408, "The synchronous run did not end in time")
                .error(429, "Too many runs are in flight"),
        )
        .workspace(
            Method::POST,
            "/playbooks/{id}/draft/execute",
            executions::execute_draft,
            Needs(WorkflowExecute),
            Describe::new("ExecuteDraft", WORKFLOWS, "Runs the newest draft")
                .id(WORKFLOW_ID)
                .query("run_sync", "boolean", sync)
                .query("timeout", "integer", timeout)
                .body::<executions::ExecuteInput>()
                .one::<executions::Started>()
                .error(400, "Can not execute playbook")
                .error(404, NO_WORKFLOW)
                .error(408, "The synchronous run did not end in time")
                .error(429, "Too many runs are in flight"),
        )
}

fn execution_routes(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::GET,
            "/executions",
            executions::list,
            Needs(ExecutionView),
            Describe::new("PlaybookExecutionFindByFilter", EXECUTIONS, "Gets Executions by filter")
                .q()
                .page::<executions::Execution>()
                .error(400, "Cannot read the query"),
        )
        .workspace(
            Method::GET,
            "/executions/{id}",
            executions::get,
            Needs(ExecutionView),
            Describe::new("PlaybookExecutionGetById", EXECUTIONS, "Gets an Execution by id")
                .id(EXECUTION_ID)
                .one::<executions::FullExecutionView>()
                .error(404, NO_EXECUTION),
        )
        .workspace(
            Method::GET,
            "/executions/{id}/steps",
            executions::list_steps,
            Needs(ExecutionView),
            Describe::new("GetStepsExecutionDetails", EXECUTIONS, "Gets the steps of an Execution")
                .id(EXECUTION_ID)
                .page::<executions::StepExecution>()
                .error(404, NO_EXECUTION),
        )
        .workspace(
            Method::GET,
            "/executions/{id}/outputs",
            executions::outputs,
            Needs(ExecutionView),
            Describe::new("PlaybookExecutionGetOutputs", EXECUTIONS, "Gets the outputs of an Execution")
                .id(EXECUTION_ID)
                .error(404, NO_EXECUTION),
        )
        .workspace(
            Method::POST,
            "/executions/{id}/cancel",
            executions::cancel,
            Needs(ExecutionEdit),
            Describe::new("PlaybookExecutionCancel", EXECUTIONS, "Cancels an Execution")
                .id(EXECUTION_ID)
                .text()
                .error(400, "Cannot cancel execution, it is not in a running state")
                .error(404, NO_EXECUTION),
        )
}

fn user_routes(routes: Routes) -> Routes {
    let tag = "User Settings";
    routes
        .root(
            Method::GET,
            "/apikey",
            api_keys::list,
            Authenticated,
            Describe::new("ListAPIKeys", tag, "The caller's API keys, without the keys")
                .array::<api_keys::ApiKey>(),
        )
        .root(
            Method::POST,
            "/apikey",
            api_keys::create,
            Authenticated,
            Describe::new("GenerateAPIKey", tag, "A new API key of the caller, shown this once")
                .body::<api_keys::ApiKeyInput>()
                .one::<api_keys::NewApiKey>()
                .error(400, "No more keys"),
        )
        .root(
            Method::DELETE,
            "/apikey",
            api_keys::revoke,
            Authenticated,
            Describe::new("RemoveAPIKey", tag, "Revokes an API key of the caller")
                .query("id", "string", "The key's id")
                .text()
                .error(400, "The last key")
                .error(404, "No such key"),
        )
}
