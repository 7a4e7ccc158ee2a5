//! Who a key or a session belongs to, remembered for a short time.
//!
//! A key is looked up by its keyed hash. What was found is kept for [`CALLER_CACHE_TTL`]: on this server a
//! change of users, members or keys is seen at once, on others of the same database within that time.

mod roles;
mod sessions;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use secrets::{ApiKeyHasher, KeyDigest};
use store::api_keys::{KeyOwner, touch_last_used};
use store::users::{User, UserStatus};
use store::{Db, StoreError};
use types::{ApiKeyId, Assigned, PermissionSet, Role, TenantId, TenantRole, Timestamp, UserId, WorkspaceId};

pub(crate) use roles::Roles;
use roles::strongest;
pub(crate) use sessions::SignedIn;

/// How long a caller is remembered.
pub const CALLER_CACHE_TTL: Duration = Duration::from_secs(2);
/// How old what is known of a key's last use may become.
const LAST_USED_INTERVAL: Duration = Duration::from_secs(60);
/// How many callers are remembered.
pub(crate) const CALLER_CACHE_ENTRIES_MAX: u64 = 10_000;
/// Bytes of a key; longer texts are refused unread.
pub(crate) const API_KEY_BYTES_MAX: usize = 256;

/// A caller: a user, as one of their keys or sessions speaks for them.
#[derive(Debug)]
pub struct Principal {
    /// The user.
    pub user: UserId,
    /// The key that speaks for them, if one does.
    pub key: Option<ApiKeyId>,
    /// The user's e-mail address.
    pub email: String,
    /// The user's tenant.
    pub tenant: TenantId,
    /// The user's role in it.
    pub tenant_role: Assigned<TenantRole>,
    /// What that allows on whatever belongs to no workspace.
    pub tenant_permissions: PermissionSet,
    /// The workspace that an address without one means; none if the user is a member of none.
    pub default_workspace: Option<WorkspaceId>,
    /// Every workspace the user may enter.
    pub workspaces: HashMap<WorkspaceId, Membership>,
}

/// A workspace as its member sees it.
#[derive(Debug)]
pub struct Membership {
    /// Its name for people.
    pub display_name: String,
    /// The user's role in it; of several the strongest that is built in, else the first by name.
    pub role: Assigned<Role>,
    /// What all of the user's roles in it allow.
    pub permissions: PermissionSet,
}

/// Finds callers by key or session.
pub struct Identity {
    db: Db,
    hasher: ApiKeyHasher,
    callers: Cache<KeyDigest, Arc<Principal>>,
    signed_in: Cache<KeyDigest, Arc<SignedIn>>,
}

impl Identity {
    /// Looks keys up in `db`, hashed with `hasher`.
    pub fn new(db: Db, hasher: ApiKeyHasher) -> Self {
        let callers =
            Cache::builder().max_capacity(CALLER_CACHE_ENTRIES_MAX).time_to_live(CALLER_CACHE_TTL).build();
        let signed_in =
            Cache::builder().max_capacity(CALLER_CACHE_ENTRIES_MAX).time_to_live(CALLER_CACHE_TTL).build();
        Self { db, hasher, callers, signed_in }
    }

    /// The hash under which a key is stored.
    pub fn hash(&self, key: &str) -> String {
        self.hasher.hash(key)
    }

    /// Who the key belongs to; none if it is unknown or revoked, or its user is not active.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn find_caller(&self, key: &str, now: Timestamp) -> Result<Option<Arc<Principal>>, StoreError> {
        if key.is_empty() || key.len() > API_KEY_BYTES_MAX {
            return Ok(None);
        }
        let digest = self.hasher.digest(key);
        if let Some(caller) = self.callers.get(&digest) {
            return Ok(Some(caller));
        }
        let Some(caller) = self.load(&digest.to_string(), now).await? else { return Ok(None) };
        let caller = Arc::new(caller);
        self.callers.insert(digest, Arc::clone(&caller));
        Ok(Some(caller))
    }

    /// Forgets everybody: after a change of users, members, workspaces, keys or sessions.
    pub(crate) fn forget_callers(&self) {
        self.callers.invalidate_all();
        self.signed_in.invalidate_all();
    }

    async fn load(&self, hash: &str, now: Timestamp) -> Result<Option<Principal>, StoreError> {
        let Some(owner) = store::api_keys::find_by_hash(&self.db, hash).await? else { return Ok(None) };
        if owner.is_revoked || owner.user_status != UserStatus::Active {
            return Ok(None);
        }
        self.note_use(&owner, now);
        match store::users::get(&self.db, owner.tenant_id, owner.user_id).await? {
            Some(user) => {
                let principal = self.principal(&user).await?;
                Ok(Some(Principal { key: Some(owner.key_id), ..principal }))
            }
            None => Ok(None),
        }
    }

    /// Writes down that the key is used, beside the request: nobody waits for it, and a failure is no harm.
    fn note_use(&self, owner: &KeyOwner, now: Timestamp) {
        if owner.last_used_at.is_some_and(|last| now.since(last) < LAST_USED_INTERVAL) {
            return;
        }
        let (db, tenant, key) = (self.db.clone(), owner.tenant_id, owner.key_id);
        tokio::spawn(async move {
            let written = db.write(async move |tx| touch_last_used(tx, tenant, key, now).await);
            if let Err(error) = written.await {
                tracing::debug!(%error, "the use of an API key was not written down");
            }
        });
    }

    /// What the user may enter and do.
    pub(crate) async fn principal(&self, user: &User) -> Result<Principal, StoreError> {
        let rows = store::workspaces::list_for_user(&self.db, user.tenant_id, user.id).await?;
        let roles = Roles::of_user(&self.db, user).await?;
        // An Admin of the tenant owns every workspace, member or not.
        let is_admin = user.tenant_role.is(TenantRole::Admin);
        let workspaces: HashMap<_, _> = rows
            .into_iter()
            .filter_map(|row| {
                let own = if is_admin { vec![Role::Owner.into()] } else { row.roles };
                let role = strongest(&own)?.clone();
                let permissions = roles.in_workspace(&own);
                Some((row.id, Membership { display_name: row.display_name, role, permissions }))
            })
            .collect();
        let chosen = user.default_workspace_id.filter(|id| workspaces.contains_key(id));
        let default_workspace = chosen.or_else(|| workspaces.keys().min().copied());
        Ok(Principal {
            user: user.id,
            key: None,
            email: user.email.clone(),
            tenant: user.tenant_id,
            tenant_permissions: roles.in_tenant(&user.tenant_role),
            tenant_role: user.tenant_role.clone(),
            default_workspace,
            workspaces,
        })
    }
}
