//! Files of records in an S3-compatible storage, played by a test: it knows the signature by itself, and takes nothing that is
//! not signed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode, header};
use reqwest::Url;
use serde_json::json;

use crate::attachments::{case, hex, live, place, put, settle, stored};
use crate::support::{WORKSPACE, on_both_with, until};

const KEY_ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const REGION: &str = "eu-central-2";

/// The storage.
#[derive(Clone, Default)]
struct Storage(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    objects: BTreeMap<String, Bytes>,
    /// Method and path of each request that was signed.
    seen: Vec<String>,
    refused: usize,
    /// What every request is answered with instead, if that is set.
    fails: Option<Answer>,
}

#[derive(Clone, Copy)]
enum Answer {
    Unavailable,
    Elsewhere,
}

impl Storage {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().objects.keys().cloned().collect()
    }

    fn seen(&self, method: &str) -> usize {
        self.0.lock().unwrap().seen.iter().filter(|seen| seen.starts_with(method)).count()
    }
}

async fn answer(State(storage): State<Storage>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let length = parts.headers.get(header::CONTENT_LENGTH).cloned();
    let is_signed = signature_fits(&parts.method, parts.headers[header::HOST].to_str().unwrap(), &parts.uri);
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut inner = storage.0.lock().unwrap();
    match inner.fails {
        Some(Answer::Unavailable) => {
            return (StatusCode::SERVICE_UNAVAILABLE, "secret of the storage").into_response();
        }
        Some(Answer::Elsewhere) => {
            return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "http://127.0.0.1:1/")])
                .into_response();
        }
        None => {}
    }
    if !is_signed {
        inner.refused += 1;
        return StatusCode::FORBIDDEN.into_response();
    }
    let name = parts.uri.path().to_owned();
    inner.seen.push(format!("{} {name}", parts.method));
    match parts.method {
        Method::PUT if length.is_none_or(|length| length.to_str().unwrap() != body.len().to_string()) => {
            StatusCode::LENGTH_REQUIRED.into_response()
        }
        Method::PUT => {
            inner.objects.insert(name, body);
            StatusCode::OK.into_response()
        }
        Method::GET => match inner.objects.get(&name) {
            Some(content) => Body::from(content.clone()).into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        _ => {
            inner.objects.remove(&name);
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

/// AWS Signature Version 4 in the query, as its specification says.
fn signature_fits(method: &Method, host: &str, uri: &http::Uri) -> bool {
    let url = Url::parse(&format!("http://{host}{uri}")).unwrap();
    let mut given: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let Some(signature) = given.remove("X-Amz-Signature") else { return false };
    let Some(date) = given.get("X-Amz-Date").cloned() else { return false };
    let scope = format!("{}/{REGION}/s3/aws4_request", &date[..8]);
    if given["X-Amz-Credential"] != format!("{KEY_ID}/{scope}") {
        return false;
    }
    let query: Vec<String> =
        given.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    let canonical =
        format!("{method}\n{}\n{}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD", url.path(), query.join("&"));
    let hashed = hex(canonical.as_bytes());
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashed}");
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in [&date[..8], REGION, "s3", "aws4_request"] {
        key = signed(&key, part.as_bytes());
    }
    let expected: String =
        signed(&key, to_sign.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    expected == signature
}

fn signed(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn configure(config: &mut server::config::Config, url: &str) {
    let files = &mut config.attachments;
    files.s3_endpoint = url.to_owned();
    files.s3_region = REGION.to_owned();
    files.s3_bucket = "files".to_owned();
    files.s3_prefix = "nictate/".to_owned();
    files.s3_access_key_id = KEY_ID.to_owned();
    files.s3_secret_access_key = SECRET.to_owned();
    files.sweep_pause_ms = 100;
}

#[tokio::test]
async fn files_lie_in_the_storage_and_go_from_there() {
    let storage = Storage::default();
    let url = storage.start().await;
    on_both_with(
        |config| configure(config, &url),
        async |nictate| {
            settle(nictate).await;
            let id = case(nictate, "a").await;
            let content: Vec<u8> = (0..3_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let parts: Vec<Result<Vec<u8>, std::io::Error>> =
                content.chunks(50_000).map(|part| Ok(part.to_vec())).collect();
            let body = reqwest::Body::wrap_stream(futures_util::stream::iter(parts));
            put(nictate, (&id, "report", "a.bin"), body).await.ok();
            let [name] = storage.names().try_into().unwrap();
            let hash = hex(&content);
            assert!(
                name.starts_with(&format!("/files/nictate/{WORKSPACE}/{}/{hash}-", &hash[..2])),
                "{name}"
            );
            let got = nictate.request(reqwest::Method::GET, &place(&id, "report")).send().await.unwrap();
            assert!(got.bytes().await.unwrap() == content);
            assert!(stored(nictate).is_empty());

            let before = storage.seen("PUT");
            put(nictate, (&id, "photo", "b.bin"), content.clone()).await.ok();
            assert_eq!(
                (storage.seen("PUT"), storage.names().len()),
                (before, 1),
                "the same content is kept once"
            );
            put(nictate, (&id, "report", "empty"), "").await.ok();
            nictate.clock.put_forward(Duration::from_secs(2 * 60 * 60));
            put(nictate, (&id, "photo", "two"), "two").await.ok();
            let gone = async || (storage.names().len() == 2 && live(nictate).await == 2).then_some(());
            until("what nobody refers to is gone", gone).await;
            assert_eq!(nictate.get(&place(&id, "report")).await.text, "");
            assert_eq!(nictate.get(&place(&id, "photo")).await.text, "two");
            nictate.delete("/table/cases").await.ok();
            nictate.clock.put_forward(Duration::from_secs(2 * 60 * 60));
            until("nothing is left", async || storage.names().is_empty().then_some(())).await;
            assert_eq!(storage.0.lock().unwrap().refused, 0);
        },
    )
    .await;
}

#[tokio::test]
async fn a_storage_that_fails_is_told_without_its_words_and_leaves_no_reference() {
    let storage = Storage::default();
    let url = storage.start().await;
    on_both_with(
        |config| configure(config, &url),
        async |nictate| {
            settle(nictate).await;
            let id = case(nictate, "a").await;
            put(nictate, (&id, "report", "a"), "one").await.ok();
            for answer in [Answer::Unavailable, Answer::Elsewhere] {
                storage.0.lock().unwrap().fails = Some(answer);
                let error = put(nictate, (&id, "photo", "a"), "two").await.error(503, "storage_unavailable");
                assert!(!error.to_string().contains("secret"), "{error}");
                nictate.get(&place(&id, "report")).await.error(503, "storage_unavailable");
                let record = nictate.get(&format!("/table/cases/{id}")).await.ok();
                assert_eq!((&record["photo"], &record["report"]["name"]), (&json!(null), &json!("a")));
            }
            let log = crate::support::logged();
            assert!(!log.contains("X-Amz-Signature") && !log.contains(SECRET));
            storage.0.lock().unwrap().fails = None;
            put(nictate, (&id, "photo", "a"), "two").await.ok();
            assert_eq!(nictate.get(&place(&id, "photo")).await.text, "two");
            // What is deleted while the storage is away is removed later.
            storage.0.lock().unwrap().fails = Some(Answer::Unavailable);
            nictate.delete("/table/cases").await.ok();
            nictate.clock.put_forward(Duration::from_secs(2 * 60 * 60));
            until("it is to be removed", async || (live(nictate).await == 0).then_some(())).await;
            assert_eq!(storage.names().len(), 2);
            storage.0.lock().unwrap().fails = None;
            until("it is removed", async || storage.names().is_empty().then_some(())).await;
        },
    )
    .await;
}

#[test]
fn the_signature_of_the_specification_s_example_fits() {
    // The test's own arithmetic: the derivation of the key in AWS's documentation.
    let mut key = b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec();
    for part in ["20120215", "us-east-1", "iam", "aws4_request"] {
        key = signed(&key, part.as_bytes());
    }
    let shown: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(shown, "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d");
    assert_eq!(hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
