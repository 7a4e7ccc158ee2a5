//! Shapes: what is known of a value before there is one. The checker and the completion work on them instead of
//! on values; an editor makes them of declared types, of what an action answers, or of a sample.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;

use super::kinds::Kinds;
use crate::value::Value;

/// What is known of a value. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub enum Shape {
    /// Nothing is known.
    #[default]
    Any,
    /// It is `nil`.
    Nil,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A number with a fraction.
    Float,
    /// An int or a float.
    Number,
    /// Text.
    Text,
    /// A list whose elements all have that shape.
    List(Arc<Shape>),
    /// A map.
    Map(Arc<Members>),
    /// An instant.
    Time,
    /// A length of time.
    Duration,
    /// Of that shape, or `nil`.
    Optional(Arc<Shape>),
}

/// What is known of a map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members {
    /// The members that are known, in their order.
    pub known: IndexMap<Arc<str>, Shape>,
    /// Whether there may be others.
    pub open: bool,
}

/// How far a shape goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Fits,
    /// It has more levels.
    Deep,
    /// It has more parts.
    Wide,
}

/// Joining the members of larger maps would cost more than it tells.
const JOINED_MEMBERS_MAX: usize = 256;

impl Shape {
    /// A list of elements of that shape.
    pub fn list(element: Self) -> Self {
        Self::List(Arc::new(element))
    }

    /// A map that has these members and no others.
    pub fn closed<N: Into<Arc<str>>>(members: impl IntoIterator<Item = (N, Self)>) -> Self {
        let known = members.into_iter().map(|(name, shape)| (name.into(), shape)).collect();
        Self::Map(Arc::new(Members { known, open: false }))
    }

    /// A map that has these members and maybe others.
    pub fn open<N: Into<Arc<str>>>(members: impl IntoIterator<Item = (N, Self)>) -> Self {
        let known = members.into_iter().map(|(name, shape)| (name.into(), shape)).collect();
        Self::Map(Arc::new(Members { known, open: true }))
    }

    /// A map of which nothing is known.
    pub(crate) fn any_map() -> Self {
        Self::Map(Arc::new(Members { known: IndexMap::new(), open: true }))
    }

    /// This shape, or `nil`.
    pub fn optional(self) -> Self {
        match self {
            Self::Any | Self::Nil | Self::Optional(_) => self,
            shape => Self::Optional(Arc::new(shape)),
        }
    }

    /// This shape without `nil`. What is nothing but `nil` is anything then, since it is never asked.
    pub(crate) fn without_nil(self) -> Self {
        match self {
            Self::Nil => Self::Any,
            Self::Optional(shape) => shape.as_ref().clone(),
            shape => shape,
        }
    }

    /// The shape of a value: of a list it is what its elements have in common, a map has the members it has.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Nil => Self::Nil,
            Value::Bool(_) => Self::Bool,
            Value::Int(_) => Self::Int,
            Value::Float(_) => Self::Float,
            Value::String(_) => Self::Text,
            Value::List(list) => Self::list(Self::join_all(list.iter().map(Self::of))),
            Value::Map(map) => Self::closed(map.iter().map(|(name, value)| (name.clone(), Self::of(value)))),
            Value::Time(_) => Self::Time,
            Value::Duration(_) => Self::Duration,
        }
    }

    /// What all of them have in common; anything if there are none.
    pub(crate) fn join_all(shapes: impl IntoIterator<Item = Self>) -> Self {
        shapes.into_iter().reduce(|all, shape| all.join(&shape)).unwrap_or_default()
    }

    /// The shape of what has one of these two.
    pub fn join(self, other: &Self) -> Self {
        if self == *other {
            return self;
        }
        match (self, other) {
            (Self::Nil, shape) => shape.clone().optional(),
            (shape, Self::Nil) => shape.optional(),
            (Self::Optional(a), Self::Optional(b)) => a.as_ref().clone().join(b).optional(),
            (Self::Optional(shape), other) => shape.as_ref().clone().join(other).optional(),
            (shape, Self::Optional(other)) => shape.join(other).optional(),
            (Self::Int | Self::Float | Self::Number, Self::Int | Self::Float | Self::Number) => Self::Number,
            (Self::List(a), Self::List(b)) => Self::list(a.as_ref().clone().join(b)),
            (Self::Map(a), Self::Map(b)) if a.known.len().max(b.known.len()) > JOINED_MEMBERS_MAX => {
                Self::any_map()
            }
            (Self::Map(a), Self::Map(b)) => Self::Map(Arc::new(a.join(b))),
            _ => Self::Any,
        }
    }

    /// The types that a value of this shape may have.
    pub(crate) fn kinds(&self) -> Kinds {
        match self {
            Self::Any => Kinds::ALL,
            Self::Nil => Kinds::NIL,
            Self::Bool => Kinds::BOOL,
            Self::Int => Kinds::INT,
            Self::Float => Kinds::FLOAT,
            Self::Number => Kinds::NUMBER,
            Self::Text => Kinds::TEXT,
            Self::List(_) => Kinds::LIST,
            Self::Map(_) => Kinds::MAP,
            Self::Time => Kinds::TIME,
            Self::Duration => Kinds::DURATION,
            Self::Optional(shape) => shape.kinds() | Kinds::NIL,
        }
    }

    /// The narrowest shape of values that have one of these types.
    pub(crate) fn of_kinds(kinds: Kinds) -> Self {
        if kinds.is_none() || kinds == Kinds::ALL {
            return Self::Any;
        }
        Self::join_all(kinds.each().map(|kind| match kind {
            Kinds::NIL => Self::Nil,
            Kinds::BOOL => Self::Bool,
            Kinds::INT => Self::Int,
            Kinds::FLOAT => Self::Float,
            Kinds::TEXT => Self::Text,
            Kinds::LIST => Self::list(Self::Any),
            Kinds::MAP => Self::any_map(),
            Kinds::TIME => Self::Time,
            Kinds::DURATION => Self::Duration,
            _ => Self::Any,
        }))
    }

    /// The shape of the elements, if it is a list or `nil`.
    pub(crate) fn element(&self) -> Option<&Self> {
        match self {
            Self::List(element) => Some(element),
            Self::Optional(shape) => shape.element(),
            _ => None,
        }
    }

    /// The members, if it is a map or `nil`.
    pub(crate) fn members(&self) -> Option<&Members> {
        match self {
            Self::Map(members) => Some(members),
            Self::Optional(shape) => shape.members(),
            _ => None,
        }
    }

    /// Whether it has at most so many levels and parts. A part that is used twice counts twice: what is written
    /// in a few lines, `let b = {x: a, y: a}` again and again, may have more parts than can be walked.
    pub(super) fn size(&self, levels: usize, parts: &mut usize) -> Size {
        if levels == 0 {
            return Size::Deep;
        }
        let Some(rest) = parts.checked_sub(1) else { return Size::Wide };
        *parts = rest;
        match self {
            Self::List(shape) | Self::Optional(shape) => shape.size(levels - 1, parts),
            Self::Map(members) => {
                let mut sizes = members.known.values().map(|shape| shape.size(levels - 1, parts));
                sizes.find(|size| *size != Size::Fits).unwrap_or(Size::Fits)
            }
            _ => Size::Fits,
        }
    }

    /// Whether a value of this shape may be `value`.
    pub fn admits(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any, _) => true,
            (Self::Optional(shape), value) => value.is_nil() || shape.admits(value),
            (Self::List(element), Value::List(list)) => list.iter().all(|value| element.admits(value)),
            (Self::Map(members), Value::Map(map)) => {
                let known =
                    |(name, shape): (&Arc<str>, &Self)| shape.admits(map.get(name).unwrap_or(&Value::Nil));
                members.known.iter().all(known)
                    && (members.open || map.keys().all(|name| members.known.contains_key(name)))
            }
            (shape, value) => shape.kinds().meets(Kinds::of(value)),
        }
    }
}

/// What is shared is not compared.
impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(a), Self::List(b)) | (Self::Optional(a), Self::Optional(b)) => {
                Arc::ptr_eq(a, b) || a == b
            }
            (Self::Map(a), Self::Map(b)) => Arc::ptr_eq(a, b) || a == b,
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }
}

impl Members {
    /// A member that only one of them has is `nil` in the other, or not known there.
    fn join(&self, other: &Self) -> Self {
        let in_other = |members: &Self, shape: &Shape| match members.open {
            true => Shape::Any,
            false => shape.clone().optional(),
        };
        let mut known = IndexMap::with_capacity(self.known.len());
        for (name, shape) in &self.known {
            let joined = match other.known.get(name) {
                Some(theirs) => shape.clone().join(theirs),
                None => in_other(other, shape),
            };
            known.insert(name.clone(), joined);
        }
        for (name, shape) in other.known.iter().filter(|(name, _)| !self.known.contains_key(*name)) {
            known.insert(name.clone(), in_other(self, shape));
        }
        Self { known, open: self.open || other.open }
    }
}

/// As a reader is told it: "list of text", "number or nil".
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Nil => f.write_str("nil"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Float => f.write_str("float"),
            Self::Number => f.write_str("number"),
            Self::Text => f.write_str("text"),
            Self::List(element) if **element == Self::Any => f.write_str("list"),
            Self::List(element) => write!(f, "list of {element}"),
            Self::Map(_) => f.write_str("map"),
            Self::Time => f.write_str("time"),
            Self::Duration => f.write_str("duration"),
            Self::Optional(shape) => write!(f, "{shape} or nil"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Shape {
        Shape::of(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn the_elements_of_a_list_are_what_they_have_in_common() {
        let check = |json: &str, shown: &str| assert_eq!(of(json).to_string(), shown, "{json}");
        check("[1, 2]", "list of int");
        check("[1, 2.5]", "list of number");
        check("[1, null]", "list of int or nil");
        check("[1, \"a\"]", "list");
        check("[]", "list");
        check("[[1], [2]]", "list of list of int");
    }

    #[test]
    fn a_member_that_only_some_elements_have_may_be_nil() {
        let shape = of(r#"[{"a": 1, "b": 2}, {"a": 2}]"#);
        let members = shape.element().and_then(Shape::members).unwrap();
        assert_eq!(members.known["a"], Shape::Int);
        assert_eq!(members.known["b"], Shape::Int.optional());
        assert!(!members.open);
    }

    #[test]
    fn a_shape_admits_the_value_that_it_was_made_of() {
        for json in ["null", "[1, [2.5], null]", r#"{"a": [{"b": 1}, {"c": "x"}], "d": {}}"#] {
            let value = serde_json::from_str(json).unwrap();
            assert!(Shape::of(&value).admits(&value), "{json}");
        }
        assert!(!Shape::Text.admits(&Value::Int(1)));
        assert!(!of(r#"{"a": 1}"#).admits(&serde_json::from_str(r#"{"b": 1}"#).unwrap()));
    }
}
