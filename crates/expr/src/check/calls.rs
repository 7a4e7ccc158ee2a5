//! Calls of functions: whether there is such a function, how many arguments it takes and of which types, and
//! what it answers.

use std::ops::Range;
use std::sync::Arc;

use super::checker::{Checker, HOLE, Hole, is_literal};
use super::kinds::Kinds;
use super::problem::{Problem, ProblemKind, Severity};
use super::shape::{Members, Shape};
use super::signature::Signature;
use crate::ast::{Loop, Node, NodeKind};
use crate::compiler::check_count;
use crate::error::{Error, ErrorKind};
use crate::functions;
use crate::kinds::nil_is_empty;
use crate::ops;
use crate::value::Value;

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        name: &Arc<str>,
        name_span: &Range<usize>,
        arguments: &[Node],
        node: &Node,
    ) -> Shape {
        let given: Vec<Shape> = arguments.iter().map(|node| self.argument(name, node)).collect();
        if name.as_ref() == HOLE {
            self.hole = Some(Hole::Piped(given.first().cloned().unwrap_or_default()));
            return Shape::Any;
        }
        let Some(function) = functions::find(name) else {
            self.refused(functions::unknown_function(name, name_span));
            return Shape::Any;
        };
        if let Err(error) = check_count(function, arguments.len(), &node.span) {
            self.refused(error);
            return Signature::read(function.signature).map_or(Shape::Any, |signature| signature.result);
        }
        let Some(signature) = Signature::read(function.signature) else { return Shape::Any };
        let before = self.problems.len();
        self.arguments(name, function.signature, &signature, arguments, &given);
        self.pattern(name, arguments);
        if self.problems.len() == before && arguments.iter().all(is_literal) {
            self.constant(node);
        }
        result(name, arguments, &given).unwrap_or(signature.result)
    }

    /// The shape of an argument. What `sort` made of nil is an empty list to functions.
    fn argument(&mut self, function: &str, node: &Node) -> Shape {
        let shape = self.node(node);
        if function != "toJSON" && nil_is_empty(node) { nil_to_list(shape) } else { shape }
    }

    /// Adds what the compiler refuses.
    fn refused(&mut self, error: Error) {
        let severity = if self.certain || self.compiled { Severity::Error } else { Severity::Warning };
        self.problems.push(Problem { severity, ..error.into() });
    }

    /// Says which arguments are certainly not what the signature takes.
    pub(super) fn arguments(
        &mut self,
        name: &str,
        shown: &str,
        signature: &Signature,
        arguments: &[Node],
        given: &[Shape],
    ) {
        for (index, (argument, shape)) in arguments.iter().zip(given).enumerate() {
            let wanted = signature.argument(index);
            if shape.kinds().meets(wanted) {
                continue;
            }
            // A time is a date already, whatever else is given.
            let date = matches!(name, "date" | "parse_date");
            if date && index > 0 && given.first().is_some_and(|first| first.kinds().meets(Kinds::TIME)) {
                continue;
            }
            let message = format!(
                "argument {} of `{name}` must be {}, not {}",
                index + 1,
                wanted_name(wanted),
                shape.kinds()
            );
            if let Some(problem) = self.fails(&[(argument, shape)], &argument.span, message) {
                problem.hint(shown);
            }
        }
    }

    /// A pattern that is written out must be a regular expression.
    fn pattern(&mut self, name: &str, arguments: &[Node]) {
        if !name.starts_with("regex_") || arguments.iter().all(is_literal) {
            return;
        }
        let Some(argument) = arguments.get(1) else { return };
        let NodeKind::Literal(Value::String(pattern)) = &argument.kind else { return };
        if let Err(fault) = ops::regex(pattern) {
            let error = fault.at(argument.span.clone());
            let severity = if self.certain { Severity::Error } else { Severity::Warning };
            let kind = ProblemKind::Fault(ErrorKind::Value);
            self.problems.push(Problem { severity, kind, ..error.into() });
        }
    }
}

/// What a parameter takes, as an error names it: text that is read as a time or a duration is not mentioned.
fn wanted_name(wanted: Kinds) -> String {
    match wanted {
        _ if wanted == (Kinds::TIME | Kinds::TEXT) => Kinds::TIME.to_string(),
        _ if wanted == (Kinds::DURATION | Kinds::TEXT) => Kinds::DURATION.to_string(),
        wanted => wanted.to_string(),
    }
}

/// The shape with an empty list instead of nil.
pub(super) fn nil_to_list(shape: Shape) -> Shape {
    match shape {
        Shape::Nil => Shape::list(Shape::Any),
        Shape::Optional(shape) if matches!(*shape, Shape::List(_)) => shape.as_ref().clone(),
        Shape::Optional(_) => Shape::Any,
        shape => shape,
    }
}

/// What is known of a result beyond the signature: mostly that elements stay what they are.
fn result(name: &str, arguments: &[Node], given: &[Shape]) -> Option<Shape> {
    let first = given.first()?;
    let element = match first {
        Shape::List(element) => Some(element.as_ref()),
        _ => None,
    };
    Some(match name {
        "first" | "last" => element.map_or(Shape::Any, |element| element.clone().optional()),
        "get" => get(first, arguments.get(1)?),
        "take" | "reverse" | "uniq" => Shape::list(element?.clone()),
        "sort" => match element {
            Some(element) => Shape::list(element.clone()),
            None => Shape::list(Shape::Any).optional(),
        },
        "concat" => {
            let elements: Option<Vec<Shape>> = given.iter().map(|shape| shape.element().cloned()).collect();
            Shape::list(Shape::join_all(elements?))
        }
        "flatten" if !element?.kinds().meets(Kinds::LIST) => Shape::list(element?.clone()),
        "split" | "splitAfter" | "regex_find_all" | "extract_ips" | "extract_urls" | "extract_domains"
        | "extract_emails" | "extract_hashes" => Shape::list(Shape::Text),
        "range" => Shape::list(Shape::Int),
        // The keys of groups are of any type.
        "keys" if !is_group(&arguments[0]) => Shape::list(Shape::Text),
        "values" => {
            let members = first.members().filter(|members| !members.open)?;
            Shape::list(Shape::join_all(members.known.values().cloned()))
        }
        "merge_maps" => merged(given)?,
        "abs" if first.kinds().within(Kinds::NUMBER) => first.clone(),
        // One value is answered as it is, and of no numbers there is no greatest.
        "max" | "min"
            if given.len() < 2 || !given.iter().all(|shape| shape.kinds().within(Kinds::NUMBER)) =>
        {
            Shape::Any
        }
        _ => return None,
    })
}

fn is_group(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Loop { kind: Loop::GroupBy, .. })
}

/// `get(of, key)`, which is nil instead of failing.
fn get(of: &Shape, key: &Node) -> Shape {
    match (of, &key.kind) {
        (Shape::List(element), _) => element.as_ref().clone().optional(),
        (Shape::Map(members), NodeKind::Literal(Value::String(name))) => match members.known.get(name) {
            Some(shape) => shape.clone(),
            None => Shape::Any,
        },
        _ => Shape::Any,
    }
}

/// The members of all maps, of equal ones the last.
fn merged(maps: &[Shape]) -> Option<Shape> {
    let mut merged = Members::default();
    for shape in maps {
        let members = shape.members()?;
        if members.open {
            // What is not known of this one may replace what was known before.
            merged.known.values_mut().for_each(|shape| *shape = Shape::Any);
        }
        merged.open |= members.open;
        merged.known.extend(members.known.iter().map(|(name, shape)| (name.clone(), shape.clone())));
    }
    Some(Shape::Map(Arc::new(merged)))
}
