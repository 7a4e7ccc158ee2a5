//! Writes queries anew: SELECT, its clauses, joins, set operations and common table expressions.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use serde_json::Value as Json;
use sqlparser::ast::{
    Cte, Distinct, Expr, GroupByExpr, Ident, LimitClause, ObjectName, ObjectNamePart, OrderBy, OrderByExpr,
    OrderByKind, OrderBySort, Query, Select, SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind,
    SetExpr, SetOperator, SetQuantifier, Value as Literal, WildcardAdditionalOptions,
};

use super::names::{Named, Names, folded};
use super::{Ask, DEPTH_MAX, ROWS_MAX};
use crate::db::bounded::Bounded;
use crate::records::Shape;
use crate::{Dialect, Value};

/// Why a query is not written.
#[derive(Debug)]
pub(super) enum EmitError {
    /// It cannot be asked.
    Refused(String),
    /// It names a table that has not been looked up.
    Unknown(String),
}

/// A piece of what is written.
pub(super) type Written = Result<String, EmitError>;

/// Refuses something by what it is called.
pub(super) fn refuse<T>(what: impl std::fmt::Display) -> Result<T, EmitError> {
    Err(EmitError::Refused(format!("the query cannot have {what}")))
}

/// What is being written.
pub(super) struct Emit<'a> {
    pub(super) dialect: Dialect,
    pub(super) ask: &'a Ask<'a>,
    pub(super) names: Names,
    pub(super) params: Vec<Value<'static>>,
    pub(super) tables: &'a HashMap<String, Shape>,
    /// The names of common table expressions that can be seen here, the innermost last.
    pub(super) seen: Vec<String>,
    /// The tables of the database that are read.
    pub(super) read: BTreeSet<String>,
    pub(super) places: usize,
    depth: usize,
}

impl<'a> Emit<'a> {
    pub(super) fn new(dialect: Dialect, tables: &'a HashMap<String, Shape>, ask: &'a Ask<'a>) -> Self {
        Self {
            dialect,
            ask,
            names: Names::default(),
            params: Vec::new(),
            tables,
            seen: Vec::new(),
            read: BTreeSet::new(),
            places: 0,
            depth: 0,
        }
    }

    /// The whole query, of which no more rows are asked than an answer may have, and one.
    pub(super) fn whole(mut self, query: &Query) -> Result<Bounded, EmitError> {
        let text = self.query(query, Some(ROWS_MAX + 1))?;
        let truths = truths(&query.body, self.ask);
        Ok(Bounded { text, params: self.params, names: self.names, tables: self.read, truths })
    }

    /// Goes a level deeper.
    pub(super) fn within<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, EmitError>,
    ) -> Result<T, EmitError> {
        if self.depth == DEPTH_MAX {
            return refuse(format_args!("more than {DEPTH_MAX} levels of expressions in one another"));
        }
        self.depth += 1;
        let done = work(self);
        self.depth -= 1;
        done
    }

    pub(super) fn subquery(&mut self, query: &Query) -> Written {
        self.query(query, None)
    }

    fn query(&mut self, query: &Query, most: Option<u64>) -> Written {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if fetch.is_some() {
            return refuse("FETCH; write LIMIT");
        }
        if !locks.is_empty() || for_clause.is_some() {
            return refuse("FOR");
        }
        if settings.is_some() || format_clause.is_some() || !pipe_operators.is_empty() {
            return refuse("SETTINGS, FORMAT or pipes");
        }
        let outside = self.seen.len();
        let written = self.within(|emit| {
            let mut text = String::new();
            if let Some(with) = with {
                if with.recursive {
                    return refuse("WITH RECURSIVE");
                }
                let _ = write!(text, "WITH {} ", emit.list(&with.cte_tables, Self::cte)?);
            }
            text.push_str(&emit.body(body)?);
            if let Some(order_by) = order_by {
                let _ = write!(text, " ORDER BY {}", emit.order_by(order_by)?);
            }
            text.push_str(&emit.limit(limit_clause.as_ref(), most)?);
            Ok(text)
        });
        self.seen.truncate(outside);
        written
    }

    fn cte(&mut self, cte: &Cte) -> Written {
        let Cte { alias, query, from, materialized, closing_paren_token: _ } = cte;
        if from.is_some() || materialized.is_some() {
            return refuse("MATERIALIZED");
        }
        // It is seen by those behind it, and not by itself.
        let query = self.subquery(query)?;
        let name = self.names.of(&alias.name);
        let columns = self.alias_columns(alias)?;
        self.seen.push(folded(&alias.name));
        Ok(format!("{name}{columns} AS ({query})"))
    }

    fn body(&mut self, body: &SetExpr) -> Written {
        self.within(|emit| match body {
            SetExpr::Select(select) => emit.select(select),
            SetExpr::Query(query) => {
                // SQLite takes no brackets around a part of a set operation.
                let query = emit.subquery(query)?;
                Ok(format!("SELECT * FROM ({query}) AS part"))
            }
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let op = match op {
                    SetOperator::Union => "UNION",
                    SetOperator::Except => "EXCEPT",
                    SetOperator::Intersect => "INTERSECT",
                    SetOperator::Minus => return refuse("MINUS; write EXCEPT"),
                };
                let all = match (set_quantifier, op) {
                    (SetQuantifier::None | SetQuantifier::Distinct, _) => "",
                    (SetQuantifier::All, "UNION") => " ALL",
                    _ => return refuse(format_args!("{op} {set_quantifier}")),
                };
                let (left, right) = (emit.operand(left)?, emit.operand(right)?);
                Ok(format!("{left} {op}{all} {right}"))
            }
            SetExpr::Values(_) => refuse("VALUES"),
            SetExpr::Table(_) => refuse("TABLE"),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                refuse("a statement that writes")
            }
        })
    }

    /// A part of a set operation, which SQLite reads from the left whatever the operators are.
    fn operand(&mut self, body: &SetExpr) -> Written {
        let text = self.body(body)?;
        match body {
            SetExpr::SetOperation { .. } => Ok(format!("SELECT * FROM ({text}) AS part")),
            _ => Ok(text),
        }
    }

    fn select(&mut self, select: &Select) -> Written {
        self.hold_plain(select)?;
        let distinct = match &select.distinct {
            None | Some(Distinct::All) => "",
            Some(Distinct::Distinct) => "DISTINCT ",
            Some(Distinct::On(_)) => return refuse("DISTINCT ON"),
        };
        let mut place = 0;
        let columns = self.list(&select.projection, |emit, item| {
            place += 1;
            emit.item(item, place)
        })?;
        let mut text = format!("SELECT {distinct}{columns}");
        if !select.from.is_empty() {
            let _ = write!(text, " FROM {}", self.list(&select.from, Self::from)?);
        }
        if let Some(condition) = &select.selection {
            let _ = write!(text, " WHERE {}", self.expression(condition)?);
        }
        match &select.group_by {
            GroupByExpr::Expressions(keys, modifiers) if modifiers.is_empty() => {
                if !keys.is_empty() {
                    let _ = write!(text, " GROUP BY {}", self.list(keys, Self::expression)?);
                }
            }
            _ => return refuse("GROUP BY with more than expressions"),
        }
        if let Some(condition) = &select.having {
            let _ = write!(text, " HAVING {}", self.expression(condition)?);
        }
        Ok(text)
    }

    /// Refuses whatever other databases have in a SELECT.
    fn hold_plain(&self, select: &Select) -> Result<(), EmitError> {
        if select.into.is_some() {
            return refuse("INTO");
        }
        if !select.named_window.is_empty() {
            return refuse("WINDOW; write OVER ( … )");
        }
        let others = !select.optimizer_hints.is_empty()
            || select.select_modifiers.is_some()
            || select.top.is_some()
            || select.exclude.is_some()
            || !select.lateral_views.is_empty()
            || select.prewhere.is_some()
            || !select.connect_by.is_empty()
            || !select.cluster_by.is_empty()
            || !select.distribute_by.is_empty()
            || !select.sort_by.is_empty()
            || select.qualify.is_some()
            || select.value_table_mode.is_some()
            || !matches!(select.flavor, SelectFlavor::Standard);
        if others { refuse("clauses of other databases") } else { Ok(()) }
    }

    fn item(&mut self, item: &SelectItem, place: usize) -> Written {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let text = self.expression(expr)?;
                let name = self.names.of_text(&column_name(expr, place));
                Ok(format!("{text} AS {name}"))
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                let text = self.expression(expr)?;
                Ok(format!("{text} AS {}", self.names.of(alias)))
            }
            SelectItem::Wildcard(options) => {
                hold_bare(options)?;
                Ok("*".to_owned())
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                hold_bare(options)?;
                Ok(format!("{}.*", self.names.of(single(name)?)))
            }
            _ => refuse("such a column in SELECT"),
        }
    }

    fn order_by(&mut self, order_by: &OrderBy) -> Written {
        match (&order_by.kind, &order_by.interpolate) {
            (OrderByKind::Expressions(keys), None) => self.keys(keys),
            _ => refuse("ORDER BY with more than expressions"),
        }
    }

    /// Absent values come last, as in lists, unless something else is said.
    pub(super) fn keys(&mut self, keys: &[OrderByExpr]) -> Written {
        self.list(keys, |emit, key| {
            let OrderByExpr { expr, options, with_fill } = key;
            if with_fill.is_some() {
                return refuse("WITH FILL");
            }
            let expr = emit.expression(expr)?;
            let sort = match &options.sort {
                None | Some(OrderBySort::Asc) => "ASC",
                Some(OrderBySort::Desc) => "DESC",
                Some(OrderBySort::Using(_)) => return refuse("ORDER BY … USING"),
            };
            let nulls = if options.nulls_first == Some(true) { "FIRST" } else { "LAST" };
            Ok(format!("{expr} {sort} NULLS {nulls}"))
        })
    }

    fn limit(&mut self, clause: Option<&LimitClause>, most: Option<u64>) -> Written {
        let (limit, offset) = match clause {
            None => (None, None),
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
                (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
            }
            Some(_) => return refuse("such a LIMIT"),
        };
        let limit = limit.map(|limit| self.count("LIMIT", limit)).transpose()?;
        let offset = offset.map(|offset| self.count("OFFSET", offset)).transpose()?;
        let limit = match (limit, most) {
            (Some(limit), Some(most)) => Some(limit.min(most)),
            (limit, most) => limit.or(most),
        };
        let mut text = limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
        if let Some(offset) = offset {
            if text.is_empty() {
                return refuse("OFFSET without LIMIT");
            }
            let _ = write!(text, " OFFSET {offset}");
        }
        Ok(text)
    }

    /// A number of rows: written as one, or given.
    fn count(&self, word: &str, expr: &Expr) -> Result<u64, EmitError> {
        let number = match expr {
            Expr::Value(value) => match &value.value {
                Literal::Number(text, false) => text.parse().ok(),
                Literal::Placeholder(name) => self.given(name)?.as_u64(),
                _ => None,
            },
            _ => None,
        };
        let number = number.filter(|number| *number <= i64::MAX.unsigned_abs());
        number.ok_or_else(|| EmitError::Refused(format!("{word} takes a whole number from 0")))
    }

    /// What is given for `$1`.
    pub(super) fn given(&self, name: &str) -> Result<&'a Json, EmitError> {
        self.ask.given(name).ok_or_else(|| {
            let count = self.ask.params.len();
            EmitError::Refused(format!("nothing is given for `{name}`: `params` has {count} values"))
        })
    }

    /// The same for each of a list, with commas between.
    pub(super) fn list<T>(&mut self, items: &[T], mut one: impl FnMut(&mut Self, &T) -> Written) -> Written {
        let written = items.iter().map(|item| one(self, item)).collect::<Result<Vec<_>, _>>()?;
        Ok(written.join(", "))
    }

    /// A column, with the table's name before it or without.
    pub(super) fn column(&mut self, parts: &[Ident]) -> Written {
        if parts.len() > 2 {
            return refuse("a column with more than a table before it");
        }
        let names: Vec<Named> = parts.iter().map(|part| self.names.of(part)).collect();
        Ok(names.iter().map(Named::to_string).collect::<Vec<_>>().join("."))
    }
}

/// The name, if it is no more than that.
pub(super) fn single(name: &ObjectName) -> Result<&Ident, EmitError> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(ident)] => Ok(ident),
        _ => refuse(format_args!("the name `{name}`: a name has one part")),
    }
}

fn hold_bare(options: &WildcardAdditionalOptions) -> Result<(), EmitError> {
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    let is_bare = opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
        && opt_alias.is_none();
    if is_bare { Ok(()) } else { refuse("anything behind `*`") }
}

/// What a column of the answer is called that has been given no name.
fn column_name(expr: &Expr, place: usize) -> String {
    match expr {
        Expr::Identifier(ident) => folded(ident),
        Expr::CompoundIdentifier(parts) => parts.last().map(folded).unwrap_or_default(),
        Expr::Function(function) => match single(&function.name) {
            Ok(name) => folded(name),
            Err(_) => format!("column_{place}"),
        },
        Expr::Nested(expr) | Expr::Cast { expr, .. } => column_name(expr, place),
        _ => format!("column_{place}"),
    }
}

/// Which columns of the answer are truth values by what they are made of; SQLite has numbers for them.
fn truths(body: &SetExpr, ask: &Ask<'_>) -> Vec<bool> {
    match body {
        SetExpr::Select(select) => {
            let is_truth = |item: &SelectItem| match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    super::expressions::is_truth(expr, ask)
                }
                _ => false,
            };
            // Behind a `*` nobody knows the place.
            let is_named = |item: &&SelectItem| {
                matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. })
            };
            select.projection.iter().take_while(is_named).map(is_truth).collect()
        }
        SetExpr::Query(query) => truths(&query.body, ask),
        SetExpr::SetOperation { left, .. } => truths(left, ask),
        _ => Vec::new(),
    }
}
