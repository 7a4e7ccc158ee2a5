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
/// are named fragments (see [`FRAGMENTS`]). `{row:3}` stands for `($1, $2, $3)`, and marks an insert that PostgreSQL
/// may be given many rows of at once.
#[derive(Debug)]
pub struct Statement {
    name: &'static str,
    text: &'static str,
    sqlite: OnceLock<String>,
    postgres: OnceLock<String>,
    /// Texts for 2, 4, 8, ... rows, on PostgreSQL.
    rows: [OnceLock<String>; ROWS_LOG2_MAX],
}

/// Binary logarithm of [`ROWS_MAX`].
const ROWS_LOG2_MAX: usize = 6;
/// Rows that one statement inserts at most; with 64 columns it stays far below the 65,535 parameters that the
/// protocol can number.
pub(crate) const ROWS_MAX: usize = 1 << ROWS_LOG2_MAX;

/// The known differences: name, SQLite's text, PostgreSQL's text. SQLite has one writer at a time, so what
/// PostgreSQL must lock cannot change there.
const FRAGMENTS: [(&str, &str, &str); 4] = [
    ("{advisory_lock}", "1", "pg_advisory_xact_lock(hashtextextended(CAST($1 AS TEXT), 7883951))"),
    ("{for_update}", "", "FOR UPDATE"),
    ("{for_share}", "", "FOR SHARE"),
    ("{skip_locked}", "", "FOR UPDATE SKIP LOCKED"),
];

impl Statement {
    /// A statement named `<table>.<verb>`. Use the `sql!` macro, which also registers it.
    pub const fn new(name: &'static str, text: &'static str) -> Self {
        let rows = [const { OnceLock::new() }; ROWS_LOG2_MAX];
        Self { name, text, sqlite: OnceLock::new(), postgres: OnceLock::new(), rows }
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

    /// The text for PostgreSQL that inserts so many rows, a power of two up to [`ROWS_MAX`]: few texts, each of which a
    /// connection prepares once.
    pub(crate) fn text_of_rows(&self, count: usize) -> &str {
        let log2 = count.ilog2() as usize;
        match log2.checked_sub(1).and_then(|index| self.rows.get(index)) {
            Some(text) => text.get_or_init(|| fill_in_rows(self.text, count, Dialect::Postgres)),
            None => self.text(Dialect::Postgres),
        }
    }

    /// How many parameters the text names: the highest `$n`.
    pub fn parameter_count(&self) -> usize {
        let text = self.text(Dialect::Postgres);
        let after_dollar = text.split('$').skip(1);
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
    fill_in_rows(text, 1, dialect)
}

fn fill_in_rows(text: &str, count: usize, dialect: Dialect) -> String {
    let mut text = match row_mark(text) {
        Some((before, width, after)) => format!("{before}{}{after}", rows(count, width)),
        None => text.to_owned(),
    };
    for (name, sqlite, postgres) in FRAGMENTS {
        text = text.replace(name, if dialect == Dialect::Sqlite { sqlite } else { postgres });
    }
    text
}

/// Takes a text apart at its `{row:3}`: what is before, the 3, what is after.
fn row_mark(text: &str) -> Option<(&str, usize, &str)> {
    let (before, rest) = text.split_once("{row:")?;
    let (width, after) = rest.split_once('}')?;
    Some((before, width.parse().ok()?, after))
}

/// `($1, $2), ($3, $4)` for two rows of two.
fn rows(count: usize, width: usize) -> String {
    let row = |row: usize| {
        let parameters: Vec<String> =
            (1..=width).map(|column| format!("${}", row * width + column)).collect();
        format!("({})", parameters.join(", "))
    };
    (0..count).map(row).collect::<Vec<_>>().join(", ")
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
    fn a_row_is_repeated_with_parameters_of_its_own() {
        let statement = Statement::new("t.x", "INSERT INTO t (a, b) VALUES {row:2} ON CONFLICT DO NOTHING");
        assert_eq!(
            statement.text(Dialect::Sqlite),
            "INSERT INTO t (a, b) VALUES (?1, ?2) ON CONFLICT DO NOTHING"
        );
        assert_eq!(statement.text_of_rows(1), statement.text(Dialect::Postgres));
        assert_eq!(
            statement.text_of_rows(2),
            "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING"
        );
        assert!(statement.text_of_rows(ROWS_MAX).contains("($127, $128) ON CONFLICT"));
        assert_eq!(statement.parameter_count(), 2);
    }

    #[test]
    fn parameters_are_counted_by_their_highest_number() {
        assert_eq!(Statement::new("t.x", "SELECT $2, $12, $2").parameter_count(), 12);
        assert_eq!(Statement::new("t.x", "SELECT 1").parameter_count(), 0);
    }
}
