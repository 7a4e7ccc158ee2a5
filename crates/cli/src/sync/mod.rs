//! A workspace as a folder of files: what `nictate pull` and `nictate push` have in common.
//!
//! Both sides become [`Object`]s of the same form, `compare` says what is different, the commands carry it out.
//! How it looks on disk stands in docs/git.md.

pub(crate) mod compare;
pub(crate) mod folder;
mod names;
pub(crate) mod remote;
pub(crate) mod report;
mod schema;
pub(crate) mod state;
mod target;
mod yaml;

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

pub(crate) use target::Target;

/// What objects are, in the order in which they are pushed: what others name comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Connection,
    Table,
    Pack,
    Agent,
    Workflow,
    App,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Connection, Self::Table, Self::Pack, Self::Agent, Self::Workflow, Self::App];

    /// For people and JSON.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Table => "table",
            Self::Pack => "pack",
            Self::Agent => "agent",
            Self::Workflow => "workflow",
            Self::App => "app",
        }
    }
}

/// Something of a workspace, on either side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object {
    pub(crate) kind: Kind,
    /// Under which others name it. In the folder that of the workspace it came from first; none if a person wrote it.
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    /// Everything else, `name` too; what is empty is left out.
    pub(crate) content: Map<String, Value>,
    /// A workflow's document, byte for byte.
    pub(crate) document: Option<String>,
}

impl Object {
    /// SHA-256 of what it says, whatever the order of members is. Without its id, which is not the same everywhere.
    pub(crate) fn hash(&self) -> String {
        let mut content = self.content.clone();
        if let Some(Value::Array(fields)) = content.get_mut("fields") {
            // Added one after the other, they come in another order than they are written down in.
            fields.sort_by_key(|field| field["name"].as_str().unwrap_or_default().to_owned());
        }
        let content = sorted(&Value::Object(content)).to_string();
        let document = self.document.as_deref().unwrap_or_default();
        hex(&Sha256::new().chain_update(content).chain_update([0]).chain_update(document).finalize())
    }

    /// The object with other ids in everything that it says.
    pub(crate) fn with_ids(&self, ids: &Ids) -> Self {
        if ids.is_empty() {
            return self.clone();
        }
        let content = self.content.iter().map(|(name, value)| (name.clone(), ids.value(value))).collect();
        let document = self.document.as_deref().map(|text| ids.text(text));
        Self { content, document, ..self.clone() }
    }
}

/// Which id stands for which other one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ids(BTreeMap<String, String>);

/// Characters of an id: `0192d0c0-0000-7000-8000-000000000002`.
const ID_CHARS: usize = 36;

impl Ids {
    pub(crate) fn insert(&mut self, from: &str, to: &str) {
        if from != to && from.len() == ID_CHARS {
            self.0.insert(from.to_owned(), to.to_owned());
        }
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text with each id replaced once: what was put in is not looked at again.
    fn text(&self, text: &str) -> String {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let mut done = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(begin) = rest.bytes().position(is_part) {
            let (before, word) = rest.split_at(begin);
            let end = word.bytes().position(|byte| !is_part(byte)).unwrap_or(word.len());
            let (word, after) = word.split_at(end);
            done.push_str(before);
            done.push_str(self.0.get(word).map_or(word, String::as_str));
            rest = after;
        }
        done.push_str(rest);
        done
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), self.value(value))).collect(),
            other => other.clone(),
        }
    }
}

/// Whether there is nothing in it: then it is left out of files and comparisons.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// Drops the members that are empty.
fn drop_empty(map: &mut Map<String, Value>) {
    map.retain(|_, value| !is_empty(value));
}

/// In one order, and each number in one spelling.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(map) => {
            let map: BTreeMap<&String, Value> =
                map.iter().map(|(name, value)| (name, sorted(value))).collect();
            map.into_iter().map(|(name, value)| (name.clone(), value)).collect()
        }
        Value::Number(number) => match number.as_f64() {
            #[allow(clippy::cast_possible_truncation)] // below 2^53 there is nothing to cut off
            Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => Value::from(float as i64),
            _ => value.clone(),
        },
        other => other.clone(),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const A: &str = "0192d0c0-0000-7000-8000-00000000000a";
    const B: &str = "0192d0c0-0000-7000-8000-00000000000b";

    #[test]
    fn ids_are_exchanged_at_once_and_as_whole_words() {
        let mut ids = Ids::default();
        ids.insert(A, B);
        ids.insert(B, A);
        assert_eq!(ids.text(&format!("x.{A}: {B}é{A}")), format!("x.{B}: {A}é{B}"));
        let longer = format!("{A}0 x{A} {A}-1");
        assert_eq!(ids.text(&longer), longer);
    }

    #[test]
    fn the_hash_is_that_of_what_is_said() {
        let object = |content: Value| Object {
            kind: Kind::Table,
            id: None,
            name: "t".to_owned(),
            content: content.as_object().unwrap().clone(),
            document: None,
        };
        let a = object(json!({"name": "t", "fields": [{"name": "a", "x": 1}, {"name": "b"}]}));
        let b = object(json!({"fields": [{"name": "b"}, {"x": 1.0, "name": "a"}], "name": "t"}));
        assert_eq!(a.hash(), b.hash());
        assert_ne!(a.hash(), object(json!({"name": "t"})).hash());
    }
}
