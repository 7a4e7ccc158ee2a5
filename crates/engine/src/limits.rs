//! Bounds that the engine alone respects. Those it shares stand in `types::limits`.

/// Steps that one [`advance`](crate::Execution::advance) takes before it lets others have their turn.
pub const STEPS_PER_ADVANCE_MAX: usize = 256;
/// Bytes of values, as JSON, that one [`advance`](crate::Execution::advance) decides on before its entries are
/// to be written: what it holds in memory at a time.
pub const ADVANCE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of values, as JSON, in the journal of one run.
pub const JOURNAL_BYTES_MAX: usize = 1024 * 1024 * 1024;
/// Milliseconds that a runner may take, after a step's own time, to say how it went (5 s).
pub const RUNNER_GRACE_MS: u64 = 5_000;
/// Attempts of one step that may be lost with their runners or servers; those that failed do not count. Whatever
/// takes them down each time must not be asked to for ever.
pub const LOST_ATTEMPTS_MAX: u32 = 20;
/// Bytes of an error's message kept in the journal.
pub const ERROR_MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Branches and turns of concurrent loops that one run has under way at a time, counted with those that wait for
/// them.
pub const STRANDS_MAX: usize = 1_000;
