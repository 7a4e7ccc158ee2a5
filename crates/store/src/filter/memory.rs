//! A query over rows that lie in memory, for lists that are no table (the built-in connection types). Means
//! the same as the SQL that `render` writes.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Condition, Direction, Field, Query, Scalar, Test};

impl Query {
    /// Whether the filter lets the row through, a JSON object with the public names.
    pub fn holds(&self, row: &Value) -> bool {
        self.filter.as_ref().is_none_or(|filter| holds(filter, row))
    }

    /// The page of `rows` (JSON objects with the public names) that the query asks for, and how many rows
    /// there are without the page's bounds.
    pub fn apply(&self, mut rows: Vec<Value>) -> (Vec<Value>, u64) {
        if let Some(filter) = &self.filter {
            rows.retain(|row| holds(filter, row));
        }
        rows.sort_by(|a, b| {
            let orders = self.sort.iter().map(|(field, direction)| {
                let order = compare(member(a, field), member(b, field)).unwrap_or(Ordering::Equal);
                if *direction == Direction::Descending { order.reverse() } else { order }
            });
            orders.fold(Ordering::Equal, Ordering::then)
        });
        let total = rows.len() as u64;
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        (rows.into_iter().skip(offset).take(limit).collect(), total)
    }
}

fn member<'r>(row: &'r Value, field: &Field) -> &'r Value {
    row.get(field.name.as_ref()).unwrap_or(&Value::Null)
}

fn holds(condition: &Condition, row: &Value) -> bool {
    match condition {
        Condition::All(parts) => parts.iter().all(|part| holds(part, row)),
        Condition::Any(parts) => parts.iter().any(|part| holds(part, row)),
        Condition::Not(part) => !holds(part, row),
        Condition::Test { field, test, ignore_case } => {
            let value = member(row, field);
            match (value, test) {
                (Value::Array(_), Test::Whole(list)) => {
                    folded(&value.to_string(), *ignore_case) == folded(list, *ignore_case)
                }
                // Of a list, any value will do.
                (Value::Array(values), test) => values.iter().any(|value| passes(value, test, *ignore_case)),
                (value, test) => passes(value, test, *ignore_case),
            }
        }
    }
}

fn folded(text: &str, ignore_case: bool) -> String {
    if ignore_case { text.to_ascii_lowercase() } else { text.to_owned() }
}

/// Whether one value passes the test.
fn passes(value: &Value, test: &Test, ignore_case: bool) -> bool {
    let value = match value {
        Value::String(text) => Value::String(folded(text, ignore_case)),
        other => other.clone(),
    };
    let scalar = |scalar: &Scalar| match scalar {
        Scalar::Text(text) => Value::String(folded(text, ignore_case)),
        Scalar::Int(number) => Value::from(*number),
        Scalar::Number(number) => Value::from(*number),
        Scalar::Bool(truth) => Value::Bool(*truth),
    };
    let equals = |wanted: &Scalar| compare(&value, &scalar(wanted)).is_some_and(Ordering::is_eq);
    match test {
        Test::IsNull => value.is_null(),
        Test::Equals(wanted) => equals(wanted),
        Test::In(wanted) => wanted.iter().any(equals),
        Test::Order(operator, bound) => {
            compare(&value, &scalar(bound)).is_some_and(|order| match *operator {
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                _ => order.is_ge(),
            })
        }
        Test::Like(pattern) => value.as_str().is_some_and(|text| pattern.matches(text, ignore_case)),
        Test::Whole(_) => false,
    }
}

/// The order of two values of one kind; none if there is none.
fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => match a.as_i64().zip(b.as_i64()) {
            Some((a, b)) => Some(a.cmp(&b)),
            None => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Defaults, FieldMap, Kind};

    static FIELDS: FieldMap = FieldMap {
        fields: &[
            Field::same("id", Kind::Text),
            Field::same("name", Kind::Text),
            Field::same("n", Kind::Int),
        ],
        defaults: Defaults { sort: &["name"], search: &["name"] },
    };

    fn check(q: &str, expected: &[&str], expected_total: u64) {
        let rows = vec![
            json!({"id": "1", "name": "Okta", "n": 3}),
            json!({"id": "2", "name": "jira", "n": 1}),
            json!({"id": "3", "name": "slack", "n": 2}),
        ];
        let (rows, total) = Query::parse(Some(q), &FIELDS).unwrap().apply(rows);
        let names: Vec<&str> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
        assert_eq!((names.as_slice(), total), (expected, expected_total), "{q}");
    }

    #[test]
    fn rows_in_memory_are_filtered_sorted_and_paged() {
        check("{}", &["Okta", "jira", "slack"], 3);
        check(r#"{"filter": {"n": {"$gte": 2}}, "sort": ["-n"]}"#, &["Okta", "slack"], 2);
        check(r#"{"filter": {"name": "okta"}}"#, &[], 0);
        check(r#"{"filter": {"name": "okta"}, "ci": true}"#, &["Okta"], 1);
        check(r#"{"filter": {"name": {"$like": "%a%"}}}"#, &["Okta", "jira", "slack"], 3);
        check(r#"{"filter": {"name": {"$like": "s%k"}}}"#, &["slack"], 1);
        check(
            r#"{"filter": {"$or": [{"n": 1}, {"n": {"$in": [2]}}]}, "limit": 1, "offset": 1}"#,
            &["slack"],
            2,
        );
        check(r#"{"search": {"text": "ir", "fields": ["name"]}}"#, &["jira"], 1);
    }
}
