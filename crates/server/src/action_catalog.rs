//! The catalog of actions as the workflow compiler wants to see it. The two crates do not know each other.

use std::collections::BTreeMap;

use actions::Catalog;
use types::{AgentId, WorkflowId};
use workflow::{ActionSignature, Parameter};

/// An input of a step that calls an agent.
pub(crate) struct AgentInput {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) required: bool,
    pub(crate) is_checkbox: bool,
}

const fn agent_input(name: &'static str, is_checkbox: bool, description: &'static str) -> AgentInput {
    AgentInput { name, description, required: false, is_checkbox }
}

/// What a step may tell an agent. Whatever else it says has no effect.
pub(crate) const AGENT_INPUTS: [AgentInput; 7] = [
    AgentInput { required: true, ..agent_input("task", false, "What is to be done.") },
    agent_input("output_schema", false, "The form that the answer is to have, as JSON."),
    agent_input("roles_and_constraints", false, "Added to the agent's own."),
    agent_input("timeout", false, "Minutes that it may take."),
    agent_input("run_draft", true, "Runs the newest draft in place of what is published."),
    agent_input("continue_last_session", true, "Goes on where the agent's last session has ended."),
    agent_input("allow_extra_verbose_answer", true, "Lets the answer be as long as it likes."),
];

struct Signature {
    parameters: Vec<Parameter>,
    connection_types: Vec<String>,
    connection_optional: bool,
}

/// What workflows may use: the built-in actions, with the connection types that are there.
pub struct ActionCatalog {
    signatures: BTreeMap<String, Signature>,
    own_workflow: Option<WorkflowId>,
    runner_groups: Option<Vec<String>>,
    agents: Option<Vec<AgentId>>,
    agent_parameters: Vec<Parameter>,
}

impl ActionCatalog {
    /// For the documents of that workflow.
    pub(crate) fn of(self, workflow: Option<WorkflowId>) -> Self {
        Self { own_workflow: workflow, ..self }
    }

    /// For documents of a workspace that has these runner groups.
    pub(crate) fn with_runner_groups(self, names: Vec<String>) -> Self {
        Self { runner_groups: Some(names), ..self }
    }

    /// For documents of a workspace that has published these agents.
    pub(crate) fn with_agents(self, agents: Vec<AgentId>) -> Self {
        Self { agents: Some(agents), ..self }
    }

    /// The actions of `catalog`; one that takes a connection of any type takes one of `type_names`.
    pub fn new(catalog: &Catalog, type_names: &[String]) -> Self {
        let signatures = catalog.all().iter().map(|spec| {
            let parameters = spec.parameters.iter().map(|parameter| Parameter {
                name: parameter.name.clone(),
                required: parameter.required,
                options: parameter.options.clone(),
            });
            let connection_types = spec.connections.types_among(type_names);
            let signature = Signature {
                parameters: parameters.collect(),
                connection_types,
                connection_optional: spec.connection_optional,
            };
            (spec.full_name.clone(), signature)
        });
        let agent_parameters = AGENT_INPUTS.iter().map(|input| Parameter {
            name: input.name.to_owned(),
            required: input.required,
            options: Vec::new(),
        });
        Self {
            signatures: signatures.collect(),
            own_workflow: None,
            runner_groups: None,
            agents: None,
            agent_parameters: agent_parameters.collect(),
        }
    }
}

impl workflow::Catalog for ActionCatalog {
    fn action(&self, full_name: &str) -> Option<ActionSignature<'_>> {
        self.signatures.get(full_name).map(|signature| ActionSignature {
            parameters: &signature.parameters,
            connection_types: &signature.connection_types,
            connection_optional: signature.connection_optional,
        })
    }

    fn runner_groups(&self) -> Option<&[String]> {
        self.runner_groups.as_deref()
    }

    fn agent(&self, id: AgentId) -> Option<&[Parameter]> {
        // A document that is run is not checked for whom it calls: an agent may be gone since it was published.
        let is_known = self.agents.as_ref().is_none_or(|agents| agents.contains(&id));
        is_known.then_some(self.agent_parameters.as_slice())
    }

    fn own_workflow(&self) -> Option<WorkflowId> {
        self.own_workflow
    }

    fn action_names(&self) -> Vec<&str> {
        self.signatures.keys().map(String::as_str).collect()
    }
}
