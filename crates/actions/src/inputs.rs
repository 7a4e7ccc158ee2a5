//! Reading the inputs of a step. Tolerant of spellings and shapes that forms, old documents and expressions
//! bring; strict about what it cannot make sense of.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use serde_json::{Map, Value as Json};
use types::Timestamp;

use crate::{ActionError, ActionSpec, ErrorCode};

/// Characters of a value that an error shows.
const SHOWN_CHARS_MAX: usize = 100;

/// The inputs of one attempt, found by the names of the action's parameters.
pub struct Inputs<'a> {
    spec: &'a ActionSpec,
    map: &'a Map<String, Json>,
    /// What time it is.
    pub(crate) now: Timestamp,
}

impl<'a> Inputs<'a> {
    /// The inputs `map` of an action that is described so.
    pub fn new(spec: &'a ActionSpec, map: &'a Map<String, Json>, now: Timestamp) -> Self {
        Self { spec, map, now }
    }

    /// The names of inputs that mean nothing to the action.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = &'a str> {
        let known = |key: &str| {
            let parameters = &self.spec.parameters;
            parameters.iter().any(|it| same_name(&it.name, key) || same_name(&it.display_name, key))
        };
        self.map.keys().map(String::as_str).filter(move |key| !known(key))
    }

    /// What is written for the parameter, also under the form's label.
    fn written(&self, name: &str) -> Option<&'a Json> {
        let label = self.spec.parameter(name).map_or(name, |parameter| &parameter.display_name);
        let named = |key: &str| same_name(name, key) || same_name(label, key);
        let other = || self.map.iter().find(|(key, _)| named(key)).map(|(_, value)| value);
        self.map.get(name).or_else(other)
    }

    /// The value of the parameter; none if it is null.
    fn value(&self, name: &str) -> Option<&'a Json> {
        chosen(self.written(name)?)
    }

    /// As [`Inputs::json`], but null is a value too.
    pub(crate) fn json_or_null(&self, name: &str) -> Result<Cow<'a, Json>, ActionError> {
        match self.written(name) {
            Some(Json::Null) => Ok(Cow::Owned(Json::Null)),
            _ => self.json(name),
        }
    }

    /// Any value; a text that is JSON stands for what it says, another text for itself.
    pub fn json(&self, name: &str) -> Result<Cow<'a, Json>, ActionError> {
        let value = self.value(name).ok_or_else(|| missing(name))?;
        let parsed = value.as_str().and_then(|text| serde_json::from_str(text).ok());
        Ok(parsed.map_or(Cow::Borrowed(value), Cow::Owned))
    }

    /// A list, also as JSON text.
    pub fn list(&self, name: &str) -> Result<Cow<'a, [Json]>, ActionError> {
        match self.json(name)? {
            Cow::Borrowed(Json::Array(items)) => Ok(Cow::Borrowed(items)),
            Cow::Owned(Json::Array(items)) => Ok(Cow::Owned(items)),
            other => Err(wrong(name, "a list", &other)),
        }
    }

    /// A list, if it is given.
    pub fn optional_list(&self, name: &str) -> Result<Option<Cow<'a, [Json]>>, ActionError> {
        self.value(name).filter(|value| value.as_str() != Some("")).map(|_| self.list(name)).transpose()
    }

    /// A map, also as JSON text.
    pub fn map(&self, name: &str) -> Result<Map<String, Json>, ActionError> {
        match self.json(name)?.into_owned() {
            Json::Object(map) => Ok(map),
            other => Err(wrong(name, "a map", &other)),
        }
    }

    /// A text; numbers and truths are written as text.
    pub fn text(&self, name: &str) -> Result<Cow<'a, str>, ActionError> {
        self.optional_text(name)?.ok_or_else(|| missing(name))
    }

    /// A text, if it is given.
    pub(crate) fn optional_text(&self, name: &str) -> Result<Option<Cow<'a, str>>, ActionError> {
        match self.value(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(Cow::Borrowed(text))),
            Some(value) => Ok(Some(Cow::Owned(scalar(value).ok_or_else(|| wrong(name, "a text", value))?))),
        }
    }

    /// A text that says something: none if it is blank.
    pub fn filled_text(&self, name: &str) -> Result<Option<Cow<'a, str>>, ActionError> {
        Ok(self.optional_text(name)?.filter(|text| !text.trim().is_empty()))
    }

    /// Yes or no; what the parameter's default says if it is not given.
    pub fn flag(&self, name: &str) -> Result<bool, ActionError> {
        let default = || self.spec.parameter(name).is_some_and(|it| it.default_value == Json::Bool(true));
        let given = self.value(name).map(|value| truth(name, value)).transpose()?.flatten();
        Ok(given.unwrap_or_else(default))
    }

    /// A whole number in `range`, if it is given.
    pub fn whole(&self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, ActionError> {
        let Some(text) = self.filled_text(name)? else { return Ok(None) };
        let number = text.trim().parse::<i64>().ok().or_else(|| whole_fraction(text.trim()));
        number.filter(|number| range.contains(number)).map(Some).ok_or_else(|| {
            let (from, to) = (range.start(), range.end());
            let bounds = if (*from, *to) == (i64::MIN, i64::MAX) {
                String::new()
            } else {
                format!(" from {from} to {to}")
            };
            invalid(&format!("input `{name}` must be a whole number{bounds}, not `{}`", shown(&text)))
        })
    }

    /// One of the parameter's options, in any letter case; its default if it is not given.
    pub fn choice(&self, name: &str) -> Result<&'a str, ActionError> {
        let (options, default) = self.spec.parameter(name).map_or((&[][..], ""), |parameter| {
            (parameter.options.as_slice(), parameter.default_value.as_str().unwrap_or_default())
        });
        let Some(text) = self.filled_text(name)? else { return Ok(default) };
        let found = options.iter().find(|option| same_name(option, text.trim()));
        found.map(String::as_str).ok_or_else(|| {
            let options = options.join("`, `");
            invalid(&format!("input `{name}` must be one of `{options}`, not `{}`", shown(&text)))
        })
    }
}

/// `3.0` as 3, as far as a number with a fraction counts exactly.
fn whole_fraction(text: &str) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = text.parse::<f64>().ok().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT)?;
    #[allow(clippy::cast_possible_truncation)] // whole and within bounds
    Some(number as i64)
}

/// Whether two names are the same but for letter case, spaces, `_` and `-`.
pub(crate) fn same_name(one: &str, other: &str) -> bool {
    let plain = |name: &str| -> String {
        name.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).flat_map(char::to_lowercase).collect()
    };
    plain(one) == plain(other)
}

/// The value, none if it is null. A drop-down's `{display_name, value}` stands for its value.
pub(crate) fn chosen(value: &Json) -> Option<&Json> {
    let chosen = value.as_object().filter(|object| {
        object.len() == 2 && object.contains_key("value") && object.contains_key("display_name")
    });
    chosen.map_or(Some(value), |object| object.get("value")).filter(|value| !value.is_null())
}

/// A truth, also in words; none if the text is empty.
pub(crate) fn truth(name: &str, given: &Json) -> Result<Option<bool>, ActionError> {
    let word = scalar(given).map(|text| text.trim().to_ascii_lowercase());
    match word.as_deref() {
        Some("true" | "yes" | "on" | "1") => Ok(Some(true)),
        Some("false" | "no" | "off" | "0") => Ok(Some(false)),
        Some("") => Ok(None),
        _ => Err(wrong(name, "true or false", given)),
    }
}

/// Text, number or truth as text.
pub(crate) fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// What kind of value it is, for messages.
pub(crate) fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "a map",
    }
}

/// A text for a message: its beginning, without line breaks and control characters.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

pub(crate) fn wrong(name: &str, expected: &str, given: &Json) -> ActionError {
    let kind = if given.is_string() { "a text that is not" } else { kind(given) };
    invalid(&format!("input `{name}` must be {expected}, not {kind}"))
}

pub(crate) fn invalid(message: &str) -> ActionError {
    ActionError::new(ErrorCode::InvalidInput, message)
}

fn missing(name: &str) -> ActionError {
    invalid(&format!("input `{name}` is missing"))
}
