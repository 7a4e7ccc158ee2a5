//! SCIM 2.0 (RFC 7643, RFC 7644): an identity provider makes, changes and removes the people of the tenant.

mod discovery;
mod filter;
mod patch;
mod refusal;
mod user;
mod users;

pub(super) use discovery::{provider_config, resource_types, schemas};
pub(super) use refusal::Refusal;
pub(super) use users::{create, delete, get, list, patch_user, replace};
