//! The catalog of actions and connection types, and the built-in actions.
