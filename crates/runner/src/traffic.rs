//! What passes over a connection, byte by byte: a message that is large on a slow network is on its way for longer than a
//! peer may be silent, and must not count as silence. Nor must a peer that takes nothing more be waited for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Sink, SinkExt as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// Bytes of a message that are sent at a time.
const FRAGMENT_BYTES: usize = 64 * 1024;

/// When something last passed. Clones share it.
#[derive(Clone)]
pub(crate) struct Traffic(Arc<Passed>);

struct Passed {
    begin: Instant,
    /// Milliseconds after the beginning.
    read_ms: AtomicU64,
    written_ms: AtomicU64,
}

impl Traffic {
    fn new() -> Self {
        let (read_ms, written_ms) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Passed { begin: Instant::now(), read_ms, written_ms }))
    }

    /// When the peer last said anything.
    pub(crate) fn last_read(&self) -> Instant {
        self.at(&self.0.read_ms)
    }

    /// Sends all of it; false if that cannot be, or if for as long as `silence` nothing of it is taken.
    pub(crate) async fn send<S>(
        &self,
        sink: &mut S,
        messages: impl IntoIterator<Item = String>,
        silence: Duration,
    ) -> bool
    where
        S: Sink<Message> + Unpin,
    {
        let began = Instant::now();
        let mut sending = Box::pin(async {
            for message in messages.into_iter().flat_map(frames) {
                sink.feed(message).await?;
            }
            sink.flush().await
        });
        loop {
            let due = self.at(&self.0.written_ms).max(began) + silence;
            tokio::select! {
                sent = &mut sending => return sent.is_ok(),
                () = sleep_until(due) => {
                    if self.at(&self.0.written_ms).max(began) + silence <= Instant::now() {
                        return false;
                    }
                }
            }
        }
    }

    fn at(&self, millis: &AtomicU64) -> Instant {
        self.0.begin + Duration::from_millis(millis.load(Ordering::Relaxed))
    }

    fn note(&self, millis: &AtomicU64) {
        let now = u64::try_from(self.0.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        millis.store(now, Ordering::Relaxed);
    }
}

/// The message as it travels: a large one in fragments, with a sign of life after each.
fn frames(text: String) -> Vec<Message> {
    if text.len() <= FRAGMENT_BYTES {
        return vec![Message::text(text)];
    }
    let bytes = Bytes::from(text);
    let mut frames = Vec::with_capacity(2 * bytes.len().div_ceil(FRAGMENT_BYTES));
    for start in (0..bytes.len()).step_by(FRAGMENT_BYTES) {
        let end = (start + FRAGMENT_BYTES).min(bytes.len());
        let kind = if start == 0 { Data::Text } else { Data::Continue };
        let frame = Frame::message(bytes.slice(start..end), OpCode::Data(kind), end == bytes.len());
        frames.push(Message::Frame(frame));
        frames.push(Message::Ping(Bytes::new()));
    }
    frames
}

/// A stream whose traffic can be seen.
pub(crate) struct Watched<S> {
    inner: S,
    traffic: Traffic,
}

impl<S> Watched<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, traffic: Traffic::new() }
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.traffic.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.traffic.note(&self.traffic.0.read_ms);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        self.traffic.note(&self.traffic.0.written_ms);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_message_goes_in_fragments() {
        assert_eq!(frames("x".repeat(FRAGMENT_BYTES)).len(), 1);
        let text = "é".repeat(FRAGMENT_BYTES);
        let frames = frames(format!("x{text}"));
        let of = |frame: &Message| match frame {
            Message::Frame(frame) => (frame.payload().len(), frame.header().is_final, frame.header().opcode),
            other => panic!("{other:?}"),
        };
        let kinds: Vec<_> = frames.iter().step_by(2).map(of).collect();
        let data = |kind| OpCode::Data(kind);
        let expected = [
            (FRAGMENT_BYTES, false, data(Data::Text)),
            (FRAGMENT_BYTES, false, data(Data::Continue)),
            (1, true, data(Data::Continue)),
        ];
        assert_eq!(kinds, expected);
        assert!(frames.iter().skip(1).step_by(2).all(Message::is_ping));
    }

    #[tokio::test]
    async fn a_peer_that_takes_nothing_more_is_given_up() {
        let (near, far) = tokio::io::duplex(1024);
        let near = Watched::new(near);
        let traffic = near.traffic();
        let socket = tokio_tungstenite::WebSocketStream::from_raw_socket(
            near,
            tokio_tungstenite::tungstenite::protocol::Role::Client,
            None,
        );
        let mut socket = socket.await;
        let began = Instant::now();
        let silence = Duration::from_millis(200);
        assert!(traffic.send(&mut socket, ["short".to_owned()], silence).await);
        assert!(!traffic.send(&mut socket, ["x".repeat(1 << 20)], silence).await);
        assert!(began.elapsed() >= silence, "{:?}", began.elapsed());
        drop(far);
    }
}
