//! YAML text to a tree in which every value knows where it stands.
//!
//! Knows nothing of workflows. Scalars are resolved as Go's yaml.v3 does it; duplicate keys, aliases and
//! bounds are decided here, the grammar is granit-parser's.

mod loader;
mod node;
mod offset;
mod scalar;
mod syntax;

pub(crate) use loader::load;
pub(crate) use node::{Content, Entry, Node, chosen, shorten};
