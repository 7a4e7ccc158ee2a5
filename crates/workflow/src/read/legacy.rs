//! Files of 2021: steps at the top, inputs that are a name with its default. They are read as what they mean.

use expr::Value;

use crate::codes;
use crate::plan::{InputDefinition, InputKind};
use crate::read::Reader;
use crate::yaml::{Content, Entry, Node};

impl Reader<'_> {
    /// Whether the document has its steps at the top.
    pub(super) fn is_legacy(root: &Node) -> bool {
        root.get("steps").is_some() && root.get("workflow").is_none()
    }

    /// Says what of such a document has no counterpart.
    pub(super) fn legacy_extras(&mut self, root: &Node) {
        let environment = "private_execution_environment_settings";
        let entry = root.entries().and_then(|all| all.iter().find(|entry| &*entry.key.text == environment));
        if let Some(entry) = entry.filter(|entry| has_content(&entry.value)) {
            let message = format!("`{environment}`, of the format of 2021, is not converted");
            self.problems
                .error(codes::LEGACY_FORMAT, entry.key.at, message)
                .hint("name a runner group instead: `runner: <name>`");
        }
    }

    /// An input of such a document: its default, whose kind is the input's.
    pub(super) fn legacy_input(&self, entry: &Entry) -> InputDefinition {
        let value = entry.value.to_value();
        let kind = match &value {
            Value::Int(_) | Value::Float(_) => InputKind::Number,
            Value::Bool(_) => InputKind::Checkbox,
            Value::List(_) => InputKind::List,
            _ => InputKind::Text,
        };
        InputDefinition {
            name: entry.key.text.to_string(),
            display_name: None,
            kind,
            required: false,
            default: (!value.is_nil()).then_some(value),
            options: Vec::new(),
        }
    }
}

/// A heading between the steps: a `text` alone.
pub(super) fn is_heading(entries: &[Entry]) -> bool {
    let has = |key: &str| entries.iter().any(|entry| &*entry.key.text == key && !entry.value.is_empty());
    has("text") && !has("id") && !has("action")
}

/// Whether anything is said below the keys.
fn has_content(node: &Node) -> bool {
    match &node.content {
        Content::Scalar(_) => !node.is_empty(),
        Content::List(items) => items.iter().any(has_content),
        Content::Map(entries) => entries.iter().any(|entry| has_content(&entry.value)),
    }
}
