//! What is known of the scopes before there is a run: for the checks of expressions, and for editors that complete
//! them. All but the facts about the run is open, since a run may know more.

use expr::Shape;

use crate::document::{Body, Document};
use crate::metadata;
use crate::plan::{InputDefinition, InputKind};

impl Document {
    /// The roots that the document's expressions can name, as `expr::check` and `expr::complete` take them.
    pub fn scopes(&self) -> Shape {
        let (mut ids, mut variables) = (Vec::new(), Vec::new());
        self.each_step(|step| {
            // A step without an id has been noted.
            ids.extend(Some(step.id.as_str()).filter(|id| !id.is_empty()));
            match &step.body {
                Body::SetVariables(set) => {
                    variables.extend(set.iter().map(|variable| variable.name.as_str()))
                }
                Body::For { variable_name: Some(name), .. } => variables.push(name),
                _ => {}
            }
        });
        let inputs = self.inputs.iter().map(|input| (input.name.as_str(), of_input(input)));
        of(inputs, ids, variables)
    }
}

/// The scopes of a workflow with these inputs, steps and variables.
pub(crate) fn of<'n>(
    inputs: impl IntoIterator<Item = (&'n str, Shape)>,
    steps: impl IntoIterator<Item = &'n str>,
    variables: impl IntoIterator<Item = &'n str>,
) -> Shape {
    let step = Shape::open([
        ("output", Shape::Any),
        ("status", Shape::Text.optional()),
        ("error", Shape::Any),
        ("item", Shape::Any),
        ("index", Shape::Int.optional()),
        ("web_form_url", Shape::Any),
    ]);
    // A step that has not run yet is nil.
    let step = step.optional();
    let steps = steps.into_iter().chain(["last"]).map(|id| (id, step.clone()));
    Shape::open([
        ("inputs", Shape::open(inputs)),
        ("steps", Shape::open(steps)),
        ("variables", Shape::open(variables.into_iter().map(|name| (name, Shape::Any)))),
        ("event", Shape::open([("payload", Shape::Any)]).optional()),
        ("metadata", metadata::shape()),
    ])
}

/// What an input is once it is bound.
pub(crate) fn of_input(input: &InputDefinition) -> Shape {
    let shape = match input.kind {
        InputKind::Text | InputKind::LongText | InputKind::RichText => Shape::Text,
        InputKind::Number => Shape::Number,
        InputKind::Checkbox => Shape::Bool,
        InputKind::SingleSelect | InputKind::Connections => Shape::Text,
        InputKind::MultiSelect => Shape::list(Shape::Text),
        InputKind::List => Shape::list(Shape::Any),
        InputKind::DynamicText | InputKind::File | InputKind::Date => Shape::Any,
    };
    if input.required || input.default.is_some() { shape } else { shape.optional() }
}
