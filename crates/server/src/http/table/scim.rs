//! Routes of SCIM, by which an identity provider makes, changes and removes the tenant's users.

use http::Method;
use types::Permission::AccountEdit;

use crate::http::describe::Describe;
use crate::http::routes::Access::ScimNeeds;
use crate::http::routes::Routes;
use crate::http::scim;

const NO_USER: &str = "No such user";
const NO_GROUP: &str = "No such group";
const NO_THING: &str = "There is none of that name";

/// SCIM 2.0 for users and groups.
pub(super) fn routes(routes: Routes) -> Routes {
    group_routes(user_routes(discovery_routes(routes)))
}

fn describe(id: &'static str, summary: &'static str) -> Describe {
    Describe::new(id, "Users", summary).scim(Some(200))
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
        .root(
            Method::GET,
            "/scim/v2/ResourceTypes/{id}",
            scim::resource_type,
            access,
            describe("ScimResourceType", "A kind of resources of SCIM").error(404, NO_THING),
        )
        .root(
            Method::GET,
            "/scim/v2/Schemas/{id}",
            scim::schema,
            access,
            describe("ScimSchema", "The attributes of a kind of resources").error(404, NO_THING),
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
                .error(400, "It cannot be so")
                .scim(Some(201))
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
            describe("ScimReplaceUser", "Replaces a user, by an identity provider")
                .error(409, "It is taken, or the last Admin")
                .error(400, "It cannot be so")
                .error(404, NO_USER),
        )
        .root(
            Method::PATCH,
            "/scim/v2/Users/{id}",
            scim::patch_user,
            access,
            describe("ScimPatchUser", "Changes a user, by an identity provider")
                .error(409, "It is taken, or the last Admin")
                .error(400, "It cannot be so")
                .error(404, NO_USER),
        )
        .root(
            Method::DELETE,
            "/scim/v2/Users/{id}",
            scim::delete,
            access,
            describe("ScimDeleteUser", "Deletes a user, by an identity provider")
                .error(409, "It is taken, or the last Admin")
                .scim(None)
                .error(404, NO_USER),
        )
}

fn group_routes(routes: Routes) -> Routes {
    let access = ScimNeeds(AccountEdit);
    routes
        .root(
            Method::GET,
            "/scim/v2/Groups",
            scim::list_groups,
            access,
            describe("ScimListGroups", "The groups of the tenant, for an identity provider")
                .query("filter", "string", "A filter of SCIM, as `displayName eq \"Analysts\"`")
                .query("startIndex", "integer", "The first of them, from 1")
                .query("count", "integer", "How many")
                .error(400, "The filter cannot be read"),
        )
        .root(
            Method::POST,
            "/scim/v2/Groups",
            scim::create_group,
            access,
            describe("ScimCreateGroup", "A new group, by an identity provider")
                .error(400, "It cannot be so")
                .scim(Some(201))
                .error(409, "There is such a group"),
        )
        .root(
            Method::GET,
            "/scim/v2/Groups/{id}",
            scim::get_group,
            access,
            describe("ScimGetGroup", "A group, for an identity provider").error(404, NO_GROUP),
        )
        .root(
            Method::PUT,
            "/scim/v2/Groups/{id}",
            scim::replace_group,
            access,
            describe("ScimReplaceGroup", "Replaces a group, by an identity provider")
                .error(409, "It is taken, or the last Admin")
                .error(400, "It cannot be so")
                .error(404, NO_GROUP),
        )
        .root(
            Method::PATCH,
            "/scim/v2/Groups/{id}",
            scim::patch_group,
            access,
            describe("ScimPatchGroup", "Changes a group, by an identity provider")
                .error(409, "It is taken, or the last Admin")
                .error(400, "It cannot be so")
                .error(404, NO_GROUP),
        )
        .root(
            Method::DELETE,
            "/scim/v2/Groups/{id}",
            scim::delete_group,
            access,
            describe("ScimDeleteGroup", "Deletes a group, by an identity provider")
                .scim(None)
                .error(404, NO_GROUP),
        )
}
