//! More runs than may run at a time: they are accepted, wait for their turn, and are not lost while they wait.

use reqwest::Method;
use serde_json::{Value, json};
use store::executions::{self, ExecutionState, FIELDS};
use store::queued_runs;
use store::servers::Server;
use types::{Clock as _, ExecutionId, Role, ServerId};

use crate::executions::workflow;
use crate::support::{LEASE, Nictate, Reply, WORKSPACE, on_both, on_both_with, one_at_a_time, text, until};

/// Holds its place until the tool lets it through.
fn waits_at_the_gate(nictate: &Nictate) -> String {
    let step = format!(
        "- id: S1\n  action: http.requestV2\n  inputs: {{url: '{}/gate/{{{{ inputs.n }}}}'}}",
        nictate.tool.url()
    );
    format!("inputs:\n  n: {{type: text, default: x}}\n{}", workflow(&step, "{{ inputs.n }}"))
}

const SLEEPS: &str = "- id: S1\n  action: internal.Sleep\n  inputs: {duration: 1h}";

async fn state_of(nictate: &Nictate, execution: &str) -> Value {
    nictate.get(&format!("/executions/{execution}")).await.ok()["state"].clone()
}

async fn execute_numbers(nictate: &Nictate, workflow: &str, numbers: std::ops::Range<u32>) -> Vec<String> {
    let mut runs = Vec::new();
    for number in numbers {
        runs.push(nictate.execute(workflow, json!({"n": number.to_string()})).await);
    }
    runs
}

/// Lets one request after another through; the paths that came to the gate, in order.
async fn passed(nictate: &Nictate, requests: usize) -> Vec<String> {
    for number in 1..=requests {
        until("the next one is at the gate", async || {
            (nictate.tool.seen_at("/gate/").len() >= number).then_some(())
        })
        .await;
        nictate.tool.let_through(1);
    }
    nictate.tool.seen_at("/gate/").into_iter().map(|seen| seen.path).collect()
}

#[tokio::test]
async fn runs_beyond_the_places_of_a_workspace_wait_their_turn_in_order() {
    on_both_with(one_at_a_time, async |nictate| {
        let id = nictate.publish("gate", &waits_at_the_gate(nictate)).await;
        let runs = execute_numbers(nictate, &id, 0..4).await;
        for run in &runs[1..] {
            let row = nictate.get(&format!("/executions/{run}")).await.ok();
            assert_eq!((&row["state"], &row["state_ui"]), (&json!("Queued"), &json!("Queued")));
            assert_eq!(nictate.get(&format!("/executions/{run}/steps")).await.results(), [] as [Value; 0]);
        }
        let stats = nictate.get("/api/v1/api/stats").await.ok();
        assert!(stats.as_str().unwrap().contains("executions_in_flight=1 executions_queued=3"), "{stats}");
        assert_eq!(passed(nictate, 4).await, ["/gate/0", "/gate/1", "/gate/2", "/gate/3"]);
        for (number, run) in runs.iter().enumerate() {
            let row = nictate.execution_in(run, "Completed").await;
            assert_eq!(row["outputs"], json!({"out": number.to_string()}));
            assert!(row["started_at"].as_i64() >= row["created_at"].as_i64(), "{row}");
        }
    })
    .await;
}

#[tokio::test]
async fn queued_runs_outlive_a_crash_and_keep_their_order() {
    on_both_with(one_at_a_time, async |nictate| {
        let id = nictate.publish("gate", &waits_at_the_gate(nictate)).await;
        let runs = execute_numbers(nictate, &id, 0..4).await;
        nictate.crash_and_start().await;
        // The first one is repeated, for its request may be; that of the dead server waits at the gate too.
        let paths = passed(nictate, 5).await;
        assert_eq!(paths, ["/gate/0", "/gate/0", "/gate/1", "/gate/2", "/gate/3"]);
        for run in &runs {
            nictate.execution_in(run, "Completed").await;
        }
        let again = nictate.run_sync(&id, json!({"n": "later"}));
        nictate.tool.let_through(1);
        assert_eq!(again.await.ok(), json!({"out": "later"}));
    })
    .await;
}

#[tokio::test]
async fn a_full_line_is_told_with_429_and_takes_runs_again_when_it_moves() {
    on_both_with(
        |config| {
            config.limits.executions_active_per_workspace_max = 1;
            config.limits.executions_queued_per_workspace_max = 2;
        },
        async |nictate| {
            let id = nictate.publish("gate", &waits_at_the_gate(nictate)).await;
            let runs = execute_numbers(nictate, &id, 0..3).await;
            let reply = nictate.post(&format!("/playbooks/{id}/execute"), json!({})).await;
            let error = reply.error(429, "queue_full");
            assert_eq!(reply.header("retry-after"), "5");
            assert_eq!(error["data"], json!({"queued_max": 2, "whose": "workspace"}));
            assert_eq!(nictate.row_counts().await[2], 3, "what was refused is not there");
            nictate.tool.let_through(1);
            nictate.execution_in(&runs[0], "Completed").await;
            let last = nictate.execute(&id, json!({})).await;
            nictate.tool.let_through(3);
            for run in [&runs[1], &runs[2], &last] {
                nictate.execution_in(run, "Completed").await;
            }
        },
    )
    .await;
}

#[tokio::test]
async fn sleepers_leave_their_place_to_others_and_take_it_again_without_waiting() {
    on_both_with(
        one_at_a_time,
        async |nictate| {
            let naps = "- id: S1\n  action: internal.SetVariables\n  inputs: {Variables: [{Name: n, Type: Number, Value: '{{ 1 }}'}]}\n\
                        - id: S2\n  action: internal.Sleep\n  inputs: {Amount: 300, Unit: ms}";
            let step = format!("{naps}\n- id: S3\n  action: http.requestV2\n  inputs: {{url: {}/after}}", nictate.tool.url());
            let naps = nictate.publish("naps", &workflow(&step, "{{ variables.n }}")).await;
            let gate = nictate.publish("gate", &waits_at_the_gate(nictate)).await;
            let sleepers = [nictate.execute(&naps, json!({})).await, nictate.execute(&naps, json!({})).await];
            let at_gate = nictate.execute(&gate, json!({})).await;
            assert_eq!(state_of(nictate, &at_gate).await, "Running", "sleepers have no place");
            for sleeper in &sleepers {
                // The one at the gate has the only place all the while.
                nictate.execution_in(sleeper, "Completed").await;
            }
            assert_eq!(state_of(nictate, &at_gate).await, "Running");
            nictate.tool.let_through(1);
            nictate.execution_in(&at_gate, "Completed").await;
        },
    )
    .await;
}

#[tokio::test]
async fn a_queued_run_can_be_cancelled_and_waited_for() {
    on_both_with(one_at_a_time, async |nictate| {
        let id = nictate.publish("gate", &waits_at_the_gate(nictate)).await;
        let runs = execute_numbers(nictate, &id, 0..2).await;
        let reason = json!({"cancel_reason": "changed my mind"});
        nictate.post(&format!("/executions/{}/cancel", runs[1]), reason).await.ok();
        let row = nictate.get(&format!("/executions/{}", runs[1])).await.ok();
        assert_eq!((&row["state"], &row["cancel_reason"]), (&json!("Cancelled"), &json!("changed my mind")));
        let (waited, ()) = tokio::join!(nictate.run_sync(&id, json!({"n": "sync"})), async {
            until("it is queued", async || {
                let stats = nictate.get("/api/v1/api/stats").await.ok();
                stats.as_str().unwrap().contains("executions_queued=1").then_some(())
            })
            .await;
            nictate.tool.let_through(2);
        });
        assert_eq!(waited.ok(), json!({"out": "sync"}));
        let paths: Vec<_> = nictate.tool.seen_at("/gate/").into_iter().map(|seen| seen.path).collect();
        assert_eq!(paths, ["/gate/0", "/gate/sync"], "the cancelled one never began");
    })
    .await;
}

#[tokio::test]
async fn a_workspace_with_a_long_line_does_not_hold_another_back() {
    on_both_with(
        |config| config.limits.executions_active_max = 1,
        async |nictate| {
            let id = nictate.publish("gate", &waits_at_the_gate(nictate)).await;
            let tenant = nictate.tenant().await;
            let red = nictate.add_workspace(tenant, "red").await;
            nictate.add_member("rita", red, Role::Owner).await;
            let post = async |path: &str, body: Value| {
                let path = format!("/api/v1/workspace/{red}{path}");
                Reply::of(nictate.request_as(Some("rita"), Method::POST, &path).json(&body)).await.ok()
            };
            let body = json!({"name": "gate", "playbook": waits_at_the_gate(nictate), "active": true});
            let there = text(&post("/playbooks", body).await, "id");
            execute_numbers(nictate, &id, 0..20).await;
            post(&format!("/playbooks/{there}/execute"), json!({"n": "other"})).await;
            let paths = passed(nictate, 4).await;
            assert_eq!(paths[..3], ["/gate/0", "/gate/1", "/gate/other"]);
            nictate.tool.let_through(20);
        },
    )
    .await;
}

#[tokio::test]
async fn runs_that_only_sleep_are_queued_past_what_a_server_holds() {
    on_both_with(
        |config| config.limits.executions_held_max = 1,
        async |nictate| {
            let id = nictate.publish("sleeps", &workflow(SLEEPS, "{{ 1 }}")).await;
            let runs = [nictate.execute(&id, json!({})).await, nictate.execute(&id, json!({})).await];
            assert_eq!(state_of(nictate, &runs[0]).await, "Pending");
            assert_eq!(state_of(nictate, &runs[1]).await, "Queued");
            nictate.post_nothing(&format!("/executions/{}/cancel", runs[0])).await.ok();
            nictate.execution_in(&runs[1], "Pending").await;
        },
    )
    .await;
}

#[tokio::test]
async fn what_is_over_at_once_needs_no_place() {
    on_both_with(one_at_a_time, async |nictate| {
        let gate = nictate.publish("gate", &waits_at_the_gate(nictate)).await;
        let step = "- id: S1\n  action: internal.print\n  inputs: {text: x}";
        let prints = nictate.publish("prints", &workflow(step, "{{ 1 }}")).await;
        nictate.execute(&gate, json!({})).await;
        assert_eq!(nictate.run_sync(&prints, json!({})).await.ok(), json!({"out": 1}));
        nictate.tool.let_through(1);
    })
    .await;
}

#[tokio::test]
async fn queued_runs_that_another_server_has_taken_leave_the_line_at_once() {
    on_both_with(one_at_a_time, async |nictate| {
        // A server on SQLite is alone with it.
        if nictate.is_sqlite() {
            return;
        }
        let id = nictate.publish("gate", &waits_at_the_gate(nictate)).await;
        let runs = execute_numbers(nictate, &id, 0..3).await;
        let (taken, now): (ExecutionId, _) = (runs[1].parse().unwrap(), nictate.clock.now());
        let server = ServerId::of_name("another server");
        let lease_until = now.saturating_add(LEASE * 10);
        let row = Server { id: server, started_at: now, lease_until, version: "1".to_owned() };
        nictate
            .write_beside(async move |tx| {
                for forgotten in store::servers::list(tx).await? {
                    store::servers::remove(tx, forgotten.id).await?;
                }
                store::servers::register(tx, &row).await?;
                let workspace = WORKSPACE.parse().unwrap();
                assert!(executions::take_over(tx, server, workspace, taken, now).await?.is_some());
                Ok(())
            })
            .await;
        // It learns of it with its next beat, though nobody has given up a place.
        until("one is in line still", async || {
            let stats = nictate.get("/api/v1/api/stats").await.ok();
            stats.as_str().unwrap().contains("executions_in_flight=1 executions_queued=1").then_some(())
        })
        .await;
        assert_eq!(passed(nictate, 2).await, ["/gate/0", "/gate/2"]);
    })
    .await;
}

#[tokio::test]
async fn thousands_of_queued_runs_are_there_after_a_restart_and_all_of_them_run() {
    const RUNS: u64 = 4_000;
    on_both(async |nictate| {
        let id = nictate
            .publish(
                "prints",
                &workflow("- id: S1\n  action: internal.print\n  inputs: {text: x}", "{{ 1 }}"),
            )
            .await;
        let execution = nictate.execute(&id, json!({})).await;
        let workspace = WORKSPACE.parse().unwrap();
        let one = executions::get(&nictate.db, workspace, execution.parse().unwrap());
        let pattern = one.await.unwrap().unwrap();
        nictate.stop().await;
        nictate
            .write_beside(async move |tx| {
                for number in 0..RUNS {
                    let mut run = pattern.clone();
                    run.execution.id = ExecutionId::of_name(&number.to_string());
                    run.execution.state = ExecutionState::Queued;
                    (run.owner_server_id, run.outputs) = (None, None);
                    let queued = queued_runs::QueuedRun {
                        metadata: "{}".to_owned(),
                        run_time_ms: 1_000_000,
                        begins_at: None,
                        key: None,
                    };
                    executions::insert(tx, &run).await?;
                    queued_runs::insert(tx, run.execution.id, &queued).await?;
                }
                Ok(())
            })
            .await;
        nictate.start_again().await;
        let q =
            store::Query::parse(Some(r#"{"filter": {"state": "Completed"}, "limit": 1}"#), &FIELDS).unwrap();
        // One whose turn has come is neither in line nor in flight until it has been read.
        until("all of them have run", async || {
            let completed = executions::list(&nictate.db, workspace, &q).await.unwrap().total;
            (completed == RUNS + 1).then_some(())
        })
        .await;
    })
    .await;
}
