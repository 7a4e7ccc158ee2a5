//! Whatever a caller sends, the answer is a clear error by contract, nothing is written, and the server serves on.

use std::time::Duration;

use reqwest::{Body, Method};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use types::Role;

use crate::executions::workflow;
use crate::support::{KEY, NOBODY, Nictate, PATIENCE, Reply, WORKSPACE, on_both, on_both_with, text};

/// Every route that takes a body, with an id that exists where one is needed.
struct Targets {
    connection: String,
    workflow: String,
    record: String,
    agent: String,
    app: String,
}

impl Targets {
    async fn store(nictate: &Nictate) -> Self {
        let connection = nictate.connect("edge", "one").await;
        let document = workflow("- id: S1\n  action: internal.print\n  inputs: {text: x}", "{{ 1 }}");
        let table = json!({"display_name": "Findings", "options": ["with_default_fields"]});
        nictate.post("/table", table).await.ok();
        let record = nictate.post("/table/findings", json!({"name": "x"})).await.ok();
        let pack = nictate.post("/agent_packs", json!({"name": "Home"})).await.ok();
        let agent = nictate.post("/agents", json!({"pack_id": pack["id"], "name": "a"})).await.ok();
        let app = nictate.post("/apps", json!({"display_name": "Overview"})).await.ok();
        Self {
            agent: text(&agent, "id"),
            app: text(&app["app"], "id"),
            connection: text(&connection, "id"),
            workflow: nictate.publish("prints", &document).await,
            record: record.as_str().unwrap().to_owned(),
        }
    }

    fn paths(&self) -> Vec<(Method, String)> {
        let Self { connection, workflow, record, agent, app } = self;
        let mut paths: Vec<(Method, String)> = [
            "/connections".to_owned(),
            "/connections/test".to_owned(),
            format!("/connections/{connection}"),
            "/playbooks".to_owned(),
            "/playbooks/ui".to_owned(),
            format!("/playbooks/{workflow}/draft"),
            format!("/playbooks/{workflow}/public"),
            format!("/playbooks/{workflow}/execute"),
            format!("/playbooks/{workflow}/draft/execute"),
            "/table".to_owned(),
            "/table/findings".to_owned(),
            "/table/findings/fields".to_owned(),
            "/table/findings/records".to_owned(),
            "/table/findings/records/upsert".to_owned(),
            "/table/findings/records/delete".to_owned(),
            "/api/v1/apikey".to_owned(),
            "/api/v1/user/totp/confirm".to_owned(),
            "/automation_packs".to_owned(),
            "/automations".to_owned(),
            format!("/playbooks/{workflow}/start"),
            "/agent_packs".to_owned(),
            "/agents".to_owned(),
            format!("/agents/{agent}/draft"),
            format!("/agents/{agent}/publish"),
            "/apps".to_owned(),
            format!("/apps/{app}/resources"),
        ]
        .map(|path| (Method::POST, path))
        .into();
        paths.push((Method::PUT, format!("/playbooks/{workflow}")));
        paths.push((Method::PUT, format!("/table/findings/{record}")));
        paths.push((Method::PUT, "/table/findings/records".to_owned()));
        paths.push((Method::PUT, "/api/v1/user/password".to_owned()));
        paths
    }
}

async fn send(nictate: &Nictate, method: &Method, path: &str, body: impl Into<Body>) -> Reply {
    let request = nictate.request(method.clone(), path).header("content-type", "application/json");
    Reply::of(request.body(body)).await
}

/// Runs `attack`, then makes sure that it left nothing behind.
async fn unharmed(nictate: &Nictate, attack: impl AsyncFnOnce()) {
    let before = nictate.row_counts().await;
    attack().await;
    assert_eq!(nictate.row_counts().await, before, "connections, workflows, executions, audit entries");
    assert_eq!(nictate.get("/api/v1/api/readiness").await.status, 200);
    nictate.get("/connections").await.ok();
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused_on_every_route() {
    on_both(async |nictate| {
        let targets = Targets::store(nictate).await;
        let mut bodies: Vec<(&str, Vec<u8>)> = [
            ("half an object", &b"{\"name\": "[..]),
            ("words", b"name: x"),
            ("a number", b"7"),
            ("a list", b"[]"),
            ("nothing", b"null"),
            ("white space", b"  \n"),
            ("two objects", b"{} {}"),
            ("invalid UTF-8", b"{\"name\": \"\xff\xfe\", \"playbook\": \"\xc3\x28\"}"),
            ("UTF-16", b"\xff\xfe{\0}\0"),
            ("zeros", &[0; 64]),
        ]
        .map(|(what, body)| (what, body.to_vec()))
        .into();
        let deep =
            [b"{\"attributes\": ".to_vec(), b"[".repeat(10_000), b"]".repeat(10_000), b"}".to_vec()].concat();
        bodies.push(("10,000 levels", deep));
        bodies.push(("10,000 levels without an end", b"{\"a\":".repeat(10_000)));
        unharmed(nictate, async || {
            for (method, path) in targets.paths() {
                for (what, body) in &bodies {
                    let reply = send(nictate, &method, &path, body.clone()).await;
                    assert_eq!(reply.status, 400, "{what} to {path}: {}", reply.text);
                    reply.error(400, "body_invalid");
                }
            }
            let half_a_pair = &b"{\"name\": \"\\ud800\"}"[..];
            send(nictate, &Method::POST, "/connections", half_a_pair).await.error(400, "body_invalid");
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_document_made_to_hurt_is_refused() {
    on_both(async |nictate| {
        let targets = Targets::store(nictate).await;
        let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (level, above) in "bcdefghij".chars().zip("abcdefghi".chars()) {
            let aliases = vec![format!("*{above}"); 10].join(", ");
            bomb += &format!("{level}: &{level} [{aliases}]\n");
        }
        let steps = "      - {id: S, action: internal.print}\n".repeat(6_000);
        let documents = [
            ("a bomb", bomb.clone()),
            ("a bomb in a step", format!("workflow:\n- section: Steps\n  steps: []\n{bomb}inputs: *j\n")),
            ("a document that holds itself", "workflow: &w [*w]\n".to_owned()),
            ("10,000 lists", "[".repeat(10_000)),
            ("10,000 maps", "{a: ".repeat(10_000)),
            (
                "10,000 levels by indentation",
                (0..10_000).map(|level| " ".repeat(level % 300) + "- \n").collect(),
            ),
            ("10,000 anchors", (0..10_000).map(|number| format!("&a{number} ")).collect()),
            ("too many bytes", format!("# {}", "x".repeat(5 * 1024 * 1024))),
            ("too many steps", format!("workflow:\n  - section: Steps\n    steps:\n{steps}")),
            ("control characters", "workflow: \u{1}\u{2}\u{3}".to_owned()),
            ("a tag", "!!python/object/apply:os.system ['true']".to_owned()),
            (
                "deep parentheses",
                workflow(
                    &format!(
                        "- id: S1\n  action: internal.print\n  inputs: {{text: '{{{{ {}1 }}}}'}}",
                        "(".repeat(10_000)
                    ),
                    "{{ 1 }}",
                ),
            ),
        ];
        unharmed(nictate, async || {
            for (what, document) in documents {
                for path in ["/playbooks".to_owned(), format!("/playbooks/{}/public", targets.workflow)] {
                    let reply = nictate.post(&path, json!({"name": "bad", "playbook": document})).await;
                    assert_eq!(reply.status, 400, "{what}: {}", reply.text);
                    let body = reply.error(400, "workflow_invalid");
                    assert!(
                        reply.text.len() < 2 * 1024 * 1024,
                        "{what}: {} bytes of answer",
                        reply.text.len()
                    );
                    assert!(body["user_error"]["diagnostics"][0]["span"]["line"].is_u64(), "{what}: {body}");
                }
            }
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_a_413_however_it_is_sent() {
    on_both(async |nictate| {
        let targets = Targets::store(nictate).await;
        let mut paths = targets.paths();
        paths.push((Method::POST, "/api/v1/connection_types".to_owned()));
        let large = format!("{{\"name\": \"{}\"}}", "x".repeat(10 * 1024 * 1024));
        unharmed(nictate, async || {
            for (method, path) in &paths {
                send(nictate, method, path, large.clone()).await.error(413, "body_too_large");
                // Without an announcement of its length.
                let chunks: Vec<Result<Vec<u8>, std::io::Error>> =
                    large.as_bytes().chunks(64 * 1024).map(|chunk| Ok(chunk.to_vec())).collect();
                let stream = Body::wrap_stream(futures_util::stream::iter(chunks));
                send(nictate, method, path, stream).await.error(413, "body_too_large");
            }
            // One that fits but says nothing sensible.
            let fits = format!("{{\"name\": \"{}\"}}", "x".repeat(7 * 1024 * 1024));
            send(nictate, &Method::POST, "/connections", fits).await.error(400, "name_invalid");
        })
        .await;
    })
    .await;
}

/// What the server says to these bytes, until it closes the connection.
async fn raw(nictate: &Nictate, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(nictate.url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    let reading = async {
        loop {
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(count) => answer.extend_from_slice(&chunk[..count]),
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_request_that_does_not_come_to_its_end_is_given_up() {
    let hurried = |config: &mut server::config::Config| {
        config.server.body_timeout_ms = 150;
        config.server.head_timeout_ms = 150;
    };
    on_both_with(hurried, async |nictate| {
        let head = format!(
            "POST /api/v1/connections HTTP/1.1\r\nHost: x\r\nBLINK-API-KEY: {KEY}\r\nConnection: close\r\n"
        );
        unharmed(nictate, async || {
            let answer =
                raw(nictate, format!("{head}Content-Length: 100\r\n\r\n{{\"name\"").as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
            assert!(answer.contains("\"identifier\":\"body_timeout\""), "{answer}");
            let answer =
                raw(nictate, format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\n{{\"nam").as_bytes())
                    .await;
            assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
            // A head without an end gets no answer, but the connection back.
            let answer = raw(nictate, head.as_bytes()).await;
            assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
            let answer = raw(nictate, b"this is no HTTP\r\n\r\n").await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
            let answer =
                raw(nictate, format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000)).as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn addresses_that_lead_nowhere_and_methods_that_are_not_taken_are_errors_by_contract() {
    on_both(async |nictate| {
        unharmed(nictate, async || {
            for path in [
                "/api/v1/nothing",
                "/api/v1/",
                "/api/v2/connections",
                "/api/v1/workspace",
                "/api/v1/workspace//",
                &format!("/api/v1/workspace/{WORKSPACE}"),
                "/connections/a/b/c",
                "/connections/",
                "/docs/../src",
                "/api/v1/workspace/a/b/connections",
            ] {
                nictate.get(path).await.error(404, "route_not_found");
            }
            for (method, path) in [
                (Method::PATCH, "/connections"),
                (Method::PUT, "/connections"),
                (Method::DELETE, "/connections"),
                (Method::POST, "/executions"),
                (Method::DELETE, "/playbooks/x/draft"),
                (Method::POST, "/api/v1/api/readiness"),
                (Method::from_bytes(b"BREW").unwrap(), "/playbooks"),
            ] {
                let reply = Reply::of(nictate.request(method.clone(), path)).await;
                assert!(reply.header("allow").contains(|c: char| c.is_ascii_uppercase()), "{method} {path}");
                reply.error(405, "method_not_allowed");
            }
            // What is no text once it is decoded.
            for path in ["/connections/%FF", "/playbooks/%C3%28/draft", "/api/v1/connection_types/%FE"] {
                nictate.get(path).await.error(404, "route_not_found");
            }
            nictate.get("/api/v1/workspace/%FF/connections").await.error(404, "route_not_found");
            nictate.get("/docs/%FF").await.error(404, "route_not_found");
            nictate.get("/connections?q=%FF").await.error(400, "query_invalid");
            nictate.get("/connections?q={}&q={}").await.error(400, "parameter_invalid");
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn what_lies_in_another_workspace_is_not_there() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        nictate.add_member("rita", red, Role::Owner).await;
        let theirs = format!("/api/v1/workspace/{red}");
        let post = async |path: &str, body: Value| {
            let request = nictate.request_as(Some("rita"), Method::POST, &format!("{theirs}{path}"));
            Reply::of(request.json(&body)).await.ok()
        };
        let body = json!({"name": "theirs", "type_name": "http_none"});
        let connection = text(&post("/connections", body).await, "id");
        let sleeps = workflow("- id: S1\n  action: internal.Sleep\n  inputs: {duration: 1h}", "{{ 1 }}");
        let playbook = text(
            &post("/playbooks", json!({"name": "theirs", "playbook": sleeps, "active": true})).await,
            "id",
        );
        let execution =
            text(&post(&format!("/playbooks/{playbook}/execute"), json!({})).await, "execution_id");

        unharmed(nictate, async || {
            for route in server::routes().iter().filter(|route| route.path.contains("{id}")) {
                let (noun, id) = match route.path.split('/').nth(1).unwrap() {
                    "connections" => ("connection_not_found", &connection),
                    "playbooks" => ("workflow_not_found", &playbook),
                    "executions" => ("execution_not_found", &execution),
                    _ => continue,
                };
                let path =
                    route.path.replace("{id}", id).replace("{branch}", "draft").replace("{version}", "1");
                let request = nictate.request(route.method.clone(), &path);
                let has_body = route.method == Method::POST || route.method == Method::PUT;
                let body = json!({"playbook": sleeps, "name": "mine", "force": true});
                let request = if has_body { request.json(&body) } else { request };
                let reply = Reply::of(request).await;
                assert_eq!(reply.status, 404, "{} {path}: {}", route.method, reply.text);
                reply.error(404, noun);
            }
            // Nor as part of a test.
            let reply = nictate.post("/connections/test", json!({"connection": {"id": connection}})).await;
            reply.error(404, "connection_not_found");
        })
        .await;
        // A workflow here cannot use the connection there.
        let uses = crate::executions::calls_the_tool("theirs", nictate.tool.url())
            .replace("http_bearer", "http_none");
        let mine = nictate.publish("mine", &uses).await;
        let body = nictate.run_sync(&mine, json!({"user": "ann"})).await.error(400, "execution_failed");
        assert_eq!(body["data"]["error_code"], "connection_not_found");
        assert!(nictate.tool.seen().is_empty());
        let request =
            nictate.request_as(Some("rita"), Method::GET, &format!("{theirs}/executions/{execution}"));
        assert_eq!(Reply::of(request).await.ok()["finished_at"], 0);
    })
    .await;
}

#[tokio::test]
async fn a_caller_without_a_good_key_changes_nothing() {
    on_both(async |nictate| {
        let targets = Targets::store(nictate).await;
        unharmed(nictate, async || {
            for (method, path) in targets.paths() {
                for key in [None, Some("wrong"), Some("")] {
                    let request = nictate.request_as(key, method.clone(), &path).body("not even JSON");
                    Reply::of(request).await.error(401, "unauthenticated");
                }
                let request =
                    nictate.request_as(None, method, &path).header("BLINK-API-KEY", &b"\xff\xfe"[..]);
                Reply::of(request).await.error(401, "unauthenticated");
            }
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn answers_carry_a_request_id_and_are_compressed_on_demand() {
    on_both(async |nictate| {
        let own = nictate.request(Method::GET, "/connections").header("x-request-id", "my.id-7_x");
        assert_eq!(Reply::of(own).await.header("x-request-id"), "my.id-7_x");
        for odd in ["", "with space", &"x".repeat(65)] {
            let reply = Reply::of(nictate.request(Method::GET, "/nothing").header("x-request-id", odd)).await;
            assert_eq!(reply.header("x-request-id").len(), 24, "{odd}");
        }
        nictate.get(&format!("/connections/{NOBODY}")).await.error(404, "connection_not_found");
        let asked =
            "GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";
        let answer = tokio::time::timeout(Duration::from_secs(5), raw(nictate, asked.as_bytes())).await.unwrap();
        assert!(answer.contains("content-encoding: gzip"), "{}", &answer[..200]);
        assert!(answer.len() < server::openapi().len() / 4);
    })
    .await;
}

/// PostgreSQL cannot hold the character 0.
#[tokio::test]
async fn a_zero_character_does_no_harm_wherever_it_stands() {
    on_both(async |nictate| {
        for path in ["/connections/%00", "/playbooks/%00", "/executions/%00", "/api/v1/connection_types/%00"] {
            assert_eq!(nictate.get(path).await.status, 404, "{path}");
        }
        nictate.get("/api/v1/workspace/%00/connections").await.error(404, "workspace_not_found");
        nictate.list("/connections", &json!({"filter": {"name": "a\0"}})).await.error(400, "query_invalid");
        nictate.post("/connections", json!({"name": "a\0", "type_name": "http_none"})).await.error(400, "name_invalid");
        for member in ["description", "display_name", "external_id"] {
            let body = json!({"name": "a", "type_name": "http_none", member: "x\0y"});
            nictate.post("/connections", body).await.error(400, "body_invalid");
        }
        // In what a run is given and says, and in what it is asked to stop for.
        let ends = "- id: S1\n  action: internal.EndRun\n  inputs: {status: Failed, message: 'said: {{ inputs.word }}'}";
        let document = "inputs:\n  word: {type: text}\n".to_owned() + &workflow(ends, "{{ 1 }}");
        let id = nictate.publish("ends", &document).await;
        let inputs = json!({"input_values": {"word": "a\0b"}, "event": {"a": "\0"}});
        let body = nictate.run_sync(&id, inputs).await.error(400, "execution_failed");
        assert!(body["message"].as_str().unwrap().contains("a\u{fffd}b"), "{body}");
        let sleeps = workflow("- id: S1\n  action: internal.Sleep\n  inputs: {duration: 1h}", "{{ 1 }}");
        let id = nictate.publish("sleeps", &sleeps).await;
        let execution = nictate.execute(&id, json!({})).await;
        let reply = nictate.post(&format!("/executions/{execution}/cancel"), json!({"cancel_reason": "\0"})).await;
        reply.error(400, "body_invalid");
    })
    .await;
}
