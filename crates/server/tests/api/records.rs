//! Records of tables, one at a time: every type of field, what is refused and how, lists, and who comes in between.

use reqwest::Method;
use serde_json::{Value, json};
use store::records::{PAGE_BYTES_MAX, RECORD_BYTES_MAX};
use store::tables::{LONG_TEXT_CHARS_MAX, TEXT_CHARS_MAX};
use types::Role;

use crate::support::{NOBODY, Nictate, Person, Reply, WORKSPACE, members, on_both, text};

/// A table `people` with a unique field, and a table `findings` with a field of every type.
pub(crate) async fn settle(nictate: &Nictate) {
    let people = json!({"display_name": "People", "fields": [
        {"display_name": "Email", "type": "text", "attributes": {"is_unique": true, "required": true}},
        {"display_name": "Age", "type": "number"},
        {"display_name": "City", "type": "text", "attributes": {"default_value": "Bern"}},
    ]});
    nictate.post("/table", people).await.ok();
    let options = json!({"options": ["low", "high"]});
    let of =
        |kind: &str, attributes: Value| json!({"display_name": kind, "type": kind, "attributes": attributes});
    let kinds =
        ["text", "long-text", "number", "duration", "risk-level", "checkbox", "list", "status", "user"];
    let mut fields: Vec<Value> = kinds.iter().map(|kind| of(kind, json!({}))).collect();
    fields.extend(["date", "button", "sla", "vendor", "vendors"].map(|kind| of(kind, json!({}))));
    fields.extend(["single-select", "multi-select"].map(|kind| of(kind, options.clone())));
    fields.push(of("reference", json!({"table_reference": {"table_name": "people"}})));
    nictate.post("/table", json!({"display_name": "Findings", "fields": fields})).await.ok();
}

/// A new record; its id.
pub(crate) async fn add(nictate: &Nictate, table: &str, record: Value) -> String {
    nictate.post(&format!("/table/{table}"), record).await.ok().as_str().unwrap().to_owned()
}

/// The record without the system's members.
pub(crate) async fn own(nictate: &Nictate, table: &str, id: &str) -> Value {
    let mut record = nictate.get(&format!("/table/{table}/{id}")).await.ok();
    let members = record.as_object_mut().unwrap();
    for name in store::tables::SYSTEM_FIELDS {
        assert!(members.shift_remove(name).is_some(), "{name}");
    }
    record
}

fn everything(person: &str) -> Value {
    json!({
        "text": "a \"b\" %", "long_text": "long\n", "number": 1.5, "duration": 60_000, "risk_level": "high",
        "checkbox": true, "list": ["x", "y, z"], "status": "open", "user": "ann", "date": 1_767_225_600_000_i64,
        "button": null, "sla": 0, "vendor": "acme", "vendors": [], "single_select": "low",
        "multi_select": ["high", "low"], "reference": person,
    })
}

#[tokio::test]
async fn a_record_has_values_of_every_type_and_the_systems_own() {
    on_both(async |nictate| {
        settle(nictate).await;
        let person = add(nictate, "people", json!({"email": "ann@x"})).await;
        assert_eq!(own(nictate, "people", &person).await, json!({"email": "ann@x", "age": null, "city": "Bern"}));
        let whole = everything(&person);
        let id = add(nictate, "findings", whole.clone()).await;
        assert_eq!(own(nictate, "findings", &id).await, whole);
        let record = nictate.get(&format!("/table/findings/{id}")).await.ok();
        assert_eq!((text(&record, "id"), &record["created_at"]), (id.clone(), &record["updated_at"]));
        assert_eq!(record["created_by"], record["updated_by"]);

        // As the contract's clients write them: everything is text.
        let texts = json!({"number": "2", "duration": "1", "checkbox": "true", "date": "-5", "list": "[\"x\"]", "sla": ""});
        let other = add(nictate, "findings", texts).await;
        let kept = own(nictate, "findings", &other).await;
        let kept = ["number", "duration", "checkbox", "date", "list", "sla", "text"].map(|name| kept[name].clone());
        assert_eq!(json!(kept), json!([2, 1, true, -5, ["x"], null, null]));
        nictate.delete("/table/findings/fields/status").await.ok();
        assert_eq!(own(nictate, "findings", &id).await.get("status"), None);
    })
    .await;
}

#[tokio::test]
async fn a_record_is_changed_by_field_or_whole_and_deleted() {
    on_both(async |nictate| {
        settle(nictate).await;
        let id = add(nictate, "people", json!({"email": "ann@x", "age": 30, "city": "Rome"})).await;
        let path = format!("/table/people/{id}");
        assert_eq!(nictate.put(&path, json!({"age": 31})).await.ok(), json!(id));
        assert_eq!(own(nictate, "people", &id).await, json!({"email": "ann@x", "age": 31, "city": "Rome"}));
        nictate.put(&path, json!({})).await.ok();
        // The contract says that the body is a text: the record's JSON.
        let record = json!({"age": null}).to_string();
        assert_eq!(nictate.put(&path, json!(record)).await.ok(), json!(id));
        assert_eq!(own(nictate, "people", &id).await["age"], Value::Null);
        nictate.put(&path, json!("[1]")).await.error(400, "body_invalid");
        nictate.put(&path, json!("no")).await.error(400, "body_invalid");

        // What clients have read they may send back.
        let whole = nictate.get(&path).await.ok();
        nictate.put(&path, whole.clone()).await.ok();
        let error = nictate.put(&path, whole.clone()).await.error(409, "record_changed");
        let now = nictate.get(&path).await.ok();
        assert_eq!(error["data"], json!({"id": id, "updated_at": now["updated_at"]}));
        assert!(now["updated_at"].as_i64() > whole["updated_at"].as_i64());
        let known = now["updated_at"].to_string();
        nictate.put(&path, json!({"age": "7", "updated_at": known})).await.ok();
        nictate.put(&path, json!({"age": "8", "updated_at": known})).await.error(409, "record_changed");
        nictate.put(&path, json!({"updated_at": "then"})).await.error(409, "record_changed");
        let error = nictate.put(&path, json!({"created_by": "eve", "id": NOBODY})).await;
        let error = error.error(400, "record_invalid");
        assert_eq!(members(&error["user_error"]["fields"]), ["created_by", "id"]);

        nictate.put(&format!("{path}?replace=true"), json!({"email": "bob@x"})).await.ok();
        assert_eq!(own(nictate, "people", &id).await, json!({"email": "bob@x", "age": null, "city": null}));
        let error = nictate.put(&format!("{path}?replace=True"), json!({"age": 1})).await;
        assert_eq!(
            error.error(400, "record_invalid")["user_error"]["fields"],
            json!({"email": "is required"})
        );
        nictate.put(&format!("{path}?replace=yes"), json!({})).await.error(400, "parameter_invalid");

        let finding = add(nictate, "findings", json!({"reference": id})).await;
        assert_eq!(nictate.delete(&path).await.ok(), json!(id));
        assert_eq!(own(nictate, "findings", &finding).await["reference"], Value::Null);
        for bad in [id.as_str(), NOBODY, "x", "%00"] {
            let path = format!("/table/people/{bad}");
            nictate.get(&path).await.error(404, "record_not_found");
            nictate.delete(&path).await.error(404, "record_not_found");
            nictate.put(&path, json!({"age": 1})).await.error(404, "record_not_found");
        }
        nictate.get(&format!("/table/nothing/{id}")).await.error(404, "table_not_found");
        // One of them named no field, one was sent back whole.
        for (deed, times) in [("record.created", 2), ("record.edited", 6), ("record.deleted", 1)] {
            assert_eq!(nictate.audited(deed).await.len(), times, "{deed}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_record_cannot_be_is_refused_by_its_field() {
    on_both(async |nictate| {
        settle(nictate).await;
        add(nictate, "people", json!({"email": "ann@x"})).await;
        let check = async |table: &str, record: Value, fields: Value| {
            let unique = fields.to_string().contains("is unique, and");
            let code = if unique { "record_not_unique" } else { "record_invalid" };
            let error = nictate.post(&format!("/table/{table}"), record).await.error(400, code);
            let (name, why) = fields.as_object().unwrap().iter().next().unwrap();
            assert_eq!(text(&error, "message"), format!("field `{name}` {}", why.as_str().unwrap()));
            assert_eq!(error["user_error"]["fields"], fields);
        };
        for (field, value, why) in [
            ("text", json!(5), "takes text, not `5`"),
            ("text", json!("a\u{0}"), "takes no text with a zero character"),
            ("number", json!("many"), "takes a number, not `\"many\"`"),
            ("duration", json!(-1), "takes milliseconds from 0, not `-1`"),
            ("risk_level", json!("huge"), "takes one of its options, not `\"huge\"`"),
            ("checkbox", json!("yes"), "takes true or false, not `\"yes\"`"),
            ("list", json!("x"), "takes a list of texts, not `\"x\"`"),
            ("date", json!("2026"), ""),
            ("sla", json!(1.5), "takes a whole number of milliseconds, not `1.5`"),
            ("button", json!("x"), "is a button, which holds no value"),
            ("vendors", json!([1]), "takes text, not `1`"),
            ("single_select", json!("none"), "takes one of its options, not `\"none\"`"),
            ("multi_select", json!(["low", "none"]), "takes one of its options, not `\"none\"`"),
            (
                "reference",
                json!("ann"),
                "takes the id of a record: `ann` is not an id of the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
            ),
            ("id", json!(NOBODY), "is in every table and is not written"),
            ("updated_at", json!(1), "is in every table and is not written"),
            ("tExt", json!("x"), "is none of table `findings`"),
            ("c1\"; DROP TABLE tables; --", json!("x"), "is none of table `findings`"),
        ] {
            if why.is_empty() {
                add(nictate, "findings", json!({ field: value })).await;
            } else {
                check("findings", json!({ field: value }), json!({ field: why })).await;
            }
        }
        let missing = format!("refers to record `{NOBODY}`, which table `people` has not");
        check("findings", json!({"reference": NOBODY}), json!({"reference": missing})).await;
        for empty in [json!({}), json!({"email": null}), json!({"email": " "})] {
            check("people", empty, json!({"email": "is required"})).await;
        }
        check("people", json!({"age": "x"}), json!({"age": "takes a number, not `\"x\"`", "email": "is required"})).await;
        let ann = nictate.get("/table/people").await.column("id").remove(0);
        let taken = format!("is unique, and record `{ann}` has the value `ann@x` too");
        check("people", json!({"email": "ann@x"}), json!({"email": taken})).await;
        let bob = add(nictate, "people", json!({"email": "bob@x"})).await;
        let error = nictate.put(&format!("/table/people/{bob}"), json!({"email": "ann@x"})).await;
        assert_eq!(error.error(400, "record_not_unique")["user_error"]["fields"]["email"], taken);
        nictate.put(&format!("/table/people/{bob}"), json!({"email": "bob@x"})).await.ok();
        let error = nictate.put(&format!("/table/people/{bob}"), json!({"email": null})).await;
        error.error(400, "record_invalid");
        assert_eq!(nictate.get("/table/people").await.ok()["total"], 2);
        assert_eq!(nictate.get("/table/findings").await.ok()["total"], 1);
    })
    .await;
}

#[tokio::test]
async fn records_are_listed_as_q_asks() {
    on_both(async |nictate| {
        settle(nictate).await;
        let mut ids = Vec::new();
        for (email, age, city) in [("ann@x", 30, "Bern"), ("bob@x", 25, "Rome"), ("cid@x", 41, "bern")] {
            ids.push(add(nictate, "people", json!({"email": email, "age": age, "city": city})).await);
        }
        let page = nictate.get("/table/people").await.ok();
        assert_eq!(members(&page), ["limit", "offset", "results", "total"]);
        assert_eq!((&page["limit"], &page["offset"], &page["total"]), (&json!(100), &json!(0), &json!(3)));
        let shown = ["id", "created_at", "created_by", "updated_at", "updated_by", "email", "age", "city"];
        assert_eq!(page["results"][0].as_object().unwrap().keys().collect::<Vec<_>>(), shown);
        let found = async |q: Value| nictate.list("/table/people", &q).await.column("email");
        for (filter, wanted) in [
            (json!({"age": {"$gte": 25, "$lt": 41}}), &["ann@x", "bob@x"][..]),
            (json!({"city": "bern"}), &["cid@x"]),
            (json!({"city": {"$ilike": "B%"}}), &["ann@x", "cid@x"]),
            (json!({"$or": [{"age": 30.0}, {"email": {"$in": ["cid@x", "eve@x"]}}]}), &["ann@x", "cid@x"]),
            (json!({"email": {"$nin": ["ann@x"]}, "$not": {"city": "Rome"}}), &["cid@x"]),
            (json!({"$and": [{"age": {"$exists": true}}, {"id": ids[1]}]}), &["bob@x"]),
            (json!({"created_by": {"$neq": null}, "updated_at": {"$gt": 0}, "age": 41}), &["cid@x"]),
        ] {
            assert_eq!(found(json!({ "filter": filter })).await, wanted, "{filter}");
        }
        assert_eq!(found(json!({"filter": {"city": "BERN"}, "ci": true})).await, ["ann@x", "cid@x"]);
        assert_eq!(found(json!({"search": {"text": "ROM"}})).await, ["bob@x"]);
        assert_eq!(found(json!({"sort": ["-age"], "limit": 2, "offset": 1})).await, ["ann@x", "bob@x"]);
        let selected = nictate.list("/table/people", &json!({"select": ["age", "id"], "limit": 1})).await;
        assert_eq!(selected.results(), [json!({"id": ids[0], "age": 30})]);
        let mut walked = Vec::new();
        let mut q = json!({"sort": ["-city"], "select": ["email"], "cursor": "", "limit": 2});
        while q["cursor"] != Value::Null {
            let page = nictate.list("/table/people", &q).await;
            walked.extend(page.column("email"));
            let page = page.ok();
            assert_eq!(page["total"], 3);
            q["cursor"] = page["next_cursor"].clone();
        }
        assert_eq!(walked, ["cid@x", "bob@x", "ann@x"]);
        for bad in [json!({"filter": {"emial": "x"}}), json!({"cursor": "7"}), json!({"sort": ["nothing"]})] {
            nictate.list("/table/people", &bad).await.error(400, "query_invalid");
        }
        nictate.get("/table/nothing").await.error(404, "table_not_found");
    })
    .await;
}

#[tokio::test]
async fn a_filter_looks_into_the_records_that_are_referred_to() {
    on_both(async |nictate| {
        settle(nictate).await;
        let chief = json!({"display_name": "Chief", "type": "reference",
            "attributes": {"table_reference": {"table_name": "people"}}});
        nictate.post("/table/people/fields", chief).await.ok();
        let list = json!({"display_name": "Tags", "type": "list"});
        nictate.post("/table/people/fields", list).await.ok();
        let ann = add(nictate, "people", json!({"email": "ann@x", "age": 50, "tags": ["a", "b"]})).await;
        let bob = add(nictate, "people", json!({"email": "bob@x", "age": 20, "chief": ann})).await;
        for (title, person) in [("one", json!(ann)), ("two", json!(bob)), ("three", json!(null))] {
            add(nictate, "findings", json!({"text": title, "reference": person})).await;
        }
        let check = async |filter: Value, wanted: &[&str]| {
            let found = nictate.list("/table/findings", &json!({ "filter": filter })).await;
            assert_eq!(found.column("text"), wanted, "{filter}");
        };
        check(json!({"reference.email": "ann@x"}), &["one"]).await;
        check(json!({"reference.email": {"$neq": "ann@x"}}), &["two", "three"]).await;
        check(json!({"reference.email": {"$exists": false}}), &["three"]).await;
        check(json!({"$or": [{"reference.age": {"$lt": 30}}, {"text": "three"}]}), &["two", "three"]).await;
        check(json!({"reference.tags": "b", "reference.id": {"$in": [ann]}}), &["one"]).await;
        check(json!({"reference.email": {"$ilike": "%@X"}, "text": {"$like": "t%"}}), &["two"]).await;
        let of_chief = nictate.list("/table/people", &json!({"filter": {"chief.email": "ann@x"}})).await;
        assert_eq!(of_chief.column("email"), ["bob@x"]);
        let search = json!({"search": {"text": "BOB", "fields": ["text", "reference.email"]}});
        assert_eq!(nictate.list("/table/findings", &search).await.column("text"), ["two"]);
        for bad in [
            json!({"filter": {"reference.no": "x"}}),
            json!({"filter": {"text.email": "x"}}),
            json!({"filter": {"reference.chief.email": "x"}}),
            json!({"filter": {"reference.age": "x"}}),
            json!({"sort": ["reference.email"]}),
            json!({"select": ["reference.email"]}),
        ] {
            nictate.list("/table/findings", &bad).await.error(400, "query_invalid");
        }
        let body = json!({"filter": {"reference.email": "bob@x"}});
        assert_eq!(nictate.post("/table/findings/records/delete", body).await.ok()["deleted"], 1);
        check(json!({}), &["one", "three"]).await;
    })
    .await;
}

#[tokio::test]
async fn a_record_of_another_workspace_is_not_found() {
    on_both(async |nictate| {
        settle(nictate).await;
        let id = add(nictate, "people", json!({"email": "ann@x"})).await;
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        let both = [(WORKSPACE.parse().unwrap(), Role::Owner), (red, Role::Owner)];
        nictate.add_person(Person::new("both", tenant, &both)).await;
        let ask = async |method: Method, path: &str, body: Value| {
            let path = format!("/api/v1/workspace/{red}{path}");
            Reply::of(nictate.request_as(Some("both"), method, &path).json(&body)).await
        };
        let one = format!("/table/people/{id}");
        let paths = [
            (Method::GET, "/table/people", json!({})),
            (Method::GET, &one, json!({})),
            (Method::POST, "/table/people", json!({"email": "eve@x"})),
            (Method::PUT, &one, json!({"age": 1})),
            (Method::DELETE, &one, json!({})),
            (Method::POST, "/table/people/records", json!({"records": [{"email": "eve@x"}]})),
            (Method::PUT, "/table/people/records", json!({"records": [{"id": id, "age": 1}]})),
            (
                Method::POST,
                "/table/people/records/upsert",
                json!({"field": "email", "records": [{"email": "ann@x"}]}),
            ),
            (Method::POST, "/table/people/records/delete", json!({"filter": {}})),
        ];
        for (method, path, body) in &paths {
            ask(method.clone(), path, body.clone()).await.error(404, "table_not_found");
        }
        // Also where the other workspace has a table of that name.
        ask(Method::POST, "/table", json!({"display_name": "People", "options": ["with_default_fields"]}))
            .await
            .ok();
        for (method, path, body) in paths.iter().filter(|(_, path, _)| **path == one) {
            ask(method.clone(), path, json!({"name": body["age"].to_string()}))
                .await
                .error(404, "record_not_found");
        }
        let update = json!({"records": [{"id": id, "name": "x"}]});
        ask(Method::PUT, "/table/people/records", update).await.error(404, "record_not_found");
        ask(Method::POST, "/table/people/records/delete", json!({"filter": {}})).await.ok();
        assert_eq!(own(nictate, "people", &id).await["email"], "ann@x");
    })
    .await;
}

#[tokio::test]
async fn every_bound_of_a_record_is_met_and_not_passed() {
    on_both(async |nictate| {
        let long = |n: usize| json!({"display_name": format!("L{n}"), "type": "long-text"});
        let fields = json!([long(0), long(1), {"display_name": "T", "type": "text"}]);
        nictate.post("/table", json!({"display_name": "Long", "fields": fields})).await.ok();
        add(nictate, "long", json!({"t": "é".repeat(TEXT_CHARS_MAX)})).await;
        nictate
            .post("/table/long", json!({"t": "é".repeat(TEXT_CHARS_MAX + 1)}))
            .await
            .error(400, "record_invalid");
        // Four bytes each.
        let widest = "\u{1f600}".repeat(LONG_TEXT_CHARS_MAX);
        let id = add(nictate, "long", json!({"l0": widest})).await;
        let path = format!("/table/long/{id}");
        let rest = RECORD_BYTES_MAX - widest.len() - 100;
        let more = "\u{1f600}".repeat(rest / 4 + 100);
        assert!(more.chars().count() < LONG_TEXT_CHARS_MAX);
        nictate.put(&path, json!({"l1": more})).await.error(400, "record_invalid");
        nictate.put(&path, json!({"l1": "\u{1f600}".repeat(rest / 4)})).await.ok();
        nictate.put(&path, json!({"l0": "short", "l1": more})).await.ok();
        nictate.get(&path).await.ok();
        for _ in 0..=PAGE_BYTES_MAX / widest.len() {
            add(nictate, "long", json!({"l0": widest})).await;
        }
        nictate.get("/table/long").await.error(400, "page_too_large");
        nictate.list("/table/long", &json!({"select": ["t"]})).await.ok();
    })
    .await;
}

#[tokio::test]
async fn whoever_reads_and_writes_while_fields_come_and_go_is_answered() {
    on_both(async |nictate| {
        settle(nictate).await;
        add(nictate, "people", json!({"email": "ann@x"})).await;
        let nictate = &*nictate;
        let change = async || {
            for n in 0..8 {
                let field = json!({"display_name": format!("f{n}"), "type": "number"});
                nictate.post("/table/people/fields", field).await.ok();
                nictate.delete(&format!("/table/people/fields/f{n}")).await.ok();
            }
        };
        let read = async |_| nictate.get("/table/people").await.ok();
        let write = async |n: usize| add(nictate, "people", json!({"email": format!("{n}@x")})).await;
        let (_, _, written) = tokio::join!(
            change(),
            futures_util::future::join_all((0..24).map(read)),
            futures_util::future::join_all((0..24).map(write)),
        );
        assert_eq!(nictate.get("/table/people").await.ok()["total"], written.len() + 1);
        // Of many who know the same state, one changes it.
        let path = format!("/table/people/{}", written[0]);
        let known = nictate.get(&path).await.ok()["updated_at"].clone();
        let update = async |n: usize| nictate.put(&path, json!({"age": n, "updated_at": known})).await.status;
        let mut statuses = futures_util::future::join_all((0..8).map(update)).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
    })
    .await;
}
