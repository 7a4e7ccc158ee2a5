//! Routes of the audit log.

use http::Method;
use types::Permission::AuditView;

use crate::http::audit_log;
use crate::http::describe::Describe;
use crate::http::routes::Access::{Needs, TenantNeeds};
use crate::http::routes::Routes;

const LINES: &str = "application/x-ndjson";

/// Lists and exports, of a workspace and of the whole tenant.
pub(super) fn routes(routes: Routes) -> Routes {
    let tag = "workspaces";
    let export = |id: &'static str, summary: &'static str| {
        Describe::new(id, tag, summary)
            .query("from", "integer", "The first instant, in milliseconds since the epoch")
            .query("to", "integer", "The instant before which it ends, in milliseconds since the epoch")
            .other(LINES)
            .error(400, "A parameter is no number")
    };
    routes
        .workspace(
            Method::GET,
            "/audit_log",
            audit_log::list,
            Needs(AuditView),
            Describe::new("ListAuditLog", tag, "Who did what in the workspace")
                .q()
                .page::<audit_log::AuditEntry>(),
        )
        .workspace(
            Method::GET,
            "/audit_log/export",
            audit_log::export,
            Needs(AuditView),
            export("ExportAuditLog", "Who did what in the workspace, as JSON lines, the oldest first"),
        )
        .root(
            Method::GET,
            "/tenant/audit_log",
            audit_log::list_tenant,
            TenantNeeds(AuditView),
            Describe::new("ListTenantAuditLog", tag, "Who did what in the tenant")
                .q()
                .page::<audit_log::AuditEntry>(),
        )
        .root(
            Method::GET,
            "/tenant/audit_log/head",
            audit_log::head,
            TenantNeeds(AuditView),
            Describe::new("GetAuditHead", tag, "The newest seal over the tenant's audit log")
                .one::<audit_log::AuditHead>(),
        )
        .root(
            Method::GET,
            "/tenant/audit_log/export",
            audit_log::export_tenant,
            TenantNeeds(AuditView),
            export("ExportTenantAuditLog", "Who did what in the tenant, as JSON lines, the oldest first"),
        )
}
