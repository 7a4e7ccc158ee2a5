//! What is wrong with records that somebody wrote: every problem with its field and, of many records, its place.

use serde_json::{Map, Value, json};

use crate::error::{ApiError, ApiResult, code};
use crate::http::excerpt;

/// Problems that an answer tells; whoever has more has the same ones over and over.
const PROBLEMS_MAX: usize = 100;

/// Problems so far.
pub(super) struct Problems {
    /// Whether the caller wrote a list of records.
    is_many: bool,
    found: Vec<Problem>,
}

struct Problem {
    /// The record's place in the list, from 0.
    index: usize,
    field: String,
    /// Completes "field `x` ...".
    why: String,
    is_about_uniqueness: bool,
}

impl Problems {
    /// Of a body that is one record.
    pub(super) fn of_one() -> Self {
        Self { is_many: false, found: Vec::new() }
    }

    /// Of a body that holds a list.
    pub(super) fn of_many() -> Self {
        Self { is_many: true, found: Vec::new() }
    }

    /// Notes one; `why` completes "field `x` ...".
    pub(super) fn add(&mut self, index: usize, field: &str, why: impl Into<String>) {
        self.note(Problem { index, field: excerpt(field), why: why.into(), is_about_uniqueness: false });
    }

    /// Notes that a value is another record's too.
    pub(super) fn add_not_unique(&mut self, index: usize, field: &str, value: &Value, whose: &str) {
        let why = format!("is unique, and {whose} has the value `{}` too", excerpt(&plain(value)));
        self.note(Problem { index, field: excerpt(field), why, is_about_uniqueness: true });
    }

    fn note(&mut self, problem: Problem) {
        if self.found.len() < PROBLEMS_MAX {
            self.found.push(problem);
        }
    }

    /// The error that tells them all, if there are any.
    pub(super) fn settle(&self) -> ApiResult<()> {
        let Some(first) = self.found.first() else { return Ok(()) };
        let only_unique = self.found.iter().all(|problem| problem.is_about_uniqueness);
        let code = if only_unique { &code::RECORD_NOT_UNIQUE } else { &code::RECORD_INVALID };
        let message = format!("field `{}` {}", first.field, first.why);
        if !self.is_many {
            let fields: Map<String, Value> =
                self.found.iter().map(|problem| (problem.field.clone(), json!(problem.why))).collect();
            return Err(ApiError::new(code, message).with_user_error("fields", fields));
        }
        let mut records: Map<String, Value> = Map::new();
        for problem in &self.found {
            let fields = records.entry(problem.index.to_string()).or_insert_with(|| json!({}));
            fields[&problem.field] = json!(problem.why);
        }
        let message = format!("record {}: {message}", first.index);
        Err(ApiError::new(code, message).with_user_error("records", records))
    }
}

/// A value as a person would write it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
