//! The transport's errors in the words of [`ErrorCode`]. The URL is never repeated: its query may carry a
//! key; the host is enough to find the step.

use std::error::Error as StdError;
use std::io;

use super::resolver::{AddressRefused, NameUnknown};
use crate::guard::AddressKind;
use crate::{ActionError, ErrorCode};

/// Levels of an error's sources that are looked at.
const SOURCES_MAX: usize = 16;

/// Why the request to `host` failed.
pub(super) fn transport(host: &str, error: &reqwest::Error) -> ActionError {
    if let Some(AddressRefused { address, kind }) = source(error) {
        return address_refused(&format!("host `{host}` resolves to {address}, which"), *kind);
    }
    if let Some(NameUnknown(cause)) = source(error) {
        let cause = cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
        let message = format!("host `{host}` could not be resolved to an address{cause}");
        return ActionError::transient(ErrorCode::DnsFailed, message);
    }
    if let Some(tls) = source::<rustls::Error>(error) {
        return ActionError::new(ErrorCode::TlsFailed, format!("no TLS connection to `{host}`: {tls}"));
    }
    let cause = root_cause(error);
    if error.is_timeout() {
        return ActionError::transient(ErrorCode::ConnectFailed, format!("no answer from `{host}` in time"));
    }
    if error.is_connect() {
        return ActionError::transient(
            ErrorCode::ConnectFailed,
            format!("no connection to `{host}`: {cause}"),
        );
    }
    if error.is_decode() || error.is_body() {
        let message = format!("the response of `{host}` could not be read: {cause}");
        return ActionError::transient(ErrorCode::ResponseInvalid, message);
    }
    ActionError::transient(ErrorCode::RequestFailed, format!("the request to `{host}` failed: {cause}"))
}

/// `subject` is closed because it is an address of that kind.
pub(super) fn address_refused(subject: &str, kind: AddressKind) -> ActionError {
    let hint = match kind {
        AddressKind::Loopback | AddressKind::Private => "`http.allow_private` or `http.allowed_networks`",
        _ => "`http.allowed_networks`",
    };
    let message = format!("{subject} is closed to workflows ({kind} address); open it with {hint}");
    ActionError::new(ErrorCode::AddressNotAllowed, message)
}

/// The first error of type `E` behind `error`.
fn source<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    for _ in 0..SOURCES_MAX {
        let here = next?;
        if let Some(found) = here.downcast_ref::<E>() {
            return Some(found);
        }
        next = inner(here);
    }
    None
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut last: &(dyn StdError + 'static) = error;
    for _ in 0..SOURCES_MAX {
        match inner(last) {
            Some(deeper) => last = deeper,
            None => break,
        }
    }
    match last.downcast_ref::<reqwest::Error>() {
        // Its text would name the URL.
        Some(_) => "the connection broke".to_owned(),
        None => last.to_string(),
    }
}

/// An `io::Error` hides what it wraps from `source`.
fn inner<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}
