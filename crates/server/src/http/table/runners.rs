//! Routes of runner groups and runners.

use http::Method;
use types::Permission::{RunnerEdit, RunnerView};

use crate::http::describe::Describe;
use crate::http::routes::Access::{Needs, RunnerToken};
use crate::http::routes::Routes;
use crate::http::{runner_link, runners};

const TAG: &str = "Runners";
const ID: &str = "Runner group ID";
const NOT_FOUND: &str = "Cannot find the runner group";
const IN_USE: &str = "Workflows or connections use it, or it cannot be deleted";

/// Runner groups, their tokens, and runners.
pub(super) fn routes(routes: Routes) -> Routes {
    link(connected(tokens(by_name(groups(routes)))))
}

fn link(routes: Routes) -> Routes {
    routes.root(
        Method::GET,
        "/runner_link",
        runner_link::link,
        RunnerToken,
        Describe::new("RunnerLink", TAG, "The websocket over which a runner gets its work")
            .query("group", "string", "The group's name, if the token must be that one's")
            .error(401, "No valid token of a runner group")
            .error(404, "The token is another group's"),
    )
}

fn groups(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::GET,
            "/runner_groups",
            runners::list,
            Needs(RunnerView),
            Describe::new("RunnerGroupsFindAll", TAG, "Gets the runner groups")
                .q()
                .page::<runners::ListedGroup>()
                .error(400, "Cannot read the query"),
        )
        .workspace(
            Method::POST,
            "/runner_groups",
            runners::create,
            Needs(RunnerEdit),
            Describe::new("RunnerGroupCreate", TAG, "Creates a runner group; its token is shown this once")
                .body::<runners::GroupInput>()
                .one::<runners::Group>()
                .error(400, "Cannot create the runner group"),
        )
        .workspace(
            Method::GET,
            "/runner_groups/{id}",
            runners::get,
            Needs(RunnerView),
            Describe::new("GetRunnerGroupById", TAG, "Tells whether a runner group has a token")
                .id(ID)
                .one::<runners::GroupToken>()
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::POST,
            "/runner_groups/{id}",
            runners::update,
            Needs(RunnerEdit),
            Describe::new("UpdateRunnerGroup", TAG, "Changes a runner group")
                .id(ID)
                .body::<runners::GroupInput>()
                .one::<runners::Group>()
                .error(400, "Cannot change the runner group")
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::DELETE,
            "/runner_groups/{id}",
            runners::delete,
            Needs(RunnerEdit),
            Describe::new("RunnerGroupDelete", TAG, "Deletes a runner group that nothing uses")
                .id(ID)
                .text()
                .error(400, IN_USE)
                .error(404, NOT_FOUND),
        )
}

fn by_name(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::POST,
            "/runner_groups/default",
            runners::set_default,
            Needs(RunnerEdit),
            Describe::new("SetDefaultGroup", TAG, "Makes a runner group the default one")
                .query("name", "string", "The group's name")
                .one::<runners::Group>()
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::GET,
            "/runner_groups/name/{name}",
            runners::get_named,
            Needs(RunnerView),
            Describe::new("GetRunnerGroupByName", TAG, "Tells whether a runner group has a token")
                .one::<runners::GroupToken>()
                .error(404, NOT_FOUND),
        )
        .workspace(
            Method::DELETE,
            "/runner_groups/name/{name}",
            runners::delete_named,
            Needs(RunnerEdit),
            Describe::new("RunnerGroupDeleteByName", TAG, "Deletes a runner group that nothing uses")
                .text()
                .error(400, IN_USE)
                .error(404, NOT_FOUND),
        )
}

fn tokens(routes: Routes) -> Routes {
    routes
        .workspace(
            Method::POST,
            "/runner_groups/{id}/token",
            runners::rotate,
            Needs(RunnerEdit),
            Describe::new(
                "RunnerGroupTokenRotate",
                TAG,
                "Replaces the token, which cuts the group's runners off",
            )
            .id(ID)
            .one::<runners::GroupToken>()
            .error(400, "The embedded runner's group has none")
            .error(404, NOT_FOUND),
        )
        .workspace(
            Method::DELETE,
            "/runner_groups/{id}/token",
            runners::revoke,
            Needs(RunnerEdit),
            Describe::new(
                "RunnerGroupTokenRevoke",
                TAG,
                "Revokes the token, which cuts the group's runners off",
            )
            .id(ID)
            .text()
            .error(400, "The embedded runner's group has none")
            .error(404, NOT_FOUND),
        )
}

fn connected(routes: Routes) -> Routes {
    let (id, not_found) = ("Runner ID", "Cannot find the runner");
    routes
        .workspace(
            Method::GET,
            "/runners",
            runners::list_runners,
            Needs(RunnerView),
            Describe::new("RunnerFindAll", TAG, "Gets the runners")
                .q()
                .page::<runners::Runner>()
                .error(400, "Cannot read the query"),
        )
        .workspace(
            Method::GET,
            "/runners/{id}",
            runners::get_runner,
            Needs(RunnerView),
            Describe::new("RunnerGetById", TAG, "Gets a runner by id")
                .id(id)
                .one::<runners::Runner>()
                .error(404, not_found),
        )
        .workspace(
            Method::DELETE,
            "/runners/{id}",
            runners::delete_runner,
            Needs(RunnerEdit),
            Describe::new("RunnerDelete", TAG, "Forgets a runner that is not connected")
                .id(id)
                .text()
                .error(400, "The runner is connected")
                .error(404, not_found),
        )
}
