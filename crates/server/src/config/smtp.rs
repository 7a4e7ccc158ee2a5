//! Section `smtp`.

use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sso::Wrong;

/// How mail is sent: the links of invitations. Certificates are checked against the authorities that programs of the web
/// trust, and those of `http.ca_file`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Smtp {
    /// The server that takes the mail, `smtp.example.com`. Empty: no mail is sent.
    pub host: String,
    /// Its port: 587 as a rule, 465 with `tls`.
    pub port: u16,
    /// `starttls`: the connection is secured before anything is said; `tls`: from the start; `none`: never, to this machine
    /// alone.
    pub security: SmtpSecurity,
    /// Who signs in there. Empty: nobody does.
    pub username: String,
    /// With which password.
    pub password: String,
    /// Whom the mail is from, `Nictate <nictate@example.com>`.
    pub from: String,
}

/// How the connection to the server that takes the mail is secured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// Secured before anything is said.
    #[default]
    Starttls,
    /// Secured from the start.
    Tls,
    /// Not secured.
    None,
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 587,
            security: SmtpSecurity::Starttls,
            username: String::new(),
            password: String::new(),
            from: String::new(),
        }
    }
}

/// The password is not shown.
impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port, security, username, from, .. } = self;
        f.debug_struct("Smtp")
            .field("host", host)
            .field("port", port)
            .field("security", security)
            .field("username", username)
            .field("from", from)
            .finish_non_exhaustive()
    }
}

impl Smtp {
    /// Whether mail is sent.
    pub fn is_on(&self) -> bool {
        !self.host.is_empty()
    }

    /// What is wrong with the section, if anything is.
    pub(super) fn check(&self) -> Result<(), Wrong> {
        let wrong = |key: &'static str, value: &str, why: &str| Err((key, value.to_owned(), why.to_owned()));
        if !self.is_on() {
            return Ok(());
        }
        if !self.host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:_".contains(&byte)) {
            return wrong(
                "smtp.host",
                &self.host,
                "a name or an address is needed, as in `smtp.example.com`",
            );
        }
        if self.port == 0 {
            return wrong("smtp.port", "0", "it must be at least 1");
        }
        if self.security == SmtpSecurity::None && !is_loopback(&self.host) {
            let why = "mail leaves this machine secured alone: with `starttls` or `tls`";
            return wrong("smtp.security", "none", why);
        }
        if self.username.chars().any(char::is_control) {
            return wrong("smtp.username", &self.username, "it must not hold control characters");
        }
        // The password is a secret, so that it is not said what it is.
        let hidden = types::limits::SECRET_MASK;
        if self.password.chars().any(char::is_control) {
            let why = "it must not hold control characters, such as the end of a line";
            return wrong("smtp.password", hidden, why);
        }
        if self.username.is_empty() && !self.password.is_empty() {
            return wrong("smtp.username", "", "with `smtp.password` it must be set");
        }
        if !self.username.is_empty() && self.password.is_empty() {
            return wrong("smtp.password", "", "with `smtp.username` it must be set");
        }
        if self.from.parse::<Mailbox>().is_err() || self.from.chars().any(char::is_control) {
            return wrong(
                "smtp.from",
                &self.from,
                "an address is needed, as in `Nictate <nictate@example.com>`",
            );
        }
        Ok(())
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
