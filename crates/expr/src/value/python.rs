//! Values as Python writes them with `repr`: what stands in the code of a Python step in an expression's place.
//!
//! A text is always a literal here, whatever is in it, so it can never become code.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

use super::Value;

impl Value {
    /// The value as a literal of Python on one line: `{'a': [1, 2.0, True, None]}`. Numbers that are none are
    /// `float('nan')` and the like; instants and durations are their text.
    pub(crate) fn python(&self) -> String {
        let mut out = String::new();
        write(self, &mut out);
        out
    }

    /// The value as it stands inside of a Python text: as in any other text, but with every character escaped
    /// that could end it.
    pub(crate) fn inside_python_text(&self) -> String {
        let mut out = String::new();
        write_escaped(&self.render(), |char| matches!(char, '\'' | '"'), &mut out);
        out
    }
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Nil => out.push_str("None"),
        Value::Bool(bool) => out.push_str(if *bool { "True" } else { "False" }),
        Value::Int(int) => drop(write!(out, "{int}")),
        Value::Float(float) => write_float(*float, out),
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
                write_text(key, out);
                out.push_str(": ");
                write(value, out);
            }
            out.push('}');
        }
        Value::Time(time) => write_text(&time.to_string(), out),
        Value::Duration(duration) => write_text(&duration.to_string(), out),
    }
}

/// The fewest digits that lead back to `float`, with an exponent below 1e-4 and from 1e16 on.
fn write_float(float: f64, out: &mut String) {
    if float.is_nan() {
        out.push_str("float('nan')");
    } else if float.is_infinite() {
        out.push_str(if float > 0.0 { "float('inf')" } else { "float('-inf')" });
    } else if float == 0.0 || (1e-4..1e16).contains(&float.abs()) {
        let _ = write!(out, "{float:?}");
    } else {
        super::text::write_exponent(float, out);
    }
}

/// A text between quotes: the single ones, unless only those are in it.
fn write_text(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    write_escaped(text, |char| char == quote, out);
    out.push(quote);
}

fn write_escaped(text: &str, is_quote: impl Fn(char) -> bool, out: &mut String) {
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => {
                out.push_str(if is_quote(char) { "\\" } else { "" });
                out.push(char);
            }
            char if is_printable(char) => out.push(char),
            char => drop(match u32::from(char) {
                code @ ..=0xff => write!(out, "\\x{code:02x}"),
                code @ ..=0xffff => write!(out, "\\u{code:04x}"),
                code => write!(out, "\\U{code:08x}"),
            }),
        }
    }
}

/// Whether Python shows `char` as it is: everything but control characters and the like, and spaces beside ` `.
fn is_printable(char: char) -> bool {
    // A constant that a test compiles. Were it none, everything would be escaped, which means the same.
    static UNPRINTABLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\p{C}\p{Z}]").ok());
    let mut bytes = [0; 4];
    UNPRINTABLE.as_ref().is_some_and(|regex| !regex.is_match(char.encode_utf8(&mut bytes)))
}
