//! A sandbox whose host is this crate's own, and programs run in it.

use sandbox::{Finished, HostCommand, Program, Sandbox, SandboxSettings};
use tokio_util::sync::CancellationToken;

pub(crate) fn settings() -> SandboxSettings {
    let program = env!("CARGO_BIN_EXE_sandbox-host").into();
    SandboxSettings::new(HostCommand { program, arguments: vec!["sandbox-host".to_owned()] })
}

pub(crate) async fn sandbox() -> Sandbox {
    let sandbox = Sandbox::start(settings()).await.expect("the host starts");
    assert!(sandbox.report().is_full(), "{}", sandbox.report());
    sandbox
}

pub(crate) async fn run(sandbox: &Sandbox, program: Program) -> Finished {
    sandbox.run(program, &|_, _| {}, &CancellationToken::new()).await.expect("the program is run")
}
