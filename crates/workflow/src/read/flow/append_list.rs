//! `internal.append_list`: `list`, the name of a variable, and `value`, what comes to the end of its list. The
//! original's parameters are not public, so likely names are taken too.

use expr::Value;

use super::params::Params;
use crate::codes;
use crate::document::Body;
use crate::plan::PlanValue;
use crate::read::Reader;
use crate::yaml::{Node, chosen, shorten};

const LIST_NAMES: [&str; 7] =
    ["list_name", "variable_name", "variable", "list_variable", "target_list", "array", "name"];
const ITEM_NAMES: [&str; 7] =
    ["item", "element", "new_item", "new_value", "value_to_append", "append", "data"];

impl Reader<'_> {
    pub(super) fn append_list(&mut self, params: &mut Params<'_>) -> Body {
        let list = params.require(self, "list", &LIST_NAMES);
        let variable = list.and_then(|entry| self.list_variable(chosen(&entry.value))).unwrap_or_default();
        let item = match params.require(self, "value", &ITEM_NAMES) {
            Some(entry) => self.value(&entry.value),
            None => PlanValue::Literal(Value::Nil),
        };
        Body::AppendList { variable, item }
    }

    /// `hits`, or what a person who thinks of its value writes: `{{ variables.hits }}`, `variables.hits`.
    fn list_variable(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "`list`")?;
        let mut name = text.trim();
        if let Some(inner) = name.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) {
            // Read as an expression as well: its place is checked, and a slip in it is explained.
            self.value(node);
            name = inner.trim();
        }
        let name = match name.strip_prefix("variables.") {
            Some(member) => member.trim(),
            None if name == text.trim() => name,
            None => "",
        };
        if name.is_empty() || name.contains(['{', '}', '.', '[', '(']) {
            let message = format!("`{}` is not the name of a variable", shorten(&text));
            let noted = self.problems.error(codes::APPEND_LIST_SHAPE, node.at, message);
            noted.hint("write `list: hits` for the list in `variables.hits`");
            return None;
        }
        self.variables.insert(name.to_owned());
        Some(name.to_owned())
    }
}
