//! What an evaluation may use up, and the one way for it to make text, lists and maps.
//!
//! Everything that grows goes through here, so that no function can forget a limit. A [`Fault`] is an error
//! that does not know its place in the source yet; the machine adds it.

use std::ops::Range;

use types::{Rng, Timestamp};

use crate::error::{Error, ErrorKind};
use crate::value::{Map, Value};
use crate::{Context, Limits};

/// Bytes that an element of a list, or a value in a map, is counted as.
const VALUE_BYTES: usize = size_of::<Value>();

/// Bytes of text that may be read or written for a unit of work.
pub(crate) const TEXT_BYTES_PER_UNIT: usize = 64;

/// An error without a place. Boxed, since results of this sort are passed around at every instruction.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault(Box<(ErrorKind, String, Option<String>)>);

impl Fault {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new((kind, message.into(), None)))
    }

    /// Values of a type that the operation does not know.
    pub(crate) fn types(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Type, message)
    }

    /// Values of the right type that do not fit.
    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Value, message)
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit, message)
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.2 = Some(hint.into());
        self
    }

    /// The error, about the bytes `span` of the source.
    pub(crate) fn at(self, span: Range<usize>) -> Error {
        let (kind, message, hint) = *self.0;
        Error { kind, message, span, hint }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self(Box::new((error.kind, error.message, error.hint)))
    }
}

/// What functions get beside their arguments.
pub(crate) struct Budget<'c> {
    pub(crate) now: Timestamp,
    pub(crate) rng: &'c mut dyn Rng,
    pub(crate) limits: &'c Limits,
    fuel: u64,
    memory: usize,
}

impl<'c> Budget<'c> {
    pub(crate) fn new<'a: 'c>(context: &'c mut Context<'a>) -> Self {
        let limits = context.limits;
        let (fuel, memory) = (limits.fuel, limits.memory_bytes);
        Self { now: context.now, rng: &mut *context.rng, limits, fuel, memory }
    }

    /// The units of work used up so far.
    pub(crate) fn used(&self) -> u64 {
        self.limits.fuel - self.fuel
    }

    /// Uses up work.
    pub(crate) fn work(&mut self, units: usize) -> Result<(), Fault> {
        match self.fuel.checked_sub(units as u64) {
            Some(fuel) => {
                self.fuel = fuel;
                Ok(())
            }
            None => Err(Fault::limit(format!("the expression takes more than {} steps", self.limits.fuel))),
        }
    }

    /// Uses up the work of reading through the text of `values`, of those that are text.
    pub(crate) fn read(&mut self, values: &[Value]) -> Result<(), Fault> {
        for value in values {
            if let Value::String(text) = value {
                self.work(text.len() / TEXT_BYTES_PER_UNIT)?;
            }
        }
        Ok(())
    }

    fn memory(&mut self, bytes: usize) -> Result<(), Fault> {
        match self.memory.checked_sub(bytes) {
            Some(memory) => {
                self.memory = memory;
                Ok(())
            }
            None => {
                let bytes = self.limits.memory_bytes;
                Err(Fault::limit(format!("the expression makes more than {bytes} bytes of text and lists")))
            }
        }
    }

    /// Asks whether a text of that many bytes may be made, and counts it.
    pub(crate) fn text_len(&mut self, bytes: usize) -> Result<(), Fault> {
        if bytes > self.limits.string_bytes {
            let max = self.limits.string_bytes;
            return Err(Fault::limit(format!("a text of {bytes} bytes is longer than the {max} allowed")));
        }
        self.work(bytes / TEXT_BYTES_PER_UNIT)?;
        self.memory(bytes)
    }

    /// Asks whether a list or map of that many elements may be made, and counts it.
    pub(crate) fn list_len(&mut self, items: usize) -> Result<(), Fault> {
        if items > self.limits.list_items {
            let max = self.limits.list_items;
            return Err(Fault::limit(format!("a list of {items} elements is longer than the {max} allowed")));
        }
        self.work(items)?;
        self.memory(items.saturating_mul(VALUE_BYTES))
    }

    /// Counts one more element of a list in the making, which has `len` now.
    pub(crate) fn grow(&mut self, len: usize) -> Result<(), Fault> {
        if len > self.limits.list_items {
            let max = self.limits.list_items;
            return Err(Fault::limit(format!("a list is longer than the {max} elements allowed")));
        }
        self.memory(VALUE_BYTES)
    }

    /// A text as a value.
    pub(crate) fn text(&mut self, text: impl Into<String>) -> Result<Value, Fault> {
        let text = text.into();
        self.text_len(text.len())?;
        Ok(text.into())
    }

    /// A list as a value.
    pub(crate) fn list(&mut self, list: Vec<Value>) -> Result<Value, Fault> {
        self.list_len(list.len())?;
        Ok(list.into())
    }

    /// A map as a value.
    pub(crate) fn map(&mut self, map: Map) -> Result<Value, Fault> {
        self.list_len(map.len().saturating_mul(2))?;
        Ok(map.into())
    }

    /// Makes sure that `value` may be walked through by recursion, element by element: lists can hold the
    /// same list many times over, and so be small to make but endless to print.
    pub(crate) fn admit(&mut self, value: &Value) -> Result<(), Fault> {
        if !matches!(value, Value::List(_) | Value::Map(_)) {
            return Ok(());
        }
        let (mut nodes, mut bytes) = (0, 0);
        measure(value, 0, self.limits, &mut nodes, &mut bytes)?;
        self.work(nodes)
    }
}

fn measure(
    value: &Value,
    depth: usize,
    limits: &Limits,
    nodes: &mut usize,
    bytes: &mut usize,
) -> Result<(), Fault> {
    *nodes += 1;
    if *nodes > limits.value_nodes {
        return Err(Fault::limit(format!("a value holds more than {} values", limits.value_nodes)));
    }
    if *bytes > limits.memory_bytes {
        return Err(Fault::limit(format!("a value holds more than {} bytes of text", limits.memory_bytes)));
    }
    if depth > limits.value_depth {
        return Err(Fault::limit(format!("a value is nested deeper than {} levels", limits.value_depth)));
    }
    match value {
        Value::List(list) => {
            list.iter().try_for_each(|value| measure(value, depth + 1, limits, nodes, bytes))
        }
        Value::Map(map) => map.iter().try_for_each(|(key, value)| {
            *bytes += key.len();
            measure(value, depth + 1, limits, nodes, bytes)
        }),
        Value::String(text) => {
            *bytes += text.len();
            Ok(())
        }
        _ => Ok(()),
    }
}
