//! Lists of runs: their rows, the same with what went in, and how many there are of each state.

use types::WorkspaceId;

use super::state::{PUBLIC_STATE, PUBLIC_STATES};
use super::{Execution, ExecutionState, columns, decode};
use crate::page::{Listing, count_by, list as page};
use crate::{Defaults, Field, FieldMap, Kind, Page, Query, Read, StoreError};

// The SQL names it too.
macro_rules! inputs_shown_chars_max {
    () => {
        16384
    };
}

/// Characters of the inputs, as JSON, that a list shows of one run; longer ones are left out. A page has many runs.
pub const INPUTS_SHOWN_CHARS_MAX: usize = inputs_shown_chars_max!();

macro_rules! fields {
    ($($more:expr),*) => {
        FieldMap {
            fields: &[
                Field::same("id", Kind::Text),
                Field::same("tenant_id", Kind::Text),
                Field::same("workspace_id", Kind::Text),
                Field::new("playbook_id", "workflow_id", Kind::Text),
                Field::new("playbook_name", "workflow_name", Kind::Text),
                Field::new("last_playbook_name", "workflow_name", Kind::Text),
                Field::new("name", "CASE name WHEN '' THEN workflow_name ELSE name END", Kind::Text),
                Field::new("type", "branch", Kind::Text),
                Field::new("version", "workflow_version", Kind::Int),
                Field::same("execution_number", Kind::Int),
                Field::same("trigger_type", Kind::Text),
                Field::new("state", PUBLIC_STATE, Kind::Text).stored_as("state", PUBLIC_STATES),
                Field::new("state_ui", PUBLIC_STATE, Kind::Text).stored_as("state", PUBLIC_STATES),
                Field::same("step_results", Kind::Opaque),
                Field::new("error_details", "error_message", Kind::Opaque),
                Field::optional("error_code", Kind::Text),
                Field::optional("cancel_reason", Kind::Text),
                Field::same("execution_depth", Kind::Int),
                Field::optional("parent_execution_id", Kind::Text),
                Field::optional("async_parent_execution_id", Kind::Text),
                Field::new("top_execution_id", "COALESCE(top_execution_id, id)", Kind::Text),
                Field::same("created_at", Kind::Time),
                Field::same("created_by", Kind::Text),
                Field::same("started_at", Kind::Time).sorted_by("COALESCE(started_at, 0)"),
                Field::optional("finished_at", Kind::Time),
                Field::same("net_runtime_ms", Kind::Int),
                Field::same("updated_at", Kind::Time),
                Field::new("updated_by", "CASE updated_by WHEN '' THEN created_by ELSE updated_by END", Kind::Text),
                Field::same("test_session_id", Kind::Text),
                Field::optional("restarted_from_execution_id", Kind::Text),
                Field::same("restarted_from_step", Kind::Text),
                Field::computed("app_id"),
                Field::computed("display_name"),
                Field::computed("duration"),
                Field::computed("playbook"),
                Field::computed("runner_group_id"),
                Field::computed("runner_id"),
                Field::computed("top_execution_started_at"),
                $($more),*
            ],
            defaults: Defaults { sort: &["-created_at"], search: &["name"] },
        }
    };
}

/// The fields of a run that lists know.
pub static FIELDS: FieldMap = fields![];
/// The same where the list shows inputs too.
pub static FIELDS_WITH_INPUTS: FieldMap =
    fields![Field::computed("inputs"), Field::computed("inputs_left_out")];

const LISTING: Listing =
    Listing { name: "executions.list", columns: columns!(), from: "executions", scope: "workspace_id = $1" };

/// The workspace's runs.
pub async fn list(
    read: &impl Read,
    workspace: WorkspaceId,
    query: &Query,
) -> Result<Page<Execution>, StoreError> {
    page(read, &LISTING, &[workspace.into()], query, decode).await
}

/// The same, each with its inputs, a JSON object; none for inputs of more than [`INPUTS_SHOWN_CHARS_MAX`].
pub async fn list_with_inputs(
    read: &impl Read,
    workspace: WorkspaceId,
    query: &Query,
) -> Result<Page<(Execution, Option<String>)>, StoreError> {
    let listing = Listing {
        name: "executions.list_with_inputs",
        // Characters on both engines.
        columns: concat!(
            columns!(),
            ", CASE WHEN LENGTH(inputs) <= ",
            inputs_shown_chars_max!(),
            " THEN inputs END"
        ),
        ..LISTING
    };
    page(read, &listing, &[workspace.into()], query, |row| Ok((decode(row)?, row.opt_string(31)?))).await
}

/// How many of the workspace's runs the filter of `query` lets through, by their state. States of no run are left out.
pub async fn count_by_state(
    read: &impl Read,
    workspace: WorkspaceId,
    query: &Query,
) -> Result<Vec<(ExecutionState, u64)>, StoreError> {
    count_by(read, &LISTING, "state", &[workspace.into()], query, |row| {
        row.word(0, ExecutionState::from_name)
    })
    .await
}
