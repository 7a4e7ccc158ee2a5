//! What expressions of a run can see: `inputs`, `steps`, `variables`, `event`, `metadata`.

use std::collections::HashMap;
use std::sync::Arc;

use expr::{Map, Scope, Value};

use workflow::plan::{PlanStep, StepKind};

use crate::entry::{StepError, StepState};

/// The roots. `steps` and `variables` are shared maps, changed in place while nobody else holds them: reading a
/// member never copies a container.
#[derive(Clone, Debug)]
pub(crate) struct RunScope {
    inputs: Value,
    steps: Value,
    variables: Value,
    event: Value,
    metadata: Value,
    /// Bytes, as JSON, of the lists that something was appended to, so that no append measures the whole list.
    list_bytes: HashMap<String, usize>,
}

impl RunScope {
    pub(crate) fn new(inputs: Map, event: Value, metadata: Map) -> Self {
        Self {
            inputs: Value::Map(Arc::new(inputs)),
            steps: Value::Map(Arc::default()),
            variables: Value::Map(Arc::default()),
            event,
            metadata: Value::Map(Arc::new(metadata)),
            list_bytes: HashMap::new(),
        }
    }

    pub(crate) fn inputs(&self) -> &Value {
        &self.inputs
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    pub(crate) fn set_variable(&mut self, name: &str, value: Value) {
        self.list_bytes.remove(name);
        change(&mut self.variables, |variables| drop(variables.insert(name.into(), value)));
    }

    pub(crate) fn set_variables(&mut self, changes: &Map) {
        for name in changes.keys() {
            self.list_bytes.remove(&**name);
        }
        change(&mut self.variables, |variables| {
            for (name, value) in changes {
                variables.insert(Arc::clone(name), value.clone());
            }
        });
    }

    /// Bytes, as JSON, of the list in a variable; those of an empty list if there is none.
    pub(crate) fn list_bytes(&self, name: &str) -> usize {
        let measured = || self.variable(name).filter(|value| !value.is_nil()).map_or(2, Value::json_len);
        self.list_bytes.get(name).copied().unwrap_or_else(measured)
    }

    /// Puts `item` at the end of the list in a variable, in place. What is no list is replaced by one.
    pub(crate) fn append(&mut self, name: &str, item: &Value) {
        let bytes = self.list_bytes(name) + item.json_len() + 1;
        self.list_bytes.insert(name.to_owned(), bytes);
        change(&mut self.variables, |variables| match variables.get_mut(name) {
            Some(Value::List(items)) => Arc::make_mut(items).push(item.clone()),
            _ => drop(variables.insert(name.into(), Value::List(Arc::new(vec![item.clone()])))),
        });
    }

    /// The loop's current item, if it has items: `steps.<id>.item`, `steps.<id>.index` counting from 0, and the variable that
    /// the loop names, if it names one.
    pub(crate) fn set_item(&mut self, step: &PlanStep, item: Option<Value>, index: usize) {
        if let (StepKind::For { variable_name: Some(name), .. }, Some(item)) = (&step.kind, &item) {
            self.set_variable(name, item.clone());
        }
        let index = Value::Int(i64::try_from(index).unwrap_or(i64::MAX));
        let item = item.map(|item| (Arc::from("item"), item));
        let entries = item.into_iter().chain([(Arc::from("index"), index)]);
        let shown = Value::Map(Arc::new(entries.collect()));
        change(&mut self.steps, |steps| drop(steps.insert(step.id.as_str().into(), shown)));
    }

    /// What a catch shows of the failure that came to it.
    pub(crate) fn set_caught(&mut self, step: &str, failed: &str, error: &StepError) {
        let entries = [
            ("status", StepState::Ok.as_str()),
            ("error", &error.message),
            ("error_code", &error.code),
            ("failed_step", failed),
        ];
        let shown: Map = entries.into_iter().map(|(name, text)| (name.into(), Value::from(text))).collect();
        let shown = Value::Map(Arc::new(shown));
        change(&mut self.steps, |steps| drop(steps.insert(step.into(), shown)));
    }

    /// What a finished step shows.
    pub(crate) fn set_finished(
        &mut self,
        step: &str,
        state: StepState,
        output: &Value,
        error: Option<&StepError>,
    ) {
        let mut entries = Map::new();
        entries.insert("output".into(), output.clone());
        entries.insert("status".into(), Value::from(state.as_str()));
        if let Some(error) = error {
            entries.insert("error".into(), Value::from(error.message.as_str()));
            entries.insert("error_code".into(), Value::from(error.code.as_str()));
        }
        let shown = Value::Map(Arc::new(entries));
        change(&mut self.steps, |steps| {
            steps.insert(step.into(), shown);
        });
    }

    /// `steps.last` is this step from now on.
    pub(crate) fn set_last(&mut self, step: &str) {
        change(&mut self.steps, |steps| {
            if let Some(shown) = steps.get(step).cloned() {
                steps.insert("last".into(), shown);
            }
        });
    }
}

/// Changes a root that is a map; in place, unless somebody else holds it.
fn change(root: &mut Value, change: impl FnOnce(&mut Map)) {
    if let Value::Map(map) = root {
        change(Arc::make_mut(map));
    }
}

impl Scope for RunScope {
    fn root(&self, name: &str) -> Option<&Value> {
        match name {
            "inputs" => Some(&self.inputs),
            "steps" => Some(&self.steps),
            "variables" => Some(&self.variables),
            "event" => Some(&self.event),
            "metadata" => Some(&self.metadata),
            _ => None,
        }
    }

    fn names(&self) -> Vec<&str> {
        vec!["inputs", "steps", "variables", "event", "metadata"]
    }
}
