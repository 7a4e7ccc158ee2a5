//! `utility.ConvertJSONToXML`.

use quick_xml::escape::escape;
use serde_json::{Map, Value as Json, json};

use super::xml_to_json::DEPTH_MAX;
use crate::inputs::{Inputs, invalid, kind, scalar, shown};
use crate::pure::{Draft, Pure};
use crate::{ActionError, ActionSpec, InputType, Parameter};

/// The action.
pub(crate) struct ConvertJsonToXml;

impl Pure for ConvertJsonToXml {
    fn describe() -> ActionSpec {
        let root = "The element around it all. Absent: the only key of the map, else `root`.";
        let description = "Writes a value as XML: keys are elements, lists are elements of one name, `@name` is an \
                           attribute and `#text` the text of an element.";
        ActionSpec {
            parameters: vec![
                super::json_source(),
                Parameter::new("root", "Root element", InputType::Text, root),
                super::checkbox("declaration", "Declaration", "Begins with `<?xml …?>`.", true),
            ],
            example_output: json!("<hosts zone=\"a\"><host>web-1</host><host>web-2</host></hosts>"),
            ..super::spec("ConvertJSONToXML", "JSON to XML", description)
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let json = inputs.json("json")?;
        let mut xml = Draft::default();
        if inputs.flag("declaration")? {
            xml.push("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
        }
        match (inputs.filled_text("root")?, only_entry(&json)) {
            (Some(root), _) => element(&mut xml, root.trim(), &json, 1)?,
            (None, Some((name, value))) => element(&mut xml, name, value, 1)?,
            (None, None) => element(&mut xml, "root", &json, 1)?,
        }
        Ok(xml.finish())
    }
}

/// The entry of a map that has no other, if it can be the element around it all.
fn only_entry(json: &Json) -> Option<(&String, &Json)> {
    let map = json.as_object().filter(|map| map.len() == 1)?;
    map.iter().next().filter(|(name, value)| !value.is_array() && !name.starts_with(['@', '#']))
}

fn element(xml: &mut Draft, name: &str, value: &Json, depth: usize) -> Result<(), ActionError> {
    if depth > DEPTH_MAX {
        return Err(invalid(&format!("input `json` has more than {DEPTH_MAX} levels")));
    }
    checked_name(name)?;
    let empty = Map::new();
    let map = value.as_object().unwrap_or(&empty);
    xml.push("<")?;
    xml.push(name)?;
    for (key, value) in map {
        let Some(attribute) = key.strip_prefix('@') else { continue };
        checked_name(attribute)?;
        xml.push(&format!(" {attribute}=\""))?;
        text(xml, key, value)?;
        xml.push("\"")?;
    }
    xml.push(">")?;
    match value {
        Json::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| !key.starts_with('@')) {
                match value {
                    value if key == "#text" => text(xml, key, value)?,
                    Json::Array(items) => {
                        for item in items {
                            element(xml, key, item, depth + 1)?;
                        }
                    }
                    value => element(xml, key, value, depth + 1)?,
                }
            }
        }
        // A list within a list has no name of its own.
        Json::Array(items) => {
            for item in items {
                element(xml, "item", item, depth + 1)?;
            }
        }
        value => text(xml, name, value)?,
    }
    xml.push("</")?;
    xml.push(name)?;
    xml.push(">")
}

fn text(xml: &mut Draft, key: &str, value: &Json) -> Result<(), ActionError> {
    let written = match value {
        Json::Null => String::new(),
        value => scalar(value).ok_or_else(|| {
            invalid(&format!("`{}` must be a text, a number or a truth, not {}", shown(key), kind(value)))
        })?,
    };
    let forbidden = |char: char| {
        matches!(char, '\0'..'\u{20}' | '\u{fffe}' | '\u{ffff}') && !matches!(char, '\t' | '\n' | '\r')
    };
    if let Some(char) = written.chars().find(|char| forbidden(*char)) {
        let char = char.escape_unicode();
        return Err(invalid(&format!("`{}` holds the character {char}, which XML cannot", shown(key))));
    }
    xml.push(&escape(&written).replace('\r', "&#13;"))
}

/// The name of an element or an attribute: a letter or `_`, then also digits, `-`, `.` and `:`.
fn checked_name(name: &str) -> Result<(), ActionError> {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|char| char.is_alphabetic() || char == '_');
    if first && chars.all(|char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.' | ':')) {
        return Ok(());
    }
    Err(invalid(&format!("`{}` cannot be the name of an element or attribute of XML", shown(name))))
}
