//! Workflows that call workflows: what goes in and comes out, what stands in the way, and that stops and crashes in
//! between neither lose nor double a run.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use store::executions::{ExecutionState, Outcome};
use store::servers::Server;
use types::{Clock as _, ExecutionId, ServerId};

use crate::executions::workflow;
use crate::support::{NOBODY, Nictate, WORKSPACE, on_both, on_both_with, text, until};

/// How long a server is believed to live after its last sign of life, and a bit.
const LEASE: Duration = Duration::from_secs(11);

fn sleeps(length: &str) -> String {
    workflow(&format!("- id: S1\n  action: internal.Sleep\n  inputs: {{duration: {length}}}"), "slept")
}

fn doubles() -> String {
    "inputs:\n  n: {type: number, required: true}\n".to_owned()
        + &workflow(
            "- id: S1\n  action: internal.print\n  inputs: {text: '{{ inputs.n * 2 }}'}",
            "{{ steps.S1.output }}",
        )
}

/// A workflow that calls another; `rest` is more of the step.
fn calls(id: &str, rest: &str) -> String {
    workflow(&format!("- id: S1\n  action: automations.{id}\n{rest}"), "{{ steps.S1.output?.out }}")
}

async fn steps_of(nictate: &Nictate, execution: &str) -> Vec<Value> {
    nictate.get(&format!("/executions/{execution}/steps")).await.results()
}

/// The run that the first step of the run has called.
async fn called_by(nictate: &Nictate, execution: &str) -> String {
    until("another run is called", async || {
        let steps = steps_of(nictate, execution).await;
        let id = steps.first()?["subflow_execution_id"].as_str()?.to_owned();
        Some(id).filter(|id| !id.is_empty())
    })
    .await
}

async fn run_ids(nictate: &Nictate, filter: Value) -> Vec<String> {
    let rows = nictate.list("/executions", &json!({"filter": filter})).await.results();
    rows.iter().map(|row| text(row, "id")).collect()
}

/// Ends the server abruptly and starts another one, which must not believe that the first one lives.
async fn crash_and_start(nictate: &mut Nictate) {
    nictate.crash().await;
    nictate.clock.put_forward(LEASE);
    nictate.start_again().await;
}

/// The code and the words of the error with which a run of the document fails.
async fn failure_of(nictate: &Nictate, name: &str, document: &str) -> (String, String) {
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
        crash_and_start(nictate).await;
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

#[tokio::test]
async fn a_run_that_does_not_end_well_fails_the_step() {
    on_both(async |nictate| {
        let fails = workflow("- id: S1\n  action: internal.EndRun\n  inputs: {status: Failed, message: no luck}", "1");
        let callee = nictate.publish("fails", &fails).await;
        let tolerant = workflow(
            &format!("- id: S1\n  action: automations.{callee}\n  continue_on_error: true\n  retry: {{attempts: 2, initial_backoff: 0}}"),
            "{{ [steps.S1.error_code, steps.S1.error, steps.S1.output.error_code, steps.S1.output.execution_id] }}",
        );
        let caller = nictate.publish("calls", &tolerant).await;
        let outputs = nictate.run_sync(&caller, json!({})).await.ok();
        let [top] = run_ids(nictate, json!({"playbook_id": caller})).await.try_into().unwrap();
        let steps = steps_of(nictate, &top).await;
        let called: Vec<_> = steps.iter().map(|step| text(step, "subflow_execution_id")).collect();
        assert!(called.len() == 2 && called[0] != called[1], "each attempt is a run: {called:?}");
        let message = "run 2 of workflow `fails` failed: no luck";
        assert_eq!(outputs["out"], json!(["subflow_failed", message, "ended_as_failed", called[1]]));

        let callee = nictate.publish("sleeps", &sleeps("1h")).await;
        let caller = nictate.publish("calls the other", &calls(&callee, "")).await;
        let execution = nictate.execute(&caller, json!({})).await;
        let called = called_by(nictate, &execution).await;
        let body = json!({"cancel_reason": "enough"});
        nictate.post(&format!("/executions/{called}/cancel"), body).await.ok();
        let run = nictate.execution_in(&execution, "Failed").await;
        assert_eq!(run["error_details"]["error_code"], "subflow_cancelled");
        assert_eq!(run["error_details"]["message"], "run 1 of workflow `sleeps` was cancelled: enough");
    })
    .await;
}

#[tokio::test]
async fn a_step_waits_for_a_run_as_long_as_it_says_and_then_stops_it() {
    on_both(async |nictate| {
        let callee = nictate.publish("sleeps", &sleeps("1h")).await;
        let document = calls(&callee, "  configuration: {subflow_timeout_in_minutes: 0.01}");
        let caller = nictate.publish("calls", &document).await;
        let execution = nictate.execute(&caller, json!({})).await;
        let called = called_by(nictate, &execution).await;
        let run = nictate.execution_in(&execution, "Failed").await;
        assert_eq!(run["error_details"]["error_code"], "subflow_timeout");
        assert_eq!(run["error_details"]["message"], "the run that the step called did not end within 600 ms");
        let run = nictate.execution_in(&called, "Cancelled").await;
        assert_eq!(run["cancel_reason"], "the run that called it no longer waits for it");
    })
    .await;
}

#[tokio::test]
async fn a_run_that_is_cancelled_stops_those_it_waits_for() {
    on_both(async |nictate| {
        let deepest = nictate.publish("sleeps", &sleeps("1h")).await;
        let middle = nictate.publish("middle", &calls(&deepest, "")).await;
        let top = nictate.publish("top", &calls(&middle, "")).await;
        let top = nictate.execute(&top, json!({})).await;
        let middle = called_by(nictate, &top).await;
        let deepest = called_by(nictate, &middle).await;
        nictate.execution_in(&deepest, "Pending").await;
        nictate.post_nothing(&format!("/executions/{top}/cancel")).await.ok();
        for run in [&top, &middle, &deepest] {
            nictate.execution_in(run, "Cancelled").await;
        }
        let [step] = steps_of(nictate, &top).await.try_into().unwrap();
        assert_eq!((&step["state"], &step["subflow_execution_id"]), (&json!("Cancelled"), &json!(middle)));
    })
    .await;
}

#[tokio::test]
async fn a_crash_neither_loses_nor_doubles_a_run_that_was_called() {
    on_both(async |nictate| {
        let callee = nictate.publish("sleeps", &sleeps("700ms")).await;
        let caller = nictate.publish("calls", &calls(&callee, "")).await;
        for stop in [false, true] {
            let execution = nictate.execute(&caller, json!({})).await;
            let called = called_by(nictate, &execution).await;
            if stop {
                nictate.stop().await;
                nictate.start_again().await;
            } else {
                crash_and_start(nictate).await;
            }
            let run = nictate.execution_in(&execution, "Completed").await;
            assert_eq!(run["outputs"], json!({"out": "slept"}));
            assert_eq!(run_ids(nictate, json!({"parent_execution_id": execution})).await, [called]);
        }

        // Its end is found also if it comes while nobody is there to tell.
        let callee = nictate.publish("sleeps long", &sleeps("1h")).await;
        let caller = nictate.publish("calls that", &calls(&callee, "")).await;
        let execution = nictate.execute(&caller, json!({})).await;
        let called = called_by(nictate, &execution).await;
        nictate.execution_in(&called, "Pending").await;
        nictate.stop().await;
        end_elsewhere(nictate, &called).await;
        nictate.start_again().await;
        let run = nictate.execution_in(&execution, "Completed").await;
        assert_eq!(run["outputs"], json!({"out": "elsewhere"}));
    })
    .await;
}

/// Ends the run as another server would that drives it.
async fn end_elsewhere(nictate: &Nictate, run: &str) {
    let (id, now): (ExecutionId, _) = (run.parse().unwrap(), nictate.clock.now());
    let server = ServerId::of_name("another server");
    let row = Server {
        id: server,
        started_at: now,
        lease_until: now.saturating_add(LEASE),
        version: "1".to_owned(),
    };
    let outcome = Outcome {
        state: ExecutionState::Completed,
        outputs: Some(r#"{"out":"elsewhere"}"#.to_owned()),
        step_results: "{}".to_owned(),
        error_code: None,
        error_message: None,
        cancel_reason: None,
        started_at: Some(now),
        finished_at: Some(now),
        net_runtime_ms: 0,
    };
    let workspace = WORKSPACE.parse().unwrap();
    nictate
        .write_beside(async move |tx| {
            store::servers::register(tx, &row).await?;
            let owned = store::executions::take_over(tx, server, workspace, id, now).await?.unwrap();
            assert!(store::executions::set_outcome(tx, id, owned.epoch, &outcome, now).await?);
            Ok(())
        })
        .await;
}

#[tokio::test]
async fn the_end_of_a_run_that_another_server_drives_is_found() {
    on_both(async |nictate| {
        // It acts when it learns that it has lost the run: at its next step.
        let callee = nictate.publish("sleeps", &sleeps("300ms")).await;
        let caller = nictate.publish("calls", &calls(&callee, "")).await;
        let execution = nictate.execute(&caller, json!({})).await;
        let called = called_by(nictate, &execution).await;
        nictate.execution_in(&called, "Pending").await;
        end_elsewhere(nictate, &called).await;
        let run = nictate.execution_in(&execution, "Completed").await;
        assert_eq!(run["outputs"], json!({"out": "elsewhere"}));
    })
    .await;
}

#[tokio::test]
async fn a_wish_that_a_crash_left_behind_is_carried_out() {
    on_both(async |nictate| {
        let callee = nictate.publish("sleeps", &sleeps("1h")).await;
        let caller = nictate.publish("calls", &calls(&callee, "")).await;
        for crash in [true, false] {
            let execution = nictate.execute(&caller, json!({})).await;
            let called = called_by(nictate, &execution).await;
            let (id, now): (ExecutionId, _) = (called.parse().unwrap(), nictate.clock.now());
            nictate.write_beside(async move |tx| store::unwanted_runs::insert(tx, &[(id, now)]).await).await;
            if crash {
                crash_and_start(nictate).await;
            }
            let run = nictate.execution_in(&called, "Cancelled").await;
            assert_eq!(run["cancel_reason"], "the run that called it no longer waits for it");
            nictate.execution_in(&execution, "Failed").await;
        }
    })
    .await;
}
