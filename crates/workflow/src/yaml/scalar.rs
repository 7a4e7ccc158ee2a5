//! What a plain scalar means: null, true/false, a number, or text, decided as Go's yaml.v3 decides it.
//!
//! So `yes` and `on` are text, `0o17`, `017` and `0x1f` are numbers, `1_000` is one thousand. Unlike
//! there, a date stays the text it is.

use std::sync::Arc;

use expr::Value;

/// The value of a plain scalar.
pub(super) fn resolve(text: &Arc<str>) -> Value {
    match &**text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Nil,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Value::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => Value::Float(f64::NAN),
        _ => number(text).unwrap_or_else(|| Value::String(text.clone())),
    }
}

fn number(text: &str) -> Option<Value> {
    // Most scalars are words: do not copy those to remove underscores.
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let plain = text.replace('_', "");
    integer(&plain).or_else(|| float(&plain))
}

fn integer(plain: &str) -> Option<Value> {
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, plain),
    };
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', b'o' | b'O', ..] => (&digits[2..], 8),
        [b'0', b'b' | b'B', ..] => (&digits[2..], 2),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits, 10),
    };
    // `from_str_radix` takes a second sign.
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let magnitude = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let signed = if negative { -magnitude } else { magnitude };
    match i64::try_from(signed) {
        Ok(int) => Some(Value::Int(int)),
        Err(_) => plain.parse().ok().map(Value::Float),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, if it is finite.
fn float(plain: &str) -> Option<Value> {
    let digits = plain.trim_start_matches(['+', '-']);
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    let starts = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !starts || plain.len() - digits.len() > 1 || !plain.chars().all(allowed) {
        return None;
    }
    plain.parse().ok().filter(|float: &f64| float.is_finite()).map(Value::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Value) {
        assert_eq!(resolve(&text.into()), expected, "{text}");
    }

    #[test]
    fn plain_scalars_mean_what_go_yaml_makes_of_them() {
        check("~", Value::Nil);
        check("True", Value::Bool(true));
        check("5", Value::Int(5));
        check("-12", Value::Int(-12));
        check("+3", Value::Int(3));
        check("0x1f", Value::Int(31));
        check("0o17", Value::Int(15));
        check("017", Value::Int(15));
        check("-0b101", Value::Int(-5));
        check("1_000", Value::Int(1000));
        check("0", Value::Int(0));
        check("08", Value::Float(8.0));
        check("-9223372036854775808", Value::Int(i64::MIN));
        check("9223372036854775808", Value::Float(9_223_372_036_854_775_808.0));
        check("1.5", Value::Float(1.5));
        check(".5", Value::Float(0.5));
        check("1e3", Value::Float(1000.0));
        check(".inf", Value::Float(f64::INFINITY));
    }

    #[test]
    fn other_plain_scalars_stay_text() {
        for text in [
            "yes",
            "on",
            "off",
            "y",
            "TrUe",
            "1.2.3",
            "12e4567",
            "0xZZ",
            "--5",
            "+-5",
            "0x-1",
            "2024-01-01",
            "10:30",
            "1 2",
            "-",
            "+",
            ".",
            "e5",
            "nan",
            "inf",
            "infinity",
            "-.5.",
            "0x",
            "1e",
        ] {
            check(text, Value::String(text.into()));
        }
    }
}
