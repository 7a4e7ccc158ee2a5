//! Bounds that the engine alone respects. Those it shares stand in `types::limits`.

/// Steps that one [`advance`](crate::Execution::advance) takes before it lets others have their turn.
pub const STEPS_PER_ADVANCE_MAX: usize = 512;
/// Bytes of an error's message kept in the journal.
pub const ERROR_MESSAGE_BYTES_MAX: usize = 16 * 1024;
