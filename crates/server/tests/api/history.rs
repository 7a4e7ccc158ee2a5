//! Runs of the past are kept up to a number and an age, and then forgotten by everything that shows them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::executions::workflow;
use crate::support::{Nictate, on_both_with, until};

const SLEEPS: &str = "- id: S1\n  action: internal.Sleep\n  inputs: {duration: 10d}";
const SAVES: &str = "- id: S1\n  action: internal.print\n  inputs: {text: x}\n  save_output_to_file: true";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The ids that the list of runs tells, and how many it says there are.
async fn listed(nictate: &Nictate) -> (Vec<Value>, Value) {
    let page = nictate.get("/executions").await.ok();
    let runs = page["results"].as_array().unwrap().iter().map(|run| run["id"].clone()).collect();
    (runs, page["total"].clone())
}

async fn until_forgotten(nictate: &Nictate, run: &str) {
    until("the run is forgotten", async || {
        (nictate.get(&format!("/executions/{run}")).await.status == 404).then_some(())
    })
    .await;
}

async fn completed(nictate: &Nictate, workflow: &str) -> String {
    let run = nictate.execute(workflow, json!({})).await;
    nictate.execution_in(&run, "Completed").await;
    run
}

#[tokio::test]
async fn a_workspace_keeps_its_newest_runs_and_those_that_have_not_ended() {
    on_both_with(
        |config| {
            config.history.executions_per_workspace_max = 2;
            config.history.sweep_pause_ms = 100;
        },
        async |nictate| {
            let sleeps = nictate.publish("sleeps", &workflow(SLEEPS, "")).await;
            let asleep = nictate.execute(&sleeps, json!({})).await;
            let saves = nictate.publish("saves", &workflow(SAVES, "")).await;
            let mut runs = Vec::new();
            for _ in 0..4 {
                runs.push(completed(nictate, &saves).await);
            }
            until_forgotten(nictate, &runs[1]).await;
            until_forgotten(nictate, &runs[0]).await;
            let kept = [&runs[3], &runs[2], &asleep];
            let (found, total) = listed(nictate).await;
            assert_eq!(total, 3);
            assert!(kept.iter().all(|run| found.contains(&json!(run))), "{found:?}");

            let gone = &runs[0];
            for path in ["", "/steps", "/files", "/events"] {
                let reply = nictate.get(&format!("/executions/{gone}{path}")).await;
                let error = reply.error(404, "execution_not_found");
                assert!(error["details"].as_str().unwrap().contains(gone.as_str()), "{error}");
            }
            let restart = nictate.post(&format!("/executions/{gone}/restart"), json!({"step": "S1"})).await;
            restart.error(404, "execution_not_found");
        },
    )
    .await;
}

#[tokio::test]
async fn a_tenant_keeps_runs_shorter_than_the_server_would() {
    on_both_with(
        |config| {
            config.history.executions_age_days_max = 30;
            config.history.sweep_pause_ms = 100;
        },
        async |nictate| {
            let settings = json!({"general": {"retention_period": 1}});
            nictate.post("/api/v1/tenant/settings", settings).await.ok();
            let saves = nictate.publish("saves", &workflow(SAVES, "")).await;
            let old = completed(nictate, &saves).await;
            nictate.clock.put_forward(DAY / 2);
            let young = completed(nictate, &saves).await;
            nictate.clock.put_forward(DAY / 2 + Duration::from_secs(60));
            until_forgotten(nictate, &old).await;
            assert_eq!(listed(nictate).await, (vec![json!(young)], json!(1)));
        },
    )
    .await;
}

#[tokio::test]
async fn a_run_is_kept_for_so_many_days_after_its_end() {
    on_both_with(
        |config| {
            config.history.executions_age_days_max = 2;
            config.history.sweep_pause_ms = 100;
        },
        async |nictate| {
            let saves = nictate.publish("saves", &workflow(SAVES, "")).await;
            let old = completed(nictate, &saves).await;
            nictate.clock.put_forward(DAY);
            let young = completed(nictate, &saves).await;
            nictate.clock.put_forward(DAY + Duration::from_secs(60));
            until_forgotten(nictate, &old).await;
            assert_eq!(listed(nictate).await, (vec![json!(young)], json!(1)));
        },
    )
    .await;
}
