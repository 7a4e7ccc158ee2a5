//! A user as SCIM shows one, and what such a resource asks for.

use serde_json::{Value, json};
use store::users::{User, UserStatus};

use super::filter::{Attribute, member};
use super::meta;
use super::refusal::Refusal;
use crate::ctx::Ctx;
use crate::http::excerpt;
use crate::http::names::check_name;
use crate::http::people::invites::email_of;

/// The schema of users.
pub(super) const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// Characters of the identity provider's id.
pub(super) const EXTERNAL_ID_CHARS_MAX: usize = 256;

/// Whether users can be filtered by the attribute.
pub(super) fn is_known(attribute: &Attribute) -> bool {
    let names: Vec<&str> = attribute.0.iter().map(String::as_str).collect();
    matches!(
        names.as_slice(),
        ["username" | "externalid" | "id" | "displayname" | "active" | "emails" | "roles"]
            | ["emails" | "roles", "value" | "type" | "primary"]
            | ["name", "formatted" | "givenname" | "familyname"]
    )
}

/// The user as a resource.
pub(super) fn resource(ctx: &Ctx, user: &User, external_id: Option<&str>) -> Value {
    let (given, family) = user.name.rsplit_once(' ').unwrap_or((&user.name, ""));
    let mut shown = json!({
        "schemas": [SCHEMA],
        "id": user.id,
        "userName": user.email,
        "displayName": user.name,
        "name": {"formatted": user.name, "givenName": given, "familyName": family},
        "emails": [{"value": user.email, "type": "work", "primary": true}],
        "active": user.status == UserStatus::Active,
        "roles": [{"value": user.tenant_role.as_str(), "primary": true}],
        "meta": meta(ctx, ("User", "Users"), &user.id.to_string(), (user.created_at, user.updated_at)),
    });
    if let Some(id) = external_id {
        shown["externalId"] = json!(id);
    }
    shown
}

/// What a resource asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) email: String,
    pub(super) name: String,
    pub(super) external_id: Option<String>,
    /// None: as it is.
    pub(super) active: Option<bool>,
    /// None: as it is.
    pub(super) role: Option<String>,
}

impl Wanted {
    /// Reads a resource; `before` is what it was, null for a new one.
    pub(super) fn read(resource: &Value, before: &Value) -> Result<Self, Refusal> {
        let user_name = text(resource, "userName")?;
        let user_name =
            user_name.ok_or_else(|| Refusal::value("`userName` is missing: it is the e-mail address"))?;
        let email = if before["userName"] == user_name { user_name } else { email_of(&user_name)? };
        let name = name_of(resource, before)?.unwrap_or_else(|| email.clone());
        let external_id = text(resource, "externalId")?;
        if external_id.as_ref().is_some_and(|id| id.chars().count() > EXTERNAL_ID_CHARS_MAX) {
            let message = format!("`externalId` has more than {EXTERNAL_ID_CHARS_MAX} characters");
            return Err(Refusal::value(message));
        }
        let name = if before["displayName"] == name { name } else { check_name("user", Some(&name))? };
        Ok(Self { email, name, external_id, active: active_of(resource)?, role: role_of(resource)? })
    }
}

/// A member that is a text; one that is empty or null is not there.
fn text(resource: &Value, name: &str) -> Result<Option<String>, Refusal> {
    match member(resource, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Some(_) => Err(Refusal::value(format!("`{name}` must be a text"))),
    }
}

/// The one name we keep, from whichever of the members was changed.
fn name_of(resource: &Value, before: &Value) -> Result<Option<String>, Refusal> {
    let parts = member(resource, "name").unwrap_or(&Value::Null);
    let changed = |name: &str, old: &Value| Ok::<_, Refusal>(text(parts, name)?.filter(|new| *old != *new));
    let display = text(resource, "displayName")?;
    let old = &before["name"];
    if let Some(name) = display.clone().filter(|new| before["displayName"] != **new) {
        return Ok(Some(name));
    }
    if let Some(name) = changed("formatted", &old["formatted"])? {
        return Ok(Some(name));
    }
    let is_changed = changed("givenName", &old["givenName"])?.is_some()
        || changed("familyName", &old["familyName"])?.is_some();
    if !is_changed && display.is_some() {
        return Ok(display);
    }
    let both = [text(parts, "givenName")?, text(parts, "familyName")?];
    let joined = both.into_iter().flatten().collect::<Vec<_>>().join(" ");
    Ok(Some(joined).filter(|joined| !joined.is_empty()).or(display))
}

/// Entra says it by a text.
fn active_of(resource: &Value) -> Result<Option<bool>, Refusal> {
    match member(resource, "active") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(active)) => Ok(Some(*active)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(other) => {
            let shown = excerpt(&other.to_string());
            Err(Refusal::value(format!("`active` is `{shown}`; it must be true or false")))
        }
    }
}

fn role_of(resource: &Value) -> Result<Option<String>, Refusal> {
    let roles = match member(resource, "roles") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(roles)) => roles.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    let [role] = roles else {
        if roles.is_empty() {
            return Ok(None);
        }
        return Err(Refusal::value(format!("`roles` has {} values; a user has one role", roles.len())));
    };
    let name = role.as_str().or_else(|| member(role, "value")?.as_str());
    let name = name.ok_or_else(|| Refusal::value("the value of `roles` must be a text"))?;
    Ok(Some(name.to_owned()))
}
