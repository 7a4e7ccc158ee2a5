//! `utility.ConvertCSVToJSON`.

use std::collections::HashSet;

use csv::{Reader, ReaderBuilder, StringRecord};
use serde_json::{Map, Value as Json, json};

use crate::inputs::{Inputs, invalid, shown};
use crate::pure::{LIST_ITEMS_MAX, Pure, Room, too_many_items};
use crate::{ActionError, ActionSpec, InputType, Parameter};

/// Columns of a table.
const COLUMNS_MAX: usize = 10_000;

/// The action.
pub(crate) struct ConvertCsvToJson;

impl Pure for ConvertCsvToJson {
    fn describe() -> ActionSpec {
        let header =
            "The first line names the columns: the output is a list of maps. Else it is a list of lists.";
        let description = "Reads comma-separated values. All values are texts; the lines must have the same number \
                           of values.";
        ActionSpec {
            parameters: vec![
                super::source("csv", "CSV"),
                delimiter_parameter(),
                super::checkbox("header", "Header", header, true),
            ],
            example_output: json!([{"host": "web-1", "port": "443"}]),
            ..super::spec("ConvertCSVToJSON", "CSV to JSON", description)
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let text = inputs.text("csv")?;
        let text = text.trim_start_matches('\u{feff}');
        let header = inputs.flag("header")?;
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter(inputs)?)
            .has_headers(header)
            .from_reader(text.as_bytes());
        let names = if header { Some(names(&mut reader)?) } else { None };
        rows(&mut reader, names.as_deref()).map(Json::Array)
    }
}

fn names(reader: &mut Reader<&[u8]>) -> Result<Vec<String>, ActionError> {
    let names = reader.headers().map_err(|error| unreadable(&error))?;
    if names.len() > COLUMNS_MAX {
        return Err(invalid(&format!("input `csv` has more than {COLUMNS_MAX} columns")));
    }
    let mut seen = HashSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
        return Err(invalid(&format!("input `csv` has two columns named `{}`", shown(twice))));
    }
    Ok(names.iter().map(str::to_owned).collect())
}

fn rows(reader: &mut Reader<&[u8]>, names: Option<&[String]>) -> Result<Vec<Json>, ActionError> {
    let mut room = Room::default();
    let mut rows = Vec::new();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| unreadable(&error))? {
        if rows.len() == LIST_ITEMS_MAX {
            return Err(too_many_items());
        }
        room.take(record.as_slice().len() + 2)?;
        rows.push(match names {
            None => record.iter().map(Json::from).collect(),
            Some(names) => {
                let mut row = Map::new();
                for (name, value) in names.iter().zip(&record) {
                    room.take(name.len() + 6)?;
                    row.insert(name.clone(), value.into());
                }
                Json::Object(row)
            }
        });
    }
    Ok(rows)
}

fn unreadable(error: &csv::Error) -> ActionError {
    let line = |position: &Option<csv::Position>| {
        position.as_ref().map_or(String::new(), |position| format!("line {}: ", position.line()))
    };
    invalid(&match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            format!("input `csv` is uneven: {}{len} values, not {expected_len} as before", line(pos))
        }
        _ => format!("input `csv` cannot be read: {error}"),
    })
}

pub(super) fn delimiter_parameter() -> Parameter {
    let description = "The sign between two values, such as `;`; `\\t` is a tabulator.";
    Parameter::new("delimiter", "Delimiter", InputType::Text, description).default(",")
}

/// The sign between two values.
pub(super) fn delimiter(inputs: &Inputs<'_>) -> Result<u8, ActionError> {
    let given = inputs.optional_text("delimiter")?.filter(|text| !text.is_empty());
    match given.as_deref().unwrap_or(",") {
        "\\t" | "tab" => Ok(b'\t'),
        text => match text.as_bytes() {
            [sign] if sign.is_ascii() && !matches!(sign, b'"' | b'\n' | b'\r') => Ok(*sign),
            _ => Err(invalid(&format!("input `delimiter` must be one sign of ASCII, not `{}`", shown(text)))),
        },
    }
}
