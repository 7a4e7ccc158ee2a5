//! One program on its way: its output and result are read, its time is watched, and what is seen becomes how it ended.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::link::{Link, News};
use crate::output::{Output, Read, ResultPipe, pipe};
use crate::wire::{FromHost, Status, ToHost};
use crate::{Egress, End, Finished, Limits, SandboxError, Stream, egress};

/// Bytes of a result that are no result but how the code failed.
const FAILURE_BYTES_MAX: usize = 128 * 1024;
/// What a killed program has printed is read within this time; its pipes are closed by then.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// A host that has not killed a program within this time does nothing any more.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);
/// A program that waits this long for a cell has none.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(30);

/// A program that was handed to the host.
pub(crate) struct Attempt {
    link: Arc<Link>,
    id: u64,
    limits: Limits,
    egress: Option<Arc<dyn Egress>>,
    news: mpsc::UnboundedReceiver<News>,
    stdout: Output,
    stderr: Output,
    result: ResultPipe,
    /// Whether the host says that it is gone.
    ended: bool,
}

/// Why we had it killed.
enum Killed {
    TimedOut,
    TooMuchOutput,
    Cancelled,
}

impl Attempt {
    /// The attempt, and the program's ends: of stdout, stderr and result.
    pub(crate) fn new(
        link: Arc<Link>,
        id: u64,
        limits: Limits,
        egress: Option<Arc<dyn Egress>>,
    ) -> io::Result<(Self, [OwnedFd; 3])> {
        let ((stdout, stdout_end), (stderr, stderr_end)) = (pipe()?, pipe()?);
        let (result, result_end) = pipe()?;
        let result_bytes = usize::try_from(limits.result_bytes).unwrap_or(usize::MAX);
        let result = ResultPipe::new(result, result_bytes.saturating_add(1).max(FAILURE_BYTES_MAX));
        let news = link.listen(id);
        let stdout = Output::new(Stream::Stdout, stdout);
        let stderr = Output::new(Stream::Stderr, stderr);
        let attempt = Self { link, id, limits, egress, news, stdout, stderr, result, ended: false };
        Ok((attempt, [stdout_end, stderr_end, result_end]))
    }

    /// What came of a program that was cancelled before it began.
    pub(crate) fn cancelled_before() -> Finished {
        Finished {
            end: End::Cancelled,
            stdout: Vec::new(),
            stderr: Vec::new(),
            result: None,
            started_in: Duration::ZERO,
            ran_for: Duration::ZERO,
        }
    }

    /// Follows it to its end.
    pub(crate) async fn follow(
        mut self,
        called: Instant,
        on_line: &(dyn Fn(Stream, &str) + Send + Sync),
        cancelled: &CancellationToken,
    ) -> Result<Finished, SandboxError> {
        let mut left = self.limits.output_bytes;
        let mut started = None;
        let mut deadline = Instant::now() + PREPARE_TIMEOUT;
        let mut killed = None;
        // Dropped with this, and the connections with it.
        let mut connections = JoinSet::new();
        let (status, out_of_memory) = loop {
            let reason = tokio::select! {
                news = self.news.recv() => match news {
                    Some((FromHost::Started { .. }, listeners)) => {
                        let now = Instant::now();
                        started = Some(now);
                        deadline = now + self.limits.wall;
                        egress::serve(self.egress.clone(), listeners, &mut connections);
                        continue;
                    }
                    Some((FromHost::Ended { status, out_of_memory, .. }, _)) => break (status, out_of_memory),
                    Some((FromHost::Failed { why, .. }, _)) => {
                        self.ended = true;
                        return Err(SandboxError::Prepare(why));
                    }
                    Some((FromHost::Lost { .. }, _)) => {
                        self.ended = true;
                        return Err(SandboxError::Lost("interpreter"));
                    }
                    Some((FromHost::Ready { .. }, _)) => continue,
                    None => return Err(SandboxError::Lost("host process")),
                },
                read = self.stdout.read(left) => {
                    left = read.leaves(left);
                    self.stdout.tell(on_line, read == Read::End);
                    if read != Read::TooMuch { continue }
                    Killed::TooMuchOutput
                }
                read = self.stderr.read(left) => {
                    left = read.leaves(left);
                    self.stderr.tell(on_line, read == Read::End);
                    if read != Read::TooMuch { continue }
                    Killed::TooMuchOutput
                }
                () = self.result.read() => continue,
                () = sleep_until(deadline) => {
                    if killed.is_some() {
                        self.link.give_up();
                        return Err(SandboxError::Lost("host process"));
                    }
                    if started.is_none() {
                        return Err(SandboxError::Prepare(format!("no cell within {PREPARE_TIMEOUT:?}")));
                    }
                    Killed::TimedOut
                }
                () = cancelled.cancelled(), if killed.is_none() => Killed::Cancelled,
            };
            if killed.is_none() {
                killed = Some(reason);
                deadline = Instant::now() + KILL_TIMEOUT;
                let kill = ToHost::Kill { id: self.id };
                if self.link.send(&kill, &[]).await.is_err() {
                    return Err(SandboxError::Lost("host process"));
                }
            }
        };
        self.ended = true;
        let ended = Instant::now();
        let too_much = self.drain(left, on_line).await;
        if too_much && killed.is_none() {
            killed = Some(Killed::TooMuchOutput);
        }
        let (end, result) = self.judge(killed, status, out_of_memory)?;
        let started = started.unwrap_or(ended);
        Ok(Finished {
            end,
            stdout: std::mem::take(&mut self.stdout.kept),
            stderr: std::mem::take(&mut self.stderr.kept),
            result,
            started_in: started.duration_since(called),
            ran_for: ended.duration_since(started),
        })
    }

    /// Reads what is left in the pipes. Whether it was too much.
    async fn drain(&mut self, mut left: u64, on_line: &(dyn Fn(Stream, &str) + Send + Sync)) -> bool {
        let mut too_much = false;
        let reading = async {
            while self.stdout.is_open() || self.stderr.is_open() || self.result.is_open() {
                let read = tokio::select! {
                    read = self.stdout.read(left) => read,
                    read = self.stderr.read(left) => read,
                    () = self.result.read() => continue,
                };
                left = read.leaves(left);
                too_much |= read == Read::TooMuch;
            }
        };
        // Whatever is not read then is of a process that the kernel has not ended yet.
        let _ = timeout(DRAIN_TIMEOUT, reading).await;
        self.stdout.tell(on_line, true);
        self.stderr.tell(on_line, true);
        too_much
    }

    /// How it ended, and its result.
    fn judge(
        &mut self,
        killed: Option<Killed>,
        status: Status,
        out_of_memory: bool,
    ) -> Result<(End, Option<Vec<u8>>), SandboxError> {
        let limits = &self.limits;
        let no_memory = End::OutOfMemory { limit_bytes: limits.memory_bytes };
        let end = match (killed, status) {
            (Some(Killed::TimedOut), _) => End::TimedOut { limit: limits.wall },
            (Some(Killed::TooMuchOutput), _) => End::TooMuchOutput { limit_bytes: limits.output_bytes },
            (Some(Killed::Cancelled), _) => End::Cancelled,
            (None, _) if out_of_memory => no_memory,
            (None, Status::Signaled(libc::SIGXCPU)) => End::OutOfCpu { limit: limits.cpu },
            (None, Status::Signaled(signal)) => End::Signaled { signal },
            (None, Status::Exited(code)) => {
                let mut frame = std::mem::take(&mut self.result.kept);
                let too_large = frame.len() as u64 > limits.result_bytes.saturating_add(1);
                return Ok(match (frame.first(), code) {
                    (Some(b'F'), _) => {
                        let why = String::from_utf8_lossy(frame.get(1..).unwrap_or_default());
                        return Err(SandboxError::Invalid(format!("the program cannot be begun: {why}")));
                    }
                    (Some(b'R'), 0) if self.result.too_large || too_large => {
                        (End::ResultTooLarge { limit_bytes: limits.result_bytes }, None)
                    }
                    (Some(b'R'), 0) => {
                        frame.remove(0);
                        (End::Returned, Some(frame))
                    }
                    (Some(b'N'), 0) => (End::Returned, None),
                    (Some(b'M'), 0) => (no_memory, None),
                    (Some(b'E'), 0) => (raised(frame.get(1..).unwrap_or_default()), None),
                    _ => (End::Exited { code }, None),
                });
            }
        };
        Ok((end, None))
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.link.forget(self.id);
        if !self.ended && self.link.send_now(&ToHost::Kill { id: self.id }).is_err() && !self.link.is_gone() {
            // The socket is full. The program ends at its processor time at the latest.
            tracing::warn!("a program that nobody waits for could not be killed at once");
        }
    }
}

/// What the harness wrote about an exception. A program can write there too: it is its own end that it forges.
fn raised(text: &[u8]) -> End {
    #[derive(serde::Deserialize)]
    struct Raised {
        message: String,
        traceback: String,
    }
    match serde_json::from_slice(text) {
        Ok(Raised { message, traceback }) => End::Raised { message, traceback },
        Err(_) => End::Raised { message: "unreadable exception".to_owned(), traceback: String::new() },
    }
}
