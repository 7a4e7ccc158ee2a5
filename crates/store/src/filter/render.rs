//! A checked query as SQL. Case is compared by ASCII on both engines, and text by its bytes, so that the two
//! agree whatever locale PostgreSQL runs with.

use super::{Condition, Direction, Field, Kind, Order, Pattern, Query, Scalar, Test, Words};
use crate::{Dialect, Value};

/// SQL in the making, and the parameters it has named so far.
pub(crate) struct Render<'a> {
    dialect: Dialect,
    params: Vec<Value<'a>>,
}

impl<'a> Render<'a> {
    /// Starts behind the parameters that are taken already.
    pub(crate) fn new(dialect: Dialect, taken: Vec<Value<'a>>) -> Self {
        Self { dialect, params: taken }
    }

    pub(crate) fn params(&self) -> &[Value<'a>] {
        &self.params
    }

    pub(crate) fn condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::All(parts) => self.joined(parts, " AND ", "TRUE"),
            Condition::Any(parts) => self.joined(parts, " OR ", "FALSE"),
            // SQL's third truth value ends here; see `Condition`.
            Condition::Not(part) => format!("NOT COALESCE({}, FALSE)", self.condition(part)),
            Condition::Test { field, test, ignore_case } => self.test(field, test, *ignore_case),
        }
    }

    /// What to put behind ORDER BY. Ends with the id, so that pages never overlap, in the direction of the
    /// last field, so that one index can serve both.
    pub(crate) fn order(&self, query: &Query) -> String {
        self.ordered(query, false)
    }

    /// The same where the first field is never absent: in the words that an index answers to.
    pub(crate) fn order_of_present(&self, query: &Query) -> String {
        self.ordered(query, true)
    }

    fn ordered(&self, query: &Query, mut is_present: bool) -> String {
        let mut order = String::new();
        let mut direction = "ASC";
        for (field, towards) in &query.sort {
            direction = if *towards == Direction::Ascending { "ASC" } else { "DESC" };
            let (by, absent) = match field.order {
                Order::AbsentLastIndexed if is_present => (self.comparable(field, false), ""),
                Order::Column => (self.comparable(field, false), ""),
                Order::AbsentLast | Order::AbsentLastIndexed => {
                    (self.comparable(field, false), " NULLS LAST")
                }
                Order::By(expression) => (expression.to_owned(), ""),
            };
            order.push_str(&format!("{by} {direction}{absent}, "));
            is_present = false;
        }
        order.push_str(&format!("id {direction}"));
        order
    }

    fn joined(&mut self, parts: &[Condition], operator: &str, empty: &str) -> String {
        if parts.is_empty() {
            return empty.to_owned();
        }
        let parts: Vec<String> = parts.iter().map(|part| self.condition(part)).collect();
        format!("({})", parts.join(operator))
    }

    fn test(&mut self, field: &Field, test: &Test, ignore_case: bool) -> String {
        let ignore_case = ignore_case && matches!(field.kind, Kind::Text | Kind::List);
        if field.kind == Kind::List {
            return self.test_list(field, test, ignore_case);
        }
        if let (Some(words), Some(values)) = (&field.words, test.values()) {
            return self.one_of_words(words, values, ignore_case);
        }
        let plain =
            if ignore_case { self.comparable(field, true) } else { field.column.clone().into_owned() };
        match test {
            Test::IsNull => format!("{} IS NULL", field.column),
            Test::Equals(value) => format!("{plain} = {}", self.bind(value, ignore_case)),
            Test::Order(operator, value) => {
                let value = self.bind(value, ignore_case);
                match field.order {
                    // In an index's own words, so that nothing but the index is read.
                    Order::By(expression) => {
                        format!("({expression} {operator} {value} AND {expression} > 0)")
                    }
                    Order::Column | Order::AbsentLast | Order::AbsentLastIndexed => {
                        format!("{} {operator} {value}", self.comparable(field, ignore_case))
                    }
                }
            }
            Test::In(values) if values.is_empty() => "FALSE".to_owned(),
            Test::In(values) => {
                let values: Vec<String> = values.iter().map(|value| self.bind(value, ignore_case)).collect();
                format!("{plain} IN ({})", values.join(", "))
            }
            Test::Like(pattern) => self.like(&plain, pattern, ignore_case),
            Test::Whole(text) => format!("{plain} = {}", self.bind(&Scalar::Text(text.clone()), ignore_case)),
        }
    }

    /// A test of a list: of itself, or of any of its values.
    fn test_list(&mut self, field: &Field, test: &Test, ignore_case: bool) -> String {
        let column = &field.column;
        let value = if ignore_case { "LOWER(e.value)" } else { "e.value" };
        let holds = match test {
            Test::IsNull => return format!("{column} IS NULL"),
            Test::Whole(text) => {
                let list = self.comparable(field, ignore_case);
                return format!("{list} = {}", self.bind(&Scalar::Text(text.clone()), ignore_case));
            }
            Test::Equals(wanted) | Test::Order(_, wanted) => {
                format!("{value} = {}", self.bind(wanted, ignore_case))
            }
            Test::In(values) if values.is_empty() => return "FALSE".to_owned(),
            Test::In(values) => {
                let values: Vec<String> = values.iter().map(|value| self.bind(value, ignore_case)).collect();
                format!("{value} IN ({})", values.join(", "))
            }
            Test::Like(pattern) => self.like(value, pattern, ignore_case),
        };
        match self.dialect {
            Dialect::Sqlite => format!("EXISTS (SELECT 1 FROM json_each({column}) AS e WHERE {holds})"),
            Dialect::Postgres => format!(
                "EXISTS (SELECT 1 FROM (SELECT value COLLATE \"C\" AS value \
                 FROM json_array_elements_text(CAST({column} AS JSON))) AS e WHERE {holds})"
            ),
        }
    }

    fn like(&mut self, text: &str, pattern: &Pattern, ignore_case: bool) -> String {
        let (operator, pattern) = match self.dialect {
            Dialect::Sqlite => ("GLOB", pattern.for_glob()),
            Dialect::Postgres => ("LIKE", pattern.for_like()),
        };
        format!("{text} {operator} {}", self.bind(&Scalar::Text(pattern), ignore_case))
    }

    fn one_of_words(&mut self, words: &Words, values: &[Scalar], ignore_case: bool) -> String {
        let stored = words.stored(values, ignore_case);
        if stored.is_empty() {
            return "FALSE".to_owned();
        }
        let named: Vec<String> =
            stored.iter().map(|word| self.bind(&Scalar::Text((*word).to_owned()), false)).collect();
        match named.as_slice() {
            [one] => format!("{} = {one}", words.column),
            several => format!("{} IN ({})", words.column, several.join(", ")),
        }
    }

    /// The field in a form that both engines order alike: PostgreSQL's default is by the locale.
    fn comparable(&self, field: &Field, ignore_case: bool) -> String {
        let column = &field.column;
        match (self.dialect, field.kind, ignore_case) {
            (Dialect::Postgres, Kind::Text | Kind::List, true) => format!("LOWER(({column}) COLLATE \"C\")"),
            (Dialect::Postgres, Kind::Text | Kind::List, false) => format!("({column}) COLLATE \"C\""),
            (Dialect::Sqlite, Kind::Text | Kind::List, true) => format!("LOWER({column})"),
            _ => column.clone().into_owned(),
        }
    }

    fn bind(&mut self, value: &Scalar, ignore_case: bool) -> String {
        self.params.push(match value {
            Scalar::Text(text) if ignore_case => Value::Owned(text.to_ascii_lowercase()),
            Scalar::Text(text) => Value::Owned(text.clone()),
            Scalar::Int(number) => Value::Int(*number),
            Scalar::Number(number) => Value::Float(*number),
            Scalar::Bool(truth) => Value::Bool(*truth),
        });
        format!("${}", self.params.len())
    }
}
