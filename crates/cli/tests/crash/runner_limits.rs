//! What is too much for the link of a runner: it fails the step that it belongs to, or ends the runner that it is said
//! of, by name; the link goes on.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::remote::{Remote, SETTINGS, connected, execute, make_group, way_to};
use super::server::{Api, Server};

const MIB: usize = 1024 * 1024;
/// For a run with so much in it to end.
const PATIENCE: Duration = Duration::from_secs(60);

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
    let mut reader = BufReader::new(&stream);
    let head: Vec<String> =
        reader.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
    let first = &head[0];
    // A connection that is closed with something unread in it is reset, and the caller may never see the answer.
    let length =
        head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    std::io::copy(&mut reader.take(length.unwrap_or(0)), &mut std::io::sink()).unwrap();
    let count: usize = first.split(['/', ' ']).nth(2).unwrap().parse().unwrap();
    let body = vec![1; count * MIB];
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    // A caller may go away in the middle of it.
    let _ = (&stream).write_all(&[head.as_bytes(), &body].concat());
}

/// What became of the steps of a run with a remote runner, whose link must not have been cut: state, code, message.
async fn outcomes(steps: &str) -> Vec<[String; 3]> {
    let folder = tempfile::tempdir().unwrap();
    // So much takes its time where nothing is optimised.
    let server = Server::start(folder.path(), "", &[("NICTATE_SERVER_RUNNER_HEARTBEAT_MS", "10000")]);
    let (_, token) = make_group(&server.api, "dmz").await;
    let runner = Remote::start(folder.path(), &server.api.url, &token, &[]);
    connected(&server.api, 1).await;
    let document = format!(
        "name: large\nrunner: dmz\ninputs: {{tool: {{type: text}}, tag: {{type: text}}}}\nworkflow:\n  - section: Steps\n    \
         steps:\n{steps}"
    );
    let workflow = server.api.publish(&document).await;
    let run = execute(&server.api, &workflow, &generous_tool(), "a").await;
    ended(&server.api).await;
    let q = json!({"select": ["state", "error_data"]}).to_string();
    let request = server.api.request(reqwest::Method::GET, &format!("/executions/{run}/steps"));
    let (_, _, steps) = server.api.answer(request.query(&[("q", q)])).await;
    assert!(!runner.said().contains("the connection was cut"), "{}", runner.said());
    assert_eq!(server.errors(), "");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = steps["results"].as_array().unwrap().iter();
    rows.map(|row| [&row["state"], &row["error_data"]["code"], &row["error_data"]["message"]].map(text))
        .collect()
}

/// Waits for the end of the only run; how it ended. By the list: that does not read the journal.
async fn ended(api: &Api) -> String {
    let began = Instant::now();
    loop {
        let runs = api.runs().await;
        let state = runs[0]["state"].as_str().unwrap();
        if ["Completed", "Failed", "Paused"].contains(&state) {
            return state.to_owned();
        }
        assert!(began.elapsed() < PATIENCE, "{runs:#?}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A step that asks for so many MiB; `more` goes into its inputs.
fn step(id: &str, mib: usize, group: &str, more: &str) -> String {
    format!(
        "      - id: {id}\n        action: http.requestV2\n        continue_on_error: true\n        \
         custom_runner_group_name: {group}\n        inputs: {{method: PUT, url: '{{{{ inputs.tool }}}}/{mib}'{more}}}\n"
    )
}

#[tokio::test]
async fn an_output_that_no_message_holds_fails_its_step_and_not_the_link() {
    let steps = outcomes(&(step("S1", 11, "dmz", "") + &step("S2", 0, "dmz", ""))).await;
    assert_eq!(
        (&steps[0][..2], &steps[1][0]),
        (&["Failed", "output_too_large"].map(String::from)[..], &"OK".into())
    );
    assert!(steps[0][2].contains("67108864 bytes"), "{steps:?}");
}

#[tokio::test]
async fn inputs_that_no_message_holds_fail_their_step_and_not_the_link() {
    // 18 MiB as JSON are kept as an output; four of it are more than a message holds.
    let body = format!(", body: '{}'", "{{ steps.S1.output }}".repeat(4));
    let steps = step("S1", 3, "embedded", "") + &step("S2", 0, "dmz", &body) + &step("S3", 0, "dmz", "");
    let steps = outcomes(&steps).await;
    assert_eq!((&steps[0][0], &steps[2][0]), (&"OK".to_owned(), &"OK".to_owned()), "{steps:?}");
    assert_eq!(steps[1][..2], ["Failed", "invalid_input"].map(String::from));
    assert!(steps[1][2].contains("67108864 bytes"), "{steps:?}");
}

/// The silence that ends a link in the test below is `MISSED_MAX` of these. Where nothing is optimised and others are at
/// work, reading such a message alone takes seconds.
const SLOW_HEARTBEAT_MS: &str = "2500";
/// So that the message is on its way for longer than that silence. Bytes per second.
const SLOW_LINK: usize = 640 * 1024;

#[tokio::test]
async fn a_message_that_is_on_its_way_for_longer_than_a_silence_may_be_is_no_silence() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        Server::start(folder.path(), "", &[("NICTATE_SERVER_RUNNER_HEARTBEAT_MS", SLOW_HEARTBEAT_MS)]);
    let (_, token) = make_group(&server.api, "dmz").await;
    let (proxy, url) = way_to(&server.api);
    let runner = Remote::start(folder.path(), &url, &token, &[]);
    connected(&server.api, 1).await;
    // 6 MiB as JSON, first from the runner, then to it.
    let document = "name: slow\nrunner: dmz\ninputs: {tool: {type: text}, tag: {type: text}}\nworkflow:\n  - section: Steps\n    \
        steps:\n      - {id: S1, action: http.requestV2, inputs: {url: '{{ inputs.tool }}/1'}}\n      \
        - {id: S2, action: http.requestV2, inputs: {method: POST, url: '{{ inputs.tool }}/0', body: '{{ steps.S1.output }}'}}\n";
    let workflow = server.api.publish(document).await;
    proxy.slow_down(SLOW_LINK);
    let began = Instant::now();
    let run = execute(&server.api, &workflow, &generous_tool(), "a").await;
    let state = ended(&server.api).await;
    let steps = server.api.get(&format!("/executions/{run}/steps")).await;
    let errors: Vec<&Value> =
        steps["results"].as_array().unwrap().iter().map(|step| &step["error_data"]).collect();
    assert_eq!(state, "Completed", "{errors:?}\n{}", runner.said());
    assert!(began.elapsed() > Duration::from_secs(16), "{:?}", began.elapsed());
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
