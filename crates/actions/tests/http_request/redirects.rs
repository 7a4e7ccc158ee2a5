//! Redirects: followed with care, or not at all.

use serde_json::json;

use crate::World;
use crate::server::Server;

#[tokio::test]
async fn a_redirect_is_followed_and_a_post_becomes_a_get() {
    let target = Server::answering(&["200 OK\n\narrived"]).await;
    let location = format!("302 Found\nlocation: http://b.test:{}/there", target.port);
    let server = Server::answering(&[&location]).await;
    let inputs = json!({
        "method": "POST",
        "url": format!("http://a.test:{}/", server.port),
        "headers": {"Authorization": "Bearer mine", "X-Kept": "1"},
        "body": "secret body",
    });
    assert_eq!(World::open().run(inputs).await.unwrap(), json!("arrived"));
    let arrived = target.arrived().remove(0);
    assert!(arrived.starts_with("GET /there HTTP/1.1\n"), "{arrived}");
    assert!(arrived.contains("x-kept: 1"));
    // What the step wrote for one host is not for the other.
    assert!(!arrived.contains("mine") && !arrived.contains("secret body"), "{arrived}");
}

#[tokio::test]
async fn a_permanent_redirect_keeps_method_and_body() {
    let server = Server::answering(&["308 Permanent Redirect\nlocation: /b", "200 OK\n\nok"]).await;
    let inputs = json!({"method": "PUT", "url": format!("http://a.test:{}/a", server.port), "body": "x"});
    World::open().run(inputs).await.unwrap();
    let arrived = server.arrived().remove(1);
    assert!(arrived.starts_with("PUT /b HTTP/1.1\n") && arrived.ends_with("\n\nx"), "{arrived}");
}

#[tokio::test]
async fn redirects_end_after_ten() {
    let server = Server::answering(&["302 Found\nlocation: /again"]).await;
    let failure = World::open().failure(json!({"url": format!("http://a.test:{}/", server.port)})).await;
    let expected =
        format!("too_many_redirects: host `a.test:{}` redirects again after 10 redirects", server.port);
    assert_eq!(failure, expected);
    assert_eq!(server.arrived().len(), 11);
}

#[tokio::test]
async fn a_redirect_that_is_not_followed_is_the_answer() {
    let server = Server::answering(&["302 Found\nlocation: http://169.254.169.254/"]).await;
    let world = World { full: true, ..World::open() };
    let inputs = json!({"url": format!("http://a.test:{}/", server.port), "follow_redirects": false});
    let output = world.run(inputs).await.unwrap();
    assert_eq!(output["status"], 302);
    assert_eq!(output["headers"]["location"], "http://169.254.169.254/");
}

#[tokio::test]
async fn a_redirect_to_a_closed_address_is_refused() {
    let check = async |location: &str, expected: &str| {
        let server = Server::answering(&[&format!("302 Found\nlocation: {location}")]).await;
        let world = World::open();
        world.names.tell("metadata.test", "169.254.169.254");
        let failure = world.failure(json!({"url": format!("http://a.test:{}/", server.port)})).await;
        assert_eq!(failure.replace(&server.port.to_string(), "PORT"), expected);
    };
    let closed = "is closed to workflows (cloud metadata address); open it with `http.allowed_networks`";
    let literal = format!("address_not_allowed: 169.254.169.254 {closed}");
    check("http://169.254.169.254/latest/meta-data", &literal).await;
    check("http://0xa9fea9fe/", &literal).await;
    let named = "address_not_allowed: host `metadata.test` resolves to 169.254.169.254, which";
    check("http://metadata.test/", &format!("{named} {closed}")).await;
    let file = "redirect_refused: host `a.test:PORT` redirects to an address that is not HTTP: `file:`";
    check("file:///etc/passwd", file).await;
    let user = "url_invalid: the URL holds a user or password; put it into a connection";
    check("http://user:pass@b.test/", user).await;
}
