//! How a value is written at a place of a bash program.

use super::{Frame, QUOTED, Reader};
use crate::Value;
use crate::budget::Fault;

/// The text of a value, without the one character that no text of bash can hold.
pub(super) struct Text(String);

impl Text {
    fn of(value: &Value) -> Result<Self, Fault> {
        let text = value.render();
        if text.contains('\0') {
            return Err(Fault::value("bash has no texts with the character NUL in them"));
        }
        Ok(Self(text))
    }

    pub(super) fn raw(&self) -> &str {
        &self.0
    }

    /// The text with a backslash before each of these characters.
    pub(super) fn escaped(&self, special: &[char]) -> String {
        let mut out = String::with_capacity(self.0.len());
        for char in self.0.chars() {
            if special.contains(&char) {
                out.push('\\');
            }
            out.push(char);
        }
        out
    }

    /// The text as it stands between single quotes.
    fn single(&self) -> String {
        self.0.replace('\'', "'\\''")
    }
}

/// An expression cannot stand `place`.
pub(super) fn no_place(place: &str) -> Fault {
    Fault::value(format!("an expression cannot stand {place} of bash"))
        .with_hint("give it a name before: `name={{ … }}`")
}

/// Bash would evaluate a text that it compares with `operator`.
pub(super) fn evaluated(operator: &str) -> Fault {
    Fault::value(format!(
        "bash evaluates what `{operator}` works on in `[[ … ]]`, so only a whole number can stand there"
    ))
    .with_hint("`int(…)` makes a number of a text")
}

impl Reader {
    pub(super) fn put_value(&mut self, value: &Value, out: &mut String) -> Result<(), Fault> {
        if let Some(what) = self.doubt {
            let message = format!("it cannot be told for certain how bash reads this place, after {what}");
            return Err(Fault::value(message).with_hint("give it a name before: `name={{ … }}`"));
        }
        if let Some(place) = self.open {
            return Err(no_place(place));
        }
        let mut evaluates = self.evaluates;
        for frame in &self.frames {
            match frame {
                Frame::Parens { evaluates: outer, .. } => evaluates = evaluates.or(*outer),
                Frame::Braces { .. } => return Err(no_place("in `${ … }`")),
                Frame::Backquotes => return Err(no_place("between backquotes").with_hint("write `$( … )`")),
                Frame::Escaped { open: true } => return Err(no_place("after a backslash")),
                _ => {}
            }
        }
        if let Some(command) = evaluates.filter(|_| !matches!(value, Value::Int(_))) {
            let message =
                format!("`{command}` takes its arguments for code, so only a whole number can stand there");
            return Err(Fault::value(message));
        }
        if self.frames.iter().any(|frame| matches!(frame, Frame::Arithmetic { .. } | Frame::Index)) {
            out.push_str(&self.number(value)?);
        } else {
            self.note_conditions(value)?;
            let text = Text::of(value)?;
            self.put_text(&text, out)?;
        }
        self.last = Some(QUOTED);
        Ok(())
    }

    fn put_text(&mut self, text: &Text, out: &mut String) -> Result<(), Fault> {
        let nested = self.frames.len() > 1;
        match self.frames.last_mut() {
            Some(Frame::Single) => out.push_str(&text.single()),
            Some(Frame::Double) => out.push_str(&text.escaped(&['\\', '"', '$', '`'])),
            Some(Frame::Escaped { .. }) => out.push_str(&text.escaped(&['\\', '\''])),
            Some(Frame::Comment) if nested => return Err(no_place("in a comment inside of parentheses")),
            Some(Frame::Comment) => out.push_str(&text.raw().replace('\n', " ")),
            Some(Frame::Document(document)) => out.push_str(&document.put(text)?),
            _ => {
                out.extend(["'", &text.single(), "'"]);
                self.word.push(QUOTED);
            }
        }
        Ok(())
    }

    /// What stands for a value where bash counts, or may count with what comes of this place.
    fn number(&self, value: &Value) -> Result<String, Fault> {
        let whole = match value {
            Value::Int(int) => Some(*int),
            // Whole numbers of other programs come as floats too; below 2^53 they are exact.
            Value::Float(float) if float.fract() == 0.0 && float.abs() < 9e15 => Some(*float as i64),
            _ => None,
        };
        let Some(whole) = whole else {
            let message = format!(
                "bash evaluates what stands here, so it can only be a whole number, not {}",
                value.type_name()
            );
            return Err(Fault::value(message).with_hint("`int(…)` makes a number of a text"));
        };
        let innermost = matches!(self.frames.last(), Some(Frame::Arithmetic { .. } | Frame::Index));
        if !innermost {
            return Ok(whole.to_string());
        }
        if self.last.is_some_and(|last| last.is_ascii_alphanumeric() || matches!(last, '_' | QUOTED)) {
            return Err(no_place("right after a name or a number"));
        }
        Ok(if whole < 0 && self.last != Some('[') { format!("({whole})") } else { whole.to_string() })
    }

    /// A text in a condition must not be in one that evaluates its operands.
    fn note_conditions(&mut self, value: &Value) -> Result<(), Fault> {
        if matches!(value, Value::Int(_)) {
            return Ok(());
        }
        for frame in &mut self.frames {
            if let Frame::Condition { text, counts, .. } = frame {
                if *counts {
                    return Err(evaluated("-eq"));
                }
                *text = true;
            }
        }
        Ok(())
    }
}
