//! How a request is authenticated: the `authentication` of a connection type, as data. `authenticate` acts
//! on it. A scheme that a vendor spells in its own way is a new variant here and an arm there.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Template;

/// How a request is authenticated. An entry of a map that renders to nothing, because all the fields in it
/// are empty, is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// It is not.
    #[default]
    None,
    /// `Authorization: Basic`, RFC 7617.
    Basic(Basic),
    /// `Authorization: Bearer`, RFC 6750.
    Bearer(Bearer),
    /// Headers: name to value.
    Headers(IndexMap<Template, Template>),
    /// Headers that the user wrote: one `Name: value` a line.
    HeaderLines(Template),
    /// Parameters of the address: name to value.
    Query(IndexMap<Template, Template>),
    /// A signature of AWS, version 4.
    AwsSigv4(AwsSigv4),
    /// A token got with a client's id and secret, RFC 6749 section 4.4.
    #[serde(rename = "oauth2_client_credentials")]
    ClientCredentials(ClientCredentials),
    /// A token that we sign, sent as it is or exchanged for another.
    Jwt(Jwt),
    /// One of several, by the value of a select field.
    Choice(Choice),
}

/// User and password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// May not hold a colon.
    pub username: Template,
    /// May be empty.
    pub password: Template,
}

/// A bearer token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bearer {
    /// The token.
    pub token: Template,
}

/// The parts of a signature of AWS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsSigv4 {
    /// The key's public half.
    pub access_key_id: Template,
    /// The key's secret half.
    pub secret_access_key: Template,
    /// Of temporary credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<Template>,
    /// The region where the host does not say it. Empty: `us-east-1`.
    pub region: Template,
    /// The service where the host does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Template>,
}

/// A token got with a client's id and secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCredentials {
    /// Where the token is asked for. A path starts at the base URL.
    pub token_url: Template,
    /// The client's id.
    pub client_id: Template,
    /// The client's secret.
    pub client_secret: Template,
    /// What the token is to allow, with spaces between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Template>,
    /// Whom the token is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Template>,
    /// How id and secret travel.
    #[serde(default)]
    pub style: CredentialStyle,
    /// Further parameters of the token request; `grant_type` here replaces the usual one.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub parameters: IndexMap<String, Template>,
}

/// How the id and secret of a client travel to the token's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialStyle {
    /// As parameters of the form.
    #[default]
    Body,
    /// As `Authorization: Basic`.
    Basic,
}

/// A token that we sign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// The signature's algorithm.
    pub algorithm: JwtAlgorithm,
    /// The private key as PEM, or the shared secret for `HS256`.
    pub private_key: Template,
    /// The header's `kid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<Template>,
    /// The claims; `iat` and `exp` are added.
    pub claims: IndexMap<String, Template>,
    /// Seconds that it is valid, at most a day.
    pub lifetime_s: u64,
    /// What it is exchanged for. Nothing: it is sent itself, as a bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Exchange>,
}

/// The algorithms of signatures that are written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256 and a shared secret.
    HS256,
    /// RSA with SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
}

/// Where a signed token is exchanged for the one that requests carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The address. A path starts at the base URL.
    pub token_url: Template,
    /// How the signed token is handed over.
    #[serde(default)]
    pub style: ExchangeStyle,
    /// JSON pointer to the token in the answer.
    #[serde(default = "access_token")]
    pub token: String,
}

fn access_token() -> String {
    "/access_token".to_owned()
}

/// How a signed token is handed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeStyle {
    /// In a form, as RFC 7523 has it: Google.
    #[default]
    Assertion,
    /// As the bearer token of an empty POST: GitHub.
    Bearer,
}

/// One of several schemes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The select field that decides. Its options are the schemes' names.
    pub field: String,
    /// The schemes by name.
    pub schemes: IndexMap<String, Authentication>,
}

impl Authentication {
    /// The scheme itself and, for a choice, the schemes in it.
    pub(super) fn flatten(&self) -> Vec<&Self> {
        match self {
            Self::Choice(choice) => choice.schemes.values().collect(),
            other => vec![other],
        }
    }
}
