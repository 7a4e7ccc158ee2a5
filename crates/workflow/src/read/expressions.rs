//! What is wrong with expressions that do parse: types that do not go together, arguments that do not fit. They
//! are held against what is known of the scopes. All of it is a warning: an expression fails when it runs, and a
//! workflow may be saved before that.

use std::ops::Range;

use expr::{ProblemKind, Shape, Template};

use crate::codes;
use crate::plan::InputDefinition;
use crate::read::Reader;
use crate::scopes;
use crate::yaml::Node;

/// The text of a scalar with expressions in it.
pub(super) struct Written {
    template: Template,
    node: Node,
    /// How many bytes of ours stand before the text of the scalar.
    shift: usize,
}

impl Written {
    pub(super) fn new(template: Template, node: &Node, shift: usize) -> Self {
        Self { template, node: node.clone(), shift }
    }

    /// The bytes of the scalar's text that `range` of the template stands on.
    fn back(&self, range: &Range<usize>) -> Range<usize> {
        back(&self.node, self.shift, range)
    }
}

/// The bytes of the text of `node` that `range` is, in that text after `shift` bytes of ours.
pub(super) fn back(node: &Node, shift: usize, range: &Range<usize>) -> Range<usize> {
    let length = node.scalar().map_or(0, |scalar| scalar.text.len());
    let start = range.start.saturating_sub(shift).min(length);
    start..range.end.saturating_sub(shift).clamp(start, length)
}

impl Reader<'_> {
    /// Checks every expression that was read. References are not its business: what they lead to is open here.
    pub(super) fn check_expressions(&mut self, inputs: &[InputDefinition]) {
        let written = std::mem::take(&mut self.written);
        if written.is_empty() {
            return;
        }
        // An input for text keeps a map or a list that is given: one that is read into may be anything.
        let shape = |input: &InputDefinition| match self.members_of_inputs.contains(&input.name) {
            true => Shape::Any,
            false => scopes::of_input(input),
        };
        let env = scopes::of(
            inputs.iter().map(|input| (input.name.as_str(), shape(input))),
            self.outline.ids.keys().map(String::as_str),
            self.variables.iter().map(String::as_str),
        );
        for written in written {
            for problem in expr::check_template(written.template.source(), &env) {
                if self.problems.is_full() {
                    return;
                }
                let code = match problem.kind {
                    ProblemKind::Fault(_) => codes::EXPRESSION_FAULT,
                    ProblemKind::UnknownName | ProblemKind::UnknownMember => codes::UNKNOWN_MEMBER,
                    ProblemKind::NeverEqual => codes::NEVER_EQUAL,
                    ProblemKind::UnusedVariable => codes::UNUSED_LET,
                };
                let at = written.node.place_in_text(self.problems.source(), written.back(&problem.span));
                let noted = self.problems.warning(code, at, problem.message);
                if let Some(hint) = problem.hint {
                    noted.hint(hint);
                }
            }
        }
    }
}
