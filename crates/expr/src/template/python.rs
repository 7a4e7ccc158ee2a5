//! Where in a Python program the expressions of a template stand: in its code, or in one of its texts.
//!
//! In code a literal takes the expression's place, in a text only what may stand in a text. Where it cannot be
//! told which, or nothing could be made safe, there is an error. It reads no more of Python than its quotes.

use super::program::Program;
use crate::Value;
use crate::budget::Fault;

/// What of a program was read so far.
#[derive(Debug, Default)]
pub(super) struct Reader {
    place: Place,
    /// The letters and digits just before this place: the prefix of a text that begins here.
    word: String,
    /// Whether a text ends just before this place. A quote here would make three of two.
    after_text: bool,
    /// Whether a text was met whose end depends on Python's version.
    unsure: bool,
}

/// Where a reader stands.
#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    Code,
    Comment,
    Text(Text),
}

/// A text of the program.
#[derive(Clone, Copy, Debug)]
struct Text {
    quote: char,
    /// Whether three quotes end it.
    triple: bool,
    kind: TextKind,
    /// Whether a backslash is just before this place.
    escaped: bool,
    /// How many quotes in a row are just before this place.
    quotes: u8,
    /// How many `{` of a formatted text are open.
    fields: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextKind {
    Plain,
    /// `f"…"` and the like, which have code in them.
    Formatted,
    /// `r"…"` and `b"…"`, which have not all escapes.
    Restricted,
}

/// How an expression is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Literal,
    /// A literal after a space, without which it would be one with the word or text before it.
    SpacedLiteral,
    InsideText,
}

impl Program for Reader {
    fn read(&mut self, text: &str) -> Result<&'static str, Fault> {
        let spaced = matches!(self.place, Place::Code) && self.after_text && text.starts_with(['"', '\'']);
        let mut rest = text.chars();
        while let Some(char) = rest.next() {
            // Every sort of line break is one `\n`.
            let char = match char {
                '\r' if rest.as_str().starts_with('\n') => continue,
                '\r' => '\n',
                char => char,
            };
            match &mut self.place {
                Place::Comment if char == '\n' => self.place = Place::Code,
                Place::Comment => {}
                Place::Code => self.code(char, &mut rest),
                Place::Text(text) => {
                    if text.ends_at(char, &mut self.unsure) {
                        self.place = Place::Code;
                        self.after_text = true;
                    }
                }
            }
        }
        Ok(if spaced { " " } else { "" })
    }

    fn put(&mut self, value: &Value, out: &mut String) -> Result<(), Fault> {
        match self.form()? {
            Form::Literal => out.push_str(&value.python()),
            Form::SpacedLiteral => out.extend([" ", &value.python()]),
            Form::InsideText => {
                let inside = value.inside_python_text();
                // Nothing between two quotes leaves them next to one another.
                if let (Place::Text(text), false) = (&mut self.place, inside.is_empty()) {
                    text.quotes = 0;
                }
                out.push_str(&inside);
            }
        }
        Ok(())
    }
}

impl Reader {
    fn code(&mut self, char: char, rest: &mut std::str::Chars<'_>) {
        self.after_text = false;
        match char {
            '#' => self.place = Place::Comment,
            quote @ ('"' | '\'') => {
                let triple = rest.as_str().starts_with(&format!("{quote}{quote}"));
                if triple {
                    rest.nth(1);
                }
                let kind = match self.word.to_ascii_lowercase().as_str() {
                    "f" | "fr" | "rf" | "t" | "tr" | "rt" => TextKind::Formatted,
                    "r" | "b" | "br" | "rb" => TextKind::Restricted,
                    _ => TextKind::Plain,
                };
                self.place = Place::Text(Text { quote, triple, kind, escaped: false, quotes: 0, fields: 0 });
            }
            _ => {}
        }
        match char {
            char if char.is_alphanumeric() || char == '_' => self.word.push(char),
            _ => self.word.clear(),
        }
    }

    /// How an expression at this place is to be written.
    fn form(&mut self) -> Result<Form, Fault> {
        let hint = "give it a name before: `name = {{ … }}`";
        if self.unsure {
            let message =
                "a formatted text before it has its own quotes in it, so this cannot be told code from text";
            return Err(Fault::value(message).with_hint("use other quotes inside of the formatted text"));
        }
        match &mut self.place {
            Place::Code => {
                let joined = self.after_text || !self.word.is_empty();
                self.after_text = true;
                self.word.clear();
                Ok(if joined { Form::SpacedLiteral } else { Form::Literal })
            }
            Place::Comment => Ok(Form::Literal),
            Place::Text(text) if text.kind == TextKind::Plain && !text.escaped => Ok(Form::InsideText),
            Place::Text(text) => {
                let what = match text.kind {
                    TextKind::Plain => "after a backslash",
                    TextKind::Formatted => "in a formatted text",
                    TextKind::Restricted => "in a raw text or bytes",
                };
                Err(Fault::value(format!("an expression cannot stand {what} of Python")).with_hint(hint))
            }
        }
    }
}

impl Text {
    /// Whether the text ends with `char`.
    fn ends_at(&mut self, char: char, unsure: &mut bool) -> bool {
        if std::mem::take(&mut self.escaped) {
            self.quotes = 0;
            return false;
        }
        match char {
            '\\' => self.escaped = true,
            '{' => self.fields += 1,
            '}' => self.fields = self.fields.saturating_sub(1),
            // Without three quotes the line ends it too, though not well.
            '\n' if !self.triple => return true,
            _ => {}
        }
        if char != self.quote {
            self.quotes = 0;
            return false;
        }
        if self.kind == TextKind::Formatted && self.fields > 0 {
            *unsure = true;
        }
        self.quotes += 1;
        self.quotes == if self.triple { 3 } else { 1 }
    }
}
