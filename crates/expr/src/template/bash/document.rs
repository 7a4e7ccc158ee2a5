//! Here-documents: where their text ends, and what in it is not text.

use super::put::Text;
use super::{Frame, Reader};
use crate::budget::Fault;
use crate::template::program::Cursor;

/// The word after `<<`.
#[derive(Debug)]
pub(super) struct Delimiter {
    word: String,
    /// Whether it was quoted: the text has no substitutions and no escapes then.
    raw: bool,
    /// Whether it is `<<-`, which takes tabs away from where lines begin.
    tabs: bool,
}

/// A here-document whose text is being read.
#[derive(Debug)]
pub(super) struct Document {
    delimiter: Delimiter,
    /// The line up to this place.
    line: String,
    /// Whether a part of the line is of a value.
    has_value: bool,
    /// Whether a backslash that escapes is just before this place.
    escaped: bool,
    /// Whether a substitution began that is not followed further.
    opaque: bool,
}

impl Delimiter {
    /// Reads it, if it is a plain word, or one between quotes or after a backslash.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let tabs = cursor.take("-");
        cursor.take_while(|char| matches!(char, ' ' | '\t'));
        let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '-' | '+');
        let quote = ["'", "\"", "\\"].into_iter().find(|quote| cursor.take(quote));
        let word = match quote {
            Some("\\") | None => cursor.take_while(plain),
            Some(_) => cursor.take_while(|char| plain(char) || matches!(char, ' ' | '!' | '#' | '%' | '=')),
        };
        let closed = quote.is_none_or(|quote| quote == "\\" || cursor.take(quote));
        let ended = cursor.rest().starts_with([' ', '\t', '\n', ';', '|', '&', ')', '<', '>']);
        let good = closed && ended && !word.is_empty();
        good.then(|| Self { word: word.to_owned(), raw: quote.is_some(), tabs })
    }
}

impl Document {
    pub(super) fn new(delimiter: Delimiter) -> Self {
        Self { delimiter, line: String::new(), has_value: false, escaped: false, opaque: false }
    }

    /// The line as bash compares it with the delimiter.
    fn compared(&self) -> &str {
        if self.delimiter.tabs { self.line.trim_start_matches('\t') } else { &self.line }
    }

    /// Whether the line begins as the last one does: inside of `$( … )` that may be enough to end the document.
    fn begins_as_last(&self) -> bool {
        self.compared().starts_with(&self.delimiter.word)
    }

    /// The text as it can stand at this place.
    pub(super) fn put(&mut self, text: &Text) -> Result<String, Fault> {
        if self.opaque {
            return Err(super::put::no_place("after a substitution in a here-document"));
        }
        let written =
            if self.delimiter.raw { text.raw().to_owned() } else { text.escaped(&['\\', '$', '`']) };
        for (i, piece) in written.split('\n').enumerate() {
            if i > 0 {
                self.line.clear();
            }
            if self.delimiter.tabs && self.compared().is_empty() && piece.starts_with('\t') {
                let message = "a line of the value begins with a tab, which `<<-` would take away";
                return Err(Fault::value(message).with_hint("write `<<`"));
            }
            self.has_value = true;
            self.line.push_str(piece);
            if self.begins_as_last() {
                return Err(self.ends());
            }
        }
        Ok(written)
    }

    fn ends(&self) -> Fault {
        let word = &self.delimiter.word;
        Fault::value(format!("the value would end the here-document `{word}`"))
            .with_hint("begin the line with something else, or use another word")
    }
}

impl Reader {
    /// A character of the text of a here-document.
    pub(super) fn document(&mut self, char: char, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let nested = self.frames.iter().any(|frame| matches!(frame, Frame::Parens { .. }));
        let Some(Frame::Document(document)) = self.frames.last_mut() else { return Ok(()) };
        if char == '\n' && document.escaped {
            // The line goes on in the next.
            document.escaped = false;
            document.line.pop();
            if cursor.rest().is_empty() {
                self.open = Some("after a backslash");
            }
            return Ok(());
        }
        if char == '\n' {
            return self.document_line(nested);
        }
        document.line.push(char);
        if document.delimiter.raw {
            return Ok(());
        }
        if std::mem::take(&mut document.escaped) {
            return Ok(());
        }
        match char {
            '\\' => {
                document.escaped = true;
                if cursor.rest().is_empty() {
                    self.open = Some("after a backslash");
                }
            }
            '`' => document.opaque = true,
            '$' => {
                let substituted = substitution(cursor);
                document.opaque |= substituted.is_none();
                document.line.push_str(substituted.unwrap_or_default());
                if cursor.rest().is_empty() && !document.line.ends_with([')', '}']) {
                    self.open = Some("right after a `$` or the name of a variable (write `${name}`)");
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn document_line(&mut self, nested: bool) -> Result<(), Fault> {
        let Some(Frame::Document(document)) = self.frames.last_mut() else { return Ok(()) };
        if document.has_value && document.begins_as_last() {
            return Err(document.ends());
        }
        if document.compared() == document.delimiter.word {
            self.frames.pop();
            self.word.clear();
            if let Some(delimiter) = self.documents.pop_front() {
                self.frames.push(Frame::Document(Document::new(delimiter)));
            }
            return Ok(());
        }
        if nested && document.begins_as_last() {
            self.doubt = Some("a line that begins as the last one of its here-document");
        }
        document.line.clear();
        document.has_value = false;
        Ok(())
    }
}

/// Reads what belongs to a `$` in a here-document; none if that could go on beyond what is read here.
fn substitution<'t>(cursor: &mut Cursor<'t>) -> Option<&'t str> {
    let rest = cursor.rest();
    let simple = |char: char| char.is_ascii_alphanumeric() || " _./:=%+,@-".contains(char);
    let end = match cursor.peek() {
        Some('(') => ")",
        Some('{') => "}",
        Some('[' | '\\' | '$') => return None,
        Some(char) if char == '_' || char.is_ascii_alphanumeric() => {
            let name = cursor.take_while(|char| char == '_' || char.is_ascii_alphanumeric());
            return (!cursor.rest().starts_with('\\')).then_some(name);
        }
        _ => return Some(""),
    };
    cursor.next();
    let inside = cursor.take_while(simple);
    // `case` has a `)` of its own, and after `${ ` there is code.
    let code = inside.contains("case") || end == "}" && inside.starts_with(' ');
    let closed = cursor.take(end) && !code;
    closed.then(|| rest.get(..rest.len() - cursor.rest().len()).unwrap_or_default())
}
