//! How a value is written at a place of a JavaScript program.

use super::{Before, Escape, Frame, Reader, is_name};
use crate::Value;
use crate::budget::Fault;

/// An expression cannot stand `place`.
fn no_place(place: &str) -> Fault {
    Fault::value(format!("an expression cannot stand {place} of JavaScript"))
        .with_hint("give it a name before: `const name = {{ … }};`")
}

impl Reader {
    pub(super) fn put_value(&mut self, value: &Value, out: &mut String) -> Result<(), Fault> {
        if let Some(what) = self.doubt {
            let message =
                format!("it cannot be told for certain how JavaScript reads this place, after {what}");
            return Err(Fault::value(message).with_hint("give it a name before: `const name = {{ … }};`"));
        }
        match self.frames.last() {
            Some(Frame::Text { escape: Escape::None, quote }) => {
                out.push_str(&value.inside_javascript(*quote));
            }
            Some(Frame::Template { tagged: false, .. }) if self.last == Some('$') => {
                return Err(no_place("after a `$` in a template"));
            }
            Some(Frame::Template { escape: Escape::None, tagged: false }) => {
                out.push_str(&value.inside_javascript('`'));
            }
            Some(Frame::Text { .. } | Frame::Template { tagged: false, .. }) => {
                return Err(no_place("after a backslash"));
            }
            Some(Frame::Template { .. }) => return Err(no_place("in a tagged template")),
            Some(Frame::Regex { .. }) => return Err(no_place("in a regular expression")),
            Some(Frame::LineComment | Frame::BlockComment) => {
                out.push_str(&value.javascript().replace("*/", "*\\/"));
            }
            _ => self.put_literal(value, out)?,
        }
        self.last = Some('"');
        Ok(())
    }

    /// Writes a literal in code.
    fn put_literal(&mut self, value: &Value, out: &mut String) -> Result<(), Fault> {
        match self.before {
            Before::Value | Before::Unknown | Before::Dot | Before::Head | Before::For => {
                let message = "an expression cannot follow right after a value or a word of JavaScript";
                return Err(Fault::value(message).with_hint("end the statement before it with `;`"));
            }
            _ => {}
        }
        let literal = value.javascript();
        // A text that is a statement could switch the strict mode on.
        let statement = matches!(self.before, Before::Statement | Before::Brace);
        let bare = literal.starts_with(|char: char| char.is_ascii_alphanumeric() || char == '[')
            || literal.starts_with('"') && !statement;
        if self.last.is_some_and(is_name) {
            out.push(' ');
        }
        match bare {
            true => out.push_str(&literal),
            false => out.extend(["(", &literal, ")"]),
        }
        self.key = matches!(self.before, Before::Brace | Before::Comma)
            && matches!(self.frames.last(), Some(Frame::Braces));
        self.before = Before::Value;
        self.line_begun = true;
        self.after_value = true;
        Ok(())
    }
}
