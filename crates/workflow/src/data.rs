//! YAML that is no workflow: its values as JSON, and where each of them stands.
//!
//! For files beside the workflows, read as strictly: the same grammar, duplicate keys refused, aliases bounded.

use std::collections::HashMap;

use serde_json::{Map, Number, Value as Json};

use crate::diagnostic::{Diagnostic, Problems, Span};
use crate::source::{Extent, Source};
use crate::yaml::{self, Content, Node};

/// A file of data.
#[derive(Clone, Debug)]
pub struct Data {
    /// What it says; null if it is empty.
    pub value: Json,
    spans: HashMap<String, Span>,
}

impl Data {
    /// Where the value of a JSON pointer stands: of a member of a map, its key.
    #[must_use]
    pub fn span(&self, pointer: &str) -> Span {
        const START: Span = Span { line: 1, column: 1, end_line: 1, end_column: 1 };
        self.spans.get(pointer).copied().unwrap_or(START)
    }
}

/// Reads a file of data. The caller bounds its bytes.
///
/// # Errors
/// Every problem, if it is no YAML or beyond a bound of depth or size.
pub fn read_data(text: &str) -> Result<Data, Vec<Diagnostic>> {
    let source = Source::new(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut problems = Problems::new(&source);
    let root = yaml::load(&source, &mut problems);
    let problems = problems.finish();
    if problems.iter().any(|problem| problem.severity == crate::Severity::Error) {
        return Err(problems);
    }
    let mut spans = HashMap::new();
    let value = root.map_or(Json::Null, |root| json(&source, &root, "", &mut spans));
    Ok(Data { value, spans })
}

/// The depth is bounded by the loader.
fn json(source: &Source, node: &Node, pointer: &str, spans: &mut HashMap<String, Span>) -> Json {
    let mut note = |pointer: &str, at: Extent| {
        spans.entry(pointer.to_owned()).or_insert_with(|| source.span(at));
    };
    note(pointer, node.at);
    match &node.content {
        Content::Scalar(scalar) => match &scalar.value {
            expr::Value::Nil => Json::Null,
            expr::Value::Bool(flag) => Json::Bool(*flag),
            expr::Value::Int(number) => Json::from(*number),
            // What JSON has no number for stays the text that it is.
            expr::Value::Float(number) => {
                Number::from_f64(*number).map_or_else(|| Json::from(&*scalar.text), Json::Number)
            }
            expr::Value::String(text) => Json::from(&**text),
            _ => Json::from(&*scalar.text),
        },
        Content::List(items) => {
            let items = items.iter().enumerate();
            items.map(|(place, item)| json(source, item, &format!("{pointer}/{place}"), spans)).collect()
        }
        Content::Map(entries) => {
            let mut map = Map::new();
            for entry in entries.iter() {
                let member = member(pointer, &entry.key.text);
                spans.insert(member.clone(), source.span(entry.key.at));
                map.insert(entry.key.text.to_string(), json(source, &entry.value, &member, spans));
            }
            Json::Object(map)
        }
    }
}

fn member(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_with_their_places() {
        let data = read_data("a: 1\nb:\n  - c/d: yes\n    e: |\n      x\n      y\n  - ~\n").unwrap();
        assert_eq!(data.value, json!({"a": 1, "b": [{"c/d": "yes", "e": "x\ny\n"}, null]}));
        let place = |pointer: &str| (data.span(pointer).line, data.span(pointer).column);
        assert_eq!(place("/b/0/c~1d"), (3, 5));
        assert_eq!(place("/b/0/e"), (4, 5));
        assert_eq!(place("/b/1"), (7, 5));
        assert_eq!(place("/nowhere"), (1, 1));
    }

    #[test]
    fn what_is_no_yaml_is_refused_with_its_place() {
        for (text, line) in [("a: 1\na: 2\n", 2), ("a: [1\n", 2), ("x: 1\n\ty: {", 2)] {
            let problems = read_data(text).unwrap_err();
            assert!(problems.iter().any(|problem| problem.span.line <= line), "{text}: {problems:?}");
        }
        assert_eq!(read_data("").unwrap().value, Json::Null);
    }
}
