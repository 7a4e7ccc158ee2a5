//! The values of a query. Their memory is counted, and they share what they hold in common.

use std::rc::Rc;

use indexmap::IndexMap;
use serde_json::{Map, Number, Value as Json};

use super::limits::{self, Held};
use super::number::Num;

/// Bytes of a list beside its elements, and of a text or a map beside what it holds.
const BASE_BYTES: usize = 64;
/// Bytes of an element of a list.
const ITEM_BYTES: usize = size_of::<Val>();
/// Bytes of an entry of a map.
const ENTRY_BYTES: usize = 64;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Val {
    Null,
    Bool(bool),
    Num(Num),
    Str(Rc<Text>),
    Arr(Rc<List>),
    Obj(Rc<Object>),
}

/// What went wrong in a query.
pub(super) type Error = jaq_core::Error<Val>;

#[derive(Debug)]
pub(super) struct Text {
    text: String,
    held: Held,
}

impl Text {
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn push(&mut self, text: &str) {
        self.held.grow(text.len());
        self.text.push_str(text);
    }
}

impl Clone for Text {
    fn clone(&self) -> Self {
        Self { held: Held::new(BASE_BYTES + self.text.len()), text: self.text.clone() }
    }
}

#[derive(Debug)]
pub(super) struct List {
    items: Vec<Val>,
    held: Held,
    depth: u32,
}

impl List {
    pub(super) fn items(&self) -> &[Val] {
        &self.items
    }

    pub(super) fn push(&mut self, item: Val) {
        self.held.grow(ITEM_BYTES);
        self.depth = limits::check_depth(self.depth.max(item.depth() + 1));
        self.items.push(item);
    }

    /// The element's place, with nulls before it if the list was shorter.
    pub(super) fn slot(&mut self, index: usize) -> &mut Val {
        if index >= self.items.len() {
            self.held.grow((index - self.items.len()).saturating_add(1).saturating_mul(ITEM_BYTES));
            self.items.resize(index + 1, Val::Null);
        }
        &mut self.items[index]
    }

    pub(super) fn remove(&mut self, index: usize) {
        limits::text_work((self.items.len() - index) * ITEM_BYTES);
        self.items.remove(index);
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Val) -> bool) {
        self.items.retain(keep);
    }

    /// To be called after a [`List::slot`] has got a value of that depth.
    pub(super) fn deepen(&mut self, depth: u32) {
        self.depth = limits::check_depth(self.depth.max(depth + 1));
    }
}

impl Clone for List {
    fn clone(&self) -> Self {
        let held = Held::new(BASE_BYTES + self.items.len() * ITEM_BYTES);
        Self { held, items: self.items.clone(), depth: self.depth }
    }
}

#[derive(Debug)]
pub(super) struct Object {
    map: IndexMap<String, Val>,
    held: Held,
    depth: u32,
}

impl Object {
    pub(super) fn map(&self) -> &IndexMap<String, Val> {
        &self.map
    }

    pub(super) fn insert(&mut self, key: &str, value: Val) {
        self.depth = limits::check_depth(self.depth.max(value.depth() + 1));
        match self.map.get_mut(key) {
            Some(place) => *place = value,
            None => {
                self.held.grow(ENTRY_BYTES + key.len());
                self.map.insert(key.to_owned(), value);
            }
        }
    }

    /// Takes the value out; its key stays, with null.
    pub(super) fn take(&mut self, key: &str) -> Option<Val> {
        self.map.get_mut(key).map(|value| std::mem::replace(value, Val::Null))
    }

    pub(super) fn remove(&mut self, key: &str) {
        limits::text_work(self.map.len());
        self.map.shift_remove(key);
    }
}

impl Clone for Object {
    fn clone(&self) -> Self {
        let keys: usize = self.map.keys().map(String::len).sum();
        let held = Held::new(BASE_BYTES + self.map.len() * ENTRY_BYTES + keys);
        Self { held, map: self.map.clone(), depth: self.depth }
    }
}

impl Val {
    /// A text that is made.
    pub(super) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::Str(Rc::new(Text { held: Held::new(BASE_BYTES + text.len()), text }))
    }

    /// A map without an entry.
    pub(super) fn object() -> Object {
        Object { map: IndexMap::new(), held: Held::new(BASE_BYTES), depth: limits::check_depth(1) }
    }

    /// A list without an element.
    pub(super) fn list() -> List {
        List { items: Vec::new(), held: Held::new(BASE_BYTES), depth: limits::check_depth(1) }
    }

    /// Levels of lists and maps, 0 for others.
    pub(super) fn depth(&self) -> u32 {
        match self {
            Self::Arr(list) => list.depth,
            Self::Obj(object) => object.depth,
            _ => 0,
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// The value of what a step gives.
    pub(super) fn from_json(json: &Json) -> Self {
        limits::steps(1);
        match json {
            Json::Null => Self::Null,
            Json::Bool(truth) => Self::Bool(*truth),
            Json::Number(number) => Self::Num(Num::from_json(number)),
            Json::String(text) => Self::text(text.as_str()),
            Json::Array(items) => items.iter().map(Self::from_json).collect(),
            Json::Object(map) => {
                let mut object = Self::object();
                for (key, value) in map {
                    object.insert(key, Self::from_json(value));
                }
                Self::Obj(Rc::new(object))
            }
        }
    }

    /// What a step sees of the value; none if it takes more than `room` bytes of JSON, about.
    pub(super) fn to_json(&self, room: &mut usize) -> Option<Json> {
        limits::steps(1);
        let mut take = |bytes: usize| {
            *room = room.checked_sub(bytes)?;
            Some(())
        };
        match self {
            Self::Null => take(4).map(|()| Json::Null),
            Self::Bool(truth) => take(4).map(|()| Json::Bool(*truth)),
            Self::Num(number) => take(1).map(|()| number.to_json().map_or(Json::Null, Json::Number)),
            Self::Str(text) => take(text.as_str().len() + 2).map(|()| Json::from(text.as_str())),
            Self::Arr(list) => {
                take(2)?;
                let items = list.items.iter().map(|item| {
                    *room = room.checked_sub(1)?;
                    item.to_json(room)
                });
                items.collect::<Option<_>>().map(Json::Array)
            }
            Self::Obj(object) => {
                take(2)?;
                let mut map = Map::new();
                for (key, value) in &object.map {
                    *room = room.checked_sub(key.len() + 4)?;
                    map.insert(key.clone(), value.to_json(room)?);
                }
                Some(Json::Object(map))
            }
        }
    }
}

impl FromIterator<Val> for Val {
    fn from_iter<I: IntoIterator<Item = Val>>(items: I) -> Self {
        let mut list = Self::list();
        for item in items {
            list.push(item);
        }
        Self::Arr(Rc::new(list))
    }
}

impl From<Number> for Val {
    fn from(number: Number) -> Self {
        Self::Num(Num::from_json(&number))
    }
}
