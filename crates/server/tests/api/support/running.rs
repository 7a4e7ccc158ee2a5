//! One server process, as near as a test can come to it: a runtime of its own, which a crash takes away.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use protocol::ToServer;
use runner::{Runner, RunnerSettings};
use server::config::Config;
use server::{RunnerChannel, Server, StartError};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use types::{Clock, SystemClock, SystemRng, Timestamp};

/// The machine's clock, put forward by as much as a test says.
#[derive(Debug, Default)]
pub(crate) struct ShiftedClock(AtomicI64);

impl ShiftedClock {
    pub(crate) fn put_forward(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemClock.now().as_millis() + self.0.load(Ordering::SeqCst))
    }
}

/// A server that runs.
pub(crate) struct Running {
    address: std::net::SocketAddr,
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

/// What the runner of a server is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunnerKind {
    /// As `nictate serve` has it.
    Sound,
    /// Its first report is lost, as if it hung in the middle of a step.
    LosesOneReport,
    /// It is gone before its first report.
    EndsInTheMiddle,
}

/// Starts a server with its embedded runner, as `nictate serve` does.
pub(crate) async fn start(config: &Config, clock: &Arc<ShiftedClock>) -> Result<Running, StartError> {
    start_with(config, clock, RunnerKind::Sound).await
}

/// The same with a runner of some kind.
pub(crate) async fn start_with(
    config: &Config,
    clock: &Arc<ShiftedClock>,
    kind: RunnerKind,
) -> Result<Running, StartError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (config, clock) = (config.clone(), Arc::clone(clock));
    let started = runtime.spawn(async move {
        let http = server::http_client(&config)?;
        let settings = RunnerSettings::new(http.clone(), clock.clone());
        let (link, runner) = Runner::embedded(settings, &mut SystemRng);
        tokio::spawn(runner.run());
        let from_runner = match kind {
            RunnerKind::Sound => link.from_runner,
            RunnerKind::LosesOneReport => without_one_report(link.from_runner),
            RunnerKind::EndsInTheMiddle => until_the_first_report(link.from_runner),
        };
        let (to_runner, session, lease) = (link.to_runner, link.session, link.lease);
        let channel = RunnerChannel { to_runner, from_runner, session, lease };
        Server::start(config, channel, http, clock).await
    });
    let server = match started.await.unwrap() {
        Ok(server) => server,
        Err(error) => {
            runtime.shutdown_background();
            return Err(error);
        }
    };
    let address = server.address();
    let (stop, stopped) = oneshot::channel();
    let serving = runtime.spawn(async move {
        server
            .run(async move {
                let _ = stopped.await;
            })
            .await;
    });
    Ok(Running { address, runtime, stop, serving })
}

fn without_one_report(mut from_runner: mpsc::Receiver<ToServer>) -> mpsc::Receiver<ToServer> {
    let (to_server, passed_on) = mpsc::channel(64);
    tokio::spawn(async move {
        let mut lost = false;
        while let Some(message) = from_runner.recv().await {
            if matches!(message, ToServer::Finished { .. }) && !lost {
                lost = true;
            } else if to_server.send(message).await.is_err() {
                return;
            }
        }
    });
    passed_on
}

fn until_the_first_report(mut from_runner: mpsc::Receiver<ToServer>) -> mpsc::Receiver<ToServer> {
    let (to_server, passed_on) = mpsc::channel(64);
    tokio::spawn(async move {
        while let Some(message) = from_runner.recv().await {
            if matches!(message, ToServer::Finished { .. }) || to_server.send(message).await.is_err() {
                return;
            }
        }
    });
    passed_on
}

impl Running {
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks it to stop and waits until it has.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        tokio::time::timeout(super::PATIENCE, self.serving).await.unwrap().unwrap();
        self.runtime.shutdown_background();
    }

    /// Takes its runtime away: every task of it ends where it stands.
    pub(crate) async fn crash(self) {
        let Self { runtime, stop, serving, .. } = self;
        // Kept to here, for it is no wish to stop when it goes.
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(super::PATIENCE)).await.unwrap();
        drop((stop, serving));
    }
}
