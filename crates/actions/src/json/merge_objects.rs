//! `json.MergeJSONObjects`.

use serde_json::map::Entry;
use serde_json::{Map, Value as Json, json};

use crate::inputs::Inputs;
use crate::pure::Pure;
use crate::{ActionError, ActionSpec, InputType, Parameter};

/// The action.
pub(crate) struct MergeJsonObjects;

impl Pure for MergeJsonObjects {
    fn describe() -> ActionSpec {
        let recursive =
            "Maps under the same key are merged too, instead of the second one's taking the place.";
        ActionSpec {
            parameters: vec![
                super::value("source_json_object", "Source JSON Object", "The map that is added to."),
                super::value("merged_json_object", "Merged JSON Object", "The map whose values win."),
                Parameter::new("recursive_merge", "Recursive Merge", InputType::Checkbox, recursive)
                    .default(false),
            ],
            example_output: json!({"host": "web-1", "severity": "high"}),
            ..super::spec("MergeJSONObjects", "Merge JSON objects", "Puts two maps together.")
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let mut merged = inputs.map("source_json_object")?;
        merge(&mut merged, inputs.map("merged_json_object")?, inputs.flag("recursive_merge")?);
        Ok(Json::Object(merged))
    }
}

fn merge(into: &mut Map<String, Json>, from: Map<String, Json>, recursive: bool) {
    for (key, value) in from {
        match (into.entry(key), value) {
            (Entry::Occupied(mut entry), value) => match (entry.get_mut(), value) {
                (Json::Object(old), Json::Object(new)) if recursive => merge(old, new, true),
                (old, value) => *old = value,
            },
            (Entry::Vacant(entry), value) => {
                entry.insert(value);
            }
        }
    }
}
