//! Routes of workflows, which the wire calls playbooks.

use http::Method;
use store::shares::Shareable::Workflow;
use types::Permission::{TableView, WorkflowEdit, WorkflowExecute, WorkflowPublish, WorkflowView};

use crate::http::describe::Describe;
use crate::http::routes::Access::{Needs, NeedsOrShared};
use crate::http::routes::Routes;
use crate::http::{executions, workflows};

const TAG: &str = "Workflows";
const ID: &str = "Playbook ID";
const NOT_FOUND: &str = "Can not find Playbook";
const OUTDATED: &str = "The branch has a newer version than `branched_from`";

/// Workflows, their versions, and ways to run them.
pub(super) fn routes(routes: Routes) -> Routes {
    runs(history(versions(relations(stored(routes)))))
}

fn stored(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::GET,
            "/playbooks",
            workflows::list,
            Needs(WorkflowView),
            Describe::new("PlaybookFindByFilter", TAG, "Gets Workflows by filter")
                .q()
                .page::<workflows::Playbook>()
                .error(400, "Cannot read the query"),
        )
        .workspace(
            Method::POST,
            "/playbooks",
            workflows::create,
            Needs(WorkflowPublish),
            Describe::new("CreatePlaybook", TAG, "Creates and publishes a Workflow")
                .body::<workflows::PlaybookInput>()
                .one::<workflows::Playbook>()
                .error(400, "Cannot create Playbook"),
        )
        .workspace(
            Method::POST,
            "/playbooks/ui",
            workflows::create_draft,
            Needs(WorkflowEdit),
            Describe::new("CreatePlaybookDraft", TAG, "Creates a Workflow with its first draft")
                .body::<workflows::PlaybookInput>()
                .one::<workflows::Playbook>()
                .error(400, "Cannot create Playbook"),
        )
        .workspace(
            Method::GET,
            "/playbooks/{id}",
            workflows::get,
            NeedsOrShared(WorkflowView, Workflow),
            Describe::new("PlaybookGetById", TAG, "Gets a Workflow by id")
                .id(ID)
                .one::<workflows::Playbook>()
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::PUT,
            "/playbooks/{id}",
            workflows::update,
            Needs(WorkflowPublish),
            Describe::new("UpdatePlaybook", TAG, "Changes a Workflow; a new document is published")
                .id(ID)
                .body::<workflows::PlaybookInput>()
                .one::<workflows::Playbook>()
                .error(400, "Cannot update Playbook")
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::DELETE,
            "/playbooks/{id}",
            workflows::delete,
            Needs(WorkflowEdit),
            Describe::new("DeletePlaybook", TAG, "Deletes a Workflow").id(ID).text().error(404, NOT_FOUND),
        )
}

fn relations(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::PUT,
            "/playbooks/{id}/duplicate",
            workflows::duplicate,
            Needs(WorkflowEdit),
            Describe::new("DuplicatePlaybook", TAG, "Makes a Workflow with the newest draft of another one")
                .id(ID)
                .body::<workflows::DuplicateInput>()
                .one::<workflows::Duplicated>()
                .error(400, "The name is taken")
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::PUT,
            "/playbooks/{id}/rename",
            workflows::rename,
            Needs(WorkflowEdit),
            Describe::new("EditPlaybook", TAG, "Changes name, description and tags")
                .id(ID)
                .body::<workflows::EditInput>()
                .one::<workflows::EditInput>()
                .error(400, "The name is taken")
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::GET,
            "/playbooks/{id}/dependants",
            workflows::dependants,
            Needs(WorkflowView),
            Describe::new("GetDependants", TAG, "Gets the Workflows that call this one")
                .id(ID)
                .page::<workflows::Dependant>()
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::GET,
            "/playbooks/tags",
            workflows::tags,
            Needs(WorkflowView),
            Describe::new("GetAllTags", TAG, "Gets the tags of all Workflows").page_of_texts(),
        )
        .workspace(
            Method::GET,
            "/tags/{table}",
            workflows::table_tags,
            Needs(WorkflowView),
            Describe::new("GetTags", TAG, "Gets the tags that are in use in a table of the system")
                .texts()
                .error(404, "Nothing of that name has tags"),
        )
        // What is fetched today are tables and their fields.
        .workspace(
            Method::GET,
            "/playbooks/{id}/fetch",
            workflows::fetch,
            Needs(TableView),
            Describe::new(
                "FetchChoices",
                TAG,
                "Gets the choices of an input whose `autofill` names a fetcher",
            )
            .id(ID)
            .query("fetcher", "string", "The fetcher's name, required")
            .query("query", "string", "Only choices with this text in them")
            .query("inputs", "string", "JSON: the inputs that the fetcher wants to know")
            .query("connections", "string", "JSON: connection types and names")
            .query("runner", "string", "The runner group that fetches")
            .query("execution_id", "string", "The run that gives expressions their values")
            .page::<workflows::Choice>()
            .error(400, "There is no such fetcher, or its inputs are missing")
            .error(404, NOT_FOUND),
        )
}

fn versions(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::GET,
            "/playbooks/{id}/draft",
            workflows::draft,
            Needs(WorkflowView),
            Describe::new("GetLatestDraft", TAG, "Gets the newest draft, byte for byte")
                .id(ID)
                .one::<workflows::PlaybookWithVersion>()
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::POST,
            "/playbooks/{id}/draft",
            workflows::save_draft,
            Needs(WorkflowEdit),
            Describe::new("SaveDraft", TAG, "Saves a draft")
                .id(ID)
                .body::<workflows::PlaybookForCommit>()
                .one::<workflows::SavedVersion>()
                .error(400, "The document cannot be read")
                .error(404, NOT_FOUND)
                .error(409, OUTDATED),
        )
        .workspace(
            Method::POST,
            "/playbooks/{id}/public",
            workflows::publish,
            Needs(WorkflowPublish),
            Describe::new("PublishPlaybook", TAG, "Publishes a version and activates the Workflow")
                .id(ID)
                .body::<workflows::PlaybookForCommit>()
                .one::<workflows::SavedVersion>()
                .error(400, "The document cannot be run")
                .error(404, NOT_FOUND)
                .error(409, OUTDATED),
        )
        .workspace(
            Method::GET,
            "/playbooks/{id}/version/{branch}/{version}",
            workflows::version,
            Needs(WorkflowView),
            Describe::new("GetPlaybookVersion", TAG, "Gets one saved version")
                .id(ID)
                .one::<workflows::PlaybookWithVersion>()
                .error(404, NOT_FOUND),
        )
}

fn history(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::GET,
            "/playbooks/{id}/versions",
            workflows::versions,
            Needs(WorkflowView),
            Describe::new(
                "GetPlaybookVersions",
                TAG,
                "Gets the saved versions of both branches, the newest first",
            )
            .id(ID)
            .q()
            .page::<workflows::ListedVersion>()
            .error(400, "Cannot read the query")
            .error(404, NOT_FOUND),
        )
        .workspace(
            Method::GET,
            "/playbooks/{id}/versions/diff",
            workflows::diff,
            Needs(WorkflowView),
            Describe::new("DiffPlaybookVersions", TAG, "Compares two saved versions")
                .id(ID)
                .query(
                    "from",
                    "string",
                    "`draft/3`, `public/2`, `3` for a draft, `draft` or `public` for the newest",
                )
                .query("to", "string", "The same; the newest draft, if absent")
                .one::<workflows::VersionDiff>()
                .error(400, "A parameter names no version")
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::POST,
            "/playbooks/{id}/version/{branch}/{version}/restore",
            workflows::restore,
            Needs(WorkflowEdit),
            Describe::new("RestorePlaybookVersion", TAG, "Makes a saved version the newest draft")
                .id(ID)
                .one::<workflows::SavedVersion>()
                .error(400, "The document cannot be read any more")
                .error(404, NOT_FOUND),
        )
}

fn runs(routes: Routes) -> Routes {
    let sync = "Answer with the outputs when the run has ended";
    let timeout = "Seconds to wait for the end of a synchronous run";
    routes
        .workspace(
            Method::POST,
            "/playbooks/{id}/execute",
            executions::execute,
            NeedsOrShared(WorkflowExecute, Workflow),
            Describe::new("ExecutePlaybook", TAG, "Runs the published version")
                .id(ID)
                .query("run_sync", "boolean", sync)
                .query("timeout", "integer", timeout)
                .body::<executions::ExecuteInput>()
                .one::<executions::Started>()
                .error(400, "Can not execute playbook")
                .error(404, NOT_FOUND)
                .error(408, "The synchronous run did not end in time")
                .error(429, "Too many runs are in flight"),
        )
        .workspace(
            Method::POST,
            "/playbooks/{id}/draft/execute",
            executions::execute_draft,
            Needs(WorkflowExecute),
            Describe::new("ExecuteDraft", TAG, "Runs the newest draft")
                .id(ID)
                .query("run_sync", "boolean", sync)
                .query("timeout", "integer", timeout)
                .body::<executions::ExecuteInput>()
                .one::<executions::Started>()
                .error(400, "Can not execute playbook")
                .error(404, NOT_FOUND)
                .error(408, "The synchronous run did not end in time")
                .error(429, "Too many runs are in flight"),
        )
        // Who may send any text along edits, whether it is saved or not.
        .workspace(
            Method::POST,
            "/playbooks/{id}/start/stream",
            executions::start_stream,
            Needs(WorkflowEdit),
            Describe::new(
                "StartExecutionStream",
                TAG,
                "Tests a document without saving it, and follows the run",
            )
            .id(ID)
            .body::<executions::TestInput>()
            .other("application/octet-stream")
            .error(400, "The document cannot be run, or the inputs do not fit")
            .error(404, NOT_FOUND)
            .error(429, "Too many runs are in flight or being followed"),
        )
}
