//! Routes of the people of a tenant: the caller, users, groups, invitations, service accounts, the tenant itself.

use http::Method;
use types::Permission::{AccountEdit, AccountInvite, AccountView};

use crate::http::api_keys;
use crate::http::describe::Describe;
use crate::http::people::{self, groups, invites, me, service_accounts, tenant};
use crate::http::routes::Access::{Authenticated, Public, TenantNeeds};
use crate::http::routes::Routes;

const NO_USER: &str = "No such user";
const NO_GROUP: &str = "No such group";
const NO_INVITE: &str = "Invalid invitation id has been provided";
const NO_ACCOUNT: &str = "No such service account";
const LAST_ADMIN: &str = "The last active Admin";

/// The people of a tenant.
pub(super) fn routes(routes: Routes) -> Routes {
    service_account_routes(invite_routes(group_routes(user_routes(tenant_routes(own_routes(routes))))))
}

fn own_routes(routes: Routes) -> Routes {
    let tag = "User Info";
    routes
        .root(
            Method::GET,
            "/user",
            me::get,
            Authenticated,
            Describe::new("GetUserDetails", tag, "Who the caller is").one::<me::Details>(),
        )
        .root(
            Method::GET,
            "/user-workspaces",
            me::list_workspaces,
            Authenticated,
            Describe::new("GetWorkspaces", tag, "The workspaces that the caller may enter, by id"),
        )
        .root(
            Method::PUT,
            "/user/selected_workspace",
            me::select_workspace,
            Authenticated,
            Describe::new("SelectWorkspace", tag, "Chooses the workspace that an address without one means")
                .body::<me::SelectedWorkspace>()
                .text()
                .error(404, "The caller sees no such workspace"),
        )
        .root(
            Method::GET,
            "/user_settings",
            me::list_settings,
            Authenticated,
            Describe::new("UserSettingsFindAll", "User Settings", "The texts that the caller keeps")
                .array::<me::UserSetting>(),
        )
        .root(
            Method::POST,
            "/user_settings",
            me::set_setting,
            Authenticated,
            Describe::new("UserSettingsSetValue", "User Settings", "Keeps a text of the caller under a name")
                .body::<me::UserSettingInput>()
                .one::<me::UserSetting>()
                .error(400, "The text cannot be kept"),
        )
}

fn tenant_routes(routes: Routes) -> Routes {
    let tag = "Users";
    routes
        .root(
            Method::GET,
            "/tenant",
            tenant::get,
            TenantNeeds(AccountView),
            Describe::new("FetchTenant", tag, "The tenant with its settings").one::<tenant::Tenant>(),
        )
        .root(
            Method::POST,
            "/tenant/settings",
            tenant::set_settings,
            TenantNeeds(AccountEdit),
            Describe::new("UpdateSettings", tag, "Changes the tenant's settings that the body names")
                .body::<tenant::TenantSettingsInput>()
                .one::<tenant::TenantSettings>()
                .error(400, "A setting cannot be so"),
        )
        .root(
            Method::GET,
            "/tenant/entities",
            tenant::list_entities,
            TenantNeeds(AccountView),
            Describe::new("TenantEntities", tag, "The users and groups that a thing can be shared with")
                .q()
                .page::<tenant::Entity>(),
        )
}

fn user_routes(routes: Routes) -> Routes {
    let tag = "Users";
    routes
        .root(
            Method::GET,
            "/users",
            people::list,
            TenantNeeds(AccountView),
            Describe::new("UserFindAll", tag, "The tenant's users").q().page::<people::User>(),
        )
        .root(
            Method::PUT,
            "/user/{id}/role/{role}",
            people::set_role,
            TenantNeeds(AccountEdit),
            Describe::new("SetUserRole", tag, "Gives a user another role in the tenant")
                .id("User ID")
                .text()
                .error(400, LAST_ADMIN)
                .error(404, NO_USER),
        )
        .root(
            Method::PUT,
            "/user/{id}/status/{status}",
            people::set_status,
            TenantNeeds(AccountEdit),
            Describe::new("SetUserStatus", tag, "Switches a user on (Active) or off (Inactive)")
                .id("User ID")
                .text()
                .error(400, LAST_ADMIN)
                .error(404, NO_USER),
        )
        .root(
            Method::POST,
            "/user/{id}",
            people::delete,
            TenantNeeds(AccountEdit),
            deletes_user("DeleteUser"),
        )
        .root(
            Method::DELETE,
            "/user/{id}",
            people::delete,
            TenantNeeds(AccountEdit),
            deletes_user("RemoveUser"),
        )
        .root(
            Method::POST,
            "/user/{id}/tenant/{tenant_id}",
            people::set_tenant,
            TenantNeeds(AccountEdit),
            Describe::new("MoveUserTenant", tag, "Moves a user to another tenant; a server has one as yet")
                .id("User ID")
                .text()
                .error(400, "There is no other tenant")
                .error(404, NO_USER),
        )
}

fn deletes_user(operation_id: &'static str) -> Describe {
    Describe::new(operation_id, "Users", "Deletes a user; what they have made stays")
        .id("User ID")
        .text()
        .error(400, LAST_ADMIN)
        .error(404, NO_USER)
}

fn group_routes(routes: Routes) -> Routes {
    let tag = "Groups";
    let changes = |operation_id, summary| {
        Describe::new(operation_id, tag, summary)
            .id("Group ID")
            .body::<groups::Ids>()
            .texts()
            .error(400, "Some ids are no users; none was changed")
            .error(404, NO_GROUP)
    };
    routes
        .root(
            Method::GET,
            "/group/{id}",
            groups::list_users,
            TenantNeeds(AccountView),
            Describe::new("ListGroupUsers", tag, "The users in a group")
                .id("Group ID")
                .q()
                .page::<people::User>()
                .error(404, NO_GROUP),
        )
        .root(
            Method::DELETE,
            "/group/{id}",
            groups::delete,
            TenantNeeds(AccountEdit),
            Describe::new("DeleteGroup", tag, "Deletes a group").id("Group ID").text().error(404, NO_GROUP),
        )
        .root(
            Method::POST,
            "/groups/{id}/add_users",
            groups::add_users,
            TenantNeeds(AccountEdit),
            changes("AddUsersToGroup", "Puts users into a group, all or none"),
        )
        .root(
            Method::POST,
            "/groups/{id}/remove_users",
            groups::remove_users,
            TenantNeeds(AccountEdit),
            changes("RemoveUsersFromGroup", "Takes users out of a group, all or none"),
        )
        .root(
            Method::GET,
            "/user/{id}/groups",
            groups::list_of_user,
            TenantNeeds(AccountView),
            Describe::new("GetUserGroups", tag, "The groups that a user is in")
                .id("User ID")
                .q()
                .page::<groups::Group>()
                .error(404, NO_USER),
        )
        .root(
            Method::POST,
            "/user/{id}/groups",
            groups::add_to_groups,
            TenantNeeds(AccountEdit),
            Describe::new("AddUserToGroups", tag, "Puts a user into groups, all or none")
                .id("User ID")
                .body::<groups::Ids>()
                .texts()
                .error(400, "Some ids are no groups; none was changed")
                .error(404, NO_USER),
        )
}

fn invite_routes(routes: Routes) -> Routes {
    let tag = "Invites";
    routes
        .root(
            Method::GET,
            "/invite",
            invites::list,
            TenantNeeds(AccountView),
            Describe::new("GetInvitations", tag, "The invitations, without their links")
                .q()
                .page::<invites::Invite>(),
        )
        .root(
            Method::POST,
            "/invite",
            invites::create,
            TenantNeeds(AccountInvite),
            Describe::new("Invite", tag, "Invites people, all or none; their links are shown this once")
                .body::<invites::Invitations>()
                .array::<invites::InvitationLink>()
                .error(400, "An address or role cannot be so, or is a user's"),
        )
        .root(
            Method::POST,
            "/invite/{invitation}",
            invites::accept,
            Public,
            Describe::new("InvitationAccept", tag, "Accepts an invitation by the code of its link")
                .body::<invites::InvitationAnswer>()
                .text()
                .error(400, "It has expired")
                .error(404, NO_INVITE),
        )
        .root(
            Method::PUT,
            "/invite/{id}/role/{role}",
            invites::set_role,
            TenantNeeds(AccountInvite),
            Describe::new("SetInvitationRole", tag, "Gives an invitation another role")
                .id("Invitation ID")
                .text()
                .error(404, NO_INVITE),
        )
        .root(
            Method::POST,
            "/uninvite/{email}",
            invites::withdraw,
            TenantNeeds(AccountInvite),
            Describe::new("UnInvite", tag, "Withdraws the invitation of an address")
                .text()
                .error(404, NO_INVITE),
        )
}

fn service_account_routes(routes: Routes) -> Routes {
    let describe = |operation_id, summary| {
        Describe::new(operation_id, "Users", summary).id("Service account ID").error(404, NO_ACCOUNT)
    };
    routes
        .root(
            Method::GET,
            "/service_accounts",
            service_accounts::list,
            TenantNeeds(AccountEdit),
            Describe::new("ServiceAccountFindAll", "Users", "The tenant's service accounts")
                .q()
                .page::<people::User>(),
        )
        .root(
            Method::POST,
            "/service_accounts",
            service_accounts::create,
            TenantNeeds(AccountEdit),
            Describe::new("ServiceAccountCreate", "Users", "A new service account, without a key")
                .body::<service_accounts::ServiceAccountInput>()
                .one::<people::User>()
                .error(400, "It cannot be made"),
        )
        .root(
            Method::DELETE,
            "/service_accounts/{id}",
            service_accounts::delete,
            TenantNeeds(AccountEdit),
            describe("ServiceAccountDelete", "Deletes a service account; its keys are refused at once")
                .text(),
        )
        .root(
            Method::GET,
            "/service_accounts/{id}/apikey",
            service_accounts::list_keys,
            TenantNeeds(AccountEdit),
            describe("ServiceAccountKeys", "The API keys of a service account, without the keys")
                .array::<api_keys::ApiKey>(),
        )
        .root(
            Method::POST,
            "/service_accounts/{id}/apikey",
            service_accounts::create_key,
            TenantNeeds(AccountEdit),
            describe("ServiceAccountKeyCreate", "A new API key of a service account, shown this once")
                .body::<api_keys::ApiKeyInput>()
                .one::<api_keys::NewApiKey>()
                .error(400, "No more keys"),
        )
        .root(
            Method::DELETE,
            "/service_accounts/{id}/apikey",
            service_accounts::revoke_key,
            TenantNeeds(AccountEdit),
            describe("ServiceAccountKeyRevoke", "Revokes an API key of a service account")
                .query("id", "string", "The key's id")
                .text(),
        )
}
