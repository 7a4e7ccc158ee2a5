//! Connections for programs that speak for themselves: the same names, the same judgement of addresses, no HTTP.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::HttpClient;
use crate::guard::AddressKind;

/// For one TCP handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

impl HttpClient {
    /// Connects to `host`, a name or an address, if the policy opens every address that it has.
    ///
    /// # Errors
    /// `PermissionDenied` if the policy closes one of them; otherwise what the network says.
    pub async fn dial(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let endpoints: Vec<SocketAddr> = match bare.parse::<IpAddr>() {
            Ok(address) => {
                let endpoint = SocketAddr::new(address, port);
                self.policy().check_endpoint(endpoint).map_err(|kind| refused(host, address, kind))?;
                vec![endpoint]
            }
            Err(_) => {
                let addresses = self.resolve(bare.to_owned()).await?;
                // One closed address closes the name: a name that answers both is how rebinding starts.
                for &address in &addresses {
                    self.policy().check(address).map_err(|kind| refused(host, address, kind))?;
                }
                addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect()
            }
        };
        let mut last = io::Error::new(io::ErrorKind::NotFound, format!("`{host}` has no address"));
        for endpoint in endpoints {
            match timeout(CONNECT_TIMEOUT, TcpStream::connect(endpoint)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, format!("`{host}` does not answer")),
            }
        }
        Err(last)
    }
}

fn refused(host: &str, address: IpAddr, kind: AddressKind) -> io::Error {
    let message = match host.parse::<IpAddr>() {
        Ok(_) => format!("`{host}` is a {kind} address"),
        Err(_) => format!("`{host}` has the {kind} address `{address}`"),
    };
    io::Error::new(io::ErrorKind::PermissionDenied, message)
}
