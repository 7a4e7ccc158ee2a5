//! `utility.ConvertXMLToJSON`.

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde_json::map::Entry;
use serde_json::{Map, Value as Json, json};

use crate::inputs::{Inputs, invalid, shown};
use crate::pure::Pure;
use crate::{ActionError, ActionSpec};

/// Elements within one another.
pub(super) const DEPTH_MAX: usize = 100;

/// The action.
pub(crate) struct ConvertXmlToJson;

impl Pure for ConvertXmlToJson {
    fn describe() -> ActionSpec {
        let description = "Reads an XML document. An element becomes a map: attributes are `@name`, its text is \
                           `#text`, elements of one name are a list. One with text alone becomes that text, an \
                           empty one null. No entity but those of XML itself is resolved; at most 100 levels.";
        ActionSpec {
            parameters: vec![super::source("xml", "XML")],
            example_output: json!({"hosts": {"@zone": "a", "host": ["web-1", "web-2"]}}),
            ..super::spec("ConvertXMLToJSON", "XML to JSON", description)
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let text = inputs.text("xml")?;
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
        let mut tree = Tree::default();
        loop {
            let at = reader.buffer_position();
            let event = reader.read_event();
            let event = event.map_err(|error| unreadable(reader.error_position(), &error.to_string()))?;
            if matches!(event, Event::Eof) {
                return tree.finish(at);
            }
            tree.take(event).map_err(|why| unreadable(at, &why))?;
        }
    }
}

/// What has been read.
#[derive(Default)]
struct Tree {
    /// The elements that are open, the innermost last.
    open: Vec<Element>,
    root: Option<Element>,
}

struct Element {
    name: String,
    content: Map<String, Json>,
    text: String,
}

impl Tree {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Start(start) => self.begin(&start)?,
            Event::Empty(start) => {
                self.begin(&start)?;
                self.end()?;
            }
            Event::End(_) => self.end()?,
            Event::Text(text) => self.text(&text.xml10_content())?,
            Event::CData(text) => self.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => self.text(&resolved(&reference)?)?,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Eof => {}
        }
        Ok(())
    }

    fn begin(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        if self.open.is_empty() && self.root.is_some() {
            return Err("a second element at the top".to_owned());
        }
        if self.open.len() == DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} elements within one another"));
        }
        let mut content = Map::new();
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let key = attribute.key.as_ref();
            let value =
                attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
            if content.insert(format!("@{key}"), value.into()).is_some() {
                return Err(format!("the attribute `{}` is there twice", shown(key)));
            }
        }
        self.open.push(Element { name: start.name().as_ref().to_owned(), content, text: String::new() });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let element = self.open.pop().ok_or("an end without a beginning")?;
        match self.open.last_mut() {
            None => self.root = Some(element),
            Some(parent) => {
                let (name, value) = element.into_json();
                match parent.content.entry(name) {
                    Entry::Vacant(entry) => {
                        entry.insert(value);
                    }
                    // An element never is a list by itself, so a list is one of elements.
                    Entry::Occupied(mut entry) => match entry.get_mut() {
                        Json::Array(items) => items.push(value),
                        first => *first = Json::Array(vec![first.take(), value]),
                    },
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err("a text outside of the element at the top".to_owned()),
        }
        Ok(())
    }

    fn finish(self, at: u64) -> Result<Json, ActionError> {
        if let Some(open) = self.open.last() {
            return Err(unreadable(at, &format!("element `{}` has no end", shown(&open.name))));
        }
        let root = self.root.ok_or_else(|| invalid("input `xml` has no element"))?;
        Ok(Json::Object(Map::from_iter([root.into_json()])))
    }
}

impl Element {
    fn into_json(mut self) -> (String, Json) {
        let text = self.text.trim();
        let value = match (self.content.is_empty(), text.is_empty()) {
            (true, true) => Json::Null,
            (true, false) => text.into(),
            (false, true) => Json::Object(self.content),
            (false, false) => {
                self.content.insert("#text".to_owned(), text.into());
                Json::Object(self.content)
            }
        };
        (self.name, value)
    }
}

/// A character by its number, or one of the five that XML itself names. Others would come from a document type, and
/// what that says is not read.
fn resolved(reference: &BytesRef<'_>) -> Result<String, String> {
    if let Some(char) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(char.to_string());
    }
    let name = reference.xml10_content();
    let known = quick_xml::escape::resolve_xml_entity(&name);
    known.map(str::to_owned).ok_or_else(|| format!("the entity `&{};` is not resolved", shown(&name)))
}

fn unreadable(at: u64, why: &str) -> ActionError {
    invalid(&format!("input `xml` cannot be read at byte {at}: {why}"))
}
