//! `internal.SetVariables`: `Variables: [{Name, Type, Value}]`, the letter case as written here.

use expr::Value;

use super::params::Params;
use crate::codes;
use crate::near::{closest, normal};
use crate::plan::{PlanValue, VariableAssignment, VariableKind};
use crate::read::Reader;
use crate::source::Extent;
use crate::yaml::{Entry, Node};

const SHAPE: &str = "write `Variables: [{Name: …, Type: …, Value: …}]`";
const KEYS: [&str; 3] = ["Name", "Type", "Value"];

impl Reader<'_> {
    pub(super) fn set_variables(&mut self, params: &mut Params<'_>) -> Vec<VariableAssignment> {
        let Some(entry) = params.require(self, "Variables", &[]) else { return Vec::new() };
        self.exact_key(entry, "Variables");
        let Some(items) = entry.value.items() else {
            let message = format!("`Variables` must be a list, not {}", entry.value.describe());
            self.problems.error(codes::SET_VARIABLES_SHAPE, entry.value.at, message).hint(SHAPE);
            return Vec::new();
        };
        items.iter().filter_map(|item| self.assignment(item)).collect()
    }

    fn assignment(&mut self, item: &Node) -> Option<VariableAssignment> {
        let Some(entries) = item.entries() else {
            let message = format!("a variable must be a map, not {}", item.describe());
            self.problems.error(codes::SET_VARIABLES_SHAPE, item.at, message).hint(SHAPE);
            return None;
        };
        let [name, kind, value] = KEYS.map(|key| {
            let found = entries.iter().find(|entry| normal(&entry.key.text) == normal(key))?;
            self.exact_key(found, key);
            Some(found)
        });
        for entry in entries {
            if !KEYS.iter().any(|key| normal(key) == normal(&entry.key.text)) {
                self.near_miss(entry, "a variable", &KEYS);
            }
        }
        let name = name.and_then(|entry| self.variable_name(&entry.value));
        if name.is_none() {
            self.problems.error(codes::SET_VARIABLES_SHAPE, item.at, "a variable has no `Name`").hint(SHAPE);
        }
        let kind = kind.map_or(VariableKind::Any, |entry| self.variable_kind(&entry.value));
        let value = match value {
            Some(entry) => self.value(&entry.value),
            None => {
                let message =
                    format!("the variable `{}` has no `Value`", name.as_deref().unwrap_or_default());
                self.problems.error(codes::SET_VARIABLES_SHAPE, item.at, message).hint(SHAPE);
                PlanValue::Literal(Value::Nil)
            }
        };
        Some(VariableAssignment { name: name?, kind, value })
    }

    /// The original drops keys in another letter case without a word.
    fn exact_key(&mut self, entry: &Entry, key: &str) {
        if &*entry.key.text != key {
            let message = format!("`{}` must be written `{key}`", entry.key.text);
            self.problems.error(codes::SET_VARIABLES_SHAPE, entry.key.at, message).hint(SHAPE);
        }
    }

    fn variable_name(&mut self, node: &Node) -> Option<String> {
        let name = self.text(node, "`Name`")?;
        if name.contains("{{") {
            self.variables_unknown = true;
            self.not_yet(node.at, "an expression as the name of a variable");
        }
        self.variables.insert(name.clone());
        Some(name)
    }

    fn variable_kind(&mut self, node: &Node) -> VariableKind {
        let Some(name) = self.text(node, "`Type`") else { return VariableKind::Any };
        if name == "Array" {
            return VariableKind::List;
        }
        let known = VariableKind::ALL.into_iter().find(|kind| kind.as_str() == name);
        known.unwrap_or_else(|| {
            self.unknown_kind(node.at, &name);
            VariableKind::Any
        })
    }

    fn unknown_kind(&mut self, at: Extent, name: &str) {
        let names = VariableKind::ALL.map(VariableKind::as_str);
        let message = format!("there is no variable type `{name}`");
        let noted = self.problems.error(codes::UNKNOWN_VARIABLE_TYPE, at, message);
        match closest(name, names) {
            Some(meant) => noted.did_you_mean(Some(meant)),
            None => noted.hint(format!("types are {}", names.map(|name| format!("`{name}`")).join(", "))),
        }
    }
}
