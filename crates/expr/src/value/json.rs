//! Values as JSON: to and from `serde_json`, through serde, and the length without building it.
//!
//! Instants are written as RFC 3339 text, durations as nanoseconds; reading gives text and ints back.
//! The language's own `toJSON` is in `text`, since it has the reference's looks.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Number;

use super::{Map, Value};

impl Value {
    /// The value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::Nil => Json::Null,
            Self::Bool(bool) => Json::Bool(*bool),
            Self::Int(int) => Json::Number((*int).into()),
            Self::Float(float) => Number::from_f64(*float).map_or(Json::Null, Json::Number),
            Self::String(text) => Json::String(text.to_string()),
            Self::List(list) => Json::Array(list.iter().map(Self::to_json).collect()),
            Self::Map(map) => {
                Json::Object(map.iter().map(|(key, value)| (key.to_string(), value.to_json())).collect())
            }
            Self::Time(time) => Json::String(time.to_string()),
            Self::Duration(duration) => Json::Number(duration.as_nanos().into()),
        }
    }

    /// Whether JSON can express it: it holds no infinity and no NaN, which [`Value::to_json`] makes `null`.
    pub fn is_finite(&self) -> bool {
        match self {
            Self::Float(float) => float.is_finite(),
            Self::List(list) => list.iter().all(Self::is_finite),
            Self::Map(map) => map.values().all(Self::is_finite),
            _ => true,
        }
    }

    /// Bytes of the value as compact JSON, without making it.
    pub fn json_len(&self) -> usize {
        struct Count(usize);
        impl std::io::Write for Count {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0 += bytes.len();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut count = Count(0);
        // Neither the sink nor a value with text keys can fail.
        let _ = serde_json::to_writer(&mut count, self);
        count.0
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Nil,
            Json::Bool(bool) => Self::Bool(bool),
            Json::Number(number) => from_number(&number),
            Json::String(text) => Self::String(text.into()),
            structure => Self::from(&structure),
        }
    }
}

impl From<&serde_json::Value> for Value {
    fn from(json: &serde_json::Value) -> Self {
        from_json(json, &Keys::default())
    }
}

fn from_json(json: &serde_json::Value, keys: &Keys) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Nil,
        Json::Bool(bool) => Value::Bool(*bool),
        Json::Number(number) => from_number(number),
        Json::String(text) => Value::String(text.as_str().into()),
        Json::Array(list) => list.iter().map(|value| from_json(value, keys)).collect(),
        Json::Object(map) => {
            map.iter().map(|(key, value)| (keys.share(key), from_json(value, keys))).collect()
        }
    }
}

/// The keys seen so far: a list of a thousand objects holds each of their keys once, not a thousand times.
#[derive(Default)]
struct Keys(RefCell<HashSet<Arc<str>>>);

impl Keys {
    fn share(&self, key: &str) -> Arc<str> {
        let mut keys = self.0.borrow_mut();
        if let Some(shared) = keys.get(key) {
            return shared.clone();
        }
        let key: Arc<str> = key.into();
        keys.insert(key.clone());
        key
    }
}

fn from_number(number: &Number) -> Value {
    // Whole numbers beyond 64 bits stay numbers, at a float's precision.
    number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::MAX)), Value::Int)
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nil => serializer.serialize_unit(),
            Self::Bool(bool) => serializer.serialize_bool(*bool),
            Self::Int(int) => serializer.serialize_i64(*int),
            Self::Float(float) if float.is_finite() => serializer.serialize_f64(*float),
            Self::Float(_) => serializer.serialize_unit(),
            Self::String(text) => serializer.serialize_str(text),
            Self::List(list) => {
                let mut seq = serializer.serialize_seq(Some(list.len()))?;
                for value in list.iter() {
                    seq.serialize_element(value)?;
                }
                seq.end()
            }
            Self::Map(map) => {
                let mut entries = serializer.serialize_map(Some(map.len()))?;
                for (key, value) in map.iter() {
                    entries.serialize_entry(key.as_ref(), value)?;
                }
                entries.end()
            }
            Self::Time(time) => serializer.collect_str(time),
            Self::Duration(duration) => serializer.serialize_i64(duration.as_nanos()),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ValueVisitor(&Keys::default()).deserialize(deserializer)
    }
}

#[derive(Clone, Copy)]
struct ValueVisitor<'k>(&'k Keys);

impl<'de> DeserializeSeed<'de> for ValueVisitor<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueVisitor<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Value, E> {
        Ok(Value::Bool(bool))
    }

    fn visit_i64<E>(self, int: i64) -> Result<Value, E> {
        Ok(Value::Int(int))
    }

    fn visit_u64<E>(self, int: u64) -> Result<Value, E> {
        Ok(i64::try_from(int).map_or(Value::Float(int as f64), Value::Int))
    }

    fn visit_f64<E>(self, float: f64) -> Result<Value, E> {
        Ok(Value::Float(float))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            list.push(value);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<Cow<'_, str>>()? {
            map.insert(self.0.share(&key), entries.next_value_seed(self)?);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_are_one() {
        let text = r#"[{"host": 1}, {"host": 2}]"#;
        let read: Value = serde_json::from_str(text).unwrap();
        let converted = Value::from(serde_json::from_str::<serde_json::Value>(text).unwrap());
        for value in [read, converted] {
            let keys: Vec<_> =
                value.as_list().unwrap().iter().map(|map| map.as_map().unwrap().get_index(0)).collect();
            let [Some((a, _)), Some((b, _))] = keys[..] else { panic!("two maps of one entry") };
            assert!(Arc::ptr_eq(a, b));
        }
    }

    #[test]
    fn json_comes_back_as_it_went_in() {
        for json in ["null", "true", "1", "1.5", "1.0", r#""a\"b""#, r#"[1,[],{}]"#, r#"{"z":1,"a":[null]}"#]
        {
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
            assert_eq!(value.to_json().to_string(), json);
            assert_eq!(Value::from(&value.to_json()), value);
            assert_eq!(Value::from(value.to_json()), value);
            assert_eq!(value.json_len(), json.len());
        }
    }
}
