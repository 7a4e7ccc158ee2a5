//! The values of the language: JSON plus instants and durations.
//!
//! Everything a value holds is shared, so a clone costs a counter, never a copy; that is what makes
//! member access on a large step output cheap. How values look as JSON is in `json`, how they look as
//! text in `text`, how they look in programs in `python` and `javascript`. There is no object protocol: a
//! value is data and can do nothing.

mod javascript;
mod json;
mod python;
mod text;

use std::sync::Arc;

use indexmap::IndexMap;

pub use crate::time::{Duration, Time};

/// A map of the language. Keeps the order in which its keys came.
pub type Map = IndexMap<Arc<str>, Value>;

/// Below this many entries comparing the keys one by one is faster than hashing the wanted one.
const SCAN_ENTRIES_MAX: usize = 8;

/// A value. Cheap to clone.
///
/// Equality is the language's: `1 == 1.0`, also inside lists and maps; instants are equal if they are
/// the same instant, in whatever zone.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// Nothing: `nil`, JSON's `null`, whatever is undefined.
    #[default]
    Nil,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number. Arithmetic that leaves the 64 bits is an error.
    Int(i64),
    /// A number with a fraction. JSON cannot express infinities and NaN: they become `null` there.
    Float(f64),
    /// Text.
    String(Arc<str>),
    /// A list.
    List(Arc<Vec<Value>>),
    /// A map from text to values.
    Map(Arc<Map>),
    /// An instant in a time zone.
    Time(Time),
    /// A length of time.
    Duration(Duration),
}

impl Value {
    /// The name of the value's type as the language's `type()` tells it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::String(_) => "string",
            Self::List(_) => "array",
            Self::Map(_) => "map",
            Self::Time(_) => "time.Time",
            Self::Duration(_) => "time.Duration",
        }
    }

    /// What stands under `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Map(map) => lookup(map, key),
            _ => None,
        }
    }

    /// The text, if this is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    /// The whole number, if this is one. A float is not, whatever its fraction.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            _ => None,
        }
    }

    /// The number as a float, if this is an int or a float. Ints beyond 2^53 lose digits.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(int) => Some(*int as f64),
            Self::Float(float) => Some(*float),
            _ => None,
        }
    }

    /// The elements, if this is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// The entries, if this is a map.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Whether this is `nil`.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// Whether a condition written as this value holds: everything but `nil`, `false`, zero and what is
    /// empty. The language itself has no truthiness (`!1` is an error); conditions of workflows do.
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(bool) => *bool,
            Self::Int(int) => *int != 0,
            Self::Float(float) => *float != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Time(_) => true,
            Self::Duration(duration) => duration.as_nanos() != 0,
        }
    }
}

/// The entry of `map` under `key`.
pub(crate) fn lookup<'a>(map: &'a Map, key: &str) -> Option<&'a Value> {
    if map.len() <= SCAN_ENTRIES_MAX {
        return map.iter().find(|(name, _)| name.as_ref() == key).map(|(_, value)| value);
    }
    map.get(key)
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nil, Self::Nil) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Int(a), Self::Float(b)) | (Self::Float(b), Self::Int(a)) => *a as f64 == *b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len() && a.iter().all(|(key, value)| lookup(b, key) == Some(value))
            }
            (Self::Time(a), Self::Time(b)) => a == b,
            (Self::Duration(a), Self::Duration(b)) => a == b,
            _ => false,
        }
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<f64> for Value {
    fn from(float: f64) -> Self {
        Self::Float(float)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<Arc<str>> for Value {
    fn from(text: Arc<str>) -> Self {
        Self::String(text)
    }
}

impl From<Vec<Value>> for Value {
    fn from(list: Vec<Value>) -> Self {
        Self::List(Arc::new(list))
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(Arc::new(map))
    }
}

impl From<Time> for Value {
    fn from(time: Time) -> Self {
        Self::Time(time)
    }
}

impl From<Duration> for Value {
    fn from(duration: Duration) -> Self {
        Self::Duration(duration)
    }
}

impl<V: Into<Value>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Nil, Into::into)
    }
}

impl<V: Into<Value>> FromIterator<V> for Value {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        values.into_iter().map(Into::into).collect::<Vec<Value>>().into()
    }
}

impl<K: Into<Arc<str>>, V: Into<Value>> FromIterator<(K, V)> for Value {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect::<Map>().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_by_what_they_are_worth() {
        assert_eq!(Value::Int(1), Value::Float(1.0));
        assert_eq!(Value::from_iter([1i64]), Value::from_iter([1.0]));
        assert_ne!(Value::Int(1), Value::from("1"));
    }

    #[test]
    fn maps_are_equal_whatever_their_order() {
        let ab = Value::from_iter([("a", 1i64), ("b", 2)]);
        let ba = Value::from_iter([("b", 2i64), ("a", 1)]);
        assert_eq!(ab, ba);
        assert_ne!(ab, Value::from_iter([("a", 1i64)]));
    }

    #[test]
    fn a_value_is_three_words() {
        assert_eq!(size_of::<Value>(), 24);
    }
}
