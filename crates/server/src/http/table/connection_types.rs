//! Routes of connection types.

use http::Method;
use types::Permission::{ConnectionTypeEdit, ConnectionTypeView};

use crate::http::connection_types;
use crate::http::describe::Describe;
use crate::http::routes::Access::TenantNeeds;
use crate::http::routes::Routes;

const TAG: &str = "Connections";
const ID: &str = "Connection type ID";
const NOT_FOUND: &str = "Cannot find Connection type";

/// Connection types.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .root(
            Method::GET,
            "/connection_types",
            connection_types::list,
            TenantNeeds(ConnectionTypeView),
            Describe::new("ConnectionTypeFindByFilter", TAG, "Gets Connection types by filter")
                .q()
                .page::<connection_types::ConnectionType>()
                .error(400, "Cannot read the query"),
        )
        .root(
            Method::POST,
            "/connection_types",
            connection_types::create,
            TenantNeeds(ConnectionTypeEdit),
            Describe::new("ConnectionTypeCreate", TAG, "Creates a Connection type of the tenant's own")
                .one::<connection_types::ConnectionType>()
                .error(400, "Cannot create Connection type"),
        )
        .root(
            Method::GET,
            "/connection_types/{id}",
            connection_types::get,
            TenantNeeds(ConnectionTypeView),
            Describe::new("ConnectionTypeGetById", TAG, "Gets a Connection type by id or name")
                .id(ID)
                .one::<connection_types::ConnectionType>()
                .error(404, NOT_FOUND),
        )
        .root(
            Method::DELETE,
            "/connection_types/{id}",
            connection_types::delete,
            TenantNeeds(ConnectionTypeEdit),
            Describe::new("ConnectionTypeDelete", TAG, "Deletes a Connection type of the tenant's own")
                .id(ID)
                .text()
                .error(400, "The Connection type is in use")
                .error(404, NOT_FOUND),
        )
}
