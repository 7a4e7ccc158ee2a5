//! `internal.switchCaseExpression`: `switch_variable`, an expression; its labels: `value`, a text or any other
//! value. The original's parameters are not public, so likely names are taken too.

use expr::Value;

use super::params::Params;
use crate::plan::PlanValue;
use crate::read::Reader;
use crate::yaml::chosen;

const SUBJECT_NAMES: [&str; 8] = [
    "expression",
    "switch_expression",
    "switch_value",
    "switch",
    "variable",
    "value",
    "case_expression",
    "input",
];
const LABEL_NAMES: [&str; 7] =
    ["case", "case_value", "label", "case_label", "label_value", "equals", "match"];

impl Reader<'_> {
    pub(super) fn switch(&mut self, params: &mut Params<'_>) -> PlanValue {
        match params.require(self, "switch_variable", &SUBJECT_NAMES) {
            Some(entry) => self.operand(chosen(&entry.value)),
            None => PlanValue::Literal(Value::Nil),
        }
    }

    /// A text is itself; one in quotes is what is between them, as in a condition.
    pub(super) fn label(&mut self, params: &mut Params<'_>) -> PlanValue {
        let Some(entry) = params.require(self, "value", &LABEL_NAMES) else {
            return PlanValue::Literal(Value::Nil);
        };
        let node = chosen(&entry.value);
        let quoted =
            |quote: char| node.as_str().and_then(|text| text.trim().strip_prefix(quote)?.strip_suffix(quote));
        match quoted('"').or_else(|| quoted('\'')) {
            Some(inner) if !inner.contains(['"', '\'', '\\', '{']) => PlanValue::Literal(Value::from(inner)),
            _ => self.value(node),
        }
    }
}
