//! The catalog of actions as the workflow compiler wants to see it. The two crates do not know each other.

use std::collections::BTreeMap;

use actions::Catalog;
use types::WorkflowId;
use workflow::{ActionSignature, Parameter};

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
        Self { signatures: signatures.collect(), own_workflow: None, runner_groups: None }
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

    fn own_workflow(&self) -> Option<WorkflowId> {
        self.own_workflow
    }

    fn action_names(&self) -> Vec<&str> {
        self.signatures.keys().map(String::as_str).collect()
    }
}
