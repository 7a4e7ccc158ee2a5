//! Filters of the language that are written here: those that need to know how values are made, and those of the
//! evaluator's own that do not count their work.

use std::iter;

use jaq_core::box_iter::box_once;
use jaq_core::native::{Filter, bome, run, unary, v};
use jaq_core::{Cv, Exn, RunPtr, ValR, ValXs};
use jaq_std::ValT;

use super::access::characters;
use super::limits;
use super::number::Num;
use super::program::{Function, Query};
use super::regex;
use super::value::{Error, Val};

/// Filters of the evaluator that are not there, or are here in another way. Nothing reads files, the environment or
/// the machine's time zone, and nothing ends the process.
const REPLACED: [&str; 13] = [
    "debug_empty",
    "env",
    "halt",
    "isnan",
    "localtime",
    "matches",
    "now",
    "range",
    "split_",
    "split_matches",
    "stderr_empty",
    "strflocaltime",
    "utf8bytelength",
];

/// All native filters.
pub(super) fn all() -> impl Iterator<Item = Function> {
    let others = jaq_core::funs().chain(jaq_std::funs());
    let others = others.filter(|(name, ..)| !REPLACED.contains(name));
    others.chain(own().map(run::<Query>))
}

fn own() -> [Filter<RunPtr<Query>>; 14] {
    [
        ("range", v(3), range),
        ("now", v(0), |_| box_once(Ok(Val::from(limits::now_seconds())))),
        ("isnan", v(0), |cv| bome(is_nan(cv.1))),
        ("length", v(0), |cv| bome(length(cv.1))),
        ("utf8bytelength", v(0), |cv| {
            bome(
                cv.1.as_str()
                    .map(|text| Val::from(text.len()))
                    .ok_or_else(|| Error::typ(cv.1.clone(), "string")),
            )
        }),
        ("tojson", v(0), |cv| box_once(Ok(cv.1.written()))),
        ("fromjson", v(0), |cv| bome(from_json(cv.1))),
        ("contains", v(1), |cv| unary(cv, |value, part| Ok(Val::Bool(contains(&value, &part))))),
        ("has", v(1), |cv| unary(cv, |value, key| has(value, &key))),
        ("indices", v(1), |cv| unary(cv, |value, part| value.indices(&part))),
        ("bsearch", v(1), |cv| unary(cv, bsearch)),
        ("matches", v(2), |cv| bome(regex::parts(cv, regex::Wanted { between: false, matches: true }))),
        ("split_matches", v(2), |cv| bome(regex::parts(cv, regex::Wanted { between: true, matches: true }))),
        ("split_", v(2), |cv| bome(regex::parts(cv, regex::Wanted { between: true, matches: false }))),
    ]
}

/// As the evaluator's own, but that each turn is counted.
fn range(mut cv: Cv<'_, Query>) -> ValXs<'_, Val> {
    let (by, to, from) = (cv.0.pop_var(), cv.0.pop_var(), cv.0.pop_var());
    let zero = Val::Num(Num::Int(0));
    let mut next = Some(from);
    Box::new(iter::from_fn(move || {
        limits::steps(1);
        let current = next.take()?;
        let goes_on = if by > zero {
            current < to
        } else if by < zero {
            current > to
        } else {
            current != to
        };
        if !goes_on {
            return None;
        }
        match current.clone() + by.clone() {
            Ok(value) => next = Some(value),
            Err(error) => return Some(Err(Exn::from(error))),
        }
        Some(Ok(current))
    }))
}

fn is_nan(value: Val) -> ValR<Val> {
    match value {
        Val::Num(number) => Ok(Val::Bool(number.is_nan())),
        other => Err(Error::typ(other, "number")),
    }
}

fn length(value: Val) -> ValR<Val> {
    match &value {
        Val::Null => Ok(Val::from(0_usize)),
        Val::Num(number) if number.as_f64() < 0.0 => -value,
        Val::Num(_) => Ok(value),
        Val::Str(text) => Ok(Val::from(characters(text.as_str()))),
        Val::Arr(list) => Ok(Val::from(list.items().len())),
        Val::Obj(object) => Ok(Val::from(object.map().len())),
        Val::Bool(truth) => Err(Error::str(format!("{truth} has no length"))),
    }
}

fn from_json(value: Val) -> ValR<Val> {
    let text = value.as_str().ok_or_else(|| Error::typ(value.clone(), "string"))?;
    limits::text_work(text.len().saturating_mul(4));
    match serde_json::from_str(text) {
        Ok(json) => Ok(Val::from_json(&json)),
        Err(error) => Err(Error::str(format!("the text is not JSON: {error}"))),
    }
}

fn contains(value: &Val, part: &Val) -> bool {
    limits::steps(1);
    match (value, part) {
        (Val::Str(text), Val::Str(part)) => {
            limits::text_work(text.as_str().len());
            text.as_str().contains(part.as_str())
        }
        (Val::Arr(list), Val::Arr(parts)) => {
            parts.items().iter().all(|part| list.items().iter().any(|item| contains(item, part)))
        }
        (Val::Obj(object), Val::Obj(parts)) => {
            let holds = |(key, part)| object.map().get(key).is_some_and(|value| contains(value, part));
            parts.map().iter().all(holds)
        }
        (value, part) => value == part,
    }
}

fn has(value: Val, key: &Val) -> ValR<Val> {
    match (&value, key) {
        (Val::Obj(object), Val::Str(key)) => Ok(Val::Bool(object.map().contains_key(key.as_str()))),
        (Val::Arr(list), Val::Num(index)) => {
            let index = usize::try_from(index.rounded(false)).ok();
            Ok(Val::Bool(index.is_some_and(|index| index < list.items().len())))
        }
        _ => Err(Error::index(value, key.clone())),
    }
}

fn bsearch(value: Val, wanted: Val) -> ValR<Val> {
    match &value {
        Val::Arr(list) => Ok(match list.items().binary_search(&wanted) {
            Ok(found) => Val::from(found),
            Err(place) => (Val::from(-1_isize) - Val::from(place))?,
        }),
        _ => Err(Error::typ(value, "list")),
    }
}

impl Val {
    /// Where `part` begins in the text or the list, or where it is an element.
    pub(super) fn indices(&self, part: &Self) -> ValR<Self> {
        match (self, part) {
            (Self::Null, _) => Ok(Self::Null),
            (Self::Str(text), Self::Str(part)) if !part.as_str().is_empty() => {
                let (text, part) = (text.as_str(), part.as_str());
                limits::text_work(text.len());
                let (mut at, mut count) = (0, 0);
                let mut found = Self::list();
                // A match may begin within the one before.
                while let Some(next) = text.get(at..).and_then(|rest| rest.find(part)) {
                    let skipped = text.get(at..at + next).unwrap_or_default();
                    count += skipped.chars().count();
                    found.push(Self::from(count));
                    count += 1;
                    at += next
                        + text
                            .get(at + next..)
                            .and_then(|rest| rest.chars().next())
                            .map_or(1, char::len_utf8);
                }
                Ok(Self::Arr(found.into()))
            }
            (Self::Str(_), Self::Str(_)) => Ok(Self::Null),
            (Self::Arr(list), Self::Arr(part)) if !part.items().is_empty() => {
                let windows = list.items().windows(part.items().len()).enumerate();
                Ok(windows
                    .filter(|(_, window)| *window == part.items())
                    .map(|(at, _)| Self::from(at))
                    .collect())
            }
            (Self::Arr(_), Self::Arr(_)) => Ok(Self::Null),
            (Self::Arr(list), part) => {
                let items = list.items().iter().enumerate();
                Ok(items.filter(|(_, item)| *item == part).map(|(at, _)| Self::from(at)).collect())
            }
            _ => Err(Error::index(self.clone(), part.clone())),
        }
    }
}

impl ValT for Val {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        match self {
            Self::Arr(list) => {
                limits::steps(list.items().len() as u64);
                Ok(list.items().iter().cloned().collect())
            }
            other => Err(other),
        }
    }

    fn is_int(&self) -> bool {
        matches!(self, Self::Num(Num::Int(_) | Num::Big(_)))
    }

    fn as_isize(&self) -> Option<isize> {
        match self {
            Self::Num(number) => number.as_i64().and_then(|int| isize::try_from(int).ok()),
            _ => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Num(number) => Some(number.as_f64()),
            _ => None,
        }
    }

    fn is_utf8_str(&self) -> bool {
        self.as_str().is_some()
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        let text = self.as_str()?;
        limits::text_work(text.len());
        Some(text.as_bytes())
    }

    fn as_sub_str(&self, sub: &[u8]) -> Self {
        Self::text(String::from_utf8_lossy(sub))
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self::text(String::from_utf8_lossy(bytes.as_ref()))
    }
}
