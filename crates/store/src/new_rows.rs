//! Rows for a table that is known at run time alone, stored in the way that is the quickest on each database.

use std::fmt::Write as _;

use tokio_postgres::types::Type;

use crate::{Kind, Value};

/// Rows to be stored. SQLite is given one after the other, by one short statement that stays prepared; PostgreSQL is given
/// all of them by one statement, a column as one array, so that the text does not grow with the rows.
#[derive(Debug)]
pub(crate) struct NewRows<'r, 'v> {
    /// `<table>.<verb>`: for errors.
    pub(crate) name: &'static str,
    /// The table, quoted.
    pub(crate) table: &'r str,
    /// Its columns that get values, quoted, and what they hold. At least one.
    pub(crate) columns: &'r [(String, Kind)],
    /// The values, row after row, as many a row as there are columns.
    pub(crate) values: &'r [Value<'v>],
}

impl<'v> NewRows<'_, 'v> {
    /// The rows, each with a value for every column.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[Value<'v>]> {
        self.values.chunks_exact(self.columns.len())
    }

    /// The values of one column, row after row.
    pub(crate) fn column(&self, index: usize) -> Vec<&Value<'v>> {
        self.rows().filter_map(|row| row.get(index)).collect()
    }

    /// The text that stores one row, with SQLite's parameters.
    pub(crate) fn text_of_one(&self) -> String {
        self.text('?', "VALUES (", ")")
    }

    /// The text that stores all rows, with PostgreSQL's parameters: an array each.
    pub(crate) fn text_of_all(&self) -> String {
        self.text('$', "SELECT * FROM UNNEST(", ")")
    }

    fn text(&self, mark: char, before: &str, after: &str) -> String {
        let mut text = format!("INSERT INTO {} (", self.table);
        let separated = |index: usize| if index == 0 { "" } else { ", " };
        for (index, (column, _)) in self.columns.iter().enumerate() {
            let _ = write!(text, "{}{column}", separated(index));
        }
        let _ = write!(text, ") {before}");
        for index in 0..self.columns.len() {
            let _ = write!(text, "{}{mark}{}", separated(index), index + 1);
        }
        text.push_str(after);
        text
    }
}

/// PostgreSQL's type for many values of the kind.
pub(crate) fn array_type(kind: Kind) -> Type {
    match kind {
        Kind::Int | Kind::Time => Type::INT8_ARRAY,
        Kind::Number => Type::FLOAT8_ARRAY,
        Kind::Bool => Type::BOOL_ARRAY,
        Kind::Text | Kind::List | Kind::File | Kind::Opaque => Type::TEXT_ARRAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_and_many_rows_are_texts_of_the_same_length() {
        let columns = [("id".to_owned(), Kind::Text), ("\"c1\"".to_owned(), Kind::Int)];
        let values: Vec<Value<'_>> = vec!["a".into(), 1.into(), "b".into(), Value::Null];
        let rows = NewRows { name: "t.insert", table: "\"t\"", columns: &columns, values: &values };
        assert_eq!(rows.text_of_one(), "INSERT INTO \"t\" (id, \"c1\") VALUES (?1, ?2)");
        assert_eq!(rows.text_of_all(), "INSERT INTO \"t\" (id, \"c1\") SELECT * FROM UNNEST($1, $2)");
        assert_eq!(rows.rows().count(), 2);
        assert_eq!(rows.column(1), [&Value::Int(1), &Value::Null]);
    }
}
