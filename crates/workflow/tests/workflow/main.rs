//! The crate from outside, in one binary: it links faster than six.

mod catalog;
mod codes;
mod documents;
mod hostile;
mod places;
mod plan;
mod scopes;
