//! Members, elements, slices and methods, also behind `?.`.

use std::ops::Range;

use super::checker::{Checker, HOLE, Hole};
use super::kinds::Kinds;
use super::operators;
use super::problem::{ProblemKind, Severity};
use super::shape::Shape;
use super::signature::Signature;
use crate::ast::{Node, NodeKind};
use crate::compiler::is_env;
use crate::error::{ErrorKind, nearest};
use crate::functions::{self, words};
use crate::value::Value;

impl Checker<'_> {
    /// What `?.` guards: if it met nil inside, the whole is nil.
    pub(super) fn chain(&mut self, inner: &Node) -> Shape {
        let (certain, left) = (self.certain, std::mem::take(&mut self.chain_left));
        let shape = self.node(inner);
        let may_be_nil = std::mem::replace(&mut self.chain_left, left);
        self.certain = certain;
        if may_be_nil { shape.optional() } else { shape }
    }

    /// The value before a `?.`: what follows is reached only if it is not nil, up to the end of the chain.
    fn guarded(&mut self, of: &Node, optional: bool) -> Shape {
        let shape = self.node(of);
        if !optional || !shape.kinds().meets(Kinds::NIL) {
            return shape;
        }
        self.certain = false;
        self.chain_left = true;
        shape.without_nil()
    }

    pub(super) fn member(
        &mut self,
        of: &Node,
        property: &Node,
        optional: bool,
        span: &Range<usize>,
    ) -> Shape {
        let name = match &property.kind {
            NodeKind::Literal(Value::String(name)) => Some(name),
            _ => None,
        };
        if let (true, Some(name)) = (is_env(of), name)
            && name.as_ref() != HOLE
        {
            return self.root(name, &property.span);
        }
        let shape = self.guarded(of, optional);
        match name {
            Some(name) if name.as_ref() == HOLE => {
                self.hole = Some(Hole::Member(shape));
                Shape::Any
            }
            Some(name) => self.named(of, &shape, name, property),
            None => {
                let compiled = self.compiled && !is_env(of);
                let key = self.within(self.certain, compiled, |checker| checker.node(property));
                self.fetched(of, &shape, property, &key, span)
            }
        }
    }

    /// `of.name`.
    fn named(&mut self, of: &Node, shape: &Shape, name: &str, property: &Node) -> Shape {
        let kinds = shape.kinds();
        if !kinds.meets(Kinds::MAP) {
            let (message, hint) = no_member(kinds, name);
            if let Some(problem) = self.fails(&[(of, shape)], &property.span, message)
                && let Some(hint) = hint
            {
                problem.hint(hint);
            }
            return Shape::Any;
        }
        let Some(members) = shape.members() else { return Shape::Any };
        match members.known.get(name) {
            Some(shape) => shape.clone(),
            None if members.open => Shape::Any,
            None => {
                let meant = nearest(name, members.known.keys().map(AsRef::as_ref));
                let message = match &of.kind {
                    NodeKind::Name(of) if of.as_ref() == "steps" => format!("there is no step `{name}`"),
                    NodeKind::Name(of) => format!("`{of}` has no member `{name}`, so it is nil"),
                    _ => format!("there is no member `{name}`, so it is nil"),
                };
                self.note(Severity::Warning, ProblemKind::UnknownMember, &property.span, message)
                    .did_you_mean(meant);
                Shape::Nil
            }
        }
    }

    /// `of[key]`.
    fn fetched(
        &mut self,
        of: &Node,
        shape: &Shape,
        property: &Node,
        key: &Shape,
        span: &Range<usize>,
    ) -> Shape {
        let (kinds, keys) = (shape.kinds(), key.kinds());
        let result = operators::fetch(kinds, keys);
        if result.is_none() {
            if !kinds.meets(Kinds::LIST | Kinds::MAP | Kinds::TEXT) {
                self.fails(&[(of, shape)], span, format!("{kinds} has no elements"));
            } else {
                let message = match kinds.meets(Kinds::MAP) {
                    true => format!("the keys of a map are text, not {keys}"),
                    false => format!("a list is indexed by an int, not {keys}"),
                };
                self.fails(&[(property, key)], &property.span, message);
            }
            return Shape::Any;
        }
        match shape.element() {
            Some(element) if result == Kinds::ALL => element.clone(),
            _ => Shape::of_kinds(result),
        }
    }

    pub(super) fn slice(
        &mut self,
        of: &Node,
        from: Option<&Node>,
        to: Option<&Node>,
        span: &Range<usize>,
    ) -> Shape {
        let shape = self.node(of);
        let compiled = self.compiled && !is_env(of);
        for bound in from.into_iter().chain(to) {
            let at = self.within(self.certain, compiled, |checker| checker.node(bound));
            if !at.kinds().meets(Kinds::NUMBER) {
                let message = format!("a slice's bound is an int, not {}", at.kinds());
                self.fails(&[(bound, &at)], &bound.span, message);
            }
        }
        let kinds = shape.kinds() & (Kinds::TEXT | Kinds::LIST);
        if kinds.is_none() {
            self.fails(&[(of, &shape)], span, format!("{} cannot be sliced", shape.kinds()));
        }
        match shape.element() {
            Some(element) => Shape::list(element.clone()),
            None => Shape::of_kinds(kinds),
        }
    }

    pub(super) fn method(
        &mut self,
        of: &Node,
        name: &str,
        arguments: &[Node],
        optional: bool,
        span: &Range<usize>,
    ) -> Shape {
        let shape = self.guarded(of, optional);
        // The compiler does not look into the arguments of methods.
        let given: Vec<Shape> = self.within(self.certain, false, |checker| {
            arguments.iter().map(|argument| checker.node(argument)).collect()
        });
        let kinds = shape.kinds() & (Kinds::TIME | Kinds::DURATION);
        let mut found = words::methods(kinds.meets(Kinds::TIME), kinds.meets(Kinds::DURATION))
            .filter(|method| method.name == name)
            .peekable();
        let Some(method) = found.peek().copied() else {
            let (message, hint) = no_method(shape.kinds(), name);
            if let Some(problem) = self.fails(&[(of, &shape)], span, message)
                && let Some(hint) = hint
            {
                problem.hint(hint);
            }
            return Shape::Any;
        };
        if kinds == (Kinds::TIME | Kinds::DURATION) {
            return Shape::Any;
        }
        let Some(signature) = Signature::read(method.signature) else { return Shape::Any };
        if arguments.len() != signature.len() {
            let plural = if signature.len() == 1 { "argument" } else { "arguments" };
            let message = format!("`{name}` takes {} {plural}, not {}", signature.len(), arguments.len());
            if let Some(problem) = self.fails(&[], span, message) {
                problem.kind = ProblemKind::Fault(ErrorKind::ArgumentCount);
                problem.hint(method.signature);
            }
            return signature.result;
        }
        self.arguments(name, method.signature, &signature, arguments, &given);
        signature.result
    }
}

fn no_member(kinds: Kinds, name: &str) -> (String, Option<String>) {
    match kinds {
        Kinds::NIL => {
            (format!("cannot read `{name}` of nil"), Some(format!("if it may be missing, write `?.{name}`")))
        }
        Kinds::LIST => (
            format!("a list has no member `{name}`"),
            Some(format!("one element is `[0].{name}`, all of them `map(list, .{name})`")),
        ),
        kinds => {
            let (time, duration) = (kinds.meets(Kinds::TIME), kinds.meets(Kinds::DURATION));
            let method = words::methods(time, duration).find(|method| method.name == name);
            let hint = method.map(|method| format!("it is a method: `{}`", method.signature));
            (format!("{kinds} has no member `{name}`"), hint)
        }
    }
}

fn no_method(kinds: Kinds, name: &str) -> (String, Option<String>) {
    if kinds == Kinds::NIL {
        let hint = format!("if it may be missing, write `?.{name}(…)`");
        return (format!("cannot call `{name}` of nil"), Some(hint));
    }
    let known = words::methods(kinds.meets(Kinds::TIME), kinds.meets(Kinds::DURATION));
    let message = match kinds {
        Kinds::ALL => format!("nothing has a method `{name}`"),
        kinds => format!("{kinds} has no method `{name}`"),
    };
    let hint = match (nearest(name, known.map(|method| method.name)), functions::find(name)) {
        (Some(meant), _) => Some(format!("did you mean `{meant}`?")),
        (None, Some(function)) => Some(format!("there is a function: `{}`", function.signature)),
        (None, None) => None,
    };
    (message, hint)
}
