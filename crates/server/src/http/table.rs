//! Every route there is, in the order of the contract's tags; one file a noun.

mod connection_types;
mod connections;
mod controller;
mod executions;
mod users;
mod workflows;

use super::routes::Routes;
use crate::App;

/// The table.
pub(super) fn table(app: Option<&App>) -> Routes {
    let routes = controller::routes(Routes::new(app.cloned()));
    let routes = connection_types::routes(connections::routes(routes));
    let routes = executions::routes(workflows::routes(routes));
    users::routes(routes)
}
