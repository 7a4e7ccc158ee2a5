//! Values as literals of JavaScript: what stands in the code of a JavaScript step in an expression's place.
//!
//! They look as JSON, but for what JSON cannot express and what JavaScript would read in another way.

use std::fmt::Write as _;

use super::Value;

impl Value {
    /// The value as a literal of JavaScript on one line: `{"a": [1, 2.5, true, null]}`. Numbers that are none are `NaN`
    /// and `Infinity`; instants and durations are their text.
    pub(crate) fn javascript(&self) -> String {
        let mut out = String::new();
        write(self, &mut out);
        out
    }

    /// The value as it stands inside of a text between `quote`, or inside of a template if that is a backquote: as in
    /// any other text, but with every character escaped that could end it.
    pub(crate) fn inside_javascript(&self, quote: char) -> String {
        let mut out = String::new();
        let special = |char| char == quote || quote == '`' && matches!(char, '$' | '{');
        write_escaped(&self.render(), special, &mut out);
        out
    }
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Value::Int(int) => drop(write!(out, "{int}")),
        Value::Float(float) if float.is_nan() => out.push_str("NaN"),
        Value::Float(float) if float.is_infinite() => {
            out.push_str(if *float > 0.0 { "Infinity" } else { "-Infinity" });
        }
        Value::Float(float) => super::text::write_json_float(*float, out),
        Value::String(text) => write_text(text, out),
        Value::List(list) => {
            out.push('[');
            for (i, value) in list.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                write(value, out);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (i, (key, value)) in map.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                // As a plain key it would set what the object inherits from.
                let computed = &**key == "__proto__";
                out.push_str(if computed { "[" } else { "" });
                write_text(key, out);
                out.push_str(if computed { "]: " } else { ": " });
                write(value, out);
            }
            out.push('}');
        }
        Value::Time(time) => write_text(&time.to_string(), out),
        Value::Duration(duration) => write_text(&duration.to_string(), out),
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    write_escaped(text, |char| char == '"', out);
    out.push('"');
}

fn write_escaped(text: &str, is_special: impl Fn(char) -> bool, out: &mut String) {
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            char if is_special(char) => out.extend(['\\', char]),
            '\u{2028}' | '\u{2029}' | '\u{feff}' => drop(write!(out, "\\u{:04x}", u32::from(char))),
            char if char.is_control() => drop(write!(out, "\\x{:02x}", u32::from(char))),
            char => out.push(char),
        }
    }
}
