//! Routes of what belongs to the caller.

use http::Method;

use crate::http::api_keys;
use crate::http::describe::Describe;
use crate::http::routes::Access::Authenticated;
use crate::http::routes::Routes;

/// The caller's own things.
pub(super) fn routes(routes: Routes) -> Routes {
    let tag = "User Settings";
    routes
        .root(
            Method::GET,
            "/apikey",
            api_keys::list,
            Authenticated,
            Describe::new("ListAPIKeys", tag, "The caller's API keys, without the keys")
                .array::<api_keys::ApiKey>(),
        )
        .root(
            Method::POST,
            "/apikey",
            api_keys::create,
            Authenticated,
            Describe::new("GenerateAPIKey", tag, "A new API key of the caller, shown this once")
                .body::<api_keys::ApiKeyInput>()
                .one::<api_keys::NewApiKey>()
                .error(400, "No more keys"),
        )
        .root(
            Method::DELETE,
            "/apikey",
            api_keys::revoke,
            Authenticated,
            Describe::new("RemoveAPIKey", tag, "Revokes an API key of the caller")
                .query("id", "string", "The key's id")
                .text()
                .error(400, "The last key")
                .error(404, "No such key"),
        )
}
