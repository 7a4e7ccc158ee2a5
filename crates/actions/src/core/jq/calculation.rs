//! The signs of calculation.

use std::collections::BTreeSet;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::rc::Rc;

use jaq_core::ops::Math;

use super::limits;
use super::number::Num;
use super::value::{Error, Object, Val};

type Outcome = Result<Val, Error>;

impl Add for Val {
    type Output = Outcome;

    fn add(self, other: Self) -> Outcome {
        match (self, other) {
            (Self::Null, value) | (value, Self::Null) => Ok(value),
            (Self::Num(one), Self::Num(other)) => {
                Ok(Self::Num(one.calculate(other, i64::checked_add, |one, other| one + other)))
            }
            (Self::Str(mut one), Self::Str(other)) => {
                Rc::make_mut(&mut one).push(other.as_str());
                Ok(Self::Str(one))
            }
            (Self::Arr(mut one), Self::Arr(other)) => {
                let list = Rc::make_mut(&mut one);
                for item in other.items() {
                    list.push(item.clone());
                }
                Ok(Self::Arr(one))
            }
            (Self::Obj(mut one), Self::Obj(other)) => {
                let object = Rc::make_mut(&mut one);
                for (key, value) in other.map() {
                    object.insert(key, value.clone());
                }
                Ok(Self::Obj(one))
            }
            (one, other) => Err(Error::math(one, Math::Add, other)),
        }
    }
}

impl Sub for Val {
    type Output = Outcome;

    fn sub(self, other: Self) -> Outcome {
        match (self, other) {
            (Self::Num(one), Self::Num(other)) => {
                Ok(Self::Num(one.calculate(other, i64::checked_sub, |one, other| one - other)))
            }
            (Self::Arr(mut one), Self::Arr(other)) => {
                let gone: BTreeSet<&Val> = other.items().iter().collect();
                Rc::make_mut(&mut one).retain(|item| !gone.contains(item));
                Ok(Self::Arr(one))
            }
            (one, other) => Err(Error::math(one, Math::Sub, other)),
        }
    }
}

impl Mul for Val {
    type Output = Outcome;

    fn mul(self, other: Self) -> Outcome {
        match (self, other) {
            (Self::Num(one), Self::Num(other)) => {
                Ok(Self::Num(one.calculate(other, i64::checked_mul, |one, other| one * other)))
            }
            (text @ Self::Str(_), Self::Num(times)) | (Self::Num(times), text @ Self::Str(_)) => {
                Ok(repeated(&text, times))
            }
            (Self::Obj(mut one), Self::Obj(other)) => {
                merge(Rc::make_mut(&mut one), &other);
                Ok(Self::Obj(one))
            }
            (one, other) => Err(Error::math(one, Math::Mul, other)),
        }
    }
}

/// The text so many times; null if that is not once.
fn repeated(text: &Val, times: Num) -> Val {
    let text = text.as_str().unwrap_or_default();
    let times = times.rounded(true);
    if times <= 0 {
        return Val::Null;
    }
    let Val::Str(mut whole) = Val::text("") else { return Val::Null };
    let grown = Rc::make_mut(&mut whole);
    // An empty text stays one; each turn of others is counted, so that it ends before memory does.
    for _ in 0..if text.is_empty() { 0 } else { times } {
        grown.push(text);
    }
    Val::Str(whole)
}

/// Maps under the same key are merged too.
fn merge(one: &mut Object, other: &Object) {
    for (key, value) in other.map() {
        let merged = match (one.take(key), value) {
            (Some(Val::Obj(mut inner)), Val::Obj(value)) => {
                merge(Rc::make_mut(&mut inner), value);
                Val::Obj(inner)
            }
            (_, value) => value.clone(),
        };
        one.insert(key, merged);
    }
}

impl Div for Val {
    type Output = Outcome;

    fn div(self, other: Self) -> Outcome {
        let whole = |one: i64, other: i64| {
            one.checked_rem(other).filter(|rest| *rest == 0).and_then(|_| one.checked_div(other))
        };
        match (self, other) {
            (Self::Num(one), Self::Num(other)) => {
                Ok(Self::Num(one.calculate(other, whole, |one, other| one / other)))
            }
            (Self::Str(one), Self::Str(other)) => Ok(split(one.as_str(), other.as_str())),
            (one, other) => Err(Error::math(one, Math::Div, other)),
        }
    }
}

/// The parts of a text; its characters if nothing parts them.
fn split(text: &str, separator: &str) -> Val {
    limits::text_work(text.len());
    if text.is_empty() {
        std::iter::empty().collect()
    } else if separator.is_empty() {
        text.chars().map(Val::text).collect()
    } else {
        text.split(separator).map(Val::text).collect()
    }
}

impl Rem for Val {
    type Output = Outcome;

    fn rem(self, other: Self) -> Outcome {
        match (self, other) {
            // Of the lowest number and -1, nothing is left.
            (Self::Num(Num::Int(one)), Self::Num(Num::Int(other))) if other != 0 => {
                Ok(Self::Num(Num::Int(one.checked_rem(other).unwrap_or(0))))
            }
            (Self::Num(one), Self::Num(other)) if other.as_f64() != 0.0 => {
                Ok(Self::Num(Num::Float(one.as_f64() % other.as_f64())))
            }
            (one, other) => Err(Error::math(one, Math::Rem, other)),
        }
    }
}

impl Neg for Val {
    type Output = Outcome;

    fn neg(self) -> Outcome {
        match self {
            Self::Num(number) => {
                Ok(Self::Num(Num::Int(0).calculate(number, i64::checked_sub, |_, number| -number)))
            }
            other => Err(Error::typ(other, "number")),
        }
    }
}
