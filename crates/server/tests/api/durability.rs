//! Runs outlive the server: it may stop or crash at any moment, and the next one goes on where they were.

use reqwest::Method;
use serde_json::{Value, json};

use crate::executions::workflow;
use crate::support::{Nictate, RunnerKind, on_both, on_both_with, text, until};

/// Waits long enough to be met by a stop in between, then calls the tool.
fn waits_then_calls(url: &str) -> String {
    let steps = format!(
        "- id: S1\n  action: internal.SetVariables\n  inputs: {{Variables: [{{Name: n, Type: Number, Value: '{{{{ 41 }}}}'}}]}}\n\
         - id: S2\n  action: internal.Sleep\n  inputs: {{Amount: 700, Unit: ms}}\n\
         - id: S3\n  action: http.requestV2\n  connections: {{http_bearer: edge}}\n  inputs: {{url: {url}/after}}"
    );
    workflow(&steps, "{{ variables.n + 1 }}")
}

fn calls(method: &str, url: &str) -> String {
    let step =
        format!("- id: S1\n  action: http.requestV2\n  inputs: {{method: {method}, url: {url}/hang-once}}");
    workflow(&step, "{{ steps.S1.output.ok }}")
}

async fn at_step(nictate: &Nictate, execution: &str, results: Value) {
    until("the run has come to its step", async || {
        let run = nictate.get(&format!("/executions/{execution}")).await.ok();
        (run["step_results"] == results).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_run_that_waits_goes_on_after_a_stop_and_after_a_crash() {
    on_both(async |nictate| {
        nictate.connect("edge", "one").await;
        let id = nictate.publish("waits", &waits_then_calls(nictate.tool.url())).await;
        for crash in [false, true] {
            let execution = nictate.execute(&id, json!({})).await;
            at_step(nictate, &execution, json!({"S1": 1, "S2": 0})).await;
            if crash {
                nictate.crash_and_start().await;
            } else {
                nictate.stop().await;
                nictate.start_again().await;
            }
            let run = nictate.execution_in(&execution, "Completed").await;
            assert_eq!(run["outputs"], json!({"out": 42}));
            assert_eq!(run["step_results"], json!({"S1": 1, "S2": 1, "S3": 1}));
        }
        let seen = nictate.tool.seen_at("/after");
        assert_eq!(seen.len(), 2);
        assert!(seen.iter().all(|seen| seen.header("authorization") == "Bearer one"));
    })
    .await;
}

#[tokio::test]
async fn a_request_in_flight_that_may_be_repeated_is_repeated() {
    on_both(async |nictate| {
        let id = nictate.publish("asks", &calls("GET", nictate.tool.url())).await;
        let execution = nictate.execute(&id, json!({})).await;
        until("the tool is asked", async || (!nictate.tool.seen().is_empty()).then_some(())).await;
        nictate.crash_and_start().await;
        let run = nictate.execution_in(&execution, "Completed").await;
        assert_eq!(run["outputs"], json!({"out": true}));
        assert_eq!(nictate.tool.seen_at("/hang-once").len(), 2);
        let [step] =
            nictate.get(&format!("/executions/{execution}/steps")).await.results().try_into().unwrap();
        assert_eq!((&step["state"], &step["execution_count"]), (&json!("OK"), &json!(2)));
    })
    .await;
}

#[tokio::test]
async fn a_request_in_flight_that_may_not_be_repeated_leaves_the_run_in_doubt() {
    on_both(async |nictate| {
        let id = nictate.publish("tells", &calls("POST", nictate.tool.url())).await;
        let execution = nictate.execute(&id, json!({})).await;
        until("the tool is told", async || (!nictate.tool.seen().is_empty()).then_some(())).await;
        nictate.crash_and_start().await;
        let run = nictate.execution_in(&execution, "Paused").await;
        assert_eq!((&run["state_ui"], &run["step_results"]), (&json!("Paused"), &json!({"S1": 5})));
        let [step] =
            nictate.get(&format!("/executions/{execution}/steps")).await.results().try_into().unwrap();
        assert_eq!((&step["state"], &step["error_data"]["code"]), (&json!("InDoubt"), &json!("in_doubt")));
        // It stays so over another start, and can be ended by hand.
        nictate.stop().await;
        nictate.start_again().await;
        nictate.execution_in(&execution, "Paused").await;
        nictate.post_nothing(&format!("/executions/{execution}/cancel")).await.ok();
        nictate.execution_in(&execution, "Cancelled").await;
        assert_eq!(nictate.tool.seen_at("/hang-once").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_stop_lets_a_step_finish_and_takes_nothing_new() {
    on_both_with(
        |config| config.server.shutdown_grace_ms = 300,
        async |nictate| {
            let id = nictate.publish("asks", &calls("GET", nictate.tool.url())).await;
            let execution = nictate.execute(&id, json!({})).await;
            until("the tool is asked", async || (!nictate.tool.seen().is_empty()).then_some(())).await;
            // The step does not finish within the grace: the run is let go of, and goes on at the next start.
            nictate.stop().await;
            assert!(nictate.request(Method::GET, "/connections").send().await.is_err(), "nobody listens");
            nictate.start_again().await;
            nictate.execution_in(&execution, "Completed").await;
        },
    )
    .await;
}

#[tokio::test]
async fn a_run_is_cancelled_by_a_server_that_did_not_start_it() {
    on_both(async |nictate| {
        let sleeps = workflow("- id: S1\n  action: internal.Sleep\n  inputs: {duration: 1h}", "{{ 1 }}");
        let id = nictate.publish("sleeps", &sleeps).await;
        let execution = nictate.execute(&id, json!({})).await;
        at_step(nictate, &execution, json!({"S1": 0})).await;
        nictate.crash_and_start().await;
        nictate.post_nothing(&format!("/executions/{execution}/cancel")).await.ok();
        nictate.execution_in(&execution, "Cancelled").await;
        // A third start finds nothing to do.
        nictate.stop().await;
        nictate.start_again().await;
        assert_eq!(nictate.get(&format!("/executions/{execution}")).await.ok()["state"], "Cancelled");
    })
    .await;
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_crash() {
    on_both(async |nictate| {
        let connection = nictate.connect("edge", "one").await;
        let document = workflow("- id: S1\n  action: internal.print\n  inputs: {text: x}", "{{ 1 }}");
        let id = nictate.publish("prints", &document).await;
        nictate.run_sync(&id, json!({})).await.ok();
        let draft = json!({"playbook": format!("{document}# last words")});
        nictate.post(&format!("/playbooks/{id}/draft"), draft.clone()).await.ok();
        let before = nictate.row_counts().await;
        nictate.crash_and_start().await;
        assert_eq!(nictate.row_counts().await, before);
        let path = format!("/connections/{}", text(&connection, "id"));
        assert_eq!(nictate.get(&path).await.ok(), json!([connection]));
        assert_eq!(nictate.get(&format!("/playbooks/{id}/draft")).await.ok()["playbook"], draft["playbook"]);
        // The first start was the first: no second admin, no second workspace, the same key.
        nictate.post_nothing(&format!("{path}/test")).await.ok();
        assert_eq!(nictate.tool.seen()[0].header("authorization"), "Bearer one");
    })
    .await;
}

#[tokio::test]
async fn a_pause_between_two_attempts_goes_on_after_a_crash() {
    on_both(async |nictate| {
        let url = format!("{}/status/503", nictate.tool.url());
        let step = format!(
            "- id: S1\n  action: http.requestV2\n  inputs: {{url: {url}}}\n  \
               retry: {{attempts: 3, initial_backoff: 1, factor: 1, jitter: false, when: 'steps.S1.output.status == 503'}}"
        );
        let id = nictate.publish("insists", &workflow(&step, "{{ 1 }}")).await;
        let execution = nictate.execute(&id, json!({})).await;
        let steps = format!("/executions/{execution}/steps");
        until("the first attempt has failed", async || {
            let rows = nictate.get(&steps).await.results();
            rows.first().is_some_and(|row| row["state"] == "Failed").then_some(())
        })
        .await;
        nictate.crash_and_start().await;
        let run = nictate.execution_in(&execution, "Failed").await;
        assert_eq!((&run["step_results"], &run["error_details"]["error_code"]), (&json!({"S1": 2}), &json!("http_status")));
        assert_eq!(nictate.tool.seen_at("/status/503").len(), 3);
        let rows = nictate.get(&steps).await.results();
        let shown: Vec<_> = rows.iter().map(|row| (&row["path"], &row["state"], &row["execution_count"])).collect();
        let (path, state) = (json!("S1"), json!("Failed"));
        assert_eq!(shown, [(&path, &state, &json!(1)), (&path, &state, &json!(2)), (&path, &state, &json!(3))]);
        assert!(rows.iter().all(|row| row["error_data"]["code"] == "http_status"), "{rows:?}");
    })
    .await;
}

#[tokio::test]
async fn a_step_whose_runner_falls_silent_is_given_up_and_tried_again() {
    on_both(async |nictate| {
        nictate.stop().await;
        nictate.start_again_with(RunnerKind::LosesOneReport).await;
        let url = format!("{}/after", nictate.tool.url());
        let step = format!(
            "- id: S1\n  action: http.requestV2\n  inputs: {{url: {url}}}\n  timeout: 0.5\n  \
               retry: {{attempts: 2, initial_backoff: 0, when: 'steps.S1.error_code == \"step_timeout\"'}}"
        );
        let id = nictate.publish("insists", &workflow(&step, "{{ steps.S1.output.ok }}")).await;
        let execution = nictate.execute(&id, json!({})).await;
        let run = nictate.execution_in(&execution, "Completed").await;
        assert_eq!(run["outputs"], json!({"out": true}));
        let rows = nictate.get(&format!("/executions/{execution}/steps")).await.results();
        let shown: Vec<_> = rows.iter().map(|row| (&row["state"], &row["error_data"]["code"])).collect();
        assert_eq!(shown, [(&json!("Failed"), &json!("step_timeout")), (&json!("OK"), &json!(null))]);
    })
    .await;
}

#[tokio::test]
async fn a_runner_that_is_gone_leaves_in_doubt_what_must_not_be_repeated() {
    on_both(async |nictate| {
        for (method, state, step, code) in
            [("POST", "Paused", 5, Value::Null), ("GET", "Failed", 2, json!("runner_lost"))]
        {
            nictate.stop().await;
            nictate.start_again_with(RunnerKind::EndsInTheMiddle).await;
            let action = format!(
                "- id: S1\n  action: http.requestV2\n  inputs: {{method: {method}, url: {}/after}}",
                nictate.tool.url()
            );
            let id =
                nictate.publish(&format!("ends-{method}"), &workflow(&action, "{{ steps.S1.status }}")).await;
            let execution = nictate.execute(&id, json!({})).await;
            let run = nictate.execution_in(&execution, state).await;
            assert_eq!(run["step_results"]["S1"], step, "{run}");
            assert_eq!(*run["error_details"].get("error_code").unwrap_or(&Value::Null), code, "{run}");
            assert_eq!(nictate.tool.seen_at("/after").iter().filter(|seen| seen.method == method).count(), 1);
        }
    })
    .await;
}
