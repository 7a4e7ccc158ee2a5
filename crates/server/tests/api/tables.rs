//! Tables and their fields: what they may be, what is refused and how, and what happens when many change them at once.

use reqwest::Method;
use serde_json::{Value, json};
use store::tables::{COLUMNS_EVER_MAX, FIELDS_MAX, FieldType, TABLES_MAX};
use types::Role;

use crate::support::{Nictate, Person, Reply, WORKSPACE, on_both, text};

/// A field that can be made of that type, in a workspace with a table `people`.
fn field(kind: &str) -> Value {
    let attributes = match kind {
        "single-select" | "multi-select" => json!({"options": ["low", "high"]}),
        "reference" => json!({"table_reference": {"table_name": "people", "display_name_field": "name"}}),
        _ => json!({}),
    };
    json!({"display_name": format!("A {kind}"), "type": kind, "attributes": attributes})
}

async fn make(nictate: &Nictate, display_name: &str, fields: Value) -> Reply {
    nictate.post("/table", json!({"display_name": display_name, "fields": fields})).await
}

async fn names(nictate: &Nictate, table: &str) -> Vec<String> {
    nictate.get(&format!("/table/{table}/fields")).await.column("name")
}

#[tokio::test]
async fn a_table_has_fields_of_every_type_and_the_systems_own() {
    on_both(async |nictate| {
        let people = json!({"display_name": "People", "options": ["with_default_fields"]});
        let made = nictate.post("/table", people).await.ok();
        assert_eq!((&made["table"]["name"], &made["table"]["settings"]), (&json!("people"), &json!({})));
        let system = ["id", "created_at", "created_by", "updated_at", "updated_by"];
        assert_eq!(names(nictate, "people").await, [system.as_slice(), &["name", "number"]].concat());

        let every: Vec<Value> = FieldType::ALL.iter().map(|kind| field(kind.as_str())).collect();
        make(nictate, "Open Findings", json!(every)).await.ok();
        let fields = nictate.get("/table/open_findings/fields").await.results();
        assert_eq!(fields.len(), system.len() + FieldType::ALL.len());
        for (index, field) in fields.iter().enumerate() {
            let is_system = json!(index < system.len());
            assert_eq!(
                (&field["attributes"]["system"], &field["attributes"]["protected"]),
                (&is_system, &is_system)
            );
        }
        let reference = fields.iter().find(|field| field["type"] == "reference").unwrap();
        let wanted = json!({"table_name": "people", "display_name_field": "name"});
        assert_eq!(reference["attributes"]["table_reference"], wanted);

        let listed = nictate.list("/tables", &json!({"sort": ["-name"], "select": ["name"]})).await;
        assert_eq!(listed.results(), [json!({"name": "people"}), json!({"name": "open_findings"})]);
        let searched = nictate.list("/tables", &json!({"search": {"text": "FIND"}})).await;
        let counts: Vec<Value> =
            searched.results().iter().map(|row| row["estimated_records_count"].clone()).collect();
        assert_eq!(counts, [0]);
    })
    .await;
}

#[tokio::test]
async fn a_table_and_its_fields_change_but_for_names_and_types() {
    on_both(async |nictate| {
        make(nictate, "Findings", json!([field("text")])).await.ok();
        let change = json!({"display_name": "Old Findings", "settings": {"view": [1, {"a": null}]}});
        let changed = nictate.put("/table/findings", change).await.ok();
        assert_eq!(changed["settings"], json!({"view": [1, {"a": null}]}));
        let changed = nictate.put("/table/findings", json!({"description": "what was found"})).await.ok();
        let kept = (text(&changed, "name"), text(&changed, "display_name"), text(&changed, "description"));
        assert_eq!(kept, ("findings".into(), "Old Findings".into(), "what was found".into()));

        let path = "/table/findings/fields/a_text";
        let change = json!({"display_name": "Title", "type": "text",
            "attributes": {"required": true, "is_unique": true}});
        let changed = nictate.put(path, change).await.ok();
        assert_eq!(
            (text(&changed, "name"), text(&changed, "display_name")),
            ("a_text".into(), "Title".into())
        );
        assert_eq!(changed["attributes"]["is_unique"], true);
        // The attributes are replaced as a whole.
        let changed = nictate.put(path, json!({"attributes": {"default_value": "none"}})).await.ok();
        let attributes = &changed["attributes"];
        assert_eq!((&attributes["is_unique"], &attributes["required"]), (&json!(false), &json!(false)));
        assert_eq!(attributes["default_value"], "none");

        nictate.delete(path).await.ok();
        nictate.post("/table/findings/fields", field("text")).await.ok();
        nictate.delete("/table/findings").await.ok();
        nictate.get("/table/findings/fields").await.error(404, "table_not_found");
        make(nictate, "Findings", json!([])).await.ok();
        let deeds: [(&str, usize); 6] = [
            ("table.created", 2),
            ("table.edited", 2),
            ("table.deleted", 1),
            ("table_field.created", 1),
            ("table_field.edited", 2),
            ("table_field.deleted", 1),
        ];
        for (deed, times) in deeds {
            assert_eq!(nictate.audited(deed).await.len(), times, "{deed}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_field_cannot_be_is_refused_by_its_name() {
    on_both(async |nictate| {
        make(nictate, "People", json!([])).await.ok();
        make(nictate, "Findings", json!([field("text"), field("reference").with("name", None)])).await.ok();
        let check = async |field: Value, why: &str| {
            let name = text(&field, "display_name").to_lowercase();
            let error = nictate.post("/table/findings/fields", field).await.error(400, "table_invalid");
            assert_eq!(text(&error, "message"), format!("field `{name}` {why}"));
            assert_eq!(error["user_error"]["fields"][&name], why);
        };
        let of = |kind: &str, attributes: Value| json!({"display_name": "F", "type": kind, "attributes": attributes});
        check(of("single-select", json!({})), "has the type `single-select`, which needs `options`").await;
        check(of("text", json!({"options": ["a"]})), "has the type `text`, which takes no `options`").await;
        check(of("status", json!({"options": ["a", "a"]})), "has the option `a` twice").await;
        check(of("reference", json!({})), "has the type `reference`, which needs `table_reference`").await;
        let to = |table: &str| json!({"table_reference": {"table_name": table}});
        check(of("text", to("people")), "has the type `text`, which takes no `table_reference`").await;
        check(of("reference", to("no")), "refers to table `no`, which the workspace has not").await;
        let again = "refers to table `people`, as field `a_reference` does; only one may";
        check(of("reference", to("people")), again).await;
        let shown = json!({"table_reference": {"table_name": "findings", "display_name_field": "no"}});
        check(of("reference", shown), "shows field `no`, which table `findings` has not").await;
        check(of("sys-id", json!({})), "has the type `sys-id`, which only the system gives").await;
        check(of("list", json!({"is_unique": true})), "has the type `list`, which can be neither unique nor indexed")
            .await;
        check(of("number", json!({"default_value": "x"})), "takes a number, not `\"x\"`, as its default value").await;
        check(of("text", json!({"default_value": "x", "is_unique": true})), "is unique, so it can have no default value")
            .await;
        check(json!({"display_name": "A_Text", "type": "text"}), "exists in the table already").await;
        check(json!({"display_name": "Created_At", "type": "text"}), "exists in the table already").await;
        let unknown = nictate.post("/table/findings/fields", of("\"; DROP TABLE tables; --", json!({}))).await;
        unknown.error(400, "table_invalid");
        nictate.put("/table/findings/fields/a_text", of("number", json!({}))).await.error(400, "table_invalid");
        nictate.put("/table/findings/fields/a_reference", of("", to("findings"))).await.error(400, "table_invalid");
        nictate.delete("/table/findings/fields/id").await.error(400, "table_field_protected");
        nictate.delete("/table/findings/fields/no").await.error(404, "table_field_not_found");
        assert_eq!(names(nictate, "findings").await.len(), 7);
        for bad in ["", "---", "a\nb", "sys_groups", "Automation Packs"] {
            make(nictate, bad, json!([])).await.error(400, "name_invalid");
        }
        for option in ["with_everything", "with_default_records"] {
            let unknown = json!({"display_name": "T", "options": [option]});
            let error = nictate.post("/table", unknown).await.error(400, "table_invalid");
            assert!(text(&error, "message").contains(option), "{error}");
        }
        // Half of a table is none.
        make(nictate, "Half", json!([field("text"), field("no")])).await.error(400, "table_invalid");
        make(nictate, "Half", json!([field("text"), field("text")])).await.error(400, "table_invalid");
        make(nictate, "Half", json!([field("text")])).await.ok();
        make(nictate, "HALF", json!([])).await.error(400, "table_name_taken");
    })
    .await;
}

trait With {
    /// The same without the field that a reference shows, or with another one.
    fn with(self, shown: &str, becomes: Option<&str>) -> Self;
}

impl With for Value {
    fn with(mut self, shown: &str, becomes: Option<&str>) -> Self {
        assert_eq!(self["attributes"]["table_reference"]["display_name_field"], shown);
        self["attributes"]["table_reference"]["display_name_field"] = json!(becomes);
        self
    }
}

#[tokio::test]
async fn a_table_that_others_refer_to_is_not_deleted_and_they_are_named() {
    on_both(async |nictate| {
        make(nictate, "People", json!([])).await.ok();
        let refers = json!([{"display_name": "Owner", "type": "reference",
            "attributes": {"table_reference": {"table_name": "people"}}}]);
        make(nictate, "Findings", refers).await.ok();
        let to_itself = json!({"display_name": "Chief", "type": "reference",
            "attributes": {"table_reference": {"table_name": "people"}}});
        nictate.post("/table/people/fields", to_itself).await.ok();
        let error = nictate.delete("/table/people").await.error(400, "table_in_use");
        assert_eq!(error["data"]["fields"], json!(["findings.owner"]));
        nictate.delete("/table/findings/fields/owner").await.ok();
        nictate.delete("/table/people").await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_table_of_another_workspace_is_not_found() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        let both = [(WORKSPACE.parse().unwrap(), Role::Owner), (red, Role::Owner)];
        nictate.add_person(Person::new("both", tenant, &both)).await;
        make(nictate, "Findings", json!([field("text")])).await.ok();
        let ask = async |method: Method, path: &str, body: Value| {
            let path = format!("/api/v1/workspace/{red}{path}");
            Reply::of(nictate.request_as(Some("both"), method, &path).json(&body)).await
        };
        for (method, path) in [
            (Method::GET, "/table/findings/fields"),
            (Method::POST, "/table/findings/fields"),
            (Method::PUT, "/table/findings"),
            (Method::PUT, "/table/findings/fields/a_text"),
            (Method::DELETE, "/table/findings/fields/a_text"),
            (Method::DELETE, "/table/findings"),
        ] {
            ask(method, path, field("number")).await.error(404, "table_not_found");
        }
        let refers = json!({"display_name": "Refers", "fields": [{"display_name": "F", "type": "reference",
            "attributes": {"table_reference": {"table_name": "findings"}}}]});
        ask(Method::POST, "/table", refers).await.error(400, "table_invalid");
        assert!(ask(Method::GET, "/tables", json!({})).await.results().is_empty());
        ask(Method::POST, "/table", json!({"display_name": "Findings"})).await.ok();
        ask(Method::DELETE, "/table/findings", json!({})).await.ok();
        assert_eq!(names(nictate, "findings").await.len(), 6);
    })
    .await;
}

#[tokio::test]
async fn every_bound_of_a_table_is_met_and_not_passed() {
    on_both(async |nictate| {
        let many = |count: usize| {
            let field = |n: usize| json!({"display_name": format!("f{n}"), "type": "text"});
            json!((0..count).map(field).collect::<Vec<_>>())
        };
        make(nictate, "Wide", many(FIELDS_MAX)).await.ok();
        let error = make(nictate, "Wider", many(FIELDS_MAX + 1)).await.error(400, "table_invalid");
        assert!(text(&error, "message").contains("`f200` is one too many"), "{error}");
        nictate.delete("/table/wide/fields/f0").await.ok();
        nictate.post("/table/wide/fields", field("text")).await.ok();
        nictate.post("/table/wide/fields", field("number")).await.error(400, "table_invalid");

        let workspace = WORKSPACE.parse().unwrap();
        make(nictate, "Old", json!([])).await.ok();
        nictate
            .write_beside(async move |tx| {
                let mut table = store::tables::get_to_change(tx, workspace, "old").await?.unwrap();
                table.next_column = COLUMNS_EVER_MAX;
                store::tables::update(tx, &table).await
            })
            .await;
        nictate.post("/table/old/fields", field("text")).await.ok();
        nictate.post("/table/old/fields", field("number")).await.error(400, "table_invalid");

        let options = |count: usize| {
            let options: Vec<String> = (0..count).map(|n| n.to_string()).collect();
            json!([{"display_name": "F", "type": "status", "attributes": {"options": options}}])
        };
        make(nictate, "Enough", options(1_000)).await.ok();
        make(nictate, "Too Many", options(1_001)).await.error(400, "table_invalid");
        let settings = |bytes: usize| json!({"settings": {"a": "x".repeat(bytes - 8)}});
        nictate.put("/table/old", settings(64 * 1024)).await.ok();
        nictate.put("/table/old", settings(64 * 1024 + 1)).await.error(400, "table_invalid");
        for n in 3..TABLES_MAX {
            make(nictate, &format!("t{n}"), json!([])).await.ok();
        }
        make(nictate, "One More", json!([])).await.error(400, "table_limit");
    })
    .await;
}

#[tokio::test]
async fn fields_that_many_add_and_remove_at_once_are_all_there_or_gone() {
    on_both(async |nictate| {
        make(nictate, "Findings", json!([field("text")])).await.ok();
        let nictate = &*nictate;
        let add = async |n: usize| {
            let name = format!("f{}", n % 8);
            let field =
                json!({"display_name": name, "type": "number", "attributes": {"indexed": n.is_multiple_of(2)}});
            nictate.post("/table/findings/fields", field).await.status
        };
        let read = async || nictate.get("/table/findings/fields").await.status;
        let adds = futures_util::future::join_all((0..16).map(add));
        let reads = futures_util::future::join_all((0..16).map(|_| read()));
        let (added, read) = tokio::join!(adds, reads);
        assert_eq!(added.iter().filter(|status| **status == 200).count(), 8, "{added:?}");
        assert!(added.iter().all(|status| [200, 400].contains(status)), "{added:?}");
        assert!(read.iter().all(|status| *status == 200), "{read:?}");
        let remove = async |n: usize| nictate.delete(&format!("/table/findings/fields/f{n}")).await.status;
        let removed = futures_util::future::join_all((0..8).map(remove)).await;
        assert!(removed.iter().all(|status| *status == 200), "{removed:?}");
        assert_eq!(names(nictate, "findings").await.len(), 6);
    })
    .await;
}
