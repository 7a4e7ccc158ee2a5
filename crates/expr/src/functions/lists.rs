//! Functions on lists. Those with a body for each element (`filter`, `map` …) are loops of the machine.

use std::cmp::Ordering;

use super::{ANY, Arguments, Function, entry};
use crate::ast::Binary;
use crate::budget::{Budget, Fault};
use crate::ops;
use crate::value::Value;

type Outcome = Result<Value, Fault>;

pub(super) const FUNCTIONS: &[Function] = &[
    entry(
        "len",
        "len(value) int",
        "How many elements a list, entries a map or characters a text has.",
        ("len([1, 2])", "2"),
        (1, 1),
        |args, _| len(args),
    ),
    entry(
        "empty",
        "empty(value) bool",
        "Whether a list, a map or a text has nothing in it; nil is empty as well.",
        ("empty([])", "true"),
        (1, 1),
        |args, _| match args.value(0) {
            Value::Nil => Ok(true.into()),
            _ => len(args).map(|len| (len == Value::Int(0)).into()),
        },
    ),
    entry(
        "first",
        "first(list) any",
        "The first element, nil of none.",
        ("first([1, 2])", "1"),
        (1, 1),
        |args, _| Ok(ops::fetch(args.value(0), &Value::Int(0)).unwrap_or_default()),
    ),
    entry(
        "last",
        "last(list) any",
        "The last element, nil of none.",
        ("last([1, 2])", "2"),
        (1, 1),
        |args, _| Ok(ops::fetch(args.value(0), &Value::Int(-1)).unwrap_or_default()),
    ),
    entry(
        "get",
        "get(list or map, index or key) any",
        "The element there, nil if there is none.",
        ("get([1], 5) ?? get({\"a\": 2}, \"a\")", "2"),
        (2, 2),
        |args, _| Ok(ops::fetch(args.value(0), args.value(1)).unwrap_or_default()),
    ),
    entry(
        "take",
        "take(list, n) array",
        "The first `n` elements.",
        ("take([1, 2, 3], 2)", "[1, 2]"),
        (2, 2),
        take,
    ),
    entry(
        "reverse",
        "reverse(list) array",
        "The elements from the last to the first.",
        ("reverse([1, 2])", "[2, 1]"),
        (1, 1),
        |args, budget| budget.list(args.list(0)?.iter().rev().cloned().collect()),
    ),
    entry(
        "uniq",
        "uniq(list) array",
        "Every element once, where it stands first.",
        ("uniq([1, 2, 1])", "[1, 2]"),
        (1, 1),
        uniq,
    ),
    entry(
        "concat",
        "concat(lists...) array",
        "The elements of all lists, one list after the other.",
        ("concat([1], [2, 3])", "[1, 2, 3]"),
        (1, ANY),
        concat,
    ),
    entry(
        "flatten",
        "flatten(list) array",
        "The elements of the list and of all lists in it.",
        ("flatten([1, [2, [3]]])", "[1, 2, 3]"),
        (1, 1),
        flatten,
    ),
    entry(
        "sort",
        "sort(list, order?) array",
        "The elements in their order, `\"asc\"` or `\"desc\"`.",
        ("sort([3, 1, 2], \"desc\")", "[3, 2, 1]"),
        (1, 2),
        sort,
    ),
    entry(
        "range",
        "range(from?, to, step?) array",
        "The ints from `from` (or 0) up to, and without, `to`.",
        ("range(1, 4)", "[1, 2, 3]"),
        (1, 3),
        range,
    ),
];

fn len(args: Arguments<'_>) -> Outcome {
    Ok(Value::Int(match args.value(0) {
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::String(text) => text.chars().count(),
        _ => return Err(args.wrong(0, "a list, a map or a text")),
    } as i64))
}

fn take(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let list = args.list(0)?;
    let count =
        usize::try_from(args.int(1)?).map_err(|_| Fault::value("cannot take less than no elements"))?;
    if count >= list.len() {
        return Ok(args.value(0).clone());
    }
    budget.list(list[..count].to_vec())
}

fn uniq(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let mut texts = std::collections::HashSet::new();
    let mut kept: Vec<Value> = Vec::new();
    for value in args.list(0)?.iter() {
        let new = match value {
            // By far the commonest, and equal to nothing but a text: hashed, the rest compared.
            Value::String(text) => {
                budget.read(std::slice::from_ref(value))?;
                texts.insert(text.clone())
            }
            value => !ops::is_among(&kept, value, budget)?,
        };
        if new {
            kept.push(value.clone());
        }
    }
    budget.list(kept)
}

fn concat(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let mut len = 0usize;
    for index in 0..args.len() {
        len = len.saturating_add(args.list(index)?.len());
    }
    budget.list_len(len)?;
    Ok(args.values.iter().filter_map(Value::as_list).flatten().cloned().collect::<Vec<_>>().into())
}

fn flatten(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    fn gather(list: &[Value], out: &mut Vec<Value>) {
        for value in list {
            match value {
                Value::List(inner) => gather(inner, out),
                value => out.push(value.clone()),
            }
        }
    }
    args.admit(budget)?;
    let mut out = Vec::new();
    gather(args.list(0)?, &mut out);
    budget.list(out)
}

fn sort(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let descending = args.given(1) && descending(args.value(1))?;
    // As in the reference: nothing comes of sorting what is no list.
    let Value::List(list) = args.value(0) else { return Ok(Value::Nil) };
    budget.list_len(list.len())?;
    let pairs = list.iter().map(|value| (value.clone(), value.clone())).collect();
    sort_by(pairs, descending, budget)
}

/// Whether an order is the descending one.
pub(crate) fn descending(order: &Value) -> Result<bool, Fault> {
    match order.as_str() {
        Some("asc") => Ok(false),
        Some("desc") => Ok(true),
        _ => Err(Fault::value("the order of a sort is `\"asc\"` or `\"desc\"`")),
    }
}

/// The second of each pair, in the order of the first. Equal ones stay in the order they had.
pub(crate) fn sort_by(mut pairs: Vec<(Value, Value)>, descending: bool, budget: &mut Budget<'_>) -> Outcome {
    // A sort makes about n log n comparisons, and comparing texts reads them.
    for _ in 0..=pairs.len().max(1).ilog2() {
        budget.work(pairs.len())?;
        pairs.iter().try_for_each(|(key, _)| budget.read(std::slice::from_ref(key)))?;
    }
    let mut fault = None;
    pairs.sort_by(|(a, _), (b, _)| {
        let order = match ops::order(Binary::Less, a, b) {
            Ok(order) => order.unwrap_or(Ordering::Equal),
            Err(error) => {
                fault.get_or_insert(error);
                Ordering::Equal
            }
        };
        if descending { order.reverse() } else { order }
    });
    match fault {
        Some(fault) => Err(fault),
        None => Ok(pairs.into_iter().map(|(_, value)| value).collect::<Vec<_>>().into()),
    }
}

fn range(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let (from, to) = if args.len() == 1 { (0, args.int(0)?) } else { (args.int(0)?, args.int(1)?) };
    let step = if args.given(2) { args.int(2)? } else { 1 };
    if step == 0 {
        return Err(Fault::value("the step of `range` is zero"));
    }
    let distance = (i128::from(to) - i128::from(from)) * i128::from(step.signum());
    let step_len = i128::from(step).abs();
    let items = (distance.max(0) + step_len - 1) / step_len;
    budget.list_len(usize::try_from(items).unwrap_or(usize::MAX))?;
    let items = i64::try_from(items).unwrap_or(0);
    Ok((0..items).map(|i| Value::Int(from.wrapping_add(i.wrapping_mul(step)))).collect())
}
