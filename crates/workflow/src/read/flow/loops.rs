//! `internal.for`: `list` and `variable_name` (`max_concurrency` is read in `parallel.rs`). The original's name for the list is not public, so other
//! likely names are taken, and a single unknown parameter is taken for it with a warning.

use expr::Value;

use super::params::Params;
use crate::codes;
use crate::document::Body;
use crate::plan::PlanValue;
use crate::read::Reader;
use crate::yaml::{Entry, Node};

const LIST_NAMES: [&str; 14] = [
    "items",
    "iterate_over",
    "collection",
    "array",
    "loop_over",
    "iterator",
    "iterable",
    "input_list",
    "list_to_iterate",
    "for_each",
    "elements",
    "values",
    "input",
    "loop",
];

impl Reader<'_> {
    pub(super) fn for_each(&mut self, params: &mut Params<'_>) -> Body {
        let variable_name = params
            .find(
                "variable_name",
                &["variable", "item_name", "item_variable", "loop_variable", "iterator_name"],
            )
            .and_then(|entry| self.text(&entry.value, "`variable_name`"));
        self.variables.extend(variable_name.clone());
        let max_concurrency = self.max_concurrency(params);
        let list = params.find("list", &LIST_NAMES).or_else(|| self.assumed_list(params));
        let list = match list {
            Some(entry) => self.loop_list(&entry.value),
            None => {
                // Notes its absence.
                params.require(self, "list", &[]);
                PlanValue::Literal(Value::Nil)
            }
        };
        Body::For { list, variable_name, max_concurrency }
    }

    fn assumed_list<'n>(&mut self, params: &mut Params<'n>) -> Option<&'n Entry> {
        let entry = params.only_unread()?;
        let message = format!("`{}` is taken for the `list` of the loop", entry.key.text);
        self.problems.warning(codes::ASSUMED_LIST, entry.key.at, message).hint("write `list:`");
        Some(entry)
    }

    /// A list, a map, a number, an expression, or the JSON of a list or a map.
    fn loop_list(&mut self, node: &Node) -> PlanValue {
        let value = self.value(node);
        let PlanValue::Literal(literal) = &value else { return value };
        let fits = match literal {
            Value::List(_) | Value::Map(_) => true,
            Value::Int(turns) => *turns >= 0,
            Value::String(text) => {
                if let Ok(json @ (serde_json::Value::Array(_) | serde_json::Value::Object(_))) =
                    serde_json::from_str(text)
                {
                    return PlanValue::Literal(Value::from(&json));
                }
                false
            }
            // An expression that did not parse has been noted.
            Value::Nil => node.as_str().is_some(),
            _ => false,
        };
        if !fits && !self.idle {
            let message =
                format!("a loop goes through a list, a map or a number of turns, not {}", node.describe());
            self.problems.error(codes::FOR_SHAPE, node.at, message).hint("write `list: '{{ … }}'`");
        }
        value
    }
}
