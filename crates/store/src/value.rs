//! A parameter of a statement, for both drivers.

use std::borrow::Cow;
use std::error::Error;

use bytes::BytesMut;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use types::{Id, Timestamp};
use uuid::Uuid;

/// A value that is bound to a parameter. What is borrowed lives until the statement has run.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// A truth value: `BOOLEAN`.
    Bool(bool),
    /// A number or an instant in milliseconds: `BIGINT`.
    Int(i64),
    /// A number, whole or not: `DOUBLE PRECISION`.
    Float(f64),
    /// Text, also JSON: `TEXT`.
    Text(&'a str),
    /// Text that was made for the statement.
    Owned(String),
    /// An id as its canonical text.
    Id(Uuid),
    /// Bytes: `BYTEA`.
    Bytes(&'a [u8]),
}

impl<K> From<Id<K>> for Value<'_> {
    fn from(id: Id<K>) -> Self {
        Self::Id(id.as_uuid())
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(instant: Timestamp) -> Self {
        Self::Int(instant.as_millis())
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::Owned(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a, T: Into<Self>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Value<'_> {
    /// The type to announce for a statement that is not prepared beforehand.
    pub(crate) fn postgres_type(&self) -> Type {
        match self {
            Self::Bool(_) => Type::BOOL,
            Self::Int(_) => Type::INT8,
            Self::Float(_) => Type::FLOAT8,
            Self::Bytes(_) => Type::BYTEA,
            Self::Null | Self::Text(_) | Self::Owned(_) | Self::Id(_) => Type::TEXT,
        }
    }
}

/// PostgreSQL has no text with the character 0 in it. A tool may say one all the same, in an error that must be
/// kept: on both databases it becomes the replacement character.
fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

fn bound(text: &str) -> ToSqlOutput<'_> {
    match storable(text) {
        Cow::Borrowed(text) => ToSqlOutput::from(text),
        Cow::Owned(text) => ToSqlOutput::from(text),
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Bool(value) => ToSqlOutput::from(*value),
            Self::Int(value) => ToSqlOutput::from(*value),
            Self::Float(value) => ToSqlOutput::from(*value),
            Self::Bytes(value) => ToSqlOutput::from(*value),
            Self::Text(value) => bound(value),
            Self::Owned(value) => bound(value),
            Self::Id(id) => {
                ToSqlOutput::from(id.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned())
            }
        })
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, to: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (self, to) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Bool(value), &Type::BOOL) => value.to_sql(to, out),
            (Self::Int(value), &Type::INT8) => value.to_sql(to, out),
            (Self::Int(value), &Type::INT4) => i32::try_from(*value)?.to_sql(to, out),
            (Self::Float(value), &Type::FLOAT8) => value.to_sql(to, out),
            (Self::Bytes(value), &Type::BYTEA) => value.to_sql(to, out),
            (Self::Text(value), &Type::TEXT | &Type::VARCHAR) => storable(value).to_sql(to, out),
            (Self::Owned(value), &Type::TEXT | &Type::VARCHAR) => storable(value).to_sql(to, out),
            (Self::Id(id), &Type::TEXT | &Type::VARCHAR) => {
                out.extend_from_slice(id.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes());
                Ok(IsNull::No)
            }
            _ => Err(format!("a parameter of type `{to}` was given another kind of value").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
