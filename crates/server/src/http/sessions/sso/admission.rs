//! Who somebody is here for whom the provider vouches, whether they may enter, and what they become: all in one
//! transaction with the session.

use std::sync::Arc;

use secrets::Secret;
use serde_json::json;
use sso::Person;
use store::sessions::Session as Row;
use store::user_identities::{self, Identity};
use store::users::{self, User, UserKind, UserStatus};
use store::{StoreError, Tx, groups, invites};
use types::{Assigned, TenantId, TenantRole, UserId};

use super::super::audit;
use super::super::sign_in::{NewSession, put};
use super::super::visitor::Visitor;
use super::refusal::{Reason, Refusal};
use crate::App;
use crate::error::ApiResult;
use crate::http::names::check_name;
use crate::http::people::invites::{accepted, email_of};
use crate::single_sign_on::{Rules, SingleSignOn};

/// What a transaction comes to: somebody, or a refusal, which has changed nothing.
type Outcome<T> = Result<Result<T, Refusal>, StoreError>;

/// Lets the person in, or says why not.
pub(super) async fn admit(
    app: &App,
    visitor: &Visitor,
    (tenant, sso): (TenantId, &SingleSignOn),
    person: Person,
) -> ApiResult<Result<(Row, Secret<String>), Refusal>> {
    let session = NewSession::of(app, visitor, (tenant, UserId::from(uuid::Uuid::nil())));
    let NewSession { row, token, hash, former } = session;
    let issuer = sso.provider.issuer().to_owned();
    let row = Row { mfa_passed: person.has_shown_factors, issuer: issuer.clone(), ..row };
    let email = person.email.as_deref().filter(|_| person.email_verified);
    let email = email.and_then(|email| email_of(email).ok());
    let admission =
        Admission { app: app.clone(), rules: Arc::clone(&sso.rules), tenant, issuer, person, email };
    let written =
        app.db().write(async move |tx| admission.carry_out(tx, &row, (&hash, former.as_deref())).await);
    Ok(written.await?.map(|row| (row, token)))
}

struct Admission {
    app: App,
    rules: Arc<Rules>,
    tenant: TenantId,
    issuer: String,
    person: Person,
    /// The address, in lower case, if it was verified.
    email: Option<String>,
}

impl Admission {
    async fn carry_out(&self, tx: &Tx<'_>, row: &Row, hashes: (&str, Option<&str>)) -> Outcome<Row> {
        users::lock_people(tx, self.tenant).await?;
        let user = match self.find(tx).await? {
            Ok(user) => user,
            Err(refusal) => return Ok(Err(refusal)),
        };
        users::lock(tx, self.tenant, user.id).await?;
        self.set_role(tx, &user).await?;
        self.set_groups(tx, &user).await?;
        let row = Row { user_id: user.id, ..row.clone() };
        let details = json!({
            "name": user.email, "peer": row.peer, "second_factor": "provider", "session": row.id,
            "issuer": self.issuer,
        });
        let entry = audit::by_user(&self.app, &user, "session.created", details);
        put(tx, &row, hashes, &entry).await?;
        Ok(Ok(row))
    }

    /// The user whom the provider knows already; else the one with the verified address, who is that person from now
    /// on; else one who is made, if the person was invited or everybody may come.
    async fn find(&self, tx: &Tx<'_>) -> Outcome<User> {
        let domain_fits = self.email.as_ref().map(|email| self.rules.let_in(email));
        if domain_fits == Some(false) {
            return self.refuse(Reason::OtherDomain, None);
        }
        let known = user_identities::find(tx, self.tenant, &self.issuer, &self.person.subject).await?;
        if let Some(id) = known
            && let Some(user) = users::get(tx, self.tenant, id).await?
        {
            // With no address there is no telling of which domain it is.
            if domain_fits.is_none() && !self.rules.email_domains.is_empty() {
                return self.refuse(Reason::NotVerified, Some(id));
            }
            return self.active(user);
        }
        let Some(email) = &self.email else { return self.refuse(Reason::NotVerified, None) };
        match users::find_by_email(tx, self.tenant, email).await? {
            Some(user) => self.link(tx, user).await,
            None => self.make(tx, email).await,
        }
    }

    async fn link(&self, tx: &Tx<'_>, user: User) -> Outcome<User> {
        // A service account never signs in.
        if user.kind != UserKind::Person {
            return self.refuse(Reason::UnknownUser, Some(user.id));
        }
        let user = match self.active(user)? {
            Ok(user) => user,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // Addresses pass to others: the new owner of one is not the old one.
        if user_identities::is_known(tx, self.tenant, &self.issuer, user.id).await? {
            return self.refuse(Reason::OtherPerson, Some(user.id));
        }
        self.remember(tx, &user).await?;
        Ok(Ok(user))
    }

    async fn make(&self, tx: &Tx<'_>, email: &str) -> Outcome<User> {
        // Several whose addresses differ in the case of letters: none of them is meant.
        if users::exists_by_email(tx, self.tenant, email).await? {
            return self.refuse(Reason::UnknownUser, None);
        }
        let now = self.app.clock().now();
        let invite = invites::get_by_email(tx, self.tenant, email).await?;
        let invite = invite.filter(|invite| now < invite.expires_at);
        let invited_as = invite.as_ref().map(|invite| invite.tenant_role.clone());
        let Some(role) = invited_as.or(self.rules.role_of_strangers.map(Assigned::BuiltIn)) else {
            return self.refuse(Reason::UnknownUser, None);
        };
        let user = self.new_user(email, role.clone());
        users::insert(tx, &user).await?;
        let entry = if let Some(invite) = invite {
            invites::delete(tx, self.tenant, invite.id).await?;
            accepted(&self.app, &invite, &user)
        } else {
            let details = json!({"name": user.email, "role": role.as_str(), "issuer": self.issuer});
            audit::by_provider(
                &self.app,
                self.tenant,
                ("user.created", "user", &user.id.to_string()),
                details,
            )
        };
        store::audit::record(tx, &entry).await?;
        self.remember(tx, &user).await?;
        Ok(Ok(user))
    }

    fn new_user(&self, email: &str, tenant_role: Assigned<TenantRole>) -> User {
        let now = self.app.clock().now();
        let name = self.person.name.as_deref().and_then(|name| check_name("user", Some(name)).ok());
        User {
            id: self.app.new_id(),
            tenant_id: self.tenant,
            email: email.to_owned(),
            name: name.unwrap_or_else(|| email.to_owned()),
            description: String::new(),
            kind: UserKind::Person,
            tenant_role,
            status: UserStatus::Active,
            default_workspace_id: None,
            created_at: now,
            updated_at: now,
        }
    }

    async fn remember(&self, tx: &Tx<'_>, user: &User) -> Result<(), StoreError> {
        let identity = Identity {
            tenant_id: self.tenant,
            issuer: self.issuer.clone(),
            subject: self.person.subject.clone(),
            user_id: user.id,
            created_at: self.app.clock().now(),
        };
        user_identities::insert(tx, &identity).await?;
        let details =
            json!({"name": user.email, "issuer": self.issuer, "subject": audit::cut(&self.person.subject)});
        let thing = ("user.identity_added", "user", &*user.id.to_string());
        store::audit::record(tx, &audit::by_provider(&self.app, self.tenant, thing, details)).await
    }

    /// The role that the person's values give. The last active Admin stays one, whatever the provider says.
    async fn set_role(&self, tx: &Tx<'_>, user: &User) -> Result<(), StoreError> {
        let role = self.rules.role_of(&self.person.values, &user.tenant_role);
        if role == user.tenant_role {
            return Ok(());
        }
        let is_last = user.tenant_role.is(TenantRole::Admin)
            && users::count_other_admins(tx, self.tenant, user.id).await? == 0;
        let (action, details) = if is_last {
            let details =
                json!({"name": user.email, "role": user.tenant_role.as_str(), "refused": role.as_str()});
            ("user.role_kept", details)
        } else {
            users::set_tenant_role(tx, self.tenant, user.id, &role, self.app.clock().now()).await?;
            ("user.role_set", json!({"name": user.email, "role": role.as_str()}))
        };
        let thing = (action, "user", &*user.id.to_string());
        store::audit::record(tx, &audit::by_provider(&self.app, self.tenant, thing, details)).await
    }

    /// In and out of the groups that values stand for; other groups are left alone.
    async fn set_groups(&self, tx: &Tx<'_>, user: &User) -> Result<(), StoreError> {
        let mut names: Vec<&String> = self.rules.groups.iter().map(|(_, name)| name).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Ok(());
        }
        let present = groups::of_user(tx, self.tenant, user.id).await?;
        for name in names {
            let Some(group) = groups::get_by_name(tx, self.tenant, name).await? else {
                tracing::warn!(group = %name, "`sso.groups` names a group that is not there");
                continue;
            };
            let mut values = self.rules.groups.iter().filter(|(_, known)| known == name);
            let belongs = values.any(|(value, _)| self.person.values.contains(value));
            let action = match (belongs, present.contains(&group.id)) {
                (true, false) => {
                    groups::add_user(tx, self.tenant, group.id, user.id).await?;
                    "group.users_added"
                }
                (false, true) => {
                    groups::remove_user(tx, self.tenant, group.id, user.id).await?;
                    "group.users_removed"
                }
                _ => continue,
            };
            let details = json!({"name": group.name, "users": [user.id]});
            let thing = (action, "group", &*group.id.to_string());
            store::audit::record(tx, &audit::by_provider(&self.app, self.tenant, thing, details)).await?;
        }
        Ok(())
    }

    fn active(&self, user: User) -> Outcome<User> {
        if user.status == UserStatus::Active {
            Ok(Ok(user))
        } else {
            self.refuse(Reason::SwitchedOff, Some(user.id))
        }
    }

    fn refuse<T>(&self, reason: Reason, user: Option<UserId>) -> Outcome<T> {
        Ok(Err(Refusal { reason, user, email: self.person.email.clone() }))
    }
}
