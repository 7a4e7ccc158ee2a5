//! Routes of runs.

use http::Method;
use types::Permission::{ExecutionEdit, ExecutionView, WorkflowExecute};

use crate::http::describe::Describe;
use crate::http::executions;
use crate::http::routes::Access::Needs;
use crate::http::routes::Routes;

const TAG: &str = "Executions";
const ID: &str = "Execution ID";
const NOT_FOUND: &str = "Can not find Executions";

/// Runs.
pub(super) fn routes(routes: Routes) -> Routes {
    restarts(decisions(files(reads(routes))))
}

fn reads(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::GET,
            "/executions",
            executions::list,
            Needs(ExecutionView),
            Describe::new("PlaybookExecutionFindByFilter", TAG, "Gets Executions by filter")
                .q()
                .page::<executions::Execution>()
                .error(400, "Cannot read the query"),
        )
        .workspace(
            Method::GET,
            "/executions/with_inputs",
            executions::list_with_inputs,
            Needs(ExecutionView),
            Describe::new("GetExecutionsWithInputs", TAG, "Gets Executions by filter, with their inputs")
                .q()
                .page::<executions::WithInputs>()
                .error(400, "Cannot read the query"),
        )
        .workspace(
            Method::GET,
            "/executions/with_metrics",
            executions::list_with_metrics,
            Needs(ExecutionView),
            Describe::new(
                "GetExecutionsWithMetrics",
                TAG,
                "Gets Executions by filter, and how many have which state",
            )
            .q()
            .one::<executions::WithMetrics>()
            .error(400, "Cannot read the query"),
        )
        .workspace(
            Method::GET,
            "/executions/{id}",
            executions::get,
            Needs(ExecutionView),
            Describe::new("PlaybookExecutionGetById", TAG, "Gets an Execution by id")
                .id(ID)
                .one::<executions::FullExecutionView>()
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::PUT,
            "/executions/{id}",
            executions::update,
            Needs(ExecutionEdit),
            Describe::new("PlaybookExecutionUpdate", TAG, "Gives an Execution a name of its own")
                .id(ID)
                .body::<executions::UpdateInput>()
                .one::<executions::FullExecutionView>()
                .error(400, "The body changes what cannot be changed")
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::GET,
            "/executions/{id}/action_history",
            executions::action_history,
            Needs(ExecutionView),
            Describe::new("GetActionHistory", TAG, "Gets the actions that an Execution has carried out")
                .id(ID)
                .q()
                .page::<executions::ActionHistory>()
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::GET,
            "/executions/{id}/steps",
            executions::list_steps,
            Needs(ExecutionView),
            Describe::new("GetStepsExecutionDetails", TAG, "Gets the steps of an Execution")
                .id(ID)
                .q()
                .page::<executions::StepExecution>()
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::GET,
            "/executions/{id}/events",
            executions::events,
            Needs(ExecutionView),
            Describe::new("PlaybookExecutionEvents", TAG, "Follows an Execution, event by event")
                .id(ID)
                .query(
                    "last_event_id",
                    "integer",
                    "The last event that is known; so does the header Last-Event-ID",
                )
                .other("text/event-stream")
                .error(404, NOT_FOUND)
                .error(429, "Too many executions are being followed"),
        )
        .workspace(
            Method::GET,
            "/executions/{id}/outputs",
            executions::outputs,
            Needs(ExecutionView),
            Describe::new("PlaybookExecutionGetOutputs", TAG, "Gets the outputs of an Execution")
                .id(ID)
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::POST,
            "/executions/{id}/cancel",
            executions::cancel,
            Needs(ExecutionEdit),
            Describe::new("PlaybookExecutionCancel", TAG, "Cancels an Execution")
                .id(ID)
                .text()
                .error(400, "Cannot cancel execution, it is not in a running state")
                .error(404, NOT_FOUND),
        )
}

fn files(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::GET,
            "/executions/{id}/logs",
            executions::list_logs,
            Needs(ExecutionView),
            Describe::new("PlaybookExecutionGetLogs", TAG, "Gets what the steps of an Execution have said")
                .id(ID)
                .q()
                .page::<executions::ExecutionLog>()
                .error(400, "Cannot read the query")
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::GET,
            "/executions/{id}/files",
            executions::list_files,
            Needs(ExecutionView),
            Describe::new(
                "PlaybookExecutionGetFiles",
                TAG,
                "Gets the files that steps of an Execution have left",
            )
            .id(ID)
            .q()
            .page::<executions::ExecutionFile>()
            .error(400, "Cannot read the query")
            .error(404, NOT_FOUND),
        )
        .workspace(
            Method::GET,
            "/executions/{id}/files/{file_id}",
            executions::file,
            Needs(ExecutionView),
            Describe::new(
                "PlaybookExecutionGetFile",
                TAG,
                "Downloads a file that a step of an Execution has left",
            )
            .id(ID)
            .other("application/octet-stream")
            .error(404, "The workspace has no such Execution, or that has no such file"),
        )
}

fn decisions(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::POST,
            "/executions/{id}/pause",
            executions::pause,
            Needs(ExecutionEdit),
            Describe::new(
                "PlaybookExecutionPause",
                TAG,
                "Lets what is under way end, and begins nothing new",
            )
            .id(ID)
            .body::<executions::PauseInput>()
            .one::<executions::FullExecutionView>()
            .error(400, "Cannot pause execution, it is not in a running state")
            .error(404, NOT_FOUND),
        )
        .workspace(
            Method::POST,
            "/executions/{id}/resume",
            executions::resume,
            Needs(ExecutionEdit),
            Describe::new("PlaybookExecutionResume", TAG, "Lets a paused Execution go on")
                .id(ID)
                .body::<executions::ResumeInput>()
                .one::<executions::FullExecutionView>()
                .error(400, "Cannot resume execution, it is not paused, or a step is in doubt")
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::POST,
            "/executions/{id}/resolve",
            executions::resolve,
            Needs(ExecutionEdit),
            Describe::new(
                "PlaybookExecutionResolve",
                TAG,
                "Decides about a step in doubt or out of attempts",
            )
            .id(ID)
            .body::<executions::ResolveInput>()
            .one::<executions::FullExecutionView>()
            .error(400, "Cannot resolve execution, there is no such step")
            .error(404, NOT_FOUND),
        )
        .workspace(
            Method::POST,
            "/executions/{id}/complete",
            executions::complete,
            Needs(ExecutionEdit),
            Describe::new("PlaybookExecutionComplete", TAG, "Ends an Execution as completed")
                .id(ID)
                .one::<executions::FullExecutionView>()
                .error(400, "Cannot complete execution, it is not in a running state")
                .error(404, NOT_FOUND),
        )
}

fn restarts(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::POST,
            "/executions/restart",
            executions::restart_many,
            Needs(WorkflowExecute),
            Describe::new(
                "PlaybookExecutionsRestart",
                TAG,
                "Starts a run from a step of each Execution of a page",
            )
            .q()
            .body::<executions::RestartInput>()
            .one::<executions::RestartedMany>()
            .error(400, "Cannot read the query"),
        )
        .workspace(
            Method::POST,
            "/executions/{id}/restart",
            executions::restart,
            Needs(WorkflowExecute),
            Describe::new(
                "PlaybookExecutionRestart",
                TAG,
                "Starts a run that goes on from a step of an Execution",
            )
            .id(ID)
            .body::<executions::RestartInput>()
            .one::<executions::Restarted>()
            .error(400, "Cannot restart execution: it has not ended, or there is no such step")
            .error(404, NOT_FOUND)
            .error(429, "Too many runs are in flight"),
        )
}
