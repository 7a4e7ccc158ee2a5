//! Contents in an S3-compatible storage that the operator has named, by addresses in the style of paths that are signed with
//! SigV4. What it answers but its status is not told: it may quote the address.

use std::io;
use std::time::Duration;

use actions::http::HttpClient;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{StatusCode, header};
use reqwest::{Body, Client, Method, RequestBuilder, Response, Url};
use rusty_s3::actions::{DeleteObject, GetObject, PutObject};
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use types::Timestamp;

use super::folder::parts_of;
use super::{Content, Reading};
use crate::config::Attachments;

/// For how long a signed address holds: clocks may differ by less.
const SIGNATURE_TIME: Duration = Duration::from_secs(15 * 60);
/// For how long the storage may say nothing.
const SILENCE_TIME_MAX: Duration = Duration::from_secs(60);
/// Bytes a second that a content is sent with at least, for the time that its upload may take.
const UPLOAD_BYTES_A_SECOND_MIN: u64 = 64 * 1024;

/// The storage.
pub(crate) struct S3 {
    bucket: Bucket,
    credentials: Credentials,
    prefix: String,
    http: Client,
}

impl S3 {
    /// As configured; the configuration was checked when it was loaded.
    pub(super) fn new(config: &Attachments, http: &HttpClient) -> Result<Self, String> {
        let endpoint: Url = config.s3_endpoint.parse().map_err(|_| "`s3_endpoint` is no URL".to_owned())?;
        let (name, region) = (config.s3_bucket.clone(), config.s3_region.clone());
        let bucket = Bucket::new(endpoint, UrlStyle::Path, name, region)
            .map_err(|error| format!("`s3_bucket` cannot be used: {error}"))?;
        Ok(Self {
            bucket,
            credentials: Credentials::new(&config.s3_access_key_id, &config.s3_secret_access_key),
            prefix: config.s3_prefix.clone(),
            http: http.unguarded().map_err(|error| error.message)?,
        })
    }

    pub(super) async fn put(&self, name: &str, content: Content, now: Timestamp) -> io::Result<()> {
        let key = self.key(name);
        let action = PutObject::new(&self.bucket, Some(&self.credentials), &key);
        let url = action.sign_with_time(SIGNATURE_TIME, &instant(now)?);
        let file = tokio::fs::File::open(content.path()).await?;
        let time = SILENCE_TIME_MAX + Duration::from_secs(content.bytes / UPLOAD_BYTES_A_SECOND_MIN);
        let request = self.http.request(Method::PUT, url).timeout(time);
        // The length is said: a storage takes no body without one.
        let request = request.header(header::CONTENT_LENGTH, content.bytes);
        let answer = send(request.body(Body::wrap_stream(parts_of(file)))).await?;
        expect(&answer, "PUT", answer.status().is_success())
    }

    pub(super) async fn open(&self, name: &str, now: Timestamp) -> io::Result<Option<Reading>> {
        let key = self.key(name);
        let action = GetObject::new(&self.bucket, Some(&self.credentials), &key);
        let url = action.sign_with_time(SIGNATURE_TIME, &instant(now)?);
        let answer = within(send(self.http.request(Method::GET, url))).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        expect(&answer, "GET", answer.status() == StatusCode::OK)?;
        Ok(Some(answer.bytes_stream().map_err(failed).boxed()))
    }

    pub(super) async fn remove(&self, name: &str, now: Timestamp) -> io::Result<()> {
        let key = self.key(name);
        let action = DeleteObject::new(&self.bucket, Some(&self.credentials), &key);
        let url = action.sign_with_time(SIGNATURE_TIME, &instant(now)?);
        let answer = within(send(self.http.request(Method::DELETE, url))).await?;
        let is_gone = answer.status().is_success() || answer.status() == StatusCode::NOT_FOUND;
        expect(&answer, "DELETE", is_gone)
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

async fn send(request: RequestBuilder) -> io::Result<Response> {
    request.send().await.map_err(failed)
}

async fn within(answer: impl Future<Output = io::Result<Response>>) -> io::Result<Response> {
    let silent = |_| io::Error::new(io::ErrorKind::TimedOut, "the storage has not answered in time");
    tokio::time::timeout(SILENCE_TIME_MAX, answer).await.map_err(silent)?
}

/// A failure without the address, whose signature would open it to others.
fn failed(error: reqwest::Error) -> io::Error {
    io::Error::other(error.without_url())
}

fn expect(answer: &Response, method: &str, is_right: bool) -> io::Result<()> {
    if is_right {
        return Ok(());
    }
    let status = answer.status().as_u16();
    Err(io::Error::other(format!("the storage answered {method} with the status {status}")))
}

fn instant(now: Timestamp) -> io::Result<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(now.as_millis()).map_err(io::Error::other)
}
