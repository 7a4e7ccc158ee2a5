//! Changes of records that start workflows: what starts one and what it is told, that no change is lost or counts twice, that
//! workflows do not start each other for ever, and which triggers are refused.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use store::Chain;
use store::record_events::RecordEvent;
use types::{Clock as _, EventKind, Role, Timestamp};

use crate::executions::workflow;
use crate::records::{add, settle};
use crate::support::{
    Nictate, Person, Reply, WORKSPACE, on_both, on_both_with, one_at_a_time, start, text, until,
};

/// How long a server has an event that it delivers.
const CLAIM_TIME: Duration = Duration::from_secs(15);
const PRINTS: &str = "- {id: S1, action: internal.print, inputs: {text: seen}}";

/// A workflow that such a trigger starts.
fn on_change(inputs: &Value, steps: &str, output: &str) -> String {
    format!(
        "automation_type: event\ntriggers:\n  webhooks:\n    - trigger_type: tables.OnRecordChange\n      name: Changes\n      \
         inputs: {inputs}\n{}",
        workflow(steps, output)
    )
}

/// The same, which answers what it was told.
fn tells(inputs: &Value) -> String {
    on_change(inputs, PRINTS, "{{ event.payload }}")
}

/// A workflow that adds a record to a table for each that is made in another one.
fn copies(from: &str, to: &str) -> String {
    let step = format!(
        "- {{id: S1, action: tables.AddRecordV2, inputs: {{table: {to}, record: {{name: copied}}}}}}"
    );
    on_change(&json!({"table": from, "events": "created"}), &step, "{{ 1 }}")
}

async fn table(nictate: &Nictate, name: &str) {
    nictate.post("/table", json!({"display_name": name, "options": ["with_default_fields"]})).await.ok();
}

/// Waits until every change has been delivered and every run has ended.
async fn quiet(nictate: &Nictate) {
    until("everything is delivered and has ended", async || {
        let ever = Timestamp::from_millis(i64::MAX);
        if store::record_events::is_due(&nictate.db, ever).await.unwrap() {
            return None;
        }
        let busy = json!({"filter": {"state": {"$in": ["Running", "Pending", "Queued"]}}, "limit": 1});
        (nictate.list("/executions", &busy).await.ok()["total"] == 0).then_some(())
    })
    .await;
}

/// The workflow's runs, the oldest first, when everything is quiet.
async fn runs(nictate: &Nictate, workflow: &str) -> Vec<Value> {
    quiet(nictate).await;
    let q = json!({"filter": {"playbook_id": workflow}, "sort": ["execution_number"], "limit": 1000});
    nictate.list("/executions", &q).await.results()
}

/// What each of the workflow's runs answered.
async fn answers(nictate: &Nictate, workflow: &str) -> Vec<Value> {
    let mut answers = Vec::new();
    for run in runs(nictate, workflow).await {
        let run = nictate.get(&format!("/executions/{}", text(&run, "id"))).await.ok();
        assert_eq!(run["state"], "Completed", "{run}");
        answers.push(run["outputs"]["out"].clone());
    }
    answers
}

async fn count(nictate: &Nictate, workflow: &str) -> usize {
    runs(nictate, workflow).await.len()
}

async fn total(nictate: &Nictate, table: &str) -> Value {
    nictate.get(&format!("/table/{table}")).await.ok()["total"].clone()
}

#[tokio::test]
async fn changes_start_workflows_and_tell_what_has_changed() {
    on_both(async |nictate| {
        settle(nictate).await;
        let every = nictate.publish("every", &tells(&json!({"table": "people"}))).await;
        let adults = json!({"table": {"value": "people", "display_name": "People"}, "events": ["created", "updated"],
                            "filter": {"age": {"$gte": 18}}});
        let adults = nictate.publish("adults", &tells(&adults)).await;
        let gone = json!({"table": "people", "events": "deleted", "filter": "{\"email\": {\"$like\": \"%@x\"}}"});
        let gone = nictate.publish("gone", &tells(&gone)).await;

        let bob = add(nictate, "people", json!({"email": "bob@x", "age": 5})).await;
        let path = format!("/table/people/{bob}");
        let made = nictate.get(&path).await.ok();
        assert_eq!(count(nictate, &every).await, 1);
        nictate.put(&path, json!({"age": 20, "city": "Bern"})).await.ok();
        let older = nictate.get(&path).await.ok();
        // Nothing has another value.
        nictate.put(&path, json!({"age": "20"})).await.ok();
        quiet(nictate).await;
        let last = nictate.get(&path).await.ok();
        nictate.delete(&path).await.ok();
        let by = made["created_by"].clone();
        let told = |event: &str, record: &Value, before: &Value, changed: Value| {
            json!({"event": event, "table": "people", "record": record, "before": before, "changed": changed,
                   "changed_by": by})
        };
        let created = told("created", &made, &Value::Null, json!([]));
        let updated = told("updated", &older, &made, json!(["age"]));
        let deleted = told("deleted", &last, &Value::Null, json!([]));
        assert_eq!(answers(nictate, &adults).await, std::slice::from_ref(&updated));
        assert_eq!(answers(nictate, &gone).await, std::slice::from_ref(&deleted));
        assert_eq!(answers(nictate, &every).await, [created, updated, deleted]);

        let run = runs(nictate, &gone).await.remove(0);
        assert_eq!((&run["trigger_type"], &run["created_by"]), (&json!("event"), &by));
    })
    .await;
}

#[tokio::test]
async fn however_many_records_are_written_each_counts_once() {
    on_both(async |nictate| {
        settle(nictate).await;
        let asked =
            json!({"table": "people", "events": ["created", "updated"], "filter": {"age": {"$lt": 300}}});
        let id = nictate.publish("some", &on_change(&asked, PRINTS, "{{ event.payload.record.age }}")).await;
        let people: Vec<Value> = (0..1000).map(|n| json!({"email": format!("p{n}@x"), "age": n})).collect();
        nictate.post("/table/people/records", json!({"records": people})).await.ok();
        let ages = answers(nictate, &id).await;
        assert_eq!(ages.len(), 300);
        let mut sorted: Vec<i64> = ages.iter().filter_map(Value::as_i64).collect();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..300));

        let file = "email,age\nq1@x,1\nq2@x,many\nq3@x,3\nq4@x,400\n";
        let request = nictate.request(Method::POST, "/table/people/import?format=csv").body(file);
        assert_eq!(Reply::of(request).await.ok()["imported"], 3);
        assert_eq!(count(nictate, &id).await, 302);
        let upserted = json!({"field": "email", "records": [
            {"email": "q1@x", "age": 1}, {"email": "q3@x", "age": 4}, {"email": "q5@x", "age": 5}]});
        nictate.post("/table/people/records/upsert", upserted).await.ok();
        assert_eq!(count(nictate, &id).await, 304);
        // Nothing is told of what was not written.
        let twice = json!({"records": [{"email": "new@x"}, {"email": "q1@x"}]});
        nictate.post("/table/people/records", twice).await.error(400, "record_not_unique");
        assert_eq!(count(nictate, &id).await, 304);
    })
    .await;
}

#[tokio::test]
async fn large_values_are_left_out_by_name() {
    on_both(async |nictate| {
        settle(nictate).await;
        let id = nictate.publish("large", &tells(&json!({"table": "findings", "events": "updated"}))).await;
        let long = |letter: &str, length: usize| json!({"long_text": letter.repeat(length), "text": "kept"});
        let finding = add(nictate, "findings", long("a", 600_000)).await;
        let path = format!("/table/findings/{finding}");
        nictate.put(&path, long("b", 600_000)).await.ok();
        nictate.put(&path, long("c", 1_000_000)).await.ok();
        let [half, none]: [Value; 2] = answers(nictate, &id).await.try_into().unwrap();
        assert_eq!((&half["before"], &half["left_out"]), (&Value::Null, &json!(["before"])));
        assert_eq!(half["record"]["long_text"].as_str().map(str::len), Some(600_000));
        assert_eq!(none["left_out"], json!(["before", "record.long_text"]));
        assert_eq!((&none["record"]["long_text"], &none["record"]["text"]), (&Value::Null, &json!("kept")));
        assert_eq!(none["changed"], json!(["long_text"]));
    })
    .await;
}

#[tokio::test]
async fn workflows_do_not_start_each_other_for_ever() {
    on_both(async |nictate| {
        for name in ["A", "B", "C"] {
            table(nictate, name).await;
        }
        // A calls a workflow that writes what starts B; B writes what would start A.
        let step = "- {id: S1, action: tables.AddRecordV2, inputs: {table: b, record: {name: called}}}";
        let called = nictate.publish("called", &workflow(step, "{{ 1 }}")).await;
        let calls = format!("- {{id: S1, action: automations.{called}}}");
        let made = |table: &str| json!({"table": table, "events": "created"});
        let a = nictate.publish("a", &on_change(&made("a"), &calls, "{{ 1 }}")).await;
        let b = nictate.publish("b", &copies("b", "a")).await;
        // Its own run changes its own table, after the server has crashed.
        let slow = "- {id: S1, action: internal.Sleep, inputs: {duration: 1s}}\n\
                    - {id: S2, action: tables.AddRecordV2, inputs: {table: c, record: {name: own}}}";
        let own = nictate.publish("own", &on_change(&made("c"), slow, "{{ 1 }}")).await;
        let first = add(nictate, "a", json!({"name": "first"})).await;
        quiet(nictate).await;
        assert_eq!((total(nictate, "a").await, total(nictate, "b").await), (json!(2), json!(1)));
        assert_eq!((count(nictate, &a).await, count(nictate, &b).await), (1, 1));
        assert_eq!(nictate.get(&format!("/table/a/{first}")).await.ok()["name"], "first");

        add(nictate, "c", json!({"name": "first"})).await;
        until("it sleeps", async || {
            let q = json!({"filter": {"playbook_id": own, "state": "Pending"}});
            (nictate.list("/executions", &q).await.ok()["total"] == 1).then_some(())
        })
        .await;
        nictate.crash_and_start().await;
        assert_eq!((count(nictate, &own).await, total(nictate, "c").await), (1, json!(2)));
        // Also not when somebody begins the run anew.
        let run = text(&runs(nictate, &own).await[0], "id");
        nictate.post(&format!("/executions/{run}/restart"), json!({"step": "S2"})).await.ok();
        assert_eq!((count(nictate, &own).await, total(nictate, "c").await), (2, json!(3)));
    })
    .await;
}

#[tokio::test]
async fn a_chain_of_workflows_ends_after_so_many() {
    on_both(async |nictate| {
        for n in 0..=10 {
            table(nictate, &format!("T{n}")).await;
        }
        let mut all = Vec::new();
        for n in 0..10 {
            all.push(
                nictate.publish(&format!("w{n}"), &copies(&format!("t{n}"), &format!("t{}", n + 1))).await,
            );
        }
        add(nictate, "t0", json!({"name": "first"})).await;
        quiet(nictate).await;
        let mut counts = Vec::new();
        for id in &all {
            counts.push(count(nictate, id).await);
        }
        assert_eq!(counts, [1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
        assert_eq!((total(nictate, "t9").await, total(nictate, "t10").await), (json!(1), json!(0)));
    })
    .await;
}

/// A change that was written down and not delivered yet.
async fn written(nictate: &Nictate, workflow: &str, table: &str, name: &str) -> RecordEvent {
    let workspace = WORKSPACE.parse().unwrap();
    let table = store::tables::get(&nictate.db, workspace, table).await.unwrap().unwrap();
    let event = RecordEvent {
        id: types::RecordEventId::of_name(name),
        workspace_id: workspace,
        workflow_id: workflow.parse().unwrap(),
        table_id: table.id,
        record_id: types::RecordId::of_name(name),
        kind: EventKind::Created,
        place: 0,
        payload: json!({"record": {"name": name}}).to_string(),
        chain: Chain::default(),
        tries: 0,
        created_at: nictate.clock.now(),
    };
    let stored = event.clone();
    nictate
        .write_beside(async move |tx| store::record_events::insert(tx, std::slice::from_ref(&stored)).await)
        .await;
    event
}

#[tokio::test]
async fn what_was_not_delivered_before_a_crash_is_delivered_after_it() {
    on_both(async |nictate| {
        table(nictate, "A").await;
        let named = on_change(&json!({"table": "a"}), PRINTS, "{{ event.payload.record.name }}");
        let id = nictate.publish("named", &named).await;
        nictate.crash().await;
        written(nictate, &id, "a", "before").await;
        written(nictate, &id, "a", "claimed").await;
        // Another server has begun with them, and died.
        let (now, until_then) = (nictate.clock.now(), nictate.clock.now().saturating_add(CLAIM_TIME));
        let claim = async |now: Timestamp| {
            nictate
                .write_beside(async move |tx| store::record_events::claim(tx, now, until_then).await)
                .await
                .len()
        };
        assert_eq!((claim(now).await, claim(now).await), (2, 0));
        written(nictate, &id, "a", "free").await;
        nictate.clock.put_forward(Duration::from_secs(11));
        nictate.start_again().await;
        until("the free one is delivered", async || {
            let q = json!({"filter": {"playbook_id": id}});
            (nictate.list("/executions", &q).await.ok()["total"] == 1).then_some(())
        })
        .await;
        nictate.clock.put_forward(CLAIM_TIME);
        let mut names: Vec<String> =
            answers(nictate, &id).await.iter().map(|name| name.to_string()).collect();
        names.sort();
        assert_eq!(names, ["\"before\"", "\"claimed\"", "\"free\""]);

        // Wherever it crashes.
        for (n, pause_ms) in [1, 5, 15, 40].into_iter().enumerate() {
            let records: Vec<Value> = (0..25).map(|r| json!({"name": format!("{n}-{r}")})).collect();
            nictate.post("/table/a/records", json!({"records": records})).await.ok();
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            nictate.crash_and_start().await;
        }
        nictate.clock.put_forward(CLAIM_TIME);
        assert_eq!(count(nictate, &id).await, 103);
    })
    .await;
}

#[tokio::test]
async fn two_servers_deliver_each_change_once() {
    on_both(async |nictate| {
        if nictate.is_sqlite() {
            return;
        }
        table(nictate, "A").await;
        let id = nictate.publish("once", &tells(&json!({"table": "a"}))).await;
        let folder = tempfile::tempdir().unwrap();
        let mut config = nictate.config.clone();
        config.secrets.key_file = nictate.config.key_file();
        config.server.data = folder.path().to_owned();
        let other = start(&config, &nictate.clock).await.unwrap();
        let address = format!("{}/api/v1/workspace/{WORKSPACE}/table/a/records", other.url());
        for round in 0..4 {
            let records = |of: &str| -> Vec<Value> {
                (0..60).map(|n| json!({"name": format!("{of}-{round}-{n}")})).collect()
            };
            let here = nictate.post("/table/a/records", json!({"records": records("here")}));
            let there = reqwest::Client::new().post(&address).header("BLINK-API-KEY", crate::support::KEY);
            let there = Reply::of(there.json(&json!({"records": records("there")})));
            let (here, there) = tokio::join!(here, there);
            here.ok();
            there.ok();
        }
        let all = answers(nictate, &id).await;
        let mut names: Vec<String> = all.iter().map(|told| text(&told["record"], "name")).collect();
        names.sort();
        names.dedup();
        assert_eq!((all.len(), names.len()), (480, 480));
        other.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_full_queue_loses_no_change() {
    let narrow = |config: &mut server::config::Config| {
        one_at_a_time(config);
        config.limits.executions_queued_per_workspace_max = 2;
    };
    on_both_with(narrow, async |nictate| {
        table(nictate, "A").await;
        let busy = format!(
            "- {{id: S1, action: http.requestV2, inputs: {{method: GET, url: '{}/seen'}}}}",
            nictate.tool.url()
        );
        let id = nictate.publish("a", &on_change(&json!({"table": "a"}), &busy, "{{ 1 }}")).await;
        let records: Vec<Value> = (0..8).map(|n| json!({"name": n.to_string()})).collect();
        nictate.post("/table/a/records", json!({"records": records})).await.ok();
        assert_eq!(count(nictate, &id).await, 8);
    })
    .await;
}

#[tokio::test]
async fn only_published_and_active_workflows_of_the_workspace_are_started() {
    on_both(async |nictate| {
        table(nictate, "A").await;
        let document = tells(&json!({"table": "a"}));
        let active = nictate.publish("active", &document).await;
        let off = nictate.publish("off", &document).await;
        nictate.put(&format!("/playbooks/{off}"), json!({"active": false})).await.ok();
        let draft = json!({"name": "draft", "playbook": document});
        let draft = text(&nictate.post("/playbooks/ui", draft).await.ok(), "id");
        let other = nictate.publish("other", &document).await;
        let manual = json!({"playbook": workflow(PRINTS, "{{ 1 }}")});
        nictate.post(&format!("/playbooks/{other}/public"), manual).await.ok();
        let gone = nictate.publish("gone", &document).await;
        nictate.delete(&format!("/playbooks/{gone}")).await.ok();

        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        let both = [(WORKSPACE.parse().unwrap(), Role::Owner), (red, Role::Owner)];
        nictate.add_person(Person::new("both", tenant, &both)).await;
        let there = |path: &str| format!("/api/v1/workspace/{red}{path}");
        let call =
            async |path: &str, body: Value| nictate.call_as("both", Method::POST, &there(path), body).await;
        call("/table", json!({"display_name": "A", "options": ["with_default_fields"]})).await.ok();
        call("/table/a", json!({"name": "theirs"})).await.ok();
        add(nictate, "a", json!({"name": "ours"})).await;
        let told = answers(nictate, &active).await;
        assert_eq!((told.len(), &told[0]["record"]["name"]), (1, &json!("ours")));
        for id in [&off, &draft, &other] {
            assert_eq!(count(nictate, id).await, 0);
        }

        // Switched on, it is started again; switched off before it was started, it is not.
        nictate.put(&format!("/playbooks/{off}"), json!({"active": true})).await.ok();
        add(nictate, "a", json!({"name": "second"})).await;
        assert_eq!(count(nictate, &off).await, 1);
        nictate.put(&format!("/playbooks/{off}"), json!({"active": false})).await.ok();
        for id in [&off, &gone] {
            written(nictate, id, "a", id).await;
        }
        assert_eq!(count(nictate, &off).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_trigger_whose_table_or_field_is_gone_starts_nothing() {
    on_both(async |nictate| {
        table(nictate, "A").await;
        let plain = nictate.publish("plain", &tells(&json!({"table": "a"}))).await;
        let filtered = json!({"table": "a", "filter": {"number": 1}});
        let filtered = nictate.publish("filtered", &tells(&filtered)).await;
        nictate.delete("/table/a/fields/number").await.ok();
        add(nictate, "a", json!({"name": "x"})).await;
        assert_eq!((count(nictate, &plain).await, count(nictate, &filtered).await), (1, 0));
        assert!(crate::support::logged().contains("does not fit its table any more"));
        nictate.delete("/table/a").await.ok();
        let switch =
            async |active: bool| nictate.put(&format!("/playbooks/{plain}"), json!({"active": active})).await;
        switch(false).await.ok();
        let error = switch(true).await.error(400, "trigger_invalid");
        assert!(text(&error, "message").contains("no table `a`"), "{error}");
        table(nictate, "A").await;
        add(nictate, "a", json!({"name": "y"})).await;
        switch(true).await.ok();
        add(nictate, "a", json!({"name": "z"})).await;
        assert_eq!(count(nictate, &plain).await, 2);
    })
    .await;
}

#[tokio::test]
async fn triggers_that_can_never_start_anything_are_refused() {
    on_both(async |nictate| {
        settle(nictate).await;
        let publish = async |document: String| {
            let body = json!({"name": "refused", "playbook": document, "active": true});
            nictate.post("/playbooks", body).await
        };
        for (inputs, named) in [
            (json!({"table": "nowhere"}), "no table `nowhere`"),
            (json!({"table": "people", "filter": {"shoe": 1}}), "no field `shoe`"),
            (json!({"table": "people", "filter": {"age": "old"}}), "`age`"),
            (json!({"table": "findings", "filter": {"reference.email": "x"}}), "`reference.email`"),
        ] {
            let error = publish(tells(&inputs)).await.error(400, "trigger_invalid");
            assert!(text(&error, "message").contains(named), "{error}");
            assert_eq!(error["data"]["trigger"], 0);
        }
        for (inputs, named) in [
            (json!({"table": "people", "events": ["created", "renamed"]}), "`renamed`"),
            (json!({"table": "people", "events": "made"}), "`made`"),
            (json!({"events": "created"}), "`table`"),
            (json!({"table": "people", "filter": "level = high"}), "`filter`"),
            (json!({"table": "people", "filter": [1]}), "`filter`"),
            (json!({"tabel": "people"}), "`tabel`"),
        ] {
            let error = publish(tells(&inputs)).await.error(400, "workflow_invalid");
            let diagnostics = error["user_error"]["diagnostics"].as_array().unwrap();
            let found = diagnostics.iter().find(|one| one["code"] == "trigger_input").unwrap();
            assert!(diagnostics.iter().any(|one| text(one, "message").contains(named)), "{error}");
            assert!(found["span"]["line"].as_u64().unwrap() >= 4, "{found}");
        }
        let polled = tells(&json!({"table": "people"})).replace("webhooks:", "polling:");
        publish(polled).await.error(400, "workflow_invalid");
        let needs = tells(&json!({"table": "people"})).replacen(
            "workflow:",
            "inputs:\n  who: {type: text, required: true}\nworkflow:",
            1,
        );
        let error = publish(needs).await.error(400, "trigger_invalid");
        assert!(text(&error, "message").contains("`who`"), "{error}");

        let many = |count: usize| {
            let one = "    - {trigger_type: tables.OnRecordChange, inputs: {table: people}}\n";
            format!(
                "automation_type: event\ntriggers:\n  webhooks:\n{}{}",
                one.repeat(count),
                workflow(PRINTS, "{{ 1 }}")
            )
        };
        publish(many(51)).await.error(400, "trigger_invalid");
        let id = nictate.publish("as many as may", &many(50)).await;
        publish(many(1)).await.error(400, "trigger_invalid");
        add(nictate, "people", json!({"email": "x@x"})).await;
        assert_eq!(count(nictate, &id).await, 50);
        // A draft may be unfinished, and is not looked at any further.
        let draft = json!({"name": "draft", "playbook": tells(&json!({"table": "nowhere"}))});
        let draft = text(&nictate.post("/playbooks/ui", draft).await.ok(), "id");
        let path = format!("/playbooks/{draft}/public");
        nictate.post_nothing(&path).await.error(400, "trigger_invalid");
        assert_eq!(nictate.get(&format!("/playbooks/{draft}")).await.ok()["published_version"], 0);
    })
    .await;
}
