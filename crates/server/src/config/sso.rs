//! Section `sso`.

use serde::{Deserialize, Serialize};
use types::TenantRole;
use utoipa::ToSchema;

/// Hosts of Microsoft's with addresses that stand for all of its customers, each of whom is an issuer of their own.
const MANY_TENANTS_HOST: &str = "login.microsoftonline.com";
/// Those addresses.
const MANY_TENANTS: [&str; 3] = ["common", "organizations", "consumers"];

/// A provider of OpenID Connect with which people sign in; docs/single-sign-on.md has examples.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sso {
    /// The issuer, exactly as its discovery document writes it, `https://id.example.com/realms/main`; `http://` on this
    /// machine alone. Empty: there is no single sign-on.
    pub issuer: String,
    /// What the provider calls this server.
    pub client_id: String,
    /// With what this server proves that; empty: with PKCE alone, as a public client.
    pub client_secret: String,
    /// What people read on the button.
    pub name: String,
    /// What the provider is asked for.
    pub scopes: Vec<String>,
    /// Domains of the e-mail addresses with which people may come, `example.com`; empty: all.
    pub email_domains: Vec<String>,
    /// The claim that says whether the provider has verified an address.
    pub email_verified_claim: String,
    /// The claim with a person's roles or groups, `groups`; with dots a path, `realm_access.roles`; empty: none.
    pub roles_claim: String,
    /// Which value of that claim gives which role in the tenant, `value=Role`: `Admin`, `Builder`, `Consumer` or
    /// `Tenant Guest`. Of several the strongest counts.
    pub roles: Vec<String>,
    /// Which value of that claim puts people into which group of the tenant, `value=Group`.
    pub groups: Vec<String>,
    /// The role of people who were not invited; empty: they are not let in.
    pub default_role: String,
    /// Whether people may still sign in with a password.
    pub password_sign_in: bool,
}

impl Default for Sso {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: String::new(),
            name: "Single sign-on".to_owned(),
            scopes: ["openid", "email", "profile"].map(str::to_owned).to_vec(),
            email_domains: Vec::new(),
            email_verified_claim: "email_verified".to_owned(),
            roles_claim: String::new(),
            roles: Vec::new(),
            groups: Vec::new(),
            default_role: String::new(),
            password_sign_in: true,
        }
    }
}

/// The client's secret is not shown.
impl std::fmt::Debug for Sso {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { issuer, client_id, name, .. } = self;
        f.debug_struct("Sso")
            .field("issuer", issuer)
            .field("client_id", client_id)
            .field("name", name)
            .finish_non_exhaustive()
    }
}

/// A key, its value as far as it may be shown, and why it cannot be so.
pub(super) type Wrong = (&'static str, String, String);

impl Sso {
    /// Whether there is a provider.
    pub fn is_on(&self) -> bool {
        !self.issuer.is_empty()
    }

    /// The roles that values of the claim give.
    pub(crate) fn role_mapping(&self) -> Vec<(String, TenantRole)> {
        let pairs = self.roles.iter().filter_map(|entry| split(entry));
        pairs.filter_map(|(value, role)| Some((value.to_owned(), TenantRole::from_name(role)?))).collect()
    }

    /// The names of the groups that values of the claim stand for.
    pub(crate) fn group_mapping(&self) -> Vec<(String, String)> {
        let pairs = self.groups.iter().filter_map(|entry| split(entry));
        pairs.map(|(value, group)| (value.to_owned(), group.to_owned())).collect()
    }

    /// The role of people who were not invited.
    pub(crate) fn role_of_strangers(&self) -> Option<TenantRole> {
        TenantRole::from_name(&self.default_role)
    }

    /// What is wrong with the section, if anything is.
    pub(super) fn check(&self) -> Result<(), Wrong> {
        if !self.is_on() {
            let why = "without `sso.issuer` nobody could sign in";
            return if self.password_sign_in { Ok(()) } else { wrong("sso.password_sign_in", "false", why) };
        }
        self.check_provider()?;
        self.check_people()
    }

    fn check_provider(&self) -> Result<(), Wrong> {
        if !sso::is_safe_url(&self.issuer) || self.issuer.contains(['?', '#']) {
            let why = "a URL with `https://` is needed, or one of this machine, without `?` and `#`";
            return wrong("sso.issuer", &self.issuer, why);
        }
        if is_of_many_tenants(&self.issuer) {
            let why = "name one tenant, as in `https://login.microsoftonline.com/TENANT-ID/v2.0`: this address stands for all";
            return wrong("sso.issuer", &self.issuer, why);
        }
        for (key, value) in [
            ("sso.client_id", &self.client_id),
            ("sso.name", &self.name),
            ("sso.email_verified_claim", &self.email_verified_claim),
        ] {
            if value.trim().is_empty() || value.chars().any(char::is_control) {
                return wrong(key, value, "it must not be empty, nor hold control characters");
            }
        }
        if self.client_secret.chars().any(char::is_control) {
            let why = "it must not hold control characters, such as the end of a line";
            return wrong("sso.client_secret", types::limits::SECRET_MASK, why);
        }
        let is_scope = |scope: &String| scope.bytes().all(|byte| byte.is_ascii_graphic());
        if let Some(scope) = self.scopes.iter().find(|scope| scope.is_empty() || !is_scope(scope)) {
            return wrong("sso.scopes", scope, "a scope is one word");
        }
        Ok(())
    }

    fn check_people(&self) -> Result<(), Wrong> {
        let is_domain = |domain: &&String| !domain.is_empty() && !domain.contains(['@', '*', ' ', '/']);
        if let Some(domain) = self.email_domains.iter().find(|domain| !is_domain(domain)) {
            return wrong("sso.email_domains", domain, "a domain is needed, as in `example.com`");
        }
        for (key, entries) in [("sso.roles", &self.roles), ("sso.groups", &self.groups)] {
            if let Some(entry) = entries.iter().find(|entry| split(entry).is_none()) {
                return wrong(key, entry, "a claim's value and what it gives are needed, as in `value=Name`");
            }
            if self.roles_claim.is_empty() && !entries.is_empty() {
                let why = format!("`{key}` needs the claim whose values it names, as in `groups`");
                return wrong("sso.roles_claim", "", &why);
            }
        }
        let known = TenantRole::ALL.map(TenantRole::as_str).join("`, `");
        let unknown = |(_, role): &(&str, &str)| TenantRole::from_name(role).is_none();
        if let Some((_, role)) = self.roles.iter().filter_map(|entry| split(entry)).find(unknown) {
            return wrong("sso.roles", role, &format!("no such role; known are `{known}`"));
        }
        if !self.default_role.is_empty() && self.role_of_strangers().is_none() {
            return wrong(
                "sso.default_role",
                &self.default_role,
                &format!("no such role; known are `{known}`"),
            );
        }
        Ok(())
    }
}

fn wrong(key: &'static str, value: &str, why: &str) -> Result<(), Wrong> {
    Err((key, value.to_owned(), why.to_owned()))
}

/// At the last equals sign: values are names in directories, too, which have some.
fn split(entry: &str) -> Option<(&str, &str)> {
    let (value, given) = entry.rsplit_once('=')?;
    let (value, given) = (value.trim(), given.trim());
    (!value.is_empty() && !given.is_empty()).then_some((value, given))
}

fn is_of_many_tenants(issuer: &str) -> bool {
    let Some((_, rest)) = issuer.split_once("://") else { return false };
    let mut parts = rest.split('/');
    parts.next() == Some(MANY_TENANTS_HOST) && parts.next().is_some_and(|name| MANY_TENANTS.contains(&name))
}
