//! The tree of a document: scalars, lists and maps with their places. Clones share their content.

use std::sync::Arc;

use expr::{Map, Value};

use super::offset;
use crate::source::{Extent, Source};

/// One value of the document.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// From its first to its last character; for a block list or map, that of its content.
    pub(crate) at: Extent,
    pub(crate) content: Content,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Scalar(Scalar),
    List(Arc<Vec<Node>>),
    Map(Arc<Vec<Entry>>),
}

/// One key of a map with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) value: Node,
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) text: Arc<str>,
    pub(crate) at: Extent,
}

/// Text, number, true/false or nothing.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    /// As written, after quotes, escapes and folding: `0x10`, where the value is 16.
    pub(crate) text: Arc<str>,
    pub(crate) value: Value,
    pub(crate) style: Style,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|` or `>`.
    Block,
}

impl Node {
    pub(crate) fn entries(&self) -> Option<&[Entry]> {
        match &self.content {
            Content::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(crate) fn items(&self) -> Option<&[Node]> {
        match &self.content {
            Content::List(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn scalar(&self) -> Option<&Scalar> {
        match &self.content {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of a scalar that is text.
    pub(crate) fn as_str(&self) -> Option<&str> {
        self.scalar().and_then(|scalar| scalar.value.as_str())
    }

    /// The value of a map's key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?.iter().find(|entry| &*entry.key.text == key).map(|entry| &entry.value)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| matches!(scalar.value, Value::Nil))
    }

    /// Nothing, an empty text, list or map.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.content {
            Content::Scalar(scalar) => match &scalar.value {
                Value::Nil => true,
                Value::String(text) => text.trim().is_empty(),
                _ => false,
            },
            Content::List(items) => items.is_empty(),
            Content::Map(entries) => entries.is_empty(),
        }
    }

    /// What it is, for messages: "a list", "the text `x`".
    pub(crate) fn describe(&self) -> String {
        match &self.content {
            Content::Scalar(scalar) => match &scalar.value {
                Value::Nil => "nothing".to_owned(),
                Value::String(text) => format!("the text `{}`", shorten(text)),
                _ => format!("`{}`", shorten(&scalar.text)),
            },
            Content::List(_) => "a list".to_owned(),
            Content::Map(_) => "a map".to_owned(),
        }
    }

    /// The value as it stands, expressions not looked at.
    pub(crate) fn to_value(&self) -> Value {
        match &self.content {
            Content::Scalar(scalar) => scalar.value.clone(),
            Content::List(items) => Value::List(Arc::new(items.iter().map(Self::to_value).collect())),
            Content::Map(entries) => {
                let mut map = Map::with_capacity(entries.len());
                for entry in entries.iter() {
                    map.insert(entry.key.text.clone(), entry.value.to_value());
                }
                Value::Map(Arc::new(map))
            }
        }
    }

    /// Where the bytes `range` of a scalar's text stand in the document.
    pub(crate) fn place_in_text(&self, source: &Source, range: std::ops::Range<usize>) -> Extent {
        let Some(scalar) = self.scalar() else { return self.at };
        let written = source.slice(self.at);
        let start = offset::in_source(written, scalar.style, &scalar.text, range.start);
        let end = offset::in_source(written, scalar.style, &scalar.text, range.end);
        Extent::new(self.at.start + start, self.at.start + end)
    }
}

/// What was chosen from a list is written as `{display_name, value}` and means its `value`.
pub(crate) fn chosen(node: &Node) -> &Node {
    match node.entries() {
        Some([first, second]) => match (&*first.key.text, &*second.key.text) {
            ("display_name", "value") => &second.value,
            ("value", "display_name") => &first.value,
            _ => node,
        },
        _ => node,
    }
}

/// The text, cut to what fits into a message.
pub(crate) fn shorten(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let line = text.lines().next().unwrap_or_default();
    if line.len() == text.len() && text.chars().count() <= CHARS_MAX {
        return text.to_owned();
    }
    let mut short: String = line.chars().take(CHARS_MAX).collect();
    short.push('…');
    short
}
