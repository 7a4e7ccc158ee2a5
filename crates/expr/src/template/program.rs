//! What the readers of programs have in common: how a template asks them, and how they go through its text.

use crate::Value;
use crate::budget::Fault;

/// What follows a program through its text, and knows how a value is written wherever it stands.
pub(super) trait Program {
    /// Reads on, up to the next expression; gives what must stand before `text`, which would else be one with what
    /// is before it. An error is about the expression before `text`, which makes it something that a value must not be.
    fn read(&mut self, text: &str) -> Result<&'static str, Fault>;

    /// Writes a value to this place. An error if nothing that could be written is certainly a value here.
    fn put(&mut self, value: &Value, out: &mut String) -> Result<(), Fault>;
}

/// A place in a piece of text.
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The character that comes next.
    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The next character, which is read with that.
    pub(super) fn next(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.at += char.len_utf8();
        Some(char)
    }

    /// Whether `wanted` comes next; if so it is read.
    pub(super) fn take(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    /// Reads as many characters as `wanted` accepts.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|char| !wanted(char)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }
}
