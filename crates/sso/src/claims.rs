//! What a provider says of a person.

use openidconnect::{AdditionalClaims, EndUserEmail, EndUserName, LocalizedClaim};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::SsoError;

/// Where a provider says that a claim is too large for a token.
const CLAIM_NAMES: &str = "_claim_names";
/// The standard claim that says whether an address was verified.
const EMAIL_VERIFIED: &str = "email_verified";

/// Claims besides the standard ones, as they came.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct OtherClaims {
    #[serde(flatten)]
    pub(crate) by_name: Map<String, Value>,
}

impl AdditionalClaims for OtherClaims {}

/// Somebody for whom the provider vouches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// What the provider calls them, for ever and nobody else.
    pub subject: String,
    /// Their address, which may change and pass to others.
    pub email: Option<String>,
    /// Whether the provider has verified that the address is theirs.
    pub email_verified: bool,
    /// Their name.
    pub name: Option<String>,
    /// The values of the claim with roles or groups; none if there is no such claim.
    pub values: Vec<String>,
    /// Whether the provider says that they have shown more than one factor.
    pub has_shown_factors: bool,
}

/// Which claims are read besides the standard ones.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The claim that says whether the address was verified.
    pub(crate) email_verified: String,
    /// The claim with roles or groups; empty: none.
    pub(crate) values: String,
}

/// The standard claims that are read.
pub(crate) struct Standard<'c> {
    pub(crate) email: Option<&'c EndUserEmail>,
    pub(crate) email_verified: Option<bool>,
    pub(crate) name: Option<&'c LocalizedClaim<EndUserName>>,
}

/// What has been read so far, from an ID token, then perhaps from the user info.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    email: Option<String>,
    email_verified: Option<bool>,
    name: Option<String>,
    values: Option<Vec<String>>,
}

impl Found {
    /// What these claims say.
    pub(crate) fn read(
        wanted: &Wanted,
        standard: Standard<'_>,
        other: &OtherClaims,
    ) -> Result<Self, SsoError> {
        let email_verified = if wanted.email_verified == EMAIL_VERIFIED {
            standard.email_verified
        } else {
            at(&other.by_name, &wanted.email_verified).map(is_true)
        };
        Ok(Self {
            email: standard.email.map(|email| email.as_str().to_owned()),
            email_verified,
            name: standard.name.and_then(|name| name.get(None)).map(|name| name.as_str().to_owned()),
            values: values(&other.by_name, &wanted.values)?,
        })
    }

    /// Whether the user info may say more.
    pub(crate) fn lacks_something(&self, wanted: &Wanted) -> bool {
        self.email.is_none()
            || self.email_verified.is_none()
            || self.name.is_none()
            || (self.values.is_none() && !wanted.values.is_empty())
    }

    /// The same with what the user info adds. An address and its verification come from one place: another address may
    /// be verified there.
    pub(crate) fn completed_by(self, info: Self) -> Self {
        let (email, email_verified) = match (self.email, self.email_verified) {
            (Some(email), None) if info.email.as_ref() == Some(&email) => (Some(email), info.email_verified),
            (None, _) => (info.email, info.email_verified),
            own => own,
        };
        Self { email, email_verified, name: self.name.or(info.name), values: self.values.or(info.values) }
    }

    /// The person.
    pub(crate) fn into_person(self, subject: String, has_shown_factors: bool) -> Person {
        Person {
            subject,
            email_verified: self.email.is_some() && self.email_verified == Some(true),
            email: self.email,
            name: self.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()),
            values: self.values.unwrap_or_default(),
            has_shown_factors,
        }
    }
}

/// The claim of that name; if there is none, and the name has dots, what lies on that path: `realm_access.roles`. A null
/// is none.
fn at<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c Value> {
    let found = claims.get(name).or_else(|| {
        let mut parts = name.split('.');
        let first = claims.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    });
    found.filter(|value| !value.is_null())
}

/// Some providers write `"true"`, `1` or `"1"`.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(is_true) => *is_true,
        Value::Number(number) => number.as_i64() == Some(1),
        Value::String(text) => text == "1" || text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// The texts of a claim that is a text or a list of them; none if there is no such claim.
fn values(claims: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, SsoError> {
    if name.is_empty() {
        return Ok(None);
    }
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    match at(claims, name) {
        Some(Value::Array(items)) => Ok(Some(items.iter().filter_map(text).collect())),
        Some(Value::String(value)) => Ok(Some(vec![value.clone()])),
        None => {
            // To take it for empty would take the person's roles away.
            if claims.get(CLAIM_NAMES).and_then(|names| names.get(name)).is_some() {
                return Err(SsoError::TokenRefused(format!(
                    "the claim `{name}` has too many values to be in the token: let the provider send fewer"
                )));
            }
            Ok(None)
        }
        Some(_) => {
            Err(SsoError::TokenRefused(format!("the claim `{name}` is neither a text nor a list of texts")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn values_are_a_text_or_a_list_by_name_or_path() {
        let claims = map(json!({
            "groups": ["a", 1, "b"], "role": "x", "https://a.example/roles": ["y"], "n": 1, "none": null,
            "realm_access": {"roles": ["z"]},
        }));
        for (name, expected) in [
            ("groups", Some(vec!["a", "b"])),
            ("role", Some(vec!["x"])),
            ("https://a.example/roles", Some(vec!["y"])),
            ("realm_access.roles", Some(vec!["z"])),
            ("realm_access.rules", None),
            ("none", None),
            ("missing", None),
            ("", None),
        ] {
            let found = values(&claims, name).unwrap();
            assert_eq!(found, expected.map(|list| list.into_iter().map(str::to_owned).collect()), "{name}");
        }
        for name in ["n", "realm_access"] {
            assert!(values(&claims, name).is_err(), "{name}");
        }
        let elsewhere = map(json!({"_claim_names": {"groups": "src1"}}));
        assert!(values(&elsewhere, "groups").unwrap_err().to_string().contains("`groups` has too many"));
    }

    #[test]
    fn a_verification_holds_for_the_address_beside_it() {
        let found = |email: Option<&str>, email_verified| Found {
            email: email.map(str::to_owned),
            email_verified,
            ..Found::default()
        };
        let (a, b) = (Some("a@example.com"), Some("b@example.com"));
        for (token, info, email, verified) in [
            (found(a, Some(true)), found(b, Some(false)), a, true),
            (found(a, None), found(a, Some(true)), a, true),
            (found(a, None), found(b, Some(true)), a, false),
            (found(None, Some(true)), found(b, None), b, false),
            (found(None, None), found(b, Some(true)), b, true),
            (found(None, Some(true)), found(None, Some(true)), None, false),
        ] {
            let person = token.completed_by(info).into_person("s".to_owned(), false);
            assert_eq!((person.email.as_deref(), person.email_verified), (email, verified));
        }
    }

    #[test]
    fn truth_is_written_in_several_ways() {
        for (value, expected) in [
            (json!(true), true),
            (json!("true"), true),
            (json!("1"), true),
            (json!(1), true),
            (json!(false), false),
            (json!("false"), false),
            (json!(0), false),
            (json!(null), false),
            (json!([true]), false),
        ] {
            assert_eq!(is_true(&value), expected, "{value}");
        }
    }
}
