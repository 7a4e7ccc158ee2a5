//! From the JSON text of `q` to a [`Query`]. Everything is checked here: shape, fields, kinds, bounds.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};
use types::limits::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX};

use super::{
    Condition, Direction, FILTER_CONDITIONS_MAX, FILTER_DEPTH_MAX, Field, IN_VALUES_MAX, Kind, Known,
    Pattern, Query, QueryError, SORT_KEYS_MAX, Scalar, Test, cursor,
};

const KEYS: [&str; 8] = ["limit", "offset", "filter", "sort", "select", "search", "ci", "cursor"];
/// Rows that may be skipped; a walk beyond that wants a filter.
const OFFSET_MAX: u64 = 1_000_000_000;

pub(super) fn parse(text: Option<&str>, known: Known<'_>) -> Result<Query, QueryError> {
    let text = text.map(str::trim).filter(|text| !text.is_empty()).unwrap_or("{}");
    let json: Json = serde_json::from_str(text).map_err(|error| QueryError::Json(error.to_string()))?;
    let q = object("q", &json)?;
    let keys = if known.has_cursor { &KEYS[..] } else { &KEYS[..KEYS.len() - 1] };
    if let Some(unknown) = q.keys().find(|key| !keys.contains(&key.as_str())) {
        return Err(shape(format!("unknown key `{unknown}`; known are {}", keys.join(", "))));
    }
    let ignore_case = match q.get("ci") {
        None | Some(Json::Null) => false,
        Some(Json::Bool(ci)) => *ci,
        Some(other) => return Err(shape(format!("`ci` is true or false, not {}", describe(other)))),
    };
    let mut parser = Parser { known, ignore_case, conditions: 0 };
    let mut parts = Vec::new();
    if let Some(filter) = present(q, "filter") {
        parts.push(parser.filter(object("filter", filter)?, 0)?);
    }
    if let Some(search) = present(q, "search") {
        parts.extend(parser.search(object("search", search)?)?);
    }
    let offset = number(q, "offset", 0, OFFSET_MAX)?.unwrap_or(0);
    let sort = sort(q, known)?;
    let walk = match present(q, "cursor") {
        None => None,
        Some(_) if offset > 0 => return Err(shape("`offset` and `cursor` exclude each other".to_owned())),
        Some(Json::String(text)) => Some(cursor::read(text, &sort, &find(known.fields, "id")?)?),
        Some(other) => return Err(shape(format!("`cursor` is text, not {}", describe(other)))),
    };
    Ok(Query {
        limit: number(q, "limit", 1, PAGE_ROWS_MAX)?.unwrap_or(PAGE_ROWS_DEFAULT),
        offset,
        select: select(q, known)?,
        sort,
        filter: if parts.is_empty() { None } else { Some(Condition::All(parts)) },
        walk,
    })
}

fn select(q: &Map<String, Json>, known: Known<'_>) -> Result<Vec<Cow<'static, str>>, QueryError> {
    let names = present(q, "select").map(|names| texts("select", names)).transpose()?.unwrap_or_default();
    names.into_iter().map(|name| find(known.fields, name).map(|field| field.name)).collect()
}

fn sort(q: &Map<String, Json>, known: Known<'_>) -> Result<Vec<(Field, Direction)>, QueryError> {
    let mut keys = present(q, "sort").map(|keys| texts("sort", keys)).transpose()?.unwrap_or_default();
    if keys.len() > SORT_KEYS_MAX {
        return Err(shape(format!("`sort` has {} fields; at most {SORT_KEYS_MAX}", keys.len())));
    }
    if keys.is_empty() {
        keys = known.sort.to_vec();
    }
    let key = |key: &str| {
        let (name, direction) = match key.strip_prefix('-') {
            Some(name) => (name, Direction::Descending),
            // In a URL a bare `+` arrives as a space.
            None => (key.trim_start_matches(['+', ' ']), Direction::Ascending),
        };
        let field = find(known.fields, name)?;
        match field.kind {
            Kind::Opaque | Kind::List | Kind::File => Err(shape(format!("there is no sorting by `{name}`"))),
            _ => Ok((field, direction)),
        }
    };
    keys.into_iter().map(key).collect()
}

struct Parser<'f> {
    known: Known<'f>,
    ignore_case: bool,
    /// Comparisons so far.
    conditions: usize,
}

impl Parser<'_> {
    /// A field to compare: one of the row's, or of others.
    fn find(&self, name: &str) -> Result<Field, QueryError> {
        match self.known.others.iter().find(|field| field.name == name) {
            Some(field) => Ok(field.clone()),
            None => find(self.known.fields, name),
        }
    }

    fn filter(&mut self, filter: &Map<String, Json>, depth: usize) -> Result<Condition, QueryError> {
        if depth > FILTER_DEPTH_MAX {
            return Err(shape(format!("the filter is nested deeper than {FILTER_DEPTH_MAX} levels")));
        }
        let mut parts = Vec::with_capacity(filter.len());
        for (key, value) in filter {
            parts.push(match key.as_str() {
                "$and" => Condition::All(self.filters("$and", value, depth)?),
                "$or" => Condition::Any(self.filters("$or", value, depth)?),
                "$not" => Condition::Not(Box::new(self.filter(object("$not", value)?, depth + 1)?)),
                name => self.field(&self.find(name)?, value, depth)?,
            });
        }
        Ok(Condition::All(parts))
    }

    fn filters(&mut self, key: &str, value: &Json, depth: usize) -> Result<Vec<Condition>, QueryError> {
        let Json::Array(filters) = value else {
            return Err(shape(format!("`{key}` is a list of filters, not {}", describe(value))));
        };
        filters.iter().map(|filter| self.filter(object(key, filter)?, depth + 1)).collect()
    }

    /// `{"field": value}` or `{"field": {"$op": value, ...}}`.
    fn field(&mut self, field: &Field, value: &Json, depth: usize) -> Result<Condition, QueryError> {
        if field.kind == Kind::Opaque {
            return Err(shape(format!("there is no filtering by `{}`", field.name)));
        }
        let asks_for_more = |operators: &Map<String, Json>| operators.keys().any(|name| name != "$exists");
        if field.kind == Kind::File && value.as_object().is_none_or(asks_for_more) {
            return Err(shape(format!(
                "`{}` is a file; a filter can only ask whether it `$exists`",
                field.name
            )));
        }
        let Json::Object(operators) = value else {
            return self.operator(field, "$eq", value, depth);
        };
        let parts = operators.iter().map(|(operator, value)| self.operator(field, operator, value, depth));
        Ok(Condition::All(parts.collect::<Result<_, _>>()?))
    }

    fn operator(
        &mut self,
        field: &Field,
        operator: &str,
        value: &Json,
        depth: usize,
    ) -> Result<Condition, QueryError> {
        self.conditions += 1;
        if self.conditions > FILTER_CONDITIONS_MAX {
            return Err(shape(format!("the filter has more than {FILTER_CONDITIONS_MAX} comparisons")));
        }
        let ignore_case = self.ignore_case;
        let test = |test: Test| Condition::Test { field: field.clone(), test, ignore_case };
        let order = |symbol: &'static str| match field.kind {
            Kind::Bool => Err(shape(format!("`{}` is true or false; it has no order", field.name))),
            Kind::List => Err(shape(format!("`{}` is a list; it has no order", field.name))),
            _ => Ok(test(Test::Order(symbol, scalar(field, operator, value)?))),
        };
        Ok(match operator {
            "$eq" if value.is_null() => test(Test::IsNull),
            "$eq" if field.kind == Kind::List && value.is_array() => {
                test(Test::Whole(whole_list(field, operator, value)?))
            }
            "$eq" => test(Test::Equals(scalar(field, operator, value)?)),
            "$neq" => not(self.operator(field, "$eq", value, depth)?),
            "$gt" => order(">")?,
            "$gte" => order(">=")?,
            "$lt" => order("<")?,
            "$lte" => order("<=")?,
            "$like" => test(Test::Like(pattern(field, operator, value)?)),
            "$ilike" => {
                let test = Test::Like(pattern(field, operator, value)?);
                Condition::Test { field: field.clone(), test, ignore_case: true }
            }
            "$in" => self.in_list(field, value)?,
            "$nin" => not(self.in_list(field, value)?),
            "$exists" => match value {
                Json::Bool(true) => not(test(Test::IsNull)),
                Json::Bool(false) => test(Test::IsNull),
                other => return Err(shape(format!("`$exists` is true or false, not {}", describe(other)))),
            },
            "$not" if depth < FILTER_DEPTH_MAX => not(self.field(field, value, depth + 1)?),
            "$not" => {
                return Err(shape(format!("the filter is nested deeper than {FILTER_DEPTH_MAX} levels")));
            }
            other => return Err(shape(format!("unknown operator `{other}` on `{}`", field.name))),
        })
    }

    fn in_list(&self, field: &Field, value: &Json) -> Result<Condition, QueryError> {
        let Json::Array(values) = value else {
            return Err(shape(format!("`$in` on `{}` takes a list, not {}", field.name, describe(value))));
        };
        if values.len() > IN_VALUES_MAX {
            return Err(shape(format!("`$in` has {} values; at most {IN_VALUES_MAX}", values.len())));
        }
        let test = |test: Test| Condition::Test { field: field.clone(), test, ignore_case: self.ignore_case };
        let some = values.iter().filter(|value| !value.is_null());
        let listed = test(Test::In(some.map(|value| scalar(field, "$in", value)).collect::<Result<_, _>>()?));
        let with_null = values.iter().any(Json::is_null);
        Ok(if with_null { Condition::Any(vec![listed, test(Test::IsNull)]) } else { listed })
    }

    /// `{"text": ..., "fields": [...]}`: any of the fields contains the text, in whatever case. A blank text
    /// asks for nothing.
    fn search(&self, search: &Map<String, Json>) -> Result<Option<Condition>, QueryError> {
        if let Some(unknown) = search.keys().find(|key| !["text", "fields"].contains(&key.as_str())) {
            return Err(shape(format!("unknown key `{unknown}` in `search`; known are text, fields")));
        }
        let text = match present(search, "text") {
            None => "",
            Some(Json::String(text)) => checked_text("search", text)?,
            Some(other) => {
                return Err(shape(format!("the text of `search` is text, not {}", describe(other))));
            }
        };
        let mut names =
            present(search, "fields").map(|f| texts("fields", f)).transpose()?.unwrap_or_default();
        if names.is_empty() {
            names = self.known.search.to_vec();
        }
        if names.len() > FILTER_CONDITIONS_MAX {
            return Err(shape(format!("`search` has more than {FILTER_CONDITIONS_MAX} fields")));
        }
        let contains = |name: &str| match self.find(name)? {
            field if matches!(field.kind, Kind::Text | Kind::List) => {
                Ok(Condition::Test { field, test: Test::Like(Pattern::containing(text)), ignore_case: true })
            }
            field => Err(shape(format!("there is no searching in `{}`", field.name))),
        };
        let parts = names.into_iter().map(contains).collect::<Result<Vec<_>, _>>()?;
        Ok((!text.is_empty()).then_some(Condition::Any(parts)))
    }
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

fn scalar(field: &Field, operator: &str, value: &Json) -> Result<Scalar, QueryError> {
    let wanted = match (field.kind, value) {
        (Kind::Text | Kind::List, Json::String(text)) => {
            return Ok(Scalar::Text(checked_text(&field.name, text)?.to_owned()));
        }
        (Kind::Bool, Json::Bool(truth)) => return Ok(Scalar::Bool(*truth)),
        (Kind::Int | Kind::Time, Json::Number(number)) if number.is_i64() => {
            return Ok(Scalar::Int(number.as_i64().unwrap_or(0)));
        }
        (Kind::Number, Json::Number(number)) => {
            return Ok(Scalar::Number(number.as_f64().unwrap_or(0.0)));
        }
        (Kind::Text, _) => "text",
        (Kind::List, _) => "text, or a list of texts",
        (Kind::Number, _) => "a number",
        (Kind::Bool, _) => "true or false",
        (Kind::Int, _) => "a whole number",
        (Kind::Time, _) => "a time in milliseconds since the epoch",
        (Kind::File | Kind::Opaque, _) => "nothing",
    };
    Err(shape(format!("`{operator}` on `{}` takes {wanted}, not {}", field.name, describe(value))))
}

fn pattern(field: &Field, operator: &str, value: &Json) -> Result<Pattern, QueryError> {
    match (field.kind, value) {
        (Kind::Text | Kind::List, Json::String(text)) => Ok(Pattern::parse(checked_text(&field.name, text)?)),
        (Kind::Text | Kind::List, _) => {
            Err(shape(format!("`{operator}` on `{}` takes text, not {}", field.name, describe(value))))
        }
        _ => Err(shape(format!("`{operator}` is for text, and `{}` is none", field.name))),
    }
}

/// The whole of a list as it is stored.
fn whole_list(field: &Field, operator: &str, value: &Json) -> Result<String, QueryError> {
    let values = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if values.len() > IN_VALUES_MAX {
        return Err(shape(format!("`{operator}` has {} values; at most {IN_VALUES_MAX}", values.len())));
    }
    for value in values {
        scalar(field, operator, value)?;
    }
    Ok(value.to_string())
}

/// PostgreSQL cannot hold the character 0, and therefore nothing can contain it.
fn checked_text<'t>(name: &str, text: &'t str) -> Result<&'t str, QueryError> {
    if text.contains('\0') {
        Err(shape(format!("the text for `{name}` holds a zero character")))
    } else {
        Ok(text)
    }
}

fn number(q: &Map<String, Json>, key: &str, min: u64, max: u64) -> Result<Option<u64>, QueryError> {
    let Some(value) = present(q, key) else { return Ok(None) };
    let number = value.as_u64().filter(|number| (min..=max).contains(number));
    let wrong = || shape(format!("`{key}` is a whole number from {min} to {max}, not {}", describe(value)));
    number.map(Some).ok_or_else(wrong)
}

fn texts<'j>(key: &str, value: &'j Json) -> Result<Vec<&'j str>, QueryError> {
    let wrong = || shape(format!("`{key}` is a list of field names, not {}", describe(value)));
    let list = value.as_array().ok_or_else(wrong)?;
    list.iter().map(|item| item.as_str().ok_or_else(wrong)).collect()
}

fn object<'j>(key: &str, value: &'j Json) -> Result<&'j Map<String, Json>, QueryError> {
    value.as_object().ok_or_else(|| shape(format!("`{key}` is an object, not {}", describe(value))))
}

fn present<'j>(map: &'j Map<String, Json>, key: &str) -> Option<&'j Json> {
    map.get(key).filter(|value| !value.is_null())
}

fn find(fields: &[Field], name: &str) -> Result<Field, QueryError> {
    let unknown =
        || QueryError::Field { field: name.chars().take(100).collect(), nearest: nearest(fields, name) };
    fields.iter().find(|field| field.name == name).cloned().ok_or_else(unknown)
}

/// The known name with the fewest edits, if they are at most a third of it.
fn nearest(fields: &[Field], name: &str) -> Option<String> {
    if name.len() > 64 {
        return None;
    }
    let near = fields.iter().map(|field| (edits(name, &field.name), &field.name)).min()?;
    (near.0 <= near.1.len().div_ceil(3)).then(|| near.1.to_string())
}

/// Levenshtein's distance, in bytes.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

pub(super) fn describe(value: &Json) -> String {
    let text = value.to_string();
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("`{short}...`") } else { format!("`{text}`") }
}

pub(super) fn shape(text: String) -> QueryError {
    QueryError::Shape(text)
}
