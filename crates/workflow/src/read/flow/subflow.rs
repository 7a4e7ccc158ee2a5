//! `automations.<id>`: another workflow is run. Its inputs are the step's, how it is run stands in `configuration`.

use expr::Value;
use types::WorkflowId;
use types::limits::SUBFLOW_TIMEOUT_MS_MAX;

use crate::bind::checkbox;
use crate::codes;
use crate::document::{Body, SUBFLOW_PREFIX};
use crate::near::normal;
use crate::plan::{PlanValue, Subflow};
use crate::read::Reader;
use crate::source::Extent;
use crate::yaml::{Entry, Node, chosen, shorten};

const ASYNC: &str = "run_async";
const DRAFT: &str = "run_draft";
const TIMEOUT: &str = "subflow_timeout_in_minutes";
const BEGINS_AT: &str = "subflow_future_schedule_time";

/// What `configuration` may hold of a call.
pub(in crate::read) const CONFIGURATION: [&str; 4] = [ASYNC, DRAFT, TIMEOUT, BEGINS_AT];

/// What the action calls, if it calls a workflow.
pub(in crate::read) fn called_workflow(action: &str) -> Option<&str> {
    action.strip_prefix(SUBFLOW_PREFIX).filter(|id| !id.is_empty())
}

impl Reader<'_> {
    /// The call of `workflow`, which stands at `at`.
    pub(in crate::read) fn subflow(
        &mut self,
        workflow: &str,
        at: Extent,
        inputs: &[Entry],
        configuration: Option<&Node>,
    ) -> Body {
        let inputs = self.inputs_value(SUBFLOW_PREFIX, inputs);
        let Ok(workflow) = workflow.parse::<WorkflowId>() else {
            if !self.idle {
                let message = format!("`{}` is no id of a workflow", shorten(workflow));
                let noted = self.problems.error(codes::SUBFLOW_SHAPE, at, message);
                noted.hint("write `automations.` and the id of the workflow to call");
            }
            return Body::NotYet(inputs);
        };
        let entries = configuration.and_then(Node::entries).unwrap_or_default();
        let given = |key: &str| {
            let found = entries.iter().find(|entry| normal(&entry.key.text) == normal(key));
            found.map(|entry| chosen(&entry.value)).filter(|node| !node.is_empty())
        };
        let nothing = PlanValue::Literal(Value::Nil);
        let subflow = Subflow {
            workflow,
            inputs,
            is_async: self.call_flag(given(ASYNC), ASYNC),
            is_draft: self.call_flag(given(DRAFT), DRAFT),
            timeout_minutes: given(TIMEOUT).map_or(nothing.clone(), |node| self.call_timeout(node)),
            begins_at: given(BEGINS_AT).map_or(nothing, |node| self.call_begins_at(node)),
        };
        let waits = matches!(subflow.is_async, PlanValue::Literal(Value::Bool(false)));
        if let Some(node) = given(BEGINS_AT).filter(|_| waits) {
            let message = format!("`{BEGINS_AT}` needs `{ASYNC}: true`: a step cannot wait for a later run");
            self.problems.error(codes::SUBFLOW_SHAPE, node.at, message);
        }
        Body::Subflow(Box::new(subflow))
    }

    /// A boolean, or an expression that gives one; nothing is false.
    fn call_flag(&mut self, node: Option<&Node>, key: &str) -> PlanValue {
        let Some(node) = node else { return PlanValue::Literal(Value::Bool(false)) };
        match self.value(node) {
            PlanValue::Literal(literal) => {
                let flag = checkbox(&literal).unwrap_or_else(|| {
                    let message = format!("`{key}` must be true or false, not {}", node.describe());
                    self.problems.error(codes::SUBFLOW_SHAPE, node.at, message);
                    false
                });
                PlanValue::Literal(Value::Bool(flag))
            }
            expression => expression,
        }
    }

    fn call_timeout(&mut self, node: &Node) -> PlanValue {
        let value = self.value(node);
        if let PlanValue::Literal(literal) = &value
            && crate::subflow_timeout(literal).is_err()
        {
            let most = SUBFLOW_TIMEOUT_MS_MAX / 60_000;
            let message = format!("`{TIMEOUT}` must be 0 to {most} minutes, not {}", node.describe());
            self.problems.error(codes::SUBFLOW_SHAPE, node.at, message);
        }
        value
    }

    fn call_begins_at(&mut self, node: &Node) -> PlanValue {
        let value = self.value(node);
        if let PlanValue::Literal(literal) = &value
            && crate::instant(literal).is_err()
        {
            let message = format!("`{BEGINS_AT}` must be a point in time, not {}", node.describe());
            let noted = self.problems.error(codes::SUBFLOW_SHAPE, node.at, message);
            noted.hint("write `2030-01-01T08:00:00Z`, or an expression in braces");
        }
        value
    }
}
