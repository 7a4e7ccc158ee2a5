//! What may be written at a place of an expression, for editors. The expression is seldom one while it is being
//! written, so only what stands before the place is read, and mended.

mod candidates;
mod mend;

use std::ops::Range;

use crate::ErrorKind;
use crate::check::{Checker, Hole, Shape};
use crate::error::floor_char_boundary;
use crate::lexer::{Stop, Token, TokenKind, is_word, lex};
use crate::limits::SOURCE_BYTES_MAX;
use crate::parser;

use mend::{Filling, mend};

/// What may be written at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The bytes that a candidate replaces.
    pub span: Range<usize>,
    /// What may stand there, the likeliest first.
    pub candidates: Vec<Candidate>,
}

/// One thing that may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What to write.
    pub text: String,
    /// What it is.
    pub kind: CandidateKind,
    /// The type of a value, the signature of what is called.
    pub detail: String,
    /// One sentence on it; empty if there is none.
    pub about: &'static str,
}

/// What a candidate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CandidateKind {
    /// A root, such as `inputs`.
    Scope,
    /// A member of a map.
    Member,
    /// A function of the language.
    Function,
    /// A variable, or the element of a loop.
    Variable,
    /// A word of the language.
    Keyword,
    /// A method of a time or a duration.
    Method,
}

/// What may be written at byte `position` of an expression. Members that are no names (`my-step`) are offered only
/// in brackets, `steps["…"]`.
///
/// ```
/// use expr::Shape;
///
/// let env = Shape::closed([("inputs", Shape::closed([("age", Shape::Int), ("name", Shape::Text)]))]);
/// let completion = expr::complete("upper(inputs.n", 14, &env);
/// assert_eq!(completion.span, 13..14);
/// assert_eq!(completion.candidates[0].text, "name");
/// assert_eq!(completion.candidates[0].detail, "text");
/// ```
pub fn complete(source: &str, position: usize, env: &Shape) -> Completion {
    complete_within(source, 0..source.len(), position, env)
}

/// As [`complete`], in a text with `{{ … }}` in it; outside of them there are no candidates.
pub fn complete_template(source: &str, position: usize, env: &Shape) -> Completion {
    let position = floor_char_boundary(source, position);
    let mut at = 0;
    while let Some(open) = source[at..].find("{{").map(|i| at + i + 2) {
        if position < open {
            break;
        }
        // What is not closed yet ends with the next braces, or with the text.
        let end = match lex(source, open, Stop::Braces) {
            Ok((_, end)) => end,
            Err(_) => source[open..].find("}}").map_or(source.len(), |i| open + i),
        };
        if position <= end {
            return complete_within(source, open..end, position, env);
        }
        at = (end + 2).min(source.len());
    }
    Completion { span: position..position, candidates: Vec::new() }
}

/// Completes in the expression that stands on the bytes `within`.
fn complete_within(source: &str, within: Range<usize>, position: usize, env: &Shape) -> Completion {
    let position = floor_char_boundary(source, position).clamp(within.start, within.end);
    let before = &source[within.start..position];
    let after = &source[position..within.end];
    let start =
        position - before.chars().rev().take_while(|char| is_word(*char)).map(char::len_utf8).sum::<usize>();
    let end = position + after.chars().take_while(|char| is_word(*char)).map(char::len_utf8).sum::<usize>();
    let mut completion = Completion { span: start..end, candidates: Vec::new() };
    if before.len() > SOURCE_BYTES_MAX {
        return completion;
    }
    let called = source[end..within.end].starts_with('(');
    completion.candidates = match Before::read(source, within.start, start, position) {
        // A number, or a word that is none.
        _ if source[start..].starts_with(|char: char| char.is_ascii_digit()) && start < position => {
            Vec::new()
        }
        Before::Unclear => Vec::new(),
        Before::Text { tokens, open } => {
            completion.span.start = open + 1;
            keys(&tokens, env)
        }
        Before::Tokens(tokens) => at_tokens(&tokens, start, env, called),
    };
    let typed = &source[completion.span.start..position];
    choose(&mut completion.candidates, typed);
    completion
}

/// Keeps the candidates that begin with what is typed, or else those that have it in them.
fn choose(candidates: &mut Vec<Candidate>, typed: &str) {
    let typed = typed.to_lowercase();
    let begins = |candidate: &Candidate| candidate.text.to_lowercase().starts_with(&typed);
    if candidates.iter().any(begins) {
        candidates.retain(begins);
    } else {
        candidates.retain(|candidate| candidate.text.to_lowercase().contains(&typed));
    }
}

/// What stands before the place.
enum Before<'s> {
    Tokens(Vec<Token<'s>>),
    /// The place is in a text that begins at `open`.
    Text {
        tokens: Vec<Token<'s>>,
        open: usize,
    },
    /// It is in a comment, or there is too much that is no token.
    Unclear,
}

impl<'s> Before<'s> {
    /// Reads what stands between `start` and the word at `word`, which goes up to `position`.
    fn read(source: &'s str, start: usize, word: usize, position: usize) -> Self {
        const ATTEMPTS_MAX: usize = 16;
        let mut from = start;
        for _ in 0..ATTEMPTS_MAX {
            // A text goes on to the position, whatever of it looks like a word.
            let error = match lex(&source[..word], from, Stop::End) {
                Ok((mut tokens, end)) => {
                    tokens.pop();
                    let comment = source[from..end].rfind("//").map(|i| from + i);
                    return match comment {
                        // The rest of a line after `//` ends with the source.
                        Some(comment) if is_comment(&tokens, comment, &source[comment..position]) => {
                            Self::Unclear
                        }
                        _ => Self::Tokens(tokens),
                    };
                }
                Err(error) => error,
            };
            let at = error.span.start;
            let rest = &source[at.min(word)..position];
            if error.kind == ErrorKind::Limit || rest.starts_with("/*") {
                return Self::Unclear;
            }
            if rest.starts_with(['"', '\'', '`']) && (rest.starts_with('`') || !rest.contains('\n')) {
                return match lex(&source[..at], from, Stop::End) {
                    Ok((mut tokens, _)) => {
                        tokens.pop();
                        Self::Text { tokens, open: at }
                    }
                    Err(_) => Self::Unclear,
                };
            }
            // What stands before something that is no token is given up, as is a text with a wrong escape.
            let end = error.span.end.max(from + 1);
            from = floor_char_boundary(
                source,
                if rest.starts_with('\\') { end_of_text(source, from, at) } else { end },
            );
            if from >= word {
                return Self::Tokens(Vec::new());
            }
        }
        Self::Unclear
    }
}

/// Where the text ends that has a wrong escape at `escape`.
fn end_of_text(source: &str, from: usize, escape: usize) -> usize {
    // What stands before the escape is a text that is never closed.
    let open = lex(&source[..escape], from, Stop::End).err().map_or(escape, |error| error.span.start);
    let quote = source[open..].chars().next().unwrap_or('"');
    let mut escaped = true;
    let closing = |char: char| {
        let closes = char == quote && !escaped;
        escaped = char == '\\' && !escaped;
        closes
    };
    source[escape + 1..].find(closing).map_or(source.len(), |i| escape + 1 + i + quote.len_utf8())
}

/// Whether the `//` at `at`, followed by `rest`, makes a comment: it stands in no token, and its line goes on.
fn is_comment(tokens: &[Token<'_>], at: usize, rest: &str) -> bool {
    !rest.contains('\n') && tokens.iter().all(|token| token.span.end <= at)
}

/// The candidates after `tokens`, the word beginning at `word`.
fn at_tokens(tokens: &[Token<'_>], word: usize, env: &Shape, called: bool) -> Vec<Candidate> {
    let last = tokens.last();
    let filling = match last.map(|token| &token.kind) {
        Some(TokenKind::Op("let")) => return Vec::new(),
        Some(TokenKind::Op("|")) => Filling::Function,
        Some(TokenKind::Op("#")) if last.is_some_and(|last| last.span.end == word) => {
            return candidates::of_pointer();
        }
        Some(TokenKind::Op("not")) if ends_value(&tokens[..tokens.len() - 1]) => {
            return candidates::of_operators(true);
        }
        _ if ends_value(tokens) => return candidates::of_operators(false),
        _ => Filling::Name,
    };
    hole(tokens, filling, env).map(|hole| candidates::of_hole(&hole, env, called)).unwrap_or_default()
}

/// The keys of the map before `["`.
fn keys(tokens: &[Token<'_>], env: &Shape) -> Vec<Candidate> {
    let [before @ .., Token { kind: TokenKind::Op("["), .. }] = tokens else { return Vec::new() };
    if !ends_value(before) && !matches!(before.last(), Some(Token { kind: TokenKind::Op("?."), .. })) {
        return Vec::new();
    }
    match hole(tokens, Filling::Text, env) {
        Some(Hole::Member(shape)) => candidates::of_key(&shape),
        _ => Vec::new(),
    }
}

/// Whether the tokens end with a value, after which an operator may follow.
fn ends_value(tokens: &[Token<'_>]) -> bool {
    match tokens.last().map(|token| &token.kind) {
        None | Some(TokenKind::End) => false,
        Some(TokenKind::Op(op)) => {
            // A member may have any name.
            let member = matches!(
                tokens.len().checked_sub(2).map(|i| &tokens[i].kind),
                Some(TokenKind::Op("." | "?."))
            );
            matches!(*op, ")" | "]" | "}" | "#") || (member && op.starts_with(is_word))
        }
        Some(_) => true,
    }
}

/// What is in sight in the hole after `tokens`. If what stands before it is no expression, as much of its end as
/// is one.
fn hole(tokens: &[Token<'_>], filling: Filling, env: &Shape) -> Option<Hole> {
    const ATTEMPTS_MAX: usize = 64;
    if let Ok(tree) = parser::parse(&mend(tokens, filling)) {
        let mut checker = Checker::new(env);
        checker.node(&tree);
        return checker.hole;
    }
    let begins = |index: &usize| {
        let before = index.checked_sub(1).map(|before| &tokens[before].kind);
        let name = matches!(tokens.get(*index).map(|token| &token.kind), Some(TokenKind::Ident(_)));
        match before {
            Some(TokenKind::Op("." | "?." | "#" | "|")) => false,
            Some(TokenKind::Op(")" | "]" | "}")) => name,
            _ => true,
        }
    };
    let starts: Vec<usize> = (0..=tokens.len()).filter(begins).collect();
    let skipped = starts.len().saturating_sub(ATTEMPTS_MAX);
    starts.into_iter().skip(skipped).find_map(|start| {
        let tree = parser::parse_inside(&mend(&tokens[start..], filling), 1).ok()?;
        let mut checker = Checker::inside_a_loop(env);
        checker.node(&tree);
        checker.hole
    })
}
