//! JSON values as YAML that people like to read and review: blocks, no quotes where none are needed, texts of several
//! lines as they are. `workflow::read_data` reads the same values back.

use serde_json::{Map, Value};

/// A map as a file.
pub(super) fn file(map: &Map<String, Value>) -> String {
    let mut text = String::new();
    entries(map, 0, &mut text);
    text
}

fn entries(map: &Map<String, Value>, indent: usize, text: &mut String) {
    for (place, (name, value)) in map.iter().enumerate() {
        // The first one stands where the dash of a list has left off.
        if place > 0 || text.ends_with('\n') || text.is_empty() {
            text.push_str(&" ".repeat(indent));
        }
        text.push_str(&scalar(name));
        text.push(':');
        member(value, indent, text);
    }
}

/// What follows a colon.
fn member(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('\n');
            entries(map, indent + 2, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            list(items, indent + 2, text);
        }
        Value::String(lines) if is_block(lines) => block(lines, indent + 2, text),
        other => {
            text.push(' ');
            text.push_str(&flow(other));
            text.push('\n');
        }
    }
}

fn list(items: &[Value], indent: usize, text: &mut String) {
    for item in items {
        text.push_str(&" ".repeat(indent));
        text.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() => entries(map, indent + 2, text),
            // A list in a list, which is rare: in one line.
            other => {
                text.push_str(&flow(other));
                text.push('\n');
            }
        }
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(quoted_inside).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(_) => quoted_inside(value),
        other => other.to_string(),
    }
}

/// In braces every text is quoted.
fn quoted_inside(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(quoted_inside).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let members: Vec<String> = map
                .iter()
                .map(|(name, value)| format!("{}: {}", quoted(name), quoted_inside(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}

/// Words as they are, everything that could be read as something else in quotes.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 12] =
        ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "none"];
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_plain =
        |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '/' | ',' | '(' | ')' | '+');
    let plain = begins && text.chars().all(is_plain) && !text.ends_with(' ');
    if plain && !WORDS.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    quoted(text)
}

/// As in JSON, which YAML takes as it is, but for what its readers may not take as printable.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for c in Value::from(text).to_string().chars() {
        let odd =
            c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
        if odd {
            quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            quoted.push(c);
        }
    }
    quoted
}

/// Whether a text can stand line by line, and comes back as it was.
fn is_block(text: &str) -> bool {
    let printable =
        |c: char| c == '\n' || !(c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'));
    let first = text.split('\n').find(|line| !line.is_empty()).unwrap_or_default();
    text.contains('\n')
        && text.chars().all(printable)
        && !text.starts_with('\n')
        && !first.starts_with(' ')
        && text.lines().all(|line| line.is_empty() || !line.trim().is_empty())
        && !text.ends_with("\n\n")
}

fn block(lines: &str, indent: usize, text: &mut String) {
    text.push_str(if lines.ends_with('\n') { " |\n" } else { " |-\n" });
    for line in lines.lines() {
        if !line.is_empty() {
            text.push_str(&" ".repeat(indent));
            text.push_str(line);
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let texts = [
            "",
            "a",
            "true",
            "No",
            "1",
            "1e3",
            "0x1f",
            "~",
            "- a",
            "a: b",
            "a #b",
            "#",
            "'",
            "\"",
            "\\",
            "{{x}}",
            "[",
            "é",
            "日本",
            " a",
            "a ",
            "a\nb",
            "a\nb\n",
            "a\n\nb",
            "\na",
            "a\n\n",
            "a\n b\n",
            " a\nb",
            "a\r\nb",
            "\t",
            "a\tb\nc",
            "\u{0}",
            "\u{7f}",
            "\u{85}",
            "\u{2028}",
            "\u{feff}",
            "a\u{1b}[2J\nb",
            "a\n  \nb",
            "---\nx",
            "---",
            "...",
            "%x",
            "@a",
            "`a",
            "! a",
            "&a",
            "*a",
            "<<",
            "=",
            "null",
            ".nan",
            "2020-01-01",
            "a,b",
            "x:",
            "a\n# b\n",
            "\n",
            "😀",
        ];
        for text in texts {
            let value = json!({
                "t": text, "l": [text, [text, {text: 1}], {"a": text, text: [text]}], "m": {text: {"x": text}},
                "n": [1, -2.5, null, true, [], {}], "e": {}, "f": [],
            });
            let written = file(value.as_object().unwrap());
            let read = workflow::read_data(&written)
                .unwrap_or_else(|problems| panic!("{text:?}\n{written}\n{problems:?}"));
            assert_eq!(read.value, value, "{text:?}\n{written}");
        }
    }

    #[test]
    fn it_reads_well() {
        let value = json!({"name": "Findings", "fields": [{"name": "level", "options": ["low", "1"]}], "role": "You.\nHelp.\n"});
        let expected = "name: Findings\nfields:\n  - name: level\n    options:\n      - low\n      - \"1\"\nrole: |\n  You.\n  Help.\n";
        assert_eq!(file(value.as_object().unwrap()), expected);
    }
}
