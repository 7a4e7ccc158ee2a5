//! Makes an expression of its beginning: a hole where the cursor is, and after it whatever closes what is open.
//!
//! `filter(items, .sev == "x" and inp` becomes `filter(items, .sev == "x" and HOLE)`, which the parser reads, and
//! so the checker comes to the hole with all that is in sight there.

use std::ops::Range;

use crate::ast::Loop;
use crate::check::HOLE;
use crate::lexer::{Token, TokenKind};

/// What stands in the hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filling {
    /// A name: of a value or of a member.
    Name,
    /// The name of the function after a `|`.
    Function,
    /// A text in brackets.
    Text,
}

/// The tokens with a hole after them and everything closed.
pub(super) fn mend<'s>(tokens: &[Token<'s>], filling: Filling) -> Vec<Token<'s>> {
    let end = tokens.last().map_or(0, |token| token.span.end);
    let mut levels = Levels(vec![Level::default()]);
    for index in 0..tokens.len() {
        levels.step(tokens, index);
    }
    let mut mended = Mended { tokens: tokens.to_vec(), span: end..end };
    match filling {
        Filling::Name => mended.push(TokenKind::Ident(HOLE)),
        Filling::Text => mended.push(TokenKind::Text(HOLE.to_owned())),
        Filling::Function => {
            mended.push(TokenKind::Ident(HOLE));
            mended.ops(&["(", ")"]);
        }
    }
    levels.close(&mut mended);
    mended.push(TokenKind::End);
    mended.tokens
}

struct Mended<'s> {
    tokens: Vec<Token<'s>>,
    /// Where all that is added stands.
    span: Range<usize>,
}

impl Mended<'_> {
    fn push(&mut self, kind: TokenKind<'static>) {
        self.tokens.push(Token { kind, span: self.span.clone() });
    }

    fn ops(&mut self, ops: &[&'static str]) {
        for op in ops {
            self.push(if *op == "nil" { TokenKind::Ident("nil") } else { TokenKind::Op(op) });
        }
    }
}

/// What a bracket opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    /// Arguments. A loop that is not piped into needs two.
    Call { kind: Option<Loop>, piped: bool, commas: usize },
    /// Parentheses around an expression.
    Group,
    /// A list or an index.
    Bracket,
    /// The body of a loop in braces.
    Body,
    /// A block of an `if`.
    Block,
    /// A map, the key or the value of an entry.
    Map { value: bool },
}

/// What an expression still needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    /// The `;` and the body of a `let`.
    Let,
    /// The `:` of a `?`.
    Ternary,
    /// The block of an `if`.
    Block,
    /// The `else` of an `if`.
    Else,
}

#[derive(Default)]
struct Level {
    open: Option<Open>,
    pending: Vec<Pending>,
}

/// What is open, the innermost last. There is always one: the expression itself.
struct Levels(Vec<Level>);

impl Levels {
    /// Takes in the token at `index`.
    fn step(&mut self, tokens: &[Token<'_>], index: usize) {
        let TokenKind::Op(op) = tokens[index].kind else { return };
        let before = |back: usize| index.checked_sub(back).map(|index| &tokens[index].kind);
        match op {
            "(" => {
                let open = match before(1) {
                    Some(TokenKind::Ident(name)) => {
                        let method = matches!(before(2), Some(TokenKind::Op("." | "?.")));
                        let piped = matches!(before(2), Some(TokenKind::Op("|")));
                        let kind = Loop::from_name(name).filter(|_| !method);
                        Open::Call { kind, piped, commas: 0 }
                    }
                    _ => Open::Group,
                };
                self.open(open);
            }
            "[" => self.open(Open::Bracket),
            "{" => {
                let open = self.brace(before(1));
                self.open(open);
            }
            ")" | "]" | "}" => self.shut(),
            _ => self.mark(op),
        }
    }

    /// What a `{` opens, by what stands before it.
    fn brace(&self, before: Option<&TokenKind<'_>>) -> Open {
        let Some(level) = self.0.last() else { return Open::Map { value: false } };
        let first_of_body = match level.open {
            Some(Open::Call { kind: Some(_), piped: false, commas: 1 }) => ",",
            Some(Open::Call { kind: Some(_), piped: true, commas: 0 }) => "(",
            _ => "",
        };
        match before {
            Some(TokenKind::Op(op)) if *op == first_of_body => Open::Body,
            Some(TokenKind::Op("else")) => Open::Block,
            _ if level.pending.last() == Some(&Pending::Block) => Open::Block,
            _ => Open::Map { value: false },
        }
    }

    fn open(&mut self, open: Open) {
        self.0.push(Level { open: Some(open), pending: Vec::new() });
    }

    /// A closing bracket. One too many is for the parser to refuse.
    fn shut(&mut self) {
        if self.0.len() < 2 {
            return;
        }
        let closed = self.0.pop().and_then(|level| level.open);
        self.after(closed);
    }

    /// After the block of an `if` an `else` is due.
    fn after(&mut self, closed: Option<Open>) {
        let last = self.0.last_mut().and_then(|level| level.pending.last_mut());
        if let (Some(Open::Block), Some(pending @ Pending::Block)) = (closed, last) {
            *pending = Pending::Else;
        }
    }

    /// An operator that begins or ends something.
    fn mark(&mut self, op: &str) {
        let Some(level) = self.0.last_mut() else { return };
        let last = level.pending.last().copied();
        match (op, last) {
            ("let", _) => level.pending.push(Pending::Let),
            ("?", _) => level.pending.push(Pending::Ternary),
            ("if", _) => level.pending.push(Pending::Block),
            (":", Some(Pending::Ternary)) | ("else", Some(Pending::Else)) => drop(level.pending.pop()),
            (":", _) => {
                if let Some(Open::Map { value }) = &mut level.open {
                    *value = true;
                }
            }
            (";", _) => while level.pending.pop().is_some_and(|pending| pending != Pending::Let) {},
            (",", _) => {
                level.pending.clear();
                match &mut level.open {
                    Some(Open::Call { commas, .. }) => *commas += 1,
                    Some(Open::Map { value }) => *value = false,
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Closes all, from the inside out.
    fn close(mut self, mended: &mut Mended<'_>) {
        while let Some(level) = self.0.pop() {
            for pending in level.pending.into_iter().rev() {
                mended.ops(match pending {
                    Pending::Let => &[";", "nil"],
                    Pending::Ternary => &[":", "nil"],
                    Pending::Block => &["{", "nil", "}", "else", "{", "nil", "}"],
                    Pending::Else => &["else", "{", "nil", "}"],
                });
            }
            mended.ops(match level.open {
                Some(Open::Call { kind: Some(kind), piped: false, commas: 0 })
                    if !kind.body_is_optional() =>
                {
                    &[",", "nil", ")"]
                }
                Some(Open::Call { .. } | Open::Group) => &[")"],
                Some(Open::Bracket) => &["]"],
                Some(Open::Map { value: false }) => &[":", "nil", "}"],
                Some(Open::Body | Open::Block | Open::Map { value: true }) => &["}"],
                None => &[],
            });
            self.after(level.open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::{Stop, lex};
    use crate::parser;

    #[test]
    fn every_beginning_that_ends_before_a_value_can_be_read() {
        let check = |source: &str| {
            let (mut tokens, _) = lex(source, 0, Stop::End).unwrap();
            tokens.pop();
            let mended = mend(&tokens, Filling::Name);
            assert!(parser::parse(&mended).is_ok(), "{source}: {mended:?}");
        };
        check("");
        check("a and ");
        check("filter(");
        check("filter(a, ");
        check("a | filter(");
        check("filter(a, {let x = #; ");
        check("map(a, {{x: #, y: ");
        check("[1, {a: b ? ");
        check("a ? b : ");
        check("let x = ");
        check("let x = (1 + ");
        check("if ");
        check("if a { ");
        check("if a { b } else { ");
        check("if a { b } else if ");
        check("(if a { b } else { c }) + ");
        check("a[");
        check("a[1:");
        check("reduce(a, #acc + #, ");
        check("sum(");
        check("upper(a) in [");
        check("{\"a\": 1, b: ");
    }
}
