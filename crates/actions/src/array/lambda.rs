//! `array.ArraySort`, `array.ArrayFilter` and `array.GetArrayItem`: lists and a Python function of one item, which runs
//! in the sandbox as all code does.

use futures_util::future::BoxFuture;
use sandbox::Language;
use serde_json::{Value as Json, json};

use crate::code::{self, Script};
use crate::{ActionContext, ActionError, ActionSpec, Effect, ErrorCode, InputType, Parameter};

/// An action that gives each item of a list to a Python function.
pub(crate) struct Lambda {
    /// Without its service.
    name: &'static str,
    display_name: &'static str,
    description: &'static str,
    /// The prelude's name for it.
    does: Does,
    /// The input that is the function, its label and what it is for.
    function: (&'static str, &'static str, &'static str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Sort,
    Filter,
    Find,
}

/// `array.ArraySort`.
pub(crate) const SORT: Lambda = Lambda {
    name: "ArraySort",
    display_name: "Sort a list",
    description: "Sorts a list by what a Python function says of each item. What cannot be compared is sorted by kind: \
                  nothing, truth values, numbers, texts, lists, maps.",
    does: Does::Sort,
    function: (
        "key",
        "Key",
        "What to sort by: a Python lambda such as `lambda item: item.severity`, or the path of a member such as \
         `severity`. Empty: the items themselves.",
    ),
};

/// `array.ArrayFilter`.
pub(crate) const FILTER: Lambda = Lambda {
    name: "ArrayFilter",
    display_name: "Filter a list",
    description: "Keeps the items of a list for which a Python function holds.",
    does: Does::Filter,
    function: (
        "filterFunction",
        "Filter function",
        "Which items are kept: a Python lambda such as `lambda item: item.score > 5`, or the path of a member that must \
         be true.",
    ),
};

/// `array.GetArrayItem`.
pub(crate) const GET_ITEM: Lambda = Lambda {
    name: "GetArrayItem",
    display_name: "Get an item of a list",
    description: "The item at an index, or the first one for which a Python function holds. Nothing if there is none.",
    does: Does::Find,
    function: (
        "filterFunction",
        "Filter function",
        "Which item: a Python lambda such as `lambda item: item.name == 'root'`, or the path of a member that must be \
         true. Empty: the one at the index.",
    ),
};

impl Effect for Lambda {
    fn spec(&self) -> ActionSpec {
        let (name, label, what) = self.function;
        let list = "The list, or its JSON text.";
        let function = Parameter::new(name, label, InputType::Text, what);
        let mut parameters = vec![Parameter::new("array", "List", InputType::List, list).required()];
        match self.does {
            Does::Sort => {
                parameters.push(function);
                let reverse = "The greatest first.";
                parameters.push(
                    Parameter::new("reverse", "Descending", InputType::Checkbox, reverse).default(false),
                );
            }
            Does::Filter => parameters.push(function.required()),
            Does::Find => {
                let index = "Counts from 0; -1 is the last one.";
                parameters.push(Parameter::new("index", "Index", InputType::Number, index));
                parameters.push(function);
            }
        }
        ActionSpec {
            parameters,
            example_output: match self.does {
                Does::Find => json!({"name": "root", "score": 9}),
                _ => json!([{"name": "root", "score": 9}]),
            },
            ..super::spec(self.name, self.display_name, self.description)
        }
    }

    fn run<'a>(&'a self, cx: ActionContext<'a>) -> BoxFuture<'a, Result<Json, ActionError>> {
        Box::pin(self.apply(cx))
    }
}

impl Lambda {
    async fn apply(&self, cx: ActionContext<'_>) -> Result<Json, ActionError> {
        let items = items(cx.inputs.get("array"))?;
        let function = match cx.inputs.get(self.function.0) {
            None | Some(Json::Null) => "",
            Some(_) => code::text(cx.inputs, self.function.0)?,
        };
        let does = match self.does {
            Does::Find if function.trim().is_empty() => return at(&items, cx.inputs.get("index")),
            Does::Filter if function.trim().is_empty() => {
                let message = format!("input `{}` is empty", self.function.0);
                return Err(ActionError::new(ErrorCode::InvalidInput, message));
            }
            Does::Find => "find",
            Does::Filter => "filter",
            Does::Sort => "sort",
        };
        let reverse = code::flag(cx.inputs, "reverse")?;
        let document = json!({"do": does, "items": items, "reverse": reverse}).to_string();
        let script = Script { language: Language::Python, code: function, document };
        Ok(code::run(&cx, script).await?.returned.unwrap_or(Json::Null))
    }
}

fn items(given: Option<&Json>) -> Result<Vec<Json>, ActionError> {
    let invalid = |message: &str| ActionError::new(ErrorCode::InvalidInput, message);
    match given {
        Some(Json::Array(items)) => Ok(items.clone()),
        Some(Json::String(text)) => match serde_json::from_str(text) {
            Ok(Json::Array(items)) => Ok(items),
            _ => Err(invalid("input `array` is a text that is no JSON list")),
        },
        None | Some(Json::Null) => Err(invalid("input `array` is missing")),
        Some(_) => Err(invalid("input `array` is no list")),
    }
}

/// The item at an index that counts from the end if it is negative.
fn at(items: &[Json], index: Option<&Json>) -> Result<Json, ActionError> {
    let number = match index {
        Some(Json::Number(number)) => number.as_i64(),
        Some(Json::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    let Some(number) = number else {
        let message = "name an item of `array` by a whole number as `index`, or by a `filterFunction`";
        return Err(ActionError::new(ErrorCode::InvalidInput, message));
    };
    let from_end = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
    let place = if number < 0 { items.len().checked_sub(from_end) } else { Some(from_end) };
    Ok(place.and_then(|place| items.get(place)).cloned().unwrap_or(Json::Null))
}
