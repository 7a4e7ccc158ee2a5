//! Functions on numbers: rounding, extremes and means, bits.

use std::cmp::Ordering;

use super::{ANY, Arguments, Function, entry};
use crate::ast::Binary;
use crate::budget::{Budget, Fault};
use crate::ops::{self, kind};
use crate::value::Value;

type Outcome = Result<Value, Fault>;

pub(super) const FUNCTIONS: &[Function] = &[
    entry("abs", "abs(number) number", "The number without its sign.", ("abs(-5)", "5"), (1, 1), abs),
    entry("ceil", "ceil(number) float", "Rounded up.", ("ceil(1.2)", "2.0"), (1, 1), |args, _| {
        round(args, f64::ceil)
    }),
    entry("floor", "floor(number) float", "Rounded down.", ("floor(1.8)", "1.0"), (1, 1), |args, _| {
        round(args, f64::floor)
    }),
    entry(
        "round",
        "round(number) float",
        "Rounded to the nearest whole number, halves away from zero.",
        ("round(1.5)", "2.0"),
        (1, 1),
        |args, _| round(args, f64::round),
    ),
    entry(
        "max",
        "max(numbers or lists...) number",
        "The greatest of the numbers.",
        ("max(5, [7, 6])", "7"),
        (1, ANY),
        |args, budget| extreme(args, budget, Ordering::Greater),
    ),
    entry(
        "min",
        "min(numbers or lists...) number",
        "The least of the numbers.",
        ("min(5, [7, 6])", "5"),
        (1, ANY),
        |args, budget| extreme(args, budget, Ordering::Less),
    ),
    entry(
        "mean",
        "mean(numbers or lists...) float",
        "The arithmetic mean of the numbers, 0 of none.",
        ("mean([1, 2, 3])", "2.0"),
        (1, ANY),
        mean,
    ),
    entry(
        "median",
        "median(numbers or lists...) float",
        "The middle one of the numbers in their order, or the mean of the middle two; 0 of none.",
        ("median([1, 2, 3, 4])", "2.5"),
        (1, ANY),
        median,
    ),
    entry(
        "bitand",
        "bitand(a, b) int",
        "The bits that both have.",
        ("bitand(6, 3)", "2"),
        (2, 2),
        |args, _| bits(args, |a, b| Ok(a & b)),
    ),
    entry("bitor", "bitor(a, b) int", "The bits that one has.", ("bitor(6, 3)", "7"), (2, 2), |args, _| {
        bits(args, |a, b| Ok(a | b))
    }),
    entry(
        "bitxor",
        "bitxor(a, b) int",
        "The bits that only one has.",
        ("bitxor(6, 3)", "5"),
        (2, 2),
        |args, _| bits(args, |a, b| Ok(a ^ b)),
    ),
    entry(
        "bitnand",
        "bitnand(a, b) int",
        "The bits of `a` that `b` has not.",
        ("bitnand(6, 3)", "4"),
        (2, 2),
        |args, _| bits(args, |a, b| Ok(a & !b)),
    ),
    entry("bitnot", "bitnot(a) int", "The bits that `a` has not.", ("bitnot(6)", "-7"), (1, 1), |args, _| {
        Ok(Value::Int(!args.int(0)?))
    }),
    entry(
        "bitshl",
        "bitshl(a, n) int",
        "Shifted left by `n` bits.",
        ("bitshl(3, 2)", "12"),
        (2, 2),
        |args, _| bits(args, |a, n| Ok(shift(n)?.map_or(0, |n| a << n))),
    ),
    entry(
        "bitshr",
        "bitshr(a, n) int",
        "Shifted right by `n` bits, the sign kept.",
        ("bitshr(-8, 1)", "-4"),
        (2, 2),
        |args, _| bits(args, |a, n| Ok(a >> shift(n)?.unwrap_or(63))),
    ),
    entry(
        "bitushr",
        "bitushr(a, n) int",
        "Shifted right by `n` bits, zeros coming in.",
        ("bitushr(-1, 63)", "1"),
        (2, 2),
        |args, _| bits(args, |a, n| Ok(shift(n)?.map_or(0, |n| (a as u64 >> n) as i64))),
    ),
];

fn abs(args: Arguments<'_>, _: &mut Budget<'_>) -> Outcome {
    match args.value(0) {
        value @ Value::Int(int) if *int < 0 => ops::negate(value),
        Value::Float(float) => Ok(Value::Float(float.abs())),
        Value::Int(int) => Ok(Value::Int(*int)),
        _ => Err(args.wrong(0, "a number")),
    }
}

fn round(args: Arguments<'_>, round: fn(f64) -> f64) -> Outcome {
    args.value(0).as_f64().map(|float| Value::Float(round(float))).ok_or_else(|| args.wrong(0, "a number"))
}

fn bits(args: Arguments<'_>, run: fn(i64, i64) -> Result<i64, Fault>) -> Outcome {
    run(args.int(0)?, args.int(1)?).map(Value::Int)
}

/// The bits to shift by; `None` if nothing would be left.
fn shift(bits: i64) -> Result<Option<u32>, Fault> {
    match bits {
        0..64 => Ok(u32::try_from(bits).ok()),
        64.. => Ok(None),
        _ => Err(Fault::value(format!("cannot shift by {bits} bits"))),
    }
}

fn extreme(args: Arguments<'_>, budget: &mut Budget<'_>, wanted: Ordering) -> Outcome {
    // As in the reference one argument that is no number is answered as it is.
    if let ([value], false) = (args.values, matches!(args.values, [Value::List(_)])) {
        return Ok(value.clone());
    }
    args.admit(budget)?;
    let mut best = Value::Nil;
    each_number(args.function, args.values, &mut |number| {
        if best.is_nil() || ops::order(Binary::Less, number, &best)? == Some(wanted) {
            best = number.clone();
        }
        Ok(())
    })?;
    Ok(best)
}

fn mean(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    args.admit(budget)?;
    let (mut sum, mut count) = (0.0, 0u64);
    each_number(args.function, args.values, &mut |number| {
        sum += number.as_f64().unwrap_or_default();
        count += 1;
        Ok(())
    })?;
    Ok(Value::Float(if count == 0 { 0.0 } else { sum / count as f64 }))
}

fn median(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    args.admit(budget)?;
    let mut numbers = Vec::new();
    each_number(args.function, args.values, &mut |number| {
        numbers.push(number.as_f64().unwrap_or_default());
        Ok(())
    })?;
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    Ok(Value::Float(match numbers.len() {
        0 => 0.0,
        len if len % 2 == 1 => numbers[middle],
        _ => f64::midpoint(numbers[middle - 1], numbers[middle]),
    }))
}

/// Calls `visit` with every number, also those in lists.
fn each_number(
    function: &str,
    values: &[Value],
    visit: &mut dyn FnMut(&Value) -> Result<(), Fault>,
) -> Result<(), Fault> {
    for value in values {
        match value {
            Value::Int(_) | Value::Float(_) => visit(value)?,
            Value::List(list) => each_number(function, list, visit)?,
            other => return Err(Fault::types(format!("`{function}` takes numbers, not {}", kind(other)))),
        }
    }
    Ok(())
}
