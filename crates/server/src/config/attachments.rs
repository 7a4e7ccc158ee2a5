//! Section `attachments`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sso::Wrong;

/// The shortest pause between two looks for contents that can go: each asks the database.
const SWEEP_PAUSE_MS_MIN: u64 = 100;

/// Files of records: how large they may be, and where they lie. They lie in the folder `attachments` of `server.data` unless
/// an S3-compatible storage is named. Servers that share a database share the storage, or that folder.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Attachments {
    /// Bytes of one file; more is answered with 413.
    pub file_bytes_max: u64,
    /// Bytes of all files of a workspace; the same content counts once, and one that is no longer used until it is removed.
    pub workspace_bytes_max: u64,
    /// Content types that files may have, `application/pdf` or `image/*`. Empty: all. It is what whoever sends a file says.
    pub content_types: Vec<String>,
    /// Milliseconds between two looks for contents that no record refers to any more.
    pub sweep_pause_ms: u64,
    /// The S3-compatible storage, `https://s3.example.com`. Empty: files lie in the data folder.
    pub s3_endpoint: String,
    /// Its region.
    pub s3_region: String,
    /// The bucket, which must exist; it stands in the path of each address.
    pub s3_bucket: String,
    /// What the names of all objects begin with, `nictate/`.
    pub s3_prefix: String,
    /// The id of the key that opens it.
    pub s3_access_key_id: String,
    /// The key's secret.
    pub s3_secret_access_key: String,
}

impl Default for Attachments {
    fn default() -> Self {
        Self {
            file_bytes_max: 100 * 1024 * 1024,
            workspace_bytes_max: 10 * 1024 * 1024 * 1024,
            content_types: Vec::new(),
            sweep_pause_ms: 60_000,
            s3_endpoint: String::new(),
            s3_region: "us-east-1".to_owned(),
            s3_bucket: String::new(),
            s3_prefix: String::new(),
            s3_access_key_id: String::new(),
            s3_secret_access_key: String::new(),
        }
    }
}

/// The secret is not shown.
impl std::fmt::Debug for Attachments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file_bytes_max, workspace_bytes_max, content_types, sweep_pause_ms, .. } = self;
        f.debug_struct("Attachments")
            .field("file_bytes_max", file_bytes_max)
            .field("workspace_bytes_max", workspace_bytes_max)
            .field("content_types", content_types)
            .field("sweep_pause_ms", sweep_pause_ms)
            .field("s3_endpoint", &self.s3_endpoint)
            .field("s3_region", &self.s3_region)
            .field("s3_bucket", &self.s3_bucket)
            .field("s3_prefix", &self.s3_prefix)
            .field("s3_access_key_id", &self.s3_access_key_id)
            .finish_non_exhaustive()
    }
}

impl Attachments {
    /// Whether files lie in an S3-compatible storage.
    pub fn is_in_s3(&self) -> bool {
        !self.s3_endpoint.is_empty()
    }

    /// [`Attachments::sweep_pause_ms`] as a length of time.
    pub fn sweep_pause(&self) -> Duration {
        Duration::from_millis(self.sweep_pause_ms)
    }

    /// What is wrong with the section, if anything is.
    pub(super) fn check(&self) -> Result<(), Wrong> {
        let wrong = |key: &'static str, value: &str, why: &str| Err((key, value.to_owned(), why.to_owned()));
        for (key, bytes) in [
            ("attachments.file_bytes_max", self.file_bytes_max),
            ("attachments.workspace_bytes_max", self.workspace_bytes_max),
        ] {
            if bytes == 0 || i64::try_from(bytes).is_err() {
                return wrong(key, &bytes.to_string(), "it must be at least 1, and less than 2^63");
            }
        }
        if self.sweep_pause_ms < SWEEP_PAUSE_MS_MIN {
            let why = format!("it must be at least {SWEEP_PAUSE_MS_MIN}");
            return wrong("attachments.sweep_pause_ms", &self.sweep_pause_ms.to_string(), &why);
        }
        if let Some(kind) = self.content_types.iter().find(|kind| !is_kind(kind)) {
            let why = "a type is needed, as in `application/pdf` or `image/*`";
            return wrong("attachments.content_types", kind, why);
        }
        if self.is_in_s3() { self.check_s3() } else { Ok(()) }
    }

    fn check_s3(&self) -> Result<(), Wrong> {
        let wrong = |key: &'static str, value: &str, why: &str| Err((key, value.to_owned(), why.to_owned()));
        let has_host = |rest: &str| !rest.trim_end_matches('/').is_empty() && !rest.contains(['?', '#', '@']);
        let endpoint = &self.s3_endpoint;
        let rest = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
        if !rest.is_some_and(has_host) || !is_plain(endpoint) {
            let why = "a URL is needed, as in `https://s3.example.com`";
            return wrong("attachments.s3_endpoint", endpoint, why);
        }
        let prefix = &self.s3_prefix;
        if !prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
            || prefix.split('/').any(|part| part == "..")
            || prefix.starts_with('/')
        {
            let why = "letters, digits and `-_./` are needed, as in `nictate/`";
            return wrong("attachments.s3_prefix", prefix, why);
        }
        for (key, value) in [
            ("attachments.s3_region", &self.s3_region),
            ("attachments.s3_bucket", &self.s3_bucket),
            ("attachments.s3_access_key_id", &self.s3_access_key_id),
        ] {
            if value.is_empty() || !is_plain(value) || value.contains('/') {
                return wrong(key, value, "with `attachments.s3_endpoint` it must be set, without spaces");
            }
        }
        // The secret is not said.
        let secret = &self.s3_secret_access_key;
        if secret.is_empty() || !is_plain(secret) {
            let shown = if secret.is_empty() { "" } else { types::limits::SECRET_MASK };
            let why = "with `attachments.s3_endpoint` it must be set, without spaces";
            return wrong("attachments.s3_secret_access_key", shown, why);
        }
        Ok(())
    }
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_kind(text: &str) -> bool {
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    text.split_once('/').is_some_and(|(kind, rest)| is_token(kind) && (rest == "*" || is_token(rest)))
}
