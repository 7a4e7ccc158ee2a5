//! Walks through a list by cursor: where a page ended, as text, and the condition that holds for what lies behind it. A
//! walk sees each row once that stays as it is, however many rows come and go meanwhile.

use serde_json::{Value as Json, json};

use super::parse::shape;
use super::{Condition, Direction, Field, Kind, Query, QueryError, Scalar, Test};

/// Bytes of a text that a cursor holds: what an index takes, so that sorting by an indexed field always works.
const CURSOR_TEXT_BYTES_MAX: usize = 2_000;
/// Characters of a cursor: room for as many texts as there can be sort keys.
const CURSOR_CHARS_MAX: usize = 64 * 1024;

impl Query {
    /// The cursor behind a row with this id and these values of the fields that are sorted by; none if a value is longer
    /// than [`CURSOR_TEXT_BYTES_MAX`].
    pub(crate) fn cursor_behind(&self, values: &[Json], id: &str) -> Option<String> {
        let held = |((field, _), value): (&(Field, Direction), &Json)| match value {
            Json::String(text) if text.len() > CURSOR_TEXT_BYTES_MAX => None,
            // The bits: to read a number's decimal digits may change the last one.
            Json::Number(number) if field.kind == Kind::Number => Some(json!(number.as_f64()?.to_bits())),
            value => Some(value.clone()),
        };
        let values = self.sort.iter().zip(values).map(held).collect::<Option<Vec<Json>>>()?;
        let text = json!([keys(&self.sort), values, id]).to_string();
        Some(text.bytes().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// How a list is sorted, as in `sort`.
fn keys(sort: &[(Field, Direction)]) -> Vec<String> {
    let key = |(field, direction): &(Field, Direction)| match direction {
        Direction::Ascending => field.name.to_string(),
        Direction::Descending => format!("-{}", field.name),
    };
    sort.iter().map(key).collect()
}

/// What holds for the rows behind a cursor; with an empty one, for all.
pub(super) fn read(text: &str, sort: &[(Field, Direction)], id: &Field) -> Result<Condition, QueryError> {
    if text.is_empty() {
        return Ok(Condition::All(Vec::new()));
    }
    let wrong = || shape("`cursor` is none that this list has answered".to_owned());
    if text.len() > CURSOR_CHARS_MAX {
        return Err(wrong());
    }
    let bytes = text.as_bytes().chunks(2).map(|pair| match pair {
        [a, b] => Some(u8::try_from(hex(*a)? * 16 + hex(*b)?).unwrap_or(0)),
        _ => None,
    });
    let bytes = bytes.collect::<Option<Vec<u8>>>().ok_or_else(wrong)?;
    let (sorted, values, last): (Vec<String>, Vec<Json>, String) =
        serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    if sorted != keys(sort) {
        let sorted = sorted.join(", ");
        return Err(shape(format!("`cursor` is of a list sorted by `{}`", sorted.replace('`', ""))));
    }
    let values = sort.iter().zip(&values).map(|((field, _), value)| value_of(field, value));
    let values = values.collect::<Option<Vec<_>>>().filter(|values| values.len() == sort.len());
    Ok(behind(sort, &values.ok_or_else(wrong)?, id, last))
}

fn hex(digit: u8) -> Option<u32> {
    char::from(digit).to_digit(16)
}

/// A value of the field; the inner none is an absent one.
fn value_of(field: &Field, value: &Json) -> Option<Option<Scalar>> {
    Some(match (field.kind, value) {
        (_, Json::Null) => None,
        (Kind::Text, Json::String(text)) if !text.contains('\0') => Some(Scalar::Text(text.clone())),
        (Kind::Int | Kind::Time, value) => Some(Scalar::Int(value.as_i64()?)),
        (Kind::Number, value) => Some(Scalar::Number(f64::from_bits(value.as_u64()?))),
        (Kind::Bool, value) => Some(Scalar::Bool(value.as_bool()?)),
        _ => return None,
    })
}

/// A row is behind another one if the first field in which they differ says so, and if they differ in none, the id. An
/// absent value is behind every other, in both directions.
fn behind(sort: &[(Field, Direction)], values: &[Option<Scalar>], id: &Field, last: String) -> Condition {
    let test = |field: &Field, test: Test| Condition::Test { field: field.clone(), test, ignore_case: false };
    let symbol = |direction: &Direction| if *direction == Direction::Ascending { ">" } else { "<" };
    let mut ways = Vec::with_capacity(sort.len() + 1);
    let mut same = Vec::with_capacity(sort.len() + 1);
    let mut towards = ">";
    for ((field, direction), value) in sort.iter().zip(values) {
        towards = symbol(direction);
        // No two rows have the same, so what it is sorted by beside that says nothing.
        if field.name == id.name {
            break;
        }
        match value {
            Some(value) => {
                let mut further = vec![test(field, Test::Order(towards, value.clone()))];
                if field.may_be_absent() {
                    further.push(test(field, Test::IsNull));
                }
                ways.push(Condition::All([same.as_slice(), &[Condition::Any(further)]].concat()));
                same.push(test(field, Test::Equals(value.clone())));
            }
            None => same.push(test(field, Test::IsNull)),
        }
    }
    same.push(test(id, Test::Order(towards, Scalar::Text(last))));
    ways.push(Condition::All(same));
    Condition::Any(ways)
}
