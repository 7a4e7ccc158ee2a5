//! A small catalog for the tests.

use types::WorkflowId;
use workflow::{ActionSignature, Catalog, Parameter};

pub(crate) struct TestCatalog {
    http: Vec<Parameter>,
    slack: Vec<Parameter>,
    python: Vec<Parameter>,
    every_type: Vec<String>,
    slack_types: Vec<String>,
    runner_groups: Vec<String>,
}

impl Default for TestCatalog {
    fn default() -> Self {
        let parameter = |name: &str, required: bool, options: &[&str]| Parameter {
            name: name.to_owned(),
            required,
            options: options.iter().map(|option| (*option).to_owned()).collect(),
        };
        Self {
            http: vec![
                parameter("method", false, &["GET", "POST"]),
                parameter("url", true, &[]),
                parameter("body", false, &[]),
                parameter("flags", false, &["a", "b"]),
            ],
            python: vec![parameter("code", false, &[])],
            slack: vec![parameter("channel", true, &[]), parameter("text", true, &[])],
            every_type: vec!["slack".to_owned(), "github".to_owned()],
            slack_types: vec!["slack".to_owned()],
            runner_groups: vec!["dmz".to_owned(), "edge".to_owned()],
        }
    }
}

impl Catalog for TestCatalog {
    fn action(&self, full_name: &str) -> Option<ActionSignature<'_>> {
        let (parameters, connection_types, connection_optional) = match full_name {
            "http.requestV2" => (&self.http, &self.every_type, true),
            "core.python" | "array.ArraySort" => (&self.python, &self.every_type, true),
            "slack.send_message" => (&self.slack, &self.slack_types, false),
            _ => return None,
        };
        Some(ActionSignature { parameters, connection_types, connection_optional })
    }

    fn runner_groups(&self) -> Option<&[String]> {
        Some(&self.runner_groups)
    }

    fn own_workflow(&self) -> Option<WorkflowId> {
        "99999999-2222-3333-4444-555555555555".parse().ok()
    }

    fn action_names(&self) -> Vec<&str> {
        vec!["http.requestV2", "slack.send_message", "core.python", "array.ArraySort"]
    }
}
