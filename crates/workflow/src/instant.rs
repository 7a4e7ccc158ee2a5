//! A point in time as people and tools write it. The reader checks literals with it, the engine values.

use expr::{Context, Expression, Map, Value};
use types::{SeededRng, Timestamp};

/// The instant that a value is: a time, a text that the function `date` reads (without an offset it is UTC), or
/// a number of seconds since the epoch.
///
/// # Errors
/// If it is none, for people.
pub fn instant(value: &Value) -> Result<Timestamp, String> {
    let source = match value {
        Value::Time(time) => return Ok(time.to_timestamp()),
        Value::Int(_) | Value::Float(_) => "from_epoch(it)",
        _ => "date(it)",
    };
    let expression = Expression::parse(source).map_err(|error| error.to_string())?;
    let scope: Map = [("it".into(), value.clone())].into_iter().collect();
    let mut rng = SeededRng::from_u64(0);
    match expression.evaluate(&mut Context::new(&scope, Timestamp::from_millis(0), &mut rng)) {
        Ok(Value::Time(time)) => Ok(time.to_timestamp()),
        Ok(other) => Err(format!("{} is no point in time", other.type_name())),
        Err(error) => Err(error.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_from_times_texts_and_seconds() {
        let check = |value: Value, expected: Option<i64>| {
            let read = instant(&value).ok().map(Timestamp::as_millis);
            assert_eq!(read, expected, "{value:?}");
        };
        check(Value::from("1970-01-02"), Some(86_400_000));
        check(Value::from("1970-01-01T01:00:00+01:00"), Some(0));
        check(Value::from("1970-01-01T00:00:01Z"), Some(1_000));
        check(Value::Int(5), Some(5_000));
        check(Value::from("soon"), None);
        check(Value::Bool(true), None);
        check(Value::Nil, None);
    }
}
