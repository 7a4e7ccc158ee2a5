//! Walks over the text of a requirement, from token to token.

use super::RequirementError;

pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// Where the last token began.
    token: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, token: 0 }
    }

    fn rest(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start_matches([' ', '\t']);
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    /// Whether this is next.
    pub(super) fn sees(&mut self, token: &str) -> bool {
        self.rest().starts_with(token)
    }

    /// Takes this if it is next.
    pub(super) fn take(&mut self, token: &str) -> bool {
        let found = self.sees(token);
        if found {
            self.token = self.at;
            self.at += token.len();
        }
        found
    }

    /// Takes as many of these characters as are next, at least one.
    pub(super) fn word(&mut self, is_part: impl Fn(char) -> bool) -> Option<&'a str> {
        let rest = self.rest();
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let word = rest.get(..length).filter(|word| !word.is_empty())?;
        self.token = self.at;
        self.at += length;
        Some(word)
    }

    /// Takes a text in quotes of either kind; it holds neither the same quote nor a backslash.
    pub(super) fn quoted(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let inner = rest.get(1..)?;
        let inner = inner.get(..inner.find(quote)?).filter(|inner| !inner.contains('\\'))?;
        self.token = self.at;
        self.at += inner.len() + 2;
        Some(inner)
    }

    pub(super) fn at_end(&mut self) -> bool {
        self.rest().is_empty()
    }

    /// What is wrong from here on.
    pub(super) fn error(&mut self, message: &str) -> RequirementError {
        self.rest();
        RequirementError { message: message.to_owned(), range: self.at..self.text.len() }
    }

    /// What is wrong from the last token on.
    pub(super) fn error_before(&mut self, message: &str) -> RequirementError {
        RequirementError { message: message.to_owned(), range: self.token..self.text.len() }
    }
}
