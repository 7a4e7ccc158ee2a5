//! Every route there is, in the order of the contract's tags; one file a noun.

mod agents;
mod apps;
mod audit_log;
mod catalog;
mod connection_types;
mod connections;
mod controller;
mod executions;
mod packs;
mod people;
mod record_files;
mod records;
mod roles;
mod runners;
mod scim;
mod sign_in;
mod tables;
mod users;
mod workflows;
mod workspaces;

use super::routes::Routes;

/// The table.
pub(super) fn table() -> Routes {
    let routes = controller::routes(Routes::new());
    let routes = connection_types::routes(connections::routes(routes));
    let routes = executions::routes(packs::routes(workflows::routes(catalog::routes(routes))));
    let routes = apps::routes(agents::routes(routes));
    let routes =
        users::routes(record_files::routes(records::routes(tables::routes(runners::routes(routes)))));
    let routes = workspaces::routes(roles::routes(people::routes(sign_in::routes(routes))));
    scim::routes(audit_log::routes(routes))
}
