//! How a connection is tested: the `verification` of a connection type, as data. `verify` acts on it.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Template;

/// How a connection is tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// A request is answered as it should be.
    Request(VerificationRequest),
    /// A token is got: for tools whose every other address needs a permission that a client may lack.
    Token,
    /// A server of that kind answers at that place. Proves the network, not the password.
    Handshake(Handshake),
}

/// The request that tests a connection, authenticated like any other. Redirects are not followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerificationRequest {
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// An address, or a path from the base URL.
    pub url: Template,
    /// A body of JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<serde_json::Value>,
    /// The statuses that mean yes.
    #[serde(default = "success")]
    pub statuses: Vec<Statuses>,
    /// JSON pointers that must hold these values: some tools answer 200 to a wrong key.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub must_equal: IndexMap<String, serde_json::Value>,
    /// JSON pointers that must hold nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub must_not_have: Vec<String>,
}

impl VerificationRequest {
    /// Asks for `url` and is content with any answer that does not refuse the credentials: for types of
    /// which nothing more is known.
    pub(super) fn reaches(url: Template) -> Self {
        let class = |from: u16| Statuses { from, to: from.saturating_add(99) };
        let one = |status: u16| Statuses { from: status, to: status };
        Self {
            method: get(),
            url,
            json: None,
            statuses: vec![class(200), class(300), one(404), one(405)],
            must_equal: IndexMap::new(),
            must_not_have: Vec::new(),
        }
    }
}

fn get() -> String {
    "GET".to_owned()
}

fn success() -> Vec<Statuses> {
    vec![Statuses { from: 200, to: 299 }]
}

/// A status, `200`, or a class of them, `2xx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StatusDocument", into = "String")]
pub struct Statuses {
    from: u16,
    to: u16,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a status such as 200 or `2xx`")]
enum StatusDocument {
    Number(u16),
    Text(String),
}

impl Statuses {
    /// Whether `status` is one of them.
    pub const fn contains(self, status: u16) -> bool {
        self.from <= status && status <= self.to
    }
}

impl TryFrom<StatusDocument> for Statuses {
    type Error = String;

    fn try_from(document: StatusDocument) -> Result<Self, String> {
        let text = match document {
            StatusDocument::Number(status) => status.to_string(),
            StatusDocument::Text(text) => text,
        };
        let class = text.strip_suffix("xx").and_then(|class| class.parse::<u16>().ok());
        let statuses = match (class, text.parse::<u16>()) {
            (Some(class), _) => {
                Self { from: class.saturating_mul(100), to: class.saturating_mul(100).saturating_add(99) }
            }
            (None, Ok(status)) => Self { from: status, to: status },
            (None, Err(_)) => return Err(format!("`{text}` is not a status such as 200 or `2xx`")),
        };
        if !(100..600).contains(&statuses.from) {
            return Err(format!("`{text}` is not between 100 and 599"));
        }
        Ok(statuses)
    }
}

impl From<Statuses> for String {
    fn from(statuses: Statuses) -> Self {
        if statuses.from == statuses.to {
            return statuses.from.to_string();
        }
        format!("{}xx", statuses.from / 100)
    }
}

/// The first words of a protocol that is not HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handshake {
    /// Which protocol.
    pub protocol: Protocol,
    /// The server.
    pub host: Template,
    /// Its port.
    pub port: Template,
}

/// The protocols whose first words are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Something accepts.
    Tcp,
    /// The server greets with 220, or accepts where it would first want TLS (port 465).
    Smtp,
    /// The server names its version of SSH.
    Ssh,
    /// The server answers whether it speaks TLS.
    Postgres,
}
