//! What a program has printed, as a step's output.

use serde_json::Value as Json;

/// The value that the text is as JSON, else the text without the ends of its last lines. A bare number is one only if it
/// is written as JSON writes it, so that `007`, `1.50` and what does not fit stay what they are.
pub(super) fn value(stdout: &str) -> Json {
    let text = stdout.trim_end_matches(['\n', '\r']);
    match serde_json::from_str::<Json>(text) {
        Ok(Json::Number(number)) if number.to_string() != text.trim() => Json::from(text),
        Ok(value) => value,
        Err(_) => Json::from(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_json_becomes_a_value_and_the_rest_stays_text() {
        let check = |stdout: &str, expected: Json| assert_eq!(value(stdout), expected, "{stdout:?}");
        check("", json!(""));
        check("hello\nworld\n", json!("hello\nworld"));
        check("  two spaces\r\n\n", json!("  two spaces"));
        check("{\"a\": [1, null]}\n", json!({"a": [1, null]}));
        check("{'a': 1}\n", json!("{'a': 1}"));
        check("42\n", json!(42));
        check("1.5\n", json!(1.5));
        check("true\n", json!(true));
        check("\"quoted\"\n", json!("quoted"));
        for text in ["007", "1.50", "1e5", "+1", "NaN", "123456789012345678901234567890", "1\n2"] {
            check(text, json!(text));
        }
    }
}
