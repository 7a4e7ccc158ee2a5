//! Actions that compute their output from their inputs and nothing else. One implements [`Pure`] and is an
//! [`Effect`] by that: the rest, from unknown inputs to the size of the output, is the same for all.

use std::{fmt, io};

use futures_util::future::BoxFuture;
use serde_json::Value as Json;
use types::limits::STEP_OUTPUT_BYTES_MAX;

use crate::inputs::{Inputs, invalid};
use crate::{ActionContext, ActionError, ActionSpec, Effect, ErrorCode};

/// Bytes of all inputs together, about as JSON has them.
pub(crate) const INPUT_BYTES_MAX: usize = STEP_OUTPUT_BYTES_MAX;
/// Elements of a list that an action makes.
pub(crate) const LIST_ITEMS_MAX: usize = 1_000_000;
/// Bytes of inputs from which on the work is done on a thread that may block.
const INLINE_BYTES_MAX: usize = 32 * 1024;

/// An action whose output follows from its inputs. The type has no fields: there is one value of it.
pub(crate) trait Pure: Send + Sync + 'static {
    /// What the catalog says about it.
    fn describe() -> ActionSpec;

    /// The output. Takes a time that is bounded by the size of the inputs.
    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError>;
}

impl<P: Pure> Effect for P {
    fn spec(&self) -> ActionSpec {
        P::describe()
    }

    fn run<'a>(&'a self, cx: ActionContext<'a>) -> BoxFuture<'a, Result<Json, ActionError>> {
        Box::pin(run::<P>(cx))
    }
}

async fn run<P: Pure>(cx: ActionContext<'_>) -> Result<Json, ActionError> {
    let spec = P::describe();
    let now = cx.clock.now();
    let inputs = Inputs::new(&spec, cx.inputs, now);
    name_unknown(&cx, &spec, &inputs);
    if input_bytes(&cx)? <= INLINE_BYTES_MAX {
        return bounded(P::compute(&inputs)?);
    }
    let map = cx.inputs.clone();
    let work = move || bounded(P::compute(&Inputs::new(&spec, &map, now))?);
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(broken(&error.to_string())))
}

/// Tells the run's log which inputs are not looked at.
pub(crate) fn name_unknown(cx: &ActionContext<'_>, spec: &ActionSpec, inputs: &Inputs<'_>) {
    for name in inputs.unknown() {
        cx.sink.log(&format!("input `{name}` is unknown to `{}` and was ignored", spec.full_name));
    }
}

/// About how many bytes the inputs have; an error if they are too many.
pub(crate) fn input_bytes(cx: &ActionContext<'_>) -> Result<usize, ActionError> {
    let bytes = cx.inputs.values().map(weight).sum();
    if bytes > INPUT_BYTES_MAX {
        return Err(invalid(&format!("the inputs have more than {INPUT_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// About the bytes of the value as JSON: cheaper than writing it.
pub(crate) fn weight(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => 4,
        Json::String(text) => text.len() + 3,
        Json::Array(items) => 2 + items.iter().map(weight).sum::<usize>(),
        Json::Object(map) => 2 + map.iter().map(|(key, value)| key.len() + 4 + weight(value)).sum::<usize>(),
    }
}

/// The output, if it is one that a step may have.
pub(crate) fn bounded(output: Json) -> Result<Json, ActionError> {
    let mut room = Room::default();
    serde_json::to_writer(&mut room, &output).map_err(|_| too_large())?;
    Ok(output)
}

/// How much of a step's output is left. What an action makes is counted while it is made, since a small input
/// can stand for a large output.
pub(crate) struct Room {
    bytes: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { bytes: STEP_OUTPUT_BYTES_MAX }
    }
}

impl Room {
    /// Takes `bytes` of it.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), ActionError> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(too_large)?;
        Ok(())
    }
}

impl io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes.len()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A text that is written piece by piece and may not become larger than a step's output.
#[derive(Default)]
pub(crate) struct Draft {
    bytes: Vec<u8>,
    room: Room,
}

impl Draft {
    /// Puts `text` at the end.
    pub(crate) fn push(&mut self, text: &str) -> Result<(), ActionError> {
        self.room.take(text.len())?;
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// The whole text.
    pub(crate) fn finish(self) -> Json {
        String::from_utf8(self.bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into())
            .into()
    }
}

impl io::Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.room.take(bytes.len()).map_err(io::Error::other)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Write for Draft {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text).map_err(|_| fmt::Error)
    }
}

pub(crate) fn too_large() -> ActionError {
    invalid(&format!("the output has more than the {STEP_OUTPUT_BYTES_MAX} bytes that a step may keep"))
}

/// The list would have too many elements.
pub(crate) fn too_many_items() -> ActionError {
    invalid(&format!("the output has more than {LIST_ITEMS_MAX} elements"))
}

/// The action has panicked.
pub(crate) fn broken(why: &str) -> ActionError {
    ActionError::new(ErrorCode::Internal, format!("the action stopped in the middle: {why}"))
}
