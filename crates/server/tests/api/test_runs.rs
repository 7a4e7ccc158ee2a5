//! The editor's test run: a text that was never saved, and an answer of marked messages that follows the run.

use reqwest::Method;
use serde_json::{Value, json};

use crate::executions::workflow;
use crate::support::{NOBODY, Nictate, Reply, on_both, text};

const MARKER: &str = "%%%%_____________%%%%BLINK_MESSAGE%%%%_____________%%%%";
const SESSION: &str = "7f0d8c52-0000-4000-8000-000000000007";

/// The body as the editor's client sends it.
fn body(id: &str, document: &str, inputs: Value) -> Value {
    json!({
        "id": id, "playbook": document, "input_values": inputs, "is_draft": true,
        "test_session_id": SESSION, "runner": "",
        "command": {
            "cmd_id": "c0000000-0000-4000-8000-000000000001", "cmd_type": "RunWorkflow",
            "params": {
                "playbook_id": id, "_Context": {"inputs_type": {}, "runner_group": "", "connections": {}},
                "draft_playbook": document, "test_session_id": SESSION, "command_params": {},
            },
        },
    })
}

/// What the client makes of the body: pieces between markers, blank ones passed over.
fn messages(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(reply.text.ends_with(MARKER), "{}", reply.text);
    let pieces = reply.text.split(MARKER).filter(|piece| !piece.trim().is_empty());
    pieces.map(|piece| serde_json::from_str(piece).unwrap()).collect()
}

async fn empty_workflow(nictate: &Nictate) -> String {
    let saved =
        workflow("- id: S1\n  action: internal.print\n  inputs: {text: saved}", "{{ steps.S1.output }}");
    let body = json!({"name": "tested", "playbook": saved, "pack_id": ""});
    text(&nictate.post("/playbooks/ui", body).await.ok(), "id")
}

#[tokio::test]
async fn a_text_is_run_without_being_saved_and_followed_by_marked_messages() {
    on_both(async |nictate| {
        let id = empty_workflow(nictate).await;
        let path = format!("/playbooks/{id}");
        let before = nictate.get(&format!("{path}/draft")).await.ok();
        let document = "inputs:\n  note: {type: text, required: true}\n".to_owned()
            + &workflow(
                "- id: S9\n  action: internal.print\n  inputs: {text: '{{ inputs.note }}'}",
                "{{ steps.S9.output }}",
            );
        let sent = body(&id, &document, json!({"note": "unsaved"}));
        let reply = nictate.post(&format!("{path}/start/stream"), sent).await;
        let all = messages(&reply);

        let run = text(&all[0]["data"], "id");
        assert_eq!(all[0], json!({"data": {"id": run}}));
        let kinds: Vec<&str> =
            all[1..].iter().map(|message| message["data"]["cmd_type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["Started", "StepFinished", "Finished", "EndExecution"]);
        assert!(all[1..].iter().all(|message| message["data"]["execution_id"] == run));
        assert_eq!(all[2]["data"]["output_data"], "unsaved");
        assert_eq!(all[4]["data"]["state"], "Completed");

        let full = nictate.get(&format!("/executions/{run}")).await.ok();
        assert_eq!((&full["test_session_id"], &full["type"]), (&json!(SESSION), &json!("draft")));
        assert_eq!((&full["playbook"], &full["version"]), (&json!(document), &json!("0")));
        assert_eq!((&full["playbook_id"], &full["outputs"]), (&json!(id), &json!({"out": "unsaved"})));
        let found = nictate.list("/executions", &json!({"filter": {"test_session_id": SESSION}})).await;
        assert_eq!(found.column("id"), [run]);
        assert_eq!(nictate.get(&format!("{path}/draft")).await.ok(), before, "nothing is saved");
    })
    .await;
}

#[tokio::test]
async fn a_test_run_goes_on_without_its_client_and_after_a_crash() {
    on_both(async |nictate| {
        let id = empty_workflow(nictate).await;
        let url = nictate.tool.url();
        let calls = workflow(
            &format!("- id: S1\n  action: http.requestV2\n  inputs: {{url: {url}/hang-once}}"),
            "{{ steps.S1.output.ok }}",
        );
        let request = nictate.request(Method::POST, &format!("/playbooks/{id}/start/stream"));
        let mut response = request.json(&body(&id, &calls, json!({}))).send().await.unwrap();
        let first = response.chunk().await.unwrap().unwrap();
        let first = String::from_utf8(first.to_vec()).unwrap();
        let first: Value = serde_json::from_str(first.split(MARKER).next().unwrap()).unwrap();
        let run = text(&first["data"], "id");
        crate::support::until("the tool was called", async || {
            (!nictate.tool.seen_at("/hang-once").is_empty()).then_some(())
        })
        .await;
        drop(response);
        nictate.crash().await;
        nictate.start_again().await;
        // Its document is kept, though no version of the workflow points to it.
        let run = nictate.execution_in(&run, "Completed").await;
        assert_eq!(run["outputs"], json!({"out": true}));
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_tested_is_refused_before_anything_runs() {
    on_both(async |nictate| {
        let id = empty_workflow(nictate).await;
        let path = format!("/playbooks/{id}/start/stream");
        let fine = workflow("- id: S1\n  action: internal.print\n  inputs: {text: x}", "{{ 1 }}");
        let needs = "inputs:\n  note: {type: text, required: true}\n".to_owned() + &fine;
        let ask = async |sent: Value| nictate.post(&path, sent).await;
        let broken = ask(body(&id, "workflow: [", json!({}))).await.error(400, "workflow_invalid");
        assert!(broken["user_error"]["diagnostics"].is_array());
        ask(body(&id, &needs, json!({}))).await.error(400, "inputs_invalid");
        ask(body(&id, &fine, json!([]))).await.error(400, "body_invalid");
        let other = ask(body(NOBODY, &fine, json!({}))).await.error(400, "body_invalid");
        assert!(text(&other, "message").contains(NOBODY), "{other}");
        let mut long = body(&id, &fine, json!({}));
        long["test_session_id"] = json!("x".repeat(types::limits::DESCRIPTION_CHARS_MAX + 1));
        ask(long).await.error(400, "body_invalid");
        let gone = nictate.post(&format!("/playbooks/{NOBODY}/start/stream"), json!({})).await;
        gone.error(404, "workflow_not_found");
        assert_eq!(nictate.get("/executions").await.ok()["total"], 0);

        // Without a text it is the newest draft that runs.
        let reply = ask(json!({})).await;
        let run = text(&messages(&reply)[0]["data"], "id");
        let full = nictate.get(&format!("/executions/{run}")).await.ok();
        assert_eq!((&full["outputs"], &full["version"]), (&json!({"out": "saved"}), &json!("1")));
    })
    .await;
}
