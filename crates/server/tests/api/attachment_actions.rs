//! Steps on the files of records.

use serde_json::{Value, json};

use crate::attachments::{case, hex, place, put, settle, stored};
use crate::executions::workflow;
use crate::support::{Nictate, on_both, text, until};
use crate::table_actions::{PAUSE, begun_again};

/// The run of a workflow, ended.
async fn run(nictate: &Nictate, steps: &str, output: &str) -> Value {
    let name = format!("w{}", nictate.list("/playbooks", &json!({"limit": 1})).await.ok()["total"]);
    let id = nictate.publish(&name, &workflow(steps, output)).await;
    let execution = nictate.execute(&id, json!({})).await;
    until("the run has ended", async || {
        let run = nictate.get(&format!("/executions/{execution}")).await.ok();
        ["Completed", "Failed"].contains(&run["state"].as_str().unwrap_or_default()).then_some(run)
    })
    .await
}

/// What a step of that action answers.
async fn answer(nictate: &Nictate, action: &str, inputs: &Value) -> Value {
    let step = format!("- id: S1\n  action: {action}\n  inputs: {inputs}");
    let run = run(nictate, &step, "{{ steps.S1.output }}").await;
    assert_eq!(run["state"], "Completed", "{run}");
    run["outputs"]["out"].clone()
}

/// The code of the failure of a run's only failed step.
async fn failure(nictate: &Nictate, steps: &str) -> String {
    let run = run(nictate, steps, "{{ 1 }}").await;
    assert_eq!(run["state"], "Failed", "{run}");
    let steps = nictate.get(&format!("/executions/{}/steps", text(&run, "id"))).await.results();
    text(&steps.iter().find(|step| step["error_data"].is_object()).unwrap()["error_data"], "code")
}

fn saves(name: &str, output: &str) -> String {
    format!(
        "- id: S1\n  action: internal.print\n  inputs: {{text: x}}\n  mock_output_enabled: true\n  mock_output: {output}\n  \
         save_output_to_file: {name}\n"
    )
}

fn updates(table: &str, id: &str, column: &str, name: &str) -> String {
    let inputs = json!({"table": table, "record_id": id, "column": column, "file_name": name});
    format!("- id: S2\n  action: tables.UpdateFileColumn\n  inputs: {inputs}\n")
}

#[tokio::test]
async fn steps_put_files_of_the_run_into_records_and_read_them() {
    on_both(async |nictate| {
        settle(nictate).await;
        let id = case(nictate, "a").await;
        let steps = format!("{}{}", saves("notes.txt", "\"héllo\""), updates("cases", &id, "report", "notes.txt"));
        let done = run(nictate, &steps, "{{ steps.S2.output }}").await;
        let file = done["outputs"]["out"]["file"].clone();
        assert_eq!((&file["name"], &file["sha256"]), (&json!("notes.txt"), &json!(hex("héllo".as_bytes()))), "{done}");
        assert_eq!(nictate.get(&format!("/table/cases/{id}")).await.ok()["report"], file);
        let got = nictate.get(&place(&id, "report")).await;
        assert_eq!((got.text.as_str(), got.header("content-type")), ("héllo", "text/plain; charset=utf-8"));
        let [audited] = nictate.audited("record.edited").await.try_into().unwrap();
        assert_eq!(audited.actor_type, store::audit::ActorType::Execution);

        let at = |shows: bool| json!({"table": "cases", "record_id": id, "column": "report", "show_output": shows});
        let mut told = json!({"file_name": "notes.txt", "content_type": "text/plain; charset=utf-8", "size_bytes": 6});
        assert_eq!(answer(nictate, "tables.GetFileContent", &at(false)).await, told);
        told["content"] = json!("héllo");
        assert_eq!(answer(nictate, "tables.GetFileContent", &at(true)).await, told);
        put(nictate, (&id, "report", "b.bin"), vec![0xff, 0xfe]).await.ok();
        assert_eq!(answer(nictate, "tables.GetFileContent", &at(true)).await["content"], Value::Null);

        let cleared = run(nictate, &updates("cases", &id, "report", ""), "{{ steps.S2.output }}").await;
        assert_eq!(cleared["outputs"]["out"], json!({"file": null}));
        nictate.get(&place(&id, "report")).await.error(404, "attachment_not_found");
    })
    .await;
}

#[tokio::test]
async fn a_step_on_files_that_cannot_be_fails_and_keeps_nothing() {
    on_both(async |nictate| {
        settle(nictate).await;
        let id = case(nictate, "a").await;
        let reads = |id: &str, column: &str| {
            let inputs = json!({"table": "cases", "record_id": id, "column": column});
            format!("- id: S1\n  action: tables.GetFileContent\n  inputs: {inputs}\n")
        };
        let nobody = crate::support::NOBODY;
        for (steps, code) in [
            (updates("cases", &id, "report", "nothing.txt"), "file_not_found"),
            (updates("nowhere", &id, "report", "a.txt"), "table_not_found"),
            (updates("cases", &id, "nothing", "a.txt"), "table_field_not_found"),
            (updates("cases", &id, "title", "a.txt"), "attachment_invalid"),
            (updates("cases", "x", "report", "a.txt"), "record_not_found"),
            (updates("cases", nobody, "report", ""), "record_not_found"),
            (reads(&id, "report"), "attachment_not_found"),
            (reads(&id, "title"), "attachment_invalid"),
            (reads(nobody, "report"), "record_not_found"),
        ] {
            assert_eq!(failure(nictate, &steps).await, code, "{steps}");
        }
        assert!(stored(nictate).is_empty());
        put(nictate, (&id, "report", "a"), "x".repeat(3 * 1024 * 1024)).await.ok();
        assert_eq!(
            answer(
                nictate,
                "tables.GetFileContent",
                &json!({"table": "cases", "record_id": id, "column": "report"})
            )
            .await["size_bytes"],
            3 * 1024 * 1024
        );
        put(nictate, (&id, "report", "a"), "x".repeat(3 * 1024 * 1024 + 1)).await.ok();
        assert_eq!(failure(nictate, &reads(&id, "report")).await, "attachment_too_large");
    })
    .await;
}

#[tokio::test]
async fn a_step_that_has_put_its_file_does_not_do_so_again() {
    on_both(async |nictate| {
        settle(nictate).await;
        let id = case(nictate, "a").await;
        let put = updates("cases", &id, "report", "notes.txt");
        let steps = format!("{}{PAUSE}{put}", saves("notes.txt", "\"hello\""));
        let answered = begun_again(nictate, &steps, "{\"file\":\"before\"}").await;
        assert_eq!(answered, json!({"file": "before"}));
        assert_eq!(nictate.get(&format!("/table/cases/{id}")).await.ok()["report"], Value::Null);
    })
    .await;
}
