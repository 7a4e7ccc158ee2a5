//! Names to addresses, with the guard in between: what the client connects to is what was judged.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::guard::{AddressKind, NetworkPolicy};

/// Asks for the addresses of a name.
pub trait Resolver: Send + Sync {
    /// The addresses of `host`, best first.
    fn resolve(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// Asks the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// An address that the policy closes.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{address} is a {kind} address")]
pub(super) struct AddressRefused {
    /// The address.
    pub(super) address: IpAddr,
    /// What it is.
    pub(super) kind: AddressKind,
}

/// A name without an address.
#[derive(Debug, thiserror::Error)]
#[error("the name has no address")]
pub(super) struct NameUnknown(#[source] pub(super) Option<io::Error>);

/// Hands the client only addresses that the policy opens; it connects to them and asks nobody again.
pub(super) struct GuardedResolver {
    pub(super) inner: Arc<dyn Resolver>,
    pub(super) policy: Arc<NetworkPolicy>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, lookup) = (Arc::clone(&self.policy), self.inner.resolve(name.as_str().to_owned()));
        Box::pin(async move {
            let addresses = lookup.await.map_err(|error| NameUnknown(Some(error)))?;
            // One closed address closes the name: a name that answers both is how rebinding starts.
            for &address in &addresses {
                policy.check(address).map_err(|kind| AddressRefused { address, kind })?;
            }
            if addresses.is_empty() {
                return Err(NameUnknown(None).into());
            }
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}
