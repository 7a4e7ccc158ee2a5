//! Triggers of published versions that wait for changes of records: which they are, whether their tables are there and their
//! filters fit, and that they are known to whoever writes records.

use std::collections::BTreeMap;

use serde_json::Map;
use store::record_triggers::{self, RecordTrigger};
use store::records::{self, Shape};
use store::workflow_versions::{self, Branch};
use store::workflows::Workflow as Row;
use store::{QueryError, Tx, tables};
use types::EventKind;
use workflow::Document;

use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::excerpt;

/// Triggers that a table may have, those of all workflows together: as many events one change of a record may write.
const TRIGGERS_PER_TABLE_MAX: i64 = 50;

/// The triggers of a document that wait for changes of records.
#[derive(Clone, Debug, Default)]
pub(super) struct Declared {
    triggers: Vec<Trigger>,
    /// What is wrong with the inputs that a run would begin with, which nobody gives.
    inputs: Vec<String>,
}

#[derive(Clone, Debug)]
struct Trigger {
    /// Its place among all triggers of the document, from 0.
    place: usize,
    name: String,
    meant: workflow::RecordTrigger,
}

impl Declared {
    pub(super) fn of(document: &Document) -> Self {
        let declared = document.triggers().iter().enumerate().filter_map(|(place, trigger)| {
            let name = trigger.name.clone().unwrap_or_default();
            Some(Trigger { place, name, meant: trigger.records.clone()? })
        });
        let triggers: Vec<Trigger> = declared.collect();
        if triggers.is_empty() {
            return Self::default();
        }
        let bound = workflow::bind_inputs(document.inputs(), Map::new());
        let errors = bound.err().unwrap_or_default();
        let inputs = errors.iter().map(|error| format!("input `{}` {}", error.input, error.message));
        Self { triggers, inputs: inputs.collect() }
    }

    /// Those of the workflow's published version; none if it has none.
    pub(super) async fn of_published(ctx: &Ctx, row: &Row) -> ApiResult<Self> {
        let document = workflow_versions::latest(ctx.db(), row.workspace_id, row.id, Branch::Public).await?;
        let document = document.and_then(|document| workflow::parse(&document.text).document);
        Ok(document.as_ref().map(Self::of).unwrap_or_default())
    }

    /// Makes them the workflow's own, in place of those that it had.
    ///
    /// # Errors
    /// `trigger_invalid` if one of them can never start the workflow, or its table has too many.
    pub(super) async fn register(&self, tx: &Tx<'_>, row: &Row) -> ApiResult<()> {
        if let Some(problem) = self.inputs.first() {
            let message = format!("{problem}: a change of a record gives the workflow no inputs");
            return Err(ApiError::new(&code::TRIGGER_INVALID, message)
                .with_details("give the input a default, or read `event.payload` instead"));
        }
        let mut by_table: BTreeMap<&str, Vec<&Trigger>> = BTreeMap::new();
        for trigger in &self.triggers {
            by_table.entry(&trigger.meant.table).or_default().push(trigger);
        }
        let (mut rows, mut held) = (Vec::new(), Vec::new());
        // In the order of their names, so that two who publish at once do not wait for each other.
        for (name, triggers) in by_table {
            // Held alone: of two that publish at once, one sees the triggers of the other.
            let table = tables::get_to_change(tx, row.workspace_id, name).await?;
            let shape = match table {
                Some(_) => records::shape(tx, row.workspace_id, name).await?,
                None => None,
            };
            for trigger in triggers {
                let shape = shape.as_ref().ok_or_else(|| trigger.no_table())?;
                rows.push(trigger.row(row, shape)?);
                held.push((trigger, shape.table.id));
            }
        }
        record_triggers::replace(tx, row.workspace_id, row.id, &rows).await?;
        for (trigger, table) in held {
            if record_triggers::count(tx, row.workspace_id, table).await? > TRIGGERS_PER_TABLE_MAX {
                let name = &trigger.meant.table;
                let message =
                    format!("table `{name}` would have more than {TRIGGERS_PER_TABLE_MAX} triggers");
                return Err(trigger.error(message));
            }
        }
        Ok(())
    }
}

impl Trigger {
    fn row(&self, of: &Row, shape: &Shape) -> ApiResult<RecordTrigger> {
        let filter = self.meant.filter.clone().unwrap_or_default();
        if !filter.is_empty()
            && let Err(error) = shape.query(Some(&format!("{{\"filter\":{filter}}}")))
        {
            return Err(self.misfit(&error));
        }
        Ok(RecordTrigger {
            workflow_id: of.id,
            place: i64::try_from(self.place).unwrap_or(i64::MAX),
            table_id: shape.table.id,
            name: self.name.clone(),
            kinds: EventKind::ALL.map(|kind| self.meant.events.contains(&kind)),
            filter,
        })
    }

    fn misfit(&self, error: &QueryError) -> ApiError {
        let problem = error.to_string();
        let problem = problem.strip_prefix("`q`: ").unwrap_or(&problem);
        let table = excerpt(&self.meant.table);
        let refused = self.error(format!("its filter does not fit table `{table}`: {problem}"));
        match error {
            QueryError::Field { field, .. } if field.contains('.') => refused
                .with_details("a trigger compares fields of the record itself, not of those it refers to"),
            _ => refused,
        }
    }

    fn no_table(&self) -> ApiError {
        self.error(format!("the workspace has no table `{}`", excerpt(&self.meant.table)))
    }

    fn error(&self, problem: String) -> ApiError {
        let which = match self.name.as_str() {
            "" => (self.place + 1).to_string(),
            name => format!("`{}`", excerpt(name)),
        };
        ApiError::new(&code::TRIGGER_INVALID, format!("trigger {which}: {problem}"))
            .with_data("trigger", self.place)
    }
}
