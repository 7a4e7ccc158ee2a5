//! What the operators make of which types: the tables of `ops`, without the values.

use super::kinds::Kinds;
use crate::ast::{Binary, Unary};

/// The types that `op operand` may have; none if it fails for every type that the operand may have.
pub(super) fn unary(op: Unary, operand: Kinds) -> Kinds {
    operand
        & match op {
            Unary::Not => Kinds::BOOL,
            Unary::Negate => Kinds::NUMBER | Kinds::DURATION,
            Unary::Plus => Kinds::NUMBER,
        }
}

/// The types that `left op right` may have; none if it fails whatever its operands are. Not for the operators
/// that jump.
pub(super) fn binary(op: Binary, left: Kinds, right: Kinds) -> Kinds {
    let mut result = Kinds::NONE;
    for left in left.each() {
        for right in right.each() {
            result = result | pair(op, left, right);
        }
    }
    result
}

/// As [`binary`], for two single types.
fn pair(op: Binary, left: Kinds, right: Kinds) -> Kinds {
    let numbers = left.within(Kinds::NUMBER) && right.within(Kinds::NUMBER);
    let if_so = |holds: bool, result: Kinds| if holds { result } else { Kinds::NONE };
    match op {
        Binary::Equal | Binary::NotEqual => Kinds::BOOL,
        Binary::Less | Binary::LessOrEqual | Binary::More | Binary::MoreOrEqual => {
            let ordered = Kinds::TEXT | Kinds::TIME | Kinds::DURATION;
            if_so(numbers || (left == right && left.within(ordered)), Kinds::BOOL)
        }
        Binary::In => {
            let keys = Kinds::TEXT | Kinds::NIL | Kinds::NUMBER | Kinds::BOOL;
            let fits = right.within(Kinds::NIL | Kinds::LIST) || (right == Kinds::MAP && left.within(keys));
            if_so(fits, Kinds::BOOL)
        }
        Binary::Matches | Binary::Contains | Binary::StartsWith | Binary::EndsWith => {
            let texts = left == Kinds::TEXT && right == Kinds::TEXT;
            if_so(texts || left == Kinds::NIL || right == Kinds::NIL, Kinds::BOOL)
        }
        Binary::Range => if_so(numbers, Kinds::LIST),
        Binary::Add => match (left, right) {
            (Kinds::TEXT, Kinds::TEXT) => Kinds::TEXT,
            (Kinds::TIME, Kinds::DURATION) | (Kinds::DURATION, Kinds::TIME) => Kinds::TIME,
            (Kinds::DURATION, Kinds::DURATION) => Kinds::DURATION,
            _ => arithmetic(left, right),
        },
        Binary::Subtract => match (left, right) {
            (Kinds::TIME, Kinds::DURATION) => Kinds::TIME,
            (Kinds::TIME, Kinds::TIME) | (Kinds::DURATION, Kinds::DURATION) => Kinds::DURATION,
            _ => arithmetic(left, right),
        },
        Binary::Multiply => {
            let times = (left == Kinds::DURATION && right.within(Kinds::NUMBER))
                || (right == Kinds::DURATION && left.within(Kinds::NUMBER));
            if times { Kinds::DURATION } else { arithmetic(left, right) }
        }
        Binary::Divide | Binary::Power => if_so(numbers, Kinds::FLOAT),
        Binary::Modulo => if_so(left == Kinds::INT && right == Kinds::INT, Kinds::INT),
        // The checker does not ask for these three.
        Binary::And | Binary::Or | Binary::Coalesce => Kinds::ALL,
    }
}

fn arithmetic(left: Kinds, right: Kinds) -> Kinds {
    match (left, right) {
        (Kinds::INT, Kinds::INT) => Kinds::INT,
        _ if left.within(Kinds::NUMBER) && right.within(Kinds::NUMBER) => Kinds::FLOAT,
        _ => Kinds::NONE,
    }
}

/// The types that `of[key]` may have, apart from what a list or a map holds, which is [`Kinds::ALL`].
pub(super) fn fetch(of: Kinds, key: Kinds) -> Kinds {
    let mut result = Kinds::NONE;
    for of in of.each() {
        for key in key.each() {
            result = result
                | match of {
                    Kinds::MAP if key.within(Kinds::TEXT | Kinds::NUMBER | Kinds::BOOL) => Kinds::ALL,
                    Kinds::MAP if key == Kinds::NIL => Kinds::NIL,
                    Kinds::LIST if key.within(Kinds::NUMBER) => Kinds::ALL,
                    Kinds::TEXT if key.within(Kinds::NUMBER) => Kinds::INT | Kinds::NIL,
                    _ => Kinds::NONE,
                };
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Duration, Time, Value};
    use crate::{Context, Map, budget, ops};

    /// One value or more of each type.
    fn samples() -> Vec<Value> {
        vec![
            Value::Nil,
            Value::Bool(true),
            Value::Int(1),
            Value::Float(1.5),
            Value::from("1"),
            Value::from(""),
            Value::from_iter([1i64]),
            Value::from_iter([("1", 1i64)]),
            Time::from_timestamp(types::Timestamp::from_millis(0)).into(),
            Duration::from_nanos(1).into(),
        ]
    }

    const OPERATORS: [Binary; 18] = [
        Binary::Equal,
        Binary::NotEqual,
        Binary::Less,
        Binary::LessOrEqual,
        Binary::More,
        Binary::MoreOrEqual,
        Binary::In,
        Binary::Matches,
        Binary::Contains,
        Binary::StartsWith,
        Binary::EndsWith,
        Binary::Range,
        Binary::Add,
        Binary::Subtract,
        Binary::Multiply,
        Binary::Divide,
        Binary::Modulo,
        Binary::Power,
    ];

    #[test]
    fn the_tables_agree_with_what_the_operators_do() {
        let scope = Map::new();
        let mut rng = types::SeededRng::from_u64(1);
        let mut context = Context::new(&scope, types::Timestamp::from_millis(0), &mut rng);
        let mut budget = budget::Budget::new(&mut context);
        for (left, right) in samples().iter().flat_map(|a| samples().into_iter().map(move |b| (a.clone(), b)))
        {
            let (a, b) = (Kinds::of(&left), Kinds::of(&right));
            for op in OPERATORS {
                let (known, result) = (binary(op, a, b), ops::binary(op, &left, &right, &mut budget));
                let agree = match &result {
                    Ok(value) => Kinds::of(value).within(known),
                    Err(error) => known.is_none() || error.clone().at(0..0).kind == crate::ErrorKind::Value,
                };
                assert!(agree, "{left:?} {op:?} {right:?}: {known}, {result:?}");
            }
            if let Ok(value) = ops::fetch(&left, &right) {
                assert!(Kinds::of(&value).within(fetch(a, b)), "{left:?}[{right:?}]");
            }
        }
        for value in samples() {
            for op in [Unary::Not, Unary::Negate, Unary::Plus] {
                let result = ops::unary(op, &value).map_or(Kinds::NONE, |value| Kinds::of(&value));
                assert_eq!(result, unary(op, Kinds::of(&value)), "{op:?} {value:?}");
            }
        }
    }
}
