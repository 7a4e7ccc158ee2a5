//! Steps on tables: each action with what it answers, what is refused and leaves nothing, and that a step writes once.

use reqwest::Method;
use serde_json::{Value, json};
use store::records::RECORDS_MAX;
use store::table_steps::TableStep;
use types::Role;

use crate::executions::workflow;
use crate::records::{add, own, settle};
use crate::support::{Nictate, Person, Reply, WORKSPACE, on_both, text, until};

/// A workflow of one step.
fn step(action: &str, inputs: &Value) -> String {
    workflow(&format!("- id: S1\n  action: {action}\n  inputs: {inputs}"), "{{ steps.S1.output }}")
}

/// What the step answers.
async fn answer(nictate: &Nictate, action: &str, inputs: Value) -> Value {
    let run = run(nictate, action, &inputs).await;
    assert_eq!(run["state"], "Completed", "{action} {inputs}: {run}");
    run["outputs"]["out"].clone()
}

/// The code and message of the step's failure.
async fn failure(nictate: &Nictate, action: &str, inputs: Value) -> (String, String) {
    let run = run(nictate, action, &inputs).await;
    assert_eq!(run["state"], "Failed", "{action} {inputs}: {run}");
    let id = text(&run, "id");
    let [step] = nictate.get(&format!("/executions/{id}/steps")).await.results().try_into().unwrap();
    (text(&step["error_data"], "code"), text(&step["error_data"], "message"))
}

async fn run(nictate: &Nictate, action: &str, inputs: &Value) -> Value {
    let name = format!("w{}", nictate.list("/playbooks", &json!({"limit": 1})).await.ok()["total"]);
    let id = nictate.publish(&name, &step(action, inputs)).await;
    let execution = nictate.execute(&id, json!({})).await;
    until("the run has ended", async || {
        let run = nictate.get(&format!("/executions/{execution}")).await.ok();
        ["Completed", "Failed"].contains(&run["state"].as_str().unwrap_or_default()).then_some(run)
    })
    .await
}

async fn total(nictate: &Nictate, table: &str) -> Value {
    nictate.get(&format!("/table/{table}")).await.ok()["total"].clone()
}

#[tokio::test]
async fn steps_read_and_write_records() {
    on_both(async |nictate| {
        settle(nictate).await;
        let pairs = json!([{"key": "email", "value": "ann@x"}, {"key": "age", "value": "41"}]);
        let ann = answer(nictate, "tables.AddRecordV2", json!({"table": "people", "record": pairs})).await;
        assert_eq!((&ann["email"], &ann["age"], &ann["city"]), (&json!("ann@x"), &json!(41), &json!("Bern")));
        let id = text(&ann, "id");
        assert_eq!(nictate.get(&format!("/table/people/{id}")).await.ok(), ann);

        let upsert = |email: &str, format: &str| {
            json!({"table": "people", "condition": {"email": email}, "record_data_format": format,
                   "record": {"email": email, "age": 7}})
        };
        let action = "tables.CreateOrUpdateRecordV3";
        let changed = answer(nictate, action, upsert("ann@x", "By field")).await;
        assert_eq!((&changed["created"], &changed["record"]["city"]), (&json!(false), &json!("Bern")));
        let changed = answer(nictate, action, upsert("ann@x", "Entire record")).await;
        assert_eq!((&changed["record"]["id"], &changed["record"]["city"]), (&json!(id), &Value::Null));
        let made = answer(nictate, action, upsert("bob@x", "Entire record")).await;
        assert_eq!((&made["created"], &made["record"]["city"]), (&json!(true), &json!("Bern")));

        let all = json!([{"id": id, "age": 8}, {"id": made["record"]["id"], "age": 9}]);
        let done = answer(nictate, "tables.UpdateRecords", json!({"table": "people", "records": all})).await;
        assert_eq!(done, json!({"ids": [id, made["record"]["id"]]}));
        let all = json!({"id": id, "age": 10}).to_string();
        answer(nictate, "system.TableUpdate", json!({"table": "people", "body": all})).await;
        assert_eq!(own(nictate, "people", &id).await["age"], 10);
        let new = json!([{"email": "c@x"}, {"email": "d@x"}]);
        answer(nictate, "system.TableInsert", json!({"table": "people", "body": new})).await;

        let asked = json!({"table": "people", "query": {"email": {"$ilike": "B%"}}, "limit": 5});
        let page = answer(nictate, "tables.GetRecordsV3", asked).await;
        assert_eq!((&page["limit"], &page["total"]), (&json!(5), &json!(1)));
        assert_eq!(page["results"][0]["email"], "bob@x");
        let asked = json!({"table": "people", "query_method": "RQL Query",
                           "query": "{\"sort\": [\"-email\"], \"select\": [\"email\"], \"limit\": 2}"});
        let page = answer(nictate, "tables.GetRecordsV3", asked).await;
        assert_eq!(page["results"], json!([{"email": "d@x"}, {"email": "c@x"}]));

        let by_id = json!({"table": "people", "ids": id});
        let gone = json!({"deleted": 1, "remaining": false});
        assert_eq!(answer(nictate, "tables.DeleteRecordsV2", by_id).await, gone);
        let by_query = json!({"table": "people", "delete_by": "Condition", "query": {"email": "c@x"}});
        assert_eq!(answer(nictate, "tables.DeleteRecordsV2", by_query).await, gone);
        let cleared = answer(nictate, "system.TableClear", json!({"table": "people"})).await;
        assert_eq!((cleared["deleted"].clone(), total(nictate, "people").await), (json!(2), json!(0)));

        let audited = nictate.audited("record.created").await;
        assert!(audited.iter().all(|entry| entry.actor_type == store::audit::ActorType::Execution));
        assert_eq!(audited.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn steps_make_and_remove_tables() {
    on_both(async |nictate| {
        let schema = json!({"display_name": "Open Findings", "options": ["with_default_fields"]});
        let create = |skip: bool| json!({"schema": schema, "skip": skip});
        let made = answer(nictate, "system.TableCreate", create(false)).await;
        assert_eq!((&made["created"], &made["table"]["name"]), (&json!(true), &json!("open_findings")));
        assert_eq!(answer(nictate, "system.TableCreate", create(true)).await["created"], false);
        assert_eq!(failure(nictate, "system.TableCreate", create(false)).await.0, "table_name_taken");

        let exists = |name: &str, by: &str| json!({"table": name, "search_by": by});
        for (name, by, expected) in [
            ("Open Findings", "Display Name", true),
            ("open_findings", "Display Name", false),
            ("open_findings", "Name", true),
            ("Open Findings", "Name", false),
            ("open_findings", "Display Name and Name", true),
            ("Open Findings", "Display Name and Name", true),
            ("nothing", "Display Name and Name", false),
        ] {
            let told = answer(nictate, "system.TableExists", exists(name, by)).await;
            assert_eq!(told, json!({"exists": expected}), "{name} {by}");
        }

        let schema = answer(nictate, "tables.GetTableSchema", json!({"table": "open_findings"})).await;
        let names: Vec<&Value> = schema["fields"].as_array().unwrap().iter().map(|f| &f["name"]).collect();
        assert_eq!(names, ["id", "created_at", "created_by", "updated_at", "updated_by", "name", "number"]);

        let data = json!([{"Host": "a", "Up": true, "Ports": ["22"], "Load": 0.5}, {"Host": "b", "Load": 3}]);
        let inferred = json!({"table_name": "Hosts", "data": data});
        let made = answer(nictate, "tables.CreateTableFromData", inferred.clone()).await;
        let first = text(&json!({"id": made["ids"][0]}), "id");
        let host = json!({"host": "a", "up": true, "ports": ["22"], "load": 0.5});
        assert_eq!(own(nictate, "hosts", &first).await, host);
        assert_eq!(failure(nictate, "tables.CreateTableFromData", inferred).await.0, "table_name_taken");
        assert_eq!(total(nictate, "hosts").await, 2);

        let removed = answer(nictate, "system.TableRemove", json!({"table": "hosts"})).await;
        assert_eq!(removed, json!({"removed": true}));
        nictate.get("/table/hosts").await.error(404, "table_not_found");
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_fails_the_step_and_leaves_nothing() {
    on_both(async |nictate| {
        settle(nictate).await;
        let ann = add(nictate, "people", json!({"email": "ann@x"})).await;
        add(nictate, "people", json!({"email": "bob@x"})).await;
        let check = async |action: &str, inputs: Value, code: &str, named: &str| {
            let (told, message) = failure(nictate, action, inputs).await;
            assert_eq!(told, code, "{message}");
            assert!(message.contains(named), "{message}");
        };
        let nowhere = json!({"table": "nowhere", "record": {"email": "x"}});
        check("tables.AddRecordV2", nowhere, "table_not_found", "`nowhere`").await;
        let unknown = json!({"table": "people", "record": {"email": "x", "shoe": 1}});
        check("tables.AddRecordV2", unknown, "record_invalid", "`shoe`").await;
        let mismatch = json!({"table": "people", "record": {"email": "x", "age": "old"}});
        check("tables.AddRecordV2", mismatch, "record_invalid", "`age`").await;
        let twice = json!({"table": "people", "record": {"email": "ann@x"}});
        check("tables.AddRecordV2", twice, "record_not_unique", "`email`").await;
        let half = json!({"table": "people", "body": [{"email": "new@x"}, {"age": 1}]});
        check("system.TableInsert", half, "record_invalid", "record 1").await;
        let none = json!({"table": "people", "records": [{"age": 1}]});
        check("tables.UpdateRecords", none, "record_invalid", "`id`").await;
        let pairs = json!({"table": "people", "record": [{"name": "email"}]});
        check("tables.AddRecordV2", pairs, "invalid_input", "`record`").await;
        let wide = json!({"table": "people", "condition": {"city": "Bern"}, "record": {"email": "z@x"}});
        check("tables.CreateOrUpdateRecordV3", wide, "record_invalid", "2 records").await;
        let open = json!({"table": "people", "condition": "{}", "record": {"email": "z@x"}});
        check("tables.CreateOrUpdateRecordV3", open, "invalid_input", "`condition`").await;
        let bad = json!({"table": "people", "query": {"shoe": 1}});
        check("tables.GetRecordsV3", bad, "query_invalid", "shoe").await;
        let open = json!({"table": "people", "delete_by": "Condition"});
        check("tables.DeleteRecordsV2", open, "invalid_input", "`query`").await;
        let no_id = json!({"table": "people", "ids": ["7"]});
        check("tables.DeleteRecordsV2", no_id, "record_invalid", "`7`").await;
        check("system.TableRemove", json!({"table": "people"}), "table_in_use", "findings").await;
        let odd = json!({"schema": {"display_name": "T", "fields": [{"display_name": "F", "type": "odd"}]}});
        check("system.TableCreate", odd, "table_invalid", "`odd`").await;
        assert_eq!(total(nictate, "people").await, 2);
        assert_eq!(
            own(nictate, "people", &ann).await,
            json!({"email": "ann@x", "age": null, "city": "Bern"})
        );
    })
    .await;
}

#[tokio::test]
async fn another_workspaces_table_is_no_table() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        let both = [(WORKSPACE.parse().unwrap(), Role::Owner), (red, Role::Owner)];
        nictate.add_person(Person::new("both", tenant, &both)).await;
        let ask = async |method: Method, path: &str, body: Value| {
            let path = format!("/api/v1/workspace/{red}{path}");
            Reply::of(nictate.request_as(Some("both"), method, &path).json(&body)).await
        };
        let theirs = json!({"display_name": "Theirs", "options": ["with_default_fields"]});
        ask(Method::POST, "/table", theirs).await.ok();
        let record = ask(Method::POST, "/table/theirs", json!({"name": "x"})).await.ok();
        let theirs = json!({"table": "theirs"});
        for (action, inputs) in [
            ("tables.GetRecordsV3", theirs.clone()),
            ("tables.GetTableSchema", theirs.clone()),
            ("tables.AddRecordV2", json!({"table": "theirs", "record": {"name": "y"}})),
            ("tables.UpdateRecords", json!({"table": "theirs", "records": [{"id": record, "name": "y"}]})),
            ("tables.DeleteRecordsV2", json!({"table": "theirs", "ids": [record]})),
            ("system.TableClear", theirs.clone()),
            ("system.TableRemove", theirs.clone()),
        ] {
            assert_eq!(failure(nictate, action, inputs).await.0, "table_not_found", "{action}");
        }
        let told = answer(nictate, "system.TableExists", json!({"table": "Theirs"})).await;
        assert_eq!(told, json!({"exists": false}));
        let kept = ask(Method::GET, "/table/theirs", json!({})).await.ok();
        assert_eq!((&kept["total"], &kept["results"][0]["name"]), (&json!(1), &json!("x")));
    })
    .await;
}

/// A pause, in which something can be done to a run before its next step.
pub(crate) const PAUSE: &str = "- id: P\n  action: internal.Sleep\n  inputs: {Amount: 700, Unit: ms}\n";

/// Runs steps with a pause before the last one, S2, of which another attempt has already answered `told`, as a server leaves
/// it that crashes between the write and the journal; what the run answers.
pub(crate) async fn begun_again(nictate: &Nictate, steps: &str, told: &'static str) -> Value {
    let id = nictate.publish("again", &workflow(steps, "{{ steps.S2.output }}")).await;
    let execution = nictate.execute(&id, json!({})).await;
    let run = execution.parse().unwrap();
    nictate
        .write_beside(async move |tx| {
            let step = TableStep { execution: run, path: "S2".to_owned(), replacements: 0 };
            store::table_steps::insert(tx, &step, told, types::Timestamp::from_millis(1)).await
        })
        .await;
    nictate.execution_in(&execution, "Completed").await["outputs"]["out"].clone()
}

#[tokio::test]
async fn a_step_that_has_written_answers_the_same_again_and_writes_nothing() {
    on_both(async |nictate| {
        settle(nictate).await;
        let inputs = json!({"table": "people", "record": {"email": "once@x"}});
        let steps = format!("{PAUSE}- id: S2\n  action: tables.AddRecordV2\n  inputs: {inputs}");
        let answered = begun_again(nictate, &steps, "{\"written\":\"before\"}").await;
        assert_eq!(answered, json!({"written": "before"}));
        assert_eq!(total(nictate, "people").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_table_is_cleared_in_parts_and_a_step_that_is_begun_again_goes_on() {
    on_both(async |nictate| {
        nictate.post("/table", json!({"display_name": "Log", "options": ["with_default_fields"]})).await.ok();
        let fill = async || {
            let records: Vec<Value> = (0..RECORDS_MAX).map(|n| json!({"name": format!("r{n}")})).collect();
            nictate.post("/table/log/records", json!({"records": records})).await.ok();
            nictate.post("/table/log", json!({"name": "one more"})).await.ok();
        };
        fill().await;
        let cleared = answer(nictate, "system.TableClear", json!({"table": "log"})).await;
        assert_eq!(cleared, json!({"deleted": RECORDS_MAX + 1, "remaining": false}));
        fill().await;
        let told = "{\"deleted\":7,\"remaining\":true}";
        let steps = format!("{PAUSE}- id: S2\n  action: system.TableClear\n  inputs: {{table: log}}");
        let cleared = begun_again(nictate, &steps, told).await;
        assert_eq!(cleared, json!({"deleted": 7 + RECORDS_MAX + 1, "remaining": false}));
        assert_eq!(total(nictate, "log").await, 0);
        // Each part is a transaction with its own entry.
        assert_eq!(nictate.audited("records.deleted").await.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn however_often_the_server_crashes_each_step_has_written_once() {
    on_both(async |nictate| {
        nictate.post("/table", json!({"display_name": "Log", "options": ["with_default_fields"]})).await.ok();
        let step = |n: usize| {
            format!(
                "- id: S{n}\n  action: tables.AddRecordV2\n  inputs: {{table: log, record: {{name: s{n}}}}}\n"
            )
        };
        let steps: String = (1..=40).map(step).collect();
        let id = nictate.publish("writes", &workflow(&steps, "{{ steps.S40.output.name }}")).await;
        let mut executions = Vec::new();
        for pause_ms in [5, 15, 30, 60] {
            executions.push(nictate.execute(&id, json!({})).await);
            tokio::time::sleep(std::time::Duration::from_millis(pause_ms)).await;
            nictate.crash_and_start().await;
        }
        for execution in &executions {
            let run = nictate.execution_in(execution, "Completed").await;
            assert_eq!(run["outputs"], json!({"out": "s40"}));
        }
        assert_eq!(total(nictate, "log").await, 40 * executions.len());
        let once = json!({"filter": {"name": "s7"}});
        assert_eq!(nictate.list("/table/log", &once).await.ok()["total"], executions.len());
    })
    .await;
}
