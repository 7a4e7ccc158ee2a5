//! What the catalog says about an action: enough to draw its form, to check a step and to decide whether
//! an attempt whose outcome is unknown may be repeated.

use serde::Serialize;
use serde_json::Value as Json;

/// One action.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActionSpec {
    /// `service.name`: what a step writes.
    pub full_name: String,
    /// The name for people.
    pub display_name: String,
    /// What it does, in a sentence or two.
    pub description: String,
    /// The group it is listed under.
    pub collection: String,
    /// Its inputs, in the order of the form.
    pub parameters: Vec<Parameter>,
    /// Which connections it takes.
    pub connections: ConnectionNeed,
    /// Works without a connection too.
    pub connection_optional: bool,
    /// Not offered in lists: the editor draws it in its own way.
    pub hidden: bool,
    /// Who runs it.
    pub kind: ActionKind,
    /// Whether it may be done twice.
    pub idempotency: Idempotency,
    /// The shape of `steps.X.output`.
    pub example_output: Json,
}

/// Who runs an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// The engine, as part of a run's own steps.
    Flow,
    /// A runner.
    Effect,
    /// The server that drives the run, in its own database: no runner is asked, whichever group the step names.
    Server,
}

/// Which connections an action takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionNeed {
    /// None.
    Nothing,
    /// One of any type: it authenticates HTTP requests.
    AnyType,
    /// One of these types.
    Types(Vec<String>),
}

impl ConnectionNeed {
    /// The types that will do, where there are `all` of them.
    pub fn types_among(&self, all: &[String]) -> Vec<String> {
        match self {
            Self::Nothing => Vec::new(),
            Self::AnyType => all.to_vec(),
            Self::Types(names) => names.clone(),
        }
    }
}

/// Whether an action may be done twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Idempotency {
    /// It changes nothing outside the run.
    Pure,
    /// Twice is the same as once.
    Idempotent,
    /// Decided by the HTTP method in its inputs, or by a key that the service takes.
    ByMethod,
    /// Code without a way out changes nothing; with one, nobody knows. Decided by its inputs.
    UnlessNetwork,
    /// Twice is not once.
    NotIdempotent,
}

/// One input of an action.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parameter {
    /// The key in a step's `inputs`.
    pub name: String,
    /// The form's label.
    pub display_name: String,
    /// What to enter.
    pub description: String,
    /// How it is entered.
    pub input_type: InputType,
    /// Must be given.
    pub required: bool,
    /// The choices of a select.
    pub options: Vec<String>,
    /// What an absent input means; null if nothing.
    pub default_value: Json,
    /// Where its choices come from, if they are not known before.
    pub autofill: Option<Autofill>,
}

/// Where the choices of an input come from: a client asks `GET /playbooks/{id}/fetch` for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Autofill {
    /// `service.Name` of the fetcher.
    pub fetcher: String,
    /// The other inputs of the action that the fetcher wants to know.
    pub inputs: Vec<String>,
}

/// How an input is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputType {
    /// One line.
    Text,
    /// Several lines.
    Textarea,
    /// A number.
    Number,
    /// Yes or no.
    Checkbox,
    /// One of the options.
    SingleSelect,
    /// A map of names to values.
    KeyValue,
    /// Any JSON.
    Json,
    /// A list.
    List,
    /// The condition builder.
    Condition,
}

impl InputType {
    /// The public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Textarea => "textarea",
            Self::Number => "number",
            Self::Checkbox => "checkbox",
            Self::SingleSelect => "single-select",
            Self::KeyValue => "key-value",
            Self::Json => "json",
            Self::List => "list",
            Self::Condition => "condition",
        }
    }
}

impl Parameter {
    /// An optional input.
    pub(crate) fn new(name: &str, display_name: &str, input_type: InputType, description: &str) -> Self {
        Self {
            name: name.to_owned(),
            display_name: display_name.to_owned(),
            description: description.to_owned(),
            input_type,
            required: false,
            options: Vec::new(),
            default_value: Json::Null,
            autofill: None,
        }
    }

    pub(crate) fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(crate) fn options(self, options: &[&str]) -> Self {
        Self { options: options.iter().map(|option| (*option).to_owned()).collect(), ..self }
    }

    pub(crate) fn default(self, value: impl Into<Json>) -> Self {
        Self { default_value: value.into(), ..self }
    }

    /// The same input, whose choices a fetcher tells that wants to know the inputs `inputs` of the same action.
    #[must_use]
    pub fn fetched(self, fetcher: &str, inputs: &[&str]) -> Self {
        let inputs = inputs.iter().map(|input| (*input).to_owned()).collect();
        Self { autofill: Some(Autofill { fetcher: fetcher.to_owned(), inputs }), ..self }
    }
}

impl ActionSpec {
    /// An action of the engine: no connection, nothing outside the run, hidden because the editor has its
    /// own picture for it.
    pub(crate) fn flow(full_name: &str, display_name: &str, description: &str) -> Self {
        Self {
            full_name: full_name.to_owned(),
            display_name: display_name.to_owned(),
            description: description.to_owned(),
            collection: "Flow control".to_owned(),
            parameters: Vec::new(),
            connections: ConnectionNeed::Nothing,
            connection_optional: false,
            hidden: true,
            kind: ActionKind::Flow,
            idempotency: Idempotency::Pure,
            example_output: Json::Null,
        }
    }

    /// An action that a runner computes from its inputs alone: no connection, nothing outside the run.
    pub(crate) fn pure(full_name: &str, display_name: &str, collection: &str, description: &str) -> Self {
        Self {
            collection: collection.to_owned(),
            hidden: false,
            kind: ActionKind::Effect,
            ..Self::flow(full_name, display_name, description)
        }
    }

    /// An action of the server on the tables of the run's workspace: no connection. However often a step comes to it,
    /// the server does it once, so it may be repeated.
    pub(crate) fn server(full_name: &str, display_name: &str, description: &str) -> Self {
        Self {
            collection: "Tables".to_owned(),
            hidden: false,
            kind: ActionKind::Server,
            idempotency: Idempotency::Idempotent,
            ..Self::flow(full_name, display_name, description)
        }
    }

    /// The part of the name before the first dot.
    pub fn service(&self) -> &str {
        self.full_name.split_once('.').map_or("", |(service, _)| service)
    }

    /// The input of that name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }
}
