//! Records of tables, many at a time: all of a call or none of it, and what is wrong with each.

use serde_json::{Value, json};
use store::records::RECORDS_MAX;

use crate::records::{add, own, settle};
use crate::support::{NOBODY, Nictate, on_both, text};

async fn create(nictate: &Nictate, records: Value) -> Vec<String> {
    let made = nictate.post("/table/people/records", json!({ "records": records })).await.ok();
    made["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

async fn total(nictate: &Nictate) -> Value {
    nictate.get("/table/people").await.ok()["total"].clone()
}

#[tokio::test]
async fn many_records_are_made_and_changed_together_or_not_at_all() {
    on_both(async |nictate| {
        settle(nictate).await;
        let ids =
            create(nictate, json!([{"email": "ann@x"}, {"email": "bob@x", "age": 7, "city": "Rome"}])).await;
        assert_eq!(
            own(nictate, "people", &ids[1]).await,
            json!({"email": "bob@x", "age": 7, "city": "Rome"})
        );
        assert_eq!(own(nictate, "people", &ids[0]).await["city"], "Bern");
        assert_eq!(create(nictate, json!([])).await, Vec::<String>::new());

        let records = json!([{"email": "cid@x"}, {"email": "ann@x"}, {"age": "old"}, {"email": "cid@x"}]);
        let error = nictate.post("/table/people/records", json!({ "records": records })).await;
        let error = error.error(400, "record_invalid");
        let wrong = json!({"age": "takes a number, not `\"old\"`", "email": "is required"});
        assert_eq!(error["user_error"]["records"], json!({ "2": wrong }));
        assert!(text(&error, "message").starts_with("record 2: field `age` takes"), "{error}");
        let records = json!([{"email": "cid@x"}, {"email": "ann@x"}, {"email": "cid@x"}]);
        let error = nictate.post("/table/people/records", json!({ "records": records })).await;
        let error = error.error(400, "record_not_unique");
        let taken = format!("is unique, and record `{}` has the value `ann@x` too", ids[0]);
        let twice = "is unique, and record 0 of the request has the value `cid@x` too";
        assert_eq!(error["user_error"]["records"], json!({"1": {"email": taken}, "2": {"email": twice}}));
        assert_eq!(total(nictate).await, 2);

        let put = async |body: Value| nictate.put("/table/people/records", body).await;
        let changed =
            put(json!({"records": [{"id": ids[1], "age": 8}, {"id": ids[0], "city": "Oslo"}]})).await;
        assert_eq!(changed.ok(), json!({"ids": [ids[1], ids[0]]}));
        assert_eq!(
            own(nictate, "people", &ids[1]).await,
            json!({"email": "bob@x", "age": 8, "city": "Rome"})
        );
        assert_eq!(
            own(nictate, "people", &ids[0]).await,
            json!({"email": "ann@x", "age": null, "city": "Oslo"})
        );
        put(json!({"records": [{"id": ids[1], "email": "bob@x"}], "replace": true})).await.ok();
        assert_eq!(
            own(nictate, "people", &ids[1]).await,
            json!({"email": "bob@x", "age": null, "city": null})
        );

        let missing = put(json!({"records": [{"id": ids[0], "age": 1}, {"id": NOBODY, "age": 1}]})).await;
        assert_eq!(missing.error(404, "record_not_found")["data"]["ids"], json!([NOBODY]));
        let stale =
            put(json!({"records": [{"id": ids[0], "age": 1}, {"id": ids[1], "updated_at": 1}]})).await;
        stale.error(409, "record_changed");
        let twice = put(json!({"records": [{"id": ids[0]}, {"id": ids[0]}, {}, {"id": "x"}]})).await;
        let wrong = twice.error(400, "record_invalid")["user_error"]["records"].clone();
        assert_eq!(wrong.as_object().unwrap().keys().collect::<Vec<_>>(), ["1", "2", "3"]);
        assert_eq!(own(nictate, "people", &ids[0]).await["age"], Value::Null);
        for bad in [json!({}), json!({"records": {}}), json!({"records": [1]})] {
            nictate.post("/table/people/records", bad.clone()).await.error(400, "body_invalid");
            put(bad).await.error(400, "body_invalid");
        }
        let audited = nictate.audited("records.created").await;
        let details: Value = serde_json::from_str(&audited[0].details).unwrap();
        assert_eq!((&details["name"], &details["records"]), (&json!("people"), &json!(2)));
    })
    .await;
}

#[tokio::test]
async fn records_are_deleted_by_id_or_by_filter() {
    on_both(async |nictate| {
        settle(nictate).await;
        let people: Vec<Value> =
            (0..9).map(|n| json!({"email": format!("{n}@x"), "age": n, "city": "Rome"})).collect();
        let ids = create(nictate, json!(people)).await;
        let delete = async |body: Value| nictate.post("/table/people/records/delete", body).await;
        let deleted = delete(json!({"ids": [ids[0], ids[1], ids[1], NOBODY]})).await;
        assert_eq!(deleted.ok(), json!({"deleted": 2, "remaining": false}));
        let deleted = delete(json!({"filter": {"age": {"$lt": 5}, "city": "rome"}, "ci": true})).await;
        assert_eq!(deleted.ok()["deleted"], 3);
        assert_eq!(delete(json!({"filter": {"city": "rome"}})).await.ok()["deleted"], 0);
        assert_eq!(total(nictate).await, 4);
        for bad in [json!({}), json!({"ids": [], "filter": {}}), json!({"filter": null})] {
            delete(bad).await.error(400, "body_invalid");
        }
        delete(json!({"filter": {"agee": 1}})).await.error(400, "query_invalid");
        delete(json!({"ids": ["x"]})).await.error(400, "record_invalid");
        assert_eq!(total(nictate).await, 4);
        assert_eq!(delete(json!({"filter": {}})).await.ok()["deleted"], 4);
        assert_eq!(nictate.audited("records.deleted").await.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn records_are_made_or_changed_by_a_unique_value() {
    on_both(async |nictate| {
        settle(nictate).await;
        let ann = add(nictate, "people", json!({"email": "ann@x", "age": 30})).await;
        let upsert = async |body: Value| nictate.post("/table/people/records/upsert", body).await;
        let people = json!([{"email": "bob@x"}, {"email": "ann@x", "city": "Oslo"}]);
        let done = upsert(json!({"field": "email", "records": people})).await.ok();
        assert_eq!(done["results"][1], json!({"id": ann, "created": false}));
        assert_eq!(done["results"][0]["created"], true);
        assert_eq!(own(nictate, "people", &ann).await, json!({"email": "ann@x", "age": 30, "city": "Oslo"}));
        let bob = text(&done["results"][0], "id");
        assert_eq!(
            own(nictate, "people", &bob).await,
            json!({"email": "bob@x", "age": null, "city": "Bern"})
        );
        upsert(json!({"field": "email", "replace": true, "records": [{"email": "ann@x"}]})).await.ok();
        assert_eq!(own(nictate, "people", &ann).await, json!({"email": "ann@x", "age": null, "city": null}));

        let error = upsert(json!({"field": "age", "records": []})).await.error(400, "record_invalid");
        assert_eq!(text(&error, "message"), "`field` is `age`, which is no unique field of table `people`");
        upsert(json!({"field": "no", "records": []})).await.error(400, "record_invalid");
        let error = upsert(json!({"field": "email", "records": [{"email": "cid@x"}, {"age": 1}]})).await;
        let wrong = error.error(400, "record_invalid")["user_error"]["records"].clone();
        assert_eq!(wrong, json!({"1": {"email": "is what records are found by: it must have a value"}}));
        let twice = upsert(json!({"field": "email", "records": [{"email": "e@x"}, {"email": "e@x"}]})).await;
        twice.error(400, "record_not_unique");
        let stale = json!([{"email": "ann@x", "updated_at": 1}]);
        upsert(json!({"field": "email", "records": stale})).await.error(409, "record_changed");
        assert_eq!(total(nictate).await, 2);

        // Many at once who say the same make one record.
        let upsert = async |n: usize| {
            let records = json!([{"email": "new@x", "age": n}, {"email": format!("{n}@x")}]);
            upsert(json!({"field": "email", "records": records})).await.ok()["results"].clone()
        };
        let done = futures_util::future::join_all((0..12).map(upsert)).await;
        assert_eq!(done.iter().filter(|results| results[0]["created"] == true).count(), 1);
        assert!(done.iter().all(|results| results[0]["id"] == done[0][0]["id"]));
        assert_eq!(total(nictate).await, 15);
    })
    .await;
}

#[tokio::test]
async fn one_call_takes_ten_thousand_records_and_not_one_more() {
    on_both(async |nictate| {
        settle(nictate).await;
        let people = |count: usize| -> Vec<Value> {
            (0..count).map(|n| json!({"email": format!("{n}@x"), "age": n})).collect()
        };
        let too_many = json!({"field": "email", "records": people(RECORDS_MAX + 1)});
        for path in ["/table/people/records", "/table/people/records/upsert"] {
            let error = nictate.post(path, too_many.clone()).await.error(400, "record_invalid");
            let message = "`records` has 10001 members; one call takes at most 10000";
            assert_eq!(text(&error, "message"), message);
        }
        nictate.put("/table/people/records", too_many).await.error(400, "record_invalid");
        let ids = create(nictate, json!(people(RECORDS_MAX))).await;
        assert_eq!(total(nictate).await, RECORDS_MAX);
        let changed: Vec<Value> =
            ids.iter().enumerate().map(|(n, id)| json!({"id": id, "age": -(n as i64)})).collect();
        nictate.put("/table/people/records", json!({ "records": changed })).await.ok();
        let upserted = json!({"field": "email", "records": people(RECORDS_MAX)});
        nictate.post("/table/people/records/upsert", upserted).await.ok();
        let last = nictate.list("/table/people", &json!({"sort": ["-age"], "limit": 1})).await;
        assert_eq!(last.column("email"), ["9999@x"]);
        let mut gone = ids.clone();
        gone.push(NOBODY.to_owned());
        nictate
            .post("/table/people/records/delete", json!({ "ids": gone }))
            .await
            .error(400, "record_invalid");
        let deleted = nictate.post("/table/people/records/delete", json!({ "ids": ids })).await.ok();
        assert_eq!(deleted["deleted"], RECORDS_MAX);
    })
    .await;
}
