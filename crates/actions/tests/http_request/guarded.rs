//! The guard: closed by default, and no way around it.

use actions::guard::NetworkPolicy;
use serde_json::json;

use crate::World;
use crate::server::Server;

/// The failure under the default policy of a request that would reach `server`.
async fn check(world: &World, url: &str, expected: &str) {
    assert_eq!(world.failure(json!({"url": url})).await, expected, "{url}");
}

#[tokio::test]
async fn this_machine_is_closed_in_every_spelling() {
    let server = Server::answering(&["200 OK"]).await;
    let port = server.port;
    let world = World::under(NetworkPolicy::default());
    let closed = "is closed to workflows (loopback address); open it with `http.allow_private` or `http.allowed_networks`";
    for host in ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "１２７.0.0.1"] {
        check(&world, &format!("http://{host}:{port}/"), &format!("address_not_allowed: 127.0.0.1 {closed}"))
            .await;
    }
    let mapped = format!("address_not_allowed: ::ffff:127.0.0.1 {closed}");
    check(&world, &format!("http://[::ffff:127.0.0.1]:{port}/"), &mapped).await;
    check(&world, &format!("http://[::1]:{port}/"), &format!("address_not_allowed: ::1 {closed}")).await;
    let named = format!("address_not_allowed: host `a.test:{port}` resolves to 127.0.0.1, which {closed}");
    check(&world, &format!("http://a.test:{port}/"), &named).await;
    let unspecified = "address_not_allowed: 0.0.0.0 is closed to workflows (unspecified address); open it with `http.allowed_networks`";
    check(&world, &format!("http://0:{port}/"), unspecified).await;
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn one_closed_address_closes_the_name() {
    let world = World::under(NetworkPolicy::default());
    world.names.tell("mixed.test", "93.184.215.14 10.0.0.1");
    let failure = world.failure(json!({"url": "http://mixed.test/"})).await;
    assert!(
        failure.starts_with("address_not_allowed: host `mixed.test` resolves to 10.0.0.1, which"),
        "{failure}"
    );
}

#[tokio::test]
async fn the_judged_address_is_the_one_connected_to() {
    let server = Server::answering(&["200 OK\n\nhello"]).await;
    let allowed_networks = vec!["127.0.0.1/32".parse().unwrap()];
    let world = World::under(NetworkPolicy { allowed_networks, ..NetworkPolicy::default() });
    // Rebinding: the next answer would be another address.
    world.names.tell("a.test", "127.0.0.1");
    world.names.tell("a.test", "169.254.169.254");
    let url = format!("http://a.test:{}/", server.port);
    assert_eq!(world.run(json!({"url": url})).await.unwrap(), json!("hello"));
    assert_eq!(*world.names.asked.lock().unwrap(), ["a.test"], "asked once for one connection");
    let failure = world.failure(json!({"url": url})).await;
    assert!(failure.contains("resolves to 169.254.169.254"), "{failure}");
}

#[tokio::test]
async fn another_policy_does_not_share_connections() {
    let server = Server::answering(&["200 OK"]).await;
    let url = format!("http://a.test:{}/", server.port);
    let mut world = World::open();
    world.run(json!({"url": url})).await.unwrap();
    world.http = world.http.under(NetworkPolicy::default());
    assert!(world.failure(json!({"url": url})).await.starts_with("address_not_allowed"));
}

#[tokio::test]
async fn only_http_without_a_user_is_requested() {
    let world = World::open();
    check(&world, "ftp://a.test/", "url_invalid: scheme `ftp` is not `http` or `https`").await;
    check(&world, "file:///etc/passwd", "url_invalid: scheme `file` is not `http` or `https`").await;
    let user = "url_invalid: the URL holds a user or password; put it into a connection";
    check(&world, "http://user@a.test/", user).await;
    check(&world, "http://:pass@a.test/", user).await;
    let relative = "url_invalid: `/users` is not an absolute URL; write `https://` and the host in front, or give the \
                    step a connection that has a base URL";
    check(&world, "/users?key=1", relative).await;
}

#[tokio::test]
async fn a_name_without_an_address_is_told() {
    let world = World::open();
    world.names.tell("nowhere.test", "");
    let expected = "dns_failed: host `nowhere.test` could not be resolved to an address";
    check(&world, "http://nowhere.test/?key=secret", expected).await;
}
