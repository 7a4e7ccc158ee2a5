//! Literals, names and keys as text.

use std::fmt::Write as _;

use crate::lexer::{is_keyword, is_word};
use crate::value::Value;

/// A literal. Only what can be written as one comes here: no list, no negative number.
pub(super) fn literal(value: &Value, out: &mut String) {
    match value {
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Value::Int(int) => drop(write!(out, "{int}")),
        // With its point or exponent, without which it would be an int.
        Value::Float(float) => drop(write!(out, "{float:?}")),
        Value::String(text) => quoted(text, out),
        _ => out.push_str("nil"),
    }
}

/// A text between quotes: the double ones, unless that would need escapes that the single ones spare.
pub(super) fn quoted(text: &str, out: &mut String) {
    let quote = if text.contains('"') && !text.contains('\'') { '\'' } else { '"' };
    out.push(quote);
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            char if char == quote => {
                out.push('\\');
                out.push(char);
            }
            // None of the control characters is beyond four digits.
            control if control.is_control() => drop(write!(out, "\\u{:04x}", u32::from(control))),
            char => out.push(char),
        }
    }
    out.push(quote);
}

/// The key of a map.
pub(super) fn key(text: &str, out: &mut String) {
    if is_name(text) && !is_keyword(text) { out.push_str(text) } else { quoted(text, out) }
}

/// Whether `text` may stand after a dot.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_word) && !text.starts_with(|char: char| char.is_ascii_digit())
}
