//! Lists: whatever a row shows can be asked for alone, and nothing else can.

use serde_json::{Value, json};
use store::FieldMap;

use crate::executions::workflow;
use crate::support::{Nictate, members, on_both};

const PRINTS: &str = "- id: S1\n  action: internal.print\n  inputs: {text: x}";

/// The members of the first row and the fields of the list are the same.
pub(crate) async fn hold_the_same(nictate: &Nictate, path: &str, fields: &FieldMap) {
    let rows = nictate.get(path).await.results();
    let shown = members(&rows[0]);
    let mut known: Vec<&str> = fields.fields.iter().map(|field| field.name.as_ref()).collect();
    known.sort_unstable();
    assert_eq!(shown, known, "{path}");
    for member in shown {
        let selected = nictate.list(path, &json!({"select": [member]})).await.results();
        assert_eq!(members(&selected[0]), [member], "{path}");
        if member != "duration" {
            assert_eq!(selected[0][member], rows[0][member], "{path}: {member}");
        }
    }
}

#[tokio::test]
async fn every_member_of_a_row_can_be_selected_and_there_is_no_other_field() {
    on_both(async |nictate| {
        nictate.connect("edge", "one").await;
        let document = crate::executions::calls_the_tool("edge", nictate.tool.url());
        let id = nictate.publish("calls", &document).await;
        nictate.run_sync(&id, json!({"user": "ann"})).await.ok();
        hold_the_same(nictate, "/connections", &store::connections::FIELDS).await;
        hold_the_same(nictate, "/playbooks", &store::workflows::FIELDS).await;
        hold_the_same(nictate, "/executions", &store::executions::FIELDS).await;
        hold_the_same(nictate, "/executions/with_metrics", &store::executions::FIELDS).await;
        hold_the_same(nictate, "/executions/with_inputs", &store::executions::FIELDS_WITH_INPUTS).await;
        let types = "/api/v1/connection_types";
        let all: Vec<Value> = nictate.list(types, &json!({"limit": 1})).await.results();
        for member in members(&all[0]) {
            let selected = nictate.list(types, &json!({"limit": 1, "select": [member]})).await.results();
            assert_eq!(selected[0], json!({ member: all[0][member] }));
        }
    })
    .await;
}

#[tokio::test]
async fn what_documents_use_is_the_same_with_and_without_their_texts() {
    on_both(async |nictate| {
        let document = crate::executions::calls_the_tool("edge", nictate.tool.url());
        nictate.publish("calls", &document).await;
        nictate.publish("prints", &workflow(PRINTS, "{{ 1 }}")).await;
        // Before anything is known, and after.
        for _ in 0..2 {
            let q = json!({"select": ["name", "used_connections", "has_unpublished_changes"]});
            let rows = nictate.list("/playbooks", &q).await.results();
            assert_eq!(
                rows,
                [
                    json!({"name": "calls", "used_connections": ["edge"], "has_unpublished_changes": false}),
                    json!({"name": "prints", "used_connections": [], "has_unpublished_changes": false}),
                ]
            );
            let whole = nictate.get("/playbooks").await.results();
            assert_eq!(
                (&whole[0]["playbook"], &whole[0]["used_connections"]),
                (&json!(document), &json!(["edge"]))
            );
        }
    })
    .await;
}
