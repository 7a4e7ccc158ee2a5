//! Time and bytes are bounded, and the bound is met.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::World;
use crate::server::{Answer, Server};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

#[tokio::test]
async fn a_body_that_is_too_long_is_not_read_to_its_end() {
    let announced = Answer::Stall("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n");
    for answer in [announced, Answer::Endless(CHUNKED)] {
        let server = Server::start(vec![answer], None).await;
        let url = format!("http://a.test:{}/", server.port);
        let failure = World::open().failure(json!({"url": url, "max_response_bytes": 1000})).await;
        let expected =
            format!("response_too_large: the response of `a.test:{}` is larger than 1000 bytes", server.port);
        assert_eq!(failure, expected);
    }
}

#[tokio::test]
async fn a_body_of_just_the_limit_is_read() {
    let server = Server::answering(&["200 OK\n\n0123456789"]).await;
    let inputs = json!({"url": format!("http://a.test:{}/", server.port), "max_response_bytes": 10});
    assert_eq!(World::open().run(inputs).await.unwrap(), json!("0123456789"));
}

#[tokio::test]
async fn the_limit_counts_decompressed_bytes() {
    // 200,000 zero bytes in 229: a small bomb.
    let mut zipped =
        vec![0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0x02, 0xff, 0xed, 0xc1, 0x31, 0x01, 0, 0, 0, 0xc2, 0xa0];
    zipped.extend([0xf5, 0x4f, 0x6d, 0x06, 0x7f, 0xa0]);
    zipped.resize(229 - 11, 0);
    zipped.extend([0x80, 0xd7, 0, 0x7b, 0x58, 0xe0, 0x5c, 0x40, 0x0d, 0x03, 0]);
    let head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 229\r\n\r\n";
    let server = Server::start(vec![Answer::Bytes([head.as_bytes(), &zipped].concat())], None).await;
    let url = format!("http://a.test:{}/", server.port);
    let output = World::open().run(json!({"url": url})).await.unwrap();
    assert_eq!(output.as_str().unwrap().len(), 200_000);
    let failure = World::open().failure(json!({"url": url, "max_response_bytes": 100_000})).await;
    assert!(failure.starts_with("response_too_large"), "{failure}");
}

#[tokio::test]
async fn a_silent_server_is_given_up_in_time() {
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel"] {
        let server = Server::start(vec![Answer::Stall(answer)], None).await;
        let url = format!("http://a.test:{}/", server.port);
        let started = Instant::now();
        let error = World::open().run(json!({"url": url, "timeout": 0.2})).await.unwrap_err();
        assert_eq!(error.message, format!("no complete answer from `a.test:{}` within 0.2 s", server.port));
        assert!(error.retryable && error.code.as_str() == "timeout");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn the_step_s_own_time_is_the_upper_bound() {
    let server = Server::start(vec![Answer::Endless(CHUNKED)], None).await;
    let world = World { timeout: Duration::from_millis(1), ..World::open() };
    let failure =
        world.failure(json!({"url": format!("http://a.test:{}/", server.port), "timeout": 60})).await;
    assert!(failure.starts_with("timeout: "), "{failure}");
}

#[tokio::test]
async fn a_broken_or_closed_connection_is_told_without_the_query() {
    let server =
        Server::start(vec![Answer::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx".to_vec())], None)
            .await;
    let failure =
        World::open().failure(json!({"url": format!("http://a.test:{}/?key=hunter2", server.port)})).await;
    assert!(failure.starts_with("response_invalid: the response of `a.test:"), "{failure}");
    assert!(!failure.contains("hunter2"));

    let server = Server::start(vec![Answer::Bytes(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec())], None).await;
    let failure =
        World::open().failure(json!({"url": format!("http://a.test:{}/?key=hunter2", server.port)})).await;
    assert!(failure.starts_with("request_failed: the request to `a.test:"), "{failure}");
    assert!(!failure.contains("hunter2"), "{failure}");

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let failure = World::open().failure(json!({"url": format!("http://a.test:{free}/?key=hunter2")})).await;
    assert!(failure.starts_with("connect_failed: no connection to `a.test:"), "{failure}");
    assert!(!failure.contains("hunter2"));
}
