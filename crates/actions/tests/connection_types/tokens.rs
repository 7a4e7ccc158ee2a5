//! Tokens: how they are asked for, how long they are kept, what a refusal says.

use std::sync::Arc;

use actions::ErrorCode;
use actions::connection_types::Credential;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use crate::server::Server;
use crate::{NOW, World, credential, failure};

const OAUTH: &str = "authentication: {oauth2_client_credentials: {token_url: /token, client_id: '{user}', \
                     client_secret: '{secret}', scope: 'a b', audience: '{other}'}}";

fn client(rest: &str, server: &Server) -> Arc<Credential> {
    credential(rest, &[("base_url", &server.url()), ("user", "id"), ("secret", "s&cret"), ("other", "")])
}

#[tokio::test]
async fn a_client_gets_a_token_once_for_many_requests() {
    let token = "200 OK\n\n{\"access_token\": \"t1\", \"token_type\": \"bearer\", \"expires_in\": 3600}";
    let server = Server::answering(&[token, "200 OK\n\n{}"]).await;
    let (world, client) = (World::new(), client(OAUTH, &server));
    for path in ["/a", "/b"] {
        world.get(&client, path).await.unwrap();
    }
    let arrived = server.arrived();
    let lines: Vec<&str> = arrived.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(lines, ["POST /token", "GET /a", "GET /b"]);
    assert_eq!(arrived[0].header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(
        arrived[0].body,
        "grant_type=client_credentials&client_id=id&client_secret=s%26cret&scope=a+b"
    );
    assert_eq!(arrived[0].header("authorization"), "");
    assert!(arrived[1..].iter().all(|request| request.header("authorization") == "Bearer t1"));
    assert_eq!(*world.secret_sent_to.lock().unwrap(), [format!("127.0.0.1:{}", server.port)]);
}

#[tokio::test]
async fn steps_that_want_one_token_at_once_cause_one_request() {
    let token = "200 OK\n\n{\"access_token\": \"t1\", \"expires_in\": 3600}";
    let server = Server::answering(&[token, "200 OK\n\n{}"]).await;
    let (world, client) = (World::new(), client(OAUTH, &server));
    let (a, b, c) =
        tokio::join!(world.get(&client, "/a"), world.get(&client, "/b"), world.get(&client, "/c"));
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(server.arrived().iter().filter(|request| request.line == "POST /token").count(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_at_half_its_life() {
    let tokens = [
        "200 OK\n\n{\"access_token\": \"t1\", \"expires_in\": \"3600\"}",
        "200 OK\n\n{}",
        "200 OK\n\n{}",
        "200 OK\n\n{\"access_token\": \"t2\", \"expires_in\": 3600}",
        "200 OK\n\n{}",
    ];
    let server = Server::answering(&tokens).await;
    let (world, client) = (World::new(), client(OAUTH, &server));
    for seconds in [0, 1799, 1801] {
        world.get_at(seconds, &client, "/a").await.unwrap();
    }
    let used: Vec<String> =
        server.arrived().iter().map(|request| request.header("authorization").to_owned()).collect();
    assert_eq!(used, ["", "Bearer t1", "Bearer t1", "", "Bearer t2"]);
}

#[tokio::test]
async fn a_changed_secret_gets_a_token_of_its_own() {
    let token = |name: &str| format!("200 OK\n\n{{\"access_token\": \"{name}\"}}");
    let server = Server::answering(&[&token("t1"), "200 OK\n\n{}", &token("t2"), "200 OK\n\n{}"]).await;
    let world = World::new();
    for secret in ["one", "two"] {
        let client = credential(OAUTH, &[("base_url", &server.url()), ("user", "id"), ("secret", secret)]);
        world.get(&client, "/").await.unwrap();
    }
    assert_eq!(server.arrived()[3].header("authorization"), "Bearer t2");
}

#[tokio::test]
async fn id_and_secret_travel_as_basic_where_the_type_says_so() {
    let rest = "authentication: {oauth2_client_credentials: {token_url: '{base_url}/t', client_id: '{user}', \
                client_secret: '{secret}', style: basic, parameters: {grant_type: account, account_id: '{user}', none: '{other}'}}}";
    let server = Server::answering(&["201 Created\n\n{\"access_token\": \"t\"}", "200 OK\n\n{}"]).await;
    World::new().get(&client(rest, &server), "/").await.unwrap();
    let first = &server.arrived()[0];
    assert_eq!(first.header("authorization"), "Basic aWQ6cyZjcmV0");
    assert_eq!(first.body, "grant_type=account&account_id=id");
}

#[tokio::test]
async fn a_refused_token_says_why_without_the_secret() {
    let check = async |answer: &str, retryable: bool, expected: &str| {
        let server = Server::answering(&[answer]).await;
        let error = World::new().get(&client(OAUTH, &server), "/").await.err().unwrap();
        assert_eq!((error.code, error.retryable), (ErrorCode::AuthenticationFailed, retryable));
        let message = error.message.replace(&format!(":{}", server.port), "");
        assert_eq!(message, expected);
    };
    check(
        "401 Unauthorized\n\n{\"error\": \"invalid_client\", \"error_description\": \"s&cret is wrong\"}",
        false,
        "`127.0.0.1` gave no token: status 401, invalid_client: ******** is wrong",
    )
    .await;
    check("503 Service Unavailable\n\nbusy", true, "`127.0.0.1` gave no token: status 503").await;
    check("302 Found\nlocation: http://localhost/", false, "`127.0.0.1` gave no token: status 302").await;
    check(
        "200 OK\n\n{\"error\": \"nope\"}",
        false,
        "`127.0.0.1` answered without a token at `/access_token`, nope",
    )
    .await;
}

#[tokio::test]
async fn a_token_is_not_asked_for_at_a_host_the_type_does_not_allow() {
    let rest = "authentication: {oauth2_client_credentials: {token_url: 'http://localhost/token', client_id: a, client_secret: '{secret}'}}";
    let server = Server::answering(&["200 OK\n\n{}"]).await;
    assert_eq!(failure(World::new().get(&client(rest, &server), "/").await).0, ErrorCode::HostNotAllowed);
}

fn decoded(token: &str, algorithm: Algorithm, key: &DecodingKey) -> (Option<String>, Value) {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_aud = false;
    let data = jsonwebtoken::decode::<Value>(token, key, &validation).unwrap();
    (data.header.kid, data.claims)
}

#[tokio::test]
async fn a_signed_token_is_sent_as_it_is() {
    let rsa = DecodingKey::from_rsa_pem(include_bytes!("keys/rsa.pub")).unwrap();
    let ec = DecodingKey::from_ec_pem(include_bytes!("keys/ec.pub")).unwrap();
    let shared = DecodingKey::from_secret(b"shared");
    let one_line = include_str!("keys/ec.pem").replace('\n', "\\n");
    for (algorithm, private, public) in [
        (Algorithm::RS256, include_str!("keys/rsa.pem"), rsa),
        (Algorithm::ES256, include_str!("keys/ec.pem"), ec.clone()),
        (Algorithm::ES256, one_line.as_str(), ec),
        (Algorithm::HS256, "shared", shared),
    ] {
        let rest = format!(
            "authentication: {{jwt: {{algorithm: {algorithm:?}, private_key: '{{secret}}', key_id: 'k-{{user}}', \
             claims: {{iss: '{{user}}', sub: '{{other}}'}}, lifetime_s: 600}}}}"
        );
        let server = Server::answering(&["200 OK\n\n{}"]).await;
        let credential =
            credential(&rest, &[("base_url", &server.url()), ("user", "id"), ("secret", private)]);
        World::new().get(&credential, "/").await.unwrap();
        let arrived = server.only();
        let token = arrived.header("authorization").strip_prefix("Bearer ").unwrap();
        let issued = NOW.as_millis() / 1000 - 30;
        let expected = json!({"iss": "id", "iat": issued, "exp": issued + 600});
        assert_eq!(decoded(token, algorithm, &public), (Some("k-id".to_owned()), expected), "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_signed_token_is_exchanged_as_google_wants_it() {
    let rest = "authentication: {jwt: {algorithm: RS256, private_key: '{secret.private_key}', lifetime_s: 3600, \
                claims: {iss: '{secret.client_email}', scope: '{user}', aud: x}, exchange: {token_url: /token}}}";
    let key = json!({"private_key": include_str!("keys/rsa.pem"), "client_email": "robot@x"}).to_string();
    let server = Server::answering(&["200 OK\n\n{\"access_token\": \"t\"}", "200 OK\n\n{}"]).await;
    let credential = credential(rest, &[("base_url", &server.url()), ("user", "s1 s2"), ("secret", &key)]);
    World::new().get(&credential, "/").await.unwrap();
    let arrived = server.arrived();
    let form = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    let token = arrived[0].body.strip_prefix(form).unwrap();
    let public = DecodingKey::from_rsa_pem(include_bytes!("keys/rsa.pub")).unwrap();
    assert_eq!(decoded(token, Algorithm::RS256, &public).1["scope"], "s1 s2");
    assert_eq!(arrived[1].header("authorization"), "Bearer t");
}

#[tokio::test]
async fn a_signed_token_is_exchanged_as_github_wants_it() {
    let rest = "authentication: {jwt: {algorithm: RS256, private_key: '{secret}', lifetime_s: 540, claims: {iss: '{user}'}, \
                exchange: {token_url: /app/installations/7/access_tokens, style: bearer, token: /token}}}";
    let first = "201 Created\n\n{\"token\": \"ghs_1\", \"expires_at\": \"2015-08-30T13:36:00Z\"}";
    let server = Server::answering(&[first, "200 OK\n\n{}", "200 OK\n\n{}", first, "200 OK\n\n{}"]).await;
    let secret = include_str!("keys/rsa.pem");
    let credential = credential(rest, &[("base_url", &server.url()), ("user", "42"), ("secret", secret)]);
    let world = World::new();
    for seconds in [0, 1799, 1801] {
        world.get_at(seconds, &credential, "/").await.unwrap();
    }
    let lines: Vec<String> = server.arrived().iter().map(|request| request.line.clone()).collect();
    let ask = "POST /app/installations/7/access_tokens";
    assert_eq!(lines, [ask, "GET /", "GET /", ask, "GET /"]);
    assert!(server.arrived()[0].header("authorization").starts_with("Bearer ey"));
    assert_eq!(server.arrived()[1].header("authorization"), "Bearer ghs_1");
}

#[tokio::test]
async fn a_wrong_private_key_is_told_without_it() {
    let rest = "authentication: {jwt: {algorithm: RS256, private_key: '{secret}', claims: {iss: a}, lifetime_s: 60}}";
    let credential = credential(rest, &[("base_url", "http://127.0.0.1:1"), ("secret", "hunter2")]);
    let (code, message) = failure(World::new().get(&credential, "/").await);
    assert_eq!(code, ErrorCode::ConnectionInvalid);
    assert_eq!(message, "the private key of the connection is no RS256 key in PEM");
}
