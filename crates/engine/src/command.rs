//! What the driver tells the engine and what the engine asks of the driver.

use std::collections::BTreeMap;
use std::sync::Arc;

use expr::{Map, Value};
use types::{FileId, Requirement, Timestamp, WorkflowId};

use crate::control::Control;
use crate::entry::{Entry, StepError, SubflowOptions};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Go on: after [`Execution::start`](crate::Execution::start), after [`Command::Continue`], after a restore.
    Continue,
    /// A runner reports on an attempt. A report on an attempt that is no longer pending changes nothing.
    EffectFinished {
        /// The step's path.
        path: String,
        /// The attempt it was dispatched with.
        attempt: u32,
        /// How it went.
        result: EffectResult,
    },
    /// The attempt's runner is gone, or the server stopped while it ran: nobody knows whether it happened.
    AttemptLost {
        /// The step's path.
        path: String,
        /// The attempt it was dispatched with.
        attempt: u32,
        /// The action may be done twice without harm.
        repeatable: bool,
    },
    /// The attempt's runner began with it and has said nothing more, though its time is over
    /// ([`attempt_due`](crate::Execution::attempt_due)): a runner that knows of it reports a timeout itself.
    AttemptOverdue {
        /// The step's path.
        path: String,
        /// The attempt it was dispatched with.
        attempt: u32,
        /// The action may be done twice without harm.
        repeatable: bool,
    },
    /// A timer that [`Command::SetTimer`] asked for.
    TimerFired {
        /// The step's path.
        path: String,
    },
    /// The run's deadline has come.
    DeadlineReached,
    /// Somebody asks for the run to stop.
    CancelRequested {
        /// Who or why, for people.
        reason: String,
    },
    /// Somebody decides how the run goes on. What [`refusal`](crate::Execution::refusal) refuses changes nothing.
    Decided(Control),
}

/// How an attempt went.
#[derive(Clone, Debug)]
pub enum EffectResult {
    /// It has an output.
    Succeeded(Value),
    /// It has an output, and sets variables.
    Assigned {
        /// The output.
        output: Value,
        /// The variables by name.
        variables: Map,
    },
    /// It has failed; the output, if any, is kept for the steps after a tolerated failure.
    Failed {
        /// Why.
        error: StepError,
        /// What the action answered all the same.
        output: Value,
    },
    /// It was stopped because the engine asked for it.
    Cancelled,
}

/// Something the driver must do, in this order.
#[derive(Clone, Debug)]
pub enum Command {
    /// Write this entry. All entries of one `advance` go into one commit, before any other command is
    /// carried out.
    Append(Entry),
    /// Keep this file, in the commit that notes the end of its step.
    SaveFile(Box<SaveFile>),
    /// Hand this to a runner.
    Dispatch(Dispatch),
    /// Start a run of another workflow, in the commit that notes the start of the attempt. Send
    /// [`Event::EffectFinished`] when that run ends; at once if nobody is to wait for it, or if it cannot be
    /// started.
    CallSubflow(SubflowCall),
    /// After a restore: the attempt's run may be on its way, at its end, or it could not be started. Send
    /// [`Event::EffectFinished`] as after [`Command::CallSubflow`]; [`Event::AttemptLost`] if there is no such run.
    AwaitSubflow {
        /// The step's path.
        path: String,
        /// The attempt.
        attempt: u32,
    },
    /// The run that the attempt started is to stop, whatever it does: that wish goes into the commit too.
    CancelSubflow {
        /// The step's path.
        path: String,
        /// The attempt.
        attempt: u32,
    },
    /// Send [`Event::TimerFired`] when it is due.
    SetTimer {
        /// The waiting step's path.
        path: String,
        /// When.
        due: Timestamp,
    },
    /// Send [`Event::DeadlineReached`] then.
    SetDeadline(Timestamp),
    /// Tell the runner to stop; its report no longer matters.
    CancelAttempt {
        /// The step's path.
        path: String,
        /// The attempt.
        attempt: u32,
    },
    /// Send [`Event::Continue`] after the commit: there is more to do, but others have waited.
    Continue,
}

/// A file that a step leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaveFile {
    /// The same whenever and with whatever attempt the run comes to the end of this step.
    pub id: FileId,
    /// The step's path.
    pub path: String,
    /// The file's name, without a folder.
    pub name: String,
    /// What kind of content it has.
    pub content_type: &'static str,
    /// Bytes of the content.
    pub size_bytes: usize,
    /// The content as JSON: that of a text is the text itself.
    pub json: String,
    /// When.
    pub at: Timestamp,
}

/// Another workflow to run.
#[derive(Clone, Debug, PartialEq)]
pub struct SubflowCall {
    /// The step's path.
    pub path: String,
    /// The step's id.
    pub step: String,
    /// Counts from 1.
    pub attempt: u32,
    /// The workflow.
    pub workflow: WorkflowId,
    /// What it is given, a map: not checked against what it declares.
    pub inputs: Value,
    /// How it is run.
    pub options: SubflowOptions,
}

/// The Python packages of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packages {
    /// SHA-256 of the document that requires them, in hex: all of its runs have the same versions.
    pub document: String,
    /// What is required.
    pub requirements: Arc<[Requirement]>,
}

/// An effect to carry out.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    /// The step's path.
    pub path: String,
    /// The step's id.
    pub step: String,
    /// Counts from 1.
    pub attempt: u32,
    /// The action's full name.
    pub action: String,
    /// The evaluated inputs.
    pub inputs: Value,
    /// What the action's program sees of the run: [`Scope`](expr::Scope)'s roots by name, those that it may read.
    /// None: it sees nothing.
    pub context: Option<Value>,
    /// The Python packages that the action's code imports; none if it requires none.
    pub packages: Option<Packages>,
    /// Connection type -> connection name.
    pub connections: BTreeMap<String, String>,
    /// Milliseconds that the attempt may take.
    pub timeout_ms: u64,
    /// The action's whole answer is the output.
    pub full_response: bool,
    /// The runner group that the step names.
    pub runner_group: Option<String>,
    /// The runner group that the workflow names.
    pub workflow_runner_group: Option<String>,
    /// How often somebody has replaced its inputs: with others it is another request to whoever tells repeated
    /// ones by their key.
    pub replacements: u32,
}
