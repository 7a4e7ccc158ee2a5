//! What the operators do with values: arithmetic, order, membership, text tests, elements and slices.
//!
//! Pure functions; jumps (`&&`, `??`) are the machine's business.

use std::cmp::Ordering;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use crate::ast::{Binary, Unary};
use crate::budget::{Budget, Fault, TEXT_BYTES_PER_UNIT};
use crate::limits::REGEX_BYTES_MAX;
use crate::power::power;
use crate::value::{Duration, Value, lookup};

/// Compiles a pattern in the reference's dialect: as Go's `regexp`, linear in the text's length.
pub(crate) fn regex(pattern: &str) -> Result<Regex, Fault> {
    RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).build().map_err(
        |error| match error {
            regex::Error::CompiledTooBig(max) => {
                Fault::limit(format!("the regular expression takes more than {max} bytes"))
            }
            error => {
                // The first lines draw the pattern once more; the reason is the last.
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
                Fault::value(format!("`{pattern}` is not a regular expression: {reason}"))
            }
        },
    )
}

pub(crate) fn unary(unary: Unary, value: &Value) -> Result<Value, Fault> {
    match (unary, value) {
        (Unary::Not, Value::Bool(bool)) => Ok(Value::Bool(!bool)),
        (Unary::Not, other) => Err(Fault::types(format!("`not` takes a truth value, not {}", kind(other)))
            .with_hint("compare it: `x == nil`, `len(x) == 0`")),
        (Unary::Negate, value) => negate(value),
        (Unary::Plus, value @ (Value::Int(_) | Value::Float(_))) => Ok(value.clone()),
        (Unary::Plus, other) => Err(Fault::types(format!("`+` takes a number, not {}", kind(other)))),
    }
}

pub(crate) fn negate(value: &Value) -> Result<Value, Fault> {
    match value {
        Value::Int(int) => int.checked_neg().map(Value::Int).ok_or_else(|| overflow("-", value, None)),
        Value::Float(float) => Ok(Value::Float(-float)),
        Value::Duration(duration) => match duration.as_nanos().checked_neg() {
            Some(nanos) => Ok(Duration::from_nanos(nanos).into()),
            None => Err(overflow("-", value, None)),
        },
        other => Err(Fault::types(format!("`-` takes a number, not {}", kind(other)))),
    }
}

/// `left op right`, for every operator that is not a jump.
pub(crate) fn binary(
    op: Binary,
    left: &Value,
    right: &Value,
    budget: &mut Budget<'_>,
) -> Result<Value, Fault> {
    if let (Value::String(a), Value::String(b)) = (left, right) {
        // Looking for a part reads all of the text, comparing reads as far as both go.
        let bytes = if op == Binary::Contains { a.len() } else { a.len().min(b.len()) };
        budget.work(bytes / TEXT_BYTES_PER_UNIT)?;
    }
    match op {
        Binary::Equal => equal(left, right, budget).map(Value::Bool),
        Binary::NotEqual => equal(left, right, budget).map(|equal| Value::Bool(!equal)),
        Binary::Less => order(op, left, right).map(|o| Value::Bool(o == Some(Ordering::Less))),
        Binary::More => order(op, left, right).map(|o| Value::Bool(o == Some(Ordering::Greater))),
        Binary::LessOrEqual => order(op, left, right).map(|o| Value::Bool(o.is_some_and(Ordering::is_le))),
        Binary::MoreOrEqual => order(op, left, right).map(|o| Value::Bool(o.is_some_and(Ordering::is_ge))),
        Binary::In => contains(right, left, budget).map(Value::Bool),
        Binary::Matches | Binary::Contains | Binary::StartsWith | Binary::EndsWith => {
            text_test(op, left, right, budget).map(Value::Bool)
        }
        Binary::Range => range(left, right, budget),
        Binary::Add => add(left, right, budget),
        Binary::Subtract => subtract(left, right),
        Binary::Multiply => multiply(left, right),
        Binary::Divide => match floats(left, right) {
            Some((a, b)) => Ok(Value::Float(a / b)),
            None => Err(mismatch(op, left, right)),
        },
        Binary::Modulo => match (left, right) {
            (Value::Int(_), Value::Int(0)) => Err(Fault::value("`%` by zero")),
            (Value::Int(a), Value::Int(b)) => Ok(Value::Int(a.wrapping_rem(*b))),
            _ => Err(mismatch(op, left, right)),
        },
        Binary::Power => match floats(left, right) {
            Some((a, b)) => Ok(Value::Float(power(a, b))),
            None => Err(mismatch(op, left, right)),
        },
        // These three are jumps and never come here.
        Binary::And | Binary::Or | Binary::Coalesce => Err(mismatch(op, left, right)),
    }
}

fn add(left: &Value, right: &Value, budget: &mut Budget<'_>) -> Result<Value, Fault> {
    let overflow = || overflow("+", left, Some(right));
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => a.checked_add(*b).map(Value::Int).ok_or_else(overflow),
        (Value::String(a), Value::String(b)) => {
            budget.text_len(a.len() + b.len())?;
            let mut text = String::with_capacity(a.len() + b.len());
            text.push_str(a);
            text.push_str(b);
            Ok(text.into())
        }
        (Value::Time(time), Value::Duration(duration)) | (Value::Duration(duration), Value::Time(time)) => {
            time.add_nanos(duration.as_nanos()).map(Value::Time).ok_or_else(overflow)
        }
        (Value::Duration(a), Value::Duration(b)) => {
            a.as_nanos().checked_add(b.as_nanos()).map(nanos).ok_or_else(overflow)
        }
        _ => match floats(left, right) {
            Some((a, b)) => Ok(Value::Float(a + b)),
            None => {
                let fault = mismatch(Binary::Add, left, right);
                let texts = matches!(left, Value::String(_)) || matches!(right, Value::String(_));
                Err(if texts { fault.with_hint("make text of the other side: `string(x)`") } else { fault })
            }
        },
    }
}

fn subtract(left: &Value, right: &Value) -> Result<Value, Fault> {
    let overflow = || overflow("-", left, Some(right));
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => a.checked_sub(*b).map(Value::Int).ok_or_else(overflow),
        (Value::Time(a), Value::Time(b)) => Ok(a.since(b).into()),
        (Value::Time(time), Value::Duration(duration)) => {
            let nanos = duration.as_nanos().checked_neg().ok_or_else(overflow)?;
            time.add_nanos(nanos).map(Value::Time).ok_or_else(overflow)
        }
        (Value::Duration(a), Value::Duration(b)) => {
            a.as_nanos().checked_sub(b.as_nanos()).map(nanos).ok_or_else(overflow)
        }
        _ => match floats(left, right) {
            Some((a, b)) => Ok(Value::Float(a - b)),
            None => Err(mismatch(Binary::Subtract, left, right)),
        },
    }
}

fn multiply(left: &Value, right: &Value) -> Result<Value, Fault> {
    let overflow = || overflow("*", left, Some(right));
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => a.checked_mul(*b).map(Value::Int).ok_or_else(overflow),
        (Value::Duration(duration), Value::Int(times)) | (Value::Int(times), Value::Duration(duration)) => {
            duration.as_nanos().checked_mul(*times).map(nanos).ok_or_else(overflow)
        }
        (Value::Duration(duration), Value::Float(times))
        | (Value::Float(times), Value::Duration(duration)) => {
            let product = duration.as_nanos() as f64 * times;
            if product.abs() < i64::MAX as f64 { Ok(nanos(product as i64)) } else { Err(overflow()) }
        }
        _ => match floats(left, right) {
            Some((a, b)) => Ok(Value::Float(a * b)),
            None => Err(mismatch(Binary::Multiply, left, right)),
        },
    }
}

fn nanos(nanos: i64) -> Value {
    Duration::from_nanos(nanos).into()
}

fn floats(left: &Value, right: &Value) -> Option<(f64, f64)> {
    Some((left.as_f64()?, right.as_f64()?))
}

/// Whether the values are equal. As `==`, but every element that is compared costs: two large structures that
/// differ only at their ends may be compared in a loop.
pub(crate) fn equal(left: &Value, right: &Value, budget: &mut Budget<'_>) -> Result<bool, Fault> {
    match (left, right) {
        (Value::List(a), Value::List(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b.iter()) {
                budget.work(1)?;
                if !equal(a, b, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Map(a), Value::Map(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (key, a) in a.iter() {
                budget.work(1)?;
                let Some(b) = lookup(b, key) else { return Ok(false) };
                if !equal(a, b, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::String(a), Value::String(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            budget.work(a.len() / TEXT_BYTES_PER_UNIT)?;
            Ok(a == b)
        }
        (left, right) => Ok(left == right),
    }
}

/// Whether `needle` is one of `list`.
pub(crate) fn is_among(list: &[Value], needle: &Value, budget: &mut Budget<'_>) -> Result<bool, Fault> {
    budget.work(list.len())?;
    if !matches!(needle, Value::List(_) | Value::Map(_) | Value::String(_)) {
        return Ok(list.contains(needle));
    }
    for value in list {
        if equal(value, needle, budget)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How two values are ordered; `None` if one is not a number at all (NaN).
pub(crate) fn order(op: Binary, left: &Value, right: &Value) -> Result<Option<Ordering>, Fault> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => Ok(Some(a.cmp(b))),
        (Value::String(a), Value::String(b)) => Ok(Some(a.cmp(b))),
        (Value::Time(a), Value::Time(b)) => Ok(Some(a.cmp(b))),
        (Value::Duration(a), Value::Duration(b)) => Ok(Some(a.cmp(b))),
        _ => match floats(left, right) {
            Some((a, b)) => Ok(a.partial_cmp(&b)),
            None => Err(mismatch(op, left, right)),
        },
    }
}

/// `needle in within`.
fn contains(within: &Value, needle: &Value, budget: &mut Budget<'_>) -> Result<bool, Fault> {
    match within {
        Value::Nil => Ok(false),
        Value::List(list) => is_among(list, needle, budget),
        Value::Map(map) => match needle {
            Value::String(key) => Ok(lookup(map, key).is_some()),
            Value::Nil => Ok(false),
            Value::Int(_) | Value::Bool(_) | Value::Float(_) => Ok(lookup(map, &needle.display()).is_some()),
            other => Err(Fault::types(format!("the keys of a map are text, not {}", kind(other)))),
        },
        other => Err(Fault::types(format!("`in` looks into a list or a map, not {}", kind(other)))
            .with_hint("for a part of a text use `text contains part`")),
    }
}

fn text_test(op: Binary, left: &Value, right: &Value, budget: &mut Budget<'_>) -> Result<bool, Fault> {
    if left.is_nil() || right.is_nil() {
        return Ok(false);
    }
    let (Value::String(text), Value::String(part)) = (left, right) else {
        return Err(mismatch(op, left, right));
    };
    Ok(match op {
        Binary::Contains => text.contains(part.as_ref()),
        Binary::StartsWith => text.starts_with(part.as_ref()),
        Binary::EndsWith => text.ends_with(part.as_ref()),
        _ => {
            // Compiling costs far more than matching: a pattern that varies is paid for.
            budget.work(1000 + part.len() * 10 + text.len() / 16)?;
            regex(part)?.is_match(text)
        }
    })
}

/// `text matches` a pattern that is known beforehand.
pub(crate) fn matches(value: &Value, regex: &Regex, budget: &mut Budget<'_>) -> Result<Value, Fault> {
    match value {
        Value::Nil => Ok(Value::Bool(false)),
        Value::String(text) => {
            budget.work(text.len() / 16)?;
            Ok(Value::Bool(regex.is_match(text)))
        }
        other => Err(Fault::types(format!("`matches` takes a text, not {}", kind(other)))),
    }
}

fn range(left: &Value, right: &Value, budget: &mut Budget<'_>) -> Result<Value, Fault> {
    let (Some(from), Some(to)) = (whole(left), whole(right)) else {
        return Err(mismatch(Binary::Range, left, right));
    };
    let items = (i128::from(to) - i128::from(from) + 1).max(0);
    budget.list_len(usize::try_from(items).unwrap_or(usize::MAX))?;
    Ok((from..=to).map(Value::Int).collect())
}

/// The whole number of an int or a float, as an index or a bound takes it.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(int) => Some(*int),
        Value::Float(float) => Some(*float as i64),
        _ => None,
    }
}

/// What is not there.
static NIL: Value = Value::Nil;

/// `value.name`.
pub(crate) fn member<'v>(value: &'v Value, name: &str) -> Result<&'v Value, Fault> {
    match value {
        Value::Map(map) => Ok(lookup(map, name).unwrap_or(&NIL)),
        Value::Nil => Err(Fault::types(format!("cannot read `{name}` of nil"))
            .with_hint(format!("if it may be missing, write `?.{name}`"))),
        Value::List(_) => Err(Fault::types(format!("a list has no member `{name}`"))
            .with_hint(format!("one element is `[0].{name}`, all of them `map(list, .{name})`"))),
        other => Err(Fault::types(format!("{} has no member `{name}`", kind(other)))),
    }
}

/// `list[index]`, for a list.
pub(crate) fn element<'v>(list: &'v [Value], index: &Value) -> Result<&'v Value, Fault> {
    let index = position(index, list.len())?;
    Ok(list.get(index).unwrap_or(&NIL))
}

/// `value[property]`.
pub(crate) fn fetch(value: &Value, property: &Value) -> Result<Value, Fault> {
    match (value, property) {
        (Value::Map(_), Value::String(name)) => member(value, name).cloned(),
        // The keys of JSON are text; `groupBy` on numbers makes keys of their text.
        (Value::Map(map), Value::Int(_) | Value::Bool(_) | Value::Float(_)) => {
            lookup(map, &property.display()).cloned().ok_or_else(|| {
                Fault::types(format!("the keys of a map are text, not {}", kind(property)))
                    .with_hint("make text of it: `map[string(key)]`")
            })
        }
        (Value::Map(_), Value::Nil) => Ok(Value::Nil),
        (Value::List(list), index) => element(list, index).cloned(),
        // As in the reference the elements of a text are its bytes.
        (Value::String(text), Value::Int(_) | Value::Float(_)) => {
            let index = position(property, text.len())?;
            Ok(text.as_bytes().get(index).map_or(Value::Nil, |byte| Value::Int((*byte).into())))
        }

        (value, Value::String(name)) => member(value, name).cloned(),
        (value, _) => Err(Fault::types(format!("{} has no elements", kind(value)))),
    }
}

/// `value[property]` where keys of any type may be asked for.
pub(crate) fn fetch_any(value: &Value, property: &Value) -> Result<Value, Fault> {
    match (value, property) {
        (Value::Map(map), Value::Int(_) | Value::Bool(_) | Value::Float(_)) => {
            Ok(lookup(map, &property.display()).cloned().unwrap_or_default())
        }
        (value, property) => fetch(value, property),
    }
}

/// Where the element that `index` names stands in a list of `len` elements.
fn position(index: &Value, len: usize) -> Result<usize, Fault> {
    let Some(wanted) = whole(index) else {
        return Err(Fault::types(format!("a list is indexed by an int, not {}", kind(index))));
    };
    let index = if wanted < 0 { wanted.saturating_add(len as i64) } else { wanted };
    usize::try_from(index).ok().filter(|index| *index < len).ok_or_else(|| {
        Fault::value(format!("index {wanted} is outside the list, which has {len} elements"))
            .with_hint("`get(list, index)` is nil there")
    })
}

/// `value[from:to]`. Bounds may be negative, counted from the end, and are cut to what there is.
pub(crate) fn slice(
    value: &Value,
    from: Option<&Value>,
    to: Option<&Value>,
    budget: &mut Budget<'_>,
) -> Result<Value, Fault> {
    let len = match value {
        Value::String(text) => text.len(),
        Value::List(list) => list.len(),
        other => return Err(Fault::types(format!("{} cannot be sliced", kind(other)))),
    };
    let bound = |bound: Option<&Value>, default: usize| match bound {
        None => Ok(default),
        Some(bound) => match whole(bound) {
            Some(at) if at < 0 => Ok(usize::try_from(at.saturating_add(len as i64)).unwrap_or(0)),
            Some(at) => Ok(usize::try_from(at).unwrap_or(usize::MAX).min(len)),
            None => Err(Fault::types(format!("a slice's bound is an int, not {}", kind(bound)))),
        },
    };
    let to = bound(to, len)?;
    let from = bound(from, 0)?.min(to);
    match value {
        // The reference counts bytes; half a character becomes the replacement character.
        Value::String(text) => budget.text(String::from_utf8_lossy(&text.as_bytes()[from..to])),
        Value::List(list) if from == 0 && to == len => Ok(Value::List(Arc::clone(list))),
        Value::List(list) => budget.list(list[from..to].to_vec()),
        _ => Ok(Value::Nil),
    }
}

/// The value's type, as an error names it.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nil",
        Value::Bool(_) => "a truth value",
        Value::Int(_) => "an int",
        Value::Float(_) => "a float",
        Value::String(_) => "a text",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Time(_) => "a time",
        Value::Duration(_) => "a duration",
    }
}

fn mismatch(op: Binary, left: &Value, right: &Value) -> Fault {
    Fault::types(format!("`{}` does not work on {} and {}", op.as_str(), kind(left), kind(right)))
}

fn overflow(op: &str, left: &Value, right: Option<&Value>) -> Fault {
    let operands = match right {
        Some(right) => format!("{} {op} {}", left.render(), right.render()),
        None => format!("{op}{}", left.render()),
    };
    Fault::value(format!("`{operands}` does not fit into 64 bits"))
}
