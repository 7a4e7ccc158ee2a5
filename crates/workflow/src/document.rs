//! A workflow as its document says it: every key read and checked for shape, steps still a tree.
//!
//! The server reads names, tags, triggers and what is used from here; the plan is made from it.

use std::sync::Arc;

use expr::Value;
use types::{EventKind, Requirement};

use crate::diagnostic::Diagnostic;
use crate::plan::{
    Concurrency, Condition, InputDefinition, PlanValue, StepSettings, Subflow, VariableAssignment,
};
use crate::read::Goto;
use crate::source::{Extent, Source};
use crate::yaml::Entry;

/// What the action of a step begins with that calls another workflow; its id follows.
pub(crate) const SUBFLOW_PREFIX: &str = "automations.";
/// The trigger that changes of records are.
pub const RECORD_CHANGE_TRIGGER: &str = "tables.OnRecordChange";
/// The service of agents.
pub(crate) const AGENT_PREFIX: &str = "agents.";

/// A workflow document that was read. It may have problems: they came with it.
#[derive(Debug)]
pub struct Document {
    pub(crate) source: Source,
    pub(crate) hash: String,
    /// Noted while reading, said by [`crate::check`].
    pub(crate) lacking: Vec<Diagnostic>,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) automation_type: AutomationType,
    pub(crate) kind: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) runner: String,
    /// Where that stands.
    pub(crate) runner_at: Option<Extent>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) inputs: Vec<InputDefinition>,
    pub(crate) outputs: Vec<(String, PlanValue)>,
    pub(crate) triggers: Vec<Trigger>,
    pub(crate) concurrency: Option<Concurrency>,
    pub(crate) steps: Vec<Step>,
}

/// What starts a workflow: the document's `automation_type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AutomationType {
    /// A person, another workflow or a call of the API.
    #[default]
    OnDemand,
    /// The clock.
    Scheduled,
    /// A webhook, a poll or a web form.
    Event,
}

impl AutomationType {
    /// Every type there is.
    pub const ALL: [Self; 3] = [Self::OnDemand, Self::Scheduled, Self::Event];

    /// Its name in a document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on_demand",
            Self::Scheduled => "scheduled",
            Self::Event => "event",
        }
    }
}

/// One entry of `triggers`.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// The list it stands in.
    pub category: TriggerCategory,
    /// `custom_webhook`, or a trigger's full name; schedules have none.
    pub trigger_type: Option<String>,
    /// The label, for people.
    pub name: Option<String>,
    /// Five fields, UTC; schedules alone have it.
    pub cron: Option<String>,
    /// The trigger's inputs, a map; values chosen from a list reduced to their `value`.
    pub inputs: Value,
    /// The inputs of [`RECORD_CHANGE_TRIGGER`], read; none of any other, and none that could not be read.
    pub records: Option<RecordTrigger>,
}

/// Changes of which records start a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordTrigger {
    /// The table's name.
    pub table: String,
    /// What must have become of a record.
    pub events: Vec<EventKind>,
    /// A filter of `q`, as JSON, that the record must satisfy.
    pub filter: Option<String>,
}

/// The lists that `triggers` may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TriggerCategory {
    /// By the clock.
    Scheduled,
    /// By a call from outside.
    Webhooks,
    /// By asking a tool again and again.
    Polling,
    /// By a form that someone filled in.
    Webforms,
}

impl TriggerCategory {
    /// Every category there is.
    pub const ALL: [Self; 4] = [Self::Scheduled, Self::Webhooks, Self::Polling, Self::Webforms];

    /// Its key under `triggers`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Webhooks => "webhooks",
            Self::Polling => "polling",
            Self::Webforms => "webforms",
        }
    }
}

/// An action that a document uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedAction {
    /// The step's id.
    pub step: String,
    /// The action's full name, `http.requestV2`.
    pub full_name: String,
    /// The step's label.
    pub name: Option<String>,
}

/// One step, as written.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) at: Extent,
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) action: String,
    pub(crate) action_at: Extent,
    pub(crate) body: Body,
    /// The inputs as written, for the checks against the catalog.
    pub(crate) inputs: Vec<Entry>,
    pub(crate) connections: Vec<UsedConnection>,
    /// The workflow's and its own; none if it runs no Python code.
    pub(crate) requirements: Arc<[Requirement]>,
    pub(crate) settings: StepSettings,
    /// Where the settings name a runner group.
    pub(crate) runner_group_at: Option<Extent>,
    pub(crate) steps: Vec<Step>,
    /// Where the run goes on, if the format of 2021 says so; gone once the list that it stands in has been read.
    pub(crate) goto: Option<Goto>,
    /// It stands for a `goto`: the document does not have it.
    pub(crate) is_made: bool,
}

impl Step {
    /// The step never runs its action: it is disabled, or its output is mocked.
    pub(crate) fn is_idle(&self) -> bool {
        is_idle(&self.settings)
    }
}

/// Whether a step with these settings never runs its action.
pub(crate) fn is_idle(settings: &StepSettings) -> bool {
    settings.mock_output.is_some() || matches!(settings.when, Some(PlanValue::Literal(Value::Bool(false))))
}

#[derive(Debug)]
pub(crate) struct UsedConnection {
    pub(crate) connection_type: String,
    pub(crate) type_at: Extent,
    /// None for `no_connection` and for an empty value.
    pub(crate) name: Option<String>,
}

/// What a step does, read from its inputs.
#[derive(Debug)]
pub(crate) enum Body {
    SetVariables(Vec<VariableAssignment>),
    If(Condition),
    Branch,
    Switch(PlanValue),
    Catch,
    /// None in the default.
    Label(Option<PlanValue>),
    For {
        list: PlanValue,
        variable_name: Option<String>,
        max_concurrency: Option<PlanValue>,
    },
    Parallel {
        join: Option<PlanValue>,
    },
    ParallelBranch,
    While(Condition),
    AppendList {
        variable: String,
        item: PlanValue,
    },
    Print(PlanValue),
    Sleep {
        amount: PlanValue,
        unit_ms: i64,
    },
    SleepUntil(PlanValue),
    EndRun {
        status: Option<PlanValue>,
        message: Option<PlanValue>,
    },
    Subflow(Box<Subflow>),
    Effect(PlanValue),
    /// Known to the format, not run by this version.
    NotYet(PlanValue),
}

impl Document {
    /// The workflow's own name; none if it has none, or an empty one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What `desc` says.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What starts the workflow.
    pub fn automation_type(&self) -> AutomationType {
        self.automation_type
    }

    /// What `type` says, `Flow` as a rule.
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// What `version` says.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The tags, in the order of the document.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// The runner group; empty if the document names none.
    pub fn runner(&self) -> &str {
        &self.runner
    }

    /// Every runner group that the document or one of its steps names, once, in the order of their first use.
    pub fn runner_groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        groups.extend(Some(self.runner.trim()).filter(|name| !name.is_empty()));
        self.each_step(|step| {
            if let Some(name) = step.settings.runner_group.as_deref()
                && !groups.contains(&name)
            {
                groups.push(name);
            }
        });
        groups
    }

    /// Every list of Python packages that some step requires, once, in the order of their first use. Each is resolved by
    /// itself; steps that never run their action need none.
    pub fn requirements(&self) -> Vec<Arc<[Requirement]>> {
        let mut lists: Vec<Arc<[Requirement]>> = Vec::new();
        self.each_step(|step| {
            let is_needed = !step.requirements.is_empty() && !step.is_idle();
            if is_needed && !lists.contains(&step.requirements) {
                lists.push(Arc::clone(&step.requirements));
            }
        });
        lists
    }

    /// The declared inputs, in the order of their `index`, then of the document.
    pub fn inputs(&self) -> &[InputDefinition] {
        &self.inputs
    }

    /// The names of the declared outputs, in the order of their `index`, then of the document.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|(name, _)| name.as_str())
    }

    /// The triggers, in the order of the document.
    pub fn triggers(&self) -> &[Trigger] {
        &self.triggers
    }

    /// SHA-256 of the document's bytes, in hex.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Every (connection type, connection name) that some step uses, once, in the order of their first use.
    pub fn connections(&self) -> Vec<(&str, &str)> {
        let mut used = Vec::new();
        let mut seen = std::collections::HashSet::new();
        self.each_step(|step| {
            for connection in &step.connections {
                let Some(name) = &connection.name else { continue };
                let pair = (connection.connection_type.as_str(), name.as_str());
                if seen.insert(pair) {
                    used.push(pair);
                }
            }
        });
        used
    }

    /// The action of every step, nested ones included, in the order of the document.
    pub fn actions(&self) -> Vec<UsedAction> {
        let mut used = Vec::new();
        self.each_step(|step| {
            if !step.action.is_empty() {
                let (step, full_name, name) = (step.id.clone(), step.action.clone(), step.name.clone());
                used.push(UsedAction { step, full_name, name });
            }
        });
        used
    }

    /// The ids of the workflows that are called as `automations.<id>`, once each.
    pub fn subflows(&self) -> Vec<&str> {
        let mut called = Vec::new();
        self.each_step(|step| {
            if let Some(id) = step.action.strip_prefix(SUBFLOW_PREFIX)
                && !called.contains(&id)
            {
                called.push(id);
            }
        });
        called
    }

    /// Visits every step, nested ones included, in the order of the document.
    pub(crate) fn each_step<'a>(&'a self, mut visit: impl FnMut(&'a Step)) {
        fn walk<'a>(steps: &'a [Step], visit: &mut impl FnMut(&'a Step)) {
            for step in steps {
                visit(step);
                walk(&step.steps, visit);
            }
        }
        walk(&self.steps, &mut visit);
    }
}
