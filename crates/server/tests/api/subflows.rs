//! Workflows that call workflows: what goes in and comes out, what stands in the way, and that stops and crashes in
//! between neither lose nor double a run.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::executions::workflow;
use crate::support::{NOBODY, Nictate, on_both, on_both_with, text, until};

pub(crate) fn sleeps(length: &str) -> String {
    workflow(&format!("- id: S1\n  action: internal.Sleep\n  inputs: {{duration: {length}}}"), "slept")
}

pub(crate) fn doubles() -> String {
    "inputs:\n  n: {type: number, required: true}\n".to_owned()
        + &workflow(
            "- id: S1\n  action: internal.print\n  inputs: {text: '{{ inputs.n * 2 }}'}",
            "{{ steps.S1.output }}",
        )
}

/// A workflow that calls another; `rest` is more of the step.
pub(crate) fn calls(id: &str, rest: &str) -> String {
    workflow(&format!("- id: S1\n  action: automations.{id}\n{rest}"), "{{ steps.S1.output?.out }}")
}

pub(crate) async fn steps_of(nictate: &Nictate, execution: &str) -> Vec<Value> {
    nictate.get(&format!("/executions/{execution}/steps")).await.results()
}

/// The run that the first step of the run has called.
pub(crate) async fn called_by(nictate: &Nictate, execution: &str) -> String {
    until("another run is called", async || {
        let steps = steps_of(nictate, execution).await;
        let id = steps.first()?["subflow_execution_id"].as_str()?.to_owned();
        Some(id).filter(|id| !id.is_empty())
    })
    .await
}

pub(crate) async fn run_ids(nictate: &Nictate, filter: Value) -> Vec<String> {
    let rows = nictate.list("/executions", &json!({"filter": filter})).await.results();
    rows.iter().map(|row| text(row, "id")).collect()
}

/// The code and the words of the error with which a run of the document fails.
pub(crate) async fn failure_of(nictate: &Nictate, name: &str, document: &str) -> (String, String) {
    let id = nictate.publish(name, document).await;
    let execution = nictate.execute(&id, json!({})).await;
    let run = nictate.execution_in(&execution, "Failed").await;
    (text(&run["error_details"], "error_code"), text(&run["error_details"], "message"))
}

#[tokio::test]
async fn a_step_runs_another_workflow_and_goes_on_with_its_outputs() {
    on_both(async |nictate| {
        let callee = nictate.publish("doubles", &doubles()).await;
        let caller = nictate.publish("calls", &calls(&callee, "  inputs: {n: '{{ 20 + 1 }}'}")).await;
        assert_eq!(nictate.run_sync(&caller, json!({})).await.ok(), json!({"out": 42}));
        // A second time, its plan is known already.
        assert_eq!(nictate.run_sync(&caller, json!({})).await.ok(), json!({"out": 42}));

        let of_caller = json!({"playbook_id": caller, "execution_number": 1});
        let [top] = run_ids(nictate, of_caller).await.try_into().unwrap();
        let called = called_by(nictate, &top).await;
        let top_run = nictate.get(&format!("/executions/{top}")).await.ok();
        let run = nictate.get(&format!("/executions/{called}")).await.ok();
        assert_eq!((&run["state"], &run["inputs"]), (&json!("Completed"), &json!({"n": 21})));
        assert_eq!(
            (&run["parent_execution_id"], &run["async_parent_execution_id"]),
            (&json!(top), &json!(""))
        );
        assert_eq!((&run["execution_depth"], &run["execution_number"]), (&json!(1), &json!(1)));
        assert_eq!((&run["top_execution_id"], &run["trigger_type"]), (&json!(top), &json!("subflow")));
        for member in ["top_execution_started_at", "created_by"] {
            assert_eq!(run[member], top_run[member], "{member}");
        }
        assert_eq!((&top_run["parent_execution_id"], &top_run["execution_depth"]), (&json!(""), &json!(0)));
        assert_eq!(run_ids(nictate, json!({"parent_execution_id": top})).await, [called]);
        assert_eq!(run_ids(nictate, json!({"top_execution_id": top})).await.len(), 2);

        let [step] = steps_of(nictate, &top).await.try_into().unwrap();
        assert_eq!((&step["state"], &step["output_data"]), (&json!("OK"), &json!({"out": 42})));
        assert_eq!(step["input_parameters"], json!({"n": 21}));
        let shown = nictate.get(&format!("/playbooks/{caller}")).await.ok();
        assert_eq!(shown["used_subflows"], json!([callee]));

        // The names of what it calls are those of now, whatever a client has kept.
        let reference = format!("automations.{callee}");
        assert_eq!(top_run["subflows_reference_to_name_mapping"], json!({&reference: "doubles"}));
        let path = format!("/executions/{top}");
        let kept = nictate.request(Method::GET, &path).send().await.unwrap().headers()["etag"].clone();
        let body = json!({"name": "twice", "active": true});
        nictate.put(&format!("/playbooks/{callee}"), body).await.ok();
        let again = nictate.request(Method::GET, &path).header("if-none-match", kept);
        let again: Value = again.send().await.unwrap().json().await.unwrap();
        assert_eq!(again["subflows_reference_to_name_mapping"], json!({&reference: "twice"}));
    })
    .await;
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_lives_on_by_itself() {
    on_both(async |nictate| {
        let callee = nictate.publish("sleeps", &sleeps("1h")).await;
        let output = "{{ steps.S1.output.execution_id }}";
        let step = format!("- id: S1\n  action: automations.{callee}\n  configuration: {{run_async: true}}");
        let caller = nictate.publish("calls", &workflow(&step, output)).await;
        let outputs = nictate.run_sync(&caller, json!({})).await.ok();
        let called = text(&outputs, "out");
        let [top] = run_ids(nictate, json!({"playbook_id": caller})).await.try_into().unwrap();
        assert_eq!(called_by(nictate, &top).await, called);
        let run = nictate.execution_in(&called, "Pending").await;
        assert_eq!(
            (&run["parent_execution_id"], &run["async_parent_execution_id"]),
            (&json!(""), &json!(top))
        );
        assert_eq!((&run["execution_depth"], &run["top_execution_id"]), (&json!(1), &json!(top)));
        assert_eq!(
            run_ids(nictate, json!({"async_parent_execution_id": top})).await,
            std::slice::from_ref(&called)
        );

        // Its caller may be stopped or gone: it is not touched.
        let waits = "- id: S2\n  action: internal.Sleep\n  inputs: {duration: 1h}";
        let caller = nictate.publish("calls and sleeps", &workflow(&format!("{step}\n{waits}"), "1")).await;
        let top = nictate.execute(&caller, json!({})).await;
        let called = called_by(nictate, &top).await;
        nictate.execution_in(&top, "Pending").await;
        nictate.post_nothing(&format!("/executions/{top}/cancel")).await.ok();
        nictate.execution_in(&top, "Cancelled").await;
        nictate.crash_and_start().await;
        nictate.execution_in(&called, "Pending").await;
    })
    .await;
}

#[tokio::test]
async fn a_call_for_later_begins_when_its_time_has_come() {
    on_both(async |nictate| {
        let callee = nictate.publish("doubles", &doubles()).await;
        let rest = "  configuration: {run_async: true, subflow_future_schedule_time: '{{ now() + duration(\"3m\") }}'}\n  inputs: {n: 4}";
        let step = format!("- id: S1\n  action: automations.{callee}\n{rest}");
        let document = workflow(&step, "{{ steps.S1.output.execution_id }}");
        let caller = nictate.publish("calls", &document).await;
        let mut called = Vec::new();
        for _ in 0..2 {
            called.push(text(&nictate.run_sync(&caller, json!({})).await.ok(), "out"));
        }
        // It is not forgotten meanwhile, nor does it begin too early.
        nictate.stop().await;
        nictate.start_again().await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        for id in &called {
            let run = nictate.get(&format!("/executions/{id}")).await.ok();
            assert_eq!((&run["state"], &run["started_at"]), (&json!("Queued"), &json!(0)));
        }
        let (cancelled, called) = (&called[0], &called[1]);
        nictate.post_nothing(&format!("/executions/{cancelled}/cancel")).await.ok();
        nictate.execution_in(cancelled, "Cancelled").await;
        nictate.clock.put_forward(Duration::from_secs(180));
        let run = nictate.execution_in(called, "Completed").await;
        assert_eq!(run["outputs"], json!({"out": 8}));
        assert!(run["started_at"].as_i64().unwrap() >= run["created_at"].as_i64().unwrap() + 180_000, "{run}");
        assert_eq!(run["execution_depth"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_waits_its_turn_and_one_that_is_waited_for_does_not() {
    on_both_with(
        |config| {
            config.limits.executions_active_per_workspace_max = 1;
            config.limits.executions_queued_per_workspace_max = 1;
        },
        async |nictate| {
            let callee = nictate.publish("doubles", &doubles()).await;
            let caller = nictate.publish("waits", &calls(&callee, "  inputs: {n: 1}")).await;
            let deep = nictate.publish("waits for that", &calls(&caller, "")).await;
            assert_eq!(nictate.run_sync(&deep, json!({})).await.ok(), json!({"out": 2}));

            // Two at once: there is room in the line for one of them.
            let branch = |number: usize| format!("  - id: B{number}\n    action: internal.parallelBranch\n    steps:\n    - id: S{number}\n      action: automations.{callee}\n      continue_on_error: true\n      configuration: {{run_async: true}}\n      inputs: {{n: {number}}}\n");
            let steps = format!("- id: S1\n  action: internal.parallel\n  steps:\n{}{}", branch(2), branch(3));
            let document = workflow(&steps, "{{ [steps.S2.error_code, steps.S3.error_code] }}");
            let caller = nictate.publish("calls", &document).await;
            let outputs = nictate.run_sync(&caller, json!({})).await.ok();
            assert_eq!(outputs, json!({"out": [null, "subflow_queue_full"]}));
            until("all of them have ended", async || {
                let open = json!({"state": {"$in": ["Queued", "Running", "Pending"]}});
                run_ids(nictate, open).await.is_empty().then_some(())
            })
            .await;
        },
    )
    .await;
}

#[tokio::test]
async fn the_version_that_is_called_is_the_published_one_or_the_newest_draft() {
    on_both(async |nictate| {
        let says = |word: &str| workflow("- id: S1\n  action: internal.print\n  inputs: {text: x}", word);
        let callee = nictate.publish("says", &says("published")).await;
        nictate.post(&format!("/playbooks/{callee}/draft"), json!({"playbook": says("draft")})).await.ok();
        let published = nictate.publish("calls", &calls(&callee, "")).await;
        let draft =
            nictate.publish("calls the draft", &calls(&callee, "  configuration: {run_draft: true}")).await;
        assert_eq!(nictate.run_sync(&published, json!({})).await.ok(), json!({"out": "published"}));
        assert_eq!(nictate.run_sync(&draft, json!({})).await.ok(), json!({"out": "draft"}));

        // What was never published can be called as a draft only.
        let body = json!({"name": "new", "playbook": says("new")});
        let callee = text(&nictate.post("/playbooks/ui", body).await.ok(), "id");
        let draft =
            nictate.publish("calls the new", &calls(&callee, "  configuration: {run_draft: true}")).await;
        assert_eq!(nictate.run_sync(&draft, json!({})).await.ok(), json!({"out": "new"}));
        let (code, message) = failure_of(nictate, "too early", &calls(&callee, "")).await;
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("subflow_not_published", "workflow `new` has not been published")
        );
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_called_fails_the_step_and_says_why() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        let body = json!({"name": "theirs", "playbook": doubles(), "active": true});
        let theirs = nictate.post(&format!("/api/v1/workspace/{red}/playbooks"), body).await.ok();
        let theirs = text(&theirs, "id");
        for (name, id) in [("missing", NOBODY), ("of others", &theirs)] {
            let (code, message) = failure_of(nictate, name, &calls(id, "")).await;
            assert_eq!(
                (code, message),
                ("subflow_not_found".to_owned(), format!("the workspace has no workflow `{id}`"))
            );
        }
        let callee = nictate.publish("doubles", &doubles()).await;
        let (code, message) = failure_of(nictate, "without inputs", &calls(&callee, "")).await;
        assert_eq!(code, "subflow_inputs_invalid");
        assert!(message.starts_with("workflow `doubles` does not take the inputs: `n` "), "{message}");

        nictate.put(&format!("/playbooks/{callee}"), json!({"active": false})).await.ok();
        let (code, message) = failure_of(nictate, "inactive", &calls(&callee, "")).await;
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("subflow_inactive", "workflow `doubles` is deactivated")
        );

        let scheduled = format!(
            "automation_type: scheduled\ntriggers: {{scheduled: [{{cron: '0 0 1 1 *'}}]}}\n{}",
            sleeps("1h")
        );
        let callee = nictate.publish("by the clock", &scheduled).await;
        let (code, message) = failure_of(nictate, "not on demand", &calls(&callee, "")).await;
        assert_eq!(code, "subflow_not_on_demand");
        assert_eq!(
            message,
            "workflow `by the clock` is of type `scheduled`; only `on_demand` ones are called"
        );

        let broken = workflow("- id: S1\n  action: internal.print\n  inputs: {text: '{{ 1 + }}'}", "1");
        let body = json!({"name": "broken", "playbook": broken});
        let callee = text(&nictate.post("/playbooks/ui", body).await.ok(), "id");
        let document = calls(&callee, "  configuration: {run_draft: true}\n  continue_on_error: true");
        let caller = nictate.publish("broken draft", &document).await;
        let execution = nictate.execute(&caller, json!({})).await;
        nictate.execution_in(&execution, "Completed").await;
        let [step] = steps_of(nictate, &execution).await.try_into().unwrap();
        assert_eq!(
            (&step["state"], &step["error_data"]["code"]),
            (&json!("Failed"), &json!("subflow_invalid"))
        );
        assert_eq!(step["subflow_execution_id"], "", "nothing was called");
        // None of them is there twice, or at all.
        assert_eq!(run_ids(nictate, json!({"execution_depth": {"$gt": 0}})).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_workflow_does_not_call_itself_and_a_circle_ends_at_the_depth() {
    on_both(async |nictate| {
        let first = nictate.publish("first", &sleeps("1h")).await;
        let body = json!({"playbook": calls(&first, ""), "active": true});
        let path = format!("/playbooks/{first}");
        let refused = nictate.put(&path, body.clone()).await;
        let answer = refused.error(400, "workflow_invalid");
        assert!(answer.to_string().contains("self_call"), "{answer}");
        nictate.post(&format!("{path}/draft"), body).await.ok();
        let reply = nictate.post_nothing(&format!("{path}/draft/execute")).await;
        let execution = text(&reply.ok(), "execution_id");
        let run = nictate.execution_in(&execution, "Failed").await;
        assert_eq!(run["error_details"]["error_code"], "subflow_self_call");

        let second = nictate.publish("second", &calls(&first, "")).await;
        nictate.put(&path, json!({"playbook": calls(&second, ""), "active": true})).await.ok();
        let execution = nictate.execute(&first, json!({})).await;
        let run = nictate.execution_in(&execution, "Failed").await;
        assert_eq!(run["error_details"]["error_code"], "subflow_failed");
        let message = text(&run["error_details"], "message");
        assert!(
            message.ends_with("as deep as a run may be; workflows may be calling each other in a circle"),
            "{message}"
        );
        assert_eq!(run_ids(nictate, json!({"top_execution_id": execution})).await.len(), 11);
        let deepest = run_ids(nictate, json!({"top_execution_id": execution, "execution_depth": 10})).await;
        let run = nictate.get(&format!("/executions/{}", deepest[0])).await.ok();
        assert_eq!(run["error_details"]["error_code"], "subflow_depth");
    })
    .await;
}
