//! The walk over the tree: it keeps the variables and elements in sight, and whether what it stands on is
//! evaluated for certain. What operators, members, calls and loops come to is in files of their own.

use std::ops::Range;
use std::sync::Arc;

use super::kinds::Kinds;
use super::problem::{Problem, ProblemKind, Severity};
use super::shape::{Shape, Size};
use crate::ast::{Binary, Node, NodeKind, Pointer, Unary};
use crate::error::{ErrorKind, nearest};
use crate::value::{Map, Value};
use crate::{Context, Limits, compiler, functions, vm};

/// The name that stands where a completion is wanted. Nobody can write it.
pub(crate) const HOLE: &str = "\0";

/// What may stand in a hole.
#[derive(Clone, Debug)]
pub(crate) enum Hole {
    /// A value: a root, a variable, a function. The element is the one of the loop around it.
    Value { variables: Vec<(Arc<str>, Shape)>, element: Option<Shape> },
    /// A member of that shape.
    Member(Shape),
    /// A function that takes that shape first.
    Piped(Shape),
}

pub(crate) struct Checker<'e> {
    pub(super) env: &'e Shape,
    pub(crate) problems: Vec<Problem>,
    pub(crate) hole: Option<Hole>,
    variables: Vec<Variable>,
    /// The elements of the loops around, the innermost last.
    pub(super) elements: Vec<Shape>,
    /// Whether what it stands on is evaluated whenever the whole is.
    pub(super) certain: bool,
    /// Whether the compiler looks at it: what it refuses is an error even where it is not certain.
    pub(super) compiled: bool,
    /// Whether the innermost chain may have met nil at a `?.` already.
    pub(super) chain_left: bool,
}

struct Variable {
    name: Arc<str>,
    shape: Shape,
    read: bool,
}

impl<'e> Checker<'e> {
    pub(crate) fn new(env: &'e Shape) -> Self {
        Self {
            env,
            problems: Vec::new(),
            hole: None,
            variables: Vec::new(),
            elements: Vec::new(),
            certain: true,
            compiled: true,
            chain_left: false,
        }
    }

    /// As [`new`](Self::new), for a part of a loop's body.
    pub(crate) fn inside_a_loop(env: &'e Shape) -> Self {
        Self { elements: vec![Shape::Any], ..Self::new(env) }
    }

    /// Checks the tree below `node`, and tells the shape of what it gives if it does not fail.
    pub(crate) fn node(&mut self, node: &Node) -> Shape {
        let shape = self.unbounded(node);
        match &node.kind {
            NodeKind::Map(_) => bounded(shape, Whole::Written),
            NodeKind::List(_) | NodeKind::Loop { .. } | NodeKind::Call { .. } => bounded(shape, Whole::Found),
            _ => shape,
        }
    }

    fn unbounded(&mut self, node: &Node) -> Shape {
        let span = &node.span;
        match &node.kind {
            NodeKind::Literal(value) => Shape::of(value),
            NodeKind::Name(name) => self.name(name, span),
            NodeKind::Pointer(Pointer::Item) => self.elements.last().cloned().unwrap_or_default(),
            NodeKind::Pointer(Pointer::Index) => Shape::Int,
            NodeKind::Pointer(Pointer::Accumulator) => Shape::Any,
            NodeKind::List(nodes) => {
                let elements: Vec<Shape> = nodes.iter().map(|node| self.node(node)).collect();
                Shape::list(Shape::join_all(elements))
            }
            NodeKind::Map(pairs) => self.map(pairs),
            NodeKind::Unary(unary, operand) => self.unary(*unary, operand, node),
            NodeKind::Binary(Binary::And | Binary::Or, ..) => self.logic(node),
            NodeKind::Binary(Binary::Coalesce, left, right) => self.coalesce(left, right),
            NodeKind::Binary(binary, left, right) => self.binary(*binary, left, right, node),
            NodeKind::Comparison(first, rest) => self.comparison(first, rest, span),
            NodeKind::Conditional { condition, then, otherwise } => {
                self.conditional(condition, then.as_deref(), otherwise)
            }
            NodeKind::Member { of, property, optional } => self.member(of, property, *optional, span),
            NodeKind::Method { of, name, arguments, optional } => {
                self.method(of, name, arguments, *optional, span)
            }
            NodeKind::Chain(inner) => self.chain(inner),
            NodeKind::Slice { of, from, to } => self.slice(of, from.as_deref(), to.as_deref(), span),
            NodeKind::Call { name, name_span, arguments } => self.call(name, name_span, arguments, node),
            NodeKind::Loop { kind, list, body, extra } => {
                self.repeat(*kind, list, body.as_deref(), extra.as_deref(), span)
            }
            NodeKind::Let { name, name_span, value, body } => self.variable(name, name_span, value, body),
            NodeKind::Sequence(nodes) => nodes.iter().map(|node| self.node(node)).last().unwrap_or_default(),
        }
    }

    fn name(&mut self, name: &Arc<str>, span: &Range<usize>) -> Shape {
        if name.as_ref() == HOLE {
            let seen = |variable: &Variable| (variable.name.clone(), variable.shape.clone());
            let variables = self.variables.iter().rev().map(seen).collect();
            self.hole = Some(Hole::Value { variables, element: self.elements.last().cloned() });
            return Shape::Any;
        }
        if let Some(variable) = self.variables.iter_mut().rev().find(|variable| variable.name == *name) {
            variable.read = true;
            return variable.shape.clone();
        }
        if name.as_ref() == "$env" { self.env.clone() } else { self.root(name, span) }
    }

    /// What is known of the root `name`.
    pub(super) fn root(&mut self, name: &str, span: &Range<usize>) -> Shape {
        let Some(members) = self.env.members() else { return Shape::Any };
        if let Some(shape) = members.known.get(name) {
            return shape.clone();
        }
        if members.open {
            return Shape::Any;
        }
        let names = members.known.keys().map(AsRef::as_ref);
        let variables = self.variables.iter().map(|variable| variable.name.as_ref());
        let meant = nearest(name, names.chain(variables)).map(str::to_owned);
        let listed: Vec<String> = members.known.keys().map(|name| format!("`{name}`")).collect();
        let message = format!("`{name}` is not known here, so it is nil");
        let problem = self.note(Severity::Warning, ProblemKind::UnknownName, span, message);
        match (meant, functions::find(name)) {
            (Some(meant), _) => problem.did_you_mean(Some(&meant)),
            (None, Some(function)) => problem.hint(format!("there is a function: `{}`", function.signature)),
            (None, None) if (1..=10).contains(&listed.len()) => {
                problem.hint(format!("values come from {}", listed.join(", ")));
            }
            (None, None) => {}
        }
        Shape::Nil
    }

    fn map(&mut self, pairs: &[(Node, Node)]) -> Shape {
        let mut known = Vec::new();
        let mut open = false;
        for (key, value) in pairs {
            let key_shape = self.node(key);
            if !key_shape.kinds().meets(Kinds::TEXT) {
                let message = format!("the key of a map is a text, not {}", key_shape.kinds());
                self.fails(&[(key, &key_shape)], &key.span, message);
            }
            let shape = self.node(value);
            match &key.kind {
                NodeKind::Literal(Value::String(name)) if !open => {
                    // The first of two equal keys stays.
                    if !known.iter().any(|(other, _)| other == name) {
                        known.push((name.clone(), shape));
                    }
                }
                _ => open = true,
            }
        }
        if open { Shape::any_map() } else { Shape::closed(known) }
    }

    fn variable(&mut self, name: &Arc<str>, name_span: &Range<usize>, value: &Node, body: &Node) -> Shape {
        let shape = self.node(value);
        self.variables.push(Variable { name: name.clone(), shape, read: false });
        let result = self.node(body);
        if self.variables.pop().is_some_and(|variable| !variable.read) {
            let message = format!("variable `{name}` is never used");
            self.note(Severity::Warning, ProblemKind::UnusedVariable, name_span, message);
        }
        result
    }

    /// Runs what has nothing but literals in it, and says what its values are refused for.
    pub(super) fn constant(&mut self, node: &Node) {
        let limits = Limits { fuel: 20_000, memory_bytes: 256 * 1024, ..Limits::DEFAULT };
        let Ok(program) = compiler::compile(node) else { return };
        let scope = Map::new();
        let mut rng = types::SeededRng::from_u64(0);
        let now = types::Timestamp::from_millis(0);
        let mut context = Context::new(&scope, now, &mut rng).with_limits(&limits);
        match vm::run(&program, &mut context).0 {
            Err(error) if matches!(error.kind, ErrorKind::Type | ErrorKind::Value) => {
                let severity = self.severity();
                self.problems.push(Problem { severity, ..error.into() });
            }
            _ => {}
        }
    }

    /// Checks what is evaluated only under some condition.
    pub(super) fn maybe<R>(&mut self, check: impl FnOnce(&mut Self) -> R) -> R {
        self.within(false, self.compiled, check)
    }

    pub(super) fn within<R>(
        &mut self,
        certain: bool,
        compiled: bool,
        check: impl FnOnce(&mut Self) -> R,
    ) -> R {
        let outside = (self.certain, self.compiled);
        (self.certain, self.compiled) = (certain, compiled);
        let result = check(self);
        (self.certain, self.compiled) = outside;
        result
    }

    fn severity(&self) -> Severity {
        if self.certain { Severity::Error } else { Severity::Warning }
    }

    pub(super) fn note(
        &mut self,
        severity: Severity,
        kind: ProblemKind,
        span: &Range<usize>,
        message: String,
    ) -> &mut Problem {
        self.problems.push(Problem { severity, kind, message, span: span.clone(), hint: None });
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }

    /// Notes that the operation on `operands` fails. Nothing is added if it is known why an operand is nil, which
    /// is the reason then; nor if an operand is nil and nobody knows whether this is reached, since that is what
    /// one asks before.
    pub(super) fn fails(
        &mut self,
        operands: &[(&Node, &Shape)],
        span: &Range<usize>,
        message: String,
    ) -> Option<&mut Problem> {
        let severity = self.severity();
        for (operand, _) in operands.iter().filter(|(_, shape)| **shape == Shape::Nil) {
            if !self.certain {
                return None;
            }
            let unknown = self.problems.iter_mut().find(|problem| {
                matches!(problem.kind, ProblemKind::UnknownName | ProblemKind::UnknownMember)
                    && problem.span.end == operand.span.end
                    && problem.span.start >= operand.span.start
            });
            if let Some(unknown) = unknown {
                unknown.severity = severity;
                return None;
            }
        }
        Some(self.note(severity, ProblemKind::Fault(ErrorKind::Type), span, message))
    }
}

/// Whether a shape was written out, or comes of what there is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Written,
    Found,
}

/// The shape, or its type alone if it goes too far: shapes are walked by recursion, and a short source can write
/// a shape without end.
fn bounded(shape: Shape, whole: Whole) -> Shape {
    const LEVELS_MAX: usize = 64;
    const PARTS_MAX: usize = 1_000;
    match shape.size(LEVELS_MAX, &mut { PARTS_MAX }) {
        Size::Fits => shape,
        Size::Wide if whole == Whole::Found => shape,
        Size::Wide | Size::Deep => Shape::of_kinds(shape.kinds()),
    }
}

pub(super) fn is_literal(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Literal(_) => true,
        NodeKind::Unary(Unary::Negate | Unary::Plus, operand) => matches!(operand.kind, NodeKind::Literal(_)),
        _ => false,
    }
}
