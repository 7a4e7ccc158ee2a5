//! Connection types as data: what a tool's connection holds, where it may be used, how a request is
//! authenticated with it, how it is tested.
//!
//! A type is one YAML document, `integrations/<name>/connection.yaml`; the shape is [`ConnectionType`]:
//!
//! ```yaml
//! name: acme                        # what workflows write: `connections: {acme: my acme}`
//! display_name: Acme
//! description: The Acme console.
//! category: endpoint
//! plugin_name: acme
//! documentation_url: https://acme.example/docs/api-keys
//! fields:                           # the form, in order; templates name these
//!   - {name: tenant, display_name: Tenant, required: true, pattern: '[a-z0-9-]+'}
//!   - {name: token, display_name: Token, input_type: password, secret: true, required: true}
//! base_url: https://{tenant}.acme.example/api
//! allowed_hosts: ['{tenant}.acme.example']          # nowhere else, redirects included
//! authentication: {headers: {X-Acme-Token: '{token}'}}
//! verification: {request: {url: /me, must_equal: {/active: true}}}
//! ```
//!
//! The server validates attributes and draws forms with this, the runner authenticates requests and tests
//! connections. Knows neither how attributes are stored nor who may use them.

mod attributes;
mod authenticate;
mod authentication;
mod check;
mod contract;
mod credential;
mod form;
mod handshake;
mod hosts;
mod jwt;
mod load;
mod model;
mod registry;
#[cfg(test)]
mod shipped;
mod sigv4;
mod template;
mod templates;
mod token;
mod values;
mod verification;
mod verify;

pub use attributes::{AttributeError, validate_attributes};
pub use authentication::{
    Authentication, AwsSigv4, Basic, Bearer, Choice, ClientCredentials, CredentialStyle, Exchange,
    ExchangeStyle, Jwt, JwtAlgorithm,
};
pub use credential::Credential;
pub use form::FormAttribute;
pub use hosts::{allowed_host, base_url};
pub use load::{DOCUMENT_BYTES_MAX, LoadError, Problem};
pub use model::{AllowedHosts, ConnectionType, Field, InputType, Pattern, Tls, When};
pub use registry::Registry;
pub use template::{RenderError, Template, TemplateError};
pub use values::{Values, attribute_texts};
pub use verification::{Handshake, Protocol, Statuses, Verification, VerificationRequest};
pub use verify::verify;
