//! Accepting connections: bounded time for a request's head, graceful stop with a hard end.

use std::io;
use std::time::Duration;

use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::Api;

/// Pause after an accept that failed, for want of file descriptors as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Serves until `stop` is ready; then lets requests in flight finish for at most `grace`.
pub(crate) async fn serve(
    listener: TcpListener,
    api: Api,
    head_timeout: Duration,
    stop: impl Future<Output = ()>,
    grace: Duration,
) {
    // HTTP/1.1 alone: whoever wants more has a proxy in front, for TLS. The time for a head also bounds how long
    // a connection may be idle.
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(head_timeout).max_buf_size(HEAD_BYTES_MAX);
    let (stopping, connections) = (CancellationToken::new(), TaskTracker::new());
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if is_the_servers(&error) {
                    tracing::warn!(%error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        // Small answers must not wait for a full segment; without it they are late, not wrong.
        let _ = stream.set_nodelay(true);
        let api = api.for_peer(peer.ip());
        let connection = builder.serve_connection(TokioIo::new(stream), api).with_upgrades();
        let stopping = stopping.clone();
        connections.spawn(async move {
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stopping.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            // How a client ends its connection is its own business.
            if let Err(error) = ended {
                tracing::debug!(error = %error, "connection ended");
            }
        });
    }
    drop(listener);
    stopping.cancel();
    connections.close();
    // A link of a runner is no connection of this kind any more: it ends with the driver.
    if tokio::time::timeout(grace, connections.wait()).await.is_err() {
        tracing::warn!("requests were still in flight when the grace was over");
    }
}

/// Not a client that gave up before it was accepted.
fn is_the_servers(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
