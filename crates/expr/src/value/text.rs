//! Values as text: in a mixed template, as the language's `string()` and as its `toJSON`.
//!
//! `string()` looks as the reference's `fmt.Sprintf("%v")` does, `toJSON` as its `json.MarshalIndent`,
//! because workflows compare such texts. A mixed template writes structures as compact JSON.

use std::fmt::Write as _;

use super::Value;

impl Value {
    /// The value as it stands in the middle of a text: text as it is, `nil` as nothing, numbers and
    /// truth values plain, structures as compact JSON, instants as RFC 3339, durations as `1h2m3s`.
    pub fn render(&self) -> String {
        match self {
            Self::Nil => String::new(),
            Self::String(text) => text.to_string(),
            Self::List(_) | Self::Map(_) => {
                let mut out = String::new();
                write_json(self, Json { indent: false, escape_html: false, sort: false }, 0, &mut out);
                out
            }
            Self::Time(time) => time.to_string(),
            Self::Float(float) if float.is_finite() => {
                // Plain digits: an exponent from a million on would surprise in the middle of a sentence.
                let mut out = String::new();
                write_json_float(*float, &mut out);
                out
            }
            scalar => scalar.display(),
        }
    }

    /// The value as the language's `string()` gives it.
    pub(crate) fn display(&self) -> String {
        let mut out = String::new();
        write_display(self, &mut out);
        out
    }

    /// The value as the language's `toJSON` gives it: two spaces, sorted keys, `<`, `>` and `&` escaped.
    pub(crate) fn pretty_json(&self, escape_html: bool, sort: bool) -> String {
        let mut out = String::new();
        write_json(self, Json { indent: true, escape_html, sort }, 0, &mut out);
        out
    }
}

fn write_display(value: &Value, out: &mut String) {
    match value {
        Value::Nil => out.push_str("<nil>"),
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Value::Int(int) => drop(write!(out, "{int}")),
        Value::Float(float) => write_float(*float, out),
        Value::String(text) => out.push_str(text),
        Value::List(list) => {
            out.push('[');
            for (i, value) in list.iter().enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                write_display(value, out);
            }
            out.push(']');
        }
        Value::Map(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.push_str("map[");
            for (i, (key, value)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                out.push_str(key);
                out.push(':');
                write_display(value, out);
            }
            out.push(']');
        }
        Value::Time(time) => out.push_str(&time.display()),
        Value::Duration(duration) => drop(write!(out, "{duration}")),
    }
}

/// Writes `float` in the fewest digits that lead back to it, `1.0` as `1`, with an exponent below 1e-4
/// and from 1e6 on.
fn write_float(float: f64, out: &mut String) {
    if float.is_nan() {
        out.push_str("NaN");
    } else if float.is_infinite() {
        out.push_str(if float > 0.0 { "+Inf" } else { "-Inf" });
    } else if float == 0.0 || (1e-4..1e6).contains(&float.abs()) {
        let _ = write!(out, "{float}");
    } else {
        write_exponent(float, out);
    }
}

/// `1.5e+21`, `1e-05`: at least two digits of exponent, and its sign.
pub(super) fn write_exponent(float: f64, out: &mut String) {
    let text = format!("{float:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    let _ = write!(out, "{digits}e{sign}{exponent:0>2}");
}

/// How JSON is laid out.
#[derive(Clone, Copy)]
struct Json {
    indent: bool,
    escape_html: bool,
    sort: bool,
}

fn write_json(value: &Value, style: Json, depth: usize, out: &mut String) {
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Value::Int(int) => drop(write!(out, "{int}")),
        Value::Float(float) => write_json_float(*float, out),
        Value::String(text) => write_json_string(text, style, out),
        Value::List(list) if list.is_empty() => out.push_str("[]"),
        Value::List(list) => {
            out.push('[');
            for (i, value) in list.iter().enumerate() {
                separate(i, style, depth, out);
                write_json(value, style, depth + 1, out);
            }
            new_line(style, depth, out);
            out.push(']');
        }
        Value::Map(map) if map.is_empty() => out.push_str("{}"),
        Value::Map(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            if style.sort {
                entries.sort_by_key(|(key, _)| *key);
            }
            out.push('{');
            for (i, (key, value)) in entries.into_iter().enumerate() {
                separate(i, style, depth, out);
                write_json_string(key, style, out);
                out.push_str(if style.indent { ": " } else { ":" });
                write_json(value, style, depth + 1, out);
            }
            new_line(style, depth, out);
            out.push('}');
        }
        Value::Time(time) => drop(write!(out, "\"{time}\"")),
        Value::Duration(duration) => drop(write!(out, "{}", duration.as_nanos())),
    }
}

fn separate(index: usize, style: Json, depth: usize, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
    new_line(style, depth + 1, out);
}

fn new_line(style: Json, depth: usize, out: &mut String) {
    if style.indent {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    }
}

/// As `write_float`, but the exponent begins below 1e-6 and has no leading zero, as JSON writers do.
pub(super) fn write_json_float(float: f64, out: &mut String) {
    if !float.is_finite() {
        out.push_str("null");
    } else if float == 0.0 || (1e-6..1e21).contains(&float.abs()) {
        let _ = write!(out, "{float}");
    } else {
        let text = format!("{float:e}");
        out.push_str(&if float.abs() >= 1.0 { text.replacen('e', "e+", 1) } else { text });
    }
}

fn write_json_string(text: &str, style: Json, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' if style.escape_html => drop(write!(out, "\\u{:04x}", u32::from(char))),
            '\u{2028}' | '\u{2029}' => drop(write!(out, "\\u{:04x}", u32::from(char))),
            control if control < ' ' => drop(write!(out, "\\u{:04x}", u32::from(control))),
            char => out.push(char),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_look_as_the_reference_writes_them() {
        let check = |float: f64, display: &str, json: &str| {
            let value = Value::Float(float);
            assert_eq!((value.display().as_str(), value.pretty_json(true, true).as_str()), (display, json));
        };
        check(1.0, "1", "1");
        check(0.1 + 0.2, "0.30000000000000004", "0.30000000000000004");
        check(1e21, "1e+21", "1e+21");
        check(123456789.0, "1.23456789e+08", "123456789");
        check(100000.5, "100000.5", "100000.5");
        check(0.00001, "1e-05", "0.00001");
        check(-2.5e-7, "-2.5e-07", "-2.5e-7");
        check(f64::NAN, "NaN", "null");
    }

    #[test]
    fn a_mixed_template_writes_structures_as_compact_json() {
        let value = Value::from(serde_json::json!({"b": [1, 2.0, null], "a": "<\n>"}));
        assert_eq!(value.render(), r#"{"b":[1,2,null],"a":"<\n>"}"#);
        assert_eq!(Value::Nil.render(), "");
        assert_eq!(Value::from("a\"b").render(), "a\"b");
    }

    #[test]
    fn to_json_sorts_and_indents() {
        let value = Value::from(serde_json::json!({"b": [1, {}], "a": "<"}));
        assert_eq!(
            value.pretty_json(true, true),
            "{\n  \"a\": \"\\u003c\",\n  \"b\": [\n    1,\n    {}\n  ]\n}"
        );
    }
}
