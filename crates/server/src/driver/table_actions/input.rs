//! What steps on tables are given, as their form and their documents write it.

use actions::{ActionError, ErrorCode, Inputs};
use engine::StepError;
use serde_json::{Map, Value, json};

use super::Done;
use crate::http::excerpt;

/// Which names a table is looked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SearchBy {
    DisplayName,
    Name,
    Both,
}

/// An input that cannot be so, as the step's error.
pub(super) fn refused(error: ActionError) -> StepError {
    StepError::new(error.code.as_str(), error.message)
}

/// The same, found here.
pub(super) fn invalid(message: impl Into<String>) -> StepError {
    StepError::new(ErrorCode::InvalidInput.as_str(), message)
}

/// The name of the table.
pub(super) fn table(inputs: &Inputs<'_>) -> Done<String> {
    Ok(inputs.text("table").map_err(refused)?.trim().to_owned())
}

pub(super) fn search_by(inputs: &Inputs<'_>) -> Done<SearchBy> {
    Ok(match inputs.choice("search_by").map_err(refused)? {
        "Name" => SearchBy::Name,
        "Display Name and Name" => SearchBy::Both,
        _ => SearchBy::DisplayName,
    })
}

/// The SELECT and what is given for its `$1`, if records are named by one.
pub(super) fn sql(inputs: &Inputs<'_>) -> Done<Option<(String, Vec<Value>)>> {
    if inputs.choice("query_method").map_err(refused)? != "SQL Query" {
        return Ok(None);
    }
    let params = match inputs.filled_text("params") {
        Ok(None) => Vec::new(),
        _ => match inputs.json("params").map_err(refused)?.into_owned() {
            Value::Array(params) => params,
            _ => return Err(invalid("input `params` must be a list")),
        },
    };
    Ok(Some((inputs.text("sql").map_err(refused)?.to_string(), params)))
}

/// The `q` of the records that are asked for.
pub(super) fn question(inputs: &Inputs<'_>) -> Done<String> {
    if inputs.choice("query_method").map_err(refused)? == "RQL Query" {
        return Ok(filter(inputs, "query")?.unwrap_or_default().to_string());
    }
    let mut q = condition(inputs, "query")?;
    for name in ["limit", "offset"] {
        if let Some(number) = inputs.whole(name, 0..=i64::MAX).map_err(refused)? {
            q.insert(name.to_owned(), number.into());
        }
    }
    Ok(Value::from(q).to_string())
}

/// The `q` of the filter that the input holds; of every record, if it is empty.
pub(super) fn condition(inputs: &Inputs<'_>, name: &str) -> Done<Map<String, Value>> {
    let mut q = Map::new();
    if let Some(filter) = filter(inputs, name)? {
        q.insert("filter".to_owned(), filter);
    }
    q.insert("ci".to_owned(), inputs.flag("ci").map_err(refused)?.into());
    Ok(q)
}

/// A map, also as JSON text; none if there is nothing.
pub(super) fn filter(inputs: &Inputs<'_>, name: &str) -> Done<Option<Value>> {
    if inputs.filled_text(name).is_ok_and(|text| text.is_none()) {
        return Ok(None);
    }
    Ok(Some(Value::Object(inputs.map(name).map_err(refused)?)))
}

/// A record: a map, or a list of `{key, value}`.
pub(super) fn record(inputs: &Inputs<'_>, name: &str) -> Done<Map<String, Value>> {
    let pairs = match inputs.json(name).map_err(refused)?.into_owned() {
        Value::Object(map) => return Ok(map),
        Value::Array(pairs) => pairs,
        _ => return Err(invalid(format!("input `{name}` must be a map, or a list of `{{key, value}}`"))),
    };
    let mut record = Map::new();
    for (index, pair) in pairs.into_iter().enumerate() {
        let Some(key) = pair.get("key").and_then(Value::as_str) else {
            let message =
                format!("member {index} of input `{name}` must be `{{key, value}}` with a text `key`");
            return Err(invalid(message));
        };
        let value = pair.get("value").cloned().unwrap_or_default();
        if record.insert(key.to_owned(), value).is_some() {
            return Err(invalid(format!("input `{name}` has the key `{}` twice", excerpt(key))));
        }
    }
    Ok(record)
}

/// Records: a list of maps, or one map.
pub(super) fn records(inputs: &Inputs<'_>, name: &str) -> Done<Vec<Map<String, Value>>> {
    let list = match inputs.json(name).map_err(refused)?.into_owned() {
        Value::Array(list) => list,
        one => vec![one],
    };
    let records = list.into_iter().enumerate().map(|(index, one)| match one {
        Value::Object(record) => Ok(record),
        _ => Err(invalid(format!("member {index} of input `{name}` must be a map"))),
    });
    records.collect()
}

/// Ids: a list of texts, or one text.
pub(super) fn ids(inputs: &Inputs<'_>, name: &str) -> Done<Vec<String>> {
    let list = match inputs.json(name).map_err(refused)?.into_owned() {
        Value::Array(list) => list,
        one => vec![one],
    };
    let ids = list.iter().map(|id| id.as_str().map(str::to_owned));
    ids.collect::<Option<Vec<String>>>()
        .ok_or_else(|| invalid(format!("input `{name}` must be the id of a record, or a list of some")))
}

/// The filter of `q` as its text, for at most two records: whether there are more than one is all that counts.
pub(super) fn one_of(mut q: Map<String, Value>) -> String {
    q.insert("limit".to_owned(), json!(2));
    Value::from(q).to_string()
}
