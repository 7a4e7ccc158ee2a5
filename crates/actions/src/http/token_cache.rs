//! Access tokens that were fetched for connections, kept until shortly before they expire.
//!
//! One per runner. Two steps that need the same token at once cause one fetch, not two: some services
//! revoke the first token when they give a second.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use secrets::Secret;
use tokio::sync::Mutex;
use types::Timestamp;

use crate::ActionError;

/// Tokens that are kept; past it all are dropped and fetched again.
const TOKENS_MAX: usize = 4096;
/// A token is not used in the last part of its life, so that it does not expire on the way.
const EXPIRY_MARGIN: Duration = Duration::from_secs(60);

/// A token as a service gave it.
pub struct Token {
    /// What the request carries.
    pub value: Secret<String>,
    /// When the service will refuse it.
    pub expires_at: Timestamp,
}

type Slot = Arc<Mutex<Option<Arc<Token>>>>;

/// Tokens by a key that the caller derives from the connection and everything that decides the token.
#[derive(Default)]
pub struct TokenCache {
    slots: Mutex<HashMap<String, Slot>>,
}

impl TokenCache {
    /// The kept token for `key`, or the one that `fetch` gets. A failed fetch is not kept.
    ///
    /// `key` must name the credential as well (a hash of it), so that a changed secret is a new key.
    pub async fn get_or_fetch<F>(
        &self,
        key: &str,
        now: Timestamp,
        fetch: F,
    ) -> Result<Arc<Token>, ActionError>
    where
        F: Future<Output = Result<Token, ActionError>>,
    {
        let slot = self.slot(key).await;
        let mut kept = slot.lock().await;
        if let Some(token) = kept.as_ref()
            && token.expires_at > now.saturating_add(EXPIRY_MARGIN)
        {
            return Ok(Arc::clone(token));
        }
        let token = Arc::new(fetch.await?);
        *kept = Some(Arc::clone(&token));
        Ok(token)
    }

    /// Drops the token for `key`: the service refused it before its time.
    pub async fn forget(&self, key: &str) {
        self.slots.lock().await.remove(key);
    }

    async fn slot(&self, key: &str) -> Slot {
        let mut slots = self.slots.lock().await;
        if slots.len() >= TOKENS_MAX && !slots.contains_key(key) {
            slots.clear();
        }
        Arc::clone(slots.entry(key.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn token(expires_at: i64) -> Token {
        Token { value: Secret::from("t"), expires_at: Timestamp::from_millis(expires_at) }
    }

    #[tokio::test]
    async fn a_token_is_fetched_once_until_shortly_before_it_expires() {
        let (cache, fetches) = (TokenCache::default(), AtomicUsize::new(0));
        let fetch = async || {
            fetches.fetch_add(1, Ordering::SeqCst);
            Ok(token(200_000))
        };
        for now in [0, 100_000, 139_999] {
            cache.get_or_fetch("k", Timestamp::from_millis(now), fetch()).await.unwrap();
        }
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
        cache.get_or_fetch("k", Timestamp::from_millis(140_000), fetch()).await.unwrap();
        assert_eq!(fetches.load(Ordering::SeqCst), 2);
        cache.forget("k").await;
        cache.get_or_fetch("k", Timestamp::from_millis(0), fetch()).await.unwrap();
        assert_eq!(fetches.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_failed_fetch_is_not_kept() {
        let cache = TokenCache::default();
        let now = Timestamp::from_millis(0);
        let failed = async { Err(ActionError::new(crate::ErrorCode::AuthenticationFailed, "no")) };
        assert!(cache.get_or_fetch("k", now, failed).await.is_err());
        assert!(cache.get_or_fetch("k", now, async { Ok(token(1)) }).await.is_ok());
    }
}
