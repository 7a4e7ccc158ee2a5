//! A server on this machine that keeps what it was sent and answers what it is told, byte for byte, plain
//! or over TLS. One request a connection.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What the server does once a request has arrived.
#[derive(Clone)]
pub(crate) enum Answer {
    Bytes(Vec<u8>),
    /// The bytes, then nothing more; the connection stays open.
    Stall(&'static str),
    /// The bytes, then zeros in chunks until the client goes away.
    Endless(&'static str),
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) port: u16,
    arrived: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers in turn, the last answer again and again.
    pub(crate) async fn start(answers: Vec<Answer>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), arrived: Arc::default() };
        let arrived = Arc::clone(&server.arrived);
        let mut answers = VecDeque::from(answers);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
                let (answer, arrived, tls) = (answer.unwrap(), Arc::clone(&arrived), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, answer, &arrived).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, answer, &arrived).await;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    /// Answers `status extra-headers\n\nbody` in turn.
    pub(crate) async fn answering(answers: &[&str]) -> Self {
        Self::start(answers.iter().map(|text| answer(text)).collect(), None).await
    }

    /// The requests as they came: first line, headers, empty line, body; lines end with `\n`.
    pub(crate) fn arrived(&self) -> Vec<String> {
        self.arrived.lock().unwrap().clone()
    }
}

/// `200 OK\nname: value\n\nbody` with the length added.
pub(crate) fn answer(text: &str) -> Answer {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let head = head.replace('\n', "\r\n");
    let length = body.len();
    let text = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    Answer::Bytes(text.into_bytes())
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: Answer,
    arrived: &Mutex<Vec<String>>,
) {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap_or(0);
        bytes.extend_from_slice(&chunk[..count]);
        if whole(&bytes) {
            break;
        }
        if count == 0 {
            return;
        }
    }
    arrived.lock().unwrap().push(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"));
    match answer {
        Answer::Bytes(bytes) => {
            stream.write_all(&bytes).await.ok();
            stream.shutdown().await.ok();
        }
        Answer::Stall(head) => {
            stream.write_all(head.as_bytes()).await.ok();
            std::future::pending::<()>().await;
        }
        Answer::Endless(head) => {
            stream.write_all(head.as_bytes()).await.ok();
            let chunk = [b"1000\r\n".as_slice(), &[0; 0x1000], b"\r\n"].concat();
            while stream.write_all(&chunk).await.is_ok() {}
        }
    }
}

/// Whether the head and as much body as it announces are there.
fn whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}
