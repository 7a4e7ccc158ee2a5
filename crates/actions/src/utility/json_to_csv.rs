//! `utility.ConvertJSONToCSV`.

use std::io::Write as _;

use csv::{Writer, WriterBuilder};
use indexmap::IndexSet;
use serde_json::{Value as Json, json};

use super::csv_to_json::{delimiter, delimiter_parameter};
use crate::inputs::{Inputs, invalid, kind, scalar};
use crate::pure::{Draft, Pure, too_large};
use crate::{ActionError, ActionSpec, InputType, Parameter};

/// Columns of a table.
const COLUMNS_MAX: usize = 10_000;

/// The action.
pub(crate) struct ConvertJsonToCsv;

impl Pure for ConvertJsonToCsv {
    fn describe() -> ActionSpec {
        let columns = "The keys that become columns, in this order. Absent: all keys, in the order in which they \
                       first appear.";
        let description = "Writes a list of maps, or of lists, as comma-separated values. A missing value and null \
                           are empty; maps and lists are written as JSON.";
        ActionSpec {
            parameters: vec![
                super::json_source(),
                Parameter::new("columns", "Columns", InputType::List, columns),
                delimiter_parameter(),
                super::checkbox("header", "Header", "The first line names the columns.", true),
            ],
            example_output: json!("host,port\nweb-1,443\n"),
            ..super::spec("ConvertJSONToCSV", "JSON to CSV", description)
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let json = inputs.json("json")?;
        let rows = match &*json {
            Json::Array(rows) => rows.as_slice(),
            map @ Json::Object(_) => std::slice::from_ref(map),
            other => {
                let kind = kind(other);
                return Err(invalid(&format!("input `json` must be a list of maps or of lists, not {kind}")));
            }
        };
        let columns = match inputs.optional_list("columns")? {
            Some(names) => names.iter().map(cell).collect(),
            None => columns(rows)?,
        };
        let draft = Draft::default();
        let mut writer = WriterBuilder::new().delimiter(delimiter(inputs)?).flexible(true).from_writer(draft);
        if inputs.flag("header")? && !columns.is_empty() {
            record(&mut writer, columns.iter().map(String::as_str))?;
        }
        for (index, row) in rows.iter().enumerate() {
            match row {
                Json::Object(map) => {
                    let value = |name: &String| map.get(name).map(cell).unwrap_or_default();
                    record(&mut writer, columns.iter().map(value))?;
                }
                Json::Array(values) => record(&mut writer, values.iter().map(cell))?,
                other => {
                    let kind = kind(other);
                    return Err(invalid(&format!(
                        "element {index} of `json` must be a map or a list, not {kind}"
                    )));
                }
            }
        }
        let mut draft = writer.into_inner().map_err(|_| too_large())?;
        draft.flush().map_err(|_| too_large())?;
        Ok(draft.finish())
    }
}

fn columns(rows: &[Json]) -> Result<IndexSet<String>, ActionError> {
    let mut columns = IndexSet::new();
    for key in rows.iter().filter_map(Json::as_object).flat_map(|map| map.keys()) {
        if !columns.contains(key) {
            columns.insert(key.clone());
        }
        if columns.len() > COLUMNS_MAX {
            return Err(invalid(&format!("input `json` has more than {COLUMNS_MAX} different keys")));
        }
    }
    Ok(columns)
}

fn record(
    writer: &mut Writer<Draft>,
    cells: impl Iterator<Item = impl AsRef<[u8]>>,
) -> Result<(), ActionError> {
    writer.write_record(cells).map_err(|_| too_large())
}

fn cell(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        value => scalar(value).unwrap_or_else(|| value.to_string()),
    }
}
