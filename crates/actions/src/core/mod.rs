//! Actions that need no vendor.

pub(crate) mod http;
