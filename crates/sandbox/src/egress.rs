//! The proxy of a program with guarded network. Its listening socket is in the program's own network namespace, where
//! nothing leads out; it is accepted here, outside, and each request's target is dialled through the owner's guard.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Egress;

/// Connections of one program at the same time; further ones wait.
pub const CONNECTIONS_MAX: usize = 64;
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// A request's head comes within this time.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves the sockets until the set is dropped. Without a guard there are none.
pub(crate) fn serve(egress: Option<Arc<dyn Egress>>, listeners: Vec<OwnedFd>, connections: &mut JoinSet<()>) {
    let Some(egress) = egress else { return };
    for listener in listeners {
        let listener = std::net::TcpListener::from(listener);
        let made = listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener));
        match made {
            Ok(listener) => drop(connections.spawn(accept(Arc::clone(&egress), listener))),
            Err(error) => tracing::warn!("the proxy of a program does not listen: {error}"),
        }
    }
}

async fn accept(egress: Arc<dyn Egress>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut open = JoinSet::new();
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else { return };
        while open.try_join_next().is_some() {}
        let egress = Arc::clone(&egress);
        open.spawn(async move {
            // The program sees how its connection ends; there is nobody else to tell.
            let _ = connection(egress.as_ref(), stream).await;
            drop(place);
        });
    }
}

/// One request. `CONNECT` becomes a tunnel; a request for an `http` URL is passed on, and the connection ends with its
/// answer.
async fn connection(egress: &dyn Egress, mut program: TcpStream) -> io::Result<()> {
    let Ok(head) = timeout(HEAD_TIMEOUT, head(&mut program)).await else { return Ok(()) };
    let Some((head, rest)) = head? else {
        return answer(&mut program, "400 Bad Request", "no request").await;
    };
    let Some(target) = target(&head) else {
        return answer(&mut program, "400 Bad Request", "neither CONNECT nor a request for an http URL")
            .await;
    };
    let mut outside = match egress.dial(&target.host, target.port).await {
        Ok(outside) => outside,
        Err(error) => return answer(&mut program, "403 Forbidden", &error.to_string()).await,
    };
    match target.rewritten {
        None => program.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?,
        Some(head) => outside.write_all(head.as_bytes()).await?,
    }
    outside.write_all(&rest).await?;
    copy_bidirectional(&mut program, &mut outside).await.map(drop)
}

async fn answer(program: &mut TcpStream, status: &str, why: &str) -> io::Result<()> {
    let length = why.len();
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{why}"
    );
    program.write_all(text.as_bytes()).await?;
    program.shutdown().await
}

/// The head as text, and what came after it. `None` if there is none within bounds.
async fn head(program: &mut TcpStream) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = program.read(&mut chunk).await?;
        bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(at + 4);
            return Ok(String::from_utf8(bytes).ok().map(|head| (head, rest)));
        }
        if count == 0 || bytes.len() > HEAD_BYTES_MAX {
            return Ok(None);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Target {
    host: String,
    port: u16,
    /// The head for the target itself, unless it is a tunnel.
    rewritten: Option<String>,
}

fn target(head: &str) -> Option<Target> {
    let (first, others) = head.split_once("\r\n")?;
    let mut words = first.split(' ');
    let (method, place, version) = (words.next()?, words.next()?, words.next()?);
    if method == "CONNECT" {
        let (host, port) = authority(place, None)?;
        return Some(Target { host, port, rewritten: None });
    }
    let rest = place.strip_prefix("http://")?;
    let (named, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    let (host, port) = authority(named, Some(80))?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut rewritten = format!("{method} {slash}{path} {version}\r\n");
    // One request for one connection: what belongs to the hop is left out, and the answer ends it.
    let hop = ["proxy-connection:", "proxy-authorization:", "connection:", "keep-alive:"];
    for line in others.split("\r\n").filter(|line| !line.is_empty()) {
        let lower = line.to_ascii_lowercase();
        if !hop.iter().any(|name| lower.starts_with(name)) {
            rewritten.push_str(line);
            rewritten.push_str("\r\n");
        }
    }
    rewritten.push_str("Connection: close\r\n\r\n");
    Some(Target { host, port, rewritten: Some(rewritten) })
}

/// Host and port; an IPv6 address without its brackets.
fn authority(text: &str, usual: Option<u16>) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => port.parse().ok()?,
        None => usual?,
    };
    let fine = !host.is_empty() && !host.contains(['@', '/', '\\', ' ']);
    fine.then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &str, host: &str, port: u16, rewritten: Option<&str>) {
        let rewritten = rewritten.map(str::to_owned);
        assert_eq!(target(head), Some(Target { host: host.to_owned(), port, rewritten }));
    }

    #[test]
    fn a_tunnel_names_host_and_port() {
        check("CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", "example.com", 443, None);
        check("CONNECT [2001:db8::1]:8443 HTTP/1.1\r\n\r\n", "2001:db8::1", 8443, None);
    }

    #[test]
    fn a_plain_request_is_made_one_for_the_target() {
        let rewritten = "GET /a?b HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n";
        let head = "GET http://example.com/a?b HTTP/1.1\r\nHost: example.com\r\nProxy-Connection: keep-alive\r\n\r\n";
        check(head, "example.com", 80, Some(rewritten));
    }

    #[test]
    fn what_names_no_target_is_refused() {
        for head in [
            "GET / HTTP/1.1\r\n\r\n",
            "CONNECT example.com HTTP/1.1\r\n\r\n",
            "CONNECT :443 HTTP/1.1\r\n\r\n",
            "GET http://user@example.com/ HTTP/1.1\r\n\r\n",
            "GET ftp://example.com/ HTTP/1.1\r\n\r\n",
            "nothing",
        ] {
            assert_eq!(target(head), None, "{head}");
        }
    }
}
