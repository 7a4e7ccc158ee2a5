//! Routes about the server itself.

use http::Method;

use crate::http::describe::Describe;
use crate::http::routes::Access::Public;
use crate::http::routes::Routes;
use crate::http::{controller, docs};

/// The server itself.
pub(super) fn routes(routes: Routes) -> Routes {
    let tag = "Controller";
    routes
        .root(
            Method::GET,
            "/api/readiness",
            controller::readiness,
            Public,
            Describe::new("GetReadiness", tag, "Whether the server can work").text(),
        )
        .root(
            Method::GET,
            "/api/stats",
            controller::stats,
            Public,
            Describe::new("GetStats", tag, "What the server is doing").text(),
        )
        .root(
            Method::GET,
            "/api/version",
            controller::version,
            Public,
            Describe::new("GetVersion", tag, "The server's version").text(),
        )
        .root(
            Method::GET,
            "/openapi.json",
            docs::openapi,
            Public,
            Describe::new("GetOpenApi", tag, "This description, as OpenAPI 3.1"),
        )
        .root(
            Method::GET,
            "/openapi-3.0.json",
            docs::openapi_3_0,
            Public,
            Describe::new("GetOpenApi30", tag, "This description, as OpenAPI 3.0.1"),
        )
}
