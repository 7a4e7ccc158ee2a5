//! The connection test: which answers mean yes, and what a no says.

use actions::connection_types::Registry;
use actions::{ActionError, ErrorCode};

use crate::server::Server;
use crate::{World, credential, failure, of_type};

async fn verify(verification: &str, answers: &[&str]) -> (Result<(), ActionError>, Server) {
    let server = Server::answering(answers).await;
    let rest = format!("authentication: {{headers: {{X-Key: '{{secret}}'}}}}\nverification: {verification}");
    let credential = credential(&rest, &[("base_url", &server.url()), ("secret", "hunter2")]);
    (World::new().verify(&credential).await, server)
}

#[tokio::test]
async fn a_test_request_is_authenticated_like_any_other() {
    let verification = "{request: {method: POST, url: '/me?x=1', json: {query: '{ me }'}}}";
    let (result, server) = verify(verification, &["200 OK\n\n{}"]).await;
    assert_eq!(result, Ok(()));
    let arrived = server.only();
    assert_eq!((arrived.line.as_str(), arrived.header("x-key")), ("POST /me?x=1", "hunter2"));
    assert_eq!(
        (arrived.header("content-type"), arrived.body.as_str()),
        ("application/json", "{\"query\":\"{ me }\"}")
    );
}

#[tokio::test]
async fn what_the_answer_must_be_is_checked() {
    let check = async |verification: &str, answer: &str, expected: Result<(), (ErrorCode, &str)>| {
        let (result, _) = verify(verification, &[answer]).await;
        let result = result.map_err(|error| (error.code, error.message));
        assert_eq!(result, expected.map_err(|(code, message)| (code, message.to_owned())), "{answer}");
    };
    use ErrorCode::{AuthenticationFailed, HttpStatus};
    let plain = "{request: {url: /me}}";
    check(plain, "204 No Content", Ok(())).await;
    check(
        plain,
        "401 Unauthorized",
        Err((AuthenticationFailed, "`127.0.0.1` refused the credentials: status 401")),
    )
    .await;
    check(plain, "500 Oops", Err((HttpStatus, "`127.0.0.1` answered the test with status 500"))).await;
    check(
        plain,
        "302 Found\nlocation: http://localhost/",
        Err((HttpStatus, "`127.0.0.1` answered the test with status 302")),
    )
    .await;
    let slack = "{request: {url: /auth.test, must_equal: {/ok: true}}}";
    check(slack, "200 OK\n\n{\"ok\": true}", Ok(())).await;
    let no = Err((AuthenticationFailed, "`127.0.0.1` answered the test without true at `/ok`"));
    check(slack, "200 OK\n\n{\"ok\": false}", no).await;
    check(slack, "200 OK\n\n<html>", no).await;
    let graphql = "{request: {url: /, must_not_have: [/errors]}}";
    check(graphql, "200 OK\n\n{\"errors\": null}", Ok(())).await;
    let errors = Err((AuthenticationFailed, "`127.0.0.1` answered the test with `/errors`"));
    check(graphql, "200 OK\n\n{\"errors\": []}", errors).await;
    check("{request: {url: /, statuses: [400, 2xx]}}", "400 Bad Request", Ok(())).await;
}

#[tokio::test]
async fn what_the_service_said_is_kept_without_the_secret() {
    let (result, _) = verify("{request: {url: /}}", &["403 Forbidden\n\nkey hunter2 is revoked"]).await;
    let data = result.unwrap_err().data;
    assert_eq!(data, serde_json::json!({"status": 403, "body": "key ******** is revoked"}));
}

#[tokio::test]
async fn a_token_test_asks_for_a_new_token_each_time() {
    let rest = "authentication: {oauth2_client_credentials: {token_url: /t, client_id: a, client_secret: '{secret}'}}\n\
                verification: token";
    let answers = ["200 OK\n\n{\"access_token\": \"t\"}", "401 Unauthorized"];
    let server = Server::answering(&answers).await;
    let credential = credential(rest, &[("base_url", &server.url()), ("secret", "s")]);
    let world = World::new();
    assert_eq!(world.verify(&credential).await, Ok(()));
    assert_eq!(failure(world.verify(&credential).await).0, ErrorCode::AuthenticationFailed);
}

#[tokio::test]
async fn the_types_that_are_no_http_listen_to_a_greeting() {
    let check = async |name: &str, after: usize, greeting: &'static [u8], expected: Option<&str>| {
        let server = Server::greeting(after, greeting).await;
        let kind = Registry::builtin().get(name).unwrap().clone();
        let credential = of_type(kind, &[("host", "127.0.0.1"), ("port", &server.port.to_string())]);
        let result = World::new().verify(&credential).await;
        let message = result.err().map(|error| error.message.replace(&server.port.to_string(), "PORT"));
        assert_eq!(message.as_deref(), expected, "{name}");
    };
    check("smtp", 0, b"220 mail.example ESMTP\r\n", None).await;
    check("smtp", 0, b"554 go away\r\n", Some("what answers at `127.0.0.1:PORT` does not greet like SMTP"))
        .await;
    check("ssh", 0, b"Welcome\r\nSSH-2.0-OpenSSH_9.2\r\n", None).await;
    check("ssh", 0, b"HTTP/1.1 400\r\n", Some("what answers at `127.0.0.1:PORT` does not greet like SSH"))
        .await;
    check("postgresql", 8, b"S", None).await;
    check("postgresql", 8, b"E", Some("what answers at `127.0.0.1:PORT` does not greet like PostgreSQL"))
        .await;
}

#[tokio::test]
async fn a_greeting_is_not_waited_for_in_a_closed_network() {
    let kind = Registry::builtin().get("ssh").unwrap().clone();
    let credential = of_type(kind, &[("host", "169.254.169.254")]);
    assert_eq!(failure(World::new().verify(&credential).await).0, ErrorCode::AddressNotAllowed);
}

#[tokio::test]
async fn a_nictate_server_is_tested_with_its_own_key() {
    let server = Server::answering(&["200 OK\n\n{\"results\": []}"]).await;
    let kind = Registry::builtin().get("nictate").unwrap().clone();
    let credential = of_type(kind, &[("base_url", &server.url()), ("api_key", "k")]);
    assert_eq!(World::new().verify(&credential).await, Ok(()));
    let arrived = server.only();
    assert_eq!(arrived.line, "GET /api/v1/connections?q=%7B%22limit%22%3A1%7D");
    assert_eq!(arrived.header("blink-api-key"), "k");
}
