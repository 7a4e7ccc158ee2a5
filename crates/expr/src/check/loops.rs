//! Loops: `filter(list, body)` and its kin. A body knows the shape of the elements.

use std::ops::Range;

use super::calls::nil_to_list;
use super::checker::Checker;
use super::kinds::Kinds;
use super::shape::Shape;
use crate::ast::{Loop, Node, NodeKind};
use crate::kinds::nil_is_empty;

impl Checker<'_> {
    pub(super) fn repeat(
        &mut self,
        kind: Loop,
        list: &Node,
        body: Option<&Node>,
        extra: Option<&Node>,
        span: &Range<usize>,
    ) -> Shape {
        let mut over = self.node(list);
        if nil_is_empty(list) {
            over = nil_to_list(over);
        }
        if !over.kinds().meets(Kinds::LIST | Kinds::MAP | Kinds::TEXT) {
            let message = format!("`{}` goes over a list, not {}", kind.name(), over.kinds());
            if let Some(problem) = self.fails(&[(list, &over)], &list.span, message)
                && over == Shape::Nil
            {
                problem.hint("if it may be missing, write `(list ?? [])`");
            }
            over = Shape::Any;
        }
        let element = match &over {
            Shape::List(element) => element.as_ref().clone(),
            Shape::Text => Shape::Int,
            _ => Shape::Any,
        };
        self.extra(kind, extra);
        let written = match &list.kind {
            NodeKind::List(nodes) => nodes.len(),
            _ => 0,
        };
        // A test may be left out, and `reduce` without a first value begins with the second element.
        let certain = match kind {
            Loop::Filter => false,
            Loop::Reduce => written > usize::from(extra.is_none()),
            _ => written > 0,
        };
        let made = match body {
            Some(body) => {
                self.elements.push(element.clone());
                let shape = self.within(self.certain && certain, self.compiled, |checker| {
                    let shape = checker.node(body);
                    checker.body(kind, body, &shape);
                    shape
                });
                self.elements.pop();
                shape
            }
            // Added as they are written, whatever `+` adds.
            None if kind == Loop::Sum && written > 1 => return Shape::Any,
            None => {
                if kind == Loop::Sum && !element.kinds().meets(Kinds::NUMBER) {
                    let message = format!("`sum` adds numbers, not {}", element.kinds());
                    self.within(self.certain && certain, self.compiled, |checker| {
                        checker.fails(&[(list, &element)], span, message);
                    });
                }
                element.clone()
            }
        };
        result(kind, element, made)
    }

    /// The third argument: an order, or what `reduce` begins with.
    fn extra(&mut self, kind: Loop, extra: Option<&Node>) {
        let Some(extra) = extra else { return };
        let shape = self.node(extra);
        if kind == Loop::SortBy && !shape.kinds().meets(Kinds::TEXT) {
            let message = format!("the order of a sort is `\"asc\"` or `\"desc\"`, not {}", shape.kinds());
            self.fails(&[(extra, &shape)], &extra.span, message);
        }
    }

    /// What a body makes must be what the loop takes.
    fn body(&mut self, kind: Loop, body: &Node, made: &Shape) {
        let kinds = made.kinds();
        let message = match kind {
            Loop::Map | Loop::Reduce | Loop::SortBy => return,
            Loop::Sum => {
                if kinds.meets(Kinds::NUMBER) {
                    return;
                }
                format!("`sum` adds numbers, not {kinds}")
            }
            Loop::GroupBy | Loop::GroupKeys | Loop::GroupPairs => {
                if !kinds.within(Kinds::LIST | Kinds::MAP) {
                    return;
                }
                format!("`groupBy` groups by a text or a number, not {kinds}")
            }
            kind => {
                if kinds.meets(Kinds::BOOL) {
                    return;
                }
                format!("the body of `{}` is a truth value, not {kinds}", kind.name())
            }
        };
        self.fails(&[(body, made)], &body.span, message);
    }
}

/// What a loop gives, by its elements and what the body makes of them.
fn result(kind: Loop, element: Shape, made: Shape) -> Shape {
    match kind {
        Loop::All | Loop::None | Loop::Any | Loop::One => Shape::Bool,
        Loop::Filter | Loop::SortBy => Shape::list(element),
        Loop::Map => Shape::list(made),
        Loop::Count => Shape::Int,
        Loop::Sum => Shape::Number,
        Loop::Find | Loop::FindLast => element.optional(),
        Loop::FindIndex | Loop::FindLastIndex => Shape::Int.optional(),
        Loop::GroupBy => Shape::any_map(),
        Loop::GroupKeys | Loop::GroupPairs => Shape::list(Shape::Any),
        Loop::Reduce => Shape::Any,
    }
}
