//! What a connection type is: the shape of `integrations/<vendor>/connection.yaml` and of the types that a
//! tenant makes. Read by the rest of this module; `docs/connection-types.md` explains it to users.
//! Only data: `check.rs` says what makes sense, `authenticate` and `verify` act on it.

use indexmap::IndexMap;
use regex::Regex;
use serde::{Deserialize, Serialize};
use types::ConnectionTypeId;

use super::{Authentication, Template, Verification};

/// A kind of tool that connections connect to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionType {
    /// What workflows call it: lower case, digits, `-` and `_`. Unique; the id follows from it.
    pub name: String,
    /// What people call it.
    pub display_name: String,
    /// What it connects to, in a sentence or two.
    pub description: String,
    /// Groups the types in the picker, e.g. `threat_intelligence`.
    pub category: String,
    /// The pack it belongs to, which actions name.
    pub plugin_name: String,
    /// Name of a picture, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// The vendor's page on how to get the credentials. Types that ship have one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub documentation_url: String,
    /// The form, in order.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// Where relative addresses start. Nothing, or an empty rendering: addresses must be absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<Template>,
    /// Where its secrets may go.
    pub allowed_hosts: AllowedHosts,
    /// How a request is authenticated.
    #[serde(default)]
    pub authentication: Authentication,
    /// The client certificate of mutual TLS and the authority to trust; goes with any authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Headers that every request gets unless it has set them itself.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, Template>,
    /// How a connection is tested. Types that ship have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

impl ConnectionType {
    /// The id that its name gives it. A type that a tenant made is stored under an id of its own instead.
    pub fn id(&self) -> ConnectionTypeId {
        ConnectionTypeId::of_name(&self.name)
    }

    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether the attribute of that name is sealed and masked. A name that is not a field's is: rather
    /// hide too much.
    pub fn is_secret(&self, name: &str) -> bool {
        self.field(name).is_none_or(|field| field.secret)
    }
}

/// One field of the form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The attribute's key, and its name in templates.
    pub name: String,
    /// The form's label.
    pub display_name: String,
    /// What to enter and where to find it.
    #[serde(default)]
    pub description: String,
    /// How it is entered and which form it must have.
    #[serde(default)]
    pub input_type: InputType,
    /// Whether a connection must have it. With `when`: whenever the condition holds.
    #[serde(default)]
    pub required: bool,
    /// Whether it is sealed, and masked when read.
    #[serde(default)]
    pub secret: bool,
    /// The whole value must match it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
    /// An example, shown while the field is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
    /// What an absent attribute means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
    /// The choices of a `select`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// The field matters only while the named select field has that value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

/// The condition of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// A select field.
    pub field: String,
    /// One of its options.
    pub is: String,
}

/// How a field is entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputType {
    /// One line.
    #[default]
    Text,
    /// One line that is not shown.
    Password,
    /// An address of mail.
    Email,
    /// A number.
    Number,
    /// An `http` or `https` address.
    Url,
    /// One of the options.
    Select,
    /// Several lines: keys, certificates.
    Textarea,
    /// Yes or no.
    Checkbox,
}

impl InputType {
    /// The type of input of that name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        serde_json::from_value(name.into()).ok()
    }

    /// The name in documents and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Password => "password",
            Self::Email => "email",
            Self::Number => "number",
            Self::Url => "url",
            Self::Select => "select",
            Self::Textarea => "textarea",
            Self::Checkbox => "checkbox",
        }
    }
}

/// A regular expression that a whole value must match.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    source: String,
    regex: Regex,
}

impl Pattern {
    /// Whether all of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The expression as written.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(source: String) -> Result<Self, String> {
        // A tenant's type may bring its own: the compiled size is bounded, the time is linear anyway.
        let regex = regex::RegexBuilder::new(&format!(r"\A(?:{source})\z"))
            .size_limit(1 << 20)
            .build()
            .map_err(|error| format!("`{source}` is not a regular expression: {error}"))?;
        Ok(Self { source, regex })
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.source
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// Where a connection may be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "AllowedHostsDocument", into = "AllowedHostsDocument")]
pub enum AllowedHosts {
    /// Anywhere: for a type that holds no secret.
    Any,
    /// There only. An entry renders to a host, a `*.domain`, an address whose host is meant, or several of
    /// these with commas or white space between them.
    Listed(Vec<Template>),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected `any` or a list of hosts")]
enum AllowedHostsDocument {
    Word(AnyWord),
    List(Vec<Template>),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AnyWord {
    Any,
}

impl From<AllowedHostsDocument> for AllowedHosts {
    fn from(document: AllowedHostsDocument) -> Self {
        match document {
            AllowedHostsDocument::Word(AnyWord::Any) => Self::Any,
            AllowedHostsDocument::List(hosts) => Self::Listed(hosts),
        }
    }
}

impl From<AllowedHosts> for AllowedHostsDocument {
    fn from(hosts: AllowedHosts) -> Self {
        match hosts {
            AllowedHosts::Any => Self::Word(AnyWord::Any),
            AllowedHosts::Listed(hosts) => Self::List(hosts),
        }
    }
}

/// What TLS is told beyond the public authorities. All of it PEM; what renders to nothing is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The client's certificate and those between it and the authority. Not without `private_key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Template>,
    /// The key of the client's certificate. Not without `certificate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<Template>,
    /// Certificates to trust besides the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<Template>,
}
