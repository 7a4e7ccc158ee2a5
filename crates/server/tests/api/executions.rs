//! Runs: a stored connection used by a workflow that calls a real service, and everything that can be asked about
//! and done to a run.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{NOBODY, Nictate, Reply, on_both, text, until};

/// A workflow that calls the tool through a bearer connection, with an input in address and body.
pub(crate) fn calls_the_tool(connection: &str, url: &str) -> String {
    format!(
        r#"name: calls
inputs:
  user: {{type: text, required: true}}
  note: {{type: text, default: none}}
workflow:
  - section: Steps
    steps:
      - id: S1
        name: Tell the tool
        action: http.requestV2
        connections: {{http_bearer: {connection}}}
        inputs:
          method: POST
          url: {url}/users/{{{{ inputs.user }}}}
          headers: {{X-Note: '{{{{ inputs.note }}}}'}}
          body: {{user: '{{{{ inputs.user }}}}', tags: [a, b]}}
      - id: S2
        action: internal.SetVariables
        inputs:
          Variables:
            - {{Name: verdict, Type: String, Value: 'ok={{{{ steps.S1.output.ok }}}}'}}
outputs:
  verdict: {{value: '{{{{ variables.verdict }}}}', index: 1}}
  answer: {{value: '{{{{ steps.S1.output }}}}'}}
"#
    )
}

/// A workflow of these steps (each begins with `- id`) and this one output.
pub(crate) fn workflow(steps: &str, output: &str) -> String {
    let steps: String = steps.trim().lines().map(|line| format!("      {line}\n")).collect();
    format!("workflow:\n  - section: Steps\n    steps:\n{steps}outputs:\n  out: {{value: '{output}'}}\n")
}

const SLEEPS: &str = "- id: S1\n  action: internal.Sleep\n  inputs: {duration: 1h}";

async fn steps_of(nictate: &Nictate, execution: &str) -> Vec<Value> {
    nictate.get(&format!("/executions/{execution}/steps")).await.results()
}

#[tokio::test]
async fn a_stored_connection_is_used_by_a_workflow_that_calls_a_service() {
    on_both(async |nictate| {
        let connection = nictate.connect("edge", "t0p-s3cret").await;
        let workflow = nictate.publish("calls", &calls_the_tool("edge", nictate.tool.url())).await;
        let outputs = nictate.run_sync(&workflow, json!({"input_values": {"user": "ann"}})).await.ok();
        assert_eq!(outputs, json!({"verdict": "ok=true", "answer": {"ok": true}}));

        let [seen] = nictate.tool.seen().try_into().unwrap();
        assert_eq!((&seen.method, seen.path.as_str()), (&Method::POST, "/users/ann"));
        assert_eq!(seen.header("authorization"), "Bearer t0p-s3cret");
        assert_eq!(seen.header("x-note"), "none");
        assert_eq!(seen.header("content-type"), "application/json");
        assert_eq!(
            serde_json::from_str::<Value>(&seen.body).unwrap(),
            json!({"user": "ann", "tags": ["a", "b"]})
        );

        let [run] = nictate.get("/executions").await.results().try_into().unwrap();
        let id = text(&run, "id");
        assert_eq!((&run["state"], &run["state_ui"]), (&json!("Completed"), &json!("Completed")));
        assert_eq!(run["step_results"], json!({"S1": 1, "S2": 1}));
        let full = nictate.get(&format!("/executions/{id}")).await.ok();
        assert_eq!((&full["display_name"], &full["execution_number"]), (&json!("calls #1"), &json!(1)));
        assert_eq!(full["inputs"], json!({"user": "ann", "note": "none"}));
        assert_eq!(full["outputs"], outputs);
        assert_eq!(full["error_details"], json!({}));
        assert_eq!((&full["playbook_id"], &full["type"]), (&json!(workflow), &json!("public")));
        let (began, ended) = (full["started_at"].as_i64().unwrap(), full["finished_at"].as_i64().unwrap());
        assert!(began > 1_700_000_000_000 && ended >= began, "{full}");
        assert_eq!(nictate.get(&format!("/executions/{id}/outputs")).await.ok(), outputs);

        let [call, set] = steps_of(nictate, &id).await.try_into().unwrap();
        assert_eq!((&call["step_id"], &call["name"]), (&json!("S1"), &json!("Tell the tool")));
        assert_eq!((&call["action"], &call["state"]), (&json!("http.requestV2"), &json!("OK")));
        assert_eq!(call["input_parameters"]["url"], format!("{}/users/ann", nictate.tool.url()));
        assert_eq!(call["output_data"], json!({"ok": true}));
        assert_eq!((&set["step_id"], &set["output_data"]["verdict"]), (&json!("S2"), &json!("ok=true")));
        for step in [&call, &set] {
            assert!(step["started_at"].as_i64() <= step["finished_at"].as_i64(), "{step}");
            assert!(step["started_at"].as_i64().unwrap() >= began, "{step}");
        }
        hold_audited(nictate, &text(&connection, "id"), &id).await;
    })
    .await;
}

/// Which run and step used which connection, towards which host, when.
async fn hold_audited(nictate: &Nictate, connection: &str, execution: &str) {
    for (action, host) in [("connection.granted", false), ("connection.used", true)] {
        let [entry] = nictate.audited(action).await.try_into().unwrap();
        assert_eq!((entry.entity_id.as_str(), entry.actor_id.as_str()), (connection, execution), "{action}");
        assert_eq!(entry.actor_type, store::audit::ActorType::Execution);
        assert!(entry.details.contains(r#""S1""#), "{action}: {}", entry.details);
        let spoken_to = entry.host.unwrap_or_default();
        assert_eq!(host, !spoken_to.is_empty() && nictate.tool.url().contains(&spoken_to), "{action}");
    }
}

#[tokio::test]
async fn a_run_is_started_and_asked_about_until_it_has_ended() {
    on_both(async |nictate| {
        nictate.connect("edge", "one").await;
        let workflow = nictate.publish("calls", &calls_the_tool("edge", nictate.tool.url())).await;
        // Inputs where the API page has them, and where the page on ways to run has them.
        for body in [json!({"input_values": {"user": "bob"}}), json!({"user": "bob"})] {
            let id = nictate.execute(&workflow, body).await;
            let run = nictate.execution_in(&id, "Completed").await;
            assert_eq!(run["inputs"]["user"], "bob");
            assert_eq!(nictate.get(&format!("/executions/{id}/outputs")).await.ok()["verdict"], "ok=true");
        }
        let run =
            nictate.execute(&workflow, json!({"input_values": {"user": "x"}, "event": {"a": [1]}})).await;
        assert_eq!(nictate.execution_in(&run, "Completed").await["event"], json!({"a": [1]}));
    })
    .await;
}

#[tokio::test]
async fn the_draft_runs_as_the_plugin_asks_for_it() {
    on_both(async |nictate| {
        let document = workflow(
            "- id: S1\n  action: internal.print\n  inputs: {text: 'draft'}",
            "{{ steps.S1.output }}",
        );
        let body = json!({"name": "drafted", "playbook": document, "pack_id": ""});
        let id = text(&nictate.post("/playbooks/ui", body).await.ok(), "id");
        let request = nictate.request(Method::POST, &format!("/playbooks/{id}/draft/execute"));
        let reply = Reply::of(request.header("BLINK-INTERNAL-SERVICE-REQUEST", "true")).await.ok();
        let run = nictate.execution_in(&text(&reply, "execution_id"), "Completed").await;
        assert_eq!((&run["type"], &run["outputs"]["out"]), (&json!("draft"), &json!("draft")));
        // There is nothing published yet.
        let body =
            nictate.post_nothing(&format!("/playbooks/{id}/execute")).await.error(404, "workflow_not_found");
        assert!(body["message"].as_str().unwrap().contains("published"), "{body}");
    })
    .await;
}

#[tokio::test]
async fn inputs_that_are_missing_or_do_not_fit_are_named_and_nothing_runs() {
    on_both(async |nictate| {
        let document = "inputs:\n  user: {type: text, required: true}\n  score: {type: number}\n".to_owned()
            + &workflow("- id: S1\n  action: internal.print\n  inputs: {text: x}", "{{ 1 }}");
        let id = nictate.publish("asks", &document).await;
        for (inputs, wrong) in [
            (json!({}), "user"),
            (json!({"user": null}), "user"),
            (json!({"user": "a", "score": "high"}), "score"),
        ] {
            let reply =
                nictate.post(&format!("/playbooks/{id}/execute"), json!({"input_values": inputs})).await;
            let body = reply.error(400, "inputs_invalid");
            assert!(body["user_error"]["inputs"][wrong].is_string(), "{inputs}: {body}");
            assert!(body["message"].as_str().unwrap().starts_with("Can not execute playbook"), "{body}");
        }
        assert_eq!(nictate.get("/executions").await.ok()["total"], 0);
    })
    .await;
}

#[tokio::test]
async fn a_step_that_fails_fails_the_run_and_says_why() {
    on_both(async |nictate| {
        nictate.connect("edge", "one").await;
        let url = format!("{}/status/503", nictate.tool.url());
        let step = format!(
            "- id: S1\n  action: http.requestV2\n  connections: {{http_bearer: edge}}\n  inputs: {{url: {url}}}\n\
             - id: S2\n  action: internal.print\n  inputs: {{text: never}}"
        );
        let id = nictate.publish("fails", &workflow(&step, "{{ 1 }}")).await;
        let body = nictate.run_sync(&id, json!({})).await.error(400, "execution_failed");
        assert_eq!((&body["data"]["state"], &body["data"]["error_code"]), (&json!("Failed"), &json!("http_status")));
        let execution = text(&body["data"], "execution_id");
        let run = nictate.get(&format!("/executions/{execution}")).await.ok();
        assert_eq!((&run["state"], &run["state_ui"]), (&json!("Failed"), &json!("Failed")));
        assert_eq!(run["error_details"]["error_code"], "http_status");
        assert!(run["error_details"]["message"].as_str().unwrap().contains("503"), "{run}");
        assert_eq!(run["step_results"], json!({"S1": 2}));
        assert_eq!(nictate.get(&format!("/executions/{execution}/outputs")).await.ok(), json!({}));
        let [step] = steps_of(nictate, &execution).await.try_into().unwrap();
        assert_eq!((&step["state"], &step["error_data"]["code"]), (&json!("Failed"), &json!("http_status")));
    })
    .await;
}

#[tokio::test]
async fn a_workflow_bounds_the_time_of_its_runs() {
    on_both(async |nictate| {
        let url = format!("{}/hang-once", nictate.tool.url());
        let step = format!("- id: S1\n  action: http.requestV2\n  inputs: {{url: {url}}}");
        let document = format!("timeout: 500ms\n{}", workflow(&step, "{{ 1 }}"));
        let id = nictate.publish("hurries", &document).await;
        let execution = nictate.execute(&id, json!({})).await;
        let run = nictate.execution_in(&execution, "Timeout").await;
        assert_eq!(run["error_details"]["error_code"], "execution_timeout");
        assert_eq!(run["error_details"]["message"], "the run took longer than the 500 ms it may take");
        assert_eq!(run["step_results"], json!({"S1": 4}));
    })
    .await;
}

#[tokio::test]
async fn branches_are_at_the_runner_together_and_each_is_a_row() {
    on_both(async |nictate| {
        let url = nictate.tool.url();
        // The first hangs until it is cancelled, so the second has to be handed out beside it.
        let steps = format!(
            "- id: P\n  action: internal.parallel\n  inputs: {{join: any}}\n  steps:\n    \
               - {{id: A, action: internal.parallelBranch, steps: [{{id: A1, action: http.requestV2, inputs: {{url: '{url}/hang-once'}}}}]}}\n    \
               - {{id: B, action: internal.parallelBranch, steps: [{{id: B1, action: http.requestV2, inputs: {{url: '{url}/after'}}}}]}}"
        );
        let id = nictate.publish("races", &workflow(&steps, "{{ steps.P.output.succeeded }}")).await;
        let execution = nictate.execute(&id, json!({})).await;
        let run = nictate.execution_in(&execution, "Completed").await;
        assert_eq!(run["outputs"], json!({"out": ["B"]}));
        assert_eq!(run["step_results"], json!({"P": 1, "A": 4, "A1": 4, "B": 1, "B1": 1}));
        let rows = steps_of(nictate, &execution).await;
        let shown: Vec<_> = rows.iter().map(|row| (text(row, "path"), text(row, "state"))).collect();
        let expected = [("P", "OK"), ("A", "Cancelled"), ("B", "OK"), ("A1", "Cancelled"), ("B1", "OK")];
        assert_eq!(shown, expected.map(|(path, state)| (path.to_owned(), state.to_owned())));
    })
    .await;
}

#[tokio::test]
async fn a_run_that_waits_is_cancelled_and_one_that_has_ended_is_not() {
    on_both(async |nictate| {
        let id = nictate.publish("sleeps", &workflow(SLEEPS, "{{ 1 }}")).await;
        let execution = nictate.execute(&id, json!({})).await;
        let waiting = until("the run waits", async || {
            let run = nictate.get(&format!("/executions/{execution}")).await.ok();
            (run["step_results"] == json!({"S1": 0})).then_some(run)
        })
        .await;
        assert!(
            !["Completed", "Failed", "Cancelled"].contains(&waiting["state"].as_str().unwrap()),
            "{waiting}"
        );
        let cancel = format!("/executions/{execution}/cancel");
        assert_eq!(nictate.post(&cancel, json!({"cancel_reason": "no need"})).await.ok(), json!(execution));
        let run = nictate.execution_in(&execution, "Cancelled").await;
        assert_eq!((&run["cancel_reason"], &run["step_results"]), (&json!("no need"), &json!({"S1": 4})));
        let body = nictate.post_nothing(&cancel).await.error(400, "execution_not_running");
        assert_eq!(body["message"], "Cannot cancel execution, it is not in a running state");
        assert_eq!(nictate.audited("execution.cancelled").await.len(), 1);
        nictate.post_nothing(&format!("/executions/{NOBODY}/cancel")).await.error(404, "execution_not_found");
    })
    .await;
}

#[tokio::test]
async fn the_plugins_query_finds_the_newest_run_of_a_workflow() {
    on_both(async |nictate| {
        let prints = workflow("- id: S1\n  action: internal.print\n  inputs: {text: x}", "{{ 1 }}");
        let (mine, other) = (nictate.publish("mine", &prints).await, nictate.publish("other", &prints).await);
        let mut newest = String::new();
        for workflow in [&mine, &mine, &other] {
            let id = nictate.execute(workflow, json!({})).await;
            nictate.execution_in(&id, "Completed").await;
            if *workflow == mine {
                newest = id;
            }
            // `started_at` has the resolution of a millisecond.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let q = format!(r#"{{"filter": {{"playbook_id": "{mine}"}}, "sort": ["-started_at"], "limit": 1}}"#);
        let page = nictate.list_raw("/executions", &q).await;
        assert_eq!((page.column("id"), &page.ok()["total"]), (vec![newest], &json!(2)));
        for row in page.results() {
            let results = row["step_results"].as_object().unwrap();
            assert!(!results.is_empty() && results.values().all(Value::is_i64), "{row}");
        }
        for (filter, count) in [
            (json!({"state": "Completed"}), 3),
            (json!({"state": "Failed"}), 0),
            (json!({"playbook_id": {"$neq": mine}}), 1),
        ] {
            let page = nictate.list("/executions", &json!({"filter": filter})).await.ok();
            assert_eq!(page["total"], count, "{filter}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_synchronous_call_gives_up_waiting_and_the_run_goes_on() {
    on_both(async |nictate| {
        let id = nictate.publish("sleeps", &workflow(SLEEPS, "{{ 1 }}")).await;
        let execute = format!("/playbooks/{id}/execute?run_sync=true&timeout");
        let body = nictate.post_nothing(&format!("{execute}=1")).await.error(408, "execution_still_running");
        let execution = text(&body["data"], "execution_id");
        let run = nictate.get(&format!("/executions/{execution}")).await.ok();
        assert_eq!((&run["finished_at"], &run["step_results"]), (&json!(0), &json!({"S1": 0})));
        for timeout in ["0", "601", "-1", "soon"] {
            nictate.post_nothing(&format!("{execute}={timeout}")).await.error(400, "parameter_invalid");
        }
        assert_eq!(nictate.get("/executions").await.ok()["total"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_deactivated_workflow_does_not_run() {
    on_both(async |nictate| {
        let prints = workflow("- id: S1\n  action: internal.print\n  inputs: {text: x}", "{{ 1 }}");
        let id = nictate.publish("off", &prints).await;
        nictate.put(&format!("/playbooks/{id}"), json!({"active": false})).await.ok();
        nictate.post_nothing(&format!("/playbooks/{id}/execute")).await.error(400, "workflow_inactive");
        nictate.put(&format!("/playbooks/{id}"), json!({"active": true})).await.ok();
        nictate.run_sync(&id, json!({})).await.ok();
    })
    .await;
}

#[tokio::test]
async fn how_a_run_is_started_is_read_as_clients_write_it() {
    on_both(async |nictate| {
        let document = format!(
            "inputs:\n  runner: {{type: number, default: 0}}\n{}",
            workflow("- id: S1\n  action: internal.print\n  inputs: {text: x}", "{{ inputs.runner }}")
        );
        let id = nictate.publish("reads", &document).await;
        let execute = format!("/playbooks/{id}/execute");
        for sync in ["true", "True", "1"] {
            let reply =
                nictate.post(&format!("{execute}?run_sync={sync}&timeout=20"), json!({"runner": 7})).await;
            assert_eq!(reply.ok(), json!({"out": 7}), "{sync}");
        }
        // Who does not wait may say what they like about how long.
        for asynchronous in ["", "?run_sync=false&timeout=0", "?run_sync=False", "?run_sync=0&timeout=soon"] {
            text(&nictate.post_nothing(&format!("{execute}{asynchronous}")).await.ok(), "execution_id");
        }
        for wrong in ["yes", "TRUE", "2"] {
            nictate
                .post_nothing(&format!("{execute}?run_sync={wrong}"))
                .await
                .error(400, "parameter_invalid");
        }
        for callback in [json!("https://example.com"), json!({"url": "x"}), json!(["x"]), json!(true)] {
            let before = nictate.get("/executions").await.ok()["total"].clone();
            nictate.post(&execute, json!({"callback": callback})).await.error(501, "not_available_yet");
            assert_eq!(nictate.get("/executions").await.ok()["total"], before);
        }
        for nothing in [json!(""), json!({}), json!([]), json!(null)] {
            nictate.post(&execute, json!({"callback": nothing})).await.ok();
        }
    })
    .await;
}

#[tokio::test]
async fn a_run_shows_its_document_and_pages_of_its_steps() {
    on_both(async |nictate| {
        let step = |id: &str| format!("- id: {id}\n  action: internal.print\n  inputs: {{text: x}}\n");
        let document = workflow(&["S1", "S2", "S3"].map(step).concat(), "{{ 1 }}");
        let workflow = nictate.publish("three", &document).await;
        nictate.run_sync(&workflow, json!({})).await.ok();
        let listed = nictate.get("/executions").await.results();
        let path = format!("/executions/{}", text(&listed[0], "id"));
        assert_eq!((&listed[0]["playbook"], &listed[0]["top_execution_id"]), (&json!(""), &listed[0]["id"]));
        let whole = nictate.get(&path).await;
        let etag = whole.header("etag").to_owned();
        let whole = whole.ok();
        assert_eq!((&whole["playbook"], &whole["playbook_deleted"]), (&json!(document), &json!(false)));

        let steps = format!("{path}/steps");
        let all = nictate.get(&steps).await;
        assert_eq!(
            (all.column("step_id"), &all.ok()["total"]),
            (["S1", "S2", "S3"].map(str::to_owned).into(), &json!(3))
        );
        assert_eq!(nictate.get(&steps).await.column("id"), all.column("id"), "ids are the same each time");
        for row in &all.results() {
            text(row, "id").parse::<types::StepExecutionId>().unwrap();
            assert_eq!((&row["cmd_id"], &row["tenant_id"]), (&row["id"], &whole["tenant_id"]));
            assert_eq!((&row["created_by"], &row["updated_at"]), (&whole["created_by"], &row["finished_at"]));
        }
        let rows = all.results();
        for (q, ids) in [
            (json!({"limit": 2}), vec!["S1", "S2"]),
            (json!({"limit": 2, "offset": 2}), vec!["S3"]),
            (json!({"offset": 7}), vec![]),
        ] {
            let page = nictate.list(&steps, &q).await;
            assert_eq!(
                (page.column("step_id"), &page.ok()["total"]),
                (ids.iter().map(|id| (*id).to_owned()).collect(), &json!(3)),
                "{q}"
            );
        }
        for member in crate::support::members(&rows[0]) {
            let page = nictate.list(&steps, &json!({"select": [member]})).await.results();
            assert_eq!(crate::support::members(&page[0]), [member]);
        }
        for q in [json!({"limit": 0}), json!({"filter": {"state": "OK"}}), json!({"select": ["colour"]})] {
            nictate.list(&steps, &q).await.error(400, "query_invalid");
        }

        nictate.delete(&format!("/playbooks/{workflow}")).await.ok();
        let after = Reply::of(nictate.request(Method::GET, &path).header("If-None-Match", &etag)).await.ok();
        assert_eq!((&after["playbook"], &after["playbook_deleted"]), (&json!(document), &json!(true)));
    })
    .await;
}
