//! Routes of workspaces: those that make, describe and end them, and decide who is in them.

use http::Method;
use types::Permission::{WorkspaceCreate, WorkspaceEdit, WorkspaceView};

use crate::http::describe::Describe;
use crate::http::routes::Access::{Authenticated, TenantNeeds, WorkspaceNeeds};
use crate::http::routes::Routes;
use crate::http::{shares, workspaces};

const TAG: &str = "workspaces";

/// Workspaces and who is in them.
pub(super) fn routes(routes: Routes) -> Routes {
    let routes = sharing(routes)
        .root(
            Method::GET,
            "/workspaces",
            workspaces::list,
            Authenticated,
            Describe::new("ListWorkspaces", TAG, "The workspaces that the caller may enter")
                .q()
                .page::<workspaces::Workspace<'_>>(),
        )
        .root(
            Method::POST,
            "/workspaces",
            workspaces::create,
            TenantNeeds(WorkspaceCreate),
            Describe::new("CreateWorkspace", TAG, "A new workspace, which the caller owns")
                .body::<workspaces::WorkspaceInput>()
                .one::<workspaces::Workspace<'_>>()
                .error(400, "The name cannot be used"),
        )
        .root(
            Method::GET,
            "/workspaces/{id}",
            workspaces::get,
            WorkspaceNeeds(WorkspaceView),
            Describe::new("DescribeWorkspace", TAG, "A workspace with everybody who is in it")
                .id("Workspace ID")
                .one::<workspaces::Description<'_>>()
                .error(404, "Cannot find Workspace"),
        )
        .root(
            Method::PUT,
            "/workspaces/{id}",
            workspaces::update,
            WorkspaceNeeds(WorkspaceEdit),
            Describe::new("UpdateWorkspace", TAG, "Changes the name or description of a workspace")
                .id("Workspace ID")
                .body::<workspaces::WorkspaceInput>()
                .one::<workspaces::Workspace<'_>>()
                .error(400, "The name cannot be used")
                .error(404, "Cannot find Workspace"),
        )
        .root(
            Method::DELETE,
            "/workspaces/{id}",
            workspaces::delete,
            WorkspaceNeeds(WorkspaceEdit),
            Describe::new("DeleteWorkspace", TAG, "Deletes a workspace with everything in it")
                .id("Workspace ID")
                .query("force", "boolean", "Cancels runs that have not ended")
                .text()
                .error(400, "The only workspace")
                .error(404, "Cannot find Workspace")
                .error(409, "Runs have not ended"),
        );
    entities(routes)
}

fn sharing(routes: Routes) -> Routes {
    routes
        .root(
            Method::POST,
            "/workspaces/{id}/share",
            shares::share,
            WorkspaceNeeds(WorkspaceEdit),
            Describe::new("ShareResource", TAG, "Shares a thing with workspaces, users or groups")
                .id("Workspace ID")
                .body::<shares::ShareInput>()
                .text()
                .error(400, "It cannot be shared so")
                .error(404, "The thing or a target is unknown"),
        )
        .root(
            Method::POST,
            "/workspaces/{id}/unshare",
            shares::unshare,
            WorkspaceNeeds(WorkspaceEdit),
            Describe::new("UnShareResource", TAG, "Ends shares of a thing")
                .id("Workspace ID")
                .body::<shares::ShareInput>()
                .text()
                .error(400, "It cannot be shared so")
                .error(404, "The thing is unknown"),
        )
        .root(
            Method::POST,
            "/workspaces/{id}/{entity_type}/{entity_id}",
            shares::info,
            WorkspaceNeeds(WorkspaceView),
            Describe::new(
                "GetSharedResourceInformation",
                TAG,
                "Whom a thing is shared with, and who uses it",
            )
            .id("Workspace ID")
            .one::<shares::SharedResources>()
            .error(400, "No such kind of thing")
            .error(404, "The thing is unknown"),
        )
        .root(
            Method::GET,
            "/shared_with_me",
            shares::received,
            Authenticated,
            Describe::new("SharedWithMe", TAG, "The Workflows and apps that others share with the caller")
                .q()
                .page::<shares::Received>(),
        )
}

fn entities(routes: Routes) -> Routes {
    routes
        .root(
            Method::POST,
            "/workspaces/{id}/entities",
            workspaces::add_entities,
            WorkspaceNeeds(WorkspaceEdit),
            Describe::new("WorkspaceAddEntities", TAG, "Makes users and groups members")
                .id("Workspace ID")
                .body::<workspaces::EntitiesInput>()
                .empty()
                .error(400, "A role or type is unknown")
                .error(404, "A user or group is unknown"),
        )
        .root(
            Method::POST,
            "/workspaces/{id}/users",
            workspaces::add_users,
            WorkspaceNeeds(WorkspaceEdit),
            Describe::new("WorkspaceAddUsers", TAG, "Makes users members, as Viewers")
                .id("Workspace ID")
                .body::<workspaces::UsersInput>()
                .empty()
                .error(400, "Nobody is named")
                .error(404, "A user is unknown"),
        )
        .root(
            Method::POST,
            "/workspaces/{id}/{entity_type}/{entity_id}/role/{role}",
            workspaces::set_role,
            WorkspaceNeeds(WorkspaceEdit),
            Describe::new("WorkspaceSetUserRole", TAG, "Gives a member another role")
                .id("Workspace ID")
                .empty()
                .error(400, "The role is unknown, or the last owner's")
                .error(404, "No such member"),
        )
        .root(
            Method::DELETE,
            "/workspaces/{id}/{entity_type}/{entity_id}",
            workspaces::remove_entity,
            WorkspaceNeeds(WorkspaceEdit),
            Describe::new("WorkspaceRemoveEntity", TAG, "Ends a membership")
                .id("Workspace ID")
                .empty()
                .error(400, "The last owner's")
                .error(404, "No such member"),
        )
}
