//! `json.CompareJSONStructure`.

use serde_json::{Value as Json, json};

use crate::inputs::{Inputs, kind};
use crate::pure::Pure;
use crate::{ActionError, ActionSpec};

/// Differences that are listed.
const DIFFERENCES_MAX: usize = 1000;

/// The action.
pub(crate) struct CompareJsonStructure;

impl Pure for CompareJsonStructure {
    fn describe() -> ActionSpec {
        let description = "Says whether two values have the same keys and kinds of values, whatever the values \
                           are. Elements of lists are compared in pairs; a longer list is no difference. At most \
                           1000 differences are listed; `truncated` says if there are more.";
        ActionSpec {
            parameters: vec![
                super::value("first_json", "First JSON", "One value."),
                super::value("second_json", "Second JSON", "The value that it is compared with."),
            ],
            example_output: json!({
                "equal": false,
                "differences": [
                    {"path": "$.user.id", "first": "a number", "second": "a text"},
                    {"path": "$.tags", "first": "a list", "second": "missing"},
                ],
                "truncated": false,
            }),
            ..super::spec("CompareJSONStructure", "Compare JSON structure", description)
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let mut found = Differences { path: "$".to_owned(), list: Vec::new(), truncated: false };
        found
            .compare(Some(&*inputs.json_or_null("first_json")?), Some(&*inputs.json_or_null("second_json")?));
        Ok(json!({
            "equal": found.list.is_empty(),
            "differences": found.list,
            "truncated": found.truncated,
        }))
    }
}

struct Differences {
    /// Where the comparison stands.
    path: String,
    list: Vec<Json>,
    truncated: bool,
}

impl Differences {
    fn compare(&mut self, first: Option<&Json>, second: Option<&Json>) {
        match (first, second) {
            (Some(Json::Array(first)), Some(Json::Array(second))) => {
                for (index, (first, second)) in first.iter().zip(second).enumerate() {
                    self.below(&format!("[{index}]"), Some(first), Some(second));
                }
            }
            (Some(Json::Object(first)), Some(Json::Object(second))) => {
                for (key, value) in first {
                    self.below(&step(key), Some(value), second.get(key));
                }
                for (key, value) in second.iter().filter(|(key, _)| !first.contains_key(*key)) {
                    self.below(&step(key), None, Some(value));
                }
            }
            (first, second) => {
                let (first, second) = (first.map_or("missing", kind), second.map_or("missing", kind));
                if first != second {
                    self.note(first, second);
                }
            }
        }
    }

    fn below(&mut self, step: &str, first: Option<&Json>, second: Option<&Json>) {
        if self.truncated {
            return;
        }
        let length = self.path.len();
        self.path.push_str(step);
        self.compare(first, second);
        self.path.truncate(length);
    }

    fn note(&mut self, first: &str, second: &str) {
        if self.list.len() < DIFFERENCES_MAX {
            self.list.push(json!({"path": self.path, "first": first, "second": second}));
        } else {
            self.truncated = true;
        }
    }
}

/// `.name`, or `["any key"]`.
fn step(key: &str) -> String {
    let plain = key.chars().all(|char| char.is_alphanumeric() || char == '_') && !key.is_empty();
    if plain { format!(".{key}") } else { format!("[{}]", Json::from(key)) }
}
