//! How the evaluator reaches into values and changes them.

use std::ops::Range;
use std::rc::Rc;

use jaq_core::path::Opt;
use jaq_core::val::Range as Bounds;
use jaq_core::{Exn, ValR, ValT, ValX};

use super::limits;
use super::number::Num;
use super::value::{Error, Val};

impl From<bool> for Val {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<isize> for Val {
    fn from(int: isize) -> Self {
        Self::Num(Num::Int(int as i64))
    }
}

impl From<usize> for Val {
    fn from(int: usize) -> Self {
        Self::Num(
            u64::try_from(int)
                .map_or(Num::Float(f64::INFINITY), |int| i64::try_from(int).map_or(Num::Big(int), Num::Int)),
        )
    }
}

impl From<f64> for Val {
    fn from(float: f64) -> Self {
        Self::Num(Num::Float(float))
    }
}

impl From<String> for Val {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<Bounds<Self>> for Val {
    fn from(bounds: Bounds<Self>) -> Self {
        let mut object = Self::object();
        for (key, bound) in [("start", bounds.start), ("end", bounds.end)] {
            if let Some(bound) = bound {
                object.insert(key, bound);
            }
        }
        Self::Obj(Rc::new(object))
    }
}

impl ValT for Val {
    fn from_num(text: &str) -> ValR<Self> {
        let int = text.parse().map(Num::Int).or_else(|_| text.parse().map(Num::Big)).ok();
        let number = int.or_else(|| text.parse().map(Num::Float).ok());
        number.map(Self::Num).ok_or_else(|| Error::str(format!("`{text}` is no number")))
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(entries: I) -> ValR<Self> {
        let mut object = Self::object();
        for (key, value) in entries {
            match key.as_str() {
                Some(name) => object.insert(name, value),
                None => return Err(Error::typ(key, "key of an object")),
            }
        }
        Ok(Self::Obj(Rc::new(object)))
    }

    fn key_values(self) -> Box<dyn Iterator<Item = ValR<(Self, Self), Self>>> {
        match self {
            Self::Arr(list) => Box::new((0..list.items().len()).filter_map(move |index| {
                limits::steps(1);
                list.items().get(index).map(|item| Ok((Self::from(index), item.clone())))
            })),
            Self::Obj(object) => Box::new((0..object.map().len()).filter_map(move |index| {
                let (key, value) = object.map().get_index(index)?;
                Some(Ok((Self::text(key.as_str()), value.clone())))
            })),
            other => Box::new(std::iter::once(Err(not_iterable(other)))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Self>>> {
        match self {
            Self::Arr(list) => Box::new((0..list.items().len()).filter_map(move |index| {
                limits::steps(1);
                list.items().get(index).cloned().map(Ok)
            })),
            Self::Obj(object) => Box::new((0..object.map().len()).filter_map(move |index| {
                limits::steps(1);
                object.map().get_index(index).map(|(_, value)| Ok(value.clone()))
            })),
            other => Box::new(std::iter::once(Err(not_iterable(other)))),
        }
    }

    fn index(self, index: &Self) -> ValR<Self> {
        match (&self, index) {
            (Self::Obj(object), Self::Str(key)) => {
                Ok(object.map().get(key.as_str()).cloned().unwrap_or(Self::Null))
            }
            (Self::Arr(list), Self::Num(number)) => {
                let place = place(number.rounded(false), list.items().len());
                Ok(place.and_then(|place| list.items().get(place)).cloned().unwrap_or(Self::Null))
            }
            (Self::Arr(_), Self::Arr(_)) => self.indices(index),
            (Self::Null, Self::Str(_) | Self::Num(_) | Self::Null) => Ok(Self::Null),
            (Self::Null | Self::Str(_) | Self::Arr(_), Self::Obj(bounds)) => {
                self.clone().range(bounds.map().get("start")..bounds.map().get("end"))
            }
            _ => Err(Error::index(self, index.clone())),
        }
    }

    fn range(self, bounds: Bounds<&Self>) -> ValR<Self> {
        match &self {
            Self::Null => Ok(Self::Null),
            Self::Arr(list) => {
                let part = part(&bounds, list.items().len())?;
                Ok(list.items().get(part).unwrap_or_default().iter().cloned().collect())
            }
            Self::Str(text) => {
                let text = text.as_str();
                let part = bytes(text, part(&bounds, characters(text))?);
                Ok(Self::text(text.get(part).unwrap_or_default()))
            }
            _ => Err(Error::typ(self, "list or text")),
        }
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match self {
            Self::Arr(list) => list.items().iter().cloned().flat_map(f).collect(),
            Self::Obj(object) => {
                let mut mapped = Self::object();
                for (key, value) in object.map() {
                    if let Some(value) = f(value.clone()).next() {
                        mapped.insert(key, value?);
                    }
                }
                Ok(Self::Obj(Rc::new(mapped)))
            }
            other => opt.fail(other, |other| Exn::from(not_iterable(other))),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        index: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match (self, index) {
            (Self::Null | Self::Arr(_), Self::Obj(bounds)) if bounds.map().is_empty() => {
                opt.fail(Self::Null, |null| Exn::from(Error::index(null, index.clone())))
            }
            (value @ (Self::Null | Self::Arr(_)), Self::Obj(bounds)) => {
                value.map_range(bounds.map().get("start")..bounds.map().get("end"), opt, f)
            }
            (Self::Null, Self::Str(_)) => Self::Obj(Rc::new(Self::object())).map_index(index, opt, f),
            (Self::Null, Self::Num(_)) => std::iter::empty().collect::<Self>().map_index(index, opt, f),
            (Self::Obj(mut object), Self::Str(key)) => {
                let map = Rc::make_mut(&mut object);
                let old = map.take(key.as_str()).unwrap_or(Self::Null);
                match f(old).next().transpose()? {
                    Some(new) => map.insert(key.as_str(), new),
                    None => map.remove(key.as_str()),
                }
                Ok(Self::Obj(object))
            }
            (Self::Arr(mut list), Self::Num(number)) => {
                let length = list.items().len();
                let Some(place) = place(number.rounded(false), length) else {
                    let fail = |_| Exn::from(Error::str(format!("index {index} is out of bounds")));
                    return opt.fail(Self::Arr(list), fail);
                };
                let items = Rc::make_mut(&mut list);
                // Taken out, so that it is not shared while it is changed.
                let old = if place < length {
                    std::mem::replace(items.slot(place), Self::Null)
                } else {
                    Self::Null
                };
                let new = f(old).next().transpose()?;
                match new {
                    Some(new) => {
                        let depth = new.depth();
                        *items.slot(place) = new;
                        items.deepen(depth);
                    }
                    None if place < length => items.remove(place),
                    None => {}
                }
                Ok(Self::Arr(list))
            }
            (other, index) => opt.fail(other, |other| Exn::from(Error::index(other, index.clone()))),
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        bounds: Bounds<&Self>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        let list = match self {
            Self::Null => Rc::new(Self::list()),
            Self::Arr(list) => list,
            other => return opt.fail(other, |other| Exn::from(Error::typ(other, "list"))),
        };
        let items = list.items();
        let part = part(&bounds, items.len())?;
        let old = items.get(part.clone()).unwrap_or_default().iter().cloned().collect();
        let new = match f(old).next().transpose()? {
            None => Rc::new(Self::list()),
            Some(Self::Arr(new)) => new,
            Some(other) => return Err(Exn::from(Error::typ(other, "list"))),
        };
        let before = items.get(..part.start).unwrap_or_default();
        let after = items.get(part.end..).unwrap_or_default();
        Ok(before.iter().chain(new.items()).chain(after).cloned().collect())
    }

    fn as_bool(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    fn into_string(self) -> Self {
        if self.as_str().is_some() { self } else { self.written() }
    }
}

/// The place of an index, which counts from the end below 0; none if it lies before the beginning.
fn place(index: i64, length: usize) -> Option<usize> {
    let distance = usize::try_from(index.unsigned_abs()).ok()?;
    if index < 0 { length.checked_sub(distance) } else { Some(distance) }
}

/// The part of something of that length, never beyond its ends.
fn part(bounds: &Bounds<&Val>, length: usize) -> Result<Range<usize>, Error> {
    let bound = |value: Option<&Val>, up: bool, default: usize| match value {
        None | Some(Val::Null) => Ok(default),
        Some(Val::Num(number)) => Ok(place(number.rounded(up), length).unwrap_or(0).min(length)),
        Some(other) => Err(Error::typ(other.clone(), "bound of a range")),
    };
    let start = bound(bounds.start, false, 0)?;
    Ok(start..bound(bounds.end, true, length)?.max(start))
}

/// The bytes of a range of characters.
fn bytes(text: &str, part: Range<usize>) -> Range<usize> {
    if text.is_ascii() {
        return part;
    }
    let at = |index: usize| text.char_indices().nth(index).map_or(text.len(), |(at, _)| at);
    at(part.start)..at(part.end)
}

/// How many characters a text has.
pub(super) fn characters(text: &str) -> usize {
    limits::text_work(text.len());
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

fn not_iterable(value: Val) -> Error {
    Error::typ(value, "iterable (list or map)")
}
