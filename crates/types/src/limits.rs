//! Every bound that more than one crate respects, with its unit in the name. Each is met by a test.
//! A bound that one crate alone knows stands in that crate.

/// Bytes of a workflow document.
pub const WORKFLOW_DOCUMENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Levels of nesting in a workflow document, lists and maps alike.
pub const WORKFLOW_DOCUMENT_DEPTH_MAX: usize = 100;
/// Nodes (scalars, lists, maps) of a workflow document, aliases counted each time they are used.
pub const WORKFLOW_DOCUMENT_NODES_MAX: usize = 250_000;
/// Steps of a workflow, nested ones included.
pub const WORKFLOW_STEPS_MAX: usize = 5_000;
/// Python packages that a workflow or a step may require, also both together.
pub const REQUIREMENTS_MAX: usize = 50;
/// Bytes of one required package with its versions and marker.
pub const REQUIREMENT_BYTES_MAX: usize = 200;
/// Different lists of required packages among the steps of a workflow; each is resolved by itself.
pub const REQUIREMENT_LISTS_MAX: usize = 20;
/// Steps that one run may start, loop turns counted.
pub const EXECUTION_STEPS_MAX: u64 = 1_000_000;
/// Turns of one loop.
pub const LOOP_TURNS_MAX: usize = 100_000;
/// Turns of one concurrent loop at a time.
pub const LOOP_CONCURRENCY_MAX: usize = 100;
/// How many jumps of the format of 2021 may lie within each other.
pub const GOTO_NESTING_MAX: usize = 16;
/// Branches of one `internal.parallel`.
pub const PARALLEL_BRANCHES_MAX: usize = 50;
/// Bytes of a step's output as JSON.
pub const STEP_OUTPUT_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Bytes of a workflow's outputs as JSON.
pub const EXECUTION_OUTPUT_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Bytes of a variable as JSON.
pub const VARIABLE_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Bytes, as JSON, of what a code step is given of its run.
pub const CODE_CONTEXT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Variables that one code step may set.
pub const CODE_VARIABLES_MAX: usize = 1_000;
/// Bytes of the name of a variable that a code step sets.
pub const CODE_VARIABLE_NAME_BYTES_MAX: usize = 255;
/// Milliseconds that a run may take if its workflow does not say (2 h).
pub const EXECUTION_RUN_TIME_MS_DEFAULT: i64 = 2 * 60 * 60 * 1000;
/// Milliseconds that a workflow may allow its runs (30 days); the server's own limit holds all the same.
pub const WORKFLOW_TIMEOUT_MS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;
/// Milliseconds that a step may take if it does not say.
pub const STEP_TIMEOUT_MS_DEFAULT: u64 = 60_000;
/// Milliseconds that a step may take at most (12 h).
pub const STEP_TIMEOUT_MS_MAX: u64 = 12 * 60 * 60 * 1000;
/// Attempts of one step, the first one included.
pub const RETRY_ATTEMPTS_MAX: u32 = 100;
/// Milliseconds between two attempts of a step at most (1 h).
pub const RETRY_BACKOFF_MS_MAX: u64 = 60 * 60 * 1000;
/// How many times as long each pause between attempts may be as the one before.
pub const RETRY_FACTOR_MAX: f64 = 10.0;
/// Runs with one `concurrency` key that a workflow may allow.
pub const CONCURRENCY_LIMIT_MAX: u32 = 10_000;
/// Bytes of an evaluated `concurrency` key.
pub const CONCURRENCY_KEY_BYTES_MAX: usize = 512;
/// Milliseconds that a wait may take (14 days).
pub const SLEEP_MS_MAX: i64 = 14 * 24 * 60 * 60 * 1000;
/// Runs that a run may be nested in: the calls of subflows between it and the run that it all began with.
pub const SUBFLOW_DEPTH_MAX: i64 = 10;
/// Milliseconds that a step may wait for the run it has called, if it says (14 days).
pub const SUBFLOW_TIMEOUT_MS_MAX: i64 = 14 * 24 * 60 * 60 * 1000;
/// Milliseconds ahead for which a step may put off the run it calls (366 days).
pub const SUBFLOW_DELAY_MS_MAX: i64 = 366 * 24 * 60 * 60 * 1000;
/// Milliseconds: a run that is put off for less than that begins at once (2 min).
pub const SUBFLOW_DELAY_MS_MIN: i64 = 2 * 60 * 1000;
/// Rows of one page of a list.
pub const PAGE_ROWS_MAX: u64 = 1000;
/// Rows of one page of a list if the caller does not say.
pub const PAGE_ROWS_DEFAULT: u64 = 100;
/// Characters of a name: of a connection, a workflow, an API key.
pub const NAME_CHARS_MAX: usize = 255;
/// Characters of the name of a file that a step leaves.
pub const FILE_NAME_CHARS_MAX: usize = 255;
/// Characters of a description.
pub const DESCRIPTION_CHARS_MAX: usize = 10_000;
/// Bytes of one attribute of a connection.
pub const CONNECTION_ATTRIBUTE_BYTES_MAX: usize = 64 * 1024;
/// Attributes of one connection.
pub const CONNECTION_ATTRIBUTES_MAX: usize = 64;
/// The text that stands where a secret attribute is; writing it back keeps what is stored.
pub const SECRET_MASK: &str = "********";
