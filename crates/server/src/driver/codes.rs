//! Why a step fails before or between its actions, as far as the driver decides it.

macro_rules! codes {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        $(pub(super) const $name: &str = $code;)*
        /// Every code with its meaning.
        pub(crate) const ALL: &[(&str, &str)] = &[$(($code, $meaning)),*];
    };
}

codes! {
    CONNECTION_NOT_FOUND = "connection_not_found", "The workspace has no connection of the name that the step gives.";
    CONNECTION_TYPE_MISMATCH = "connection_type_mismatch", "The connection is not of the type that the step names it for.";
    CONNECTION_INACTIVE = "connection_inactive", "The connection is deactivated.";
    CONNECTION_UNUSABLE = "connection_unusable", "The connection's secrets cannot be opened; the log says why.";
    STORAGE_UNAVAILABLE = "storage_unavailable", "The database did not answer when the connection was looked up.";
    PACKAGES_UNRESOLVED = "packages_unresolved", "The Python packages that the step requires could not be resolved to versions; the message says why.";
    RUNNER_LOST = "runner_lost", "No runner takes the step.";
    RUNNER_GROUP_NOT_FOUND = "runner_group_not_found", "The workspace has no runner group of the name that the step, a connection or the workflow gives.";
    RUNNER_UNAVAILABLE = "runner_unavailable", "No runner of the step's group was connected within the step's time; the step has not begun.";
    SUBFLOW_NOT_FOUND = "subflow_not_found", "The workspace has no workflow of the id that the step calls.";
    SUBFLOW_INACTIVE = "subflow_inactive", "The workflow that the step calls is deactivated.";
    SUBFLOW_NOT_PUBLISHED = "subflow_not_published", "The workflow that the step calls has not been published.";
    SUBFLOW_NOT_ON_DEMAND = "subflow_not_on_demand", "The workflow that the step calls is not `on_demand`.";
    SUBFLOW_INVALID = "subflow_invalid", "The document of the workflow that the step calls cannot be run; the message says why.";
    SUBFLOW_INPUTS_INVALID = "subflow_inputs_invalid", "The step's inputs are not what the workflow it calls declares.";
    SUBFLOW_DEPTH = "subflow_depth", "The run is nested as deep as a run may be, and calls another workflow.";
    SUBFLOW_SELF_CALL = "subflow_self_call", "A workflow calls itself.";
    SUBFLOW_QUEUE_FULL = "subflow_queue_full", "The step does not wait for the run it calls, and no more runs can wait for their turn.";
    SUBFLOW_FAILED = "subflow_failed", "The run that the step called failed, or took longer than a run may.";
    SUBFLOW_CANCELLED = "subflow_cancelled", "The run that the step called was cancelled.";
    NOT_RESTORABLE = "not_restorable", "The run cannot be read back from its journal; the log says why.";
    DRIVER_FAILED = "driver_failed", "The server failed while it drove the run; the log says why.";
}
