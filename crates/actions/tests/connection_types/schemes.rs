//! What arrives for each scheme.

use std::sync::Arc;

use actions::ErrorCode;
use actions::connection_types::{Credential, Registry};
use actions::http::SendOptions;

use crate::server::{Arrived, Server};
use crate::{World, credential, failure, of_type};

const OK: &str = "200 OK\n\n{}";

async fn arrives(rest: &str, attributes: &[(&str, &str)], path: &str) -> Arrived {
    let server = Server::answering(&[OK]).await;
    let url = server.url();
    let attributes = [&[("base_url", url.as_str())], attributes].concat();
    World::new().get(&credential(rest, &attributes), path).await.unwrap();
    server.only()
}

#[tokio::test]
async fn basic_sends_user_and_password() {
    let rest = "authentication: {basic: {username: '{user}', password: '{secret}'}}";
    let arrived = arrives(rest, &[("user", "Aladdin"), ("secret", "open sesame")], "/me").await;
    assert_eq!(arrived.line, "GET /me");
    assert_eq!(arrived.header("authorization"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

#[tokio::test]
async fn bearer_sends_the_token_without_the_line_break_it_was_pasted_with() {
    let rest = "authentication: {bearer: {token: '{secret}'}}";
    let arrived = arrives(rest, &[("secret", "t0k\n")], "?a=b").await;
    assert_eq!(arrived.line, "GET /?a=b");
    assert_eq!(arrived.header("authorization"), "Bearer t0k");
}

#[tokio::test]
async fn headers_send_what_is_filled_in() {
    let rest = "authentication: {headers: {X-Id: '{user}', X-Keys: 'a={secret};b={user}', X-Other: 'k {other}'}}\n\
                headers: {Accept: application/json, X-Org: '{user}', X-None: '{other}'}";
    let arrived = arrives(rest, &[("user", "u"), ("secret", "s")], "me").await;
    assert_eq!(
        (arrived.header("x-id"), arrived.header("x-keys"), arrived.header("x-other")),
        ("u", "a=s;b=u", "")
    );
    assert_eq!(
        (arrived.header("accept"), arrived.header("x-org"), arrived.header("x-none")),
        ("application/json", "u", "")
    );
}

#[tokio::test]
async fn header_lines_send_what_the_user_wrote() {
    let arrived =
        arrives("authentication: {header_lines: '{secret}'}", &[("secret", "X-A: 1\r\n\n x-b :two: 2")], "/")
            .await;
    assert_eq!((arrived.header("x-a"), arrived.header("x-b")), ("1", "two: 2"));
}

#[tokio::test]
async fn query_adds_parameters_and_replaces_those_of_the_same_name() {
    let rest = "authentication: {query: {key: '{secret}', empty: '{other}'}}";
    let arrived = arrives(rest, &[("secret", "a b&c")], "/x?key=forged&q=1").await;
    assert_eq!(arrived.line, "GET /x?q=1&key=a+b%26c");
}

#[tokio::test]
async fn a_choice_follows_the_select_field() {
    let rest = "authentication: {choice: {field: method, schemes: {one: {bearer: {token: '{secret}'}}, two: {headers: {X-Key: '{other}'}}}}}";
    let both = [("secret", "s"), ("other", "o")];
    assert_eq!(arrives(rest, &both, "/").await.header("authorization"), "Bearer s");
    let two = arrives(rest, &[both[0], both[1], ("method", "two")], "/").await;
    assert_eq!((two.header("authorization"), two.header("x-key")), ("", "o"));
}

#[tokio::test]
async fn aws_signs_for_the_service_of_the_connection() {
    let rest = "authentication: {aws_sigv4: {access_key_id: '{user}', secret_access_key: '{secret}', \
                session_token: '{other}', region: eu-central-1, service: s3}}";
    let arrived = arrives(rest, &[("user", "AKID"), ("secret", "s"), ("other", "st")], "/b/k?z=1&a=ü").await;
    assert_eq!(arrived.line, "GET /b/k?a=%C3%BC&z=1");
    assert_eq!(
        (arrived.header("x-amz-date"), arrived.header("x-amz-security-token")),
        ("20150830T123600Z", "st")
    );
    let authorization = arrived.header("authorization");
    let start = "AWS4-HMAC-SHA256 Credential=AKID/20150830/eu-central-1/s3/aws4_request, \
                 SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=";
    assert!(authorization.starts_with(start), "{authorization}");
}

#[tokio::test]
async fn the_request_keeps_a_header_it_has_set_unless_it_is_the_credential() {
    let server = Server::answering(&[OK]).await;
    let rest = "authentication: {bearer: {token: '{secret}'}}\nheaders: {Accept: text/xml}";
    let credential = credential(rest, &[("base_url", &server.url()), ("secret", "s")]);
    let world = World::new();
    let mut request = actions::http::OutgoingRequest::new(http::Method::GET, credential.url("/").unwrap());
    request.headers.insert("accept", "text/csv".parse().unwrap());
    request.headers.insert("authorization", "forged".parse().unwrap());
    world.at(0, async |cx| credential.authenticate(&mut request, cx).await).await.unwrap();
    assert_eq!(request.headers["accept"], "text/csv");
    assert_eq!(request.headers["authorization"], "Bearer s");
    assert!(request.headers["authorization"].is_sensitive());
}

#[tokio::test]
async fn secrets_go_to_no_other_host() {
    let (server, elsewhere) = (Server::answering(&[OK]).await, Server::answering(&[OK]).await);
    let credential = credential(
        "authentication: {bearer: {token: '{secret}'}}",
        &[("base_url", &server.url()), ("secret", "s")],
    );
    let url = format!("http://localhost:{}/", elsewhere.port);
    let (code, message) = failure(World::new().get(&credential, &url).await);
    assert_eq!(
        (code, message.as_str()),
        (ErrorCode::HostNotAllowed, "the connection may not be used for host `localhost`")
    );
    assert!(elsewhere.arrived().is_empty());
}

#[tokio::test]
async fn secrets_do_not_follow_a_redirect_to_another_host() {
    let elsewhere = Server::answering(&[OK]).await;
    let answer = format!("302 Found\nlocation: http://localhost:{}/steal", elsewhere.port);
    let server = Server::answering(&[&answer]).await;
    let credential = credential(
        "authentication: {query: {key: '{secret}'}}",
        &[("base_url", &server.url()), ("secret", "s")],
    );
    assert_eq!(failure(World::new().get(&credential, "/").await).0, ErrorCode::HostNotAllowed);
    assert!(elsewhere.arrived().is_empty());
}

#[tokio::test]
async fn secrets_do_not_travel_unencrypted_where_the_connection_is_for_https() {
    let server = Server::answering(&[OK]).await;
    let credential = credential(
        "authentication: {bearer: {token: '{secret}'}}",
        &[("base_url", "https://127.0.0.1"), ("secret", "s")],
    );
    let (code, message) = failure(World::new().get(&credential, &server.url()).await);
    assert_eq!(code, ErrorCode::HostNotAllowed);
    assert_eq!(message, "`http://127.0.0.1` would carry the connection's secrets unencrypted; use https");
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn a_secret_that_is_no_header_is_told_without_the_secret() {
    let check = async |rest: &str, secret: &str, expected: &str| {
        let credential = credential(rest, &[("base_url", "http://127.0.0.1:1"), ("secret", secret)]);
        let (code, message) = failure(World::new().get(&credential, "/").await);
        assert_eq!((code, message.as_str()), (ErrorCode::ConnectionInvalid, expected));
    };
    check(
        "authentication: {bearer: {token: '{secret}'}}",
        "hunter\n2",
        "header `authorization` would hold a character that headers cannot; is there a line break in the secret?",
    )
    .await;
    check("authentication: {header_lines: '{secret}'}", "hunter2", "line 1 of the headers has no colon")
        .await;
    check("authentication: {header_lines: '{secret}'}", "hun ter: 2", "line 1 of the headers is no header")
        .await;
    check(
        "authentication: {bearer: {token: '{secret.token}'}}",
        "hunter2",
        "field `secret` is not a JSON object with a text `token`",
    )
    .await;
}

#[test]
fn addresses_start_at_the_base() {
    let check = |base: &str, text: &str, expected: Result<&str, ErrorCode>| {
        let url = credential("", &[("base_url", base)]).url(text);
        let url = url.as_ref().map(reqwest::Url::as_str).map_err(|error| error.code);
        assert_eq!(url, expected, "{base} {text}");
    };
    check("https://a.b/api/v4", "/me?x=1#f", Ok("https://a.b/api/v4/me?x=1"));
    check("https://a.b/api/v4/", "me", Ok("https://a.b/api/v4/me"));
    check("https://a.b/api", "", Ok("https://a.b/api"));
    check("https://a.b/api", "?q=a://b", Ok("https://a.b/api?q=a://b"));
    check("https://a.b/api", "x?next=c://d", Ok("https://a.b/api/x?next=c://d"));
    check("https://a.b", "//evil.example/x", Ok("https://a.b/evil.example/x"));
    check("https://a.b", "@evil.example", Ok("https://a.b/@evil.example"));
    check("https://a.b", "\\\\evil.example", Ok("https://a.b///evil.example"));
    check("https://a.b", "https://c.d/x", Ok("https://c.d/x"));
    check("", "/me", Err(ErrorCode::UrlInvalid));
    check("https://a.b", "https://", Err(ErrorCode::UrlInvalid));
}

#[test]
fn mutual_tls_hands_over_certificate_key_and_authority() {
    let kind = Registry::builtin().get("http_mtls").unwrap();
    let configured = |attributes: &[(&str, &str)]| {
        let credential: Arc<Credential> = of_type(Arc::clone(kind), attributes);
        let mut options = SendOptions::default();
        credential.configure(&mut options).unwrap();
        options
    };
    let options = configured(&[
        ("base_url", "https://a.b"),
        ("certificate", "C\\nC"),
        ("private_key", "K"),
        ("ca", "A"),
    ]);
    assert_eq!(options.identity_pem.unwrap().expose(), "C\nC\nK\n");
    assert_eq!(options.ca_pem.as_deref(), Some("A"));
    let options = configured(&[("base_url", "https://a.b")]);
    assert!(options.identity_pem.is_none() && options.ca_pem.is_none());
    let allowed = options.allowed_hosts.unwrap();
    assert!(allowed("a.b") && !allowed("c.d"));
}
