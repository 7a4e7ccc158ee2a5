//! Workflows among themselves: copies, names, tags, callers; and the choices that forms fetch.

use serde_json::{Value, json};
use store::workflow_versions::{self, Branch, Named, WorkflowVersion};
use store::workflows;
use types::WorkflowId;

use crate::executions::workflow;
use crate::support::{NOBODY, Nictate, WORKSPACE, on_both, text};

const PRINTS: &str = "- id: S1\n  action: internal.print\n  inputs: {text: x}";

fn prints() -> String {
    workflow(PRINTS, "{{ 1 }}")
}

fn calls(id: &str) -> String {
    workflow(&format!("- id: S1\n  action: automations.{id}"), "{{ 1 }}")
}

async fn create(nictate: &Nictate, name: &str, document: &str) -> String {
    let body = json!({"name": name, "playbook": document, "tags": ["red", "blue"]});
    text(&nictate.post("/playbooks/ui", body).await.ok(), "id")
}

#[tokio::test]
async fn a_copy_begins_with_the_newest_draft_and_lives_its_own_life() {
    on_both(async |nictate| {
        let id = create(nictate, "first", &prints()).await;
        nictate.post_nothing(&format!("/playbooks/{id}/public")).await.ok();
        let newer = prints().replace("text: x", "text: newer");
        nictate.post(&format!("/playbooks/{id}/draft"), json!({"playbook": newer})).await.ok();
        let duplicate = format!("/playbooks/{id}/duplicate");
        let copy = nictate.put(&duplicate, json!({"name": " second "})).await.ok();
        assert_eq!(copy["name"], "second");
        let path = format!("/playbooks/{}", text(&copy, "id"));
        let shown = nictate.get(&path).await.ok();
        assert_eq!((&shown["playbook"], &shown["tags"]), (&json!(newer), &json!(["red", "blue"])));
        assert_eq!((&shown["is_published"], &shown["active"]), (&json!(false), &json!(true)));
        assert_eq!(nictate.get(&format!("{path}/versions")).await.ok()["total"], 1);
        nictate.delete(&format!("/playbooks/{id}")).await.ok();
        assert_eq!(nictate.get(&format!("{path}/draft")).await.ok()["playbook"], newer);

        let again = format!("{path}/duplicate");
        nictate.put(&again, json!({"name": "second"})).await.error(400, "workflow_name_taken");
        for bad in [json!({}), json!({"name": " "}), json!({"name": "a\nb"})] {
            nictate.put(&again, bad).await.error(400, "name_invalid");
        }
        nictate.put(&duplicate, json!({"name": "third"})).await.error(404, "workflow_not_found");
        assert_eq!(nictate.audited("workflow.created").await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_workflow_gets_another_name_and_stays_what_it_is() {
    on_both(async |nictate| {
        let id = create(nictate, "old", &prints()).await;
        create(nictate, "other", &prints()).await;
        let rename = format!("/playbooks/{id}/rename");
        let now = nictate.put(&rename, json!({"name": "new"})).await.ok();
        assert_eq!(now, json!({"name": "new", "desc": "", "tags": ["red", "blue"]}));
        let now = nictate.put(&rename, json!({"desc": "says x", "tags": ["green"]})).await.ok();
        assert_eq!(now, json!({"name": "new", "desc": "says x", "tags": ["green"]}));
        let shown = nictate.get(&format!("/playbooks/{id}")).await.ok();
        assert_eq!((&shown["name"], &shown["description"]), (&json!("new"), &json!("says x")));
        assert_eq!((&shown["active"], &shown["draft_version"]), (&json!(true), &json!(1)));
        nictate.put(&rename, json!({"name": "other"})).await.error(400, "workflow_name_taken");
        nictate.put(&rename, json!({"name": ""})).await.error(400, "name_invalid");
        nictate.put(&rename, json!({"desc": "\u{0}"})).await.error(400, "body_invalid");
        nictate.put(&rename, json!({"tags": "green"})).await.error(400, "body_invalid");
        nictate
            .put(&format!("/playbooks/{NOBODY}/rename"), json!({"name": "x"}))
            .await
            .error(404, "workflow_not_found");
        assert_eq!(nictate.audited("workflow.updated").await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn tags_are_listed_once_each() {
    on_both(async |nictate| {
        assert_eq!(nictate.get("/playbooks/tags").await.results(), [Value::Null; 0]);
        create(nictate, "a", &prints()).await;
        create(nictate, "b", &prints()).await;
        let id = create(nictate, "c", &prints()).await;
        nictate.put(&format!("/playbooks/{id}/rename"), json!({"tags": ["red", "green"]})).await.ok();
        let tags = json!(["blue", "green", "red"]);
        let page = nictate.get("/playbooks/tags").await.ok();
        assert_eq!((&page["results"], &page["total"]), (&tags, &json!(3)));
        assert_eq!(nictate.get("/tags/playbooks").await.ok(), tags);
        nictate.get("/tags/nothing").await.error(404, "table_not_found");
    })
    .await;
}

#[tokio::test]
async fn callers_are_found_in_published_versions_and_in_drafts() {
    on_both(async |nictate| {
        let id = create(nictate, "called", &prints()).await;
        let dependants = format!("/playbooks/{id}/dependants");
        assert_eq!(nictate.get(&dependants).await.ok()["total"], 0);
        create(nictate, "a drafted caller", &calls(&id)).await;
        nictate.publish("b published caller", &calls(&id)).await;
        let later = nictate.publish("c caller in its draft", &prints()).await;
        nictate.post(&format!("/playbooks/{later}/draft"), json!({"playbook": calls(&id)})).await.ok();
        nictate.publish("d calls another", &calls(NOBODY)).await;
        // Before anything is known of the documents, and after.
        for _ in 0..2 {
            let rows = nictate.get(&dependants).await.results();
            let shown: Vec<_> = rows
                .iter()
                .map(|row| (row["name"].as_str().unwrap(), &row["branch"], &row["version_id"]))
                .collect();
            assert_eq!(
                shown,
                [
                    ("a drafted caller", &json!("draft"), &json!(1)),
                    ("b published caller", &json!("public"), &json!(1)),
                    ("c caller in its draft", &json!("draft"), &json!(2)),
                ]
            );
            assert_eq!((&rows[1]["used_subflows"], &rows[1]["playbook"]), (&json!([id]), &json!("")));
        }
        nictate.get(&format!("/playbooks/{NOBODY}/dependants")).await.error(404, "workflow_not_found");
    })
    .await;
}

/// Stores as many copies of the row, without documents, under names that begin with `prefix`.
async fn store_copies(nictate: &Nictate, of: &str, prefix: &'static str, count: usize) {
    let id: WorkflowId = of.parse().unwrap();
    let row = workflows::get(&nictate.db, WORKSPACE.parse().unwrap(), id).await.unwrap().unwrap();
    nictate
        .write_beside(async move |tx| {
            for number in 0..count {
                let name = format!("{prefix}{number:05}");
                let copy = workflows::Workflow { id: WorkflowId::of_name(&name), name, ..row.clone() };
                workflows::insert(tx, &copy).await?;
            }
            Ok(())
        })
        .await;
}

#[tokio::test]
async fn the_first_ten_thousand_workflows_are_actions_and_are_asked_whom_they_call() {
    on_both(async |nictate| {
        let id = nictate.publish("m", &prints()).await;
        nictate.publish("a caller", &calls(&id)).await;
        nictate.publish("z caller", &calls(&id)).await;
        let names = async || -> Vec<String> {
            let rows = nictate.get(&format!("/playbooks/{id}/dependants")).await.results();
            rows.iter().map(|row| text(row, "name")).collect()
        };
        let listed = async || {
            let q = json!({"filter": {"action_per_collection_limit": 1}});
            let answer = nictate.list("/actions", &q).await.ok();
            let all = answer["collections"].as_array().unwrap().clone();
            all.iter().find(|one| one["collection_display_name"] == "Workflows").unwrap()["num_of_actions"]
                .clone()
        };
        store_copies(nictate, &id, "n", 9_997).await;
        assert_eq!(
            (names().await, listed().await),
            (vec!["a caller".to_owned(), "z caller".to_owned()], json!(10_000))
        );
        store_copies(nictate, &id, "o", 1).await;
        assert_eq!((names().await, listed().await), (vec!["a caller".to_owned()], json!(10_000)));
    })
    .await;
}

#[tokio::test]
async fn a_thousand_callers_are_shown_and_all_are_counted() {
    on_both(async |nictate| {
        let id = nictate.publish("called", &prints()).await;
        let caller = nictate.publish("caller", &calls(&id)).await;
        store_copies(nictate, &caller, "copy", 1_000).await;
        let (workspace, first) = (WORKSPACE.parse().unwrap(), caller.parse().unwrap());
        nictate
            .write_beside(async move |tx| {
                for branch in [Branch::Draft, Branch::Public] {
                    let saved = workflow_versions::get(tx, workspace, first, branch, 1).await?.unwrap();
                    for number in 0..1_000 {
                        let workflow_id = WorkflowId::of_name(&format!("copy{number:05}"));
                        let version = WorkflowVersion { workflow_id, ..saved.version.clone() };
                        workflow_versions::insert(tx, &version, &saved.text, &Named::default()).await?;
                    }
                }
                Ok(())
            })
            .await;
        let answer = nictate.get(&format!("/playbooks/{id}/dependants")).await;
        assert_eq!((&answer.ok()["total"], answer.results().len()), (&json!(1_001), 1_000));
    })
    .await;
}

/// Values and labels of the choices.
async fn choices(nictate: &Nictate, address: &str, query: &[(&str, &str)]) -> Vec<(String, String)> {
    let request = nictate.request(reqwest::Method::GET, address).query(query);
    let rows = crate::support::Reply::of(request).await.results();
    rows.iter().map(|row| (text(row, "value"), text(row, "label"))).collect()
}

#[tokio::test]
async fn tables_and_their_fields_are_fetched_for_forms() {
    on_both(async |nictate| {
        let id = create(nictate, "form", &prints()).await;
        let fetch = format!("/playbooks/{id}/fetch");
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect()
        };
        let tables = [("fetcher", "tables.ListTables")];
        assert_eq!(choices(nictate, &fetch, &tables).await, []);
        for name in ["Open Findings", "People"] {
            let fields = json!([{"display_name": "Risk Level", "type": "text"}]);
            nictate.post("/table", json!({"display_name": name, "fields": fields})).await.ok();
        }
        let both = owned(&[("open_findings", "Open Findings"), ("people", "People")]);
        assert_eq!(choices(nictate, &fetch, &tables).await, both);
        assert_eq!(choices(nictate, &fetch, &[tables[0], ("query", "PEO")]).await, both[1..]);
        assert_eq!(choices(nictate, &fetch, &[tables[0], ("query", "none")]).await, []);

        let fields = |inputs: &'static str| [("fetcher", "tables.ListFields"), ("inputs", inputs)];
        let found = choices(nictate, &fetch, &fields(r#"{"table": "open_findings"}"#)).await;
        assert_eq!(found.len(), 6);
        assert!(found.contains(&("risk_level".to_owned(), "Risk Level".to_owned())), "{found:?}");
        let chosen = r#"{"Table": {"display_name": "Open Findings", "value": "open_findings"}}"#;
        assert_eq!(choices(nictate, &fetch, &fields(chosen)).await, found);
        let narrowed = [fields(chosen).to_vec(), vec![("query", "risk")]].concat();
        assert_eq!(choices(nictate, &fetch, &narrowed).await, owned(&[("risk_level", "Risk Level")]));
        // What these fetchers do not need is no problem.
        let more =
            [("connections", r#"{"slack": "x"}"#), ("runner", "dmz"), ("execution_id", NOBODY), tables[0]];
        assert_eq!(choices(nictate, &fetch, &more).await, both);
    })
    .await;
}

#[tokio::test]
async fn a_fetcher_says_what_it_lacks() {
    on_both(async |nictate| {
        let id = create(nictate, "form", &prints()).await;
        let refused = async |query: &[(&str, &str)], identifier: &str| {
            let request =
                nictate.request(reqwest::Method::GET, &format!("/playbooks/{id}/fetch")).query(query);
            crate::support::Reply::of(request).await.error(400, identifier)
        };
        let unknown = refused(&[("fetcher", "azure.ListSubscriptions")], "fetcher_unknown").await;
        assert_eq!(unknown["data"]["fetchers"], json!(["tables.ListTables", "tables.ListFields"]));
        refused(&[], "parameter_invalid").await;
        for (inputs, word) in [
            ("", "choose a table"),
            ("{}", "choose a table"),
            (r#"{"table": ""}"#, "choose a table"),
            (r#"{"table": null}"#, "choose a table"),
            (r#"{"table": {"value": ""}}"#, "choose a table"),
            (r#"{"table": 3}"#, "`3`"),
            (r#"{"table": "gone"}"#, "`gone`"),
            (r#"{"table": "{{ inputs.table }}"}"#, "test run"),
            ("[]", "no JSON object"),
            ("{", "no JSON object"),
        ] {
            let body =
                refused(&[("fetcher", "tables.ListFields"), ("inputs", inputs)], "parameter_invalid").await;
            let message = text(&body, "message");
            assert!(message.contains(word), "{inputs}: {message}");
            assert_eq!(message.contains("test run"), word == "test run", "{message}");
        }
        let nowhere = format!("/playbooks/{NOBODY}/fetch?fetcher=tables.ListTables");
        nictate.get(&nowhere).await.error(404, "workflow_not_found");
    })
    .await;
}
