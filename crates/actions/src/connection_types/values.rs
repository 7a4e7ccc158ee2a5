//! What the fields of one connection hold, as text: what templates are filled from. Made from the opened
//! attributes, defaults included, for as long as one use of the connection lasts.

use std::collections::BTreeMap;

use secrets::Secret;
use serde_json::Value;

use super::template::RenderError;
use super::{ConnectionType, Field};
use crate::http::Attributes;

/// The fields' texts. Cannot be printed: some of them are secrets.
pub struct Values(Attributes);

impl Values {
    /// The attributes of a connection of type `kind`: what is absent or empty takes the default, and a
    /// field whose `when` does not hold is empty.
    pub fn new(kind: &ConnectionType, attributes: &Attributes) -> Self {
        let text = |name: &str| {
            let given =
                attributes.get(name).map(|value| value.expose().clone()).filter(|text| !text.is_empty());
            given.or_else(|| kind.field(name)?.default.as_ref().map(text_of)).unwrap_or_default()
        };
        let applies = |field: &&Field| field.when.as_ref().is_none_or(|when| text(&when.field) == when.is);
        let fields = kind.fields.iter().filter(applies);
        Self(fields.map(|field| (field.name.clone(), Secret::new(text(&field.name)))).collect())
    }

    /// The text of a field; empty if it holds nothing.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.expose().as_str())
    }

    /// A text inside a field that holds a JSON object, such as the key file of a service account.
    pub(super) fn member(&self, field: &str, member: &str) -> Result<String, RenderError> {
        let object: Option<BTreeMap<String, Value>> = serde_json::from_str(self.get(field)).ok();
        match object.and_then(|mut object| object.remove(member)) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(RenderError { field: field.to_owned(), member: member.to_owned() }),
        }
    }

    /// All of it in one order: what a fingerprint is taken of.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.expose().as_str()))
    }

    #[cfg(test)]
    pub(super) fn from_pairs<const N: usize>(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, text)| (name.to_owned(), Secret::from(text))).collect())
    }
}

/// Attributes as the API takes them, as the texts that are stored, sealed and used.
pub fn attribute_texts(attributes: &BTreeMap<String, Value>) -> Attributes {
    attributes.iter().map(|(name, value)| (name.clone(), Secret::new(text_of(value)))).collect()
}

/// One attribute as text: numbers and yes/no as JSON writes them.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
