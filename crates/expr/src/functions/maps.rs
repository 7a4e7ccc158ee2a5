//! Functions on maps. Entries keep the order in which they came.

use std::sync::Arc;

use super::{ANY, Arguments, Function, entry};
use crate::budget::{Budget, Fault};
use crate::ops::kind;
use crate::value::{Map, Value};

type Outcome = Result<Value, Fault>;

pub(super) const FUNCTIONS: &[Function] = &[
    entry("keys", "keys(map) array", "The keys.", ("keys({\"a\": 1})", "[\"a\"]"), (1, 1), |args, budget| {
        budget.list(args.map(0)?.keys().map(|key| Value::String(key.clone())).collect())
    }),
    entry(
        "values",
        "values(map) array",
        "The values.",
        ("values({\"a\": 1})", "[1]"),
        (1, 1),
        |args, budget| budget.list(args.map(0)?.values().cloned().collect()),
    ),
    entry(
        "toPairs",
        "toPairs(map) array",
        "The entries as lists of key and value.",
        ("toPairs({\"a\": 1})", "[[\"a\", 1]]"),
        (1, 1),
        |args, budget| {
            let map = args.map(0)?;
            budget.list_len(map.len() * 2)?;
            let pair = |(key, value): (&Arc<str>, &Value)| vec![Value::String(key.clone()), value.clone()];
            budget.list(map.iter().map(pair).map(Value::from).collect())
        },
    ),
    entry(
        "fromPairs",
        "fromPairs(list) map",
        "The map of a list of keys and values.",
        ("fromPairs([[\"a\", 1]])", "{\"a\": 1}"),
        (1, 1),
        from_pairs,
    ),
    entry(
        "merge_maps",
        "merge_maps(maps...) map",
        "The entries of all maps; of equal keys the last one's.",
        ("merge_maps({\"a\": 1, \"b\": 1}, {\"b\": 2})", "{\"a\": 1, \"b\": 2}"),
        (1, ANY),
        merge_maps,
    ),
];

fn from_pairs(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let mut map = Map::new();
    for pair in args.list(0)?.iter() {
        let Some([key, value]) = pair.as_list() else {
            return Err(Fault::types(format!(
                "`fromPairs` takes lists of a key and a value, not {}",
                kind(pair)
            )));
        };
        budget.read(std::slice::from_ref(key))?;
        let key = match key {
            Value::String(text) => text.clone(),
            Value::List(_) | Value::Map(_) => {
                return Err(Fault::types(format!("the key of a map is a text, not {}", kind(key))));
            }
            scalar => scalar.display().into(),
        };
        map.insert(key, value.clone());
    }
    budget.map(map)
}

fn merge_maps(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let mut merged = Map::new();
    for index in 0..args.len() {
        for (key, value) in args.map(index)?.iter() {
            merged.insert(key.clone(), value.clone());
        }
    }
    budget.map(merged)
}
