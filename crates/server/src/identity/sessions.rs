//! Who a session's token belongs to.

use std::sync::Arc;

use store::StoreError;
use store::sessions::Session;
use store::users::UserStatus;
use types::{SessionId, Timestamp};

use super::{Identity, LAST_USED_INTERVAL, Principal};
use crate::config::Sessions;

/// Bytes of a token; longer texts are refused unread.
const TOKEN_BYTES_MAX: usize = 64;
/// What tokens of sessions are hashed as.
const KIND: &str = "session";

/// A caller who has signed in.
#[derive(Debug)]
pub(crate) struct SignedIn {
    /// The session.
    pub(crate) session: SessionId,
    /// Who.
    pub(crate) principal: Arc<Principal>,
    /// From when on the session is worth nothing, however often it is used.
    pub(crate) expires_at: Timestamp,
    /// Whether the user must choose another password before anything else.
    pub(crate) must_change: bool,
    /// From when on it must be looked up again, at the latest.
    ends_at: Timestamp,
}

impl Identity {
    /// The hash under which something random of that kind is stored: another one than an API key's.
    pub(crate) fn hash_of(&self, kind: &str, token: &str) -> String {
        self.hasher.digest_of(kind, token).to_string()
    }

    /// The hash under which the token of a session is stored.
    pub(crate) fn session_hash(&self, token: &str) -> String {
        self.hash_of(KIND, token)
    }

    /// Who has signed in with that token; none if the session is unknown or has ended, or its user is not active.
    pub(crate) async fn find_session(
        &self,
        token: &str,
        now: Timestamp,
        bounds: &Sessions,
    ) -> Result<Option<Arc<SignedIn>>, StoreError> {
        if token.is_empty() || token.len() > TOKEN_BYTES_MAX {
            return Ok(None);
        }
        let digest = self.hasher.digest_of(KIND, token);
        if let Some(known) = self.signed_in.get(&digest).filter(|known| now < known.ends_at) {
            return Ok(Some(known));
        }
        let Some(session) = store::sessions::find_by_hash(&self.db, &digest.to_string()).await? else {
            return Ok(None);
        };
        let ends_at = session.expires_at.min(session.last_seen_at.saturating_add(bounds.idle_timeout()));
        if now >= ends_at {
            return Ok(None);
        }
        let Some(found) = self.sign_in(&session, ends_at).await? else { return Ok(None) };
        self.note_session(&session, now);
        let found = Arc::new(found);
        self.signed_in.insert(digest, Arc::clone(&found));
        Ok(Some(found))
    }

    async fn sign_in(&self, session: &Session, ends_at: Timestamp) -> Result<Option<SignedIn>, StoreError> {
        let (tenant, user) = (session.tenant_id, session.user_id);
        let Some(user) = store::users::get(&self.db, tenant, user).await? else { return Ok(None) };
        if user.status != UserStatus::Active {
            return Ok(None);
        }
        let password = store::passwords::get(&self.db, tenant, user.id).await?;
        Ok(Some(SignedIn {
            session: session.id,
            principal: Arc::new(self.principal(&user).await?),
            expires_at: session.expires_at,
            // Whoever came from a provider has shown no password.
            must_change: session.issuer.is_empty() && password.is_some_and(|password| password.must_change),
            ends_at,
        }))
    }

    /// Writes down that the session is used, beside the request: nobody waits for it, and a failure is no harm.
    fn note_session(&self, session: &Session, now: Timestamp) {
        if now.since(session.last_seen_at) < LAST_USED_INTERVAL {
            return;
        }
        let (db, tenant, id) = (self.db.clone(), session.tenant_id, session.id);
        tokio::spawn(async move {
            let written = db.write(async move |tx| store::sessions::touch(tx, tenant, id, now).await);
            if let Err(error) = written.await {
                tracing::debug!(%error, "the use of a session was not written down");
            }
        });
    }
}
