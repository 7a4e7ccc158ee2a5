//! Routes of SCIM, by which an identity provider makes, changes and removes the tenant's users.

use http::Method;
use types::Permission::AccountEdit;

use crate::http::describe::Describe;
use crate::http::routes::Access::ScimNeeds;
use crate::http::routes::Routes;
use crate::http::scim;

const SCIM: &str = "application/scim+json";
const NO_USER: &str = "No such user";

/// SCIM 2.0 for users.
pub(super) fn routes(routes: Routes) -> Routes {
    user_routes(discovery_routes(routes))
}

fn describe(id: &'static str, summary: &'static str) -> Describe {
    Describe::new(id, "Users", summary).other(SCIM)
}

fn discovery_routes(routes: Routes) -> Routes {
    let access = ScimNeeds(AccountEdit);
    routes
        .root(
            Method::GET,
            "/scim/v2/ServiceProviderConfig",
            scim::provider_config,
            access,
            describe("ScimProviderConfig", "What of SCIM the server knows"),
        )
        .root(
            Method::GET,
            "/scim/v2/ResourceTypes",
            scim::resource_types,
            access,
            describe("ScimResourceTypes", "The kinds of resources of SCIM"),
        )
        .root(
            Method::GET,
            "/scim/v2/Schemas",
            scim::schemas,
            access,
            describe("ScimSchemas", "The attributes of the resources of SCIM"),
        )
}

fn user_routes(routes: Routes) -> Routes {
    let access = ScimNeeds(AccountEdit);
    routes
        .root(
            Method::GET,
            "/scim/v2/Users",
            scim::list,
            access,
            describe("ScimListUsers", "The people of the tenant, for an identity provider")
                .query("filter", "string", "A filter of SCIM, as `userName eq \"ada@example.com\"`")
                .query("startIndex", "integer", "The first of them, from 1")
                .query("count", "integer", "How many")
                .error(400, "The filter cannot be read"),
        )
        .root(
            Method::POST,
            "/scim/v2/Users",
            scim::create,
            access,
            describe("ScimCreateUser", "A new user, by an identity provider")
                .error(409, "There is such a user"),
        )
        .root(
            Method::GET,
            "/scim/v2/Users/{id}",
            scim::get,
            access,
            describe("ScimGetUser", "A user, for an identity provider").error(404, NO_USER),
        )
        .root(
            Method::PUT,
            "/scim/v2/Users/{id}",
            scim::replace,
            access,
            describe("ScimReplaceUser", "Replaces a user, by an identity provider").error(404, NO_USER),
        )
        .root(
            Method::PATCH,
            "/scim/v2/Users/{id}",
            scim::patch_user,
            access,
            describe("ScimPatchUser", "Changes a user, by an identity provider").error(404, NO_USER),
        )
        .root(
            Method::DELETE,
            "/scim/v2/Users/{id}",
            scim::delete,
            access,
            describe("ScimDeleteUser", "Deletes a user, by an identity provider").error(404, NO_USER),
        )
}
