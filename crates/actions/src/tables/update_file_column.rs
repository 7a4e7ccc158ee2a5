//! `tables.UpdateFileColumn`.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let description = "Puts a file that a step of this run has left into a record's column, or empties the column. Answers the column's value.";
    let file = json!({
        "id": "01920000-0000-7000-8000-00000000f11e", "name": "report.txt", "content_type": "text/plain", "size_bytes": 5,
        "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", "created_at": 1_767_225_600_000_i64
    });
    ActionSpec {
        parameters: vec![
            super::table(),
            super::record_id(),
            super::column(),
            Parameter::new(
                "file_name",
                "File name",
                InputType::Text,
                "The name of the file, as `save_output_to_file` has it; of several the newest. Empty: the column becomes empty.",
            ),
        ],
        example_output: json!({"file": file}),
        ..ActionSpec::server("tables.UpdateFileColumn", "Update file column", description)
    }
}
