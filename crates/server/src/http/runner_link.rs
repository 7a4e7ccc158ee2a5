//! The server's end of a runner's websocket. Its door has found out which group the token opens; here the runner says who
//! it is, gets its work, and reports. What the messages mean is `driver/link.rs`.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::FromRequestParts as _;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderValue;
use protocol::{
    CLOSED_REFUSED, Outcome, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN, RunnerInfo, ToRunner, ToServer,
};
use secrets::session::{Offer, SessionKey};
use serde::Deserialize;
use store::runner_groups::RunnerGroup;
use store::runners::Runner as Row;
use tokio::sync::mpsc;
use types::limits::NAME_CHARS_MAX;
use types::{RunnerId, SystemRng, Timestamp};

use super::extract::Query;
use super::peer::{Peer, origin};
use super::runners::SEEN_WITHIN;
use crate::App;
use crate::driver::{Connected, NewLink};
use crate::error::{ApiError, ApiResult, code};
use crate::http::excerpt;

/// The two halves of the session key.
const RUNNER_KEY_HEADER: &str = "nictate-runner-key";
const SERVER_KEY_HEADER: &str = "nictate-server-key";
/// In which the runner must say who it is.
const HELLO_TIME: Duration = Duration::from_secs(10);
/// Bytes of one message: more than the largest output, and its inputs.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Messages that go into one write at most.
const BATCH_MAX: usize = 256;
/// Attempts that one runner runs at the same time.
const CAPACITY_MAX: u32 = 4_096;
/// Words that a runner says of itself.
const LABELS_MAX: usize = 64;
/// How long a runner that is not connected is remembered.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Why the server closes a link: the codes that are free to use begin at 4000.
const CLOSED_STOPPING: u16 = 1001;
const CLOSED_CUT_OFF: u16 = 4001;

/// Which group the runner means.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LinkQuery {
    group: Option<String>,
}

/// Turns the request into the link.
pub(super) async fn link(
    State(app): State<App>,
    Query(query): Query<LinkQuery>,
    request: Request,
) -> ApiResult {
    let (mut parts, _) = request.into_parts();
    let Some(group) = parts.extensions.remove::<RunnerGroup>() else {
        return Err(ApiError::internal("a runner came in without a group"));
    };
    if let Some(named) = query.group.filter(|named| *named != group.name) {
        let message = format!("the token is not one of the runner group `{}`", excerpt(&named));
        return Err(ApiError::new(&code::RUNNER_GROUP_NOT_FOUND, message));
    }
    if app.driver().is_stopping() {
        return Err(ApiError::new(&code::SHUTTING_DOWN, "the server is about to stop"));
    }
    let invalid = |message: String| ApiError::new(&code::RUNNER_LINK_INVALID, message);
    let peer = parts.extensions.get::<Peer>();
    let from = peer.map(|peer| origin(peer.0, &parts.headers, &app.config().server.proxies()));
    let theirs =
        parts.headers.get(RUNNER_KEY_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let offer = Offer::new(&mut SystemRng).map_err(ApiError::internal)?;
    let ours = offer.public();
    let session = offer
        .agree(theirs.as_deref().unwrap_or_default())
        .map_err(|_| invalid(format!("the header `{RUNNER_KEY_HEADER}` holds no half of a session key")))?;
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &app)
        .await
        .map_err(|error| invalid(error.body_text()))?;
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
    let mut answer: Response = upgrade.on_upgrade(move |socket| async move {
        serve(&app, group, from, session, socket).await;
    });
    let ours = HeaderValue::try_from(ours).map_err(ApiError::internal)?;
    answer.headers_mut().insert(SERVER_KEY_HEADER, ours);
    Ok(answer)
}

/// What a runner has said of itself.
struct Hello {
    version: u32,
    labels: Vec<String>,
    capacity: u32,
    runner: Option<RunnerInfo>,
}

async fn serve(app: &App, group: RunnerGroup, from: Option<IpAddr>, session: SessionKey, socket: WebSocket) {
    let (mut sink, mut stream) = socket.split();
    let hello = match tokio::time::timeout(HELLO_TIME, hello(&mut stream)).await {
        Ok(Some(Ok(hello))) => hello,
        Ok(Some(Err(problem))) => {
            tracing::warn!(group = %group.name, problem, "runner refused");
            return close(&mut sink, CLOSED_REFUSED, &problem).await;
        }
        // It has gone, or says nothing.
        Ok(None) | Err(_) => return,
    };
    let row = row_of(app, &group, from, &hello);
    match note_connected(app, row.clone()).await {
        Ok(true) => {}
        Ok(false) => return close(&mut sink, CLOSED_REFUSED, "another group has a runner of that id").await,
        Err(error) => {
            tracing::warn!(%error, "a runner's connection cannot be written down");
            return close(&mut sink, CLOSED_STOPPING, "the database cannot be reached").await;
        }
    }
    tracing::info!(runner.id = %row.id, runner.name = %row.name, group = %group.name, "runner connected");
    let (to_runner, outgoing) = mpsc::unbounded_channel();
    let connected = app.driver().links().connect(NewLink {
        group: Some(group.id),
        runner: hello.runner.as_ref().map(|runner| runner.id),
        version: hello.version,
        capacity: usize::try_from(hello.capacity).unwrap_or(1),
        session: Some(session),
        to_runner: to_runner.clone(),
        held: hello.runner.map(|runner| runner.held).unwrap_or_default(),
    });
    let acknowledges = hello.version > PROTOCOL_VERSION_MIN;
    let talk = Talk { app, group: &group, row: &row, connected: &connected };
    // One that reads never waits for one that writes: both sides could wait for each other then.
    let left = tokio::select! {
        left = talk.listen(&mut stream, to_runner, acknowledges) => left,
        () = talk.tell(&mut sink, outgoing) => false,
        () = talk.watch() => false,
        () = connected.cut.cancelled() => false,
    };
    if left {
        app.driver().links().forget(&connected);
    } else {
        app.driver().links().disconnect(&connected);
        let (status, why) = if app.driver().is_stopping() {
            (CLOSED_STOPPING, "the server stops")
        } else {
            (CLOSED_CUT_OFF, "the link was cut")
        };
        close(&mut sink, status, why).await;
    }
    tracing::info!(runner.id = %row.id, runner.name = %row.name, left, "runner disconnected");
    let (workspace, id, server, now) = (row.workspace_id, row.id, app.driver().server(), app.clock().now());
    let written =
        app.db().write(async move |tx| store::runners::disconnected(tx, workspace, id, server, now).await);
    if let Err(error) = written.await {
        tracing::debug!(%error, "the end of a runner's connection was not written down");
    }
}

/// One connection.
struct Talk<'t> {
    app: &'t App,
    group: &'t RunnerGroup,
    row: &'t Row,
    connected: &'t Connected,
}

impl Talk<'_> {
    /// Takes what the runner says, until it has gone; whether it has said goodbye.
    async fn listen(
        &self,
        stream: &mut SplitStream<WebSocket>,
        to_runner: mpsc::UnboundedSender<ToRunner>,
        acknowledges: bool,
    ) -> bool {
        let links = self.app.driver().links();
        let silence = links.silence();
        let mut chunks = stream.ready_chunks(BATCH_MAX);
        loop {
            let Ok(Some(chunk)) = tokio::time::timeout(silence, chunks.next()).await else { return false };
            let mut received = Vec::new();
            for message in chunk {
                let text = match message {
                    Ok(Message::Text(text)) => text,
                    Ok(Message::Close(_)) | Err(_) => return false,
                    Ok(_) => continue,
                };
                match serde_json::from_str(text.as_str()) {
                    Ok(ToServer::Goodbye) => return true,
                    Ok(message) => received.extend(links.hear(self.connected, message)),
                    Err(error) => {
                        tracing::warn!(runner.id = %self.row.id, %error, "a runner's message cannot be read");
                        return false;
                    }
                }
            }
            if acknowledges && !received.is_empty() {
                // If the link is being cut, the reports come again.
                let _ = to_runner.send(ToRunner::Received { tokens: received });
            }
        }
    }

    /// Tells the runner what there is to tell, as much as there is in one write.
    async fn tell(
        &self,
        sink: &mut SplitSink<WebSocket, Message>,
        mut outgoing: mpsc::UnboundedReceiver<ToRunner>,
    ) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while outgoing.recv_many(&mut batch, BATCH_MAX).await > 0 {
            for message in batch.drain(..) {
                let text = serde_json::to_string(&message).unwrap_or_default();
                if text.len() > MESSAGE_BYTES_MAX {
                    self.refuse_too_large(message);
                    continue;
                }
                if sink.feed(Message::Text(text.into())).await.is_err() {
                    return;
                }
            }
            if sink.flush().await.is_err() {
                return;
            }
        }
    }

    /// An assignment that no message holds fails here.
    fn refuse_too_large(&self, message: ToRunner) {
        let ToRunner::Assign { assignment } = message else { return };
        let error = protocol::ActionError {
            code: "invalid_input".to_owned(),
            message: format!("the inputs have more than the {MESSAGE_BYTES_MAX} bytes that go to a runner"),
            retryable: false,
            data: serde_json::Value::Null,
        };
        let (token, outcome) = (assignment.token, Outcome::Failed { error });
        let report = ToServer::Finished { token, outcome, secret_uses: Vec::new() };
        self.app.driver().links().hear(self.connected, report);
    }

    /// Ready when the token is no longer the one that the runner came with. Writes down now and then that it lives.
    async fn watch(&self) {
        let pause = Duration::from_millis(self.app.driver().links().heartbeat_ms());
        let (workspace, group, id) = (self.group.workspace_id, self.group.id, self.row.id);
        let mut seen = self.app.clock().now();
        loop {
            tokio::time::sleep(pause).await;
            match store::runner_groups::token_version(self.app.db(), workspace, group).await {
                Ok(Some(version)) if version == self.group.token_version => {}
                Ok(_) => return,
                Err(error) => tracing::debug!(%error, "a runner's token cannot be checked at the moment"),
            }
            let (now, server) = (self.app.clock().now(), self.app.driver().server());
            if now.since(seen) < SEEN_WITHIN / 3 {
                continue;
            }
            seen = now;
            let written = self
                .app
                .db()
                .write(async move |tx| store::runners::seen(tx, workspace, id, server, now).await);
            if let Err(error) = written.await {
                tracing::debug!(%error, "a runner's sign of life was not written down");
            }
        }
    }
}

/// The runner's first message; none if it has gone.
async fn hello(stream: &mut SplitStream<WebSocket>) -> Option<Result<Hello, String>> {
    let text = loop {
        match stream.next().await?.ok()? {
            Message::Text(text) => break text,
            Message::Close(_) => return None,
            _ => {}
        }
    };
    Some(match serde_json::from_str(text.as_str()) {
        Ok(ToServer::Hello { version, labels, capacity, runner }) => {
            checked(Hello { version, labels, capacity, runner })
        }
        Ok(_) => Err("the first message of a runner must be `hello`".to_owned()),
        Err(error) => Err(format!("the runner's first message cannot be read: {error}")),
    })
}

fn checked(mut hello: Hello) -> Result<Hello, String> {
    if hello.version < PROTOCOL_VERSION_MIN {
        return Err(format!(
            "the runner speaks version {} of the protocol, the server {PROTOCOL_VERSION_MIN} to {PROTOCOL_VERSION}",
            hello.version
        ));
    }
    hello.version = hello.version.min(PROTOCOL_VERSION);
    if !(1..=CAPACITY_MAX).contains(&hello.capacity) {
        return Err(format!("a runner's capacity is 1 to {CAPACITY_MAX}, not {}", hello.capacity));
    }
    let name = hello.runner.as_ref().map_or("", |runner| runner.name.as_str());
    let too_long = |text: &str| text.chars().count() > NAME_CHARS_MAX || text.contains('\0');
    if too_long(name) || hello.labels.len() > LABELS_MAX || hello.labels.iter().any(|label| too_long(label)) {
        return Err(format!(
            "a runner's name and labels have at most {NAME_CHARS_MAX} characters, of at most {LABELS_MAX} labels"
        ));
    }
    Ok(hello)
}

fn row_of(app: &App, group: &RunnerGroup, from: Option<IpAddr>, hello: &Hello) -> Row {
    let now = app.clock().now();
    let runner = hello.runner.as_ref();
    let version: String = runner.map_or("", |runner| &runner.software).chars().take(NAME_CHARS_MAX).collect();
    Row {
        id: runner.map_or_else(|| RunnerId::new(now, &mut SystemRng), |runner| runner.id),
        tenant_id: group.tenant_id,
        workspace_id: group.workspace_id,
        group_id: group.id,
        name: runner.map_or_else(|| "unknown".to_owned(), |runner| runner.name.clone()),
        version: version.replace('\0', ""),
        labels: serde_json::json!(hello.labels).to_string(),
        capacity: i64::from(hello.capacity),
        is_connected: true,
        ip_address: from.map(|address| address.to_string()).unwrap_or_default(),
        server_id: app.driver().server().to_string(),
        created_at: now,
        started_at: now,
        last_seen: now,
        stopped_at: None,
    }
}

async fn note_connected(app: &App, row: Row) -> Result<bool, store::StoreError> {
    let forgotten = i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX);
    let before = Timestamp::from_millis(row.last_seen.as_millis().saturating_sub(forgotten));
    app.db()
        .write(async move |tx| {
            store::runners::forget_old(tx, row.workspace_id, row.group_id, before).await?;
            store::runners::connected(tx, &row).await
        })
        .await
}

async fn close(sink: &mut SplitSink<WebSocket, Message>, code: u16, reason: &str) {
    // At most 123 bytes go into a frame of this kind.
    let reason = &reason[..reason.floor_char_boundary(120)];
    let frame = CloseFrame { code, reason: reason.into() };
    let closing = async {
        let _ = sink.send(Message::Close(Some(frame))).await;
        let _ = sink.close().await;
    };
    // A peer that does not read is not waited for.
    let _ = tokio::time::timeout(HELLO_TIME, closing).await;
}
