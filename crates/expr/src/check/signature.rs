//! The signatures of functions and methods, read: which types their arguments may have and what they answer.
//!
//! A signature is what the docs show, `trim(text, characters?) string`. The name of a parameter tells its type
//! (`WORDS`); where a function takes more than that, `WIDER` says so.

use super::kinds::Kinds;
use super::shape::Shape;

/// A signature.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    /// What each argument may be, the last one's repeated if `repeats`.
    parameters: Vec<Kinds>,
    repeats: bool,
    pub(crate) result: Shape,
}

/// The types that a parameter of that name takes. A time may be given as text, and so may a duration.
const WORDS: [(&[&str], Kinds); 6] = [
    (
        &[
            "text",
            "characters",
            "prefix",
            "suffix",
            "separator",
            "old",
            "new",
            "part",
            "pattern",
            "layout",
            "zone",
            "name",
            "order",
            "key",
            "cidr",
            "ip",
        ],
        Kinds::TEXT,
    ),
    (&["list", "lists"], Kinds::LIST),
    (&["map", "maps"], Kinds::MAP),
    (&["number", "numbers", "n", "seconds"], Kinds::NUMBER),
    (&["from", "to", "step", "a", "b", "years", "months", "days"], Kinds::INT),
    (&["value", "index"], Kinds::ALL),
];

/// Where a function takes more, or less, than the name of its parameter says. `first`, `last` and `get` answer
/// nil where there is nothing to be had, `sort` too; `max` and `min` of one value are that value.
const WIDER: [(&str, usize, Kinds); 14] = [
    ("first", 0, Kinds::ALL),
    ("last", 0, Kinds::ALL),
    ("get", 0, Kinds::ALL),
    ("get", 1, Kinds::ALL),
    ("sort", 0, Kinds::ALL),
    ("max", 0, Kinds::ALL),
    ("min", 0, Kinds::ALL),
    ("date", 0, Kinds::TEXT.or(Kinds::TIME)),
    ("parse_date", 0, Kinds::TEXT.or(Kinds::TIME)),
    ("duration", 0, Kinds::TEXT.or(Kinds::DURATION)),
    ("len", 0, Kinds::TEXT.or(Kinds::LIST).or(Kinds::MAP)),
    ("empty", 0, Kinds::NIL.or(Kinds::TEXT).or(Kinds::LIST).or(Kinds::MAP)),
    ("int", 0, Kinds::NUMBER.or(Kinds::DURATION).or(Kinds::TEXT)),
    ("float", 0, Kinds::NUMBER.or(Kinds::TEXT)),
];

impl Signature {
    /// Reads a signature; `None` if a word of it is not known.
    pub(crate) fn read(signature: &str) -> Option<Self> {
        let (name, rest) = signature.split_once('(')?;
        let (parameters, result) = rest.split_once(')')?;
        let result = shape(result.trim())?;
        let words: Vec<&str> =
            parameters.split(',').map(str::trim).filter(|parameter| !parameter.is_empty()).collect();
        let repeats = words.last().is_some_and(|last| last.ends_with("..."));
        let parameters = words.iter().enumerate().map(|(index, word)| parameter(name, index, word));
        Some(Self { parameters: parameters.collect::<Option<_>>()?, repeats, result })
    }

    /// What the argument at `index` may be.
    pub(crate) fn argument(&self, index: usize) -> Kinds {
        let last = if self.repeats { self.parameters.last() } else { None };
        self.parameters.get(index).or(last).copied().unwrap_or(Kinds::ALL)
    }

    /// How many arguments there are at most.
    pub(crate) fn len(&self) -> usize {
        self.parameters.len()
    }
}

fn parameter(function: &str, index: usize, word: &str) -> Option<Kinds> {
    let wider = WIDER.into_iter().find(|(name, at, _)| *name == function && *at == index);
    if let Some((.., kinds)) = wider {
        return Some(kinds);
    }
    let mut kinds = Kinds::NONE;
    for word in word.trim_end_matches("...").trim_end_matches('?').split(" or ") {
        let one = match word {
            "time" => Kinds::TIME | Kinds::TEXT,
            "duration" => Kinds::DURATION | Kinds::TEXT,
            word => WORDS.into_iter().find(|(words, _)| words.contains(&word))?.1,
        };
        kinds = kinds | one;
    }
    Some(kinds)
}

/// The shape of a result.
fn shape(words: &str) -> Option<Shape> {
    let one = |word: &str| {
        Some(match word {
            "string" | "zone" => Shape::Text,
            "int" => Shape::Int,
            "float" => Shape::Float,
            "number" => Shape::Number,
            "bool" => Shape::Bool,
            "array" => Shape::list(Shape::Any),
            "map" => Shape::any_map(),
            "time" => Shape::Time,
            "duration" => Shape::Duration,
            "nil" => Shape::Nil,
            "any" => Shape::Any,
            _ => return None,
        })
    };
    let shapes: Option<Vec<Shape>> = words.split(" or ").map(one).collect();
    shapes.map(Shape::join_all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::{self, Arguments, words};
    use crate::value::{Duration, Time, Value};
    use crate::{Context, Map, budget::Budget};

    #[test]
    fn every_signature_can_be_read() {
        for (_, functions) in functions::GROUPS {
            for function in functions {
                let signature = Signature::read(function.signature);
                assert!(signature.is_some(), "{}", function.signature);
                let max = function.arguments.1;
                let len = signature.unwrap().len();
                assert!(
                    max == usize::MAX || max == len || function.name.ends_with("date"),
                    "{}",
                    function.name
                );
            }
        }
        for method in words::methods(true, true) {
            assert!(Signature::read(method.signature).is_some(), "{}", method.signature);
        }
    }

    /// A value of each type that no function should choke on.
    fn samples() -> Vec<Value> {
        vec![
            Value::Nil,
            Value::Bool(true),
            Value::Int(1),
            Value::Float(1.5),
            Value::from("2h"),
            Value::from("2026-01-01"),
            Value::from("asc"),
            Value::from("10.0.0.0/8"),
            Value::from("10.0.0.1"),
            Value::from("UTC"),
            Value::from("61"),
            Value::from_iter([1i64]),
            Value::from_iter(["a"]),
            Value::from_iter::<[Value; 0]>([]),
            Value::from_iter([("1", 1i64)]),
            Time::from_timestamp(types::Timestamp::from_millis(0)).into(),
            Duration::from_nanos(1).into(),
        ]
    }

    /// Calls `check` with every choice of `count` samples.
    fn each_choice(count: usize, chosen: &mut Vec<Value>, check: &mut dyn FnMut(&[Value])) {
        if chosen.len() == count {
            return check(chosen);
        }
        for sample in samples() {
            chosen.push(sample);
            each_choice(count, chosen, check);
            chosen.pop();
        }
    }

    #[test]
    fn what_a_signature_refuses_the_function_refuses_too() {
        let scope = Map::new();
        for function in functions::GROUPS.iter().flat_map(|(_, functions)| functions.iter()) {
            let signature = Signature::read(function.signature).unwrap();
            let (min, max) = function.arguments;
            for count in min..=max.min(3) {
                each_choice(count, &mut Vec::new(), &mut |values| {
                    let mut rng = types::SeededRng::from_u64(1);
                    let mut context = Context::new(&scope, types::Timestamp::from_millis(0), &mut rng);
                    let args = Arguments { function: function.name, values };
                    let result = (function.run)(args, &mut Budget::new(&mut context));
                    let Ok(result) = result else { return };
                    // A time is answered as it is, whatever stands beside it.
                    if function.name.ends_with("date") && matches!(values, [Value::Time(_), ..]) {
                        return;
                    }
                    for (index, value) in values.iter().enumerate() {
                        let taken = signature.argument(index).meets(Kinds::of(value));
                        assert!(taken, "{}: {values:?}", function.signature);
                    }
                    let lenient = ["max", "min", "sort"].contains(&function.name);
                    assert!(
                        lenient || signature.result.admits(&result),
                        "{}: {result:?}",
                        function.signature
                    );
                });
            }
        }
    }
}
