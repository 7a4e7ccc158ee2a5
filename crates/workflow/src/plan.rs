//! The compiled plan: what the engine walks. Immutable, shared by every run that is pinned to it.
//!
//! Steps lie flat in one list; a block is the list of the indices of its steps. Every expression has been
//! parsed; nothing of the document's text is looked at again.

mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use expr::{Rendering, Template, Value};
use types::{Requirement, WorkflowId};

pub use settings::{OnExhausted, Retry, SaveOutput, StepSettings};

/// A step's place in [`Plan::steps`].
pub type StepIndex = usize;

/// Steps that run one after the other.
pub type Block = Vec<StepIndex>;

/// One compiled version of a workflow.
#[derive(Debug)]
pub struct Plan {
    /// SHA-256 of the document's text, in hex: two runs with the same hash run the same plan.
    pub hash: String,
    /// The workflow's own name in the document, if it has one.
    pub name: Option<String>,
    /// The declared inputs, in the order of their `index`, then of the document.
    pub inputs: Vec<InputDefinition>,
    /// The declared outputs, in the order of their `index`, then of the document.
    pub outputs: Vec<(String, PlanValue)>,
    /// Every step, nested ones included, in the order of the document.
    pub steps: Vec<PlanStep>,
    /// The steps of the top level.
    pub body: Block,
    /// The runner group the document names; empty if it names none.
    pub runner: String,
    /// Milliseconds that a run may take, waits not counted; none: as long as the server allows.
    pub timeout_ms: Option<u64>,
    /// How many runs with one key there may be at a time; none: any number.
    pub concurrency: Option<Concurrency>,
}

/// How many runs of a workflow with one key there may be at a time.
#[derive(Debug, Default)]
pub struct Concurrency {
    /// What sets runs apart, over inputs and event; nil: nothing does.
    pub key: PlanValue,
    /// Runs that have begun and not ended.
    pub limit: u32,
    /// What becomes of one more.
    pub on_full: OnFull,
}

/// What becomes of a run that finds as many with its key as may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFull {
    /// It waits for one of them to end.
    #[default]
    Queue,
    /// The oldest of them is cancelled for it.
    CancelOldest,
    /// It is cancelled itself.
    CancelNewest,
}

impl OnFull {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Queue, Self::CancelOldest, Self::CancelNewest];

    /// Its name in a document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::CancelOldest => "cancel_oldest",
            Self::CancelNewest => "cancel_newest",
        }
    }
}

/// One step.
#[derive(Debug)]
pub struct PlanStep {
    /// Unique in the workflow.
    pub id: String,
    /// The label, for people.
    pub name: Option<String>,
    /// The action's full name, `http.requestV2`.
    pub action: String,
    /// What the engine does with it.
    pub kind: StepKind,
    /// Connection type -> connection name, `no_connection` left out.
    pub connections: BTreeMap<String, String>,
    /// The Python packages that its code may import: the workflow's and its own. Empty if it runs no Python code.
    pub requirements: Arc<[Requirement]>,
    /// How it is run.
    pub settings: StepSettings,
    /// It stands for a `goto` of the format of 2021: for `steps.last`, it is as if it were not there.
    pub is_made: bool,
    /// The branch or body steps' own entries point to the step that holds them.
    pub parent: Option<StepIndex>,
}

impl Plan {
    /// How long a run may take where `allowed` is the most.
    pub fn run_time(&self, allowed: Duration) -> Duration {
        self.timeout_ms.map_or(allowed, |millis| allowed.min(Duration::from_millis(millis)))
    }

    /// The steps under this one, whatever is between. They stand behind it, without a gap.
    pub fn under(&self, index: StepIndex) -> &[PlanStep] {
        let behind = self.steps.get(index + 1..).unwrap_or_default();
        let is_under = |step: &PlanStep| step.parent.is_some_and(|parent| parent >= index);
        let count = behind.iter().take_while(|step| is_under(step)).count();
        behind.get(..count).unwrap_or_default()
    }
}

/// What kind of thing a step is.
#[derive(Debug)]
pub enum StepKind {
    /// `internal.SetVariables`.
    SetVariables(Vec<VariableAssignment>),
    /// `internal.ifCondition` with its two branches.
    If {
        /// What decides.
        condition: Condition,
        /// The `internal.ifTrueBranch` step and its steps.
        then_branch: Branch,
        /// The `internal.ifFalseBranch` step and its steps.
        else_branch: Branch,
    },
    /// `internal.ifTrueBranch`, `internal.ifFalseBranch`: run by their `internal.ifCondition`.
    BranchMarker,
    /// `internal.switchCaseExpression`.
    Switch {
        /// What the labels are compared with.
        subject: PlanValue,
        /// The labels, in the order of the document, the default after all others.
        labels: Vec<StepIndex>,
    },
    /// `internal.switchCaseLabel`, `internal.switchCaseDefaultLabel`: run by their switch.
    Label {
        /// What the switch's subject must equal; none in the default.
        value: Option<PlanValue>,
        /// Its steps.
        body: Block,
    },
    /// `internal.catch`: its steps run if a step before it in its block, or under one of those, fails.
    Catch {
        /// The steps.
        body: Block,
    },
    /// `internal.for`.
    For {
        /// What to go through: a list, a map (its pairs), or a number (that many turns).
        list: PlanValue,
        /// The variable that holds the current item as well, if named.
        variable_name: Option<String>,
        /// Turns at a time; one if absent.
        max_concurrency: Option<PlanValue>,
        /// The body.
        body: Block,
    },
    /// `internal.parallel`.
    Parallel {
        /// `all`, `any`, or how many of its branches must succeed; all if absent.
        join: Option<PlanValue>,
        /// The branches, in the order of the document.
        branches: Vec<StepIndex>,
    },
    /// `internal.parallelBranch`: run by its `internal.parallel`.
    ParallelBranch {
        /// Its steps.
        body: Block,
    },
    /// `internal.while`.
    While {
        /// Looked at before every turn; `steps.<id>.index` is the number of the turn to come.
        condition: Condition,
        /// The body.
        body: Block,
    },
    /// `internal.append_list`.
    AppendList {
        /// The variable that holds the list.
        variable: String,
        /// What comes to its end, a list as one item.
        item: PlanValue,
    },
    /// `internal.print`.
    Print {
        /// What to print; the step's output.
        text: PlanValue,
    },
    /// `internal.Sleep` for a length of time.
    Sleep {
        /// How much of `unit`.
        amount: PlanValue,
        /// The length of one unit in milliseconds.
        unit_ms: i64,
    },
    /// `internal.Sleep` until a point in time.
    SleepUntil {
        /// What [`crate::instant`] reads.
        until: PlanValue,
    },
    /// `internal.EndRun`.
    EndRun {
        /// `Completed` or `Failed`; completed if absent.
        status: Option<PlanValue>,
        /// Said as the run's error when it ends as failed.
        message: Option<PlanValue>,
    },
    /// `automations.<id>`: another workflow is run.
    Subflow(Subflow),
    /// Any action of the catalog that a runner carries out.
    Effect {
        /// The action's inputs.
        inputs: PlanValue,
        /// The input that is text of a program which sees the run.
        sees_run: Option<&'static str>,
    },
}

/// The call of another workflow, from its id, its inputs and the step's `configuration`.
#[derive(Debug)]
pub struct Subflow {
    /// The workflow that is called.
    pub workflow: WorkflowId,
    /// What it is given.
    pub inputs: PlanValue,
    /// `run_async`: nobody waits for its end.
    pub is_async: PlanValue,
    /// `run_draft`: its newest draft is run, not what is published.
    pub is_draft: PlanValue,
    /// `subflow_timeout_in_minutes`: how long its end is waited for; nil and 0: as long as it takes.
    pub timeout_minutes: PlanValue,
    /// `subflow_future_schedule_time`: when it begins, as [`crate::instant`] reads it; nil: at once.
    pub begins_at: PlanValue,
}

/// One branch of an if.
#[derive(Debug)]
pub struct Branch {
    /// The marker step; none when the document leaves the branch out.
    pub marker: Option<StepIndex>,
    /// Its steps.
    pub block: Block,
}

/// One entry of `internal.SetVariables`.
#[derive(Debug)]
pub struct VariableAssignment {
    /// The variable's name.
    pub name: String,
    /// What the value must be, or be turned into.
    pub kind: VariableKind,
    /// The value.
    pub value: PlanValue,
}

/// The `Type` of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariableKind {
    /// Text; other scalars are written out, structures become JSON.
    String,
    /// A number; text that reads as one is converted.
    Number,
    /// True or false; the texts `true` and `false` are converted.
    Boolean,
    /// A list; JSON text of one is converted.
    List,
    /// A map; JSON text of one is converted.
    Object,
    /// Whatever comes.
    Any,
}

impl VariableKind {
    /// Every type there is.
    pub const ALL: [Self; 6] =
        [Self::String, Self::Number, Self::Boolean, Self::List, Self::Object, Self::Any];

    /// The type's name in a document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::Number => "Number",
            Self::Boolean => "Boolean",
            Self::List => "List",
            Self::Object => "Object",
            Self::Any => "Any",
        }
    }
}

/// The condition of an if or a while: sentences joined by `match`.
#[derive(Debug)]
pub struct Condition {
    /// `And`: all must hold; else any.
    pub all: bool,
    /// The comparisons; none at all counts as true.
    pub sentences: Vec<Sentence>,
}

/// One comparison.
#[derive(Debug)]
pub struct Sentence {
    /// Left side.
    pub left: PlanValue,
    /// The comparison.
    pub operator: Operator,
    /// Right side; nil for the operators that have none.
    pub right: PlanValue,
}

/// The comparisons of the condition builder, spelled as the contract spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Operator {
    Equals,
    NotEquals,
    GreaterThan,
    GreaterThanOrEquals,
    LessThan,
    LessThanOrEquals,
    Contains,
    NotContains,
    StartsWith,
    EndsWith,
    Matches,
    In,
    NotIn,
    IsEmpty,
    IsNotEmpty,
    Before,
    After,
    IsTrue,
    IsFalse,
}

impl Operator {
    /// Every comparison with its name in a document.
    pub const ALL: [(Self, &'static str); 19] = [
        (Self::Equals, "Equals"),
        (Self::NotEquals, "Not equals"),
        (Self::GreaterThan, "Greater than"),
        (Self::GreaterThanOrEquals, "Greater than or equals to"),
        (Self::LessThan, "Less than"),
        (Self::LessThanOrEquals, "Less than or equals to"),
        (Self::Contains, "Contains"),
        (Self::NotContains, "Not contains"),
        (Self::StartsWith, "Starts with"),
        (Self::EndsWith, "Ends with"),
        (Self::Matches, "Matches"),
        (Self::In, "In"),
        (Self::NotIn, "Not in"),
        (Self::IsEmpty, "Is empty"),
        (Self::IsNotEmpty, "Is not empty"),
        (Self::Before, "Before"),
        (Self::After, "After"),
        (Self::IsTrue, "Is true"),
        (Self::IsFalse, "Is false"),
    ];

    /// Whether it looks at the left side alone.
    pub const fn is_unary(self) -> bool {
        matches!(self, Self::IsEmpty | Self::IsNotEmpty | Self::IsTrue | Self::IsFalse)
    }
}

/// A declared input.
#[derive(Debug, Clone)]
pub struct InputDefinition {
    /// The name that expressions use.
    pub name: String,
    /// The label, for people.
    pub display_name: Option<String>,
    /// What it must be.
    pub kind: InputKind,
    /// Must be given when there is no default.
    pub required: bool,
    /// Stands in when it is not given.
    pub default: Option<Value>,
    /// What a select may be.
    pub options: Vec<String>,
}

/// The `type` of a declared input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum InputKind {
    Text,
    DynamicText,
    LongText,
    RichText,
    Number,
    Checkbox,
    SingleSelect,
    MultiSelect,
    Date,
    Connections,
    File,
    List,
}

impl InputKind {
    /// Every type with its name in a document.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::Text, "text"),
        (Self::DynamicText, "dynamic_text"),
        (Self::LongText, "long-text"),
        (Self::RichText, "rich-text"),
        (Self::Number, "number"),
        (Self::Checkbox, "checkbox"),
        (Self::SingleSelect, "single-select"),
        (Self::MultiSelect, "multi-select"),
        (Self::Date, "date"),
        (Self::Connections, "connections"),
        (Self::File, "file"),
        (Self::List, "list"),
    ];
}

/// A value of the document in which expressions stand.
#[derive(Debug, Clone)]
pub enum PlanValue {
    /// No expression in it.
    Literal(Value),
    /// Text with expressions.
    Template(Template),
    /// Text of a program, with expressions whose values become literals of its language.
    Code(Template, Rendering),
    /// A list in which some element holds an expression.
    List(Vec<PlanValue>),
    /// A map in which some value holds an expression, in the order of the document.
    Map(Vec<(String, PlanValue)>),
}

impl Default for PlanValue {
    fn default() -> Self {
        Self::Literal(Value::Nil)
    }
}
