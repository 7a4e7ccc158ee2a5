//! SQL text and what the two engines make of it. A statement is a static that is registered, so that one
//! test can prepare all of them on both engines.

use std::sync::OnceLock;

/// Which database speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite 3.
    Sqlite,
    /// PostgreSQL, or what speaks its protocol.
    Postgres,
}

/// One SQL text for both engines. Parameters are `$1`, `$2`, ...; the few places where the dialects differ
/// are named fragments (see [`FRAGMENTS`]).
#[derive(Debug)]
pub struct Statement {
    name: &'static str,
    text: &'static str,
    sqlite: OnceLock<String>,
    postgres: OnceLock<String>,
}

/// The known differences: name, SQLite's text, PostgreSQL's text. SQLite has one writer at a time, so what
/// PostgreSQL must lock cannot change there.
const FRAGMENTS: [(&str, &str, &str); 3] = [
    ("{for_update}", "", "FOR UPDATE"),
    ("{for_share}", "", "FOR SHARE"),
    ("{skip_locked}", "", "FOR UPDATE SKIP LOCKED"),
];

impl Statement {
    /// A statement named `<table>.<verb>`. Use the `sql!` macro, which also registers it.
    pub const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text, sqlite: OnceLock::new(), postgres: OnceLock::new() }
    }

    /// `<table>.<verb>`: for errors.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The text for `dialect`.
    pub fn text(&self, dialect: Dialect) -> &str {
        match dialect {
            Dialect::Sqlite => self.sqlite.get_or_init(|| for_sqlite(&fill_in(self.text, dialect))),
            Dialect::Postgres => self.postgres.get_or_init(|| fill_in(self.text, dialect)),
        }
    }

    /// How many parameters the text names: the highest `$n`.
    pub fn parameter_count(&self) -> usize {
        let after_dollar = self.text.split('$').skip(1);
        let number =
            |rest: &str| rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|n| n.parse().ok());
        after_dollar.filter_map(number).max().unwrap_or(0)
    }

    /// Every registered statement of the program.
    pub fn all() -> impl Iterator<Item = &'static Statement> {
        inventory::iter::<Registered>().map(|registered| registered.0)
    }
}

fn fill_in(text: &str, dialect: Dialect) -> String {
    let mut text = text.to_owned();
    for (name, sqlite, postgres) in FRAGMENTS {
        text = text.replace(name, if dialect == Dialect::Sqlite { sqlite } else { postgres });
    }
    text
}

/// `$n` -> `?n` outside of quoted text: to SQLite `$2` is a *named* parameter that gets the next free
/// number, so that binding by position would swap arguments without a word.
pub(crate) fn for_sqlite(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quoted = false;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        quoted ^= c == '\'';
        let is_parameter = c == '$' && !quoted && rest.peek().is_some_and(char::is_ascii_digit);
        out.push(if is_parameter { '?' } else { c });
    }
    out
}

/// What a read runs: a registered statement, or text made at run time from static parts (the lists).
#[derive(Clone, Copy, Debug)]
pub enum Sql<'a> {
    /// Prepared once per connection.
    Static(&'static Statement),
    /// Text in the dialect of the database it is run on, with `$n` parameters on both.
    Dynamic {
        /// `<table>.<verb>`: for errors.
        name: &'static str,
        /// The text.
        text: &'a str,
    },
}

impl Sql<'_> {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Static(statement) => statement.name,
            Self::Dynamic { name, .. } => name,
        }
    }

    pub(crate) fn table(&self) -> &'static str {
        self.name().split('.').next().unwrap_or("")
    }
}

pub(crate) struct Registered(pub(crate) &'static Statement);
inventory::collect!(Registered);

/// Declares registered statements: `sql! { GET = "connections.get": "SELECT ..."; }`.
macro_rules! sql {
    ($($name:ident = $label:literal: $text:expr;)*) => {$(
        static $name: $crate::Statement = $crate::Statement::new($label, $text);
        inventory::submit! { $crate::statement::Registered(&$name) }
    )*};
}
pub(crate) use sql;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_keep_their_numbers_on_sqlite() {
        let statement = Statement::new("t.x", "UPDATE t SET a = $2, b = '$3' WHERE id = $1 {for_update}");
        assert_eq!(statement.text(Dialect::Sqlite), "UPDATE t SET a = ?2, b = '$3' WHERE id = ?1 ");
        assert_eq!(
            statement.text(Dialect::Postgres),
            "UPDATE t SET a = $2, b = '$3' WHERE id = $1 FOR UPDATE"
        );
    }

    #[test]
    fn parameters_are_counted_by_their_highest_number() {
        assert_eq!(Statement::new("t.x", "SELECT $2, $12, $2").parameter_count(), 12);
        assert_eq!(Statement::new("t.x", "SELECT 1").parameter_count(), 0);
    }
}
