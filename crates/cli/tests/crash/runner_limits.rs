//! What is too much for the link of a runner: it fails the step that it belongs to, or ends the runner that it is said
//! of, by name; the link goes on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use super::remote::{Remote, SETTINGS, connected, execute, in_state, make_group};
use super::server::Server;

const MIB: usize = 1024 * 1024;

/// A tool that answers with as many MiB as the path says, of a character that takes six in JSON.
fn generous_tool() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(stream.unwrap()));
        }
    });
    url
}

fn answer(stream: TcpStream) {
    let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    lines.find(String::is_empty);
    let count: usize = first.split(['/', ' ']).nth(2).unwrap().parse().unwrap();
    let body = vec![1; count * MIB];
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    // A caller may go away in the middle of it.
    let _ = (&stream).write_all(&[head.as_bytes(), &body].concat());
}

#[tokio::test]
async fn inputs_and_outputs_that_no_message_holds_fail_their_steps_and_not_the_link() {
    let folder = tempfile::tempdir().unwrap();
    // So much takes its time where nothing is optimised.
    let server = Server::start(folder.path(), "", &[("NICTATE_SERVER_RUNNER_HEARTBEAT_MS", "10000")]);
    let (_, token) = make_group(&server.api, "dmz").await;
    let runner = Remote::start(folder.path(), &server.api.url, &token, &[]);
    connected(&server.api, 1).await;
    let step = |id: &str, path: &str, more: &str| {
        format!(
            "      - id: {id}\n        action: http.requestV2\n        continue_on_error: true\n        {more}\n        \
             inputs: {{method: PUT, url: '{{{{ inputs.tool }}}}/{path}'"
        )
    };
    // 18 MiB as JSON are kept as an output; four of it are more than a message holds.
    let document = format!(
        "name: large\nrunner: dmz\ninputs: {{tool: {{type: text}}, tag: {{type: text}}}}\nworkflow:\n  - section: Steps\n    \
         steps:\n{}}}\n{}, body: '{}'}}\n{}}}\n{}}}\n",
        step("S1", "3", "custom_runner_group_name: embedded"),
        step("S2", "0", ""),
        "{{ steps.S1.output }}".repeat(4),
        step("S3", "11", ""),
        step("S4", "0", ""),
    );
    let workflow = server.api.publish(&document).await;
    let run = execute(&server.api, &workflow, &generous_tool(), "a").await;
    in_state(&server.api, &run, &["Completed", "Failed", "Paused"]).await;
    let q = json!({"select": ["step_id", "state", "error_data"]}).to_string();
    let request = server.api.request(reqwest::Method::GET, &format!("/executions/{run}/steps"));
    let (_, _, steps) = server.api.answer(request.query(&[("q", q)])).await;
    let told = |index: usize, member: &str| -> String {
        let told = &steps["results"][index]["error_data"][member];
        told.as_str().unwrap_or_default().to_owned()
    };
    let states: Vec<&Value> = steps["results"].as_array().unwrap().iter().map(|row| &row["state"]).collect();
    assert_eq!(states, ["OK", "Failed", "Failed", "OK"], "{steps:#}");
    assert_eq!(
        (told(1, "code"), told(2, "code")),
        ("invalid_input".to_owned(), "output_too_large".to_owned())
    );
    for index in [1, 2] {
        assert!(told(index, "message").contains("67108864 bytes"), "{steps:#}");
    }
    assert!(!runner.said().contains("the connection was cut"), "{}", runner.said());
    assert_eq!(server.errors(), "");
}

#[tokio::test]
async fn a_runner_that_says_too_much_of_itself_ends_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), "", SETTINGS);
    let (_, token) = make_group(&server.api, "dmz").await;
    let long = "x".repeat(256);
    let many = ["--label", "x"].repeat(65);
    for more in [vec!["--label", &long], vec!["--name", &long], many] {
        let mut runner = Remote::start(folder.path(), &server.api.url, &token, &more);
        assert_eq!(runner.ended().await, Some(6), "{}", runner.said());
        assert!(runner.said().contains("at most 255 characters, of at most 64 labels"), "{}", runner.said());
    }
    for capacity in ["0", "4097"] {
        let mut runner = Remote::start(folder.path(), &server.api.url, &token, &["--capacity", capacity]);
        assert_eq!(runner.ended().await, Some(2), "{}", runner.said());
        assert!(runner.said().contains(&format!("{capacity} is not in 1..=4096")), "{}", runner.said());
    }
    assert_eq!(server.api.get("/runners").await["total"], 0);
}
