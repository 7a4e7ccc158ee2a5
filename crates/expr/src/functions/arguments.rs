//! The arguments of a call, and their reading as the types that a function wants.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::budget::{Budget, Fault};
use crate::ops::{kind, whole};
use crate::time::{self, Duration, Time, TimeError};
use crate::value::{Map, Value};

/// The arguments of a call. How many there are was checked when the expression was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments<'a> {
    pub(crate) function: &'a str,
    pub(crate) values: &'a [Value],
}

static NIL: Value = Value::Nil;

impl<'a> Arguments<'a> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The argument at `index`, nil if it was left out.
    pub(crate) fn value(&self, index: usize) -> &'a Value {
        self.values.get(index).unwrap_or(&NIL)
    }

    /// The argument at `index` if it was given.
    pub(crate) fn given(&self, index: usize) -> bool {
        index < self.values.len()
    }

    pub(crate) fn text(&self, index: usize) -> Result<&'a Arc<str>, Fault> {
        match self.value(index) {
            Value::String(text) => Ok(text),
            _ => Err(self.wrong(index, "a text")),
        }
    }

    /// The text at `index`, `default` if it was left out.
    pub(crate) fn text_or(&self, index: usize, default: &'a str) -> Result<&'a str, Fault> {
        if self.given(index) { self.text(index).map(AsRef::as_ref) } else { Ok(default) }
    }

    pub(crate) fn int(&self, index: usize) -> Result<i64, Fault> {
        match self.value(index) {
            Value::Int(int) => Ok(*int),
            _ => Err(self.wrong(index, "an int")),
        }
    }

    /// The whole part of the number at `index`.
    pub(crate) fn whole(&self, index: usize) -> Result<i64, Fault> {
        whole(self.value(index)).ok_or_else(|| self.wrong(index, "a number"))
    }

    pub(crate) fn list(&self, index: usize) -> Result<&'a Arc<Vec<Value>>, Fault> {
        match self.value(index) {
            Value::List(list) => Ok(list),
            _ => Err(self.wrong(index, "a list")),
        }
    }

    pub(crate) fn map(&self, index: usize) -> Result<&'a Arc<Map>, Fault> {
        match self.value(index) {
            Value::Map(map) => Ok(map),
            _ => Err(self.wrong(index, "a map")),
        }
    }

    /// The instant at `index`; RFC 3339 text is read as one.
    pub(crate) fn time(&self, index: usize) -> Result<Time, Fault> {
        match self.value(index) {
            Value::Time(time) => Ok(time.clone()),
            Value::String(text) => super::time::read(text, None).map_err(|error| self.invalid(error)),
            _ => Err(self.wrong(index, "a time")),
        }
    }

    /// The duration at `index`; text such as `24h` is read as one.
    pub(crate) fn duration(&self, index: usize) -> Result<Duration, Fault> {
        match self.value(index) {
            Value::Duration(duration) => Ok(*duration),
            Value::String(text) => Duration::parse(text).map_err(|error| self.invalid(error)),
            _ => Err(self.wrong(index, "a duration")),
        }
    }

    /// The zone of the name at `index`.
    pub(crate) fn zone(&self, index: usize) -> Result<TimeZone, Fault> {
        time::zone(self.text(index)?).map_err(|error| self.invalid(error))
    }

    /// Exactly that many arguments, for methods, whose number is known only when they run.
    pub(crate) fn exactly(&self, count: usize) -> Result<(), Fault> {
        if self.len() == count {
            return Ok(());
        }
        let message = format!("`{}` takes {count} arguments, not {}", self.function, self.len());
        Err(Fault::new(crate::ErrorKind::ArgumentCount, message))
    }

    /// The fault that the argument at `index` is not `wanted`.
    pub(crate) fn wrong(&self, index: usize, wanted: &str) -> Fault {
        let found = kind(self.value(index));
        Fault::types(format!("argument {} of `{}` must be {wanted}, not {found}", index + 1, self.function))
    }

    pub(crate) fn invalid(&self, error: TimeError) -> Fault {
        Fault::value(error.0)
    }

    /// Makes sure that all arguments may be walked through.
    pub(crate) fn admit(&self, budget: &mut Budget<'_>) -> Result<(), Fault> {
        self.values.iter().try_for_each(|value| budget.admit(value))
    }
}
