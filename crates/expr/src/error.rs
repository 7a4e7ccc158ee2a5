//! The one error of this crate: what is wrong, where in the source, and what to do about it.
//!
//! `Display` gives the message alone, for callers that show the place their own way; `explain` draws it.

use std::fmt;
use std::ops::Range;

/// What sort of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The text is not an expression.
    Syntax,
    /// A function or method of that name does not exist.
    UnknownFunction,
    /// A function was given the wrong number of arguments.
    ArgumentCount,
    /// An operation on values of a type it cannot work with.
    Type,
    /// The types fit but the values do not: an index outside the list, text that is not a date.
    Value,
    /// One of the [`Limits`](crate::Limits) was met.
    Limit,
}

/// An expression that could not be read or evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What sort of thing went wrong.
    pub kind: ErrorKind,
    /// The sentence: lowercase, without a full stop.
    pub message: String,
    /// The bytes of the source that it is about.
    pub span: Range<usize>,
    /// What the writer may have meant.
    pub hint: Option<String>,
}

impl Error {
    /// An error about the bytes `span` of the source.
    pub(crate) fn new(kind: ErrorKind, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), span, hint: None }
    }

    pub(crate) fn syntax(span: Range<usize>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Syntax, span, message)
    }

    /// The same error with a hint.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The message, the line of `source` it is about with carets under the place, and the hint.
    ///
    /// ```
    /// let source = "inputs.name has \"x\"";
    /// let error = expr::Expression::parse(source).unwrap_err();
    /// assert!(error.explain(source).contains("^"));
    /// ```
    pub fn explain(&self, source: &str) -> String {
        let start = floor_char_boundary(source, self.span.start);
        let end = floor_char_boundary(source, self.span.end).max(start);
        let line_start = source[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |i| start + i);
        let number = source[..line_start].matches('\n').count() + 1;
        let line = source[line_start..line_end].trim_end_matches('\r');
        let column = source[line_start..start].chars().count();
        let width = source[start..end.min(line_end)].chars().count().max(1);
        // Tabs stay tabs, so that the caret stands under its character however wide they are shown.
        let margin: String =
            source[line_start..start].chars().map(|char| if char == '\t' { '\t' } else { ' ' }).collect();
        let gutter = format!("{number} | ");
        let mut text = format!(
            "{} (line {number}, column {})\n{gutter}{line}\n{:indent$}{margin}{}",
            self.message,
            column + 1,
            "",
            "^".repeat(width),
            indent = gutter.len(),
        );
        if let Some(hint) = &self.hint {
            text.push('\n');
            text.push_str(&" ".repeat(gutter.len()));
            text.push_str(hint);
        }
        text
    }
}

/// The nearest character boundary at or before `index`.
pub(crate) fn floor_char_boundary(source: &str, index: usize) -> usize {
    let mut index = index.min(source.len());
    while !source.is_char_boundary(index) {
        index -= 1;
    }
    index
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The candidate that `name` was most likely meant to be, if one is near enough.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| (distance(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap neighbours) that lead from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let replace = last[j] + usize::from(a[i] != b[j]);
            let mut best = replace.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_place() {
        let source = "a +\n\té + nope(1)";
        let start = source.find("nope").unwrap();
        let error = Error::syntax(start..start + 4, "function `nope` does not exist")
            .with_hint("did you mean `none`?");
        insta::assert_snapshot!(error.explain(source), @r"
        function `nope` does not exist (line 2, column 6)
        2 | 	é + nope(1)
            	    ^^^^
            did you mean `none`?
        ");
    }

    #[test]
    fn a_span_outside_the_source_is_survived() {
        assert!(Error::syntax(99..120, "x").explain("é").contains('^'));
        assert!(Error::syntax(1..1, "x").explain("é").contains('^'));
    }

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("contians", ["contains", "matches"]), Some("contains"));
        assert_eq!(nearest("Filter", ["filter"]), Some("filter"));
        assert_eq!(nearest("zebra", ["filter", "map"]), None);
    }
}
