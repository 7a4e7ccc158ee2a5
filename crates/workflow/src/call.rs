//! What the settings of a call mean once they are values. The reader checks literals with it, the engine what
//! expressions gave.

use std::time::Duration;

use expr::Value;
use types::limits::SUBFLOW_TIMEOUT_MS_MAX;

use crate::bind::checkbox;

/// How long a call is waited for; none if nothing or 0 is given.
///
/// # Errors
/// If it is no number of minutes from 0 to 14 days, for people.
pub fn subflow_timeout(minutes: &Value) -> Result<Option<Duration>, String> {
    let number = match minutes {
        Value::Nil => return Ok(None),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => text.trim().parse().ok(),
        Value::Duration(_) => None,
        other => other.as_f64(),
    };
    #[allow(clippy::cast_precision_loss)] // 14 days in milliseconds are exact
    let most = SUBFLOW_TIMEOUT_MS_MAX as f64;
    let millis = number.map(|number: f64| number * 60_000.0).filter(|millis| (0.0..=most).contains(millis));
    let millis = millis.ok_or_else(|| {
        let most = SUBFLOW_TIMEOUT_MS_MAX / 60_000;
        format!("`{}` is no number of minutes from 0 to {most}", minutes.render())
    })?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and the maximum
    let millis = millis.round() as u64;
    Ok((millis > 0).then(|| Duration::from_millis(millis)))
}

/// What an expression in the place of a checkbox means; nothing is false.
///
/// # Errors
/// If it is neither true nor false, for people.
pub fn subflow_flag(value: &Value) -> Result<bool, String> {
    match value {
        Value::Nil => Ok(false),
        value => checkbox(value).ok_or_else(|| format!("`{}` is neither true nor false", value.render())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_read_from_numbers_and_texts_up_to_14_days() {
        let check = |value: Value, expected: Result<Option<u64>, ()>| {
            let read = subflow_timeout(&value).map(|time| time.map(|time| time.as_secs())).map_err(|_| ());
            assert_eq!(read, expected, "{value:?}");
        };
        check(Value::Nil, Ok(None));
        check(Value::from(" "), Ok(None));
        check(Value::Int(0), Ok(None));
        check(Value::Int(5), Ok(Some(300)));
        check(Value::from("0.5"), Ok(Some(30)));
        check(Value::Int(20_160), Ok(Some(14 * 24 * 3600)));
        for wrong in [Value::Int(20_161), Value::Int(-1), Value::from("soon"), Value::Bool(true)] {
            check(wrong, Err(()));
        }
    }

    #[test]
    fn flags_are_read_as_checkboxes_are() {
        assert_eq!(subflow_flag(&Value::Nil), Ok(false));
        assert_eq!(subflow_flag(&Value::from("true")), Ok(true));
        assert_eq!(subflow_flag(&Value::from("maybe")), Err("`maybe` is neither true nor false".to_owned()));
    }
}
