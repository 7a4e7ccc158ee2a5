//! The query language of lists (`q`): limit, offset, filter, sort, select, search, ci. `parse` turns the JSON
//! text into a [`Query`] over the fields that a noun offers, or says what is wrong with it; `render` turns
//! that into SQL. A column never comes from outside, and a value is never part of the SQL.

mod cursor;
mod memory;
mod parse;
mod pattern;
mod render;

use std::borrow::Cow;

pub(crate) use render::Render;

use pattern::Pattern;

/// Levels of `$and`, `$or`, `$not` in one another.
pub const FILTER_DEPTH_MAX: usize = 8;
/// Comparisons in one filter.
pub const FILTER_CONDITIONS_MAX: usize = 100;
/// Values of one `$in` or `$nin`.
pub const IN_VALUES_MAX: usize = 1000;
/// Fields to sort by.
pub const SORT_KEYS_MAX: usize = 8;

/// What kind of value a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Int,
    /// A number, whole or not.
    Number,
    /// An instant, milliseconds since the epoch.
    Time,
    /// A truth value.
    Bool,
    /// A list of texts, stored as JSON. A comparison with a text holds if it holds for one of them.
    List,
    /// A file, stored as JSON: it is there or it is not.
    File,
    /// Something that can be selected but not compared.
    Opaque,
}

/// A field as the public API names it, and where it is stored.
#[derive(Clone, Debug)]
pub struct Field {
    /// The public name.
    pub name: Cow<'static, str>,
    /// A column, or an expression over columns; never made of what somebody wrote.
    pub column: Cow<'static, str>,
    /// What it holds.
    pub kind: Kind,
    /// What orders it: nothing but an index's own words lets a database sort by that index.
    order: Order,
    /// What the field's values are called where they are stored.
    words: Option<Words>,
}

/// A field whose values are words of a list, stored as other words.
#[derive(Clone, Copy, Debug)]
struct Words {
    column: &'static str,
    /// The public word and the stored one.
    list: &'static [(&'static str, &'static str)],
}

impl Words {
    /// The stored words that mean one of `values`.
    fn stored(&self, values: &[Scalar], ignore_case: bool) -> Vec<&'static str> {
        let means = |word: &str, value: &Scalar| match value {
            Scalar::Text(text) if ignore_case => text.eq_ignore_ascii_case(word),
            Scalar::Text(text) => text == word,
            Scalar::Int(_) | Scalar::Number(_) | Scalar::Bool(_) => false,
        };
        let wanted = |word: &str| values.iter().any(|value| means(word, value));
        self.list.iter().filter(|(public, _)| wanted(public)).map(|(_, stored)| *stored).collect()
    }
}

#[derive(Clone, Copy, Debug)]
enum Order {
    /// By the column, in which no value is ever absent.
    Column,
    /// By the column; absent values come last.
    AbsentLast,
    /// The same, and an index over the column and the id has the others in order.
    AbsentLastIndexed,
    /// By an expression that is 0 where the column is absent.
    By(&'static str),
}

impl Field {
    /// A field whose column has another name, or is an expression.
    pub const fn new(name: &'static str, column: &'static str, kind: Kind) -> Self {
        let (name, column) = (Cow::Borrowed(name), Cow::Borrowed(column));
        Self { name, column, kind, order: Order::Column, words: None }
    }

    /// A field of a table that somebody made. Its column may be empty; it sorts last then.
    pub(crate) fn made(name: String, column: String, kind: Kind) -> Self {
        let (name, column) = (Cow::Owned(name), Cow::Owned(column));
        Self { name, column, kind, order: Order::AbsentLast, words: None }
    }

    /// The same field, whose values an index has in order, with the ids.
    pub(crate) fn indexed(mut self) -> Self {
        self.order = Order::AbsentLastIndexed;
        self
    }

    fn may_be_absent(&self) -> bool {
        !matches!(self.order, Order::Column)
    }

    /// A field whose column has the same name.
    pub const fn same(name: &'static str, kind: Kind) -> Self {
        Self::new(name, name, kind)
    }

    /// A field whose column has the same name and may be empty. It sorts last then.
    pub const fn optional(name: &'static str, kind: Kind) -> Self {
        let mut field = Self::same(name, kind);
        field.order = Order::AbsentLast;
        field
    }

    /// A member of the answer that no column holds: it can be selected, and nothing else.
    pub const fn computed(name: &'static str) -> Self {
        Self::new(name, "id", Kind::Opaque)
    }

    /// The same field, whose values are public words, each stored in `column` as the word beside it: asked for by
    /// equality, they are looked up there, where an index may be.
    pub const fn stored_as(
        mut self,
        column: &'static str,
        list: &'static [(&'static str, &'static str)],
    ) -> Self {
        self.words = Some(Words { column, list });
        self
    }

    /// The same field, a time, sorted by an expression that is 0 where the column is absent, and else equal to it.
    pub const fn sorted_by(mut self, expression: &'static str) -> Self {
        self.order = Order::By(expression);
        self
    }
}

/// The fields of a noun, and what its lists do if the caller does not say.
#[derive(Debug)]
pub struct FieldMap {
    /// Every field.
    pub fields: &'static [Field],
    /// How to sort, as in `sort`.
    pub defaults: Defaults,
}

/// What a list does if the caller does not say.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// How to sort, written as in `q`: `-started_at`.
    pub sort: &'static [&'static str],
    /// The fields to search in.
    pub search: &'static [&'static str],
}

/// What a query is read against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'f> {
    pub(crate) fields: &'f [Field],
    /// Fields of other rows, which can be compared and nothing else.
    pub(crate) others: &'f [Field],
    /// How to sort if the caller does not say.
    pub(crate) sort: &'f [&'f str],
    /// Where to search if the caller does not say.
    pub(crate) search: &'f [&'f str],
    /// Whether pages can be walked through by `cursor`.
    pub(crate) has_cursor: bool,
}

/// A question to a list, checked and ready to be asked.
#[derive(Clone, Debug)]
pub struct Query {
    /// Rows of the page: 1 to [`types::limits::PAGE_ROWS_MAX`].
    pub limit: u64,
    /// Rows to skip before the page.
    pub offset: u64,
    /// The public names of the fields to answer; all of them if it is empty.
    pub select: Vec<Cow<'static, str>>,
    filter: Option<Condition>,
    sort: Vec<(Field, Direction)>,
    /// Whether the caller walks by `cursor`, and what holds for the rows that are still before them.
    walk: Option<Condition>,
}

impl Query {
    /// Reads the JSON text of `q`; an absent or blank text asks for the first page of everything.
    pub fn parse(text: Option<&str>, fields: &'static FieldMap) -> Result<Self, QueryError> {
        let Defaults { sort, search } = fields.defaults;
        Self::parse_over(text, Known { fields: fields.fields, others: &[], sort, search, has_cursor: false })
    }

    /// The same over fields that are known only at run time.
    pub(crate) fn parse_over(text: Option<&str>, known: Known<'_>) -> Result<Self, QueryError> {
        parse::parse(text, known)
    }

    pub(crate) fn condition(&self) -> Option<&Condition> {
        self.filter.as_ref()
    }

    /// What holds for the rows behind those that a walk has been through.
    pub(crate) fn walk(&self) -> Option<&Condition> {
        self.walk.as_ref()
    }

    /// Whether the caller wants a cursor to the rows behind this page.
    pub fn is_walk(&self) -> bool {
        self.walk.is_some()
    }

    /// The field that it sorts by first, if an index has those of its values in order that are there.
    pub(crate) fn sorted_by_index(&self) -> Option<&Field> {
        let (field, _) = self.sort.first()?;
        (!self.is_walk() && matches!(field.order, Order::AbsentLastIndexed)).then_some(field)
    }

    /// The names of the fields that it sorts by.
    pub(crate) fn sort_names(&self) -> impl Iterator<Item = &str> {
        self.sort.iter().map(|(field, _)| field.name.as_ref())
    }
}

/// Why a `q` cannot be asked; the words are for its author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The text is not JSON.
    #[error("`q` is not JSON: {0}")]
    Json(String),
    /// A part of it has not the shape that it should have.
    #[error("`q`: {0}")]
    Shape(String),
    /// There is no such field.
    #[error("`q`: there is no field `{field}`{}", did_you_mean(.nearest))]
    Field {
        /// The field asked for.
        field: String,
        /// The field that may have been meant.
        nearest: Option<String>,
    },
}

fn did_you_mean(name: &Option<String>) -> String {
    name.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

/// A filter. It is two-valued: a comparison with an absent value does not hold, and its negation does.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// Holds if every part does.
    All(Vec<Condition>),
    /// Holds if a part does.
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Test {
        field: Field,
        test: Test,
        ignore_case: bool,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum Test {
    IsNull,
    Equals(Scalar),
    /// `<`, `<=`, `>` or `>=`.
    Order(&'static str, Scalar),
    In(Vec<Scalar>),
    Like(Pattern),
    /// A list has these values in this order; as JSON.
    Whole(String),
}

impl Test {
    /// What the field must equal one of, if that is what is tested.
    fn values(&self) -> Option<&[Scalar]> {
        match self {
            Self::Equals(value) => Some(std::slice::from_ref(value)),
            Self::In(values) => Some(values),
            Self::IsNull | Self::Order(..) | Self::Like(_) | Self::Whole(_) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Text(String),
    Int(i64),
    Number(f64),
    Bool(bool),
}
