//! A secret goes in and never comes out: not in an answer, not in the database's files, not in the audit log, not
//! in the server's own log.

use reqwest::Method;
use serde_json::{Value, json};

use crate::executions::workflow;
use crate::support::{Nictate, Reply, logged, on_both, text};

/// Nothing else in this process says it.
const SECRET: &str = "zq7-never-to-be-seen-zq7";
/// Its beginning and end are telling, too.
const TELLING: &str = "never-to-be-seen";

/// Every answer that has something to do with the connection.
async fn answers(nictate: &Nictate, connection: &str) -> Vec<Reply> {
    let path = format!("/connections/{connection}");
    let attributes = json!({"token": {"value": SECRET}, "colour": 1});
    let fresh = json!({"base_url": "no address", "token": SECRET});
    let body = |name: &str, attributes: &Value| json!({"name": name, "type_name": "http_bearer", "attributes": attributes});
    let failing =
        json!({"base_url": format!("{}", nictate.tool.url()), "token": SECRET, "test_path": "/status/401"});
    let call = format!(
        "- id: S1\n  action: http.requestV2\n  continue_on_error: true\n  connections: {{http_bearer: edge}}\n  \
         inputs: {{url: {}/echo, method: POST, body: x}}",
        nictate.tool.url()
    );
    let workflow_id = nictate.publish("calls", &workflow(&call, "{{ steps.S1.output }}")).await;
    let mut all = vec![
        nictate.get(&path).await,
        nictate.get("/connections").await,
        nictate.list("/connections", &json!({"search": {"text": "zq7"}})).await,
        nictate.post(&path, json!({"description": "x"})).await,
        nictate.post(&path, json!({"attributes": {"token": {"value": SECRET}}})).await,
        nictate.post(&path, json!({"attributes": attributes})).await,
        nictate
            .post("/connections", body("edge", &json!({"base_url": nictate.tool.url(), "token": SECRET})))
            .await,
        nictate.post("/connections", body("other", &fresh)).await,
        nictate.post("/connections/test", json!({"connection": body("other", &failing)})).await,
        nictate.post("/connections/test", json!({"connection": body("other", &fresh)})).await,
        nictate.post_nothing(&format!("{path}/test")).await,
        nictate.get(&format!("{path}/usage")).await,
        nictate.run_sync(&workflow_id, json!({})).await,
        nictate.get("/executions").await,
    ];
    let run = all.last().unwrap().column("id").remove(0);
    for rest in ["", "/steps", "/outputs", "/events", "/action_history"] {
        all.push(nictate.get(&format!("/executions/{run}{rest}")).await);
    }
    all.push(Reply::of(nictate.request(Method::GET, &format!("/connections?q={SECRET}"))).await);
    all.pop();
    all
}

#[tokio::test]
async fn a_secret_is_in_no_answer_no_file_no_audit_entry_and_no_log() {
    on_both(async |nictate| {
        let made = nictate.connect("edge", SECRET).await;
        for reply in answers(nictate, &text(&made, "id")).await {
            assert!(!reply.text.contains(TELLING), "{}", reply.text);
        }
        assert!(nictate.tool.seen().iter().any(|seen| seen.header("authorization").contains(SECRET)));
        for action in ["connection.created", "connection.edited", "connection.used", "connection.granted"] {
            let entries = nictate.audited(action).await;
            assert!(!entries.is_empty(), "{action}");
            assert!(entries.iter().all(|entry| !format!("{entry:?}").contains(TELLING)), "{action}");
        }
        nictate.stop().await;
        for file in nictate.database_files() {
            let bytes = std::fs::read(&file).unwrap_or_default();
            let found = bytes.windows(TELLING.len()).any(|window| window == TELLING.as_bytes());
            assert!(!found, "{}", file.display());
        }
        assert!(!std::fs::read(nictate.config.key_file()).unwrap().is_empty());
        assert!(!logged().is_empty() && !logged().contains(TELLING));
    })
    .await;
}
