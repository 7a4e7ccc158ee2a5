//! Tables of the system: what `/table/{name}` answers for things that the server keeps by itself, and not as records of
//! a workspace's table. The routes of records ask here first. No table of a workspace can have such a name.
//!
//! A route has let the caller in as one who may read or write records of the workspace; whatever else a table of the
//! system asks for, its own functions ask for.

mod automation_packs;
mod groups;
mod sys_application;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::extract::ListQuery;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};

type Answering = BoxFuture<'static, ApiResult>;

/// How the routes of records are answered for one table of the system. The `{id}` of the path is in the context.
pub(super) struct SystemTable {
    name: &'static str,
    /// Its records.
    pub(super) list: fn(Ctx, ListQuery) -> Answering,
    /// One record.
    pub(super) get: fn(Ctx) -> Answering,
    /// A new record.
    pub(super) create: fn(Ctx, Map<String, Value>) -> Answering,
    /// Changes the members of a record that the body names.
    pub(super) update: fn(Ctx, Map<String, Value>) -> Answering,
    /// Deletes a record.
    pub(super) delete: fn(Ctx) -> Answering,
}

/// Each name with the module of this folder whose `list`, `get`, `create`, `update` and `delete` answer for it.
macro_rules! system_tables {
    ($($name:literal => $module:ident;)*) => {
        const TABLES: &[SystemTable] = &[$(SystemTable {
            name: $name,
            list: |ctx, list| Box::pin($module::list(ctx, list)),
            get: |ctx| Box::pin($module::get(ctx)),
            create: |ctx, body| Box::pin($module::create(ctx, body)),
            update: |ctx, body| Box::pin($module::update(ctx, body)),
            delete: |ctx| Box::pin($module::delete(ctx)),
        }),*];
    };
}

system_tables! {
    "sys_groups" => groups;
    "automation_packs" => automation_packs;
    "sys_application" => sys_application;
}

/// The table of the system that has that name.
pub(super) fn find(name: &str) -> Option<&'static SystemTable> {
    TABLES.iter().find(|table| table.name == name)
}

/// Of a table that is written by routes of its own.
fn changed_elsewhere(ctx: &Ctx, elsewhere: &str) -> ApiError {
    let message = format!("the table `{}` is written by `{elsewhere}`", ctx.param("table"));
    ApiError::new(&code::METHOD_NOT_ALLOWED, message)
}
