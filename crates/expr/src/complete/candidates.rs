//! What may stand at a place: members, methods, roots, variables, functions and words of the language.

use super::{Candidate, CandidateKind};
use crate::check::{Hole, Kinds, Shape, Signature};
use crate::functions::{self, LOOPS, words};
use crate::lexer::{is_keyword, is_word};

/// Words that a value may begin with.
const VALUE_WORDS: [(&str, &str); 6] = [
    ("not", "The opposite of a truth value."),
    ("let", "A variable: `let x = 1; x + 1`."),
    ("if", "One of two values: `if a { b } else { c }`."),
    ("true", "What holds."),
    ("false", "What does not hold."),
    ("nil", "Nothing."),
];

/// Operators that are words.
const OPERATOR_WORDS: [(&str, &str); 8] = [
    ("and", "Whether both hold."),
    ("or", "Whether one holds."),
    ("in", "Whether a list has the element, or a map the key."),
    ("not", "With `in`, `contains`, `matches`, `startsWith` and `endsWith`: the opposite."),
    ("contains", "Whether the text has the part."),
    ("matches", "Whether the text fits the regular expression."),
    ("startsWith", "Whether the text begins so."),
    ("endsWith", "Whether the text ends so."),
];

/// What may fill a hole.
pub(super) fn of_hole(hole: &Hole, env: &Shape, called: bool) -> Vec<Candidate> {
    match hole {
        Hole::Member(shape) => of_member(shape, called),
        Hole::Piped(shape) => of_functions(Some(shape.kinds()), called),
        Hole::Value { variables, element } => {
            let mut candidates = Vec::new();
            for (name, shape) in variables {
                candidates.push(value(name, CandidateKind::Variable, shape));
            }
            if let Some(element) = element {
                let about = "The element of the loop.";
                candidates.push(Candidate { about, ..value("#", CandidateKind::Variable, element) });
                let members = of_member(element, called).into_iter();
                candidates.extend(members.map(|it| Candidate { text: format!(".{}", it.text), ..it }));
            }
            if let Some(members) = env.members() {
                let named = members.known.iter().filter(|(name, _)| is_name(name) && !is_keyword(name));
                candidates.extend(named.map(|(name, shape)| value(name, CandidateKind::Scope, shape)));
            }
            candidates.extend(of_functions(None, called));
            candidates.extend(words(&VALUE_WORDS));
            candidates
        }
    }
}

/// The operators that may follow a value; after a `not` those that go with it.
pub(super) fn of_operators(negated: bool) -> Vec<Candidate> {
    let mut candidates = words(&OPERATOR_WORDS);
    if negated {
        candidates.retain(|candidate| !matches!(candidate.text.as_str(), "and" | "or" | "not"));
    }
    candidates
}

/// `#index` and `#acc`, without the `#`.
pub(super) fn of_pointer() -> Vec<Candidate> {
    words(&[("index", "The index of the element."), ("acc", "What `reduce` has so far.")])
}

/// The keys that may stand in the quotes of `map["…"]`.
pub(super) fn of_key(shape: &Shape) -> Vec<Candidate> {
    let members = shape.members().into_iter().flat_map(|members| &members.known);
    let plain = members.filter(|(name, _)| !name.contains(['"', '\'', '`', '\\', '\n']));
    plain.map(|(name, shape)| value(name, CandidateKind::Member, shape)).collect()
}

fn of_member(shape: &Shape, called: bool) -> Vec<Candidate> {
    let members = shape.members().into_iter().flat_map(|members| &members.known);
    let mut candidates: Vec<Candidate> = members
        .filter(|(name, _)| is_name(name))
        .map(|(name, shape)| value(name, CandidateKind::Member, shape))
        .collect();
    let kinds = shape.kinds();
    if kinds != Kinds::ALL {
        let methods = words::methods(kinds.meets(Kinds::TIME), kinds.meets(Kinds::DURATION));
        candidates
            .extend(methods.map(|it| call(it.name, it.signature, it.about, CandidateKind::Method, called)));
    }
    candidates
}

/// The functions, of those that are piped into the ones that take such a value first.
fn of_functions(piped: Option<Kinds>, called: bool) -> Vec<Candidate> {
    let goes_over = Kinds::LIST | Kinds::MAP | Kinds::TEXT;
    let loops = LOOPS.iter().filter(|_| piped.is_none_or(|kinds| kinds.meets(goes_over)));
    let mut candidates: Vec<Candidate> =
        loops.map(|it| call(it.name, it.signature, it.about, CandidateKind::Function, called)).collect();
    let takes = |signature: &str| match piped {
        None => true,
        Some(kinds) => Signature::read(signature)
            .is_some_and(|signature| signature.len() > 0 && signature.argument(0).meets(kinds)),
    };
    let fitting = functions::all().filter(|function| takes(function.signature));
    candidates
        .extend(fitting.map(|it| call(it.name, it.signature, it.about, CandidateKind::Function, called)));
    candidates
}

fn value(name: &str, kind: CandidateKind, shape: &Shape) -> Candidate {
    Candidate { text: name.to_owned(), kind, detail: shape.to_string(), about: "" }
}

/// What is called, with its parentheses if there are none yet, closed if nothing goes into them.
fn call(name: &str, signature: &str, about: &'static str, kind: CandidateKind, called: bool) -> Candidate {
    let parentheses = match (called, signature.contains("()")) {
        (true, _) => "",
        (false, true) => "()",
        (false, false) => "(",
    };
    Candidate { text: format!("{name}{parentheses}"), kind, detail: signature.to_owned(), about }
}

fn words(words: &[(&str, &'static str)]) -> Vec<Candidate> {
    let word = |(word, about): &(&str, &'static str)| Candidate {
        text: (*word).to_owned(),
        kind: CandidateKind::Keyword,
        detail: String::new(),
        about,
    };
    words.iter().map(word).collect()
}

/// Whether a name can be written without quotes.
fn is_name(name: &str) -> bool {
    name.chars().all(is_word) && name.chars().next().is_some_and(|first| !first.is_numeric())
}
