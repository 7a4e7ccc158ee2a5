//! Where in a JavaScript program the expressions of a template stand, so that a value is never more than a value there.
//!
//! It follows texts, templates, comments and regular expressions, on a stack. Whether a `/` divides is told from what is
//! before it; where that is not enough there is a `doubt`, and every expression from there on is refused.

mod put;

use super::program::{Cursor, Program};
use crate::Value;
use crate::budget::Fault;

/// What of a program was read so far.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// What is open around this place, the innermost last.
    frames: Vec<Frame>,
    before: Before,
    /// The character just before this place.
    last: Option<char>,
    /// Whether a token of code stands before this place on its line.
    line_begun: bool,
    /// Whether the last token is a value in the place of a key.
    key: bool,
    /// Whether a value was written just before this place.
    after_value: bool,
    /// After what the engine and this reader may not be at the same place any more.
    doubt: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    /// `( … )`, and whether a statement follows it, as after `if`.
    Parens {
        head: bool,
    },
    Brackets,
    Braces,
    /// `${ … }` of a template.
    Field,
    /// Between quotes, and whether a backslash is just before this place or the escape may go on.
    Text {
        quote: char,
        escape: Escape,
    },
    /// Between backquotes; a tagged one is given to a function as it is written.
    Template {
        tagged: bool,
        escape: Escape,
    },
    /// A regular expression, and whether this is between its brackets.
    Regex {
        class: bool,
        escaped: bool,
    },
    LineComment,
    BlockComment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    None,
    /// A backslash is just before this place.
    Begun,
    /// Digits may belong to it: `\x4`, `\u{1`.
    Open,
}

/// The last token of code before a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Before {
    /// A statement can begin here.
    #[default]
    Statement,
    /// A `{`, after which there is a statement or a key.
    Brace,
    /// A `,`, after which there is a value or a key.
    Comma,
    /// An operator, or a word such as `return`.
    Operator,
    /// A word that may be a name: `of`, `await`.
    MaybeName,
    /// A value ended: a name, a number, a text, a `]`.
    Value,
    /// A `}`, a `++` or a word after which nobody knows.
    Unknown,
    /// A `.`, after which there is a name.
    Dot,
    /// `if`, `while`, `for`, `with`: what follows in parentheses is no value.
    Head,
    /// `for`, which may have an `await` before its parentheses.
    For,
}

impl Program for Reader {
    fn read(&mut self, text: &str) -> Result<&'static str, Fault> {
        let in_code = self.in_code();
        let joined = |char: char| is_name(char) || matches!(char, '.' | '"' | '\'' | '`' | '\\');
        let space = std::mem::take(&mut self.after_value) && in_code && text.starts_with(joined);
        let mut cursor = Cursor::new(text);
        while self.doubt.is_none() {
            let Some(char) = cursor.next() else { break };
            self.step(char, &mut cursor)?;
            let read = text.len() - cursor.rest().len();
            self.last = text.get(..read).and_then(|text| text.chars().next_back());
        }
        Ok(if space { " " } else { "" })
    }

    fn put(&mut self, value: &Value, out: &mut String) -> Result<(), Fault> {
        self.put_value(value, out)
    }
}

impl Reader {
    fn in_code(&self) -> bool {
        matches!(
            self.frames.last(),
            None | Some(Frame::Parens { .. } | Frame::Brackets | Frame::Braces | Frame::Field)
        )
    }

    fn step(&mut self, char: char, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        match self.frames.last_mut() {
            Some(Frame::Text { quote, escape }) => {
                let quote = *quote;
                if escape.goes_on(char) {
                    // A backslash takes a line break in two characters away as one.
                    if char == '\r' && cursor.take("\n") {}
                } else if char == quote {
                    self.close_value();
                } else if matches!(char, '\n' | '\r') {
                    self.doubt = Some("a text without its end");
                }
            }
            Some(Frame::Template { escape, .. }) => {
                if escape.goes_on(char) {
                } else if char == '`' {
                    self.close_value();
                } else if char == '$' && cursor.take("{") {
                    self.frames.push(Frame::Field);
                    self.before = Before::Operator;
                }
            }
            Some(Frame::Regex { class, escaped }) => {
                if is_line_end(char) {
                    self.doubt = Some("a regular expression without its end");
                } else if std::mem::take(escaped) {
                } else {
                    match char {
                        '\\' => *escaped = true,
                        '[' => *class = true,
                        ']' => *class = false,
                        '/' if !*class => self.close_value(),
                        _ => {}
                    }
                }
            }
            Some(Frame::LineComment) => {
                if is_line_end(char) {
                    self.frames.pop();
                    self.line_begun = false;
                }
            }
            Some(Frame::BlockComment) => {
                if char == '*' && cursor.take("/") {
                    self.frames.pop();
                } else if is_line_end(char) {
                    self.line_begun = false;
                }
            }
            _ => return self.code(char, cursor),
        }
        Ok(())
    }

    /// Ends the innermost frame, which was a value.
    fn close_value(&mut self) {
        self.frames.pop();
        self.before = Before::Value;
    }

    fn code(&mut self, char: char, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        if is_line_end(char) {
            self.line_begun = false;
            return Ok(());
        }
        if char.is_whitespace() || char == '\u{feff}' {
            return Ok(());
        }
        match char {
            '/' if cursor.take("/") => {
                self.frames.push(Frame::LineComment);
                return Ok(());
            }
            '/' if cursor.take("*") => {
                self.frames.push(Frame::BlockComment);
                return Ok(());
            }
            _ => {}
        }
        if std::mem::take(&mut self.key) && matches!(char, ':' | '(') {
            let message = "an expression cannot be the key of a JavaScript object as it stands";
            return Err(Fault::value(message).with_hint("put it between brackets: `[{{ … }}]`"));
        }
        let begun = std::mem::replace(&mut self.line_begun, true);
        self.token(char, begun, cursor);
        Ok(())
    }

    fn token(&mut self, char: char, line_begun: bool, cursor: &mut Cursor<'_>) {
        match char {
            '"' | '\'' => self.frames.push(Frame::Text { quote: char, escape: Escape::None }),
            '`' => {
                let tagged = matches!(self.before, Before::Value | Before::Unknown | Before::MaybeName);
                self.frames.push(Frame::Template { tagged, escape: Escape::None });
            }
            '(' => {
                let head = self.before == Before::Head || self.before == Before::For;
                self.open(Frame::Parens { head });
            }
            '[' => self.open(Frame::Brackets),
            '{' => {
                self.frames.push(Frame::Braces);
                self.before = Before::Brace;
            }
            ')' | ']' | '}' => self.close(char),
            '/' => self.slash(),
            '.' if cursor.peek().is_some_and(|next| next.is_ascii_digit()) => self.number(cursor),
            '.' if cursor.take("..") => self.before = Before::Operator,
            '.' => self.before = Before::Dot,
            '0'..='9' => self.number(cursor),
            ';' => self.before = Before::Statement,
            ',' => self.before = Before::Comma,
            '<' if cursor.rest().starts_with("!--") => self.doubt = Some("`<!--`, which may begin a comment"),
            '-' if !line_begun && cursor.rest().starts_with("->") => {
                self.doubt = Some("`-->`, which may begin a comment");
            }
            '+' | '-' if cursor.peek() == Some(char) => {
                cursor.next();
                self.before = Before::Unknown;
            }
            '#' if cursor.peek() == Some('!') => self.doubt = Some("`#!`"),
            '#' => self.before = Before::Dot,
            char if is_name(char) => self.word(char, cursor),
            char if "=!<>+-*%&|^~?:".contains(char) => self.before = Before::Operator,
            _ => self.doubt = Some("a character that is no JavaScript, or of a name with escapes in it"),
        }
    }

    fn open(&mut self, frame: Frame) {
        self.frames.push(frame);
        self.before = Before::Operator;
    }

    fn close(&mut self, char: char) {
        self.before = match (self.frames.pop(), char) {
            (Some(Frame::Parens { head: true }), ')') => Before::Statement,
            (Some(Frame::Parens { head: false }), ')') | (Some(Frame::Brackets), ']') => Before::Value,
            (Some(Frame::Braces), '}') => Before::Unknown,
            // The template goes on, below this frame.
            (Some(Frame::Field), '}') => Before::Operator,
            _ => {
                self.doubt = Some("brackets that do not match");
                Before::Unknown
            }
        };
    }

    fn slash(&mut self) {
        match self.before {
            Before::Value => self.before = Before::Operator,
            Before::Statement | Before::Brace | Before::Comma | Before::Operator => {
                self.frames.push(Frame::Regex { class: false, escaped: false });
            }
            _ => self.doubt = Some("a `/` that may divide or begin a regular expression"),
        }
    }

    fn number(&mut self, cursor: &mut Cursor<'_>) {
        cursor.take_while(|char| is_name(char) || char == '.');
        self.before = Before::Value;
    }

    fn word(&mut self, first: char, cursor: &mut Cursor<'_>) {
        let rest = cursor.take_while(is_name);
        let mut word = String::from(first);
        word.push_str(rest);
        self.before = match word.as_str() {
            _ if self.before == Before::Dot => Before::Value,
            "await" if self.before == Before::For => Before::For,
            "return" | "typeof" | "case" | "in" | "delete" | "void" | "throw" | "instanceof" | "default"
            | "else" | "do" => Before::Operator,
            "of" | "await" | "yield" => Before::MaybeName,
            "if" | "while" | "with" => Before::Head,
            "for" => Before::For,
            "break" | "continue" | "debugger" | "new" | "import" | "export" | "function" | "class"
            | "extends" | "const" | "var" | "let" | "enum" | "switch" | "try" | "catch" | "finally" => {
                Before::Unknown
            }
            _ => Before::Value,
        };
    }
}

impl Escape {
    /// Whether `char` belongs to an escape, or begins one.
    fn goes_on(&mut self, char: char) -> bool {
        let before = *self;
        *self = match (before, char) {
            (Self::Begun, 'x' | 'u' | '0'..='7') => Self::Open,
            (Self::Begun, _) => Self::None,
            (_, '\\') => Self::Begun,
            (Self::Open, '{') => Self::Open,
            (Self::Open, char) if char.is_ascii_hexdigit() => Self::Open,
            _ => Self::None,
        };
        before == Self::Begun || *self != Self::None
    }
}

fn is_line_end(char: char) -> bool {
    matches!(char, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// Whether a name or a number can have `char` in it.
fn is_name(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '$' | '\u{200c}' | '\u{200d}')
}
