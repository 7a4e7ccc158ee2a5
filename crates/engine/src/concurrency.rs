//! The key of a run, of which its workflow allows so many at a time.

use std::sync::Arc;

use expr::{Context, Map, Value};
use types::limits::CONCURRENCY_KEY_BYTES_MAX;
use types::{SeededRng, Timestamp};
use workflow::plan::Concurrency;

use crate::evaluate::evaluate;
use crate::execution::Start;

/// The key that a run which begins so has. Nil and the empty text are one key.
///
/// # Errors
/// What is wrong, for people: the expression fails, or the key is longer than [`CONCURRENCY_KEY_BYTES_MAX`].
pub fn concurrency_key(concurrency: &Concurrency, start: &Start, now: Timestamp) -> Result<String, String> {
    let inputs = Value::Map(Arc::new(start.inputs.clone()));
    let scope: Map = [("inputs".into(), inputs), ("event".into(), start.event.clone())].into_iter().collect();
    let mut rng = SeededRng::from_u64(0);
    let value = evaluate(&concurrency.key, &mut Context::new(&scope, now, &mut rng));
    let key = match value.map_err(|error| error.message)? {
        Value::Nil => String::new(),
        value => value.render(),
    };
    if key.len() > CONCURRENCY_KEY_BYTES_MAX {
        let bytes = key.len();
        return Err(format!("the key has {bytes} bytes; at most {CONCURRENCY_KEY_BYTES_MAX} are possible"));
    }
    Ok(key)
}
