//! What runs do with connections: where they speak to, what is told of them, and what cannot be used.

use serde_json::{Value, json};

use crate::executions::{calls_the_tool, workflow};
use crate::support::{on_both, on_both_with, text};

#[tokio::test]
async fn a_secret_that_the_tool_echoes_is_blotted_out() {
    on_both(async |nictate| {
        nictate.connect("edge", "t0p-s3cret").await;
        for path in ["/echo", "/status/500"] {
            let url = format!("{}{path}", nictate.tool.url());
            let step = format!(
                "- id: S1\n  action: http.requestV2\n  continue_on_error: true\n  \
                 connections: {{http_bearer: edge}}\n  inputs: {{url: {url}}}"
            );
            let document = workflow(&step, "{{ steps.S1.output }} {{ steps.S1.error }}");
            let id = nictate.publish(path, &document).await;
            let reply = nictate.run_sync(&id, json!({})).await;
            assert!(reply.text.contains("Bearer ********"), "{}", reply.text);
            assert!(!reply.text.contains("t0p-s3cret"), "{}", reply.text);
            let [run, ..] = nictate
                .list("/executions", &json!({"sort": ["-created_at"]}))
                .await
                .results()
                .try_into()
                .unwrap_or_else(|rows: Vec<Value>| [rows[0].clone()]);
            let steps = nictate.get(&format!("/executions/{}/steps", text(&run, "id"))).await;
            assert!(
                steps.text.contains("Bearer ********") && !steps.text.contains("t0p-s3cret"),
                "{}",
                steps.text
            );
        }
        assert_eq!(nictate.tool.seen_at("/echo")[0].header("authorization"), "Bearer t0p-s3cret");
    })
    .await;
}

#[tokio::test]
async fn a_step_reaches_no_private_address_unless_the_configuration_opens_it() {
    let closed = |config: &mut server::config::Config| config.http.allow_private = false;
    on_both_with(closed, async |nictate| {
        nictate.connect("edge", "one").await;
        let workflow = nictate.publish("calls", &calls_the_tool("edge", nictate.tool.url())).await;
        let body = nictate.run_sync(&workflow, json!({"user": "ann"})).await.error(400, "execution_failed");
        assert_eq!(body["data"]["error_code"], "address_not_allowed", "{body}");
        assert!(nictate.tool.seen().is_empty());
    })
    .await;
}

#[tokio::test]
async fn private_addresses_are_opened_for_one_connection_alone() {
    let closed = |config: &mut server::config::Config| config.http.allow_private = false;
    on_both_with(closed, async |nictate| {
        let edge = nictate.connect("edge", "one").await;
        nictate.connect("core", "two").await;
        nictate.stop().await;
        nictate.config.http.private_connections = vec![text(&edge, "id")];
        nictate.start_again().await;
        for (name, status) in [("edge", 200), ("core", 400)] {
            let workflow = nictate.publish(name, &calls_the_tool(name, nictate.tool.url())).await;
            let reply = nictate.run_sync(&workflow, json!({"user": "ann"})).await;
            assert_eq!(reply.status, status, "{name}: {}", reply.text);
        }
        assert_eq!(nictate.tool.seen().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_connection_speaks_to_its_own_hosts_only() {
    on_both(async |nictate| {
        nictate.connect("edge", "one").await;
        // The same server by another name.
        let elsewhere = nictate.tool.url().replace("127.0.0.1", "localhost");
        let workflow = nictate.publish("strays", &calls_the_tool("edge", &elsewhere)).await;
        let body = nictate.run_sync(&workflow, json!({"user": "ann"})).await.error(400, "execution_failed");
        assert_eq!(body["data"]["error_code"], "host_not_allowed", "{body}");
        assert!(nictate.tool.seen().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_cannot_be_used_fails_the_step_by_name() {
    on_both(async |nictate| {
        let made = nictate.connect("edge", "one").await;
        let workflow = nictate.publish("calls", &calls_the_tool("edge", nictate.tool.url())).await;
        let missing = nictate.publish("misses", &calls_the_tool("nowhere", nictate.tool.url())).await;
        let path = format!("/connections/{}", text(&made, "id"));
        nictate.post(&path, json!({"active": false})).await.ok();
        for (workflow, code) in [(&workflow, "connection_inactive"), (&missing, "connection_not_found")] {
            let body =
                nictate.run_sync(workflow, json!({"user": "ann"})).await.error(400, "execution_failed");
            assert_eq!(body["data"]["error_code"], code, "{body}");
        }
        assert!(nictate.tool.seen().is_empty());
        // A new secret is used from the next step on.
        let attributes = json!({"token": {"value": "two"}});
        nictate.post(&path, json!({"active": true, "attributes": attributes})).await.ok();
        nictate.run_sync(&workflow, json!({"user": "ann"})).await.ok();
        assert_eq!(nictate.tool.seen()[0].header("authorization"), "Bearer two");
    })
    .await;
}
