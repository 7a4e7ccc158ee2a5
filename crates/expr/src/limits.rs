//! What bounds reading and evaluating an expression. Each limit is met by a test in `tests/limits.rs`.
//!
//! The defaults let everyday expressions over a step's largest output pass, and end in well under a second
//! what was written to exhaust the machine.

/// Bytes of one expression.
pub const SOURCE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one template.
pub const TEMPLATE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Levels of brackets and operands inside one another in one expression: the parser goes down by recursion,
/// and a thread's stack is finite.
pub const SOURCE_NESTING_MAX: usize = 64;
/// Levels of the tree of one expression. More than the nesting, because `a + b + c` is a level for each `+`.
pub const SOURCE_DEPTH_MAX: usize = 250;
/// Units of work of one evaluation; an instruction or an element visited is one.
pub const FUEL_MAX: u64 = 20_000_000;
/// Bytes of all the text, lists and maps that one evaluation makes, a list element counted as 24.
pub const MEMORY_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Bytes of one text that an evaluation makes.
pub const STRING_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Elements of one list or map that an evaluation makes.
pub const LIST_ITEMS_MAX: usize = 1_000_000;
/// Values inside a result, it and all that is nested in it counted.
pub const VALUE_NODES_MAX: usize = 4_000_000;
/// Levels of nesting of a result.
pub const VALUE_DEPTH_MAX: usize = 256;
/// Bytes that a compiled regular expression may take.
pub const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// The limits of one evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// See [`FUEL_MAX`].
    pub fuel: u64,
    /// See [`MEMORY_BYTES_MAX`].
    pub memory_bytes: usize,
    /// See [`STRING_BYTES_MAX`].
    pub string_bytes: usize,
    /// See [`LIST_ITEMS_MAX`].
    pub list_items: usize,
    /// See [`VALUE_NODES_MAX`].
    pub value_nodes: usize,
    /// See [`VALUE_DEPTH_MAX`].
    pub value_depth: usize,
}

impl Limits {
    /// The limits that hold if nobody says otherwise.
    pub const DEFAULT: Self = Self {
        fuel: FUEL_MAX,
        memory_bytes: MEMORY_BYTES_MAX,
        string_bytes: STRING_BYTES_MAX,
        list_items: LIST_ITEMS_MAX,
        value_nodes: VALUE_NODES_MAX,
        value_depth: VALUE_DEPTH_MAX,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
