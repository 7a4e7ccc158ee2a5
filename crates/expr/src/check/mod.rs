//! Checks an expression without evaluating it: everything that is wrong with it at once, for editors and for the
//! checks of a workflow.
//!
//! An error is what fails at every evaluation, or what [`Expression::parse`](crate::Expression::parse) refuses;
//! of anything that may work for some values nothing is said, or it is a warning. What the roots hold is told by a
//! [`Shape`]; what is not known is `any`, and `any` fits everywhere.

mod access;
mod calls;
mod checker;
mod kinds;
mod loops;
mod operations;
mod operators;
mod problem;
mod shape;
mod signature;

use crate::ast::Node;
use crate::error::{Error, ErrorKind};
use crate::lexer::{self, Stop};
use crate::limits::TEMPLATE_BYTES_MAX;
use crate::{compiler, parser};

pub(crate) use checker::{Checker, HOLE, Hole};
pub(crate) use kinds::Kinds;
pub use problem::{Problem, ProblemKind, Severity};
pub use shape::{Members, Shape};
pub(crate) use signature::Signature;

/// The problems of an expression, in the order of the text. `env` tells the roots: it is a map of them, or `any`.
///
/// ```
/// use expr::{Severity, Shape};
///
/// let env = Shape::closed([("inputs", Shape::closed([("age", Shape::Int)]))]);
/// let problems = expr::check("upper(inputs.age) + inputs.nmae", &env);
/// assert_eq!(problems[0].message, "argument 1 of `upper` must be a text, not an int");
/// assert_eq!(problems[0].severity, Severity::Error);
/// ```
pub fn check(source: &str, env: &Shape) -> Vec<Problem> {
    match parse(source, 0, Stop::End) {
        Ok((tree, _)) => check_tree(&tree, env),
        Err((error, _)) => vec![error.into()],
    }
}

/// The problems of all expressions of a template; spans are in the template.
pub fn check_template(source: &str, env: &Shape) -> Vec<Problem> {
    let mut problems = Vec::new();
    if source.len() > TEMPLATE_BYTES_MAX {
        let message = format!("the template is longer than {TEMPLATE_BYTES_MAX} bytes");
        return vec![Error::new(ErrorKind::Limit, 0..0, message).into()];
    }
    let mut at = 0;
    while let Some(open) = source[at..].find("{{").map(|i| at + i) {
        let end = match parse(source, open + 2, Stop::Braces) {
            Ok((tree, end)) => {
                problems.extend(check_tree(&tree, env));
                Some(end)
            }
            Err((error, end)) => {
                problems.push(error.into());
                end
            }
        };
        // Where an expression of which not even the tokens are clear ends, nobody knows.
        let Some(end) = end else { break };
        at = end + 2;
    }
    problems
}

/// The shape of what an expression gives; `any` for what is no expression.
pub fn shape(source: &str, env: &Shape) -> Shape {
    match parse(source, 0, Stop::End) {
        Ok((tree, _)) => Checker::new(env).node(&tree),
        Err(_) => Shape::Any,
    }
}

/// The tree of the expression at `start`, and where it ends; the end is told with an error too, if it is known.
fn parse(source: &str, start: usize, stop: Stop) -> Result<(Node, usize), (Error, Option<usize>)> {
    let (tokens, end) = lexer::lex(source, start, stop).map_err(|error| (error, None))?;
    let tree = parser::parse(&tokens).map_err(|error| (error, Some(end)))?;
    Ok((tree, end))
}

fn check_tree(tree: &Node, env: &Shape) -> Vec<Problem> {
    let mut checker = Checker::new(env);
    checker.node(tree);
    let mut problems = checker.problems;
    // What is refused before it runs is an error wherever it stands. Of several such only the first is known here,
    // the checker has found the others.
    if let Err(error) = compiler::compile(tree) {
        problems.retain(|problem| problem.span != error.span);
        problems.push(error.into());
    }
    problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
    problems.dedup();
    problems
}
