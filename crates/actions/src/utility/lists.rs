//! `utility.ConvertTextToList` and `utility.ConvertListToText`.

use serde_json::{Value as Json, json};

use crate::inputs::{Inputs, scalar};
use crate::pure::{Draft, LIST_ITEMS_MAX, Pure, too_many_items};
use crate::{ActionError, ActionSpec, InputType, Parameter};

/// The action that splits.
pub(crate) struct ConvertTextToList;

impl Pure for ConvertTextToList {
    fn describe() -> ActionSpec {
        let separator = "What stands between two elements; `\\n` is a line break. Absent: line breaks.";
        ActionSpec {
            parameters: vec![
                super::source("text", "Text"),
                Parameter::new("separator", "Separator", InputType::Text, separator),
                super::checkbox("trim", "Trim", "Takes blanks off both ends of each element.", true),
                super::checkbox("skip_empty", "Skip empty", "Leaves out elements without a character.", true),
            ],
            example_output: json!(["10.0.0.7", "203.0.113.9"]),
            ..super::spec("ConvertTextToList", "Text to list", "Splits a text into a list of texts.")
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let text = inputs.text("text")?;
        let separator = separator(inputs, "\n")?;
        let (trim, skip_empty) = (inputs.flag("trim")?, inputs.flag("skip_empty")?);
        let mut list = Vec::new();
        for part in text.split(separator.as_str()) {
            let part = if separator == "\n" { part.strip_suffix('\r').unwrap_or(part) } else { part };
            let part = if trim { part.trim() } else { part };
            if skip_empty && part.is_empty() {
                continue;
            }
            if list.len() == LIST_ITEMS_MAX {
                return Err(too_many_items());
            }
            list.push(Json::from(part));
        }
        Ok(Json::Array(list))
    }
}

/// The action that joins.
pub(crate) struct ConvertListToText;

impl Pure for ConvertListToText {
    fn describe() -> ActionSpec {
        let separator =
            "What is put between two elements; `\\n` is a line break. Absent: a comma and a blank.";
        let description = "Joins the elements of a list to one text. Maps and lists are written as JSON, null as \
                           nothing.";
        ActionSpec {
            parameters: vec![
                Parameter::new("list", "List", InputType::List, "The list, or its JSON as text.").required(),
                Parameter::new("separator", "Separator", InputType::Text, separator),
            ],
            example_output: json!("10.0.0.7, 203.0.113.9"),
            ..super::spec("ConvertListToText", "List to text", description)
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let separator = separator(inputs, ", ")?;
        let mut text = Draft::default();
        for (index, item) in inputs.list("list")?.iter().enumerate() {
            if index > 0 {
                text.push(&separator)?;
            }
            match item {
                Json::Null => {}
                item => text.push(&scalar(item).unwrap_or_else(|| item.to_string()))?,
            }
        }
        Ok(text.finish())
    }
}

/// The separator that is written; blanks alone are one too.
fn separator(inputs: &Inputs<'_>, default: &str) -> Result<String, ActionError> {
    let given = inputs.optional_text("separator")?.filter(|text| !text.is_empty());
    Ok(given.map_or(default.to_owned(), |text| text.replace("\\n", "\n").replace("\\t", "\t")))
}
