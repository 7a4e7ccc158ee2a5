//! What lists of runs show besides their rows, the history of a run's actions, and the name that a run can be given.

use reqwest::Method;
use serde_json::{Value, json};
use store::executions::INPUTS_SHOWN_CHARS_MAX;

use crate::executions::{calls_the_tool, workflow};
use crate::support::{NOBODY, Nictate, Reply, on_both, text};

const PRINTS: &str = "- id: S1\n  action: internal.print\n  inputs: {text: x}";
const SLEEPS: &str = "- id: S1\n  action: internal.Sleep\n  inputs: {duration: 1h}";
const FAILS: &str = "- id: S1\n  action: internal.EndRun\n  inputs: {status: Failed}";

/// A published workflow of these steps, and one run of it.
async fn run_of(nictate: &Nictate, name: &str, steps: &str, state: &str) -> String {
    let id = nictate.publish(name, &workflow(steps, "{{ 1 }}")).await;
    let run = nictate.execute(&id, json!({})).await;
    nictate.execution_in(&run, state).await;
    run
}

#[tokio::test]
async fn metrics_count_every_run_that_the_filter_lets_through() {
    on_both(async |nictate| {
        for name in ["one", "two"] {
            run_of(nictate, name, PRINTS, "Completed").await;
        }
        run_of(nictate, "fails", FAILS, "Failed").await;
        let waits = run_of(nictate, "sleeps", SLEEPS, "Pending").await;
        let cancelled = run_of(nictate, "cancelled", SLEEPS, "Pending").await;
        nictate.post_nothing(&format!("/executions/{cancelled}/cancel")).await.ok();

        let path = "/executions/with_metrics";
        let page = nictate.list(path, &json!({"limit": 1, "sort": ["name"]})).await.ok();
        assert_eq!((&page["limit"], &page["offset"], &page["total"]), (&json!(1), &json!(0), &json!(5)));
        assert_eq!(page["results"].as_array().unwrap().len(), 1);
        assert_eq!(page["results"][0]["id"], cancelled);
        let counts = json!({
            "cancelled": 1, "completed": 2, "failed": 1, "paused": 0, "pending": 1, "queued": 0, "running": 0,
            "timeout": 0, "total_executions": 5, "total_time_saved": 0,
        });
        assert_eq!(page["metrics"], counts);

        let filter = json!({"filter": {"name": {"$in": ["one", "sleeps"]}}, "select": ["name"]});
        let page = nictate.list(path, &filter).await.ok();
        assert_eq!(page["results"], json!([{"name": "sleeps"}, {"name": "one"}]));
        let metrics = &page["metrics"];
        assert_eq!((&metrics["completed"], &metrics["pending"]), (&json!(1), &json!(1)));
        assert_eq!(metrics["total_executions"], 2);
        let nothing = nictate.list(path, &json!({"filter": {"name": "nobody's"}})).await.ok();
        assert_eq!((&nothing["total"], &nothing["metrics"]["total_executions"]), (&json!(0), &json!(0)));
        nictate.list(path, &json!({"filter": {"nme": "x"}})).await.error(400, "query_invalid");
        nictate.post_nothing(&format!("/executions/{waits}/cancel")).await.ok();
    })
    .await;
}

#[tokio::test]
async fn inputs_are_listed_unless_they_are_too_long_for_a_list() {
    on_both(async |nictate| {
        let document = "inputs:\n  note: {type: text}\n".to_owned() + &workflow(PRINTS, "{{ inputs.note }}");
        let id = nictate.publish("notes", &document).await;
        // `{"note":""}` is 11 characters of it; an é is one character and two bytes.
        let fits = "é".repeat(INPUTS_SHOWN_CHARS_MAX - 11);
        let too_long = fits.clone() + "é";
        for note in ["short", &fits, &too_long] {
            nictate.run_sync(&id, json!({"input_values": {"note": note}})).await.ok();
        }
        let q = json!({"sort": ["execution_number"]});
        let rows = nictate.list("/executions/with_inputs", &q).await.results();
        let shown: Vec<&Value> = rows.iter().map(|row| &row["inputs"]).collect();
        assert_eq!(shown, [&json!({"note": "short"}), &json!({"note": fits}), &json!({})]);
        let left_out: Vec<&Value> = rows.iter().map(|row| &row["inputs_left_out"]).collect();
        assert_eq!(left_out, [&json!(false), &json!(false), &json!(true)]);
        assert_eq!(rows[0]["playbook_id"], id);
        // The plain list knows none.
        nictate.list("/executions", &json!({"select": ["inputs"]})).await.error(400, "query_invalid");
    })
    .await;
}

#[tokio::test]
async fn the_history_names_the_actions_that_were_carried_out() {
    on_both(async |nictate| {
        nictate.connect("edge", "one").await;
        let calls = calls_the_tool("edge", nictate.tool.url());
        let skipped = "      - id: S3\n        when: false\n        action: internal.print\n        inputs: {text: x}\n";
        let document = calls.replace("outputs:\n", &format!("{skipped}outputs:\n"));
        let id = nictate.publish("calls", &document).await;
        let run = nictate.execute(&id, json!({"user": "ann"})).await;
        let full = nictate.execution_in(&run, "Completed").await;

        let page = nictate.get(&format!("/executions/{run}/action_history")).await;
        let rows = page.results();
        assert_eq!((rows.len(), &page.ok()["total"]), (2, &json!(2)), "the third was skipped");
        assert_eq!((&rows[0]["cmd"], &rows[0]["name"]), (&json!("http.requestV2"), &json!("Tell the tool")));
        assert_eq!((&rows[1]["cmd"], &rows[1]["step_id"]), (&json!("internal.SetVariables"), &json!("S2")));
        let steps = nictate.get(&format!("/executions/{run}/steps")).await;
        assert_eq!(steps.results().len(), 3);
        for (row, step) in rows.iter().zip(steps.results()) {
            for member in ["id", "execution_id", "step_id", "created_at", "created_by", "updated_at", "tenant_id"] {
                assert_eq!(row[member], step[member], "{member}");
            }
            assert_eq!((&row["execution_id"], &row["created_by"]), (&json!(run), &full["created_by"]));
        }
        let second = json!({"limit": 1, "offset": 1, "select": ["cmd"]});
        let second = nictate.list(&format!("/executions/{run}/action_history"), &second).await.results();
        assert_eq!(second, [json!({"cmd": "internal.SetVariables"})]);
        let nothing = nictate.get(&format!("/executions/{NOBODY}/action_history")).await;
        nothing.error(404, "execution_not_found");
    })
    .await;
}

#[tokio::test]
async fn a_run_can_be_given_a_name_and_nothing_else_of_it_can_be_changed() {
    on_both(async |nictate| {
        let run = run_of(nictate, "prints", PRINTS, "Completed").await;
        let path = format!("/executions/{run}");
        let before = nictate.get(&path).await;
        let (tag, before) = (before.header("etag").to_owned(), before.ok());

        // The whole run sent back, as clients do.
        let mut changed = before.clone();
        changed["name"] = json!("the one before the incident");
        let after = nictate.put(&path, changed).await.ok();
        assert_eq!(after["name"], "the one before the incident");
        assert_eq!(after["display_name"], "the one before the incident #1");
        assert_eq!((&after["playbook_name"], &after["state"]), (&json!("prints"), &json!("Completed")));
        let known = nictate.request(Method::GET, &path).header("If-None-Match", tag);
        assert_eq!(Reply::of(known).await.ok()["name"], after["name"], "its tag is another");
        let found = nictate.list("/executions", &json!({"filter": {"name": after["name"]}})).await;
        assert_eq!(found.column("id"), std::slice::from_ref(&run));
        let [entry] = nictate.audited("execution.renamed").await.try_into().unwrap();
        assert_eq!(entry.entity_id, run);

        for (body, says) in [
            (json!({"state": "Failed"}), "it is `\"Completed\"`, not `\"Failed\"`"),
            (json!({"name": "x", "cancel_reason": "why not"}), "`cancel_reason`"),
            (json!({"input_values": {"a": 1}}), "`input_values`"),
            (json!({"started_at": 1}), "`started_at`"),
        ] {
            let error = nictate.put(&path, body.clone()).await.error(400, "execution_immutable");
            assert!(text(&error, "message").contains(says), "{body}: {error}");
        }
        nictate.put(&path, json!({"nme": "x"})).await.error(400, "body_invalid");
        nictate.put(&path, json!({"name": "x\ny"})).await.error(400, "name_invalid");
        // Members that say nothing, as clients in Go send them.
        let nothing =
            json!({"name": "", "state": "", "started_at": 0, "step_results": null, "input_values": {}});
        assert_eq!(nictate.put(&path, nothing).await.ok()["name"], after["name"]);
        let again = nictate.put(&path, json!({"name": "prints"})).await.ok();
        assert_eq!(again["display_name"], "prints #1");
        assert_eq!(nictate.audited("execution.renamed").await.len(), 2);
        nictate.put(&format!("/executions/{NOBODY}"), json!({})).await.error(404, "execution_not_found");
    })
    .await;
}
