//! Routes of connections.

use http::Method;
use types::Permission::{ConnectionEdit, ConnectionView};

use crate::http::describe::Describe;
use crate::http::routes::Access::Needs;
use crate::http::routes::Routes;
use crate::http::{connections, shares};

const TAG: &str = "Connections";
const ID: &str = "Connection ID";
const NOT_FOUND: &str = "Cannot find Connection";

/// Connections.
pub(super) fn routes(routes: Routes) -> Routes {
    about(stored(routes))
}

fn stored(routes: Routes) -> Routes {
    let force = "Delete it although workflows use it";
    routes
        .workspace(
            Method::GET,
            "/connections",
            connections::list,
            Needs(ConnectionView),
            Describe::new("ConnectionFindByFilter", TAG, "Gets Connections by filter")
                .q()
                .page::<connections::ListedConnection>()
                .error(400, "Cannot read the query"),
        )
        .workspace(
            Method::POST,
            "/connections",
            connections::create,
            Needs(ConnectionEdit),
            Describe::new("ConnectionCreate", TAG, "Creates a Connection")
                .body::<connections::ConnectionInput>()
                .one::<connections::Connection>()
                .error(400, "Cannot create Connection"),
        )
        .workspace(
            Method::GET,
            "/connections/{id}",
            connections::get,
            Needs(ConnectionView),
            Describe::new("ConnectionGetById", TAG, "Gets a Connection by id")
                .id(ID)
                .array::<connections::Connection>()
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::POST,
            "/connections/{id}",
            connections::edit,
            Needs(ConnectionEdit),
            Describe::new("ConnectionEdit", TAG, "Changes a Connection")
                .id(ID)
                .body::<connections::ConnectionInput>()
                .one::<connections::Connection>()
                .error(400, "Cannot change Connection")
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::DELETE,
            "/connections/{id}",
            connections::delete,
            Needs(ConnectionEdit),
            Describe::new("ConnectionDelete", TAG, "Deletes a Connection")
                .id(ID)
                .query("force", "boolean", force)
                .text()
                .error(400, "The Connection is in use")
                .error(404, NOT_FOUND),
        )
}

fn about(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::POST,
            "/connections/test",
            connections::test,
            Needs(ConnectionEdit),
            Describe::new("TestConnection", TAG, "Asks the tool whether it accepts a Connection")
                .body::<connections::TestRequest>()
                .text()
                .error(400, "The tool does not accept it"),
        )
        .workspace(
            Method::POST,
            "/connections/{id}/test",
            connections::test_stored,
            Needs(ConnectionEdit),
            Describe::new("ConnectionTestById", TAG, "Asks the tool whether it accepts a stored Connection")
                .id(ID)
                .text()
                .error(400, "The tool does not accept it")
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::GET,
            "/connections/{id}/usage",
            connections::usage,
            Needs(ConnectionView),
            Describe::new("ConnectionUsage", TAG, "Which Workflows use a Connection")
                .id(ID)
                .one::<shares::SharedResources>()
                .error(404, NOT_FOUND),
        )
}
