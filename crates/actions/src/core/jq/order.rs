//! How values compare: null, false, true, numbers, texts, lists, maps. And how they are written.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};

use super::limits;
use super::value::Val;

impl Val {
    /// The place of its kind.
    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(truth) => 1 + u8::from(*truth),
            Self::Num(_) => 3,
            Self::Str(_) => 4,
            Self::Arr(_) => 5,
            Self::Obj(_) => 6,
        }
    }
}

impl Ord for Val {
    fn cmp(&self, other: &Self) -> Ordering {
        limits::steps(1);
        match (self, other) {
            (Self::Num(one), Self::Num(other)) => one.compare(*other),
            (Self::Str(one), Self::Str(other)) => {
                limits::text_work(one.as_str().len().min(other.as_str().len()));
                one.as_str().cmp(other.as_str())
            }
            (Self::Arr(one), Self::Arr(other)) => one.items().cmp(other.items()),
            (Self::Obj(one), Self::Obj(other)) => {
                let sorted = |map: &indexmap::IndexMap<String, Val>| {
                    limits::steps(map.len() as u64);
                    let mut keys: Vec<String> = map.keys().cloned().collect();
                    keys.sort_unstable();
                    keys
                };
                let keys = sorted(one.map());
                keys.cmp(&sorted(other.map())).then_with(|| {
                    let pairs = keys.iter().map(|key| one.map().get(key).cmp(&other.map().get(key)));
                    pairs.fold(Ordering::Equal, Ordering::then)
                })
            }
            (one, other) => one.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Val {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Val {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Val {}

/// As JSON, without blanks.
impl fmt::Display for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        limits::steps(1);
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Num(number) => match number.to_json() {
                Some(number) => write!(f, "{number}"),
                None => f.write_str("null"),
            },
            Self::Str(text) => quoted(text.as_str(), f),
            Self::Arr(list) => {
                f.write_char('[')?;
                for (index, item) in list.items().iter().enumerate() {
                    if index > 0 {
                        f.write_char(',')?;
                    }
                    write!(f, "{item}")?;
                }
                f.write_char(']')
            }
            Self::Obj(object) => {
                f.write_char('{')?;
                for (index, (key, value)) in object.map().iter().enumerate() {
                    if index > 0 {
                        f.write_char(',')?;
                    }
                    quoted(key, f)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    limits::text_work(text.len());
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

impl Val {
    /// Its JSON as a text, counted while it is written.
    pub(super) fn written(&self) -> Self {
        struct Counted(super::value::Text);
        impl fmt::Write for Counted {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.push(text);
                Ok(())
            }
        }
        let Self::Str(empty) = Self::text("") else { return Self::Null };
        let mut counted = Counted(std::rc::Rc::unwrap_or_clone(empty));
        match write!(counted, "{self}") {
            Ok(()) => Self::Str(counted.0.into()),
            Err(_) => Self::Null,
        }
    }
}
