//! The catalog of actions and connection types, and the built-in actions.
//!
//! The runner carries actions out through [`Effect`]; the server reads the [`Catalog`] to validate
//! workflows and draw forms. Knows no store and no server: an action gets inputs, connections and a
//! [`Sink`], and answers with an output or an [`ActionError`].

mod array;
mod catalog;
mod code;
pub mod connection_types;
mod context;
mod core;
mod error;
pub mod guard;
pub mod http;
mod inputs;
mod internal;
mod json;
mod pure;
mod spec;
mod tables;
mod utility;

pub use catalog::Catalog;
pub use code::{CODE_MEMORY_BYTES_DEFAULT, CodeHost, CodeSettings};
pub use context::{ActionContext, Connection, Effect, Sink};
pub use error::{ActionError, ErrorCode};
pub use inputs::Inputs;
pub use spec::{ActionKind, ActionSpec, Autofill, ConnectionNeed, Idempotency, InputType, Parameter};
