//! Values with expressions in them: a YAML value to a [`PlanValue`], every reference remembered.

use std::sync::Arc;

use expr::{Map, Template, Value};

use crate::code::CodeInput;
use crate::codes;
use crate::plan::PlanValue;
use crate::read::Reader;
use crate::read::expressions::{Written, back};
use crate::read::outline::Use;
use crate::source::Extent;
use crate::yaml::{Content, Entry, Node, chosen};

impl Reader<'_> {
    /// A value in which `{{ … }}` are expressions.
    pub(super) fn value(&mut self, node: &Node) -> PlanValue {
        match &node.content {
            Content::Scalar(scalar) => match &scalar.value {
                Value::String(text) if text.contains("{{") => self.template(node, text, 0),
                value => PlanValue::Literal(value.clone()),
            },
            Content::List(items) => list(items.iter().map(|item| self.value(item)).collect()),
            Content::Map(entries) => self.map_value(entries, |reader, entry| reader.value(&entry.value)),
        }
    }

    /// An action's inputs: as [`Self::value`], and what was chosen from a list,
    /// `{display_name, value}`, is its `value`. What is text of a program is kept as such.
    pub(super) fn inputs_value(&mut self, action: &str, entries: &[Entry]) -> PlanValue {
        let code = CodeInput::of(action);
        self.map_value(entries, |reader, entry| {
            let value = reader.value(chosen(&entry.value));
            match (code.filter(|code| *code.input == *entry.key.text), value) {
                (Some(code), PlanValue::Template(template)) => PlanValue::Code(template, code.rendering),
                (_, value) => value,
            }
        })
    }

    /// A value that is an expression even without braces, as both sides of a comparison are.
    pub(super) fn operand(&mut self, node: &Node) -> PlanValue {
        match node.as_str() {
            Some(text) if text.contains("{{") || text.trim().is_empty() => self.value(node),
            Some(text) => {
                let wrapped = format!("{OPEN}{text} }}}}");
                self.template(node, &wrapped, OPEN.len())
            }
            None => self.value(node),
        }
    }

    fn map_value(
        &mut self,
        entries: &[Entry],
        mut read: impl FnMut(&mut Self, &Entry) -> PlanValue,
    ) -> PlanValue {
        let values: Vec<(String, PlanValue)> =
            entries.iter().map(|entry| (entry.key.text.to_string(), read(self, entry))).collect();
        if values.iter().any(|(_, value)| !matches!(value, PlanValue::Literal(_))) {
            return PlanValue::Map(values);
        }
        let mut map = Map::with_capacity(values.len());
        for (key, value) in values {
            if let PlanValue::Literal(value) = value {
                map.insert(key.into(), value);
            }
        }
        PlanValue::Literal(Value::Map(Arc::new(map)))
    }

    /// Parses `source`, which is the text of `node` after `shift` bytes of ours.
    fn template(&mut self, node: &Node, source: &str, shift: usize) -> PlanValue {
        let template = match Template::parse(source) {
            Ok(template) => template,
            Err(error) => {
                if !self.problems.is_full() {
                    let at = node.place_in_text(self.problems.source(), back(node, shift, &error.span));
                    self.expression_error(at, error, shift > 0);
                }
                return PlanValue::Literal(Value::Nil);
            }
        };
        if !template.has_expressions() {
            return PlanValue::Literal(Value::String(source.into()));
        }
        for reference in template.references() {
            if let [root, input, _, ..] = reference.path.as_slice()
                && root == "inputs"
            {
                self.members_of_inputs.insert(input.clone());
            }
            let range = back(node, shift, &reference.span);
            self.uses.push(Use::new(reference.path, self.place, node, range));
        }
        self.written.push(Written::new(template.clone(), node, shift));
        PlanValue::Template(template)
    }

    fn expression_error(&mut self, at: Extent, error: expr::Error, bare: bool) {
        let noted = self.problems.error(codes::EXPRESSION_SYNTAX, at, error.message);
        match error.hint {
            Some(hint) => noted.hint(hint),
            None if bare => {
                noted.hint("this is read as an expression: a text is written with quotes inside, '\"text\"'")
            }
            None => {}
        }
    }
}

const OPEN: &str = "{{ ";

/// A list, literal if all of it is.
fn list(items: Vec<PlanValue>) -> PlanValue {
    if items.iter().any(|item| !matches!(item, PlanValue::Literal(_))) {
        return PlanValue::List(items);
    }
    let literals = items.into_iter().filter_map(|item| match item {
        PlanValue::Literal(value) => Some(value),
        _ => None,
    });
    PlanValue::Literal(Value::List(Arc::new(literals.collect())))
}
