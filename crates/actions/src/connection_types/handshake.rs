//! The first words of protocols that are not HTTP, for the connection test: a server of that kind answers
//! at that place. Sends no credentials. Goes by the same network policy as every request.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::credential::{Credential, invalid};
use super::{Handshake, Protocol};
use crate::guard::NetworkPolicy;
use crate::{ActionError, ErrorCode};

/// For name, connection and greeting together.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of a greeting that are looked at.
const GREETING_BYTES_MAX: usize = 8 * 1024;
/// SMTP here wants TLS before it says anything.
const SMTPS_PORT: u16 = 465;
/// Length 8, code 1234.5679: may we speak TLS?
const POSTGRES_SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Connects and listens to the greeting.
pub(super) async fn greet(
    credential: &Credential,
    handshake: &Handshake,
    policy: &NetworkPolicy,
) -> Result<(), ActionError> {
    let host = credential.rendered(&handshake.host)?;
    let port = credential.rendered(&handshake.port)?;
    let port: u16 = port.parse().map_err(|_| invalid(format!("`{port}` is not a port")))?;
    if !credential.allows(&host) {
        let message = format!("the connection may not be used for host `{host}`");
        return Err(ActionError::new(ErrorCode::HostNotAllowed, message));
    }
    let place = format!("{host}:{port}");
    let late = |_| {
        let message = format!("no greeting from `{place}` within {} s", TIMEOUT.as_secs());
        Err(ActionError::transient(ErrorCode::Timeout, message))
    };
    let attempt = async {
        let mut stream = connect(&host, port, policy).await?;
        let answered = match handshake.protocol {
            Protocol::Tcp => true,
            Protocol::Smtp if port == SMTPS_PORT => true,
            Protocol::Smtp => reads(&mut stream, |line| line.starts_with(b"220")).await,
            Protocol::Ssh => reads(&mut stream, |line| line.starts_with(b"SSH-")).await,
            Protocol::Postgres => speaks_postgres(&mut stream).await,
        };
        if answered {
            return Ok(());
        }
        let message = format!("what answers at `{place}` does not greet like {}", name(handshake.protocol));
        Err(ActionError::new(ErrorCode::ResponseInvalid, message))
    };
    tokio::time::timeout(TIMEOUT, attempt).await.unwrap_or_else(late)
}

const fn name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Smtp => "SMTP",
        Protocol::Ssh => "SSH",
        Protocol::Postgres => "PostgreSQL",
    }
}

/// Connects to an address that has been judged, and to no other: the name is asked once.
async fn connect(host: &str, port: u16, policy: &NetworkPolicy) -> Result<TcpStream, ActionError> {
    let unknown = |why: String| ActionError::transient(ErrorCode::DnsFailed, why);
    let addresses: Vec<IpAddr> = match host.parse() {
        Ok(address) => vec![address],
        Err(_) => tokio::net::lookup_host((host, port))
            .await
            .map_err(|error| unknown(format!("host `{host}` has no address: {error}")))?
            .map(|address| address.ip())
            .collect(),
    };
    for &address in &addresses {
        policy.check(address).map_err(|kind| {
            let message = format!("`{address}` is a {kind} address, which the network policy closes");
            ActionError::new(ErrorCode::AddressNotAllowed, message)
        })?;
    }
    let mut failure = unknown(format!("host `{host}` has no address"));
    for address in addresses {
        match TcpStream::connect(SocketAddr::new(address, port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                let message = format!("no connection to `{host}:{port}`: {error}");
                failure = ActionError::transient(ErrorCode::ConnectFailed, message);
            }
        }
    }
    Err(failure)
}

/// Whether one of the first lines is what is waited for.
async fn reads(stream: &mut TcpStream, wanted: impl Fn(&[u8]) -> bool) -> bool {
    let mut greeting = Vec::new();
    let mut chunk = [0; 512];
    while greeting.len() < GREETING_BYTES_MAX {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return false,
            Ok(count) => greeting.extend_from_slice(&chunk[..count]),
        }
        let complete = greeting.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        if greeting[..complete].split(|byte| *byte == b'\n').any(&wanted) {
            return true;
        }
    }
    false
}

async fn speaks_postgres(stream: &mut TcpStream) -> bool {
    let mut answer = [0];
    stream.write_all(&POSTGRES_SSL_REQUEST).await.is_ok()
        && stream.read_exact(&mut answer).await.is_ok()
        && matches!(answer[0], b'S' | b'N')
}
