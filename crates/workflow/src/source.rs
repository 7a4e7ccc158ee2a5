//! The document's text and where its lines begin: turns byte offsets into lines and columns.

use std::sync::Arc;

use crate::diagnostic::Span;

/// A stretch of the document in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Extent {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Extent {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start, end: end.max(start) }
    }
}

/// The text without a byte order mark, and its lines.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    text: Arc<str>,
    /// The byte at which each line begins.
    line_starts: Vec<usize>,
}

impl Source {
    pub(crate) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut line_starts = vec![0];
        for (index, byte) in bytes.iter().enumerate() {
            // `\r\n` is one line break, a lone `\r` is one too, as in YAML.
            if *byte == b'\n' || (*byte == b'\r' && bytes.get(index + 1) != Some(&b'\n')) {
                line_starts.push(index + 1);
            }
        }
        Self { text: text.into(), line_starts }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text of `at`; empty if `at` does not lie on character boundaries.
    pub(crate) fn slice(&self, at: Extent) -> &str {
        self.text.get(at.start..at.end).unwrap_or_default()
    }

    pub(crate) fn span(&self, at: Extent) -> Span {
        let (line, column) = self.position(at.start);
        let (end_line, end_column) = self.position(at.end);
        Span { line, column, end_line, end_column }
    }

    /// The rest of the line from `offset` on, without its line break.
    pub(crate) fn rest_of_line(&self, offset: usize) -> Extent {
        let rest = self.text.get(offset..).unwrap_or_default();
        let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
        Extent::new(offset, offset + length)
    }

    fn position(&self, offset: usize) -> (u32, u32) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..offset).unwrap_or_default().chars().count() + 1;
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_every_line_break_counts_once() {
        let source = Source::new("a\r\nüb\rc\nd");
        let check = |start, end, expected| {
            let Span { line, column, end_line, end_column } = source.span(Extent::new(start, end));
            assert_eq!((line, column, end_line, end_column), expected);
        };
        check(0, 1, (1, 1, 1, 2));
        check(5, 6, (2, 2, 2, 3));
        check(4, 4, (2, 1, 2, 1));
        check(7, 8, (3, 1, 3, 2));
        check(9, 99, (4, 1, 4, 2));
    }
}
