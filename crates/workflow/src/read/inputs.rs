//! `inputs`: what a caller may or must give. Web forms describe their fields in the same way.

use expr::Value;

use crate::bind::{coerce, is_text};
use crate::codes;
use crate::near::closest;
use crate::plan::{InputDefinition, InputKind};
use crate::read::Reader;
use crate::yaml::{Entry, Node};

const KEYS: [&str; 10] = [
    "name",
    "display_name",
    "type",
    "index",
    "required",
    "options_type",
    "options",
    "default",
    "description",
    "desc",
];

impl Reader<'_> {
    /// The definitions in the order of their `index`, then of the document.
    pub(super) fn inputs(&mut self, node: &Node) -> Vec<InputDefinition> {
        let mut definitions = Vec::new();
        for entry in self.map(node, "`inputs`") {
            self.inputs.insert(entry.key.text.to_string());
            if let Some(definition) = self.input(entry) {
                definitions.push((index(&entry.value), definition));
            }
        }
        definitions.sort_by_key(|(index, _)| *index);
        definitions.into_iter().map(|(_, definition)| definition).collect()
    }

    fn input(&mut self, entry: &Entry) -> Option<InputDefinition> {
        let (name, node) = (&entry.key.text, &entry.value);
        if self.is_legacy && node.entries().is_none() {
            return Some(self.legacy_input(entry));
        }
        let Some(entries) = node.entries() else {
            self.problems
                .error(
                    codes::INPUT_NOT_A_DEFINITION,
                    node.at,
                    format!("input `{name}` is {}, not a definition", node.describe()),
                )
                .hint(format!("write `{name}: {{type: text, default: …}}`"));
            return None;
        };
        let get = |key: &str| node.get(key).filter(|value| !value.is_null());
        let kind = self.input_kind(name, entry, get("type"))?;
        let required = get("required").is_some_and(|value| self.flag(value, "`required`"));
        let options = get("options").map(|value| self.options(value)).unwrap_or_default();
        let fixed = get("options_type").is_none_or(|value| value.as_str() == Some("static"));
        if matches!(kind, InputKind::SingleSelect | InputKind::MultiSelect) && options.is_empty() && fixed {
            let message = format!("input `{name}` is a select without `options`");
            self.problems
                .error(codes::MISSING_OPTIONS, entry.key.at, message)
                .hint("write `options: [low, high]`");
        }
        let default = get("default").and_then(|value| self.default(name, kind, &options, required, value));
        let display_name = get("display_name").and_then(|value| self.text(value, "`display_name`"));
        for known in entries.iter().filter(|known| !KEYS.contains(&&*known.key.text)) {
            self.near_miss(known, "an input", &KEYS);
        }
        Some(InputDefinition { name: name.to_string(), display_name, kind, required, default, options })
    }

    fn input_kind(&mut self, name: &str, entry: &Entry, node: Option<&Node>) -> Option<InputKind> {
        let names = InputKind::ALL.map(|(_, name)| name);
        let Some(node) = node else {
            self.problems
                .error(codes::UNKNOWN_INPUT_TYPE, entry.key.at, format!("input `{name}` has no `type`"))
                .hint(format!("types are {}", names.map(|name| format!("`{name}`")).join(", ")));
            return None;
        };
        let text = self.text(node, "`type`")?;
        let known = InputKind::ALL.into_iter().find(|(_, name)| *name == text);
        if known.is_none() {
            let noted = self.problems.error(
                codes::UNKNOWN_INPUT_TYPE,
                node.at,
                format!("there is no input type `{text}`"),
            );
            match closest(&text, names) {
                Some(meant) => noted.did_you_mean(Some(meant)),
                None => noted.hint(format!("types are {}", names.map(|name| format!("`{name}`")).join(", "))),
            }
        }
        known.map(|(kind, _)| kind)
    }

    fn options(&mut self, node: &Node) -> Vec<String> {
        let items = self.list(node, "`options`");
        items.iter().filter_map(|item| self.text(crate::yaml::chosen(item), "an option")).collect()
    }

    /// The default in the declared type. The editor writes an empty text where there is none.
    fn default(
        &mut self,
        name: &str,
        kind: InputKind,
        options: &[String],
        required: bool,
        node: &Node,
    ) -> Option<Value> {
        let empty = node.as_str().is_some_and(|text| text.trim().is_empty());
        if empty && (required || !is_text(kind)) {
            return None;
        }
        match coerce(kind, options, &node.to_value()) {
            Ok(value) => Some(value),
            Err(message) => {
                self.problems.error(
                    codes::BAD_DEFAULT,
                    node.at,
                    format!("the default of input `{name}` {message}"),
                );
                None
            }
        }
    }
}

/// Those without a usable `index` come last.
pub(super) fn index(definition: &Node) -> i64 {
    let text = definition.get("index").and_then(Node::scalar).map(|scalar| scalar.text.trim());
    text.and_then(|text| text.parse().ok()).unwrap_or(i64::MAX)
}
