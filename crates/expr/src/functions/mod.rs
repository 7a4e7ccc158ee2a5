//! The functions of the language: one table for each group, one entry for each function.
//!
//! To add one: write it in its group's file, add its entry to the table there. The entry's example is run as
//! a test and shown in the docs.

mod arguments;
mod conversion;
mod crypto;
mod encoding;
mod indicators;
pub(crate) mod lists;
mod maps;
pub(crate) mod methods;
mod numbers;
mod security;
mod text;
mod time;
pub(crate) mod words;

use std::ops::Range;

use crate::ast::Loop;
use crate::budget::{Budget, Fault};
use crate::error::{Error, ErrorKind, nearest};
use crate::value::Value;

pub(crate) use arguments::Arguments;
pub use words::{DURATION_METHODS, LOOPS, TIME_METHODS, Word};

/// A function of the language.
#[derive(Debug)]
pub struct Function {
    /// What it is called by.
    pub name: &'static str,
    /// Its arguments and result, as the docs show them.
    pub signature: &'static str,
    /// One sentence on what it does.
    pub about: &'static str,
    /// A call and what it gives, both as expressions.
    pub example: (&'static str, &'static str),
    /// How many arguments it takes, at least and at most.
    pub(crate) arguments: (usize, usize),
    pub(crate) run: Run,
}

/// How a function is run.
pub(crate) type Run = fn(Arguments<'_>, &mut Budget<'_>) -> Result<Value, Fault>;

/// As many arguments as one likes.
const ANY: usize = usize::MAX;

/// A table entry.
const fn entry(
    name: &'static str,
    signature: &'static str,
    about: &'static str,
    example: (&'static str, &'static str),
    arguments: (usize, usize),
    run: Run,
) -> Function {
    Function { name, signature, about, example, arguments, run }
}

/// The groups and their functions.
pub const GROUPS: [(&str, &[Function]); 9] = [
    ("text", text::FUNCTIONS),
    ("numbers", numbers::FUNCTIONS),
    ("lists", lists::FUNCTIONS),
    ("maps", maps::FUNCTIONS),
    ("time", time::FUNCTIONS),
    ("conversion", conversion::FUNCTIONS),
    ("encoding", encoding::FUNCTIONS),
    ("crypto", crypto::FUNCTIONS),
    ("security", security::FUNCTIONS),
];

/// The function of that name.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    all().find(|function| function.name == name)
}

/// The error that no function is called `name`, which stands on the bytes `span`.
pub(crate) fn unknown_function(name: &str, span: &Range<usize>) -> Error {
    let message = format!("function `{name}` does not exist");
    let error = Error::new(ErrorKind::UnknownFunction, span.clone(), message);
    let loops = Loop::ALL.into_iter().map(|(name, _)| name);
    if let Some(meant) = nearest(name, names().chain(loops)) {
        return error.with_hint(format!("did you mean `{meant}`?"));
    }
    match nearest(name, ["contains", "matches", "startsWith", "endsWith"]) {
        Some(meant) => error.with_hint(format!("did you mean the operator `{meant}`: `a {meant} b`?")),
        None => error,
    }
}

/// The names of all functions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    all().map(|function| function.name)
}

pub(crate) fn all() -> impl Iterator<Item = &'static Function> {
    static ALL: [(&str, &[Function]); 9] = GROUPS;
    ALL.iter().flat_map(|(_, functions)| functions.iter())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{Context, Expression, Map};

    fn evaluate(source: &str) -> Value {
        let scope = Map::new();
        let mut rng = types::SeededRng::from_u64(1);
        let now = types::Timestamp::from_millis(1_767_323_045_000);
        let expression =
            Expression::parse(source).unwrap_or_else(|error| panic!("{}", error.explain(source)));
        expression
            .evaluate(&mut Context::new(&scope, now, &mut rng))
            .unwrap_or_else(|error| panic!("{}", error.explain(source)))
    }

    fn check_example(name: &str, (call, result): (&str, &str)) {
        assert_eq!(evaluate(call), evaluate(result), "{call}");
        assert!(call.contains(name), "the example of `{name}` does not call it");
    }

    #[test]
    fn every_loop_is_described_once() {
        let described: HashSet<&str> = LOOPS.iter().map(|word| word.name).collect();
        assert_eq!(described, Loop::ALL.into_iter().map(|(name, _)| name).collect());
        assert_eq!(LOOPS.len(), Loop::ALL.len());
    }

    #[test]
    fn every_example_gives_what_it_says() {
        for function in all() {
            check_example(function.name, function.example);
        }
        for word in LOOPS.iter().chain(TIME_METHODS).chain(DURATION_METHODS) {
            check_example(word.name, word.example);
            assert!(word.signature.contains(&format!("{}(", word.name)), "{}", word.signature);
        }
    }

    #[test]
    fn every_function_has_a_name_of_its_own() {
        let mut seen = HashSet::new();
        assert!(all().all(|function| seen.insert(function.name)));
    }
}
