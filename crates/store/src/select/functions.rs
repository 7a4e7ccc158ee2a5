//! The functions that a query may call. Each is written for both databases so that it answers the same.

use sqlparser::ast::{
    CeilFloorKind, DateTimeField, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Value as Literal, WindowSpec, WindowType,
};

use super::emit::{Emit, EmitError, Written, refuse, single};
use super::names::folded;
use crate::Dialect;

/// Characters of the texts that `replace` puts in place of others: what it makes stays within bounds.
const REPLACEMENT_CHARS_MAX: usize = 100;

/// What a function is good for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// A value of values.
    Plain,
    /// A value of many rows; also over a window.
    Aggregate,
    /// A value of a row's place among others: over a window alone.
    Window,
}

/// A function that both databases have: its name, what it is, how many arguments it takes.
const SAME: &[(&str, Sort, usize, usize)] = &[
    ("abs", Sort::Plain, 1, 1),
    ("avg", Sort::Aggregate, 1, 1),
    ("coalesce", Sort::Plain, 2, 100),
    ("count", Sort::Aggregate, 1, 1),
    ("dense_rank", Sort::Window, 0, 0),
    ("first_value", Sort::Window, 1, 1),
    ("lag", Sort::Window, 1, 2),
    ("last_value", Sort::Window, 1, 1),
    ("lead", Sort::Window, 1, 2),
    ("length", Sort::Plain, 1, 1),
    ("lower", Sort::Plain, 1, 1),
    ("ltrim", Sort::Plain, 1, 2),
    ("max", Sort::Aggregate, 1, 1),
    ("min", Sort::Aggregate, 1, 1),
    ("nullif", Sort::Plain, 2, 2),
    ("rank", Sort::Window, 0, 0),
    ("row_number", Sort::Window, 0, 0),
    ("rtrim", Sort::Plain, 1, 2),
    ("string_agg", Sort::Aggregate, 2, 2),
    ("substr", Sort::Plain, 2, 3),
    ("sum", Sort::Aggregate, 1, 1),
    ("trim", Sort::Plain, 1, 1),
    ("upper", Sort::Plain, 1, 1),
];

/// Those that are written in another way; what the docs list and errors tell.
const OTHERS: &[&str] = &["ceil", "date_trunc", "floor", "now", "replace", "round", "strpos"];

/// Units of `date_trunc` that have one length: the milliseconds, and those from the epoch back to the first begin.
const UNITS: &[(&str, i64, i64)] = &[
    ("minute", 60_000, 0),
    ("hour", 3_600_000, 0),
    ("day", 86_400_000, 0),
    // Weeks begin on Monday; 1970 began on a Thursday.
    ("week", 604_800_000, 259_200_000),
];

/// The names of all functions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    SAME.iter().map(|(name, ..)| *name).chain(OTHERS.iter().copied())
}

impl Emit<'_> {
    pub(super) fn function(&mut self, function: &Function) -> Written {
        let Function { name, uses_odbc_syntax, parameters, args, within_group, filter, null_treatment, over } =
            function;
        let name = folded(single(name)?);
        if *uses_odbc_syntax
            || *parameters != FunctionArguments::None
            || !within_group.is_empty()
            || null_treatment.is_some()
        {
            return refuse(format_args!("anything but arguments, FILTER and OVER with `{name}`"));
        }
        let (is_distinct, args) = plain(&name, args)?;
        let Some((_, sort, least, most)) = SAME.iter().find(|(known, ..)| *known == name) else {
            if is_distinct || filter.is_some() || over.is_some() {
                return refuse(format_args!("DISTINCT, FILTER or OVER with `{name}`"));
            }
            return self.other(&name, &args);
        };
        hold_count(&name, args.len(), *least, *most)?;
        hold_sort(&name, *sort, is_distinct || filter.is_some(), over.is_some())?;
        let args = self.list(&args, |emit, arg| match arg {
            FunctionArgExpr::Wildcard if name == "count" => Ok("*".to_owned()),
            FunctionArgExpr::Expr(expr) => emit.expression(expr),
            _ => refuse(format_args!("`*` in `{name}`")),
        })?;
        let distinct = if is_distinct { "DISTINCT " } else { "" };
        let mut text = format!("{}({distinct}{args})", name.to_uppercase());
        if let Some(filter) = filter {
            text = format!("{text} FILTER (WHERE {})", self.expression(filter)?);
        }
        if let Some(over) = over {
            text = format!("{text} OVER ({})", self.window(over)?);
        }
        // PostgreSQL's sum and mean of whole numbers are of a kind of their own.
        Ok(if matches!(name.as_str(), "sum" | "avg") {
            format!("CAST({text} AS DOUBLE PRECISION)")
        } else {
            text
        })
    }

    fn window(&mut self, over: &WindowType) -> Written {
        let WindowType::WindowSpec(spec) = over else { return refuse("a window by its name") };
        let WindowSpec { window_name, partition_by, order_by, window_frame } = spec;
        if window_name.is_some() || window_frame.is_some() {
            return refuse("a frame of a window");
        }
        let mut parts = Vec::new();
        if !partition_by.is_empty() {
            parts.push(format!("PARTITION BY {}", self.list(partition_by, Self::expression)?));
        }
        if !order_by.is_empty() {
            parts.push(format!("ORDER BY {}", self.keys(order_by)?));
        }
        Ok(parts.join(" "))
    }

    fn other(&mut self, name: &str, args: &[FunctionArgExpr]) -> Written {
        let args = args.iter().map(|arg| match arg {
            FunctionArgExpr::Expr(expr) => Ok(expr),
            _ => refuse(format_args!("`*` in `{name}`")),
        });
        let args = args.collect::<Result<Vec<_>, _>>()?;
        match (name, args.as_slice()) {
            ("now", []) => Ok(self.ask.now.as_millis().to_string()),
            ("ceil" | "ceiling", [value]) => self.rounded("CEIL", value),
            ("floor", [value]) => self.rounded("FLOOR", value),
            ("round", [value]) => Ok(round(&self.expression(value)?, "0")),
            ("round", [value, places]) => {
                let places = format!("CAST({} AS INTEGER)", self.expression(places)?);
                Ok(round(&self.expression(value)?, &places))
            }
            ("strpos" | "instr", [text, part]) => self.position(text, part),
            ("substring", [text, from]) => self.part(text, from, None),
            ("substring", [text, from, count]) => self.part(text, from, Some(count)),
            ("replace", [text, from, to]) => self.replace(text, from, to),
            ("date_trunc", [unit, instant]) => self.date_trunc(unit, instant),
            (name, args) if OTHERS.contains(&name) => {
                refuse(format_args!("`{name}` with {} arguments", args.len()))
            }
            (name, _) => {
                let known: Vec<&str> = names().collect();
                refuse(format_args!("the function `{name}`; there are {}", known.join(", ")))
            }
        }
    }

    /// Functions that have a syntax of their own.
    pub(super) fn spelled(&mut self, expr: &Expr) -> Written {
        match expr {
            Expr::Ceil { expr, field } if is_plain(field) => self.rounded("CEIL", expr),
            Expr::Floor { expr, field } if is_plain(field) => self.rounded("FLOOR", expr),
            Expr::Position { expr, r#in } => self.position(r#in, expr),
            Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                self.part(expr, from, substring_for.as_deref())
            }
            Expr::Trim { trim_where: None, trim_what: None, expr, trim_characters: None } => {
                Ok(format!("TRIM({})", self.expression(expr)?))
            }
            _ => refuse(format_args!("the expression `{expr}`")),
        }
    }

    fn rounded(&mut self, function: &str, value: &Expr) -> Written {
        let value = format!("CAST({} AS DOUBLE PRECISION)", self.expression(value)?);
        let whole = format!("CAST({value} AS BIGINT)");
        // SQLite cuts the fraction off, and has truth values that are numbers.
        Ok(match (self.dialect, function) {
            (Dialect::Postgres, _) => format!("{function}({value})"),
            (Dialect::Sqlite, "CEIL") => format!("({whole} + ({value} > {whole}))"),
            (Dialect::Sqlite, _) => format!("({whole} - ({value} < {whole}))"),
        })
    }

    fn position(&mut self, text: &Expr, part: &Expr) -> Written {
        let (text, part) = (self.expression(text)?, self.expression(part)?);
        let function = if self.dialect == Dialect::Sqlite { "INSTR" } else { "STRPOS" };
        Ok(format!("{function}({text}, {part})"))
    }

    fn part(&mut self, text: &Expr, from: &Expr, count: Option<&Expr>) -> Written {
        let mut args = vec![self.expression(text)?];
        for number in [Some(from), count].into_iter().flatten() {
            args.push(format!("CAST({} AS INTEGER)", self.expression(number)?));
        }
        Ok(format!("SUBSTR({})", args.join(", ")))
    }

    fn replace(&mut self, text: &Expr, from: &Expr, to: &Expr) -> Written {
        for part in [from, to] {
            let is_short = matches!(part, Expr::Value(value) if matches!(
                &value.value,
                Literal::SingleQuotedString(text) if text.chars().count() <= REPLACEMENT_CHARS_MAX
            ));
            if !is_short {
                return refuse(format_args!(
                    "`replace` of anything but texts in quotes of up to {REPLACEMENT_CHARS_MAX} characters"
                ));
            }
        }
        let (text, from, to) = (self.expression(text)?, self.expression(from)?, self.expression(to)?);
        Ok(format!("REPLACE({text}, {from}, {to})"))
    }

    /// The beginning of the unit that an instant lies in, in UTC; both are milliseconds since the epoch.
    fn date_trunc(&mut self, unit: &Expr, instant: &Expr) -> Written {
        let unit = match unit {
            Expr::Value(value) => match &value.value {
                Literal::SingleQuotedString(unit) => unit.to_lowercase(),
                _ => String::new(),
            },
            _ => String::new(),
        };
        let ms = format!("CAST({} AS BIGINT)", self.expression(instant)?);
        if let Some((_, length, before)) = UNITS.iter().find(|(known, ..)| *known == unit) {
            return Ok(format!("({ms} - (({ms} + {before}) % {length} + {length}) % {length})"));
        }
        if unit != "month" && unit != "year" {
            return refuse("`date_trunc` to anything but minute, hour, day, week, month or year");
        }
        let seconds = format!("({ms} - ({ms} % 1000 + 1000) % 1000) / 1000");
        Ok(match self.dialect {
            Dialect::Sqlite => {
                format!("(CAST(STRFTIME('%s', {seconds}, 'unixepoch', 'start of {unit}') AS BIGINT) * 1000)")
            }
            Dialect::Postgres => format!(
                "(CAST(EXTRACT(EPOCH FROM DATE_TRUNC('{unit}', TO_TIMESTAMP({seconds}) AT TIME ZONE 'UTC')) AS BIGINT) * \
                 1000)"
            ),
        })
    }
}

/// The nearest number, away from zero in the middle; PostgreSQL's doubles would go to the even one.
fn round(value: &str, places: &str) -> String {
    format!("CAST(ROUND(CAST({value} AS NUMERIC), {places}) AS DOUBLE PRECISION)")
}

fn is_plain(field: &CeilFloorKind) -> bool {
    matches!(field, CeilFloorKind::DateTimeField(DateTimeField::NoDateTime))
}

/// The arguments of a call, if they are no more than that, and whether they are to be DISTINCT.
fn plain(name: &str, args: &FunctionArguments) -> Result<(bool, Vec<FunctionArgExpr>), EmitError> {
    let FunctionArguments::List(list) = args else {
        return refuse(format_args!("`{name}` without brackets"));
    };
    if !list.clauses.is_empty() {
        return refuse(format_args!("ORDER BY and the like within `{name}`"));
    }
    let is_distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    let args = list.args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(arg) => Ok(arg.clone()),
        _ => refuse(format_args!("arguments with names in `{name}`")),
    });
    Ok((is_distinct, args.collect::<Result<_, _>>()?))
}

fn hold_count(name: &str, count: usize, least: usize, most: usize) -> Result<(), EmitError> {
    if (least..=most).contains(&count) {
        return Ok(());
    }
    refuse(format_args!("`{name}` with {count} arguments"))
}

fn hold_sort(name: &str, sort: Sort, is_of_many: bool, is_over: bool) -> Result<(), EmitError> {
    match sort {
        Sort::Plain if is_of_many || is_over => {
            refuse(format_args!("DISTINCT, FILTER or OVER with `{name}`"))
        }
        Sort::Window if !is_over => refuse(format_args!("`{name}` without OVER")),
        Sort::Window if is_of_many => refuse(format_args!("DISTINCT or FILTER with `{name}`")),
        _ => Ok(()),
    }
}
