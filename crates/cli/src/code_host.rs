//! Where the runners of this process run code: in a sandbox whose host process is this program again.

use std::sync::Arc;

use actions::CodeHost;
use sandbox::HostCommand;
use sandbox::PackagesSettings;
use server::config::Sandbox;

/// The code host that these settings ask for. Nothing is started yet.
pub(crate) fn code_host(settings: &Sandbox, packages: PackagesSettings) -> Arc<CodeHost> {
    let host = settings.code_settings(packages).map(|code| CodeHost::new(code, HostCommand::this_program()));
    Arc::new(host.unwrap_or_else(CodeHost::off))
}
