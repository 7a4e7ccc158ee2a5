//! Workflows that say how many of their runs may have one key at a time.

use serde_json::{Value, json};
use types::limits::CONCURRENCY_KEY_BYTES_MAX;

use crate::executions::workflow;
use crate::support::{Nictate, on_both, until};

/// Waits at the tool's gate, one at a time for each host.
fn one_per_host(nictate: &Nictate, on_full: &str) -> String {
    let url = nictate.tool.url();
    let step = format!(
        "- id: S1\n  action: http.requestV2\n  inputs: {{url: '{url}/gate/{{{{ inputs.host }}}}/{{{{ inputs.n }}}}'}}"
    );
    format!(
        "inputs:\n  n: {{type: text, default: x}}\n  host: {{type: text, default: h}}\n\
         concurrency: {{key: '{{{{ inputs.host }}}}', limit: 1, on_full: {on_full}}}\n{}",
        workflow(&step, "{{ inputs.n }}")
    )
}

async fn start(nictate: &Nictate, workflow: &str, host: &str, number: u32) -> String {
    nictate.execute(workflow, json!({"host": host, "n": number.to_string()})).await
}

async fn at_gate(nictate: &Nictate, requests: usize) -> Vec<String> {
    until("so many are at the gate", async || {
        let paths: Vec<_> = nictate.tool.seen_at("/gate/").into_iter().map(|seen| seen.path).collect();
        (paths.len() >= requests).then_some(paths)
    })
    .await
}

async fn state_of(nictate: &Nictate, run: &str) -> Value {
    nictate.get(&format!("/executions/{run}")).await.ok()["state"].clone()
}

#[tokio::test]
async fn runs_with_one_key_take_turns_in_order_and_others_do_not_wait() {
    on_both(async |nictate| {
        let id = nictate.publish("hosts", &one_per_host(nictate, "queue")).await;
        let mut runs = Vec::new();
        for number in 0..3 {
            runs.push(start(nictate, &id, "a", number).await);
        }
        let other = start(nictate, &id, "b", 9).await;
        let paths = at_gate(nictate, 2).await;
        assert_eq!(paths, ["/gate/a/0", "/gate/b/9"]);
        assert_eq!(state_of(nictate, &runs[1]).await, "Queued");
        for requests in [3, 4] {
            nictate.tool.let_through(if requests == 3 { 2 } else { 1 });
            at_gate(nictate, requests).await;
        }
        assert_eq!(at_gate(nictate, 4).await[2..], ["/gate/a/1", "/gate/a/2"]);
        nictate.tool.let_through(1);
        for run in runs.iter().chain([&other]) {
            nictate.execution_in(run, "Completed").await;
        }
    })
    .await;
}

#[tokio::test]
async fn keys_are_held_over_a_crash() {
    on_both(async |nictate| {
        let id = nictate.publish("hosts", &one_per_host(nictate, "queue")).await;
        let runs = [start(nictate, &id, "a", 0).await, start(nictate, &id, "a", 1).await];
        at_gate(nictate, 1).await;
        nictate.crash_and_start().await;
        // The first one's request is made again; the second one waits on.
        assert_eq!(at_gate(nictate, 2).await, ["/gate/a/0", "/gate/a/0"]);
        assert_eq!(state_of(nictate, &runs[1]).await, "Queued");
        nictate.tool.let_through(2);
        assert_eq!(at_gate(nictate, 3).await[2], "/gate/a/1");
        nictate.tool.let_through(1);
        nictate.execution_in(&runs[1], "Completed").await;
    })
    .await;
}

#[tokio::test]
async fn the_oldest_run_is_cancelled_for_a_newer_one() {
    on_both(async |nictate| {
        let id = nictate.publish("hosts", &one_per_host(nictate, "cancel_oldest")).await;
        let old = start(nictate, &id, "a", 0).await;
        at_gate(nictate, 1).await;
        let new = start(nictate, &id, "a", 1).await;
        let row = nictate.execution_in(&old, "Cancelled").await;
        assert!(row["cancel_reason"].as_str().unwrap().starts_with("`concurrency`: a newer run"), "{row}");
        at_gate(nictate, 2).await;
        nictate.tool.let_through(2);
        nictate.execution_in(&new, "Completed").await;
    })
    .await;
}

#[tokio::test]
async fn the_newest_run_is_cancelled_if_it_finds_its_key_held() {
    on_both(async |nictate| {
        let id = nictate.publish("hosts", &one_per_host(nictate, "cancel_newest")).await;
        let old = start(nictate, &id, "a", 0).await;
        at_gate(nictate, 1).await;
        let new = start(nictate, &id, "a", 1).await;
        let row = nictate.execution_in(&new, "Cancelled").await;
        assert!(row["cancel_reason"].as_str().unwrap().contains("1 with the same key may run"), "{row}");
        nictate.tool.let_through(1);
        nictate.execution_in(&old, "Completed").await;
        let free = start(nictate, &id, "a", 2).await;
        nictate.tool.let_through(1);
        nictate.execution_in(&free, "Completed").await;
    })
    .await;
}

#[tokio::test]
async fn a_run_that_sleeps_holds_its_key_and_one_that_waits_for_it_can_be_cancelled() {
    on_both(async |nictate| {
        let sleeps = workflow("- id: S1\n  action: internal.Sleep\n  inputs: {duration: 1h}", "{{ 1 }}");
        let id = nictate.publish("sleeps", &format!("concurrency: 1\n{sleeps}")).await;
        let runs = [
            nictate.execute(&id, json!({})).await,
            nictate.execute(&id, json!({})).await,
            nictate.execute(&id, json!({})).await,
        ];
        nictate.execution_in(&runs[0], "Pending").await;
        nictate.post_nothing(&format!("/executions/{}/cancel", runs[1])).await.ok();
        nictate.execution_in(&runs[1], "Cancelled").await;
        assert_eq!(state_of(nictate, &runs[2]).await, "Queued");
        nictate.post_nothing(&format!("/executions/{}/cancel", runs[0])).await.ok();
        nictate.execution_in(&runs[2], "Pending").await;
    })
    .await;
}

#[tokio::test]
async fn runs_that_steps_call_wait_in_the_order_in_which_they_were_accepted() {
    const RUNS: u32 = 6;
    on_both(async |nictate| {
        let callee = nictate.publish("hosts", &one_per_host(nictate, "queue")).await;
        let steps = format!(
            "- id: S1\n  action: automations.{callee}\n  configuration: {{run_async: true}}\n  inputs: {{host: a, n: '{{{{ inputs.n }}}}'}}"
        );
        let caller = format!("inputs:\n  n: {{type: text, default: x}}\n{}", workflow(&steps, "{{ 1 }}"));
        let caller = nictate.publish("calls", &caller).await;
        for number in 0..RUNS {
            // Called and started ones stand in one line.
            match number % 3 {
                2 => drop(start(nictate, &callee, "a", number).await),
                _ => drop(nictate.run_sync(&caller, json!({"n": number.to_string()})).await.ok()),
            }
        }
        for requests in 1..=RUNS as usize {
            at_gate(nictate, requests).await;
            nictate.tool.let_through(1);
        }
        let expected: Vec<_> = (0..RUNS).map(|number| format!("/gate/a/{number}")).collect();
        assert_eq!(at_gate(nictate, RUNS as usize).await, expected);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_too_long_is_refused_before_anything_runs() {
    on_both(async |nictate| {
        let document = format!(
            "inputs:\n  n: {{type: text, required: true}}\nconcurrency: {{key: '{{{{ inputs.n }}}}', limit: 1}}\n{}",
            workflow("- id: S1\n  action: internal.print\n  inputs: {text: x}", "{{ 1 }}")
        );
        let id = nictate.publish("keyed", &document).await;
        let (most, over) = ("x".repeat(CONCURRENCY_KEY_BYTES_MAX), "x".repeat(CONCURRENCY_KEY_BYTES_MAX + 1));
        let reply = nictate.post(&format!("/playbooks/{id}/execute"), json!({"n": over})).await;
        reply.error(400, "concurrency_key_invalid");
        assert_eq!(nictate.row_counts().await[2], 0);
        assert_eq!(nictate.run_sync(&id, json!({"n": most})).await.ok(), json!({"out": 1}));
    })
    .await;
}

#[tokio::test]
async fn many_short_runs_with_one_key_all_come_to_their_end() {
    on_both(async |nictate| {
        let step = "- id: S1\n  action: internal.Sleep\n  inputs: {Amount: 1, Unit: ms}";
        let id = nictate.publish("naps", &format!("concurrency: 2\n{}", workflow(step, "{{ 1 }}"))).await;
        let mut runs = Vec::new();
        for _ in 0..40 {
            runs.push(nictate.execute(&id, json!({})).await);
        }
        for run in &runs {
            nictate.execution_in(run, "Completed").await;
        }
    })
    .await;
}
