//! How an action fails: a documented code, a sentence for people, and what a program may want to look at.

use serde_json::Value as Json;

/// Why an action failed. The names in [`ErrorCode::as_str`] are public: workflows and dashboards match on
/// them, so they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// An input is missing or ill-formed.
    InvalidInput,
    /// The step names an action that this runner does not have.
    UnknownAction,
    /// The action is known, and this version does not carry it out.
    NotAvailableYet,
    /// The action needs a connection and was given none.
    ConnectionMissing,
    /// The connection's attributes do not make a usable credential.
    ConnectionInvalid,
    /// The service refused to give a token for the connection's credential.
    AuthenticationFailed,
    /// The connection may not be used for that host.
    HostNotAllowed,
    /// The address is private, local or otherwise closed by the network policy.
    AddressNotAllowed,
    /// The URL cannot be requested: no host, another scheme, a password in it.
    UrlInvalid,
    /// The host's name has no address.
    DnsFailed,
    /// No connection to the host.
    ConnectFailed,
    /// The TLS handshake failed, as a rule because the certificate is not trusted.
    TlsFailed,
    /// The time for the step was used up.
    Timeout,
    /// More redirects than are followed.
    TooManyRedirects,
    /// A redirect that cannot or must not be followed.
    RedirectRefused,
    /// The connection broke or the peer did not speak HTTP.
    RequestFailed,
    /// The response has more bytes than allowed.
    ResponseTooLarge,
    /// The response is not what its headers say.
    ResponseInvalid,
    /// The service answered with a status outside 200 to 299.
    HttpStatus,
    /// The code of a step raised, or ended with an exit code other than 0.
    CodeFailed,
    /// The code of a step used up its processor time.
    CodeCpuTimeExceeded,
    /// The code of a step wanted more memory than it may have.
    CodeMemoryExceeded,
    /// The code of a step printed or returned more than it may.
    CodeOutputTooLarge,
    /// The runner has no sandbox to run code in.
    SandboxUnavailable,
    /// The Python packages that the step requires cannot be installed where it runs.
    PackagesUnavailable,
    /// The action itself is broken; the message says where to look.
    Internal,
}

impl ErrorCode {
    /// Every code there is.
    pub const ALL: [Self; 26] = [
        Self::InvalidInput,
        Self::UnknownAction,
        Self::NotAvailableYet,
        Self::ConnectionMissing,
        Self::ConnectionInvalid,
        Self::AuthenticationFailed,
        Self::HostNotAllowed,
        Self::AddressNotAllowed,
        Self::UrlInvalid,
        Self::DnsFailed,
        Self::ConnectFailed,
        Self::TlsFailed,
        Self::Timeout,
        Self::TooManyRedirects,
        Self::RedirectRefused,
        Self::RequestFailed,
        Self::ResponseTooLarge,
        Self::ResponseInvalid,
        Self::HttpStatus,
        Self::CodeFailed,
        Self::CodeCpuTimeExceeded,
        Self::CodeMemoryExceeded,
        Self::CodeOutputTooLarge,
        Self::SandboxUnavailable,
        Self::PackagesUnavailable,
        Self::Internal,
    ];

    /// When it happens, for the reference page.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::InvalidInput => "An input is missing or ill-formed.",
            Self::NotAvailableYet => {
                "The action is known, and this version does not carry it out: agents are not run."
            }
            Self::UnknownAction => "The step names an action that this runner does not have.",
            Self::ConnectionMissing => "The action needs a connection and was given none.",
            Self::ConnectionInvalid => "The connection's attributes do not make a usable credential.",
            Self::AuthenticationFailed => {
                "The service refused to give a token for the connection's credential."
            }
            Self::HostNotAllowed => "The connection may not be used for that host.",
            Self::AddressNotAllowed => {
                "The address is private, local or otherwise closed by the network policy."
            }
            Self::UrlInvalid => "The URL cannot be requested: no host, another scheme, a password in it.",
            Self::DnsFailed => "The host's name has no address.",
            Self::ConnectFailed => "No connection to the host.",
            Self::TlsFailed => "The TLS handshake failed, as a rule because the certificate is not trusted.",
            Self::Timeout => "The time for the step was used up.",
            Self::TooManyRedirects => "More redirects than are followed.",
            Self::RedirectRefused => "A redirect that cannot or must not be followed.",
            Self::RequestFailed => "The connection broke or the peer did not speak HTTP.",
            Self::ResponseTooLarge => "The response has more bytes than allowed.",
            Self::ResponseInvalid => "The response is not what its headers say.",
            Self::HttpStatus => "The service answered with a status outside 200 to 299.",
            Self::CodeFailed => "The code of a step raised, or ended with an exit code other than 0.",
            Self::CodeCpuTimeExceeded => "The code of a step used up its processor time.",
            Self::CodeMemoryExceeded => "The code of a step wanted more memory than it may have.",
            Self::CodeOutputTooLarge => "The code of a step printed or returned more than it may.",
            Self::PackagesUnavailable => {
                "The Python packages that the step requires cannot be installed where it runs."
            }
            Self::SandboxUnavailable => "The runner has no sandbox to run code in.",
            Self::Internal => "The action itself is broken; the message says where to look.",
        }
    }

    /// The code's public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::UnknownAction => "unknown_action",
            Self::NotAvailableYet => "not_available_yet",
            Self::ConnectionMissing => "connection_missing",
            Self::ConnectionInvalid => "connection_invalid",
            Self::AuthenticationFailed => "authentication_failed",
            Self::HostNotAllowed => "host_not_allowed",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::UrlInvalid => "url_invalid",
            Self::DnsFailed => "dns_failed",
            Self::ConnectFailed => "connect_failed",
            Self::TlsFailed => "tls_failed",
            Self::Timeout => "timeout",
            Self::TooManyRedirects => "too_many_redirects",
            Self::RedirectRefused => "redirect_refused",
            Self::RequestFailed => "request_failed",
            Self::ResponseTooLarge => "response_too_large",
            Self::ResponseInvalid => "response_invalid",
            Self::HttpStatus => "http_status",
            Self::CodeFailed => "code_failed",
            Self::CodeCpuTimeExceeded => "code_cpu_time_exceeded",
            Self::CodeMemoryExceeded => "code_memory_exceeded",
            Self::CodeOutputTooLarge => "code_output_too_large",
            Self::SandboxUnavailable => "sandbox_unavailable",
            Self::PackagesUnavailable => "packages_unavailable",
            Self::Internal => "internal",
        }
    }
}

/// A failed action.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ActionError {
    /// What kind of failure.
    pub code: ErrorCode,
    /// One sentence for people: lower case, names the thing and the value. Never holds a secret.
    pub message: String,
    /// Whether the same call may succeed later with nothing changed.
    pub retryable: bool,
    /// More for programs, such as the status and body of an HTTP answer; null if there is nothing.
    pub data: Json,
}

impl ActionError {
    /// A failure that will happen again until someone changes something.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: false, data: Json::Null }
    }

    /// A failure that may pass by itself.
    pub fn transient(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::new(code, message) }
    }

    /// The same failure with `data` for programs.
    pub fn with_data(self, data: Json) -> Self {
        Self { data, ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_codes_share_a_name() {
        let names: BTreeSet<_> = ErrorCode::ALL.into_iter().map(ErrorCode::as_str).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
    }
}
