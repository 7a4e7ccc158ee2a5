//! Actions that need no vendor.

pub(crate) mod code;
pub(crate) mod http;
pub(crate) mod jq;
