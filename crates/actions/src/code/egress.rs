//! The way out of a program whose step opens the network: the guard that all requests go through.

use std::io;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sandbox::Egress;
use tokio::net::TcpStream;

use crate::http::HttpClient;

/// Dials under the attempt's network policy.
pub(super) struct GuardedEgress(pub(super) HttpClient);

impl Egress for GuardedEgress {
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<TcpStream>> {
        self.0.dial(host, port).boxed()
    }
}
