//! What is wrong with expressions that do parse: types that do not go together, arguments that do not fit. They
//! are held against what is known of the scopes. All of it is a warning: an expression fails when it runs, and a
//! workflow may be saved before that.

use std::ops::Range;

use expr::{ProblemKind, Shape, Template};

use crate::codes;
use crate::plan::{InputDefinition, InputKind};
use crate::read::Reader;
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
        let env = self.scopes(inputs);
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

    /// What is known of the scopes.
    fn scopes(&self, inputs: &[InputDefinition]) -> Shape {
        let step = Shape::open([
            ("output", Shape::Any),
            ("status", Shape::Text.optional()),
            ("error", Shape::Any),
            ("item", Shape::Any),
            ("index", Shape::Int.optional()),
            ("web_form_url", Shape::Any),
        ]);
        let step = step.optional();
        let ids = self.outline.ids.keys().map(String::as_str).chain(["last"]);
        let inputs = inputs.iter().map(|input| (input.name.as_str(), self.input_shape(input)));
        Shape::open([
            ("inputs", Shape::open(inputs)),
            ("steps", Shape::open(ids.map(|id| (id, step.clone())))),
            ("variables", Shape::open::<&str>([])),
            ("event", Shape::open([("payload", Shape::Any)]).optional()),
            ("metadata", metadata()),
        ])
    }

    /// What an input is once it is bound. An input for text keeps a map or a list that is given: one that is read
    /// into may be anything.
    fn input_shape(&self, input: &InputDefinition) -> Shape {
        let shape = match input.kind {
            InputKind::Text | InputKind::LongText | InputKind::RichText => {
                if self.members_of_inputs.contains(&input.name) { Shape::Any } else { Shape::Text }
            }
            InputKind::Number => Shape::Number,
            InputKind::Checkbox => Shape::Bool,
            InputKind::SingleSelect | InputKind::Connections => Shape::Text,
            InputKind::MultiSelect => Shape::list(Shape::Text),
            InputKind::List => Shape::list(Shape::Any),
            InputKind::DynamicText | InputKind::File | InputKind::Date => Shape::Any,
        };
        if input.required || input.default.is_some() { shape } else { shape.optional() }
    }
}

/// The facts about a run.
fn metadata() -> Shape {
    const TEXTS: [&str; 9] = [
        "automation_name",
        "automation_id",
        "automation_url",
        "tenant_id",
        "workspace_id",
        "pack_id",
        "execution_id",
        "execution_url",
        "user_email",
    ];
    let texts = TEXTS.map(|name| (name, Shape::Text));
    let others = [("start_time", Shape::Int), ("user_groups", Shape::list(Shape::Text))];
    Shape::closed(texts.into_iter().chain(others))
}
