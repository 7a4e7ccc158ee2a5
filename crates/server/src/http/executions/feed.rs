//! A body that follows a run: the lines of its journal as they are written, until it has ended.
//!
//! It reads what is on disk and nothing else, so it is the same for a run of this server, of another one, and of none.
//! A run of this server wakes it; any other is looked after every [`OTHERS_PAUSE`].

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use store::executions::Execution;
use store::{StoreError, executions, journal};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use types::Permission::ExecutionView;

use super::message::{Framing, said_by};
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::access::Pass;

/// Answers that follow runs at a time, on one server.
pub(crate) const FOLLOWERS_MAX: usize = 200;
/// How often a run of another server is looked after.
const OTHERS_PAUSE: Duration = Duration::from_millis(500);
/// How long a body says nothing.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// How long a caller is believed to be still allowed. What is known of callers may be older by
/// [`crate::identity::CALLER_CACHE_TTL`].
const PASS_TIME: Duration = Duration::from_secs(3);

/// A place among the answers that follow runs.
///
/// # Errors
/// `overloaded` if there is none left.
pub(super) fn take_place(ctx: &Ctx) -> ApiResult<OwnedSemaphorePermit> {
    ctx.app().followers().clone().try_acquire_owned().map_err(|_| {
        let message = format!("{FOLLOWERS_MAX} answers follow runs, as many as this server takes");
        ApiError::new(&code::OVERLOADED, message)
    })
}

/// What a body is made of that follows one run.
pub(super) struct Feed {
    ctx: Ctx,
    pass: Pass,
    run: Execution,
    actions: BTreeMap<String, (String, String)>,
    framing: Framing,
    /// The number of the last line that was said.
    said: i64,
    /// How many lines the run's driver has told of.
    told: i64,
    ready: VecDeque<Bytes>,
    spoke_at: Instant,
    let_in_at: Instant,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

impl Feed {
    /// The lines after number `said`.
    pub(super) fn new(
        ctx: Ctx,
        headers: &HeaderMap,
        run: Execution,
        actions: BTreeMap<String, (String, String)>,
        (framing, said): (Framing, i64),
        place: OwnedSemaphorePermit,
    ) -> Self {
        let now = Instant::now();
        Self {
            pass: Pass::new(headers, ctx.workspace(), ExecutionView),
            ready: VecDeque::from([framing.opening(&run.id.to_string())]),
            ctx,
            run,
            actions,
            framing,
            said,
            told: said,
            spoke_at: now,
            let_in_at: now,
            ended: false,
            _place: place,
        }
    }

    /// The answer. Nothing is read ahead of the client.
    pub(super) fn into_response(self) -> Response {
        let kind = HeaderValue::from_static(self.framing.content_type());
        let bits = futures_util::stream::unfold(self, |mut feed| async move {
            let bytes = feed.next().await?;
            Some((Ok::<_, Infallible>(bytes), feed))
        });
        let mut response = Response::new(Body::from_stream(bits));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Some proxies gather what comes bit by bit unless they are told not to.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }

    /// The next bytes of the body; none when it ends.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                self.spoke_at = Instant::now();
                return Some(bytes);
            }
            if self.ended || self.ctx.app().driver().is_stopping() || !self.is_allowed().await {
                return None;
            }
            if let Err(error) = self.read().await
                && !error.is_unavailable()
            {
                tracing::error!(execution.id = %self.run.id, %error, "run can be followed no further");
                return None;
            }
            if self.ready.is_empty() && !self.ended {
                if self.spoke_at.elapsed() >= SILENCE_MAX {
                    self.ready.push_back(self.framing.keep_alive());
                    continue;
                }
                let pause = SILENCE_MAX.saturating_sub(self.spoke_at.elapsed()).min(PASS_TIME);
                let driver = self.ctx.app().driver();
                let lines =
                    driver.wait_for_lines(self.run.id, self.told, pause, OTHERS_PAUSE.min(pause)).await;
                self.told = lines.unwrap_or(self.told);
            }
        }
    }

    /// Whether the caller may still see the run. A database that does not answer shows them nothing either.
    async fn is_allowed(&mut self) -> bool {
        if self.let_in_at.elapsed() < PASS_TIME {
            return true;
        }
        self.let_in_at = Instant::now();
        self.pass.holds(self.ctx.app()).await.unwrap_or(true)
    }

    /// Reads what is new. Without anything new the run may have ended: it has if it had before the lines were read.
    async fn read(&mut self) -> Result<(), StoreError> {
        let (db, workspace, id) = (self.ctx.db(), self.run.workspace_id, self.run.id);
        let Some(state) = executions::state(db, workspace, id).await? else {
            self.ended = true;
            return Ok(());
        };
        let lines = journal::read_after(db, workspace, id, self.said).await?;
        for line in &lines {
            self.said = line.seq;
            match said_by(line, &self.run, &self.actions) {
                Ok(said) => self.ready.push_back(self.framing.line(line, said)),
                Err(error) => {
                    tracing::error!(execution.id = %id, seq = line.seq, %error, "line of a journal is damaged");
                }
            }
        }
        self.told = self.told.max(self.said);
        if lines.is_empty() && state.is_finished() {
            self.ended = true;
            if let Some(run) = executions::get(db, workspace, id).await? {
                self.ready.push_back(self.framing.end(&run.execution));
            }
        }
        Ok(())
    }
}
