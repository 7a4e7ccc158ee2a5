//! A guarded network: what a program reaches through the proxy, and that it reaches nothing else.

mod common;

use std::io;
use std::sync::{Arc, Mutex};

use common::{run, sandbox};
use futures_util::future::BoxFuture;
use sandbox::{Egress, End, Language, Network, Program};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Allows one name, which leads to a service of the test.
struct Guard {
    service: u16,
    asked: Mutex<Vec<String>>,
}

impl Egress for Guard {
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<TcpStream>> {
        Box::pin(async move {
            self.asked.lock().expect("nobody panics").push(format!("{host}:{port}"));
            if host != "allowed.example" {
                return Err(io::Error::other(format!("`{host}` is not allowed")));
            }
            TcpStream::connect(("127.0.0.1", self.service)).await
        })
    }
}

/// A service that answers each connection with what it was sent first.
async fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                let count = stream.read(&mut bytes).await.unwrap_or(0);
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {count}\r\nConnection: close\r\n\r\n");
                // Who has gone away does not read.
                let _ = stream.write_all(&[head.as_bytes(), &bytes[..count]].concat()).await;
            });
        }
    });
    port
}

async fn guarded(language: Language, code: &str) -> (sandbox::Finished, Vec<String>) {
    let guard = Arc::new(Guard { service: echo().await, asked: Mutex::default() });
    let mut program = Program::new(language, code);
    program.network = Network::Guarded(guard.clone());
    let finished = run(&sandbox().await, program).await;
    let asked = guard.asked.lock().expect("nobody panics").clone();
    (finished, asked)
}

#[tokio::test]
async fn python_reaches_what_the_guard_allows() {
    let code = "import urllib.request\nprint(urllib.request.urlopen('http://allowed.example/a?b', timeout=5).read().decode())";
    let (finished, asked) = guarded(Language::Python, code).await;
    let printed = String::from_utf8_lossy(&finished.stdout);
    assert!(printed.starts_with("GET /a?b HTTP/1.1\r\n"), "{finished:?}");
    assert!(printed.contains("Host: allowed.example\r\n"), "{printed}");
    assert_eq!(asked, ["allowed.example:80"]);
}

#[tokio::test]
async fn a_tunnel_carries_bytes_as_they_are() {
    let code = "exec 9<>/dev/tcp/127.0.0.1/3128
printf 'CONNECT allowed.example:443 HTTP/1.1\\r\\n\\r\\n' >&9
read -r answer <&9; read -r _ <&9; echo \"$answer\"
printf 'ping' >&9; tail -c 4 <&9";
    let (finished, asked) = guarded(Language::Bash, code).await;
    assert_eq!(finished.stdout, b"HTTP/1.1 200 Connection established\r\nping", "{finished:?}");
    assert_eq!(asked, ["allowed.example:443"]);
}

#[tokio::test]
async fn what_the_guard_refuses_is_told_to_the_program() {
    let code = "import urllib.request, urllib.error
try:
    urllib.request.urlopen('http://169.254.169.254/latest', timeout=5)
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())";
    let (finished, asked) = guarded(Language::Python, code).await;
    assert_eq!(finished.stdout, b"403 `169.254.169.254` is not allowed\n", "{finished:?}");
    assert_eq!(asked, ["169.254.169.254:80"]);
}

#[tokio::test]
async fn what_is_no_request_is_refused_by_the_proxy() {
    let code = "import socket
for head in (b'GET / HTTP/1.1\\r\\n\\r\\n', b'x' * 40000, b'CONNECT nowhere HTTP/1.1\\r\\n\\r\\n'):
    with socket.create_connection(('127.0.0.1', 3128)) as proxy:
        proxy.sendall(head)
        print(proxy.recv(100).split(b'\\r\\n')[0].decode())";
    let (finished, asked) = guarded(Language::Python, code).await;
    let refused = "HTTP/1.1 400 Bad Request\n";
    assert_eq!(String::from_utf8_lossy(&finished.stdout), refused.repeat(3), "{finished:?}");
    assert!(asked.is_empty(), "{asked:?}");
}

#[tokio::test]
async fn there_is_no_way_but_the_proxy() {
    let service = echo().await;
    let code = format!(
        "import socket
for target in (('127.0.0.1', {service}), ('1.1.1.1', 443), ('169.254.169.254', 80)):
    try:
        socket.create_connection(target, 2)
        print('connected', target)
    except OSError as error:
        print(type(error).__name__)
for family, kind in ((17, 3), (16, 3), (40, 1), (38, 5)):
    try:
        socket.socket(family, kind)
        print('made', family)
    except PermissionError:
        pass
try:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
    print('raw')
except PermissionError:
    pass"
    );
    let (finished, asked) = guarded(Language::Python, &code).await;
    assert_eq!(finished.end, End::Returned, "{finished:?}");
    assert_eq!(finished.stdout, b"ConnectionRefusedError\nOSError\nOSError\n");
    assert!(asked.is_empty(), "{asked:?}");
}

#[tokio::test]
async fn a_program_without_network_finds_no_proxy() {
    let code =
        "import os\nprint(sorted(os.environ))\nimport socket\nsocket.create_connection(('127.0.0.1', 3128))";
    let finished = run(&sandbox().await, Program::new(Language::Python, code)).await;
    let End::Raised { message, .. } = finished.end else { unreachable!("it raises: {finished:?}") };
    assert_eq!(message, "PermissionError: [Errno 1] Operation not permitted");
    assert!(!String::from_utf8_lossy(&finished.stdout).contains("proxy"));
}
