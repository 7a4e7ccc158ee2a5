//! Where in a bash program the expressions of a template stand, so that a value is never more than text there.
//!
//! It follows quotes, substitutions, arithmetic and here-documents, on a stack. Of bash's many rules it knows those that
//! decide where one of these ends. What it does not know for certain it does not guess: from there on there is a
//! `doubt`, and every expression is refused.

mod document;
mod put;

use std::collections::VecDeque;

use super::program::{Cursor, Program};
use crate::Value;
use crate::budget::Fault;
use document::{Delimiter, Document};

/// What of a program was read so far.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// What is open around this place, the innermost last; code if nothing is.
    frames: Vec<Frame>,
    /// The word of code just before this place, as it is written. Its quoted parts are [`QUOTED`].
    word: String,
    /// Whether this place is after the first word of a command.
    in_command: bool,
    /// The command that takes its arguments for code, if this is one of its arguments.
    evaluates: Option<&'static str>,
    /// The character just before this place.
    last: Option<char>,
    /// Why no expression can stand at this very place.
    open: Option<&'static str>,
    /// After what bash and this reader may not be at the same place any more.
    doubt: Option<&'static str>,
    /// Here-documents whose text begins after this line, and how many frames are open around them.
    documents: VecDeque<Delimiter>,
    documents_depth: usize,
}

#[derive(Debug)]
enum Frame {
    /// `( … )`, with code in it, which is part of a word if it is `$( … )` or `<( … )`; and the command that takes
    /// what comes out of it for code.
    Parens {
        in_word: bool,
        evaluates: Option<&'static str>,
    },
    /// `[[ … ]]`, with so many parentheses open in it.
    Condition {
        parens: usize,
        text: bool,
        counts: bool,
    },
    /// `(( … ))` and `$(( … ))`, with so many parentheses open in it.
    Arithmetic {
        parens: usize,
        in_word: bool,
    },
    /// `[ … ]` in a word: an index, or characters of a pattern.
    Index,
    /// `${ … }`, and whether it is between double quotes.
    Braces {
        quoted: bool,
    },
    Single,
    Double,
    /// `$'…'`, and whether the escape before this place may go on.
    Escaped {
        open: bool,
    },
    Backquotes,
    Comment,
    Document(Document),
}

/// Stands in a word of code for what is quoted or put in.
const QUOTED: char = '\'';
/// Commands whose arguments are code, or are counted with, which can run code too.
const EVALUATING: [&str; 3] = ["eval", "let", "trap"];
/// Words after which a command begins.
const BEFORE_COMMANDS: [&str; 12] =
    ["if", "then", "elif", "else", "while", "until", "do", "{", "!", "time", "command", "builtin"];
/// What makes a condition evaluate its operands, in which there may be code.
const COUNTING: [&str; 8] = ["-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v", "-R"];

impl Program for Reader {
    fn read(&mut self, text: &str) -> Result<&'static str, Fault> {
        self.open = None;
        let mut cursor = Cursor::new(text);
        while self.doubt.is_none() {
            let Some(char) = cursor.next() else { break };
            self.step(char, &mut cursor)?;
            let read = text.len() - cursor.rest().len();
            self.last = text.get(..read).and_then(|text| text.chars().next_back());
        }
        Ok("")
    }

    fn put(&mut self, value: &Value, out: &mut String) -> Result<(), Fault> {
        self.put_value(value, out)
    }
}

impl Reader {
    fn step(&mut self, char: char, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        if char == '\0' {
            self.doubt = Some("the character NUL");
        }
        if char == '\n' && !self.documents.is_empty() && self.frames.len() != self.documents_depth {
            let expected = match self.frames.last() {
                Some(Frame::Document(_)) => true,
                Some(Frame::Comment) => self.frames.len() == self.documents_depth + 1,
                _ => false,
            };
            if !expected {
                self.doubt = Some("a line that ends between a here-document and its text");
                return Ok(());
            }
        }
        match self.frames.last_mut() {
            None | Some(Frame::Parens { .. } | Frame::Condition { .. }) => return self.code(char, cursor),
            Some(Frame::Document(_)) => return self.document(char, cursor),
            Some(Frame::Arithmetic { .. }) => self.arithmetic(char, cursor),
            Some(Frame::Index) => self.index(char, cursor),
            Some(Frame::Braces { quoted }) => {
                let quoted = *quoted;
                self.braces(char, quoted, cursor);
            }
            Some(Frame::Single) if char == '\'' => self.close(),
            Some(Frame::Single) => {}
            Some(Frame::Double) => match char {
                '"' => self.close(),
                '\\' => self.backslash(cursor),
                '`' => self.frames.push(Frame::Backquotes),
                '$' => self.dollar(true, cursor),
                _ => {}
            },
            Some(Frame::Escaped { open }) => match char {
                '\'' => self.close(),
                '\\' => {
                    *open = matches!(cursor.peek(), Some('x' | 'u' | 'U' | 'c' | '0'..='7'));
                    self.backslash(cursor);
                }
                char => *open &= char.is_ascii_hexdigit() || char == '{',
            },
            Some(Frame::Backquotes) => match char {
                '`' => self.close(),
                '\\' => self.backslash(cursor),
                '#' => self.doubt = Some("a `#` between backquotes"),
                _ => {}
            },
            Some(Frame::Comment) if char == '\n' => {
                self.frames.pop();
                return self.code(char, cursor);
            }
            Some(Frame::Comment) => {}
        }
        Ok(())
    }

    /// Ends the innermost frame, which was part of a word.
    fn close(&mut self) {
        self.frames.pop();
        self.word.clear();
        self.word.push(QUOTED);
    }

    /// After a backslash between quotes, where it is for the next character.
    fn backslash(&mut self, cursor: &mut Cursor<'_>) {
        match cursor.next() {
            // The next line may go on with a name.
            Some('\n') if cursor.rest().is_empty() => self.open = Some("after a backslash"),
            Some('\n') if !self.documents.is_empty() => {
                self.doubt = Some("a line that ends between a here-document and its text");
            }
            Some(_) => {}
            None => self.open = Some("after a backslash"),
        }
    }

    fn code(&mut self, char: char, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        if matches!(char, '\n' | ' ' | '\t' | '(' | ')' | '<' | '>' | '|' | '&' | ';') {
            let word = std::mem::take(&mut self.word);
            self.end_word(&word)?;
            self.operator(char, !word.is_empty(), cursor);
            return Ok(());
        }
        match char {
            '#' if self.word.is_empty() && self.in_condition() => self.doubt = Some("a `#` in `[[ … ]]`"),
            '#' if self.word.is_empty() => self.frames.push(Frame::Comment),
            '\'' => self.frames.push(Frame::Single),
            '"' => self.frames.push(Frame::Double),
            '`' => self.frames.push(Frame::Backquotes),
            '$' => {
                self.word.push(QUOTED);
                self.dollar(false, cursor);
            }
            '\\' if cursor.take("\n") => match self.last {
                None | Some(' ' | '\t' | '\n' | '|' | ';' | '"' | '\'') => {
                    // The next line may make another word of a quoted one.
                    if !self.word.is_empty() && cursor.rest().is_empty() {
                        self.open = Some("after a backslash");
                    }
                }
                _ => self.doubt = Some("a word that goes on on the next line"),
            },
            '\\' => {
                self.word.push(QUOTED);
                self.backslash(cursor);
            }
            '[' => self.bracket(cursor),
            char => self.word.push(char),
        }
        Ok(())
    }

    fn bracket(&mut self, cursor: &mut Cursor<'_>) {
        let blank = |text: &str| text.starts_with([' ', '\t', '\n']);
        if self.in_condition() || self.word.is_empty() && blank(cursor.rest()) {
            self.word.push('[');
        } else if self.word.is_empty() && cursor.rest().strip_prefix('[').is_some_and(blank) {
            cursor.next();
            self.word.push_str("[[");
        } else {
            self.frames.push(Frame::Index);
        }
    }

    /// Looks at a word of code that ended.
    fn end_word(&mut self, word: &str) -> Result<(), Fault> {
        let parens = self.frames.iter().any(|frame| matches!(frame, Frame::Parens { .. }));
        match (word, self.frames.last_mut()) {
            ("", _) => return Ok(()),
            // Its patterns end with a `)` that nothing has opened.
            ("case", _) if parens => self.doubt = Some("`case` inside of parentheses"),
            ("]]", Some(Frame::Condition { parens: 0, .. })) => drop(self.frames.pop()),
            ("]]", Some(Frame::Condition { .. })) => self.doubt = Some("`]]` inside of parentheses"),
            (word, Some(Frame::Condition { text, counts, .. })) if COUNTING.contains(&word) => {
                *counts = true;
                if *text {
                    return Err(put::evaluated(word));
                }
            }
            (_, Some(Frame::Condition { .. })) => {}
            ("[[", _) if self.in_command => self.doubt = Some("`[[` that is no command"),
            ("[[", _) => self.frames.push(Frame::Condition { parens: 0, text: false, counts: false }),
            _ => {}
        }
        if !self.in_command {
            self.evaluates = EVALUATING.into_iter().find(|name| *name == word);
            let assignment = word.split_once('=').is_some_and(|(name, _)| {
                name.chars().all(|char| char == '_' || char == '+' || char.is_ascii_alphanumeric())
            });
            self.in_command = !assignment && !BEFORE_COMMANDS.contains(&word);
        }
        Ok(())
    }

    /// A character of code that ends a word. Whether one was there decides nothing but what a `(` is.
    fn operator(&mut self, char: char, after_word: bool, cursor: &mut Cursor<'_>) {
        if self.doubt.is_some() {
            return;
        }
        let depth = self.frames.len();
        if matches!(char, '\n' | ';' | '&' | '|') && !self.in_condition() {
            self.begin_command();
        }
        match (char, self.frames.last_mut()) {
            ('\n', Some(Frame::Condition { .. })) if !matches!(self.last, Some('&' | '|')) => {
                self.doubt = Some("`[[` without its `]]` on the line");
            }
            ('\n', _) => {
                if let Some(delimiter) = self.documents.pop_front() {
                    self.frames.push(Frame::Document(Document::new(delimiter)));
                }
            }
            (';', Some(Frame::Condition { .. })) => self.doubt = Some("`[[` without its `]]` on the line"),
            ('(', Some(Frame::Condition { parens, .. })) => *parens += 1,
            (')', Some(Frame::Condition { parens, .. })) => match parens.checked_sub(1) {
                Some(left) => *parens = left,
                None => self.doubt = Some("a `)` in `[[ … ]]`"),
            },
            ('(', _) => self.open_parens(after_word, cursor),
            (')', Some(Frame::Parens { .. }))
                if !self.documents.is_empty() && self.documents_depth >= depth =>
            {
                self.doubt = Some("parentheses that end before the text of their here-document");
            }
            (')', Some(Frame::Parens { in_word, evaluates })) => {
                let (in_word, evaluates) = (*in_word, *evaluates);
                self.close();
                self.begin_command();
                if in_word {
                    self.in_command = true;
                    self.evaluates = evaluates;
                } else {
                    self.word.clear();
                }
            }
            (')', _) => self.begin_command(),
            ('<', _) if cursor.take("<<") => {}
            ('<', Some(Frame::Condition { .. })) if cursor.rest().starts_with('<') => {
                self.doubt = Some("`<<` in `[[ … ]]`");
            }
            ('<', _) if cursor.take("<") => match Delimiter::read(cursor) {
                Some(_) if !self.documents.is_empty() && self.documents_depth != depth => {
                    self.doubt = Some("here-documents inside of one another");
                }
                Some(delimiter) => {
                    self.documents.push_back(delimiter);
                    self.documents_depth = depth;
                    self.word.push(QUOTED);
                }
                None => self.doubt = Some("`<<` without a plain word"),
            },
            _ => {}
        }
    }

    /// After a `(` of code.
    fn open_parens(&mut self, after_word: bool, cursor: &mut Cursor<'_>) {
        let substitution = matches!(self.last, Some('<' | '>')) && !after_word;
        if after_word && matches!(self.last, Some('?' | '*' | '+' | '@' | '!')) {
            self.doubt = Some("an extended pattern");
        } else if substitution && cursor.rest().starts_with('(') {
            self.doubt = Some("`((` after `<` or `>`");
        } else if cursor.take("(") {
            self.frames.push(Frame::Arithmetic { parens: 0, in_word: false });
        } else {
            self.enter_parens(substitution);
        }
    }

    fn enter_parens(&mut self, in_word: bool) {
        self.frames.push(Frame::Parens { in_word, evaluates: self.evaluates });
        self.word.clear();
        self.begin_command();
    }

    fn begin_command(&mut self) {
        self.in_command = false;
        self.evaluates = None;
    }

    /// After a `$` that is not escaped.
    fn dollar(&mut self, quoted: bool, cursor: &mut Cursor<'_>) {
        match cursor.peek() {
            None => self.open = Some("after a `$`"),
            Some('(') => {
                cursor.next();
                if cursor.take("(") {
                    self.frames.push(Frame::Arithmetic { parens: 0, in_word: true });
                } else {
                    self.enter_parens(true);
                }
            }
            Some('{') => {
                cursor.next();
                self.frames.push(Frame::Braces { quoted });
                if cursor.rest().starts_with([' ', '\t', '\n', '|', '(']) {
                    self.doubt = Some("a substitution in `${ …; }`");
                }
            }
            Some('\'') if !quoted => {
                cursor.next();
                self.frames.push(Frame::Escaped { open: false });
            }
            Some('"') if !quoted => self.doubt = Some("a text in `$\"…\"`"),
            Some('[') => self.doubt = Some("`$[`"),
            Some('\\') if cursor.rest().starts_with("\\\n") => {
                self.doubt = Some("a `$` at the end of a line")
            }
            Some(char) if char == '_' || char.is_ascii_alphanumeric() => self.name(quoted, cursor),
            Some('$') => {
                cursor.next();
                match cursor.peek() {
                    None => self.open = Some("after a `$`"),
                    Some('(' | '{' | '[' | '\'' | '"' | '\\' | '$') => self.doubt = Some("`$$` that goes on"),
                    Some(_) => {}
                }
            }
            Some('@' | '*' | '#' | '?' | '-' | '!') => drop(cursor.next()),
            Some(_) => {}
        }
    }

    /// The name after a `$`.
    fn name(&mut self, quoted: bool, cursor: &mut Cursor<'_>) {
        cursor.take_while(|char| char == '_' || char.is_ascii_alphanumeric());
        if quoted && cursor.rest().is_empty() {
            self.open = Some("right after the name of a variable (write `${name}`)");
        } else if cursor.rest().starts_with("\\\n") {
            self.doubt = Some("a name at the end of a line");
        }
    }

    /// In `(( … ))`. What looks so may turn out to be code in two parentheses; so nothing is let pass that has
    /// another meaning there for where things end.
    fn arithmetic(&mut self, char: char, cursor: &mut Cursor<'_>) {
        let Some(Frame::Arithmetic { parens, in_word }) = self.frames.last_mut() else { return };
        match char {
            '(' => *parens += 1,
            ')' if *parens > 0 => *parens -= 1,
            ')' if cursor.take(")") => {
                let in_word = *in_word;
                self.close();
                if !in_word {
                    self.word.clear();
                }
            }
            '$' => self.dollar(true, cursor),
            char if char.is_ascii_alphanumeric() || "_+-*/%<>=!&|^~?:,[]; \t\n".contains(char) => {}
            _ => self.doubt = Some("`((` that may be no arithmetic"),
        }
    }

    /// In `[ … ]` of a word, where bash looks for the end in more than one way.
    fn index(&mut self, char: char, cursor: &mut Cursor<'_>) {
        match char {
            ']' => self.close(),
            '[' => self.frames.push(Frame::Index),
            '$' => self.dollar(false, cursor),
            '"' => self.frames.push(Frame::Double),
            '\'' => self.frames.push(Frame::Single),
            char if char.is_ascii_alphanumeric() || "_+-*/%@!^.:,~?".contains(char) => {}
            _ => self.doubt = Some("a `[` in a word"),
        }
    }

    fn braces(&mut self, char: char, quoted: bool, cursor: &mut Cursor<'_>) {
        match char {
            '}' => self.close(),
            '\\' => self.backslash(cursor),
            '\'' if !quoted => self.frames.push(Frame::Single),
            '"' if !quoted => self.frames.push(Frame::Double),
            '$' => self.dollar(quoted, cursor),
            '\'' | '"' | '`' | '<' | '>' | '{' => self.doubt = Some("what stands in `${ … }`"),
            _ => {}
        }
    }

    fn in_condition(&self) -> bool {
        matches!(self.frames.last(), Some(Frame::Condition { .. }))
    }
}
