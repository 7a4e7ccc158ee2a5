//! Actions and triggers on the wire.

use actions::{ActionSpec, Autofill, InputType, Parameter};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use workflow::plan::{InputDefinition, InputKind};

use crate::action_catalog::AgentInput;

/// An action.
#[derive(Serialize, ToSchema)]
#[schema(as = copilot::Action)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct CatalogAction {
    /// Always true: what is not offered is not listed.
    pub active: bool,
    pub connection_optional: bool,
    pub connection_types: Vec<String>,
    pub description: String,
    pub display_name: String,
    /// The shape of `steps.X.output`.
    pub example_output: Value,
    pub full_name: String,
    /// Editors have a picture of their own for it.
    pub hidden: bool,
    pub parameters: Vec<CatalogParameter>,
}

/// An input of an action.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = copilot::Parameter)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct CatalogParameter {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = CatalogAutofill, required = false)]
    pub autofill: Option<CatalogAutofill>,
    pub default_value: Value,
    pub description: String,
    pub disabled: bool,
    /// 0 one line, 1 checkbox, 2 dropdown whose choices are fetched, 3 several lines.
    pub field_type: u8,
    pub hidden: bool,
    pub input_type: String,
    pub name: String,
    pub options: Vec<String>,
    pub required: bool,
}

/// Where the choices of an input come from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = copilot::Autofill)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct CatalogAutofill {
    pub fetcher: String,
    /// The inputs of the same action that the fetcher wants to know.
    pub inputs: Vec<String>,
}

/// A trigger.
#[derive(Serialize, ToSchema)]
#[schema(as = copilot::Trigger)]
#[allow(missing_docs)] // the contract's own names
pub(crate) struct CatalogTrigger {
    /// The action that is asked again and again; empty if the trigger waits.
    pub action: String,
    pub description: String,
    pub display_name: String,
    pub full_name: String,
    pub hidden: bool,
    pub parameters: Vec<CatalogParameter>,
    /// The shape of `event.payload`.
    pub sample_event: Value,
}

impl CatalogAction {
    /// A built-in action; one that takes a connection of any type takes one of `type_names`.
    pub(super) fn new(spec: &ActionSpec, type_names: &[String]) -> Self {
        Self {
            active: true,
            connection_optional: spec.connection_optional,
            connection_types: spec.connections.types_among(type_names),
            description: spec.description.clone(),
            display_name: spec.display_name.clone(),
            example_output: spec.example_output.clone(),
            full_name: spec.full_name.clone(),
            hidden: spec.hidden,
            parameters: spec.parameters.iter().flat_map(with_parts).collect(),
        }
    }

    /// The call of a workflow with these inputs and outputs.
    pub(super) fn of_workflow(row: &store::workflows::Workflow, document: &workflow::Document) -> Self {
        let outputs = document.outputs().map(|name| (name.to_owned(), Value::Null)).collect();
        Self {
            active: true,
            connection_optional: true,
            connection_types: Vec::new(),
            description: row.description.clone(),
            display_name: row.name.clone(),
            example_output: Value::Object(outputs),
            full_name: super::subflows::full_name(row.id),
            hidden: false,
            parameters: document.inputs().iter().map(CatalogParameter::of_input).collect(),
        }
    }
}

/// The parameter, and what a client finds one level below it. None of that is required: a condition may also be one
/// expression, and clients look no deeper than that one level.
fn with_parts(parameter: &Parameter) -> Vec<CatalogParameter> {
    let whole = CatalogParameter::new(parameter);
    if parameter.input_type != InputType::Condition {
        return vec![whole];
    }
    let part = |name: &str, input_type: InputType, description: &str| CatalogParameter {
        description: format!("Part of `{}`: {description}", parameter.name),
        input_type: input_type.as_str().to_owned(),
        required: false,
        ..CatalogParameter::plain(name)
    };
    let matching = CatalogParameter {
        options: vec!["And".to_owned(), "Or".to_owned()],
        default_value: json!("And"),
        ..part("match", InputType::SingleSelect, "whether all sentences must hold, or one.")
    };
    let sentence = part("sentence", InputType::List, "a list of `lvalue`, `op` and `rvalue`.");
    vec![whole, matching, sentence]
}

impl CatalogParameter {
    fn plain(name: &str) -> Self {
        Self {
            autofill: None,
            default_value: Value::Null,
            description: String::new(),
            disabled: false,
            field_type: 0,
            hidden: false,
            input_type: InputType::Text.as_str().to_owned(),
            name: name.to_owned(),
            options: Vec::new(),
            required: false,
        }
    }

    fn new(parameter: &Parameter) -> Self {
        let autofill = parameter.autofill.clone();
        Self {
            default_value: parameter.default_value.clone(),
            description: parameter.description.clone(),
            field_type: match parameter.input_type {
                _ if autofill.is_some() => 2,
                InputType::Checkbox => 1,
                InputType::Textarea => 3,
                _ => 0,
            },
            input_type: parameter.input_type.as_str().to_owned(),
            options: parameter.options.clone(),
            required: parameter.required,
            autofill: autofill.map(|Autofill { fetcher, inputs }| CatalogAutofill { fetcher, inputs }),
            ..Self::plain(&parameter.name)
        }
    }

    /// An input that a workflow declares.
    fn of_input(input: &InputDefinition) -> Self {
        let kind = InputKind::ALL.into_iter().find(|(kind, _)| *kind == input.kind);
        Self {
            default_value: input.default.as_ref().map_or(Value::Null, expr::Value::to_json),
            description: input.display_name.clone().unwrap_or_default(),
            field_type: match input.kind {
                InputKind::Checkbox => 1,
                InputKind::LongText | InputKind::RichText => 3,
                _ => 0,
            },
            input_type: kind.map_or("text", |(_, name)| name).to_owned(),
            options: input.options.clone(),
            required: input.required,
            ..Self::plain(&input.name)
        }
    }

    /// An input of an agent's step.
    pub(super) fn of_agent(input: &AgentInput) -> Self {
        Self {
            description: input.description.to_owned(),
            field_type: u8::from(input.is_checkbox),
            input_type: if input.is_checkbox { InputType::Checkbox } else { InputType::Text }
                .as_str()
                .to_owned(),
            required: input.required,
            ..Self::plain(input.name)
        }
    }

    /// An input of a trigger.
    pub(super) fn of_trigger(name: &str, description: &str, required: bool) -> Self {
        Self { description: description.to_owned(), required, ..Self::plain(name) }
    }
}

#[cfg(test)]
mod tests {
    use actions::Catalog;

    use super::*;

    #[test]
    fn an_input_with_a_fetcher_is_a_dropdown_that_names_it() {
        let catalog = Catalog::builtin();
        let parameter = catalog.get("internal.print").and_then(|spec| spec.parameter("text")).unwrap();
        assert_ne!(CatalogParameter::new(parameter).field_type, 2);
        let fetched = CatalogParameter::new(&parameter.clone().fetched("tables.ListFields", &["table"]));
        assert_eq!(fetched.field_type, 2);
        let shown = serde_json::to_value(&fetched).unwrap();
        assert_eq!(shown["autofill"], json!({"fetcher": "tables.ListFields", "inputs": ["table"]}));
    }

    #[test]
    fn a_condition_shows_its_parts_and_requires_nothing_below_them() {
        let catalog = Catalog::builtin();
        for name in ["internal.ifCondition", "internal.while"] {
            let action = CatalogAction::new(catalog.get(name).unwrap(), &[]);
            let shown: Vec<(&str, bool)> =
                action.parameters.iter().map(|p| (p.name.as_str(), p.required)).collect();
            assert_eq!(shown, [("condition", true), ("match", false), ("sentence", false)], "{name}");
        }
    }
}
