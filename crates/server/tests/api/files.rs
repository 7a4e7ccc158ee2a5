//! Outputs of steps that are kept as files.

use reqwest::Method;
use serde_json::{Value, json};
use types::Role;

use crate::executions::workflow;
use crate::support::{NOBODY, Nictate, Reply, on_both, text};

/// A run of steps that has completed.
async fn run(nictate: &Nictate, name: &str, steps: &str, output: &str, inputs: Value) -> Value {
    let document = format!("inputs:\n  x: {{type: text}}\n{}", workflow(steps, output));
    let id = nictate.publish(name, &document).await;
    let run = nictate.execute(&id, inputs).await;
    nictate.execution_in(&run, "Completed").await
}

fn files_of(run: &Value) -> String {
    format!("/executions/{}/files", text(run, "id"))
}

#[tokio::test]
async fn a_saved_output_is_downloaded_as_it_was_and_the_run_says_where_it_is() {
    on_both(async |nictate| {
        let steps = format!(
            "- id: S1\n  action: http.requestV2\n  inputs: {{url: {}/list}}\n  save_output_to_file: '{{{{ inputs.x }}}}'\n\
             - id: S2\n  action: http.requestV2\n  mock_output_enabled: true\n  mock_output: \"nul \\0 ü\"\n  save_output_to_file: true\n\
             - id: S3\n  action: internal.print\n  inputs: {{text: x}}",
            nictate.tool.url()
        );
        let name = "héllo \"a\"; b.json";
        let run = run(nictate, "saves", &steps, "{{ steps.S1.output }}", json!({"x": name})).await;
        let list = nictate.get(&files_of(&run)).await.results();
        let shown: Vec<_> = list.iter().map(|file| [&file["path"], &file["name"], &file["content_type"]]).collect();
        assert_eq!(
            json!(shown),
            json!([
                ["S1", name, "application/json"],
                ["S2", "S2.txt", "text/plain; charset=utf-8"],
            ])
        );
        assert!(list[0]["created_at"].as_i64() >= run["started_at"].as_i64());
        let reference = json!({"file": {
            "id": list[0]["id"], "name": name, "content_type": "application/json", "size_bytes": 11,
        }});
        assert_eq!(run["outputs"], json!({"out": reference}));
        let steps = nictate.get(&format!("/executions/{}/steps", text(&run, "id"))).await.results();
        assert_eq!(steps[0]["output_data"], reference);

        let file = |place: usize| format!("{}/{}", files_of(&run), text(&list[place], "id"));
        let json = nictate.get(&file(0)).await;
        assert_eq!((json.ok(), json.text.len()), (json!({"ok": true}), 11));
        assert_eq!(
            json.header("content-disposition"),
            "attachment; filename=\"h_llo _a__ b.json\"; filename*=UTF-8''h%C3%A9llo%20%22a%22%3B%20b.json"
        );
        assert_eq!(json.header("x-content-type-options"), "nosniff");
        let plain = nictate.get(&file(1)).await;
        assert_eq!((plain.status, &*plain.text), (200, "nul \0 ü"));
        assert_eq!(plain.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(list[1]["size_bytes"], plain.text.len());

        // A page at a time, and after a crash too.
        let second = nictate.list(&files_of(&run), &json!({"limit": 1, "offset": 1})).await;
        assert_eq!((second.column("name"), &second.json()["total"]), (vec!["S2.txt".to_owned()], &json!(2)));
        nictate.crash().await;
        nictate.start_again().await;
        assert_eq!(nictate.get(&files_of(&run)).await.results(), list);
    })
    .await;
}

#[tokio::test]
async fn a_file_is_found_only_in_its_own_run_and_workspace() {
    on_both(async |nictate| {
        let steps = "- id: S1\n  action: http.requestV2\n  mock_output_enabled: true\n  mock_output: a\n  save_output_to_file: true";
        let one = run(nictate, "one", steps, "x", json!({})).await;
        let other = run(nictate, "other", &steps.replace("S1", "S2"), "x", json!({})).await;
        let file = text(&nictate.get(&files_of(&one)).await.results()[0], "id");
        assert_eq!(nictate.get(&format!("{}/{file}", files_of(&one))).await.text, "a");
        for missing in [file.as_str(), NOBODY, "x"] {
            let reply = nictate.get(&format!("{}/{missing}", files_of(&other))).await;
            reply.error(404, "file_not_found");
        }
        nictate.get(&format!("/executions/{NOBODY}/files")).await.error(404, "execution_not_found");
        nictate.get(&format!("/executions/{NOBODY}/files/{file}")).await.error(404, "execution_not_found");

        // Who sees another workspace alone finds it neither there nor here.
        let red = nictate.add_workspace(nictate.tenant().await, "red").await;
        nictate.add_member("neighbour", red, Role::Owner).await;
        for rest in [files_of(&one), format!("{}/{file}", files_of(&one))] {
            let theirs = format!("/api/v1/workspace/{red}{rest}");
            let ask = nictate.request_as(Some("neighbour"), Method::GET, &theirs);
            Reply::of(ask).await.error(404, "execution_not_found");
        }
    })
    .await;
}

#[tokio::test]
async fn a_large_output_does_not_weigh_on_the_run() {
    on_both(async |nictate| {
        let steps = format!(
            "- id: S1\n  action: http.requestV2\n  inputs: {{method: POST, url: {}/echo, body: {{big: '{{{{ inputs.x }}}}'}}}}\n  save_output_to_file: big.json",
            nictate.tool.url()
        );
        let big = "ü".repeat(512 * 1024);
        let run = run(nictate, "saves", &steps, "{{ steps.S1.output.file.size_bytes }}", json!({"x": big})).await;
        let list = nictate.get(&files_of(&run)).await.results();
        assert!(run["outputs"]["out"].as_i64().unwrap() > 1024 * 1024);
        assert_eq!(list[0]["size_bytes"], run["outputs"]["out"]);
        let file = nictate.get(&format!("{}/{}", files_of(&run), text(&list[0], "id"))).await;
        assert_eq!(json!(file.text.len()), list[0]["size_bytes"]);
        assert!(file.text.contains(&big));
    })
    .await;
}
