//! Mail: how a text is put into a message, and given to the server that takes it.

use std::time::Duration;

use lettre::address::AddressError;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrets::Secret;

use crate::config::{Smtp, SmtpSecurity};

/// How long a mail may take until it is taken, all in all.
pub(crate) const SEND_TIME_MAX: Duration = Duration::from_secs(20);

/// Sends mail.
pub(crate) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Why a mail was not sent. What the other server says is left out: it may quote the mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotSent {
    /// In a word, or the code of SMTP.
    pub(crate) reason: String,
    /// Whether another try cannot succeed.
    pub(crate) is_final: bool,
}

impl Mailer {
    /// What sends mail as configured; none if nothing does.
    ///
    /// # Errors
    /// If the section cannot be used, or `authorities` (PEM) hold no certificates.
    pub(crate) fn new(config: &Smtp, authorities: Option<&str>) -> Result<Option<Self>, String> {
        if !config.is_on() {
            return Ok(None);
        }
        let from: Mailbox = config.from.parse().map_err(|error: AddressError| error.to_string())?;
        let name = ClientId::Domain(from.email.domain().to_owned());
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port)
            .timeout(Some(SEND_TIME_MAX))
            .hello_name(name)
            .tls(tls(config, authorities)?);
        if !config.username.is_empty() {
            builder = builder.credentials(Credentials::new(config.username.clone(), config.password.clone()));
        }
        Ok(Some(Self { transport: builder.build(), from }))
    }

    /// Sends a text.
    pub(crate) async fn send(&self, to: &str, subject: &str, text: &Secret<String>) -> Result<(), NotSent> {
        let message = message(self.from.clone(), to, subject, text)?;
        let sending = tokio::time::timeout(SEND_TIME_MAX, self.transport.send(message));
        match sending.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(NotSent { reason: reason(&error), is_final: error.is_permanent() }),
            Err(_) => Err(NotSent { reason: "timeout".to_owned(), is_final: false }),
        }
    }
}

fn reason(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => code.to_string(),
        None if error.is_timeout() => "timeout".to_owned(),
        None if error.is_tls() => "tls".to_owned(),
        None => "connection".to_owned(),
    }
}

fn tls(config: &Smtp, authorities: Option<&str>) -> Result<Tls, String> {
    if config.security == SmtpSecurity::None {
        return Ok(Tls::None);
    }
    let mut parameters =
        TlsParameters::builder(config.host.clone()).certificate_store(CertificateStore::WebpkiRoots);
    if let Some(pem) = authorities {
        let certificate = Certificate::from_pem(pem.as_bytes()).map_err(|error| error.to_string())?;
        parameters = parameters.add_root_certificate(certificate);
    }
    let parameters = parameters.build_rustls().map_err(|error| error.to_string())?;
    Ok(match config.security {
        SmtpSecurity::Tls => Tls::Wrapper(parameters),
        _ => Tls::Required(parameters),
    })
}

/// The message. An address that could end a header's line is none to begin with; names and subjects that could are refused
/// here, since the builder panics at such a name.
fn message(from: Mailbox, to: &str, subject: &str, text: &Secret<String>) -> Result<Message, NotSent> {
    let refused = |reason: &str| NotSent { reason: reason.to_owned(), is_final: true };
    let name = from.name.as_deref().unwrap_or_default();
    if [name, subject].iter().any(|text| text.chars().any(char::is_control)) {
        return Err(refused("message"));
    }
    let to: Address = to.parse().map_err(|_| refused("address"))?;
    let builder: MessageBuilder = Message::builder().from(from).to(Mailbox::new(None, to)).subject(subject);
    let builder = builder.header(ContentType::TEXT_PLAIN);
    builder.body(text.expose().clone()).map_err(|_| refused("message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &str, to: &str, subject: &str) -> Result<String, NotSent> {
        let from = Mailbox::new(Some(name.to_owned()), "nictate@example.com".parse().unwrap());
        let made = message(from, to, subject, &Secret::from("text"))?;
        let formatted = String::from_utf8(made.formatted()).unwrap();
        Ok(formatted.split_once("\r\n\r\n").unwrap().0.to_owned())
    }

    #[test]
    fn no_name_address_or_subject_adds_a_header() {
        let evil = "x\r\nBcc: eve@example.com";
        assert_eq!(headers(evil, "bob@example.com", "x").unwrap_err().reason, "message");
        assert_eq!(headers("x", "bob@example.com", evil).unwrap_err().reason, "message");
        let made = headers("x <eve@example.com>, \"y", "bob@example.com", "Bcc: eve@example.com").unwrap();
        assert!(made.contains("To: bob@example.com"), "{made}");
        assert!(!made.lines().any(|line| line.to_lowercase().starts_with("bcc")), "{made}");
        for to in
            ["bob@example.com\r\nBcc: eve@example.com", "bob@example.com\nx: y", "bob", "a b@example.com"]
        {
            assert_eq!(headers("x", to, "x").unwrap_err().reason, "address", "{to}");
        }
        assert!(headers("x", "bob@example.com, eve@example.com", "x").is_err());
    }
}
