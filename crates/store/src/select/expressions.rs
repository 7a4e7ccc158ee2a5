//! Writes expressions anew. Where the databases differ, they are made to mean the same: texts are compared by case in LIKE
//! and not in ILIKE, a division by zero is absent, numbers with a fraction are doubles.

use sqlparser::ast::{
    BinaryOperator as Binary, CaseWhen, CastKind, DataType, Expr, Query, UnaryOperator as Unary,
    Value as Literal,
};

use serde_json::Value as Json;

use super::emit::{Emit, EmitError, Written, refuse};
use super::{Ask, WRITTEN_BYTES_MAX};
use crate::{Dialect, Value};

/// Characters of what `||` makes on PostgreSQL; SQLite has a bound of its own.
const TEXT_CHARS_MAX: usize = 1_000_000;

impl Emit<'_> {
    pub(super) fn expression(&mut self, expr: &Expr) -> Written {
        let text = self.within(|emit| emit.at_this_level(expr))?;
        if text.len() > WRITTEN_BYTES_MAX {
            return refuse("expressions that become so long");
        }
        Ok(text)
    }

    fn at_this_level(&mut self, expr: &Expr) -> Written {
        match expr {
            Expr::Identifier(ident) => self.column(std::slice::from_ref(ident)),
            Expr::CompoundIdentifier(parts) => self.column(parts),
            Expr::Value(value) => self.literal(&value.value),
            Expr::Nested(expr) => Ok(format!("({})", self.expression(expr)?)),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::UnaryOp { op, expr } => {
                let word = match op {
                    Unary::Not => "NOT ",
                    Unary::Minus => "-",
                    Unary::Plus => "+",
                    other => return refuse(format_args!("the operator `{other}`")),
                };
                Ok(format!("({word}({}))", self.expression(expr)?))
            }
            Expr::IsNull(expr) => self.is(expr, "NULL"),
            Expr::IsNotNull(expr) => self.is(expr, "NOT NULL"),
            Expr::IsTrue(expr) => self.is(expr, "TRUE"),
            Expr::IsNotTrue(expr) => self.is(expr, "NOT TRUE"),
            Expr::IsFalse(expr) => self.is(expr, "FALSE"),
            Expr::IsNotFalse(expr) => self.is(expr, "NOT FALSE"),
            Expr::IsDistinctFrom(left, right) => self.infix(left, "IS DISTINCT FROM", right),
            Expr::IsNotDistinctFrom(left, right) => self.infix(left, "IS NOT DISTINCT FROM", right),
            Expr::InList { expr, list, negated } => {
                let (expr, list) = (self.expression(expr)?, self.list(list, Self::expression)?);
                Ok(format!("({expr} {}IN ({list}))", not(*negated)))
            }
            Expr::InSubquery { expr, subquery, negated } => {
                let (expr, query) = (self.expression(expr)?, self.subquery(subquery)?);
                Ok(format!("({expr} {}IN ({query}))", not(*negated)))
            }
            Expr::Between { expr, negated, low, high } => {
                let (expr, low, high) =
                    (self.expression(expr)?, self.expression(low)?, self.expression(high)?);
                Ok(format!("({expr} {}BETWEEN {low} AND {high})", not(*negated)))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                let (expr, pattern) = (self.expression(expr)?, self.expression(pattern)?);
                self.like((expr, pattern), *negated, escape_char.as_deref())
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char } => {
                let lower = |text| format!("LOWER({text})");
                let texts = (lower(self.expression(expr)?), lower(self.expression(pattern)?));
                self.like(texts, *negated, escape_char.as_deref())
            }
            Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, data_type, format: None } => {
                let (expr, kind) = (self.expression(expr)?, cast_type(data_type)?);
                Ok(format!("CAST({expr} AS {kind})"))
            }
            Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            Expr::Exists { subquery, negated } => {
                Ok(format!("({}EXISTS ({}))", not(*negated), self.subquery(subquery)?))
            }
            Expr::Subquery(query) => self.scalar(query),
            Expr::Function(function) => self.function(function),
            other => self.spelled(other),
        }
    }

    fn is(&mut self, expr: &Expr, what: &str) -> Written {
        Ok(format!("({} IS {what})", self.expression(expr)?))
    }

    fn scalar(&mut self, query: &Query) -> Written {
        Ok(format!("({})", self.subquery(query)?))
    }

    fn infix(&mut self, left: &Expr, op: &str, right: &Expr) -> Written {
        let (left, right) = (self.expression(left)?, self.expression(right)?);
        Ok(format!("({left} {op} {right})"))
    }

    fn binary(&mut self, left: &Expr, op: &Binary, right: &Expr) -> Written {
        match op {
            Binary::Plus => self.infix(left, "+", right),
            Binary::Minus => self.infix(left, "-", right),
            Binary::Multiply => self.infix(left, "*", right),
            Binary::Gt => self.infix(left, ">", right),
            Binary::Lt => self.infix(left, "<", right),
            Binary::GtEq => self.infix(left, ">=", right),
            Binary::LtEq => self.infix(left, "<=", right),
            Binary::Eq => self.infix(left, "=", right),
            Binary::NotEq => self.infix(left, "<>", right),
            Binary::And => self.infix(left, "AND", right),
            Binary::Or => self.infix(left, "OR", right),
            Binary::Divide => {
                let (left, right) = (self.expression(left)?, self.expression(right)?);
                Ok(format!("({left} / NULLIF({right}, 0))"))
            }
            // PostgreSQL knows no rest of doubles, and SQLite takes that of whole numbers.
            Binary::Modulo => {
                let (left, right) = (self.expression(left)?, self.expression(right)?);
                Ok(format!("(CAST({left} AS BIGINT) % NULLIF(CAST({right} AS BIGINT), 0))"))
            }
            Binary::StringConcat => {
                let both = self.infix(left, "||", right)?;
                Ok(match self.dialect {
                    Dialect::Sqlite => both,
                    Dialect::Postgres => format!("LEFT({both}, {TEXT_CHARS_MAX})"),
                })
            }
            other => refuse(format_args!("the operator `{other}`")),
        }
    }

    fn like(&mut self, (text, pattern): (String, String), negated: bool, escape: Option<&Expr>) -> Written {
        let escape = match escape {
            None => self.text("\\"),
            Some(Expr::Value(value)) => match &value.value {
                Literal::SingleQuotedString(text) if text.chars().count() == 1 => self.text(text),
                _ => return refuse("an ESCAPE that is not one character"),
            },
            Some(_) => return refuse("an ESCAPE that is not one character"),
        };
        Ok(format!("({text} {}LIKE {pattern} ESCAPE {escape})", not(negated)))
    }

    fn case(&mut self, operand: Option<&Expr>, conditions: &[CaseWhen], otherwise: Option<&Expr>) -> Written {
        let mut text = "CASE".to_owned();
        if let Some(operand) = operand {
            text = format!("{text} {}", self.expression(operand)?);
        }
        for CaseWhen { condition, result } in conditions {
            let (condition, result) = (self.expression(condition)?, self.expression(result)?);
            text = format!("{text} WHEN {condition} THEN {result}");
        }
        if let Some(otherwise) = otherwise {
            text = format!("{text} ELSE {}", self.expression(otherwise)?);
        }
        Ok(text + " END")
    }

    fn literal(&mut self, literal: &Literal) -> Written {
        match literal {
            Literal::Number(text, false) => number(text),
            Literal::SingleQuotedString(text) => self.any_text(text),
            Literal::Boolean(true) => Ok("TRUE".to_owned()),
            Literal::Boolean(false) => Ok("FALSE".to_owned()),
            Literal::Null => Ok("NULL".to_owned()),
            Literal::Placeholder(name) => match self.given(name)? {
                Json::Null => Ok("NULL".to_owned()),
                Json::Bool(truth) => Ok(if *truth { "TRUE" } else { "FALSE" }.to_owned()),
                Json::Number(given) => number(&given.to_string()).map(|text| format!("({text})")),
                Json::String(text) => self.any_text(text),
                Json::Array(_) | Json::Object(_) => {
                    let message = format!("`params` holds a list or map for `{name}`; write it as JSON text");
                    Err(EmitError::Refused(message))
                }
            },
            other => refuse(format_args!("the literal `{other}`; write texts in single quotes")),
        }
    }

    fn any_text(&mut self, text: &str) -> Written {
        if text.contains('\0') { refuse("a text with a zero character") } else { Ok(self.text(text)) }
    }

    /// A text as a parameter: the same one for the same text, or a database could not see that two expressions are the
    /// same.
    pub(super) fn text(&mut self, text: &str) -> String {
        let known =
            self.params.iter().position(|param| matches!(param, Value::Owned(known) if known == text));
        let index = known.unwrap_or_else(|| {
            self.params.push(Value::Owned(text.to_owned()));
            self.params.len() - 1
        });
        format!("${}", index + 1)
    }
}

/// Whether the expression is a truth value by what it is made of.
pub(super) fn is_truth(expr: &Expr, ask: &Ask<'_>) -> bool {
    match expr {
        Expr::Nested(expr) => is_truth(expr, ask),
        Expr::BinaryOp { op, .. } => matches!(
            op,
            Binary::Gt
                | Binary::Lt
                | Binary::GtEq
                | Binary::LtEq
                | Binary::Eq
                | Binary::NotEq
                | Binary::And
                | Binary::Or
        ),
        Expr::UnaryOp { op, .. } => matches!(op, Unary::Not),
        Expr::Value(value) => match &value.value {
            Literal::Boolean(_) => true,
            Literal::Placeholder(name) => ask.given(name).is_some_and(Json::is_boolean),
            _ => false,
        },
        Expr::Cast { data_type, .. } => matches!(cast_type(data_type), Ok("BOOLEAN")),
        Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::Between { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::Exists { .. } => true,
        _ => false,
    }
}

fn not(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}

/// A number as it is written: nothing but what a number is made of.
fn number(text: &str) -> Written {
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(whole.to_string());
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(format!("CAST({number:e} AS DOUBLE PRECISION)")),
        _ => refuse(format_args!("the number `{text}`")),
    }
}

fn cast_type(kind: &DataType) -> Result<&'static str, EmitError> {
    Ok(match kind {
        DataType::Text
        | DataType::String(None)
        | DataType::Varchar(None)
        | DataType::CharacterVarying(None) => "TEXT",
        DataType::Int(None)
        | DataType::Integer(None)
        | DataType::BigInt(None)
        | DataType::SmallInt(None)
        | DataType::Int8(None)
        | DataType::Int4(None) => "BIGINT",
        DataType::Numeric(_)
        | DataType::Decimal(_)
        | DataType::Float(_)
        | DataType::Float8
        | DataType::Real
        | DataType::Double(_)
        | DataType::DoublePrecision => "DOUBLE PRECISION",
        DataType::Boolean | DataType::Bool => "BOOLEAN",
        other => {
            return refuse(format_args!(
                "the type `{other}`; there are text, bigint, double precision, boolean"
            ));
        }
    })
}
