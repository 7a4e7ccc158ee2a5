//! One connection in use: its type, its opened attributes, and what follows from both. The actions make one
//! per step and connection, ask it for addresses and hand it to the HTTP client; dropping it wipes the
//! secrets. Which request carries the credentials where is decided here and nowhere else.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use reqwest::Url;
use secrets::Secret;
use sha2::{Digest, Sha256};

use super::sigv4::hex;
use super::{
    AllowedHosts, Authentication, ConnectionType, RenderError, Template, Values, allowed_host, base_url,
};
use crate::http::{Attributes, AuthContext, OutgoingRequest, SendOptions, Signer};
use crate::{ActionError, ErrorCode};

/// A connection's type with its attributes in plaintext. No `Debug`.
pub struct Credential {
    kind: Arc<ConnectionType>,
    values: Values,
}

impl Credential {
    /// The credential of a connection of type `kind` with these opened attributes.
    pub fn new(kind: Arc<ConnectionType>, attributes: &Attributes) -> Self {
        let values = Values::new(&kind, attributes);
        Self { kind, values }
    }

    /// The type.
    pub fn kind(&self) -> &ConnectionType {
        &self.kind
    }

    /// What a field holds, its default included; empty for nothing. For actions that are no HTTP.
    pub fn field(&self, name: &str) -> &str {
        self.values.get(name)
    }

    /// Whether it may be used for `host` (a name or an address, no port).
    pub fn allows(&self, host: &str) -> bool {
        allowed_host(&self.kind, &self.values, host)
    }

    /// The address that `text` means: an absolute one as it is, anything else appended to the base URL.
    /// Unlike a link in a page, `/me` keeps the path of the base: `https://host/api/v4/me`.
    pub fn url(&self, text: &str) -> Result<Url, ActionError> {
        let invalid = |why: String| ActionError::new(ErrorCode::UrlInvalid, why);
        if is_absolute(text) {
            return Url::parse(text).map_err(|error| invalid(format!("`{text}` is not a URL: {error}")));
        }
        let base = base_url(&self.kind, &self.values).map_err(unrendered)?.ok_or_else(|| {
            invalid(format!(
                "`{text}` is no whole address, and the connection of type `{}` has no base URL",
                self.kind.name
            ))
        })?;
        let mut url = Url::parse(&base).map_err(|error| invalid(format!("base URL `{base}`: {error}")))?;
        let text = text.split('#').next().unwrap_or_default();
        let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        if !path.is_empty() {
            let joined = format!("{}/{}", url.path().trim_end_matches('/'), path.trim_start_matches('/'));
            url.set_path(&joined);
        }
        if query.is_some() {
            url.set_query(query);
        }
        Ok(url)
    }

    /// Puts into `options` what the connection says about TLS and hosts.
    pub fn configure(self: &Arc<Self>, options: &mut SendOptions) -> Result<(), ActionError> {
        if matches!(self.kind.allowed_hosts, AllowedHosts::Listed(_)) {
            let credential = Arc::clone(self);
            options.allowed_hosts = Some(Arc::new(move |host| credential.allows(host)));
        }
        self.configure_tls(options)
    }

    pub(super) fn configure_tls(&self, options: &mut SendOptions) -> Result<(), ActionError> {
        let Some(tls) = &self.kind.tls else {
            return Ok(());
        };
        let filled = |template: &Option<Template>| match template {
            Some(template) => self.rendered_if_filled(template),
            None => Ok(None),
        };
        if let (Some(certificate), Some(key)) = (filled(&tls.certificate)?, filled(&tls.private_key)?) {
            let pem = format!("{}\n{}\n", pem_lines(&certificate), pem_lines(&key));
            options.identity_pem = Some(Arc::new(Secret::new(pem)));
        }
        if let Some(ca) = filled(&tls.ca)? {
            options.ca_pem = Some(pem_lines(&ca));
        }
        Ok(())
    }

    /// Authenticates `request`, whose address is absolute. Refuses a host that the type does not allow, and
    /// to carry secrets over plain `http` unless the connection's own base URL is plain, too.
    pub async fn authenticate(
        &self,
        request: &mut OutgoingRequest,
        cx: &AuthContext<'_>,
    ) -> Result<(), ActionError> {
        self.check_target(&request.url)?;
        for (name, template) in &self.kind.headers {
            if let Some(value) = self.rendered_if_filled(template)? {
                let secret = template.fields().any(|field| self.kind.is_secret(field));
                let (name, value) = header(name, &value, secret)?;
                request.headers.entry(name).or_insert(value);
            }
        }
        super::authenticate::apply(self, self.scheme()?, request, cx).await
    }

    /// As a signer for [`HttpClient::send_signed`](crate::http::HttpClient::send_signed).
    pub fn signer<'a>(&'a self, cx: &'a AuthContext<'a>) -> impl Signer + 'a {
        CredentialSigner { credential: self, cx }
    }

    /// Forgets the token got for this credential, if any: the service refused it before its time.
    pub async fn forget_token(&self, cx: &AuthContext<'_>) {
        cx.token_cache.forget(&self.fingerprint()).await;
    }

    /// The scheme, a choice resolved.
    pub(super) fn scheme(&self) -> Result<&Authentication, ActionError> {
        let Authentication::Choice(choice) = &self.kind.authentication else {
            return Ok(&self.kind.authentication);
        };
        choice.schemes.get(self.values.get(&choice.field)).ok_or_else(|| {
            invalid(format!("field `{}` of the connection does not choose how to authenticate", choice.field))
        })
    }

    pub(super) fn rendered(&self, template: &Template) -> Result<String, ActionError> {
        template.render(&self.values).map_err(unrendered)
    }

    pub(super) fn rendered_if_filled(&self, template: &Template) -> Result<Option<String>, ActionError> {
        template.render_if_filled(&self.values).map_err(unrendered)
    }

    /// The same for the same type and attributes and no other: under it tokens are kept. A changed secret
    /// is another fingerprint. Not reversible, but treat it as private.
    pub(super) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let name = [(self.kind.name.as_str(), "")];
        for part in name.into_iter().chain(self.values.iter()).flat_map(|(name, text)| [name, text]) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hex(&hash.finalize())
    }

    /// What a service answered, with every secret of the connection masked, cut to be read in an error.
    pub(super) fn without_secrets(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for field in self.kind.fields.iter().filter(|field| field.secret) {
            let secret = self.values.get(&field.name);
            if !secret.is_empty() {
                text = text.replace(secret, types::limits::SECRET_MASK);
            }
        }
        text.chars().take(300).collect()
    }

    /// Whether its secrets may be sent to `url`.
    pub(super) fn check_target(&self, url: &Url) -> Result<(), ActionError> {
        let refuse = |why: String| Err(ActionError::new(ErrorCode::HostNotAllowed, why));
        let host = url.host_str().unwrap_or_default();
        if !self.allows(host) {
            return refuse(format!(
                "the connection of type `{}` may not be used for host `{host}`",
                self.kind.name
            ));
        }
        let secret = self.kind.fields.iter().any(|field| field.secret);
        if url.scheme() == "http" && secret && !self.base_is_plain(host) {
            return refuse(format!(
                "`http://{host}` would carry the connection's secrets unencrypted; use https"
            ));
        }
        Ok(())
    }

    /// Whether the user has chosen plain `http` for that host.
    fn base_is_plain(&self, host: &str) -> bool {
        let base = base_url(&self.kind, &self.values).ok().flatten().and_then(|base| Url::parse(&base).ok());
        base.is_some_and(|base| base.scheme() == "http" && base.host_str() == Some(host))
    }
}

/// Whether `text` starts with a scheme, RFC 3986 section 3.1.
fn is_absolute(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

struct CredentialSigner<'a> {
    credential: &'a Credential,
    cx: &'a AuthContext<'a>,
}

impl Signer for CredentialSigner<'_> {
    fn sign<'a>(
        &'a self,
        request: &'a mut OutgoingRequest,
    ) -> Pin<Box<dyn Future<Output = Result<(), ActionError>> + Send + 'a>> {
        Box::pin(self.credential.authenticate(request, self.cx))
    }
}

/// PEM whose line breaks were pasted as `\n`, as they stand in JSON.
pub(super) fn pem_lines(pem: &str) -> String {
    if pem.contains('\n') { pem.to_owned() } else { pem.replace("\\n", "\n") }
}

/// A header, marked as a secret so that no log of the client shows it.
pub(super) fn header(
    name: &str,
    value: &str,
    secret: bool,
) -> Result<(HeaderName, HeaderValue), ActionError> {
    let field = HeaderName::try_from(name.trim())
        .map_err(|_| invalid(format!("`{}` is not the name of a header", name.trim())))?;
    let mut text = HeaderValue::from_str(value.trim()).map_err(|_| {
        invalid(format!("header `{field}` would hold a character that headers cannot; is there a line break in the secret?"))
    })?;
    text.set_sensitive(secret);
    Ok((field, text))
}

pub(super) fn invalid(message: impl Into<String>) -> ActionError {
    ActionError::new(ErrorCode::ConnectionInvalid, message)
}

fn unrendered(error: RenderError) -> ActionError {
    invalid(error.to_string())
}
