//! A sandbox whose host is this crate's own, and programs run in it. Not every test binary uses all of it.
#![allow(dead_code)]

use sandbox::{Finished, HostCommand, Program, Sandbox, SandboxSettings};
use tokio_util::sync::CancellationToken;

const HOST: &str = env!("CARGO_BIN_EXE_sandbox-host");

pub(crate) fn settings() -> SandboxSettings {
    SandboxSettings::new(HostCommand { program: HOST.into(), arguments: vec!["sandbox-host".to_owned()] })
}

/// A host in a container as they are: part of `/proc` is covered, so that the kernel lets none be mounted.
pub(crate) fn masked_proc() -> SandboxSettings {
    let script = format!("mount -t tmpfs mask /proc/tty && exec {HOST} sandbox-host");
    let arguments = ["-Urm", "/bin/sh", "-c", &script].map(str::to_owned).to_vec();
    SandboxSettings::new(HostCommand { program: "/usr/bin/unshare".into(), arguments })
}

pub(crate) async fn full(settings: SandboxSettings) -> Sandbox {
    let sandbox = Sandbox::start(settings).await.expect("the host starts");
    assert!(sandbox.report().is_full(), "{}", sandbox.report());
    sandbox
}

pub(crate) async fn sandbox() -> Sandbox {
    full(settings()).await
}

pub(crate) async fn run(sandbox: &Sandbox, program: Program) -> Finished {
    sandbox.run(program, &|_, _| {}, &CancellationToken::new()).await.expect("the program is run")
}
