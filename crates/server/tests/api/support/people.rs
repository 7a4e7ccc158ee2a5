//! Callers of every kind, stored where an administrator would have made them.

use secrets::KeyFile;
use store::api_keys::ApiKey;
use store::tenants::Tenant;
use store::users::{User, UserKind, UserStatus};
use store::workspaces::Workspace;
use types::{ApiKeyId, Clock as _, Role, TenantId, TenantRole, Timestamp, UserId, WorkspaceId};

use super::Nictate;

/// What is known of somebody who is to be stored.
pub(crate) struct Person<'a> {
    /// Also their key.
    pub(crate) name: &'a str,
    pub(crate) tenant: TenantId,
    pub(crate) tenant_role: TenantRole,
    pub(crate) status: UserStatus,
    pub(crate) memberships: &'a [(WorkspaceId, Role)],
    pub(crate) revoked: bool,
}

impl Nictate {
    /// The first tenant.
    pub(crate) async fn tenant(&self) -> TenantId {
        store::tenants::first(&self.db).await.unwrap().unwrap().id
    }

    /// Stores a tenant.
    pub(crate) async fn add_tenant(&self, name: &str) -> TenantId {
        let (id, now) = (TenantId::of_name(name), self.clock.now());
        let tenant = Tenant { id, name: name.to_owned(), created_at: now, updated_at: now };
        self.write_beside(async move |tx| store::tenants::insert(tx, &tenant).await).await;
        id
    }

    /// Stores a workspace.
    pub(crate) async fn add_workspace(&self, tenant: TenantId, name: &str) -> WorkspaceId {
        let (id, now) = (WorkspaceId::of_name(name), self.clock.now());
        let workspace = Workspace {
            id,
            tenant_id: tenant,
            name: name.to_owned(),
            display_name: name.to_owned(),
            description: String::new(),
            created_at: now,
            created_by: "test".to_owned(),
            updated_at: now,
            updated_by: "test".to_owned(),
        };
        self.write_beside(async move |tx| store::workspaces::insert(tx, &workspace).await).await;
        id
    }

    /// A member of one workspace of the first tenant; their key is their name.
    pub(crate) async fn add_member(&self, name: &str, workspace: WorkspaceId, role: Role) {
        let tenant = self.tenant().await;
        let memberships = &[(workspace, role)];
        self.add_person(Person::new(name, tenant, memberships)).await;
    }

    /// Stores somebody with a key.
    pub(crate) async fn add_person(&self, person: Person<'_>) {
        let hasher = KeyFile::load(&self.config.key_file()).unwrap().keys.api_key_hasher();
        let hash = hasher.hash(person.name);
        let now = self.clock.now();
        let (user, key) = rows(&person, now);
        let memberships = person.memberships.to_vec();
        let stored = self.write_beside(async move |tx| {
            store::users::insert(tx, &user).await?;
            for (workspace, role) in &memberships {
                store::members::set(tx, *workspace, user.id, &(*role).into()).await?;
            }
            store::api_keys::insert(tx, &key, &hash).await?;
            if let Some(at) = key.revoked_at {
                store::api_keys::revoke(tx, key.tenant_id, key.user_id, key.id, at).await?;
            }
            Ok(())
        });
        stored.await;
    }
}

impl Nictate {
    /// Gives a user of the first tenant a password.
    pub(crate) async fn set_password(&self, email: &str, password: &str) {
        let tenant = self.tenant().await;
        let user = store::users::get_by_email(&self.db, tenant, email).await.unwrap().unwrap();
        let password = store::passwords::Password {
            user_id: user.id,
            tenant_id: tenant,
            hash: secrets::hash_password(&secrets::Secret::from(password), &mut types::SystemRng),
            changed_at: self.clock.now(),
            must_change: false,
        };
        self.write_beside(async move |tx| store::passwords::set(tx, &password).await).await;
    }

    /// The audit entries of the first tenant with that action, the oldest first.
    pub(crate) async fn audited_in_tenant(&self, action: &str) -> Vec<store::audit::AuditEntry> {
        let q = serde_json::json!({"filter": {"action": action}, "sort": ["at"], "limit": 1000}).to_string();
        let query = store::Query::parse(Some(&q), &store::audit::FIELDS).unwrap();
        store::audit::list_tenant(&self.db, self.tenant().await, &query).await.unwrap().rows
    }
}

impl<'a> Person<'a> {
    /// A Builder who is active.
    pub(crate) fn new(name: &'a str, tenant: TenantId, memberships: &'a [(WorkspaceId, Role)]) -> Self {
        let (tenant_role, status) = (TenantRole::Builder, UserStatus::Active);
        Self { name, tenant, tenant_role, status, memberships, revoked: false }
    }
}

fn rows(person: &Person<'_>, now: Timestamp) -> (User, ApiKey) {
    let user = User {
        kind: UserKind::Person,
        description: String::new(),
        id: UserId::of_name(person.name),
        tenant_id: person.tenant,
        email: format!("{}@example.com", person.name),
        name: person.name.to_owned(),
        tenant_role: person.tenant_role.into(),
        status: person.status,
        default_workspace_id: person.memberships.first().map(|(workspace, _)| *workspace),
        created_at: now,
        updated_at: now,
    };
    let key = ApiKey {
        id: ApiKeyId::of_name(person.name),
        tenant_id: person.tenant,
        user_id: user.id,
        name: "key".to_owned(),
        description: String::new(),
        hint: String::new(),
        created_at: now,
        last_used_at: None,
        revoked_at: person.revoked.then_some(now),
    };
    (user, key)
}
