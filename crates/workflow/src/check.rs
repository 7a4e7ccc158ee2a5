//! The checks that need the catalog of actions: is there such an action, and does it take what it is given.

use types::{AgentId, WorkflowId};

use crate::bind::checkbox;
use crate::codes;
use crate::diagnostic::{Diagnostic, Problems, sort};
use crate::document::{AGENT_PREFIX, Body, Document, SUBFLOW_PREFIX, Step};
use crate::near::closest;
use crate::read::FLOW_ACTIONS;
use crate::source::Extent;
use crate::yaml::{Entry, Node, chosen, shorten};

/// The actions that exist, as far as a workflow's checks need to know them.
pub trait Catalog {
    /// The action of that full name, `http.requestV2`.
    fn action(&self, full_name: &str) -> Option<ActionSignature<'_>>;

    /// The full names of all actions, for "did you mean".
    fn action_names(&self) -> Vec<&str>;

    /// The names of the workspace's runner groups; none where they are not known, and then any name will do.
    fn runner_groups(&self) -> Option<&[String]> {
        None
    }

    /// What a step may tell the agent of that id; none if there is no such agent to be called.
    fn agent(&self, _id: AgentId) -> Option<&[Parameter]> {
        None
    }

    /// The workflow that the document is of, if it is stored: it must not call itself.
    fn own_workflow(&self) -> Option<WorkflowId> {
        None
    }
}

/// What an action takes.
#[derive(Clone, Copy, Debug)]
pub struct ActionSignature<'a> {
    /// Its parameters.
    pub parameters: &'a [Parameter],
    /// The types of connection it can use; empty if it uses none.
    pub connection_types: &'a [String],
    /// It runs without a connection too.
    pub connection_optional: bool,
}

/// One parameter of an action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameter {
    /// The key under `inputs`.
    pub name: String,
    /// It must be given, and has no default.
    pub required: bool,
    /// The values it may have; empty if it may have any.
    pub options: Vec<String>,
}

/// Parameters that any action may be given.
const COMMON_PARAMETERS: [&str; 1] = ["auto_pagination"];

/// Checks a document against the catalog: what it uses must exist and get what it needs. The form of the
/// document was checked by [`crate::parse`].
pub fn check(document: &Document, catalog: &dyn Catalog) -> Vec<Diagnostic> {
    let mut checker = Checker { problems: Problems::new(&document.source), catalog };
    document.each_step(|step| {
        checker.step(step);
        checker.runner_group_of(step);
    });
    if let Some(at) = document.runner_at {
        checker.runner_group(document.runner.trim(), at);
    }
    let mut diagnostics = checker.problems.finish();
    diagnostics.extend(document.lacking.iter().cloned());
    sort(&mut diagnostics);
    diagnostics
}

struct Checker<'a> {
    problems: Problems<'a>,
    catalog: &'a dyn Catalog,
}

impl Checker<'_> {
    fn step(&mut self, step: &Step) {
        // A step without an action has been noted.
        if step.action.is_empty() {
            return;
        }
        match &step.body {
            Body::Effect(_) => match self.catalog.action(&step.action) {
                Some(signature) => self.effect(step, signature),
                None => self.unknown_action(step),
            },
            Body::NotYet(_) if step.action.starts_with(AGENT_PREFIX) => self.agent(step),
            Body::NotYet(_) => {
                // What is wrong with the call of a workflow was noted.
                if !step.is_idle() && !step.action.starts_with(SUBFLOW_PREFIX) {
                    let message = format!("`{}` is not available yet", step.action);
                    self.problems.error(codes::NOT_AVAILABLE_YET, step.action_at, message);
                }
            }
            Body::Subflow(subflow) => {
                if self.catalog.own_workflow() == Some(subflow.workflow) && !step.is_idle() {
                    let message = format!("step `{}` calls the workflow it stands in", step.id);
                    let noted = self.problems.error(codes::SELF_CALL, step.action_at, message);
                    noted.hint("use `internal.while` to do something again");
                }
                self.connections(step, &[]);
            }
            _ => self.connections(step, &[]),
        }
    }

    fn agent(&mut self, step: &Step) {
        let id = step.action.strip_prefix(AGENT_PREFIX).unwrap_or_default();
        let known = id.parse().ok().and_then(|id| self.catalog.agent(id));
        if let Some(parameters) = known {
            let connection_types = &[];
            self.effect(step, ActionSignature { parameters, connection_types, connection_optional: true });
        } else if !step.is_idle() {
            let message = format!("there is no published agent `{}`", shorten(id));
            self.problems.error(codes::UNKNOWN_ACTION, step.action_at, message);
        }
    }

    fn runner_group_of(&mut self, step: &Step) {
        let Some((name, at)) = step.settings.runner_group.as_deref().zip(step.runner_group_at) else {
            return;
        };
        if !matches!(step.body, Body::Effect(_) | Body::NotYet(_)) {
            let message =
                format!("no runner carries out `{}`, so the runner group has no effect", step.action);
            let noted = self.problems.warning(codes::IDLE_RUNNER_GROUP, at, message);
            noted.hint("name it at the steps whose actions a runner carries out");
        }
        self.runner_group(name, at);
    }

    fn runner_group(&mut self, name: &str, at: Extent) {
        let Some(known) = self.catalog.runner_groups().filter(|_| !name.is_empty()) else { return };
        if known.iter().any(|known| known == name) {
            return;
        }
        let message = format!("the workspace has no runner group `{}`", shorten(name));
        let meant = closest(name, known.iter().map(String::as_str));
        self.problems.error(codes::UNKNOWN_RUNNER_GROUP, at, message).did_you_mean(meant);
    }

    fn unknown_action(&mut self, step: &Step) {
        if self.problems.is_full() {
            return;
        }
        let names = self.catalog.action_names();
        let known = || names.iter().copied().chain(FLOW_ACTIONS);
        // `SetVariables` without its service is a slip of another kind than a misspelling.
        let unqualified =
            || known().find(|name| name.split_once('.').is_some_and(|(_, name)| name == step.action));
        let meant = closest(&step.action, known()).or_else(unqualified).map(str::to_owned);
        let message = format!("there is no action `{}`", shorten(&step.action));
        self.problems.error(codes::UNKNOWN_ACTION, step.action_at, message).did_you_mean(meant.as_deref());
    }

    fn effect(&mut self, step: &Step, signature: ActionSignature<'_>) {
        self.connections(step, signature.connection_types);
        let bound = step.connections.iter().any(|connection| connection.name.is_some());
        let needed = !signature.connection_types.is_empty() && !signature.connection_optional;
        if needed && !bound && !step.is_idle() {
            let types = signature.connection_types;
            let listed: Vec<String> = types.iter().take(5).map(|name| format!("`{name}`")).collect();
            let message = format!("`{}` needs a connection of type {}", step.action, listed.join(" or "));
            let noted = self.problems.error(codes::MISSING_CONNECTION, step.action_at, message);
            if let Some(first) = types.first() {
                noted.hint(format!("write `connections: {{{first}: <name>}}`"));
            }
        }
        self.parameters(step, signature.parameters);
    }

    fn connections(&mut self, step: &Step, types: &[String]) {
        for connection in &step.connections {
            if types.contains(&connection.connection_type) {
                continue;
            }
            let message = match types {
                [] => format!("`{}` uses no connection", step.action),
                _ => {
                    format!("`{}` takes no connection of type `{}`", step.action, connection.connection_type)
                }
            };
            let noted = self.problems.error(codes::UNKNOWN_CONNECTION_TYPE, connection.type_at, message);
            match closest(&connection.connection_type, types.iter().map(String::as_str)) {
                Some(meant) => noted.did_you_mean(Some(meant)),
                None if types.is_empty() || types.len() > 5 => {}
                None => {
                    let listed: Vec<String> = types.iter().map(|name| format!("`{name}`")).collect();
                    noted.hint(format!("it takes {}", listed.join(", ")));
                }
            }
        }
    }

    fn parameters(&mut self, step: &Step, parameters: &[Parameter]) {
        for parameter in parameters {
            let given = step.inputs.iter().find(|entry| *entry.key.text == *parameter.name);
            match given.filter(|entry| !chosen(&entry.value).is_empty()) {
                Some(entry) => self.options(entry, parameter),
                None if parameter.required && !step.is_idle() => {
                    let at = given.map_or(step.action_at, |entry| entry.key.at);
                    let what = if given.is_some() { "is empty" } else { "is missing" };
                    let message = format!("parameter `{}` of `{}` {what}", parameter.name, step.action);
                    self.problems.error(codes::MISSING_PARAMETER, at, message);
                }
                None => {}
            }
        }
        for entry in &step.inputs {
            let key = &*entry.key.text;
            let known = || parameters.iter().map(|parameter| parameter.name.as_str());
            if !COMMON_PARAMETERS.contains(&key) && !known().any(|name| name == key) {
                let message = format!("`{}` has no parameter `{}`", step.action, shorten(key));
                let meant = closest(key, known());
                self.problems.warning(codes::UNKNOWN_PARAMETER, entry.key.at, message).did_you_mean(meant);
            }
        }
    }

    /// A literal value must be one of the options, or several of them.
    fn options(&mut self, entry: &Entry, parameter: &Parameter) {
        let options = &parameter.options;
        let node = chosen(&entry.value);
        if options.is_empty() {
            return;
        }
        let items = node.items().unwrap_or(std::slice::from_ref(node));
        for item in items {
            if let Some(text) = refused(chosen(item), options) {
                self.invalid_option(item.at, &text, parameter);
            }
        }
    }

    fn invalid_option(&mut self, at: Extent, text: &str, parameter: &Parameter) {
        let message = format!("`{}` is no option of `{}`", shorten(text), parameter.name);
        let noted = self.problems.error(codes::INVALID_OPTION, at, message);
        match closest(text, parameter.options.iter().map(String::as_str)) {
            Some(meant) => noted.did_you_mean(Some(meant)),
            None => {
                let listed: Vec<String> =
                    parameter.options.iter().take(20).map(|option| format!("`{option}`")).collect();
                noted.hint(format!("options are {}", listed.join(", ")));
            }
        }
    }
}

/// The text of a literal that is none of the options. Options may be joined by commas; a checkbox may be
/// written with any of its words.
fn refused(node: &Node, options: &[String]) -> Option<String> {
    let text = node.scalar()?.text.trim();
    let is_option = |text: &str| options.iter().any(|option| option == text);
    let fits = text.contains("{{")
        || is_option(text)
        || text.split(',').all(|part| is_option(part.trim()))
        || (is_option("true") && checkbox(&node.to_value()).is_some());
    (!fits).then(|| text.to_owned())
}
