//! The first start: makes the tenant, its workspace, the first admin and their key.

use secrets::Secret;
use store::StoreError;
use store::passwords::Password;
use store::tenants::Tenant;
use store::users::{User, UserKind, UserStatus};
use store::workspaces::Workspace;
use types::{Clock, Role, SystemRng, TenantId, TenantRole, UserId, WorkspaceId};

use crate::config::Bootstrap;
use crate::http::{FIRST_LINK_TIME, hint_of, reset_link, reset_row};
use crate::passwords::hash_new;
use crate::server::Stores;
use crate::vault::VaultError;

/// The first workspace's name for people.
const WORKSPACE_NAME: &str = "Default";
/// The first admin's address where none is configured.
const EMAIL_DEFAULT: &str = "admin@localhost";

/// Bytes of a key below which it is no good secret.
const SAFE_KEY_BYTES_MIN: usize = 16;

/// What a first start made.
pub struct FirstStart {
    /// The first admin's key: to be shown now, for it is not stored. None where the configuration gave it.
    pub api_key: Option<Secret<String>>,
    /// The first workspace.
    pub workspace: WorkspaceId,
    /// The first admin's address.
    pub email: String,
    /// The code with which the first admin sets a password, to be shown now as well. None where the configuration gave
    /// the password.
    password_code: Option<Secret<String>>,
}

impl FirstStart {
    /// The link with which the first admin sets a password, within a day; `public_url` is where people reach the server.
    pub fn password_link(&self, public_url: &str) -> Option<Secret<String>> {
        self.password_code.as_ref().map(|code| reset_link(public_url, code))
    }
}

/// Why it could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BootstrapError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("{0}")]
    Password(String),
}

/// Makes what an empty database lacks; none if it is not empty.
pub(crate) async fn bootstrap(
    stores: &Stores,
    config: &Bootstrap,
    clock: &dyn Clock,
) -> Result<Option<FirstStart>, BootstrapError> {
    let db = &stores.db;
    if store::tenants::first(db).await?.is_some() {
        return Ok(None);
    }
    let now = clock.now();
    let given = Some(config.api_key.clone()).filter(|key| !key.is_empty());
    let key = given.clone().map_or_else(|| secrets::generate_api_key(&mut SystemRng), Secret::new);
    if key.expose().len() < SAFE_KEY_BYTES_MIN {
        tracing::warn!(
            "`bootstrap.api_key` has fewer than {SAFE_KEY_BYTES_MIN} characters: it can be guessed"
        );
    }
    let rng = &mut SystemRng;
    let tenant = Tenant {
        id: TenantId::new(now, rng),
        name: WORKSPACE_NAME.to_owned(),
        created_at: now,
        updated_at: now,
    };
    let user_id = UserId::new(now, rng);
    let workspace_id = config.workspace_id.parse().unwrap_or_else(|_| WorkspaceId::new(now, rng));
    let workspace = Workspace {
        id: workspace_id,
        tenant_id: tenant.id,
        name: "default".to_owned(),
        display_name: WORKSPACE_NAME.to_owned(),
        description: String::new(),
        created_at: now,
        created_by: user_id.to_string(),
        updated_at: now,
        updated_by: user_id.to_string(),
    };
    let email = if config.email.is_empty() { EMAIL_DEFAULT } else { &config.email };
    let user = User {
        kind: UserKind::Person,
        description: String::new(),
        id: user_id,
        tenant_id: tenant.id,
        email: email.to_owned(),
        name: "Admin".to_owned(),
        tenant_role: TenantRole::Admin.into(),
        status: UserStatus::Active,
        default_workspace_id: Some(workspace_id),
        created_at: now,
        updated_at: now,
    };
    let api_key = store::api_keys::ApiKey {
        id: types::Id::new(now, rng),
        tenant_id: tenant.id,
        user_id,
        name: "first key".to_owned(),
        description: "Made at the first start".to_owned(),
        hint: hint_of(key.expose()),
        created_at: now,
        last_used_at: None,
        revoked_at: None,
    };
    let hash = stores.identity.hash(key.expose());
    let first_email = user.email.clone();
    let password = first_password(config, &user).await?;
    let (code, reset, code_hash) = reset_row(&stores.identity, &user, (now, FIRST_LINK_TIME));
    let has_password = password.is_some();
    let made = db.write(async move |tx| {
        // Two servers may start on an empty database at once.
        if store::tenants::first(tx).await?.is_some() {
            return Ok(false);
        }
        store::tenants::insert(tx, &tenant).await?;
        store::workspaces::insert(tx, &workspace).await?;
        store::users::insert(tx, &user).await?;
        store::members::set(tx, workspace.id, user.id, &Role::Owner.into()).await?;
        store::api_keys::insert(tx, &api_key, &hash).await?;
        match &password {
            Some(password) => store::passwords::set(tx, password).await?,
            None => store::passwords::insert_reset(tx, &reset, &code_hash).await?,
        }
        Ok::<_, StoreError>(true)
    });
    if !made.await? {
        return Ok(None);
    }
    // From the first day there is something that only the right key file opens.
    stores.vault.add_data_key(workspace_id, 1, now).await?;
    Ok(Some(FirstStart {
        api_key: given.is_none().then_some(key),
        workspace: workspace_id,
        email: first_email,
        password_code: (!has_password).then_some(code),
    }))
}

/// The password that the configuration gives the first admin; none if it gives none.
async fn first_password(config: &Bootstrap, user: &User) -> Result<Option<Password>, BootstrapError> {
    if config.password.is_empty() {
        return Ok(None);
    }
    let (password, known) = (Secret::new(config.password.clone()), [user.email.clone()]);
    let hashed = tokio::task::spawn_blocking(move || hash_new(&password, &known)).await;
    let hash = hashed.map_err(|error| BootstrapError::Password(error.to_string()))?;
    let hash = hash.map_err(|refused| BootstrapError::Password(refused.to_string()))?;
    Ok(Some(Password {
        user_id: user.id,
        tenant_id: user.tenant_id,
        hash,
        changed_at: user.created_at,
        must_change: false,
    }))
}
