//! How workflows that are called end: badly, too late, with their caller, over a crash, on another server.

use serde_json::json;
use store::executions::{ExecutionState, Outcome};
use store::servers::Server;
use types::{Clock as _, ExecutionId, ServerId};

use crate::executions::workflow;
use crate::subflows::{called_by, calls, run_ids, sleeps, steps_of};
use crate::support::{LEASE, Nictate, WORKSPACE, on_both, text};

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
                nictate.crash_and_start().await;
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
                nictate.crash_and_start().await;
            }
            let run = nictate.execution_in(&called, "Cancelled").await;
            assert_eq!(run["cancel_reason"], "the run that called it no longer waits for it");
            nictate.execution_in(&execution, "Failed").await;
        }
    })
    .await;
}
