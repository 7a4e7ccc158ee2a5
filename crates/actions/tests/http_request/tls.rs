//! Whom the client trusts, and as whom it appears.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;
use tokio_rustls::TlsAcceptor;

use crate::World;
use crate::server::{Server, answer};

const CA: &str = include_str!("../tls/ca.pem");

/// `secure.test`; with `mutual` it lets in only whom the test authority knows.
fn acceptor(mutual: bool) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = if mutual {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(CA.as_bytes()).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let certificate = CertificateDer::from_pem_slice(include_bytes!("../tls/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../tls/server.key")).unwrap();
    TlsAcceptor::from(Arc::new(builder.with_single_cert(vec![certificate], key).unwrap()))
}

async fn server(mutual: bool) -> Server {
    Server::start(vec![answer("200 OK\n\nsecure")], Some(acceptor(mutual))).await
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let server = server(false).await;
    let url = format!("https://secure.test:{}/", server.port);
    let error = World::open().run(json!({"url": url})).await.unwrap_err();
    assert_eq!(error.code.as_str(), "tls_failed", "{error}");
    assert!(error.message.contains("UnknownIssuer") && !error.retryable, "{error}");
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn an_authority_is_trusted_for_one_request_or_for_the_deployment() {
    let server = server(false).await;
    let url = format!("https://secure.test:{}/", server.port);
    let mut world = World::open();
    assert_eq!(world.run(json!({"url": url, "ca_certificate": CA})).await.unwrap(), json!("secure"));
    assert!(world.run(json!({"url": url})).await.is_err(), "for that request only");
    world.http = world.http.trusting(CA).unwrap();
    assert_eq!(world.run(json!({"url": url})).await.unwrap(), json!("secure"));
    // The certificate is for one name.
    let other = world.failure(json!({"url": url.replace("secure", "other")})).await;
    assert!(other.starts_with("tls_failed"), "{other}");
}

#[tokio::test]
async fn the_check_can_be_switched_off_for_a_step() {
    let server = server(false).await;
    let url = format!("https://other.test:{}/", server.port);
    let world = World::open();
    assert_eq!(world.run(json!({"url": url, "insecure": true})).await.unwrap(), json!("secure"));
    assert_eq!(world.run(json!({"url": url, "Verify SSL": "no"})).await.unwrap(), json!("secure"));
    assert!(world.run(json!({"url": url})).await.is_err());
}

#[tokio::test]
async fn an_unusable_authority_is_told() {
    let failure = World::open().failure(json!({"url": "https://a.test/", "ca_certificate": "x"})).await;
    let expected = "connection_invalid: there is no `BEGIN CERTIFICATE` in the certificate's text";
    assert_eq!(failure, expected);
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_server_that_asks() {
    let server = server(true).await;
    let base_url = format!("https://secure.test:{}", server.port);
    let attributes = [
        ("base_url", base_url.as_str()),
        ("certificate", include_str!("../tls/client.pem")),
        ("private_key", include_str!("../tls/client.key")),
        ("ca", CA),
    ];
    let world = World::open().connected("http_mtls", &attributes);
    assert_eq!(world.run(json!({"url": "/"})).await.unwrap(), json!("secure"));
    let without = World::open().failure(json!({"url": base_url, "ca_certificate": CA})).await;
    assert!(without.contains("ertificate"), "{without}");
}

#[tokio::test]
async fn a_redirect_to_plain_http_does_not_carry_credentials() {
    let plain = Server::answering(&["200 OK"]).await;
    let redirect = answer(&format!("302 Found\nlocation: http://secure.test:{}/", plain.port));
    let server = Server::start(vec![redirect], Some(acceptor(false))).await;
    let base_url = format!("https://secure.test:{}", server.port);
    let attributes = [("base_url", base_url.as_str()), ("token", "hunter2"), ("ca", CA)];
    let world = World::open().connected("http_bearer", &attributes);
    let failure = world.failure(json!({"url": "/"})).await;
    assert!(failure.starts_with("redirect_refused: a redirect to `http://secure.test:"), "{failure}");
    assert!(plain.arrived().is_empty());
}
