//! Sealing and opening under a key ring, values that cannot be printed, redaction.
//!
//! Two layers: the [`MasterKeys`] wrap one [`DataKey`] per workspace and version; a data key seals the
//! fields of connections. So the master key rotates by wrapping a few data keys anew, and a data key
//! rotates workspace by workspace.
//!
//! The only crate that may use an AEAD. It knows no database and no network; the one file it touches is
//! the key file. Randomness is handed in.

mod aead;
mod api_key;
mod key_file;
mod mail;
mod master;
mod password;
mod redact;
mod seal;
mod secret;
pub mod session;
mod totp;

pub use aead::OpenError;
pub use api_key::{
    API_KEY_PREFIX, ApiKeyHasher, KeyDigest, generate_api_key, generate_token, is_generated_api_key,
};
pub use key_file::{KeyFile, KeyFileError};
pub use mail::MailSealer;
pub use master::{MasterKeys, MasterKeysError};
pub use password::{
    HASH_MEMORY_KIB, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, PasswordRefused, check_password, hash_password,
    verify_no_password, verify_password,
};
pub use redact::{REDACTED_BYTES_MIN, Redactor};
pub use seal::{DataKey, SealContext, open, seal};
pub use secret::Secret;
pub use totp::{STEP_S, TotpSecret, UserSealer, generate_recovery_code, read_recovery_code};
