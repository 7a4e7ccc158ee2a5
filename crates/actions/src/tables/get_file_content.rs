//! `tables.GetFileContent`.

use serde_json::json;

use crate::{ActionSpec, InputType, Parameter};

pub(crate) fn spec() -> ActionSpec {
    let description =
        "Tells of the file of a record's column, and answers its content if that is text in UTF-8.";
    ActionSpec {
        parameters: vec![
            super::table(),
            super::record_id(),
            super::column(),
            Parameter::new(
                "show_output",
                "Show output",
                InputType::Checkbox,
                "Whether the content is answered, of up to 3 MiB; null if it is no text.",
            )
            .default(true),
        ],
        example_output: json!({
            "file_name": "report.txt", "content_type": "text/plain", "size_bytes": 5, "content": "hello"
        }),
        ..ActionSpec::server("tables.GetFileContent", "Get file content", description)
    }
}
