//! Callers that go away before they are answered.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::server::Server;
use super::tool::Tool;

/// Callers that hang up, each a little later than the one before.
const CALLERS: u64 = 60;
/// Microseconds by which each waits longer than the one before.
const STEP_US: u64 = 150;

#[tokio::test]
async fn a_run_whose_caller_hung_up_ends_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let tool = Tool::start(|_| Duration::ZERO);
    let server = Server::start(folder.path(), "", &[]);
    let workflow = server.api.publish(include_str!("workflows/gets.yaml")).await;
    for caller in 0..CALLERS {
        let body = json!({"input_values": {"tool": tool.url, "tag": format!("run-{caller}")}}).to_string();
        let path = format!("/playbooks/{workflow}/execute");
        let request = server.api.request(reqwest::Method::POST, &path).body(body).build().unwrap();
        let key = request.headers()["BLINK-API-KEY"].to_str().unwrap();
        let body = std::str::from_utf8(request.body().unwrap().as_bytes().unwrap()).unwrap();
        let text = format!(
            "POST {} HTTP/1.1\r\nhost: x\r\nBLINK-API-KEY: {key}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            request.url().path(),
            body.len()
        );
        let mut stream = TcpStream::connect(server.api.url.strip_prefix("http://").unwrap()).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        sleep(Duration::from_micros(STEP_US * caller)).await;
    }
    let began = Instant::now();
    loop {
        let runs = server.api.runs().await;
        let open = |run: &&Value| run["state_ui"] != "Completed";
        let open = runs.iter().filter(open).count();
        if open == 0 {
            println!("{} of {CALLERS} were accepted", runs.len());
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{open} of {} runs are stuck", runs.len());
        sleep(Duration::from_millis(100)).await;
    }
}
