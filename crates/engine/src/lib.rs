//! The execution engine: a pure state machine. `Execution + Event + now -> Vec<Command>`.
//!
//! The driver (crate `server`) feeds events, makes every [`Command::Append`] durable, and only then carries
//! the other commands out. The state is the fold of the journal's entries, so a crash, a restart and a move
//! to another server share one path: read the journal, [`Execution::restore`], go on.
//!
//! This crate knows no clock, no randomness, no files, no network and no async.

mod attempt;
mod code_context;
pub mod codes;
mod command;
mod concurrency;
mod condition;
mod control;
mod cursor;
mod ending;
mod entry;
mod evaluate;
mod execution;
mod file;
mod fold;
mod fold_forks;
mod fork;
mod join;
pub mod limits;
mod outcome;
mod record;
mod restart;
mod retry;
mod scope;
mod state;
mod step;
mod strand;
mod subflow;
mod variables;
mod view;

pub use command::{Command, Dispatch, EffectResult, Event, Packages, SaveFile, SubflowCall};
pub use concurrency::concurrency_key;
pub use control::{Control, Decision, NewInputs, Refusal};
pub use entry::{
    Appended, DecisionKind, Entry, ROOT, RunError, RunState, StepError, StepFinished, StepState,
    SubflowOptions,
};
pub use execution::{Execution, RestoreError, Start};
pub use record::{BeganWith, StepRecord, step_records};
pub use restart::{Restart, RestartError, restart_point};
pub use strand::PendingEffect;
