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
    let mut walk = Walk { written, text, style, at: opening, reached: 0 };
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
    /// Before a line break that stands for no character of the text.
    fn is_at_nothing(&self) -> bool {
        let rest = &self.written[self.at..];
        let blanks = if self.style == Style::Block { 0 } else { blanks(rest) };
        let escaped = self.style == Style::DoubleQuoted && rest.starts_with('\\');
        let breaks = line_break(&rest[blanks + usize::from(escaped && blanks == 0)..]).is_some();
        breaks && (escaped || !self.text[self.reached..].starts_with(['\n', ' ']))
    }

    fn step(&mut self) {
        let rest = &self.written[self.at..];
        if let Some(length) = line_break(rest) {
            return self.new_line(length);
        }
        // A line break folds away the blanks before it.
        if self.style != Style::Block {
            let blanks = blanks(rest);
            if blanks > 0 && line_break(&rest[blanks..]).is_some() {
                self.at += blanks;
                return;
            }
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
        self.reached += self.text[self.reached..].chars().next().map_or(1, char::len_utf8);
    }

    fn new_line(&mut self, length: usize) {
        self.at += length;
        if self.text[self.reached..].starts_with(['\n', ' ']) {
            self.reached += 1;
        }
        let indentation = blanks(&self.written[self.at..]);
        self.at += match self.style {
            // What a line has more than the indentation of its block belongs to the text.
            Style::Block => indentation.saturating_sub(blanks(&self.text[self.reached..])),
            _ => indentation,
        };
    }

    fn escape(&mut self) {
        let rest = &self.written[self.at + 1..];
        if let Some(length) = line_break(rest) {
            self.at += 1 + length;
            self.at += blanks(&self.written[self.at..]);
            return;
        }
        let length = match rest.bytes().next() {
            Some(b'x') => 3,
            // Two escapes of a surrogate pair are one character.
            Some(b'u')
                if rest.get(1..3).is_some_and(|hex| {
                    matches!(
                        hex,
                        "d8" | "d9" | "da" | "db" | "D8" | "D9" | "DA" | "DB" | "dA" | "dB" | "Da" | "Db"
                    )
                }) =>
            {
                11
            }
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
