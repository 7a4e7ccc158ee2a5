//! Runs that go on from a step of another run: one, and those that a filter lets through.

use serde_json::{Value, json};

use crate::executions::workflow;
use crate::support::{NOBODY, Nictate, on_both, on_both_with, one_at_a_time, text, until};

/// Two calls; the second fails unless the address says otherwise.
fn calls(url: &str, second: &str) -> String {
    let steps = format!(
        "- id: S1\n  action: http.requestV2\n  inputs: {{method: POST, url: {url}/first}}\n\
         - id: S2\n  action: http.requestV2\n  inputs: {{method: POST, url: '{url}{second}'}}"
    );
    workflow(&steps, "{{ steps.S1.output.ok }}")
}

/// A run whose second call has failed, once; from then on it does not.
async fn failed_once(nictate: &Nictate, workflow: &str) -> String {
    let run = nictate.execute(workflow, json!({})).await;
    nictate.execution_in(&run, "Failed").await;
    run
}

async fn restart(nictate: &Nictate, run: &str, body: Value) -> Value {
    nictate.post(&format!("/executions/{run}/restart"), body).await.ok()
}

#[tokio::test]
async fn a_run_goes_on_from_the_step_that_failed_as_a_run_of_its_own() {
    on_both(async |nictate| {
        let id = nictate.publish("calls", &calls(nictate.tool.url(), "/fails-once")).await;
        let run = failed_once(nictate, &id).await;
        let answer = restart(nictate, &run, json!({})).await;
        let again = text(&answer, "execution_id");
        let expected =
            json!({"id": run, "execution_id": again, "step": "S2", "cancelled": false, "error": {}});
        assert_eq!(answer, expected);
        let full = nictate.execution_in(&again, "Completed").await;
        assert_eq!(full["outputs"], json!({"out": true}));
        assert_eq!(
            (&full["input_values_origin_exec_id"], &full["trigger_type"]),
            (&json!(run), &json!("restart"))
        );
        let from = (&full["restarted_from_execution_id"], &full["restarted_from_step"]);
        assert_eq!(from, (&json!(run), &json!("S2")));
        assert!(full["net_runtime_ms"].as_i64().unwrap() <= full["duration"].as_i64().unwrap());
        let counts = [nictate.tool.seen_at("/first").len(), nictate.tool.seen_at("/fails-once").len()];
        assert_eq!(counts, [1, 2], "what is in the journal does not run again");
        let steps = nictate.get(&format!("/executions/{again}/steps")).await.results();
        let states: Vec<_> = steps.iter().map(|step| (text(step, "step_id"), text(step, "state"))).collect();
        assert_eq!(states, [("S1".into(), "OK".into()), ("S2".into(), "OK".into())]);
        // The other one stays as it was, and is found from this one.
        assert_eq!(nictate.get(&format!("/executions/{run}")).await.ok()["state"], "Failed");
        let filter = json!({"filter": {"restarted_from_execution_id": run}});
        assert_eq!(nictate.list("/executions", &filter).await.column("id"), std::slice::from_ref(&again));
        let [entry] = nictate.audited("execution.restarted").await.try_into().unwrap();
        assert_eq!(entry.entity_id, run);

        // From the beginning, and after a crash: it is a run like any other.
        let whole = text(&restart(nictate, &again, json!({"step": "S1"})).await, "execution_id");
        nictate.execution_in(&whole, "Completed").await;
        nictate.stop().await;
        nictate.start_again().await;
        assert_eq!(nictate.get(&format!("/executions/{whole}")).await.ok()["state"], "Completed");
    })
    .await;
}

#[tokio::test]
async fn a_restart_is_pinned_to_the_document_of_the_run() {
    on_both(async |nictate| {
        let id = nictate.publish("calls", &calls(nictate.tool.url(), "/fails-once")).await;
        let run = failed_once(nictate, &id).await;
        let other = json!({"playbook": calls(nictate.tool.url(), "/elsewhere"), "active": true});
        nictate.put(&format!("/playbooks/{id}"), other).await.ok();
        let again = text(&restart(nictate, &run, json!({})).await, "execution_id");
        nictate.execution_in(&again, "Completed").await;
        assert!(nictate.tool.seen_at("/elsewhere").is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_paused_run_is_cancelled_when_another_goes_on_for_it() {
    on_both(async |nictate| {
        let document = calls(nictate.tool.url(), "/fails-once")
            .replace("/fails-once'}", "/fails-once'}\n        retry: {attempts: 1, on_exhausted: pause}");
        let id = nictate.publish("calls", &document).await;
        let run = nictate.execute(&id, json!({})).await;
        nictate.execution_in(&run, "Paused").await;
        // One that cannot begin leaves it as it is.
        let body = json!({"step": "S7"});
        nictate.post(&format!("/executions/{run}/restart"), body).await.error(400, "step_invalid");
        nictate.execution_in(&run, "Paused").await;
        let answer = restart(nictate, &run, json!({})).await;
        assert_eq!((&answer["cancelled"], &answer["step"]), (&json!(true), &json!("S2")));
        let again = text(&answer, "execution_id");
        nictate.execution_in(&again, "Completed").await;
        let old = nictate.execution_in(&run, "Cancelled").await;
        assert_eq!(old["cancel_reason"], format!("restarted as {again}"));
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_restarted_is_refused_by_name() {
    on_both(async |nictate| {
        let sleeps = workflow("- id: S1\n  action: internal.Sleep\n  inputs: {duration: 1h}", "{{ 1 }}");
        let id = nictate.publish("sleeps", &sleeps).await;
        let waits = nictate.execute(&id, json!({})).await;
        nictate.execution_in(&waits, "Pending").await;
        let refuse = async |run: &str, body: Value, code: &str| {
            nictate.post(&format!("/executions/{run}/restart"), body).await.error(400, code)
        };
        let error = refuse(&waits, json!({}), "execution_not_ended").await;
        assert_eq!(error["data"]["state"], "Pending");
        nictate.post_nothing(&format!("/executions/{waits}/cancel")).await.ok();
        let error = refuse(&waits, json!({}), "step_invalid").await;
        assert!(text(&error, "message").contains("name the one to begin with"), "{error}");
        let error = refuse(&waits, json!({"step": "S9"}), "step_invalid").await;
        assert!(text(&error, "message").contains("`S9`"), "{error}");
        nictate.put(&format!("/playbooks/{id}"), json!({"active": false})).await.ok();
        refuse(&waits, json!({"step": "S1"}), "workflow_inactive").await;
        nictate.delete(&format!("/playbooks/{id}")).await;
        let gone = nictate.post(&format!("/executions/{waits}/restart"), json!({"step": "S1"})).await;
        gone.error(404, "workflow_not_found");
        let nothing = nictate.post(&format!("/executions/{NOBODY}/restart"), json!({})).await;
        nothing.error(404, "execution_not_found");
        assert_eq!(nictate.get("/executions").await.ok()["total"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_restarted_run_has_the_files_of_the_steps_that_it_does_not_repeat() {
    on_both(async |nictate| {
        let document = calls(nictate.tool.url(), "/fails-once")
            .replace("/first}", "/first}\n        save_output_to_file: first.json");
        let document = document.replace("steps.S1.output.ok", "steps.S1.output.file.id");
        let id = nictate.publish("calls", &document).await;
        let run = failed_once(nictate, &id).await;
        let again = text(&restart(nictate, &run, json!({})).await, "execution_id");
        let file = text(&nictate.execution_in(&again, "Completed").await["outputs"], "out");
        let list = nictate.get(&format!("/executions/{again}/files")).await.results();
        assert_eq!((list.len(), &list[0]["id"], &list[0]["path"]), (1, &json!(file), &json!("S1")));
        let content = nictate.get(&format!("/executions/{again}/files/{file}")).await;
        assert_eq!(content.ok(), json!({"ok": true}));
        // From there on once more, and from the very beginning.
        let third = text(&restart(nictate, &again, json!({"step": "S2"})).await, "execution_id");
        nictate.execution_in(&third, "Completed").await;
        assert_eq!(nictate.get(&format!("/executions/{third}/files/{file}")).await.ok(), json!({"ok": true}));
        let whole = text(&restart(nictate, &run, json!({"step": "S1"})).await, "execution_id");
        let own = text(&nictate.execution_in(&whole, "Completed").await["outputs"], "out");
        assert_ne!(own, file);
        assert_eq!(nictate.get(&format!("/executions/{whole}/files")).await.column("id"), [own]);
    })
    .await;
}

#[tokio::test]
async fn a_restarted_run_waits_for_a_place_and_is_not_lost_meanwhile() {
    on_both_with(one_at_a_time, async |nictate| {
        let id = nictate.publish("calls", &calls(nictate.tool.url(), "/fails-once")).await;
        let gate =
            format!("- id: S1\n  action: http.requestV2\n  inputs: {{url: {}/gate}}", nictate.tool.url());
        let gate = nictate.publish("gate", &workflow(&gate, "{{ 1 }}")).await;
        let run = failed_once(nictate, &id).await;
        nictate.execute(&gate, json!({})).await;
        // One that is to be cancelled while it waits never begins.
        let other = text(&restart(nictate, &run, json!({})).await, "execution_id");
        nictate.post_nothing(&format!("/executions/{other}/cancel")).await.ok();
        nictate.execution_in(&other, "Cancelled").await;
        assert_eq!(nictate.tool.seen_at("/fails-once").len(), 1);

        let again = text(&restart(nictate, &run, json!({})).await, "execution_id");
        let row = nictate.get(&format!("/executions/{again}")).await.ok();
        assert_eq!((&row["state"], &row["restarted_from_step"]), (&json!("Queued"), &json!("S2")));
        // What it has copied is its own already.
        let steps = nictate.get(&format!("/executions/{again}/steps")).await;
        assert_eq!(steps.column("step_id"), ["S1"]);
        nictate.crash_and_start().await;
        nictate.tool.let_through(2);
        assert_eq!(nictate.execution_in(&again, "Completed").await["outputs"], json!({"out": true}));
        let counts = [nictate.tool.seen_at("/first").len(), nictate.tool.seen_at("/fails-once").len()];
        assert_eq!(counts, [1, 2], "what is in the journal does not run again");
    })
    .await;
}

#[tokio::test]
async fn a_restarted_run_waits_for_its_key_and_holds_it() {
    on_both(async |nictate| {
        for on_full in ["queue", "cancel_newest"] {
            let steps = "- id: S1\n  action: internal.Sleep\n  inputs: {duration: 1h}";
            let keyed =
                format!("concurrency: {{limit: 1, on_full: {on_full}}}\n{}", workflow(steps, "{{ 1 }}"));
            let id = nictate.publish(on_full, &keyed).await;
            let first = nictate.execute(&id, json!({})).await;
            nictate.execution_in(&first, "Pending").await;
            nictate.post_nothing(&format!("/executions/{first}/cancel")).await.ok();
            let holder = nictate.execute(&id, json!({})).await;
            nictate.execution_in(&holder, "Pending").await;
            let again = text(&restart(nictate, &first, json!({"step": "S1"})).await, "execution_id");
            assert_eq!(nictate.get(&format!("/executions/{again}")).await.ok()["state"], "Queued");
            nictate.post_nothing(&format!("/executions/{holder}/cancel")).await.ok();
            nictate.execution_in(&again, "Pending").await;
            // It counts: whoever comes now waits for it, or is refused.
            let next = nictate.execute(&id, json!({})).await;
            let state = if on_full == "queue" { "Queued" } else { "Cancelled" };
            nictate.execution_in(&next, state).await;
            nictate.post_nothing(&format!("/executions/{again}/cancel")).await.ok();
        }
    })
    .await;
}

#[tokio::test]
async fn many_runs_are_restarted_by_a_filter_and_each_is_answered() {
    on_both(async |nictate| {
        let mut failed = Vec::new();
        for number in 0..3 {
            let document = calls(nictate.tool.url(), &format!("/fails-once?{number}"));
            let id = nictate.publish(&format!("calls {number}"), &document).await;
            failed.push(failed_once(nictate, &id).await);
        }
        let sleeps = workflow("- id: S1\n  action: internal.Sleep\n  inputs: {duration: 1h}", "{{ 1 }}");
        let id = nictate.publish("sleeps", &sleeps).await;
        let waits = nictate.execute(&id, json!({})).await;
        let many = async |q: Value| {
            let request = nictate.request(reqwest::Method::POST, "/executions/restart");
            crate::support::Reply::of(request.query(&[("q", q.to_string())]).json(&json!({}))).await
        };
        many(json!({"limit": 101})).await.error(400, "query_invalid");
        many(json!({"filter": {"nme": 1}})).await.error(400, "query_invalid");
        let q = json!({"filter": {"id": {"$in": [failed[0], failed[1], waits]}}, "sort": ["created_at"]});
        let answer = many(q).await.ok();
        assert_eq!(answer["total"], 3);
        let results = answer["results"].as_array().unwrap();
        assert_eq!(
            results.iter().map(|row| text(row, "id")).collect::<Vec<_>>(),
            [&*failed[0], &failed[1], &waits]
        );
        for row in &results[..2] {
            assert_eq!((&row["step"], &row["error"]), (&json!("S2"), &json!({})));
            nictate.execution_in(&text(row, "execution_id"), "Completed").await;
        }
        let error = json!({
            "identifier": "execution_not_ended",
            "message": "Cannot restart execution: it has not ended, and is not paused",
        });
        assert_eq!((&results[2]["error"], &results[2]["execution_id"]), (&error, &json!("")));
        // A page is all that is restarted.
        let one = many(json!({"filter": {"state": "Failed"}, "limit": 1})).await.ok();
        assert_eq!((&one["total"], one["results"].as_array().unwrap().len()), (&json!(3), 1));
        nictate.post_nothing(&format!("/executions/{waits}/cancel")).await.ok();
        until("all have ended", async || {
            let going = json!({"filter": {"state": {"$in": ["Running", "Queued"]}}});
            (nictate.list("/executions", &going).await.ok()["total"] == 0).then_some(())
        })
        .await;
    })
    .await;
}
