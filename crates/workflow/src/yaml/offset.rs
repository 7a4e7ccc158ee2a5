//! From a byte of a scalar's text back to the byte of the document where it was written.
//!
//! Walks the written form and the text side by side: over quotes, escapes, folded lines and indentation.

use super::node::Style;

/// The byte of `written` that became the byte `target` of `text`.
pub(super) fn in_source(written: &str, style: Style, text: &str, target: usize) -> usize {
    let opening = usize::from(matches!(style, Style::SingleQuoted | Style::DoubleQuoted));
    // Written as it reads: by far the most frequent case.
    if written.get(opening..).is_some_and(|inner| inner.starts_with(text)) {
        return opening + target.min(text.len());
    }
    // A block begins with its first line that is not blank; the breaks before it are in the text alone.
    let skipped = if style == Style::Block { text.len() - text.trim_start_matches('\n').len() } else { 0 };
    let mut walk = Walk { written, text, style, at: opening, reached: skipped };
    while walk.at < written.len() && (walk.reached < target || walk.is_at_nothing()) {
        walk.step();
    }
    walk.at.min(written.len())
}

struct Walk<'a> {
    written: &'a str,
    text: &'a str,
    style: Style,
    /// The byte of `written` and that of `text` which correspond.
    at: usize,
    reached: usize,
}

impl Walk<'_> {
    /// What is left of the written form.
    fn rest(&self) -> &str {
        self.written.get(self.at..).unwrap_or_default()
    }

    /// What is left of the text.
    fn ahead(&self) -> &str {
        self.text.get(self.reached..).unwrap_or_default()
    }

    /// Before a line break that stands for no character of the text.
    fn is_at_nothing(&self) -> bool {
        let rest = self.rest();
        match self.style {
            Style::Block => line_break(rest).is_some() && !self.ahead().starts_with(['\n', ' ']),
            Style::DoubleQuoted => rest
                .strip_prefix('\\')
                .is_some_and(|rest| escaped_breaks(rest).is_some_and(|(breaks, _)| breaks == 1)),
            Style::Plain | Style::SingleQuoted => false,
        }
    }

    fn step(&mut self) {
        let rest = self.rest();
        if self.style == Style::Block {
            if let Some(length) = line_break(rest) {
                return self.new_line(length);
            }
        } else if let (breaks @ 1.., length) = fold(rest) {
            // One line break is a blank, of several the first is nothing.
            self.at += length;
            self.reached += breaks.saturating_sub(1).max(1);
            return;
        }
        match self.style {
            Style::SingleQuoted if rest.starts_with("''") => self.took(2),
            Style::DoubleQuoted if rest.starts_with('\\') => self.escape(),
            _ => self.took(rest.chars().next().map_or(1, char::len_utf8)),
        }
    }

    /// `written` bytes stand for the next character of the text.
    fn took(&mut self, written: usize) {
        self.at += written;
        self.reached += self.ahead().chars().next().map_or(1, char::len_utf8);
    }

    /// The next line of a block: what it has more than the block's indentation belongs to the text.
    fn new_line(&mut self, length: usize) {
        self.at += length;
        if self.ahead().starts_with(['\n', ' ']) {
            self.reached += 1;
        }
        let indentation = blanks(self.rest());
        self.at += indentation.saturating_sub(blanks(self.ahead()));
    }

    fn escape(&mut self) {
        let rest = self.written.get(self.at + 1..).unwrap_or_default();
        if let Some((breaks, length)) = escaped_breaks(rest) {
            // An escaped line break is nothing, those after it are what they are.
            self.at += 1 + length;
            self.reached += breaks - 1;
            return;
        }
        let length = match rest.bytes().next() {
            Some(b'x') => 3,
            Some(b'u') if is_high_surrogate(rest) => 11,
            Some(b'u') => 5,
            Some(b'U') => 9,
            _ => rest.chars().next().map_or(0, char::len_utf8),
        };
        let end = (self.at + 1 + length).min(self.written.len());
        self.took(end - self.at);
        while !self.written.is_char_boundary(self.at) {
            self.at += 1;
        }
    }
}

/// The line breaks after a backslash, which is right before the first of them.
fn escaped_breaks(text: &str) -> Option<(usize, usize)> {
    line_break(text).map(|_| fold(text))
}

/// `ud83d`: two such escapes are one character.
fn is_high_surrogate(escape: &str) -> bool {
    let unit = escape.get(1..5).and_then(|hex| u16::from_str_radix(hex, 16).ok());
    unit.is_some_and(|unit| (0xd800..0xdc00).contains(&unit))
}

/// The line breaks that `text` begins with, with the blanks around them: how many, and their bytes.
fn fold(text: &str) -> (usize, usize) {
    let (mut breaks, mut end) = (0, 0);
    loop {
        let rest = &text[end..];
        let blanks = blanks(rest);
        match line_break(&rest[blanks..]) {
            Some(length) => end += blanks + length,
            None if breaks > 0 => return (breaks, end + blanks),
            None => return (0, 0),
        }
        breaks += 1;
    }
}

fn line_break(text: &str) -> Option<usize> {
    match text.as_bytes() {
        [b'\r', b'\n', ..] => Some(2),
        [b'\n' | b'\r', ..] => Some(1),
        _ => None,
    }
}

fn blanks(text: &str) -> usize {
    text.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `X` in the text must lead to `X` in the written form.
    fn check(written: &str, style: Style, text: &str) {
        let found = in_source(written, style, text, text.find('X').unwrap());
        assert_eq!(found, written.find('X').unwrap(), "{written:?}");
    }

    #[test]
    fn a_byte_of_the_text_leads_back_to_where_it_was_written() {
        check("abX", Style::Plain, "abX");
        check("ab  \n    cd\n\n   X", Style::Plain, "ab cd\nX");
        check("'it''s X'", Style::SingleQuoted, "it's X");
        check("'a\n  X'", Style::SingleQuoted, "a X");
        check(r#""ab X""#, Style::DoubleQuoted, "ab X");
        check(r#""\t\x41\u00fc\U0001F600\ud83d\ude00\\X""#, Style::DoubleQuoted, "\tAü😀😀\\X");
        check("\"a \\\n   b\n\n  X\"", Style::DoubleQuoted, "a b\nX");
        check("a\n  b\n    c X\n", Style::Block, "a\nb\n  c X\n");
        check("a\r\n  b X\r\n", Style::Block, "a\nb X\n");
        check("a\n  b\n\n  c\n\n\n  X", Style::Block, "a b\nc\n\nX");
    }
}
