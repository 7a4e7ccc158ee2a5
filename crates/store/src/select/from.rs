//! Writes what stands behind FROM: tables of the workspace, subqueries, joins.

use std::fmt::Write as _;

use sqlparser::ast::{Ident, Join, JoinConstraint, JoinOperator, TableAlias, TableFactor, TableWithJoins};

use super::TABLES_MAX;
use super::emit::{Emit, EmitError, Written, refuse, single};
use super::names::folded;
use crate::records::{SYSTEM_KINDS, Shape};
use crate::tables::Name;

impl Emit<'_> {
    pub(super) fn from(&mut self, from: &TableWithJoins) -> Written {
        let mut text = self.factor(&from.relation)?;
        for join in &from.joins {
            let _ = write!(text, " {}", self.join(join)?);
        }
        Ok(text)
    }

    fn join(&mut self, join: &Join) -> Written {
        use JoinOperator::{CrossJoin, FullOuter, Inner, Join as Plain, Left, LeftOuter, Right, RightOuter};
        let (word, constraint) = match &join.join_operator {
            Plain(constraint) | Inner(constraint) => ("JOIN", constraint),
            Left(constraint) | LeftOuter(constraint) => ("LEFT JOIN", constraint),
            Right(constraint) | RightOuter(constraint) => ("RIGHT JOIN", constraint),
            FullOuter(constraint) => ("FULL JOIN", constraint),
            CrossJoin(constraint) => ("CROSS JOIN", constraint),
            _ => return refuse("such a JOIN"),
        };
        if join.global {
            return refuse("GLOBAL JOIN");
        }
        let factor = self.factor(&join.relation)?;
        let constraint = match (word, constraint) {
            ("CROSS JOIN", JoinConstraint::None) => String::new(),
            ("CROSS JOIN", _) => return refuse("a condition of CROSS JOIN"),
            (_, JoinConstraint::On(condition)) => format!(" ON {}", self.expression(condition)?),
            (_, JoinConstraint::Using(columns)) => {
                let columns =
                    self.list(columns, |emit, name| Ok(emit.names.of(single(name)?).to_string()))?;
                format!(" USING ({columns})")
            }
            (_, JoinConstraint::Natural) => return refuse("NATURAL JOIN; write USING"),
            (_, JoinConstraint::None) => return refuse("a JOIN without ON or USING"),
        };
        Ok(format!("{word} {factor}{constraint}"))
    }

    fn factor(&mut self, factor: &TableFactor) -> Written {
        self.within(|emit| match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_hints,
                version: None,
                with_ordinality: false,
                partitions,
                json_path: None,
                sample: None,
                index_hints,
            } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => {
                emit.table(single(name)?, alias.as_ref())
            }
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let query = emit.subquery(subquery)?;
                let Some(alias) = alias else { return refuse("a subquery in FROM without a name") };
                let (name, columns) = (emit.names.of(&alias.name), emit.alias_columns(alias)?);
                match columns.as_str() {
                    "" => Ok(format!("({query}) AS {name}")),
                    _ => refuse("names of columns behind a subquery's"),
                }
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                Ok(format!("({})", emit.from(table_with_joins)?))
            }
            TableFactor::Table { .. } => refuse("more than a name of a table in FROM"),
            _ => refuse("functions or LATERAL in FROM"),
        })
    }

    fn table(&mut self, name: &Ident, alias: Option<&TableAlias>) -> Written {
        let known = folded(name);
        let shown = alias.map_or(name, |alias| &alias.name);
        let shown = self.names.of(shown);
        if let Some(alias) = alias
            && !self.alias_columns(alias)?.is_empty()
        {
            return refuse("names of columns behind a table's");
        }
        if self.seen.contains(&known) {
            return Ok(format!("{} AS {shown}", self.names.of_text(&known)));
        }
        self.places += 1;
        if self.places > TABLES_MAX {
            return refuse(format_args!("more than {TABLES_MAX} tables"));
        }
        let tables = self.tables;
        let shape = tables.get(&known).ok_or(EmitError::Unknown(known))?;
        Ok(format!("({}) AS {shown}", self.records(shape)))
    }

    /// A table under the names of its fields.
    fn records(&mut self, shape: &Shape) -> String {
        let system: Vec<(&str, String)> =
            SYSTEM_KINDS.iter().map(|(name, _)| (*name, (*name).to_owned())).collect();
        let own =
            shape.stored().map(|field| (field.name.as_str(), Name::Column(field.column_number).to_string()));
        let columns: Vec<String> = system
            .into_iter()
            .chain(own)
            .map(|(name, column)| format!("{column} AS {}", self.names.of_text(name)))
            .collect();
        let records = shape.records().to_string();
        let text = format!("SELECT {} FROM {records}", columns.join(", "));
        self.read.insert(records.trim_matches('"').to_owned());
        text
    }

    pub(super) fn alias_columns(&mut self, alias: &TableAlias) -> Written {
        let TableAlias { explicit: _, name: _, columns, at } = alias;
        if at.is_some() || columns.iter().any(|column| column.data_type.is_some()) {
            return refuse("types of columns behind a name");
        }
        if columns.is_empty() {
            return Ok(String::new());
        }
        let names: Vec<String> =
            columns.iter().map(|column| self.names.of(&column.name).to_string()).collect();
        Ok(format!(" ({})", names.join(", ")))
    }
}
