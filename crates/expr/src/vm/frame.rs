//! A loop under way: what it runs over, how far it is, and what it has gathered.

use std::sync::Arc;

use crate::ast::{Binary, Loop};
use crate::budget::{Budget, Fault};
use crate::functions::lists::{descending, sort_by};
use crate::ops::{self, kind};
use crate::value::Value;

/// A loop under way.
pub(super) struct Frame {
    kind: Loop,
    source: Value,
    len: usize,
    /// The element it stands at; meaningless before the first `advance`.
    pub(super) index: usize,
    /// How many elements were visited.
    visited: usize,
    /// What `reduce` and `sum` have so far, or what the loop has found.
    pub(super) accumulator: Value,
    count: usize,
    gathered: Vec<Value>,
    /// The elements of `sortBy` with their keys.
    keyed: Vec<(Value, Value)>,
    /// The groups of `groupBy`, each with its key as it was before it became text.
    groups: indexmap::IndexMap<Arc<str>, (Value, Vec<Value>)>,
    descending: bool,
}

/// Whether a loop needs more elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    GoOn,
    Decided,
}

impl Frame {
    pub(super) fn new(
        kind: Loop,
        source: Value,
        extra: Option<Value>,
        budget: &mut Budget<'_>,
    ) -> Result<Self, Fault> {
        let source = match source {
            // As in the reference the elements of a text are its bytes.
            Value::String(text) => {
                budget.list_len(text.len())?;
                text.bytes().map(|byte| Value::Int(byte.into())).collect()
            }
            source => source,
        };
        let len = match &source {
            Value::List(list) => list.len(),
            // As in the reference a map has a length but no elements: a body that asks for none passes.
            Value::Map(map) => map.len(),
            other => {
                let message = format!("`{}` goes over a list, not {}", kind.name(), ops::kind(other));
                let fault = Fault::types(message);
                return Err(match other {
                    Value::Nil => fault.with_hint("if it may be missing, write `(list ?? [])`"),
                    _ => fault,
                });
            }
        };
        let mut frame = Self {
            kind,
            source,
            len,
            index: 0,
            visited: 0,
            accumulator: Value::Nil,
            count: 0,
            gathered: Vec::new(),
            keyed: Vec::new(),
            groups: indexmap::IndexMap::new(),
            descending: false,
        };
        match (kind, extra) {
            (Loop::Sum, _) => frame.accumulator = Value::Int(0),
            (Loop::SortBy, Some(order)) => frame.descending = descending(&order)?,
            (Loop::Reduce, Some(first)) => frame.accumulator = first,
            (Loop::Reduce, None) => {
                if len == 0 {
                    let message = "`reduce` over an empty list needs a first value";
                    return Err(Fault::value(message)
                        .with_hint("it is the third argument: `reduce(list, #acc + #, 0)`"));
                }
                frame.accumulator = frame.item()?.clone();
                frame.visited = 1;
            }
            (Loop::All | Loop::None, _) => frame.accumulator = Value::Bool(true),
            (Loop::Any, _) => frame.accumulator = Value::Bool(false),
            _ => {}
        }
        Ok(frame)
    }

    /// Steps to the next element; false if there is none.
    pub(super) fn advance(&mut self) -> bool {
        if self.visited >= self.len {
            return false;
        }
        self.index = match self.kind {
            Loop::FindLast | Loop::FindLastIndex => self.len - 1 - self.visited,
            _ => self.visited,
        };
        self.visited += 1;
        true
    }

    /// The element it stands at.
    pub(super) fn item(&self) -> Result<&Value, Fault> {
        match &self.source {
            Value::List(list) => {
                list.get(self.index).ok_or_else(|| Fault::value("the list has no such element"))
            }
            other => Err(Fault::types(format!("{} has no elements to go over", kind(other)))
                .with_hint("`toPairs(map)` makes a list of keys and values")),
        }
    }

    /// Takes in what the body made of the element.
    pub(super) fn step(&mut self, value: Value, budget: &mut Budget<'_>) -> Result<Verdict, Fault> {
        match self.kind {
            Loop::Map => {
                self.gathered.push(value);
                budget.grow(self.gathered.len())?;
            }
            Loop::SortBy => {
                let item = self.item()?.clone();
                budget.grow(self.keyed.len())?;
                self.keyed.push((value, item));
            }
            Loop::Sum => {
                self.accumulator = ops::binary(Binary::Add, &value, &self.accumulator, budget)?;
            }
            Loop::Reduce => {
                // Only here can a value grow by the turn, without end and in depth.
                budget.admit(&value)?;
                self.accumulator = value;
            }
            Loop::GroupBy | Loop::GroupKeys | Loop::GroupPairs => {
                budget.read(std::slice::from_ref(&value))?;
                let group = group(&value)?;
                let item = self.item()?.clone();
                budget.grow(self.visited)?;
                self.groups.entry(group).or_insert_with(|| (value, Vec::new())).1.push(item);
            }
            kind => {
                let Value::Bool(holds) = value else {
                    let message =
                        format!("the body of `{}` is a truth value, not {}", kind.name(), ops::kind(&value));
                    return Err(Fault::types(message));
                };
                return self.decide(holds, budget);
            }
        }
        Ok(Verdict::GoOn)
    }

    fn decide(&mut self, holds: bool, budget: &mut Budget<'_>) -> Result<Verdict, Fault> {
        let found = match (self.kind, holds) {
            (Loop::All, false) | (Loop::None, true) => Value::Bool(false),
            (Loop::Any, true) => Value::Bool(true),
            (Loop::Find | Loop::FindLast, true) => self.item()?.clone(),
            (Loop::FindIndex | Loop::FindLastIndex, true) => Value::Int(self.index as i64),
            (Loop::Filter, true) => {
                let item = self.item()?.clone();
                self.gathered.push(item);
                budget.grow(self.gathered.len())?;
                return Ok(Verdict::GoOn);
            }
            (_, holds) => {
                self.count += usize::from(holds);
                return Ok(Verdict::GoOn);
            }
        };
        self.accumulator = found;
        Ok(Verdict::Decided)
    }

    /// The loop's result.
    pub(super) fn finish(self, budget: &mut Budget<'_>) -> Result<Value, Fault> {
        Ok(match self.kind {
            Loop::Filter | Loop::Map => self.gathered.into(),
            Loop::Count => Value::Int(self.count as i64),
            Loop::One => Value::Bool(self.count == 1),
            Loop::SortBy => sort_by(self.keyed, self.descending, budget)?,
            Loop::GroupBy => self.groups.into_iter().map(|(key, (_, items))| (key, items)).collect(),
            Loop::GroupKeys => self.groups.into_values().map(|(key, _)| key).collect(),
            Loop::GroupPairs => {
                self.groups.into_values().map(|(key, items)| Value::from(vec![key, items.into()])).collect()
            }
            _ => self.accumulator,
        })
    }
}

/// The key under which `groupBy` puts an element.
fn group(value: &Value) -> Result<Arc<str>, Fault> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::List(_) | Value::Map(_) => {
            Err(Fault::types(format!("`groupBy` groups by a text or a number, not {}", kind(value))))
        }
        other => Ok(other.display().into()),
    }
}
