//! What has become of records: each write tells the values before and after it, once, for 90 days.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use store::record_changes::AGE_MAX;
use types::Role;

use crate::executions::workflow;
use crate::records::{add, settle};
use crate::support::{Nictate, Person, on_both, on_both_with, until};

async fn history(nictate: &Nictate, id: &str) -> Vec<Value> {
    nictate.get(&format!("/table/people/{id}/history")).await.results()
}

/// Kind and fields of each change, the newest first.
async fn told(nictate: &Nictate, id: &str) -> Vec<(Value, Value)> {
    let changes = history(nictate, id).await;
    changes.into_iter().map(|change| (change["kind"].clone(), change["fields"].clone())).collect()
}

#[tokio::test]
async fn each_change_is_told_with_the_values_before_and_after() {
    on_both(async |nictate| {
        settle(nictate).await;
        let ann = add(nictate, "people", json!({"email": "ann@x", "age": 40})).await;
        assert_eq!(history(nictate, &ann).await, [json!(null); 0]);
        let path = format!("/table/people/{ann}");
        nictate.put(&path, json!({"age": 41, "city": "Bern"})).await.ok();
        nictate.put(&path, json!({"age": 41})).await.ok();
        nictate.put("/table/people/records", json!({"records": [{"id": ann, "city": null}]})).await.ok();
        let upsert = json!({"field": "email", "records": [{"email": "ann@x", "age": 1.5}]});
        nictate.post("/table/people/records/upsert", upsert).await.ok();
        let before = nictate.get(&path).await.ok();
        nictate.delete(&path).await.ok();
        nictate.get(&path).await.error(404, "record_not_found");

        let of =
            |field: &str, before: Value, after: Value| json!({field: {"before": before, "after": after}});
        let gone =
            json!({"email": {"before": "ann@x", "after": null}, "age": {"before": 1.5, "after": null}});
        let expected = [
            (json!("deleted"), gone),
            (json!("updated"), of("age", json!(41), json!(1.5))),
            (json!("updated"), of("city", json!("Bern"), json!(null))),
            (json!("updated"), of("age", json!(40), json!(41))),
        ];
        assert_eq!(told(nictate, &ann).await, expected);
        let newest = &history(nictate, &ann).await[..2];
        assert_eq!(newest[1]["at"], before["updated_at"]);
        assert_eq!((&newest[1]["by"], &newest[1]["execution_id"]), (&before["updated_by"], &Value::Null));
        assert!(newest[0]["at"].as_i64() > newest[1]["at"].as_i64());
    })
    .await;
}

#[tokio::test]
async fn a_write_that_fails_leaves_no_history() {
    on_both(async |nictate| {
        settle(nictate).await;
        let ann = add(nictate, "people", json!({"email": "ann@x"})).await;
        let bob = add(nictate, "people", json!({"email": "bob@x"})).await;
        let twice = json!({"records": [{"id": ann, "email": "new@x"}, {"id": bob, "email": "new@x"}]});
        nictate.put("/table/people/records", twice).await.error(400, "record_not_unique");
        assert!(history(nictate, &ann).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_table_tells_of_all_its_records_and_can_be_asked() {
    on_both(async |nictate| {
        settle(nictate).await;
        let records: Vec<Value> = (0..450).map(|n| json!({"email": format!("p{n}@x")})).collect();
        nictate.post("/table/people/records", json!({"records": records})).await.ok();
        let deleted = nictate.post("/table/people/records/delete", json!({"filter": {}})).await.ok();
        assert_eq!(deleted["deleted"], 450);
        let ask = async |q: Value| nictate.list("/table/people/history", &q).await;
        assert_eq!(ask(json!({"limit": 1})).await.ok()["total"], 450);
        let filter = json!({"filter": {"kind": "updated"}});
        assert_eq!(ask(filter).await.ok()["total"], 0);
        ask(json!({"filter": {"fields": "x"}})).await.error(400, "query_invalid");
        nictate.get("/table/nothing/history").await.error(404, "table_not_found");
        let nobody = "01920000-0000-7000-8000-00000000beef";
        nictate.get(&format!("/table/people/{nobody}/history")).await.error(404, "record_not_found");
        nictate.get("/table/people/x/history").await.error(404, "record_not_found");
    })
    .await;
}

#[tokio::test]
async fn a_run_is_named_and_another_workspace_sees_nothing() {
    on_both(async |nictate| {
        settle(nictate).await;
        let ann = add(nictate, "people", json!({"email": "ann@x"})).await;
        let step = format!(
            "- id: S1\n  action: tables.UpdateRecords\n  inputs: {{table: people, records: [{{id: {ann}, age: 5}}]}}"
        );
        let id = nictate.publish("ages", &workflow(&step, "")).await;
        let run = nictate.execute(&id, json!({})).await;
        nictate.execution_in(&run, "Completed").await;
        assert_eq!(history(nictate, &ann).await[0]["execution_id"], json!(run));

        let tenant = nictate.tenant().await;
        let other = nictate.add_workspace(tenant, "other").await;
        nictate.add_person(Person::new("eve", tenant, &[(other, Role::Owner)])).await;
        for path in ["/table/people/history".to_owned(), format!("/table/people/{ann}/history")] {
            let there = format!("/api/v1/workspace/{other}{path}");
            nictate.call_as("eve", Method::GET, &there, json!(null)).await.error(404, "table_not_found");
        }
    })
    .await;
}

#[tokio::test]
async fn changes_are_kept_for_90_days_and_as_long_as_their_table() {
    on_both_with(
        |config| config.history.sweep_pause_ms = 50,
        async |nictate| {
            settle(nictate).await;
            let ann = add(nictate, "people", json!({"email": "ann@x"})).await;
            let change =
                async |age: i64| nictate.put(&format!("/table/people/{ann}"), json!({"age": age})).await.ok();
            change(1).await;
            nictate.clock.put_forward(AGE_MAX - Duration::from_secs(3600));
            change(2).await;
            assert_eq!(history(nictate, &ann).await.len(), 2);
            nictate.clock.put_forward(Duration::from_secs(2 * 3600));
            let left = until("the old change is gone", async || {
                let left = history(nictate, &ann).await;
                (left.len() == 1).then_some(left)
            })
            .await;
            assert_eq!(left[0]["fields"]["age"], json!({"before": 1, "after": 2}));

            nictate.delete("/table/findings").await.ok();
            nictate.delete("/table/people").await.ok();
            let count = async || {
                let first = async |tx: &store::Tx<'_>| {
                    store::record_changes::next_table(tx, types::TableId::from(uuid::Uuid::nil())).await
                };
                nictate.write_beside(first).await
            };
            until("nothing is left of a table that is gone", async || count().await.is_none().then_some(()))
                .await;
        },
    )
    .await;
}
