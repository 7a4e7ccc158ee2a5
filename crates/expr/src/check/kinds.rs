//! Sets of types: what a value may be, as far as that is known beforehand.
//!
//! Working with sets is what makes the checker certain: an operation fails for sure if it fails for every type
//! that its operands may have.

use std::fmt;
use std::ops::{BitAnd, BitOr};

use crate::value::Value;

/// A set of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(u16);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const NIL: Self = Self(1);
    pub(crate) const BOOL: Self = Self(1 << 1);
    pub(crate) const INT: Self = Self(1 << 2);
    pub(crate) const FLOAT: Self = Self(1 << 3);
    pub(crate) const TEXT: Self = Self(1 << 4);
    pub(crate) const LIST: Self = Self(1 << 5);
    pub(crate) const MAP: Self = Self(1 << 6);
    pub(crate) const TIME: Self = Self(1 << 7);
    pub(crate) const DURATION: Self = Self(1 << 8);
    pub(crate) const NUMBER: Self = Self(Self::INT.0 | Self::FLOAT.0);
    pub(crate) const ALL: Self = Self((1 << 9) - 1);

    /// Each type, as an error names it.
    const NAMES: [(Self, &'static str); 9] = [
        (Self::BOOL, "a truth value"),
        (Self::INT, "an int"),
        (Self::FLOAT, "a float"),
        (Self::TEXT, "a text"),
        (Self::LIST, "a list"),
        (Self::MAP, "a map"),
        (Self::TIME, "a time"),
        (Self::DURATION, "a duration"),
        (Self::NIL, "nil"),
    ];

    /// The type of a value.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Nil => Self::NIL,
            Value::Bool(_) => Self::BOOL,
            Value::Int(_) => Self::INT,
            Value::Float(_) => Self::FLOAT,
            Value::String(_) => Self::TEXT,
            Value::List(_) => Self::LIST,
            Value::Map(_) => Self::MAP,
            Value::Time(_) => Self::TIME,
            Value::Duration(_) => Self::DURATION,
        }
    }

    /// The types of both; `|` where a constant is wanted.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether no type is in it.
    pub(crate) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether a type is in both.
    pub(crate) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether every type in it is in `other` too.
    pub(crate) fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Its types, each a set of its own.
    pub(crate) fn each(self) -> impl Iterator<Item = Self> {
        Self::NAMES.into_iter().map(|(kind, _)| kind).filter(move |kind| self.meets(*kind))
    }
}

impl BitOr for Kinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

impl BitAnd for Kinds {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// "a text", "a number or nil"; "anything" if nothing is known.
impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("anything");
        }
        let number = Self::NUMBER.within(*self);
        let mut names = Vec::new();
        for (kind, name) in Self::NAMES.into_iter().filter(|(kind, _)| self.meets(*kind)) {
            match kind {
                Self::INT if number => names.push("a number"),
                Self::FLOAT if number => {}
                _ => names.push(name),
            }
        }
        match names.as_slice() {
            [] => f.write_str("nothing"),
            [name] => f.write_str(name),
            [first @ .., last] => write!(f, "{} or {last}", first.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_named_by_its_types() {
        let check = |kinds: Kinds, named: &str| assert_eq!(kinds.to_string(), named);
        check(Kinds::TEXT, "a text");
        check(Kinds::NUMBER | Kinds::NIL, "a number or nil");
        check(Kinds::TEXT | Kinds::LIST | Kinds::MAP, "a text, a list or a map");
        check(Kinds::ALL, "anything");
    }
}
