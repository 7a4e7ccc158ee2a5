//! What expressions of a run can see: `inputs`, `steps`, `variables`, `event`, `metadata`.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use expr::{Map, Scope, Value};

use crate::entry::{StepError, StepState};

/// The roots that all strands of a run share.
#[derive(Clone, Debug)]
pub(crate) struct RunScope {
    pub(crate) inputs: Value,
    pub(crate) variables: Variables,
    event: Value,
    pub(crate) metadata: Value,
}

impl RunScope {
    pub(crate) fn new(inputs: Map, event: Value, metadata: Map) -> Self {
        Self {
            inputs: Value::Map(Arc::new(inputs)),
            variables: Variables::default(),
            event,
            metadata: Value::Map(Arc::new(metadata)),
        }
    }

    /// What `metadata.*` answers from now on.
    pub(crate) fn set_metadata(&mut self, metadata: Map) {
        self.metadata = Value::Map(Arc::new(metadata));
    }
}

/// Variables by name. A shared map, changed in place while nobody else holds it: reading a member never copies
/// the container.
#[derive(Clone, Debug)]
pub(crate) struct Variables {
    values: Value,
    /// Bytes, as JSON, of the lists that something was appended to, so that no append measures the whole list.
    list_bytes: HashMap<String, usize>,
}

impl Default for Variables {
    fn default() -> Self {
        Self { values: Value::Map(Arc::default()), list_bytes: HashMap::new() }
    }
}

impl Variables {
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(&self.values, Value::Map(values) if values.is_empty())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> {
        let values = match &self.values {
            Value::Map(values) => Some(values.iter()),
            _ => None,
        };
        values.into_iter().flatten()
    }

    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.list_bytes.remove(name);
        change(&mut self.values, |values| drop(values.insert(name.into(), value)));
    }

    /// Bytes, as JSON, of the list in a variable; those of an empty list if there is none.
    pub(crate) fn list_bytes(&self, name: &str) -> usize {
        let measured = || self.get(name).filter(|value| !value.is_nil()).map_or(2, Value::json_len);
        self.list_bytes.get(name).copied().unwrap_or_else(measured)
    }

    /// Puts `item` at the end of the list in a variable, in place. What is no list is replaced by one.
    pub(crate) fn append(&mut self, name: &str, item: &Value) {
        let bytes = self.list_bytes(name) + item.json_len() + 1;
        self.list_bytes.insert(name.to_owned(), bytes);
        change(&mut self.values, |values| match values.get_mut(name) {
            Some(Value::List(items)) => Arc::make_mut(items).push(item.clone()),
            _ => drop(values.insert(name.into(), Value::List(Arc::new(vec![item.clone()])))),
        });
    }
}

/// What the steps of one strand show. A shared map like that of [`Variables`]: a strand that begins holds its
/// parent's until it has something of its own to show.
#[derive(Clone, Debug)]
pub(crate) struct Shown(Value);

impl Default for Shown {
    fn default() -> Self {
        Self(Value::Map(Arc::default()))
    }
}

impl Shown {
    /// A loop's turn: its item, if the loop has items, and its number, counting from 0.
    pub(crate) fn set_turn(&mut self, step: &str, item: Option<Value>, index: usize) {
        let index = Value::Int(i64::try_from(index).unwrap_or(i64::MAX));
        let item = item.map(|item| (Arc::from("item"), item));
        let entries = item.into_iter().chain([(Arc::from("index"), index)]);
        self.set(step, Value::Map(Arc::new(entries.collect())));
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
        self.set(step, Value::Map(Arc::new(shown)));
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
        self.set(step, Value::Map(Arc::new(entries)));
    }

    /// `steps.last` is this step from now on.
    pub(crate) fn set_last(&mut self, step: &str) {
        change(&mut self.0, |steps| {
            if let Some(shown) = steps.get(step).cloned() {
                steps.insert("last".into(), shown);
            }
        });
    }

    /// Takes over what `other` shows of these steps.
    pub(crate) fn take_over<'s>(&mut self, other: &Self, steps: impl Iterator<Item = &'s str>) {
        for step in steps {
            if let Some(shown) = other.0.get(step) {
                self.set(step, shown.clone());
            }
        }
    }

    fn set(&mut self, step: &str, shown: Value) {
        change(&mut self.0, |steps| drop(steps.insert(step.into(), shown)));
    }
}

/// Changes a root that is a map; in place, unless somebody else holds it.
fn change(root: &mut Value, change: impl FnOnce(&mut Map)) {
    if let Value::Map(map) = root {
        change(Arc::make_mut(map));
    }
}

/// What the expressions of one strand see.
#[derive(Clone)]
pub(crate) struct View<'r> {
    run: &'r RunScope,
    pub(crate) steps: Shown,
    /// Variables of the strand and of those it came from, the outermost first: they stand before the run's.
    own: Vec<&'r Variables>,
    /// All of them in one map, once somebody has asked.
    merged: OnceCell<Value>,
}

impl<'r> View<'r> {
    pub(crate) fn new(run: &'r RunScope, steps: Shown, own: Vec<&'r Variables>) -> Self {
        Self { run, steps, own, merged: OnceCell::new() }
    }

    /// The variables among which one of that name is found, or would be set.
    pub(crate) fn variables_with(&self, name: &str) -> &'r Variables {
        let own = self.own.iter().rev().find(|variables| variables.get(name).is_some());
        own.copied().unwrap_or(&self.run.variables)
    }

    /// Sets a variable for those alone that look through this view.
    pub(crate) fn set_variable(&mut self, name: &str, value: Value) {
        self.variables();
        let mut variables = self.merged.take().unwrap_or_else(|| self.run.variables.values.clone());
        change(&mut variables, |variables| drop(variables.insert(name.into(), value)));
        self.merged = OnceCell::from(variables);
    }

    fn variables(&self) -> &Value {
        if self.own.is_empty() && self.merged.get().is_none() {
            return &self.run.variables.values;
        }
        self.merged.get_or_init(|| {
            let mut variables = self.run.variables.values.clone();
            for own in &self.own {
                change(&mut variables, |variables| {
                    variables.extend(own.iter().map(|(name, value)| (Arc::clone(name), value.clone())));
                });
            }
            variables
        })
    }
}

impl Scope for View<'_> {
    fn root(&self, name: &str) -> Option<&Value> {
        match name {
            "inputs" => Some(&self.run.inputs),
            "steps" => Some(&self.steps.0),
            "variables" => Some(self.variables()),
            "event" => Some(&self.run.event),
            "metadata" => Some(&self.run.metadata),
            _ => None,
        }
    }

    fn names(&self) -> Vec<&str> {
        vec!["inputs", "steps", "variables", "event", "metadata"]
    }
}
