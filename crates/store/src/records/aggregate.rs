//! Figures over the records of a table: one number, or one for each value of a field. Counted by the database; calendars
//! are integer arithmetic over UTC, which both engines do alike.

use serde_json::{Number, Value as Json};
use types::Timestamp;

use super::Shape;
use crate::filter::Render;
use crate::{Kind, Query, Read, Row, RowError, Sql, StoreError};

/// Points of one answer.
pub const POINTS_MAX: u64 = 1_000;
const DAY_MS: i64 = 86_400_000;
/// Added before a division and taken off after it, so that it rounds down before 1970 too: whole weeks and whole
/// periods of 400 years, about 400,000 years.
const SHIFT_DAYS: i64 = 146_097 * 1_000;
/// Days from the year 0, 1 March, to 1970: the calendar's years begin in March, so that leap days end them.
const EPOCH_DAYS: i64 = 719_468;

/// What is made of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// How many records there are.
    Count,
    /// Their mean.
    Avg,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The one in the middle, or the mean of the two in the middle.
    Median,
    /// All together.
    Sum,
}

/// What an instant counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the contract's own words
pub enum Bucket {
    MinutesOfTheDay,
    HourOfTheDay,
    DayOfTheWeek,
    MonthOfTheYear,
    QuarterOfTheYear,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// How points are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the contract's own words
pub enum Order {
    XAscending,
    XDescending,
    YAscending,
    YDescending,
}

/// What is asked of a table. Fields are named as in records.
#[derive(Clone, Debug)]
pub struct Aggregation<'a> {
    /// What is made of the values.
    pub function: Function,
    /// Of which field; none for a count.
    pub of: Option<&'a str>,
    /// The field whose values are told apart; none for one number.
    pub x: Option<&'a str>,
    /// A second one, for several series.
    pub series: Option<&'a str>,
    /// What an instant of `x` counts as.
    pub bucket: Option<Bucket>,
    /// Whether records without a value of `x` count.
    pub with_empty: bool,
    /// How points are ordered.
    pub order: Order,
    /// Points at most, up to [`POINTS_MAX`].
    pub limit: u64,
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// What it is of; null for records without a value. Of a bucket: its first instant, or its number.
    pub x: Json,
    /// The series that it is in; null without one.
    pub series: Json,
    /// The figure; null if there are no values.
    pub y: Json,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum AggregateError {
    /// The database did not answer it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The table has no such field.
    #[error("table `{table}` has no field `{field}`")]
    NoField {
        /// The table.
        table: String,
        /// What was asked for.
        field: String,
    },
    /// The field holds values of another kind.
    #[error("field `{field}` of table `{table}` holds no {wanted}")]
    Kind {
        /// The table.
        table: String,
        /// The field.
        field: String,
        /// What it would have to hold.
        wanted: &'static str,
    },
}

/// A field as it is stored.
struct Column {
    sql: String,
    kind: Kind,
}

impl Shape {
    fn column(&self, name: &str) -> Result<Column, AggregateError> {
        let no_field = || AggregateError::NoField {
            table: self.table.name.clone(),
            field: name.chars().take(100).collect(),
        };
        let known = self.known.iter().find(|field| field.name == name).ok_or_else(no_field)?;
        // What clients press holds nothing.
        if matches!(known.kind, Kind::Opaque | Kind::File) {
            return Err(self.wrong_kind(name, "values"));
        }
        Ok(Column { sql: known.column.to_string(), kind: known.kind })
    }

    fn wrong_kind(&self, field: &str, wanted: &'static str) -> AggregateError {
        AggregateError::Kind { table: self.table.name.clone(), field: field.to_owned(), wanted }
    }

    /// The field that is aggregated, as a number.
    fn aggregated(&self, asked: &Aggregation<'_>) -> Result<String, AggregateError> {
        let Some(name) = asked.of.filter(|_| asked.function != Function::Count) else {
            return Ok("1".to_owned());
        };
        let column = self.column(name)?;
        let fits = match column.kind {
            Kind::Number | Kind::Int => true,
            Kind::Time => matches!(asked.function, Function::Min | Function::Max | Function::Median),
            _ => false,
        };
        if fits { Ok(column.sql) } else { Err(self.wrong_kind(name, "numbers")) }
    }
}

/// The figures over the records that the query's filter lets through.
///
/// # Errors
/// Those of [`AggregateError`]: a field that is not there, or holds something else.
pub async fn aggregate(
    read: &impl Read,
    shape: &Shape,
    query: &Query,
    asked: &Aggregation<'_>,
) -> Result<Vec<Point>, AggregateError> {
    let nothing = || Column { sql: "CAST(NULL AS TEXT)".to_owned(), kind: Kind::Text };
    let x = asked.x.map(|name| shape.column(name)).transpose()?;
    let series = asked.series.map(|name| shape.column(name)).transpose()?.unwrap_or_else(nothing);
    let value = shape.aggregated(asked)?;
    let bucket = match (&x, asked.bucket) {
        (Some(x), Some(bucket)) if x.kind == Kind::Time => Some(bucket),
        (Some(_), Some(_)) => {
            return Err(shape.wrong_kind(asked.x.unwrap_or_default(), "dates to be put into buckets"));
        }
        _ => None,
    };
    let is_one_number = x.is_none() && asked.series.is_none();
    let needs_x = x.is_some() && !asked.with_empty;
    let x = x.unwrap_or_else(nothing);

    let mut render = Render::new(read.dialect(), Vec::new());
    let mut filter = query.condition().map_or_else(|| "TRUE".to_owned(), |part| render.condition(part));
    if needs_x {
        filter = format!("{filter} AND {} IS NOT NULL", x.sql);
    }
    let rows = format!(
        "SELECT {} AS x, {} AS s, CAST({value} AS DOUBLE PRECISION) AS v FROM {} WHERE {filter}",
        x.sql,
        series.sql,
        shape.records()
    );
    let rows = bucket.map_or_else(|| rows.clone(), |bucket| bucketed(&rows, bucket));
    let text = grouped(&rows, asked, is_one_number);
    let mut points = Vec::new();
    let kind = if bucket.is_some() { Kind::Int } else { x.kind };
    read.fetch(Sql::Dynamic { name: "records.aggregate", text: &text }, render.params(), |row| {
        let x = value_of(row, 0, kind)?;
        let x = bucket.map_or(x.clone(), |bucket| first_instant(x, bucket));
        points.push(Point { x, series: value_of(row, 1, series.kind)?, y: value_of(row, 2, Kind::Number)? });
        Ok(())
    })
    .await?;
    Ok(points)
}

/// The rows in groups, ordered and cut off.
fn grouped(rows: &str, asked: &Aggregation<'_>, is_one_number: bool) -> String {
    let figure = match asked.function {
        Function::Count => "CAST(COUNT(*) AS DOUBLE PRECISION)",
        Function::Avg | Function::Median => "AVG(v)",
        Function::Min => "MIN(v)",
        Function::Max => "MAX(v)",
        Function::Sum => "SUM(v)",
    };
    let rows = if asked.function == Function::Median {
        // The one or two in the middle of each group; their mean is the median.
        format!(
            "SELECT x, s, v FROM (
                 SELECT x, s, v, ROW_NUMBER() OVER (PARTITION BY x, s ORDER BY v) AS place,
                        COUNT(*) OVER (PARTITION BY x, s) AS places
                 FROM ({rows}) AS valued WHERE v IS NOT NULL
             ) AS ranked WHERE place IN ((places + 1) / 2, (places + 2) / 2)"
        )
    } else {
        rows.to_owned()
    };
    if is_one_number {
        return format!("SELECT CAST(NULL AS TEXT), CAST(NULL AS TEXT), {figure} FROM ({rows}) AS counted");
    }
    let order = match asked.order {
        Order::XAscending => "x ASC NULLS LAST, s ASC NULLS LAST",
        Order::XDescending => "x DESC NULLS LAST, s ASC NULLS LAST",
        Order::YAscending => "y ASC NULLS LAST, x ASC NULLS LAST, s ASC NULLS LAST",
        Order::YDescending => "y DESC NULLS LAST, x ASC NULLS LAST, s ASC NULLS LAST",
    };
    let limit = asked.limit.clamp(1, POINTS_MAX);
    format!(
        "SELECT x, s, y FROM (SELECT x, s, {figure} AS y FROM ({rows}) AS counted GROUP BY x, s) AS figures
         ORDER BY {order} LIMIT {limit}"
    )
}

/// The rows with the number of their bucket in place of the instant.
fn bucketed(rows: &str, bucket: Bucket) -> String {
    let shift_ms = SHIFT_DAYS * DAY_MS;
    let shifted = format!("(x + {shift_ms})");
    let simple = match bucket {
        Bucket::MinutesOfTheDay => Some(format!("{shifted} / 60000 % 1440")),
        Bucket::HourOfTheDay => Some(format!("{shifted} / 3600000 % 24")),
        // 1970 began on a Thursday; 0 is Sunday. The shift is a number of whole weeks.
        Bucket::DayOfTheWeek => Some(format!("({shifted} / {DAY_MS} + 4) % 7")),
        Bucket::Hour => Some(format!("{shifted} / 3600000 - {}", SHIFT_DAYS * 24)),
        Bucket::Day => Some(format!("{shifted} / {DAY_MS} - {SHIFT_DAYS}")),
        // Weeks begin on Monday.
        Bucket::Week => Some(format!("({shifted} / {DAY_MS} + 3) / 7 - {}", SHIFT_DAYS / 7)),
        Bucket::MonthOfTheYear
        | Bucket::QuarterOfTheYear
        | Bucket::Month
        | Bucket::Quarter
        | Bucket::Year => None,
    };
    match simple {
        Some(x) => format!("SELECT {x} AS x, s, v FROM ({rows}) AS instants"),
        None => by_calendar(rows, bucket),
    }
}

/// Days to years and months, as in Howard Hinnant's `civil_from_days`, a step a query.
fn by_calendar(rows: &str, bucket: Bucket) -> String {
    let (shift_ms, shift_years) = (SHIFT_DAYS * DAY_MS, SHIFT_DAYS / 146_097 * 400);
    let x = match bucket {
        Bucket::MonthOfTheYear => "m",
        Bucket::QuarterOfTheYear => "(m - 1) / 3 + 1",
        Bucket::Quarter => "y * 4 + (m - 1) / 3",
        Bucket::Year => "y",
        _ => "y * 12 + m - 1",
    };
    format!(
        "SELECT {x} AS x, s, v FROM (
           SELECT y + CASE WHEN mp >= 10 THEN 1 ELSE 0 END - {shift_years} AS y,
                  CASE WHEN mp < 10 THEN mp + 3 ELSE mp - 9 END AS m, s, v
           FROM (SELECT y, (5 * doy + 2) / 153 AS mp, s, v FROM (
             SELECT era * 400 + yoe AS y, doe - (365 * yoe + yoe / 4 - yoe / 100) AS doy, s, v FROM (
               SELECT era, doe, (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365 AS yoe, s, v FROM (
                 SELECT z / 146097 AS era, z % 146097 AS doe, s, v FROM (
                   SELECT (x + {shift_ms}) / {DAY_MS} + {EPOCH_DAYS} AS z, s, v FROM ({rows}) AS instants
           ) AS days) AS eras) AS years) AS months) AS civil) AS calendar"
    )
}

/// The first instant of a bucket that lies on the line of time; the number of one that comes again.
fn first_instant(number: Json, bucket: Bucket) -> Json {
    let Some(n) = number.as_i64() else { return number };
    let ms = match bucket {
        Bucket::Hour => n * 3_600_000,
        Bucket::Day => n * DAY_MS,
        Bucket::Week => (n * 7 - 3) * DAY_MS,
        Bucket::Month => month_start(n.div_euclid(12), n.rem_euclid(12) + 1),
        Bucket::Quarter => month_start(n.div_euclid(4), n.rem_euclid(4) * 3 + 1),
        Bucket::Year => month_start(n, 1),
        _ => return number,
    };
    Timestamp::from_millis(ms).as_millis().into()
}

/// The first instant of a month, as in `days_from_civil`.
fn month_start(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, yoe) = (year.div_euclid(400), year.rem_euclid(400));
    let doy = (153 * ((month + 9) % 12) + 2) / 5;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    (era * 146_097 + doe - EPOCH_DAYS) * DAY_MS
}

fn value_of(row: &Row<'_>, column: usize, kind: Kind) -> Result<Json, RowError> {
    Ok(match kind {
        // A sum beyond all numbers is none.
        Kind::Number => {
            row.opt_float(column)?.and_then(Number::from_f64).map(Json::Number).unwrap_or_default()
        }
        Kind::Int | Kind::Time => row.opt_int(column)?.into(),
        Kind::Bool => row.opt_bool(column)?.into(),
        Kind::List => match row.opt_text(column)? {
            Some(text) => serde_json::from_str(text).map_err(|error| RowError::new(column, error))?,
            None => Json::Null,
        },
        Kind::Text | Kind::File | Kind::Opaque => row.opt_text(column)?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_begin_where_the_calendar_says() {
        assert_eq!(month_start(1970, 1), 0);
        assert_eq!(month_start(2024, 3), 1_709_251_200_000);
        assert_eq!(month_start(1969, 12), -31 * DAY_MS);
        assert_eq!(first_instant(Json::from(2024 * 4 + 1), Bucket::Quarter), month_start(2024, 4));
        assert_eq!(first_instant(Json::from(0), Bucket::Week), -3 * DAY_MS);
        assert_eq!(first_instant(Json::from(7), Bucket::HourOfTheDay), 7);
        assert_eq!(SHIFT_DAYS % 7, 0, "whole weeks");
    }
}
