//! What an operator does to users on the server's own machine, beside running servers.

use secrets::{PasswordRefused, Secret};
use store::StoreError;
use store::audit::{ActorType, AuditEntry};
use store::passwords::Password;
use store::users::{User, UserKind};
use types::{AuditId, Clock, SystemRng};

use crate::passwords::hash_new;
use crate::server::Stores;

/// Who did it, in the audit log.
const ACTOR: &str = "nictate users set-password";

/// A password that an operator sets.
pub struct NewPassword {
    /// The password.
    pub password: Secret<String>,
    /// Whether its user must choose another one before anything else.
    pub must_change: bool,
    /// Whether the user's authenticator and recovery codes are removed, too.
    pub remove_totp: bool,
}

/// Why the password was not set.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum SetPasswordError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no user `{0}`")]
    UnknownUser(String),
    #[error(transparent)]
    Refused(#[from] PasswordRefused),
}

/// Sets the password of a user of the oldest tenant, and ends their sessions.
///
/// # Errors
/// If there is no such user, the password is not good enough, or the database does not answer.
pub async fn set_password(
    stores: &Stores,
    email: &str,
    new: NewPassword,
    clock: &dyn Clock,
) -> Result<User, SetPasswordError> {
    let (db, now) = (&stores.db, clock.now());
    let user = match store::tenants::first(db).await? {
        Some(tenant) => store::users::find_by_email(db, tenant.id, email).await?,
        None => None,
    };
    // A service account has keys alone.
    let user = user.filter(|user| user.kind == UserKind::Person);
    let user = user.ok_or_else(|| SetPasswordError::UnknownUser(crate::http::excerpt(email)))?;
    let NewPassword { password, must_change, remove_totp } = new;
    let hash = hash_new(&password, &[user.email.clone(), user.name.clone()])?;
    let password =
        Password { user_id: user.id, tenant_id: user.tenant_id, hash, changed_at: now, must_change };
    let details = serde_json::json!({
        "name": user.email, "must_change": must_change, "remove_totp": remove_totp,
    });
    let entry = AuditEntry {
        id: AuditId::new(now, &mut SystemRng),
        tenant_id: user.tenant_id,
        workspace_id: None,
        at: now,
        actor_type: ActorType::System,
        actor_id: ACTOR.to_owned(),
        action: "password.set".to_owned(),
        entity_type: "user".to_owned(),
        entity_id: user.id.to_string(),
        host: None,
        details: details.to_string(),
    };
    let changed = user.clone();
    db.write(async move |tx| {
        let (tenant, id) = (changed.tenant_id, changed.id);
        store::users::lock(tx, tenant, id).await?;
        store::passwords::set(tx, &password).await?;
        store::sessions::delete_of_user(tx, tenant, id, None).await?;
        if remove_totp {
            store::second_factors::delete(tx, tenant, id).await?;
        }
        store::audit::record(tx, &entry).await
    })
    .await?;
    Ok(user)
}
