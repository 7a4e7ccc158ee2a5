//! The flow actions: those that the engine carries out itself. One file for each that has much to say.
//!
//! Their parameters are read here, not against the catalog: spellings vary more than a catalog could tell.

mod append_list;
mod condition;
mod end_run;
mod loops;
mod parallel;
mod params;
mod set_variables;
mod sleep;
mod subflow;
mod switch;

use params::Params;
pub(super) use sleep::parse_duration;
pub(super) use subflow::{CONFIGURATION, called_workflow};

use crate::codes;
use crate::document::{AGENT_PREFIX, Body};
use crate::read::Reader;
use crate::source::Extent;
use crate::yaml::Entry;

/// The flow actions that run.
pub(crate) const FLOW_ACTIONS: [&str; 16] = [
    "internal.SetVariables",
    "internal.ifCondition",
    "internal.ifTrueBranch",
    "internal.ifFalseBranch",
    "internal.switchCaseExpression",
    "internal.switchCaseLabel",
    "internal.switchCaseDefaultLabel",
    "internal.catch",
    "internal.for",
    "internal.while",
    "internal.parallel",
    "internal.parallelBranch",
    "internal.append_list",
    "internal.print",
    "internal.Sleep",
    "internal.EndRun",
];

/// Actions that the format knows and this version does not run.
const NOT_YET: [&str; 3] = [
    "internal.new_interactive_web_form",
    "internal.new_dynamic_web_form",
    "internal.web_form_interactive_set_status",
];

/// Whether the action is known and cannot be run yet.
pub(super) fn is_not_yet_available(action: &str) -> bool {
    let called = |prefix: &str| action.strip_prefix(prefix).is_some_and(|id| !id.is_empty());
    NOT_YET.contains(&action) || called(AGENT_PREFIX)
}

/// Whether steps may stand under the action.
pub(super) fn takes_steps(action: &str) -> bool {
    matches!(
        action,
        "internal.ifCondition"
            | "internal.ifTrueBranch"
            | "internal.ifFalseBranch"
            | "internal.for"
            | "internal.while"
            | "internal.parallel"
            | "internal.parallelBranch"
            | "internal.switchCaseExpression"
            | "internal.switchCaseLabel"
            | "internal.switchCaseDefaultLabel"
            | "internal.catch"
    )
}

impl Reader<'_> {
    /// What the step does, from its action and its inputs, which stand at `at`.
    pub(super) fn body(&mut self, action: &str, inputs: &[Entry], at: Extent) -> Body {
        let mut params = Params::new(action, inputs, at);
        let body = match action {
            "internal.SetVariables" => Body::SetVariables(self.set_variables(&mut params)),
            "internal.ifCondition" => Body::If(self.if_condition(&mut params)),
            "internal.while" => Body::While(self.while_condition(&mut params)),
            "internal.ifTrueBranch" | "internal.ifFalseBranch" => Body::Branch,
            "internal.switchCaseExpression" => Body::Switch(self.switch(&mut params)),
            "internal.switchCaseLabel" => Body::Label(Some(self.label(&mut params))),
            "internal.switchCaseDefaultLabel" => Body::Label(None),
            "internal.catch" => Body::Catch,
            "internal.parallel" => self.parallel(&mut params),
            "internal.parallelBranch" => Body::ParallelBranch,
            "internal.for" => self.for_each(&mut params),
            "internal.append_list" => self.append_list(&mut params),
            "internal.print" => Body::Print(self.print(&mut params)),
            "internal.Sleep" => self.sleep(&mut params),
            "internal.EndRun" => self.end_run(&mut params),
            _ if is_not_yet_available(action) => return Body::NotYet(self.inputs_value(action, inputs)),
            _ => return Body::Effect(self.inputs_value(action, inputs)),
        };
        params.warn_of_unread(self);
        body
    }

    fn print(&mut self, params: &mut Params<'_>) -> crate::plan::PlanValue {
        match params.require(self, "text", &["message", "value"]) {
            Some(entry) => self.value(&entry.value),
            None => crate::plan::PlanValue::Literal(expr::Value::Nil),
        }
    }

    /// Notes that `what` comes with a later version.
    pub(super) fn not_yet(&mut self, at: Extent, what: &str) {
        self.lacking.error(codes::NOT_AVAILABLE_YET, at, format!("{what} is not available yet"));
    }
}
