//! Lists: one page of rows that satisfy a [`Query`], and how many satisfy it in all. The SQL is put together
//! from the noun's static texts and the query's static columns; whatever came from outside is a parameter.

use std::fmt::Write as _;

use crate::filter::Render;
use crate::{Query, Read, Row, RowError, Sql, StoreError, Value};

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows of this page, in the order asked for.
    pub rows: Vec<T>,
    /// Rows in all pages, if they are at most [`ROWS_COUNTED_MAX`] more than up to the end of this one; else that
    /// many: there are at least so many.
    pub total: u64,
}

/// Rows behind a page that are counted. Counting all of a long history takes longer than reading the page, and who goes
/// through it page by page still sees a total beyond the page as long as there is more.
pub const ROWS_COUNTED_MAX: u64 = 10_000;

/// What a noun's list reads.
pub(crate) struct Listing<'a> {
    /// `<table>.list`.
    pub(crate) name: &'static str,
    pub(crate) columns: &'a str,
    /// The table, or several joined.
    pub(crate) from: &'a str,
    /// The condition that keeps to the workspace or tenant, over `$1`, ...
    pub(crate) scope: &'a str,
}

pub(crate) async fn list<T: Send>(
    read: &impl Read,
    listing: &Listing<'_>,
    scope: &[Value<'_>],
    query: &Query,
    mut decode: impl FnMut(&Row<'_>) -> Result<T, RowError> + Send,
) -> Result<Page<T>, StoreError> {
    let Listing { name, columns, from, scope: within } = listing;
    let mut render = Render::new(read.dialect(), scope.to_vec());
    let mut filter = String::new();
    if let Some(condition) = query.condition() {
        filter = format!(" AND {}", render.condition(condition));
    }
    let mut order = render.order(query);
    let counted = render.params().len();
    let mut walk = String::new();
    if let Some(condition) = query.walk() {
        walk = format!(" AND {}", render.condition(condition));
    }
    // No index has absent values last in both directions. Where the page is full without them, one is read in its order.
    let mut present = String::new();
    if let Some(field) = query.sorted_by_index() {
        let is_there = format!(" AND {} IS NOT NULL", field.column);
        let by_index = render.order_of_present(query);
        let last = query.offset + query.limit.max(1) - 1;
        let text = format!(
            "SELECT 1 AS one FROM {from} WHERE {within}{filter}{is_there} ORDER BY {by_index} LIMIT 1 OFFSET {last}"
        );
        read.fetch(Sql::Dynamic { name, text: &text }, render.params(), |_| {
            (present, order) = (is_there.clone(), by_index.clone());
            Ok(())
        })
        .await?;
    }
    let mut text =
        format!("SELECT {columns} FROM {from} WHERE {within}{filter}{present}{walk} ORDER BY {order}");
    let _ = write!(text, " LIMIT {} OFFSET {}", query.limit, query.offset);

    let mut rows = Vec::new();
    read.fetch(Sql::Dynamic { name, text: &text }, render.params(), |row| {
        rows.push(decode(row)?);
        Ok(())
    })
    .await?;

    // A page that is not full, and not beyond the end, tells the total by itself.
    let read_so_far = rows.len() as u64;
    if !query.is_walk()
        && present.is_empty()
        && read_so_far < query.limit
        && (read_so_far > 0 || query.offset == 0)
    {
        return Ok(Page { rows, total: query.offset + read_so_far });
    }
    let mut total = 0;
    let most = query.offset + query.limit + ROWS_COUNTED_MAX;
    let text = format!(
        "SELECT COUNT(*) FROM (SELECT 1 AS one FROM {from} WHERE {within}{filter} LIMIT {most}) AS counted"
    );
    let params = render.params().get(..counted).unwrap_or_default();
    read.fetch(Sql::Dynamic { name, text: &text }, params, |row| {
        total = row.int(0)?;
        Ok(())
    })
    .await?;
    Ok(Page { rows, total: u64::try_from(total).unwrap_or(0) })
}

/// How many rows satisfy the query's filter, for each value of `column`; `decode` reads the value from column 0.
pub(crate) async fn count_by<T: Send>(
    read: &impl Read,
    listing: &Listing<'_>,
    column: &str,
    scope: &[Value<'_>],
    query: &Query,
    decode: fn(&Row<'_>) -> Result<T, RowError>,
) -> Result<Vec<(T, u64)>, StoreError> {
    let Listing { name, from, scope: within, .. } = listing;
    let mut render = Render::new(read.dialect(), scope.to_vec());
    let mut text = format!("SELECT {column}, COUNT(*) FROM {from} WHERE {within}");
    if let Some(condition) = query.condition() {
        let _ = write!(text, " AND {}", render.condition(condition));
    }
    let _ = write!(text, " GROUP BY {column}");
    let mut counts = Vec::new();
    read.fetch(Sql::Dynamic { name, text: &text }, render.params(), |row| {
        counts.push((decode(row)?, u64::try_from(row.int(1)?).unwrap_or(0)));
        Ok(())
    })
    .await?;
    Ok(counts)
}
