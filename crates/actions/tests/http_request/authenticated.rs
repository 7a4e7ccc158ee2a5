//! Requests that carry a connection's credentials, and the places where they must not go.

use serde_json::json;

use crate::World;
use crate::server::Server;

const TOKEN: &str = "hunter2-token";

fn bearer(base_url: &str) -> World {
    World::open().connected("http_bearer", &[("base_url", base_url), ("token", TOKEN)])
}

#[tokio::test]
async fn a_relative_address_starts_at_the_connection_s_base() {
    let server = Server::answering(&["200 OK"]).await;
    let world = bearer(&format!("http://a.test:{}/api/v1", server.port));
    world.run(json!({"url": "/users", "query": {"id": 7}})).await.unwrap();
    let arrived = server.arrived().remove(0);
    assert!(arrived.starts_with("GET /api/v1/users?id=7 HTTP/1.1\n"), "{arrived}");
    assert!(arrived.contains(&format!("authorization: Bearer {TOKEN}\n")), "{arrived}");
    assert_eq!(*world.heard.secret_uses.lock().unwrap(), [format!("a.test:{}", server.port)]);
}

#[tokio::test]
async fn credentials_go_to_no_other_host() {
    let other = Server::answering(&["200 OK"]).await;
    let server = Server::answering(&[&format!("302 Found\nlocation: http://b.test:{}/", other.port)]).await;
    let world = bearer(&format!("http://a.test:{}", server.port));
    let refused = "host_not_allowed: the connection may not be used for host `b.test`";
    assert_eq!(world.failure(json!({"url": format!("http://b.test:{}/", other.port)})).await, refused);
    assert_eq!(world.failure(json!({"url": "/"})).await, refused);
    assert!(other.arrived().is_empty());
    assert_eq!(server.arrived().len(), 1);
}

#[tokio::test]
async fn a_redirect_within_the_host_is_authenticated_anew() {
    let server = Server::answering(&["302 Found\nlocation: /b", "200 OK"]).await;
    let world = bearer(&format!("http://a.test:{}", server.port));
    world.run(json!({"url": "/a"})).await.unwrap();
    assert!(server.arrived().iter().all(|request| request.contains(TOKEN)));
    assert_eq!(world.heard.secret_uses.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn one_request_has_one_connection() {
    let world = bearer("http://a.test").connected("http_none", &[]);
    let failure = world.failure(json!({"url": "/"})).await;
    assert!(failure.starts_with("invalid_input: a request is authenticated by one connection"), "{failure}");
}

#[tokio::test]
async fn a_token_that_was_voided_is_fetched_anew_once() {
    let tokens = Server::answering(&[
        "200 OK\n\n{\"access_token\": \"old-token\", \"expires_in\": 3600}",
        "200 OK\n\n{\"access_token\": \"new-token\", \"expires_in\": 3600}",
    ])
    .await;
    let server = Server::answering(&["200 OK", "401 Unauthorized", "200 OK", "401 Unauthorized"]).await;
    let base_url = format!("http://a.test:{}", server.port);
    let token_url = format!("http://a.test:{}/token", tokens.port);
    let world = World::open().connected(
        "http_oauth2_client_credentials",
        &[("base_url", &base_url), ("token_url", &token_url), ("client_id", "id"), ("client_secret", TOKEN)],
    );
    let request = json!({"method": "POST", "url": "/"});
    world.run(request.clone()).await.unwrap();
    world.run(request.clone()).await.unwrap();
    let carried: Vec<bool> =
        server.arrived().iter().map(|request| request.contains("Bearer old-token")).collect();
    assert_eq!(carried, [true, true, false]);
    assert!(server.arrived()[2].contains("Bearer new-token"));
    // Refused again with a new token: then it is the answer.
    assert!(world.failure(request).await.starts_with("http_status"));
    assert_eq!(server.arrived().len(), 5);
    assert_eq!(tokens.arrived().len(), 3);
}
