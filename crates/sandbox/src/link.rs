//! The runner's end of the socket to a host process. Each program has a channel of its own to hear about itself; when
//! the host dies, all channels close.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{Shutdown, shutdown};
use nix::unistd::Pid;
use tokio::io::AsyncBufReadExt as _;
use tokio::io::unix::AsyncFd;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::wire::{self, FromHost, Setup, ToHost};
use crate::{Report, SandboxError, SandboxSettings};

/// A host that is not ready within this time does not start.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// A host whose socket is closed ends within this time.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// Lines of a host's standard error that are logged; it says something only when it cannot go on.
const HOST_LINES_MAX: usize = 100;

/// What a program hears about itself; with the proxy's listening socket if there is one.
pub(crate) type News = (FromHost, Vec<OwnedFd>);

type Waiting = Arc<Mutex<HashMap<u64, mpsc::UnboundedSender<News>>>>;

/// A running host.
pub(crate) struct Link {
    socket: Arc<AsyncFd<OwnedFd>>,
    waiting: Waiting,
    gone: watch::Receiver<bool>,
    reading: AbortHandle,
    logging: AbortHandle,
    /// Ends by itself when the socket is closed; is killed if it does not.
    host: Option<Child>,
}

impl Link {
    /// Starts a host and waits until it is ready.
    pub(crate) async fn start(
        settings: &SandboxSettings,
        setup: &Setup,
        preludes: [File; 2],
    ) -> Result<(Self, Report), SandboxError> {
        let failed = |error: io::Error| SandboxError::Start(error.to_string());
        let (ours, theirs) = wire::pair().map_err(failed)?;
        let mut command = Command::new(&settings.host.program);
        command.args(&settings.host.arguments).env_clear().current_dir("/");
        command.stdin(Stdio::from(theirs)).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut host = command.spawn().map_err(|error| {
            SandboxError::Start(format!("`{}`: {error}", settings.host.program.display()))
        })?;
        // The command holds the other end until it is dropped.
        drop(command);
        wire::send(ours.as_fd(), setup, &[preludes[0].as_fd(), preludes[1].as_fd()]).map_err(failed)?;
        fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| failed(errno.into()))?;
        // SAFETY: an owned descriptor names the same socket for as long as it is registered.
        let socket = unsafe { AsyncFd::register(ours) };
        let socket = Arc::new(socket.map_err(|error| failed(io::Error::other(error.to_string())))?);
        let stderr = host.stderr.take();
        let last = Arc::new(Mutex::new(String::new()));
        let said = Arc::clone(&last);
        let logging = tokio::spawn(async move {
            let Some(stderr) = stderr else { return };
            let mut lines = tokio::io::BufReader::new(stderr).lines();
            for _ in 0..HOST_LINES_MAX {
                let Ok(Some(line)) = lines.next_line().await else { return };
                tracing::warn!("sandbox host: {line}");
                *said.lock().unwrap_or_else(PoisonError::into_inner) = line;
            }
            // It must not stand still because nobody reads.
            while let Ok(Some(_)) = lines.next_line().await {}
        });
        let ready = timeout(START_TIMEOUT, hear(&socket)).await;
        let report = match ready {
            Ok(Ok(Some((FromHost::Ready { report }, _)))) => report,
            Ok(Ok(Some(_))) => return Err(SandboxError::Start("it says something else first".to_owned())),
            Ok(Ok(None)) => {
                // Its last words are on their way.
                let _ = timeout(Duration::from_secs(1), logging).await;
                let words = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
                return Err(SandboxError::Start(if words.is_empty() {
                    "it ended at once".to_owned()
                } else {
                    words
                }));
            }
            Ok(Err(error)) => return Err(failed(error)),
            Err(_) => return Err(SandboxError::Start(format!("it is not ready after {START_TIMEOUT:?}"))),
        };
        let waiting = Waiting::default();
        let (tell_gone, gone) = watch::channel(false);
        let reading = tokio::spawn(read(Arc::clone(&socket), Arc::clone(&waiting), tell_gone)).abort_handle();
        let logging = logging.abort_handle();
        Ok((Self { socket, waiting, gone, reading, logging, host: Some(host) }, report))
    }

    /// Kills a host that does not do what it is told; the next program starts another.
    pub(crate) fn give_up(&self) {
        tracing::warn!("a sandbox host does not answer and is killed");
        let pid =
            self.host.as_ref().and_then(Child::id).and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have died meanwhile, and is reaped by the runtime alone.
            let _ = kill(pid, Signal::SIGKILL);
        }
    }

    /// Whether the host has died.
    pub(crate) fn is_gone(&self) -> bool {
        *self.gone.borrow()
    }

    /// Process id of what was started; for tests and for the log.
    pub(crate) fn host_id(&self) -> Option<u32> {
        self.host.as_ref().and_then(Child::id)
    }

    /// From now on, what the host says about this program is heard here. Forgotten by [`Self::forget`].
    pub(crate) fn listen(&self, id: u64) -> mpsc::UnboundedReceiver<News> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        receiver
    }

    /// The program is of no interest any more.
    pub(crate) fn forget(&self, id: u64) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Sends, and waits while the socket is full.
    pub(crate) async fn send(&self, message: &ToHost, descriptors: &[OwnedFd]) -> io::Result<()> {
        loop {
            let mut ready = self.socket.writable().await?;
            let send = |socket: &AsyncFd<OwnedFd>| {
                let descriptors: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
                wire::send(socket.get_ref().as_fd(), message, &descriptors)
            };
            if let Ok(done) = ready.try_io(send) {
                return done;
            }
        }
    }

    /// Sends at once, or not at all if the socket is full.
    pub(crate) fn send_now(&self, message: &ToHost) -> io::Result<()> {
        wire::send(self.socket.get_ref().as_fd(), message, &[])
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.reading.abort();
        self.logging.abort();
        // Other copies of the descriptor do not matter then. It fails if the host is gone.
        let _ = shutdown(self.socket.get_ref().as_raw_fd(), Shutdown::Both);
        let (Some(mut host), Ok(runtime)) = (self.host.take(), Handle::try_current()) else { return };
        runtime.spawn(async move {
            if timeout(END_TIMEOUT, host.wait()).await.is_err() {
                tracing::warn!("a sandbox host did not end and is killed");
                // It may end at this moment.
                let _ = host.kill().await;
            }
        });
    }
}

async fn hear(socket: &AsyncFd<OwnedFd>) -> io::Result<Option<News>> {
    loop {
        let mut ready = socket.readable().await?;
        if let Ok(heard) = ready.try_io(|socket| wire::receive(socket.get_ref().as_fd())) {
            return heard;
        }
    }
}

async fn read(socket: Arc<AsyncFd<OwnedFd>>, waiting: Waiting, gone: watch::Sender<bool>) {
    while let Ok(Some((message, descriptors))) = hear(&socket).await {
        let (FromHost::Started { id }
        | FromHost::Ended { id, .. }
        | FromHost::Failed { id, .. }
        | FromHost::Lost { id }) = message
        else {
            continue;
        };
        let listener = waiting.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(listener) = listener {
            // Who went away meanwhile does not want to know.
            let _ = listener.send((message, descriptors));
        }
    }
    // Nobody may wait for news that cannot come: first the flag, then the channels.
    let _ = gone.send(true);
    waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
