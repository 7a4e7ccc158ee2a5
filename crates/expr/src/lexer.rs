//! Text to tokens. A hand-written scanner, since only that tells where an expression inside a template
//! ends: `}}` closes it unless it stands in a text literal or closes braces of the expression.

use std::ops::Range;

use crate::error::Error;
use crate::limits::SOURCE_BYTES_MAX;

/// A token and the bytes it stands on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token<'s> {
    pub(crate) kind: TokenKind<'s>,
    pub(crate) span: Range<usize>,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind<'s> {
    /// A name, also one that the parser takes for a literal (`true`, `nil`).
    Ident(&'s str),
    /// A whole number.
    Int(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// A text literal, its escapes resolved.
    Text(String),
    /// The bytes of a `b"…"`.
    Bytes(Vec<u8>),
    /// An operator, a bracket or a keyword.
    Op(&'static str),
    /// The end of the expression.
    End,
}

/// Where an expression ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// With the source.
    End,
    /// At the `}}` that closes it.
    Braces,
}

const KEYWORDS: [&str; 11] =
    ["not", "in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else"];

/// Signs, the longer ones first where one begins with another.
const SIGNS: [&str; 34] = [
    "..", "?.", "??", "**", "==", "!=", "<=", ">=", "&&", "||", "::", ".", "?", "*", "<", ">", "!", "|", ":",
    ",", ";", "%", "+", "-", "^", "/", "#", "(", ")", "[", "]", "{", "}", "=",
];

/// The tokens of the expression that starts at byte `start` of `source` (after the `{{`, if it is in one), an `End` last, and the byte where
/// it ends: the source's end or the closing `}}`.
pub(crate) fn lex(source: &str, start: usize, stop: Stop) -> Result<(Vec<Token<'_>>, usize), Error> {
    let mut lexer = Lexer { source, start, at: start, depth: 0, tokens: Vec::new() };
    let end = lexer.run(stop)?;
    lexer.tokens.push(Token { kind: TokenKind::End, span: end..end });
    Ok((lexer.tokens, end))
}

struct Lexer<'s> {
    source: &'s str,
    start: usize,
    at: usize,
    /// How many `{` are open.
    depth: usize,
    tokens: Vec<Token<'s>>,
}

impl<'s> Lexer<'s> {
    fn run(&mut self, stop: Stop) -> Result<usize, Error> {
        loop {
            self.skip_space()?;
            if self.at - self.start > SOURCE_BYTES_MAX {
                let message = format!("the expression is longer than {SOURCE_BYTES_MAX} bytes");
                return Err(Error::new(crate::ErrorKind::Limit, self.start..self.start + 2, message));
            }
            let rest = self.rest();
            let Some(char) = rest.chars().next() else {
                return match stop {
                    Stop::End => Ok(self.at),
                    Stop::Braces => {
                        Err(Error::syntax(self.start.saturating_sub(2)..self.at, "this `{{` is never closed")
                            .with_hint("an expression ends with `}}`"))
                    }
                };
            };
            if stop == Stop::Braces && self.depth == 0 && rest.starts_with("}}") {
                return Ok(self.at);
            }
            self.token(char)?;
        }
    }

    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    fn push(&mut self, kind: TokenKind<'s>, len: usize) {
        self.tokens.push(Token { kind, span: self.at..self.at + len });
        self.at += len;
    }

    fn skip_space(&mut self) -> Result<(), Error> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if let Some(comment) = trimmed.strip_prefix("/*") {
                let Some(end) = comment.find("*/") else {
                    return Err(Error::syntax(self.at..self.at + 2, "this comment is never closed"));
                };
                self.at += end + 4;
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self, char: char) -> Result<(), Error> {
        let rest = self.rest();
        match char {
            '"' | '\'' => self.text(char),
            '`' => self.raw_text(),
            'b' if rest[1..].starts_with(['"', '\'']) => self.bytes(),
            '0'..='9' => self.number(),
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            char if is_word(char) => {
                let len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                let word = &rest[..len];
                let keyword = KEYWORDS.into_iter().find(|keyword| *keyword == word);
                self.push(keyword.map_or(TokenKind::Ident(word), TokenKind::Op), len);
                Ok(())
            }
            char => {
                let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
                let Some(sign) = sign else {
                    let span = self.at..self.at + char.len_utf8();
                    let error = Error::syntax(span, format!("`{char}` has no meaning in an expression"));
                    return Err(if char == '&' { error.with_hint("did you mean `&&`?") } else { error });
                };
                match sign {
                    "{" => self.depth += 1,
                    "}" => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
                self.push(TokenKind::Op(sign), sign.len());
                Ok(())
            }
        }
    }

    fn number(&mut self) -> Result<(), Error> {
        let rest = self.rest();
        let radix = match rest.as_bytes() {
            [b'0', b'x' | b'X', ..] => 16,
            [b'0', b'o' | b'O', ..] => 8,
            [b'0', b'b' | b'B', ..] => 2,
            _ => 10,
        };
        let len = if radix == 10 { decimal_len(rest) } else { 2 + digits_len(&rest[2..], radix) };
        let text = &rest[..len];
        let span = self.at..self.at + len;
        if rest[len..].starts_with(is_word) {
            let end = len + rest[len..].find(|c| !is_word(c)).unwrap_or(rest.len() - len);
            let message = format!("`{}` is not a number", &rest[..end]);
            return Err(Error::syntax(self.at..self.at + end, message));
        }
        let digits = text.replace('_', "");
        let kind = if radix != 10 {
            i64::from_str_radix(&digits[2..], radix).ok().map(TokenKind::Int)
        } else if digits.contains(['.', 'e', 'E']) {
            digits.parse().ok().filter(|float: &f64| float.is_finite()).map(TokenKind::Float)
        } else {
            digits.parse().ok().map(TokenKind::Int)
        };
        let Some(kind) = kind else {
            return Err(Error::syntax(span, format!("`{text}` is not a number of 64 bits")));
        };
        self.push(kind, len);
        Ok(())
    }

    fn raw_text(&mut self) -> Result<(), Error> {
        let rest = &self.rest()[1..];
        let Some(len) = rest.find('`') else {
            return Err(self.unclosed_text());
        };
        self.push(TokenKind::Text(rest[..len].to_owned()), len + 2);
        Ok(())
    }

    /// `b"…"`: what is between the quotes as bytes; an escape by a number is a byte, not a character.
    fn bytes(&mut self) -> Result<(), Error> {
        let rest = &self.rest()[1..];
        let mut bytes = Vec::new();
        let (mut i, quote) = (1, rest.chars().next().unwrap_or('"'));
        while let Some(char) = rest[i..].chars().next().filter(|char| *char != '\n') {
            if char == quote {
                self.push(TokenKind::Bytes(bytes), i + 2);
                return Ok(());
            }
            let (char, len) = if char == '\\' {
                escape(&rest[i..], quote)
                    .filter(|_| !rest[i + 1..].starts_with(['u', 'U']))
                    .ok_or_else(|| self.no_escape(&rest[i..], i + 1))?
            } else {
                (char, char.len_utf8())
            };
            match u8::try_from(char) {
                Ok(byte) if len > 2 => bytes.push(byte),
                _ => bytes.extend(char.encode_utf8(&mut [0; 4]).bytes()),
            }
            i += len;
        }
        Err(self.unclosed_text())
    }

    /// The error about what `rest`, `offset` bytes into the token, begins with.
    fn no_escape(&self, rest: &str, offset: usize) -> Error {
        let len = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
        let message = format!("`{}` is not an escape of a text", &rest[..len]);
        Error::syntax(self.at + offset..self.at + offset + len, message)
            .with_hint("a backslash itself is written `\\\\`, or use a text in backquotes")
    }

    fn unclosed_text(&self) -> Error {
        Error::syntax(self.at..self.at + 1, "this text is never closed")
    }

    fn text(&mut self, quote: char) -> Result<(), Error> {
        let rest = self.rest();
        let mut text = String::new();
        let mut i = 1;
        while let Some(char) = rest[i..].chars().next() {
            if char == quote {
                self.push(TokenKind::Text(text), i + 1);
                return Ok(());
            }
            if char == '\n' {
                break;
            }
            if char != '\\' {
                text.push(char);
                i += char.len_utf8();
                continue;
            }
            let (char, len) = escape(&rest[i..], quote).ok_or_else(|| self.no_escape(&rest[i..], i))?;
            text.push(char);
            i += len;
        }
        Err(self.unclosed_text())
    }
}

/// The character that the escape at the start of `rest` stands for, and the escape's length.
fn escape(rest: &str, quote: char) -> Option<(char, usize)> {
    let numeric = |digits: &str, radix, prefix: usize| {
        // A surrogate is no character; the reference puts the replacement character in its place too.
        let code = u32::from_str_radix(digits, radix).ok()?;
        Some((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), prefix + digits.len()))
    };
    let hex = |len: usize| {
        let digits = rest.get(2..2 + len)?;
        digits.bytes().all(|b| b.is_ascii_hexdigit()).then_some(())?;
        numeric(digits, 16, 2)
    };
    let plain = |char| Some((char, 2));
    match rest[1..].chars().next()? {
        'a' => plain('\u{7}'),
        'b' => plain('\u{8}'),
        'f' => plain('\u{c}'),
        'n' => plain('\n'),
        'r' => plain('\r'),
        't' => plain('\t'),
        'v' => plain('\u{b}'),
        '\\' => plain('\\'),
        char if char == quote => plain(quote),
        '0'..='7' => {
            let digits = rest.get(1..4)?;
            digits.bytes().all(|b| matches!(b, b'0'..=b'7')).then_some(())?;
            numeric(digits, 8, 1)
        }
        'x' => hex(2),
        'u' if rest[2..].starts_with('{') => {
            let digits = rest.get(3..)?.split_once('}')?.0;
            ((1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit()))
                .then_some(())?;
            numeric(digits, 16, 3).map(|(char, len)| (char, len + 1))
        }
        'u' => hex(4),
        'U' => hex(8),
        _ => None,
    }
}

/// Bytes of the decimal number at the start of `rest`; `1..5` is the number 1.
fn decimal_len(rest: &str) -> usize {
    let mut len = digits_len(rest, 10);
    if rest[len..].starts_with('.') && !rest[len..].starts_with("..") {
        len += 1 + digits_len(&rest[len + 1..], 10);
    }
    if rest[len..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[len + 1..].starts_with(['+', '-']));
        len += 1 + sign + digits_len(&rest[len + 1 + sign..], 10);
    }
    len
}

fn digits_len(rest: &str, radix: u32) -> usize {
    rest.find(|c: char| c != '_' && !c.is_digit(radix)).unwrap_or(rest.len())
}

/// Whether `char` may stand in a name. Digits may too: a name that starts with one is lexed as a number.
pub(crate) fn is_word(char: char) -> bool {
    char == '_' || char == '$' || char.is_alphabetic() || char.is_numeric()
}

/// Whether `word` is an operator or a keyword, and so no name.
pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(source: &str) -> String {
        match lex(source, 0, Stop::End) {
            Ok((tokens, _)) => tokens
                .into_iter()
                .map(|token| match token.kind {
                    TokenKind::Ident(name) => name.to_owned(),
                    TokenKind::Int(int) => format!("i{int}"),
                    TokenKind::Float(float) => format!("f{float}"),
                    TokenKind::Text(text) => format!("{text:?}"),
                    TokenKind::Bytes(bytes) => format!("{bytes:?}"),
                    TokenKind::Op(op) => format!("`{op}`"),
                    TokenKind::End => "end".to_owned(),
                })
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => format!("{}..{} {}", error.span.start, error.span.end, error.message),
        }
    }

    #[test]
    fn sources_become_tokens() {
        let check = |source: &str, tokens: &str| assert_eq!(show(source), tokens, "{source}");
        check("a.b?.c ?? 1", "a `.` b `?.` c `??` i1 end");
        check("1..5", "i1 `..` i5 end");
        check("1.5 .5 1e3 1_000 0x1F 0b11 0o17", "f1.5 f0.5 f1000 i1000 i31 i3 i15 end");
        check("notes inbox not in", "notes inbox `not` `in` end");
        check("$env[\"a\"]", "$env `[` \"a\" `]` end");
        check(r#""\u00e9\x41\n\\\"" 'it"s' `r\n`"#, r#""éA\n\\\"" "it\"s" "r\\n" end"#);
        check("a // c\n + /* d */ b", "a `+` b end");
        check("größe", "größe end");
    }

    #[test]
    fn what_no_token_begins_with_is_named() {
        let check = |source: &str, error: &str| assert_eq!(show(source), error, "{source}");
        check("a & b", "2..3 `&` has no meaning in an expression");
        check("a \"b", "2..3 this text is never closed");
        check("\"b\n\"", "0..1 this text is never closed");
        check("'\\q'", "1..3 `\\q` is not an escape of a text");
        check("'\\u00'", "1..3 `\\u` is not an escape of a text");
        check("1x", "0..2 `1x` is not a number");
        check("9223372036854775808", "0..19 `9223372036854775808` is not a number of 64 bits");
        check("/* a", "0..2 this comment is never closed");
        check("0x", "0..2 `0x` is not a number of 64 bits");
    }

    #[test]
    fn braces_close_a_template_expression_only_outside_of_texts_and_maps() {
        let check = |source: &str, end: usize| {
            assert_eq!(lex(source, 0, Stop::Braces).map(|(_, end)| end).ok(), Some(end), "{source}");
        };
        check("a }} b", 2);
        check("\"}}\" }}", 5);
        check("{\"a\": {\"b\": 1}}}}", 15);
        check("map(xs, {{id: .id}}) }}", 21);
        assert!(lex("{{a}}", 0, Stop::Braces).is_err());
    }
}
