//! What is sent and what comes back.

use serde_json::json;

use crate::World;
use crate::server::{Answer, Server, answer};

#[tokio::test]
async fn a_request_arrives_as_it_was_written() {
    let server = Server::answering(&["200 OK\ncontent-type: application/json\n\n{\"id\": 7}"]).await;
    let inputs = json!({
        "method": "post",
        "url": format!("http://a.test:{}/x?first=1#part", server.port),
        "query": {"q": "a b&c", "n": [1, 2]},
        "headers": {"X-Mine": "yes"},
        "body": {"user": "alice"},
        "idempotency_key_header": "Idempotency-Key",
        "wat": 1,
    });
    let world = World::open();
    assert_eq!(world.run(inputs).await.unwrap(), json!({"id": 7}));
    assert_eq!(
        *world.heard.lines.lock().unwrap(),
        ["input `wat` is unknown to `http.requestV2` and was ignored"]
    );
    let arrived = server.arrived().remove(0);
    let (head, body) = arrived.split_once("\n\n").unwrap();
    let mut lines: Vec<&str> = head.lines().collect();
    lines[1..].sort_unstable();
    assert_eq!(lines[0], "POST /x?first=1&q=a+b%26c&n=1&n=2 HTTP/1.1");
    let host = format!("host: a.test:{}", server.port);
    let expected = [
        "accept-encoding: gzip",
        "accept: */*",
        "content-length: 16",
        "content-type: application/json",
        host.as_str(),
        "idempotency-key: run-1/S1",
        concat!("user-agent: nictate/", env!("CARGO_PKG_VERSION")),
        "x-mine: yes",
    ];
    assert_eq!(lines[1..], expected);
    assert_eq!(body, r#"{"user":"alice"}"#);
}

#[tokio::test]
async fn no_idempotency_key_is_sent_unasked() {
    let server = Server::answering(&["204 No Content"]).await;
    let inputs = json!({"method": "POST", "url": format!("http://a.test:{}/", server.port)});
    assert_eq!(World::open().run(inputs).await.unwrap(), json!(""));
    assert!(!server.arrived()[0].contains("run-1"));
}

#[tokio::test]
async fn the_full_response_is_given_when_asked_for() {
    let server = Server::answering(&["201 Created\nx-mine: 1\ncontent-type: text/plain\n\nhello"]).await;
    let url = format!("http://a.test:{}/", server.port);
    let output = World { full: true, ..World::open() }.run(json!({"url": url})).await.unwrap();
    assert_eq!(output["status"], 201);
    assert_eq!(output["headers"]["x-mine"], "1");
    assert_eq!(output["body"], "hello");
    assert_eq!(output["url"], url);
    assert!(output["duration_ms"].is_u64());
}

#[tokio::test]
async fn an_error_status_fails_the_step_unless_it_is_asked_for() {
    let server =
        Server::answering(&["404 Not Found\ncontent-type: application/json\n\n{\"why\": \"gone\"}"]).await;
    let url = format!("http://a.test:{}/x", server.port);
    let error = World::open().run(json!({"url": url})).await.unwrap_err();
    assert_eq!(error.code.as_str(), "http_status");
    assert_eq!(error.message, r#"host `a.test` answered with status 404 Not Found: {"why": "gone"}"#);
    assert_eq!(error.data["status"], 404);
    assert_eq!(error.data["body"], json!({"why": "gone"}));
    let inputs = json!({"url": url, "fail_on_error": false});
    assert_eq!(World::open().run(inputs).await.unwrap(), json!({"why": "gone"}));
}

#[tokio::test]
async fn a_compressed_body_is_decompressed() {
    // {"hello": "gzip"}
    let zipped: &[u8] = &[
        0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0x02, 0xff, 0xab, 0x56, 0xca, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xb2,
        0x52, 0x50, 0x4a, 0xaf, 0xca, 0x2c, 0x50, 0xaa, 0x05, 0x00, 0x8e, 0xb2, 0x13, 0x1b, 0x11, 0, 0, 0,
    ];
    let Answer::Bytes(mut bytes) = answer("200 OK\ncontent-encoding: gzip\ncontent-type: application/json")
    else {
        unreachable!()
    };
    let head = String::from_utf8(bytes)
        .unwrap()
        .replace("content-length: 0", &format!("content-length: {}", zipped.len()));
    bytes = [head.as_bytes(), zipped].concat();
    let server = Server::start(vec![Answer::Bytes(bytes)], None).await;
    let inputs = json!({"url": format!("http://a.test:{}/", server.port)});
    assert_eq!(World::open().run(inputs).await.unwrap(), json!({"hello": "gzip"}));
}

#[tokio::test]
async fn binary_comes_back_as_it_can_be_sent_again() {
    let png = Answer::Bytes(
        b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 2\r\n\r\n\xff\xfe".to_vec(),
    );
    let server = Server::start(vec![png, answer("204 No Content")], None).await;
    let url = format!("http://a.test:{}/", server.port);
    let world = World::open();
    let output = world.run(json!({"url": url})).await.unwrap();
    assert_eq!(output, json!({"encoding": "base64", "content_type": "image/png", "data": "//4="}));
    world.run(json!({"method": "PUT", "url": url, "body": output})).await.unwrap();
    let sent = server.arrived().remove(1);
    assert!(sent.contains("content-type: image/png\n") && sent.contains("content-length: 2\n"), "{sent}");
}
