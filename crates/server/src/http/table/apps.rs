//! Routes of apps, which people call dashboards.

use http::Method;
use store::shares::Shareable::PortalApp;
use types::Permission::{AppEdit, AppView};

use crate::http::apps;
use crate::http::describe::Describe;
use crate::http::routes::Access::{Needs, NeedsOrShared};
use crate::http::routes::Routes;

const TAG: &str = "Portal";
const ID: &str = "App ID";
const NOT_FOUND: &str = "Cannot find the app";
const NO_RESOURCE: &str = "Cannot find the app or the resource";
const CANNOT_BE: &str = "A member cannot be so";

/// Apps and what they show.
pub(super) fn routes(routes: Routes) -> Routes {
    resources(whole(routes))
}

fn whole(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::GET,
            "/apps",
            apps::list,
            Needs(AppView),
            Describe::new("AppFindByFilter", TAG, "Gets the apps")
                .q()
                .page::<apps::AppView>()
                .error(400, "Cannot read the query"),
        )
        .workspace(
            Method::POST,
            "/apps",
            apps::create,
            Needs(AppEdit),
            Describe::new("CreateApp", TAG, "Creates an app with what it shows")
                .body::<apps::AppInput>()
                .one::<apps::AppWithResources>()
                .error(400, CANNOT_BE),
        )
        .workspace(
            Method::GET,
            "/apps/{id}",
            apps::get,
            NeedsOrShared(AppView, PortalApp),
            Describe::new("AppGetById", TAG, "Gets an app with what it shows")
                .id(ID)
                .one::<apps::AppWithResources>()
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::PUT,
            "/apps/{id}",
            apps::update,
            Needs(AppEdit),
            Describe::new("UpdateApp", TAG, "Replaces what an app is called and is for")
                .id(ID)
                .body::<apps::AppInput>()
                .one::<apps::AppWithResources>()
                .error(400, CANNOT_BE)
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::DELETE,
            "/apps/{id}",
            apps::delete,
            Needs(AppEdit),
            Describe::new("DeleteApp", TAG, "Deletes an app").id(ID).text().error(404, NOT_FOUND),
        )
        .workspace(
            Method::PUT,
            "/apps/{id}/is_portal",
            apps::set_portal,
            Needs(AppEdit),
            Describe::new("SetAppIsPortal", TAG, "Says whether an app is for the portal")
                .id(ID)
                .body::<apps::IsPortalInput>()
                .one::<apps::AppView>()
                .error(404, NOT_FOUND),
        )
}

fn resources(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::POST,
            "/apps/{id}/resources",
            apps::create_resource,
            Needs(AppEdit),
            Describe::new("CreateAppResource", TAG, "Adds something that the app shows")
                .id(ID)
                .body::<apps::ResourceInput>()
                .one::<apps::Resource>()
                .error(400, CANNOT_BE)
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::PUT,
            "/apps/{id}/resources/{rid}",
            apps::update_resource,
            Needs(AppEdit),
            Describe::new("UpdateAppResource", TAG, "Replaces attributes and place of a resource")
                .id(ID)
                .body::<apps::ResourceInput>()
                .one::<apps::Resource>()
                .error(400, CANNOT_BE)
                .error(404, NO_RESOURCE),
        )
        .workspace(
            Method::DELETE,
            "/apps/{id}/resources/{rid}",
            apps::delete_resource,
            Needs(AppEdit),
            Describe::new("DeleteAppResource", TAG, "Deletes a resource")
                .id(ID)
                .text()
                .error(404, NO_RESOURCE),
        )
        .workspace(
            Method::GET,
            "/apps/{id}/resources/{rid}/data",
            apps::data,
            NeedsOrShared(AppView, PortalApp),
            Describe::new("GetAppResourceData", TAG, "Gets what a resource shows at the moment")
                .id(ID)
                .query(
                    "q",
                    "string",
                    "Of a table: JSON as of its records; it narrows what the resource shows",
                )
                .error(400, "The table has no such column, or the filter cannot be read")
                .error(404, "Cannot find the app, the resource or its table"),
        )
}
