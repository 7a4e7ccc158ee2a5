//! One row of a result, read by column number. Columns are listed in every statement, so a number is as
//! good as a name, and cheaper.

use std::fmt;

use serde_json::Value as Json;
use tokio_postgres::types::Type;
use types::{Id, Timestamp};

/// A row of either driver.
#[derive(Clone, Copy)]
pub enum Row<'r> {
    #[doc(hidden)]
    Sqlite(&'r rusqlite::Row<'r>),
    #[doc(hidden)]
    Postgres(&'r tokio_postgres::Row),
}

/// A column's value cannot become what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// The column's number, from 0.
    pub column: usize,
    /// What is wrong; holds no stored value but names and enum words.
    pub reason: String,
}

impl RowError {
    /// `reason` about column number `column`.
    pub fn new(column: usize, reason: impl fmt::Display) -> Self {
        Self { column, reason: reason.to_string() }
    }
}

impl<'r> Row<'r> {
    /// Text; an error if it is absent.
    pub fn text(&self, column: usize) -> Result<&'r str, RowError> {
        self.opt_text(column)?.ok_or_else(|| RowError::new(column, "is absent"))
    }

    /// Text, if there is any.
    pub fn opt_text(&self, column: usize) -> Result<Option<&'r str>, RowError> {
        match self {
            Self::Sqlite(row) => match sqlite_value(row, column)? {
                rusqlite::types::ValueRef::Null => Ok(None),
                rusqlite::types::ValueRef::Text(bytes) => {
                    std::str::from_utf8(bytes).map(Some).map_err(|_| RowError::new(column, "is not UTF-8"))
                }
                other => Err(RowError::new(column, format_args!("is {} instead of text", other.data_type()))),
            },
            Self::Postgres(row) => row.try_get(column).map_err(|error| RowError::new(column, error)),
        }
    }

    /// Text of its own; an error if it is absent.
    pub fn string(&self, column: usize) -> Result<String, RowError> {
        self.text(column).map(str::to_owned)
    }

    /// Text of its own, if there is any.
    pub fn opt_string(&self, column: usize) -> Result<Option<String>, RowError> {
        Ok(self.opt_text(column)?.map(str::to_owned))
    }

    /// Bytes, if there are any.
    pub fn opt_bytes(&self, column: usize) -> Result<Option<&'r [u8]>, RowError> {
        match self {
            Self::Sqlite(row) => match sqlite_value(row, column)? {
                rusqlite::types::ValueRef::Null => Ok(None),
                rusqlite::types::ValueRef::Blob(bytes) => Ok(Some(bytes)),
                other => {
                    Err(RowError::new(column, format_args!("is {} instead of bytes", other.data_type())))
                }
            },
            Self::Postgres(row) => row.try_get(column).map_err(|error| RowError::new(column, error)),
        }
    }

    /// A number; an error if it is absent.
    pub fn int(&self, column: usize) -> Result<i64, RowError> {
        self.opt_int(column)?.ok_or_else(|| RowError::new(column, "is absent"))
    }

    /// A number, if there is one.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, RowError> {
        match self {
            Self::Sqlite(row) => match sqlite_value(row, column)? {
                rusqlite::types::ValueRef::Null => Ok(None),
                rusqlite::types::ValueRef::Integer(value) => Ok(Some(value)),
                other => {
                    Err(RowError::new(column, format_args!("is {} instead of a number", other.data_type())))
                }
            },
            Self::Postgres(row) if row.columns().get(column).is_some_and(|c| *c.type_() == Type::INT4) => row
                .try_get::<_, Option<i32>>(column)
                .map(|value| value.map(i64::from))
                .map_err(|error| RowError::new(column, error)),
            Self::Postgres(row) => row.try_get(column).map_err(|error| RowError::new(column, error)),
        }
    }

    /// A truth value; an error if it is absent or neither.
    pub fn bool(&self, column: usize) -> Result<bool, RowError> {
        match self {
            Self::Sqlite(_) => match self.int(column)? {
                0 => Ok(false),
                1 => Ok(true),
                other => Err(RowError::new(column, format_args!("`{other}` is no truth value"))),
            },
            Self::Postgres(row) => row.try_get(column).map_err(|error| RowError::new(column, error)),
        }
    }

    /// A truth value, if there is one.
    pub fn opt_bool(&self, column: usize) -> Result<Option<bool>, RowError> {
        match self {
            Self::Sqlite(_) => self.opt_int(column)?.map(|_| self.bool(column)).transpose(),
            Self::Postgres(row) => row.try_get(column).map_err(|error| RowError::new(column, error)),
        }
    }

    /// A number, whole or not, if there is one.
    pub fn opt_float(&self, column: usize) -> Result<Option<f64>, RowError> {
        match self {
            Self::Sqlite(row) => match sqlite_value(row, column)? {
                rusqlite::types::ValueRef::Null => Ok(None),
                rusqlite::types::ValueRef::Real(value) => Ok(Some(value)),
                other => {
                    Err(RowError::new(column, format_args!("is {} instead of a number", other.data_type())))
                }
            },
            Self::Postgres(row) => row.try_get(column).map_err(|error| RowError::new(column, error)),
        }
    }

    /// An id; an error if it is absent or none.
    pub fn id<K>(&self, column: usize) -> Result<Id<K>, RowError> {
        self.text(column)?.parse().map_err(|error| RowError::new(column, error))
    }

    /// An id, if there is one.
    pub fn opt_id<K>(&self, column: usize) -> Result<Option<Id<K>>, RowError> {
        let text = self.opt_text(column)?;
        text.map(|text| text.parse().map_err(|error| RowError::new(column, error))).transpose()
    }

    /// An instant; an error if it is absent.
    pub fn time(&self, column: usize) -> Result<Timestamp, RowError> {
        self.int(column).map(Timestamp::from_millis)
    }

    /// An instant, if there is one.
    pub fn opt_time(&self, column: usize) -> Result<Option<Timestamp>, RowError> {
        Ok(self.opt_int(column)?.map(Timestamp::from_millis))
    }

    /// A word that `known` turns into a value; an error that names the word if it does not.
    pub fn word<T>(&self, column: usize, known: impl Fn(&str) -> Option<T>) -> Result<T, RowError> {
        let word = self.text(column)?;
        known(word).ok_or_else(|| RowError::new(column, format_args!("`{word}` is none of the known words")))
    }

    /// Whatever the column holds, as JSON; an error for what JSON has no word for.
    pub(crate) fn json(&self, column: usize) -> Result<Json, RowError> {
        match self {
            Self::Sqlite(row) => {
                use rusqlite::types::ValueRef;
                Ok(match sqlite_value(row, column)? {
                    ValueRef::Null => Json::Null,
                    ValueRef::Integer(whole) => whole.into(),
                    ValueRef::Real(number) => Json::from(number),
                    ValueRef::Text(_) => self.opt_text(column)?.into(),
                    ValueRef::Blob(_) => return Err(RowError::new(column, "holds bytes")),
                })
            }
            Self::Postgres(row) => {
                let Some(of) = row.columns().get(column) else {
                    return Err(RowError::new(column, "is not there"));
                };
                fn got<'r, T>(row: &'r tokio_postgres::Row, column: usize) -> Result<Json, RowError>
                where
                    T: tokio_postgres::types::FromSql<'r>,
                    Option<T>: Into<Json>,
                {
                    row.try_get::<_, Option<T>>(column)
                        .map(Into::into)
                        .map_err(|error| RowError::new(column, error))
                }
                match *of.type_() {
                    Type::BOOL => got::<bool>(row, column),
                    Type::INT2 => got::<i16>(row, column),
                    Type::INT4 => got::<i32>(row, column),
                    Type::INT8 => got::<i64>(row, column),
                    Type::FLOAT8 => got::<f64>(row, column),
                    Type::TEXT | Type::VARCHAR | Type::UNKNOWN => got::<&str>(row, column),
                    ref other => Err(RowError::new(
                        column,
                        format_args!("is of type `{other}`; CAST it to one that can be shown"),
                    )),
                }
            }
        }
    }

    /// The column's name and the row's first column: what names a corrupt value.
    pub(crate) fn place(&self, column: usize) -> (String, String) {
        let name = match self {
            Self::Sqlite(row) => row.as_ref().column_name(column).unwrap_or("?").to_owned(),
            Self::Postgres(row) => row.columns().get(column).map_or("?", |c| c.name()).to_owned(),
        };
        (name, self.opt_text(0).ok().flatten().unwrap_or("?").to_owned())
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Row")
    }
}

fn sqlite_value<'r>(
    row: &'r rusqlite::Row<'r>,
    column: usize,
) -> Result<rusqlite::types::ValueRef<'r>, RowError> {
    row.get_ref(column).map_err(|error| RowError::new(column, error))
}
