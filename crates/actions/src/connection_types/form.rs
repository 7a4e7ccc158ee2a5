//! A connection type as the public API draws it: `models.FormAttribute` for each field (contract 2.5).
//! The server calls it to answer `connection_types`.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use super::{ConnectionType, Field, InputType, When};

/// `models.FormAttribute`, with `secret` and `when` beyond the contract.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FormAttribute {
    /// What an absent attribute means; null if nothing.
    pub default_value: Value,
    /// What to enter and where to find it.
    pub description: String,
    /// The label.
    pub display_name: String,
    /// 0 one line, 1 checkbox, 2 dropdown, 3 several lines. The numbers are ours: the contract has the
    /// order, and that 2 is a dropdown.
    pub field_type: u8,
    /// Always empty: `pattern` and `input_type` say it.
    pub format: String,
    /// The place in the form, from 0.
    pub index: usize,
    /// `text`, `password`, `email`, `number`, `url`, `select`, `textarea` or `checkbox`.
    pub input_type: &'static str,
    /// Always false: an attribute holds one value.
    pub is_multi: bool,
    /// The choices of a dropdown.
    pub options: Vec<String>,
    /// A regular expression for the whole value; empty if anything goes.
    pub pattern: String,
    /// An example.
    pub placeholder: String,
    /// Whether a connection must have it.
    pub required: bool,
    /// Whether it is sealed, and masked when read.
    pub secret: bool,
    /// Always empty: options are not fetched.
    pub source_url: String,
    /// Matters only while that field has that value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

impl ConnectionType {
    /// The form, field by field in order.
    pub fn form_attributes(&self) -> IndexMap<String, FormAttribute> {
        let fields = self.fields.iter().enumerate();
        fields.map(|(index, field)| (field.name.clone(), form_attribute(index, field))).collect()
    }
}

fn form_attribute(index: usize, field: &Field) -> FormAttribute {
    FormAttribute {
        default_value: field.default.clone().unwrap_or(Value::Null),
        description: field.description.clone(),
        display_name: field.display_name.clone(),
        field_type: match field.input_type {
            InputType::Checkbox => 1,
            InputType::Select => 2,
            InputType::Textarea => 3,
            _ => 0,
        },
        format: String::new(),
        index,
        input_type: field.input_type.as_str(),
        is_multi: false,
        options: field.options.clone(),
        pattern: field.pattern.as_ref().map(|pattern| pattern.source().to_owned()).unwrap_or_default(),
        placeholder: field.placeholder.clone().unwrap_or_default(),
        required: field.required,
        secret: field.secret,
        source_url: String::new(),
        when: field.when.clone(),
    }
}
