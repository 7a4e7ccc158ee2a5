//! Statements of one transaction whose order does not matter: they are sent together and cost one round trip, however many
//! they are.

use crate::{Statement, Value};

/// One statement with the parameters of each of its runs.
#[derive(Debug)]
pub(crate) struct Batch<'v> {
    pub(crate) statement: &'static Statement,
    pub(crate) sets: Vec<Vec<Value<'v>>>,
    /// An insert whose text says `{row:n}`: PostgreSQL is given many rows with one statement.
    pub(crate) is_rows: bool,
}

impl<'v> Batch<'v> {
    /// A statement that runs once for each set of parameters.
    pub(crate) fn each<const N: usize>(
        statement: &'static Statement,
        sets: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Self {
        Self { statement, sets: sets.into_iter().map(Vec::from).collect(), is_rows: false }
    }

    /// An insert of a row for each set of parameters.
    pub(crate) fn rows<const N: usize>(
        statement: &'static Statement,
        sets: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Self {
        Self { is_rows: true, ..Self::each(statement, sets) }
    }
}
