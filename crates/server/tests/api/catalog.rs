//! The catalog as the contract's clients read it, and the workspace's own workflows among the actions.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use types::Role;

use crate::support::{NOBODY, Nictate, Person, Reply, members, on_both, text};

const ACTIONS: &str = "/api/v1/copilot_data/actions";
const TRIGGERS: &str = "/api/v1/copilot_data/triggers";

const CALLABLE: &str = "\
automation_type: on_demand
inputs:
  user: {type: text, display_name: Who, required: true, index: 2}
  level: {type: single-select, options: [low, high], default: low, index: 1}
workflow:
  - section: Steps
    steps:
      - {id: S1, action: internal.print, inputs: {text: '{{ inputs.user }}'}}
outputs:
  said: {value: '{{ steps.S1.output }}', index: 1}
";

/// Actions by full name.
async fn dump(nictate: &Nictate) -> BTreeMap<String, Value> {
    let all = nictate.get(ACTIONS).await.ok();
    all.as_array().unwrap().iter().map(|action| (text(action, "full_name"), action.clone())).collect()
}

#[tokio::test]
async fn the_dump_has_the_contract_s_members_for_every_action() {
    on_both(async |nictate| {
        let actions = dump(nictate).await;
        for (name, action) in &actions {
            assert_eq!(
                members(action),
                [
                    "active",
                    "connection_optional",
                    "connection_types",
                    "description",
                    "display_name",
                    "example_output",
                    "full_name",
                    "hidden",
                    "parameters"
                ]
            );
            assert!(name.contains('.') && action["active"] == true, "{action}");
            for parameter in action["parameters"].as_array().unwrap() {
                // Where the choices come from, if they are not known before.
                let mut told = members(parameter);
                told.retain(|member| *member != "autofill");
                assert_eq!(
                    told,
                    [
                        "default_value",
                        "description",
                        "disabled",
                        "field_type",
                        "hidden",
                        "input_type",
                        "name",
                        "options",
                        "required"
                    ]
                );
            }
            // What lists do not offer has its page too, the same one.
            assert_eq!(nictate.get(&format!("/actions/{name}")).await.ok(), *action);
        }
        let hidden = |name: &str| actions.get(name).map(|action| action["hidden"].as_bool().unwrap());
        for name in [
            "internal.print",
            "internal.for",
            "internal.append_list",
            "internal.ifCondition",
            "internal.switchCaseExpression",
            "internal.catch",
            "internal.while",
            "internal.SetVariables",
            "internal.Sleep",
            "internal.EndRun",
        ] {
            assert_eq!(hidden(name), Some(true), "{name}");
        }
        assert_eq!((hidden("http.requestV2"), hidden("core.pythonV2")), (Some(false), Some(false)));
        let types = actions["http.requestV2"]["connection_types"].as_array().unwrap();
        assert!(types.contains(&json!("http_bearer")), "{types:?}");
        assert_eq!(actions["http.requestV2"]["connection_optional"], true);
    })
    .await;
}

/// What a client takes for missing: a required parameter without a default that is neither among the step's inputs nor
/// one level below them.
fn missing(action: &Value, inputs: &Value) -> Vec<String> {
    let given = |name: &str| {
        let below = inputs.as_object().unwrap().values().filter_map(|value| value.get(name));
        inputs.get(name).into_iter().chain(below).any(|value| !value.is_null() && *value != "")
    };
    let parameters = action["parameters"].as_array().unwrap().iter();
    let required = parameters.filter(|p| p["required"] == true && p["default_value"].is_null());
    required.map(|p| text(p, "name")).filter(|name| !given(name)).collect()
}

#[tokio::test]
async fn a_condition_with_match_and_sentence_misses_nothing() {
    on_both(async |nictate| {
        let actions = dump(nictate).await;
        let condition = json!({"condition": {"match": "And", "sentence": [{"lvalue": "1", "op": "Equals", "rvalue": "1"}]}});
        assert_eq!(missing(&actions["internal.ifCondition"], &condition), [""; 0]);
        assert_eq!(missing(&actions["internal.while"], &condition), [""; 0]);
        assert_eq!(missing(&actions["internal.ifCondition"], &json!({})), ["condition"]);
        let parameters = actions["internal.ifCondition"]["parameters"].as_array().unwrap();
        let names: Vec<String> = parameters.iter().map(|parameter| text(parameter, "name")).collect();
        assert_eq!(names, ["condition", "match", "sentence"]);
    })
    .await;
}

#[tokio::test]
async fn triggers_are_listed_with_what_they_bring() {
    on_both(async |nictate| {
        let all = nictate.get(TRIGGERS).await.ok();
        let all = all.as_array().unwrap();
        let names: Vec<String> = all.iter().map(|trigger| text(trigger, "full_name")).collect();
        assert_eq!(names, ["blink_web_form", "custom_webhook", "scheduled", "tables.OnRecordChange"]);
        for trigger in all {
            assert_eq!(
                members(trigger),
                [
                    "action",
                    "description",
                    "display_name",
                    "full_name",
                    "hidden",
                    "parameters",
                    "sample_event"
                ]
            );
        }
        assert_eq!(all[1]["sample_event"]["alert"]["severity"], "high");
        assert_eq!(all[3]["sample_event"]["changed"], json!(["level"]));
        let required: Vec<&Value> =
            all[3]["parameters"].as_array().unwrap().iter().map(|input| &input["required"]).collect();
        assert_eq!(required, [true, false, false]);
        assert_eq!((&all[2]["hidden"], &all[2]["parameters"][0]["name"]), (&json!(true), &json!("cron")));
    })
    .await;
}

/// Collections by display name, with the names of their actions.
async fn collections(nictate: &Nictate, q: &Value) -> BTreeMap<String, Vec<String>> {
    let answer = nictate.list("/actions", q).await.ok();
    let named = |collection: &Value| {
        let actions = collection["actions"].as_array().unwrap();
        let names = actions.iter().map(|action| text(action, "full_name")).collect();
        (text(collection, "collection_display_name"), names)
    };
    answer["collections"].as_array().unwrap().iter().map(named).collect()
}

#[tokio::test]
async fn collections_are_limited_searched_and_paged() {
    on_both(async |nictate| {
        let all = |limit: usize| json!({"filter": {"search": "", "action_per_collection_limit": limit}, "limit": 0, "offset": 0});
        let whole = collections(nictate, &all(0)).await;
        assert!(whole.len() > 3 && whole.values().map(Vec::len).sum::<usize>() > 20, "{whole:?}");
        // What editors draw in their own way is not offered.
        assert!(!whole.values().flatten().any(|name| name.starts_with("internal.")));
        let first = collections(nictate, &all(1)).await;
        assert_eq!(first.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
        assert!(first.values().all(|actions| actions.len() == 1));

        let answer = nictate.list("/actions", &all(1)).await.ok();
        let mut icons: Vec<String> = Vec::new();
        for collection in answer["collections"].as_array().unwrap() {
            let name = text(collection, "collection_display_name");
            assert_eq!(collection["num_of_actions"], whole[&name].len());
            assert_eq!(
                members(&collection["actions"][0]),
                ["action_type", "category", "description", "display_name", "full_name", "id", "name"]
            );
            icons.push(text(collection, "icon_uri"));
        }
        icons.sort();
        icons.dedup();
        assert_eq!(icons.len(), whole.len(), "an icon leads back to its collection");

        let found = collections(nictate, &json!({"filter": {"search": "BASE64"}})).await;
        assert_eq!(found.into_values().collect::<Vec<_>>(), [["utility.DecodeBase64", "utility.EncodeBase64"]]);
        let same = collections(nictate, &json!({"search": {"text": "base64", "fields": []}})).await;
        assert_eq!(same.values().map(Vec::len).sum::<usize>(), 2);
        assert!(collections(nictate, &json!({"filter": {"search": "nothing like it"}})).await.is_empty());

        let page = nictate.list("/actions", &json!({"limit": 2, "offset": 1})).await.ok();
        assert_eq!((&page["limit"], &page["offset"], &page["total"]), (&json!(2), &json!(1), &json!(whole.len())));
        let names: Vec<&String> = whole.keys().skip(1).take(2).collect();
        let shown: Vec<String> =
            page["collections"].as_array().unwrap().iter().map(|c| text(c, "collection_display_name")).collect();
        assert_eq!(shown.iter().collect::<Vec<_>>(), names);
        assert_eq!(nictate.get("/actions").await.ok()["collections"].as_array().unwrap().len(), whole.len());
        for bad in ["[]", "7", "{", r#"{"limit": -1}"#, r#"{"limit": "x"}"#, r#"{"filter": []}"#, r#"{"filter": {"search": 3}}"#] {
            nictate.list_raw("/actions", bad).await.error(400, "query_invalid");
        }
    })
    .await;
}

#[tokio::test]
async fn a_workflow_is_an_action_while_it_is_published_active_and_on_demand() {
    on_both(async |nictate| {
        let body = json!({"name": "Look up", "playbook": CALLABLE});
        let id = text(&nictate.post("/playbooks/ui", body).await.ok(), "id");
        let name = format!("automations.{id}");
        let listed = async || {
            let found = collections(nictate, &json!({"filter": {"search": name}})).await;
            let listed = found.get("Workflows").is_some_and(|actions| *actions == [name.as_str()]);
            assert_eq!(nictate.get(&format!("/actions/{name}")).await.status == 200, listed);
            listed
        };
        assert!(!listed().await, "a draft");
        nictate.post_nothing(&format!("/playbooks/{id}/public")).await.ok();
        assert!(listed().await);

        let answer = nictate.list("/actions", &json!({"filter": {"search": "look UP"}})).await.ok();
        let action = &answer["collections"][0]["actions"][0];
        assert_eq!((&action["display_name"], &action["action_type"]), (&json!("Look up"), &json!("Subflow")));
        let detail = nictate.get(&format!("/actions/{name}")).await.ok();
        let of = |member: &str| -> Vec<Value> {
            detail["parameters"].as_array().unwrap().iter().map(|p| p[member].clone()).collect()
        };
        assert_eq!(of("name"), ["level", "user"]);
        assert_eq!(of("required"), [false, true]);
        assert_eq!(of("input_type"), ["single-select", "text"]);
        assert_eq!(of("default_value"), [json!("low"), Value::Null]);
        assert_eq!(of("description"), ["", "Who"]);
        assert_eq!(of("options"), [json!(["low", "high"]), json!([])]);
        assert_eq!(detail["example_output"], json!({"said": null}));

        // A draft changes nothing of the action.
        let draft = CALLABLE.replace("user:", "person:").replace("inputs.user", "inputs.person");
        nictate.post(&format!("/playbooks/{id}/draft"), json!({"playbook": draft})).await.ok();
        assert_eq!(nictate.get(&format!("/actions/{name}")).await.ok(), detail);

        nictate.put(&format!("/playbooks/{id}"), json!({"active": false})).await.ok();
        assert!(!listed().await, "deactivated");
        nictate.put(&format!("/playbooks/{id}"), json!({"active": true})).await.ok();
        assert!(listed().await);
        let scheduled = "automation_type: scheduled\ntriggers: {scheduled: [{cron: '0 6 * * *'}]}\nworkflow:\n  - section: Steps\n    steps:\n      - {id: S1, action: internal.print, inputs: {text: x}}\n";
        nictate.post(&format!("/playbooks/{id}/public"), json!({"playbook": scheduled})).await.ok();
        assert!(!listed().await, "scheduled");
    })
    .await;
}

#[tokio::test]
async fn the_workflows_of_another_workspace_are_no_actions_here() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        nictate.add_person(Person::new("rita", tenant, &[(red, Role::Owner)])).await;
        let id = nictate.publish("mine", CALLABLE).await;
        for path in [
            format!("automations.{id}"),
            format!("automations.{NOBODY}"),
            "automations.x".to_owned(),
            "http.nothing".to_owned(),
        ] {
            let address = format!("/api/v1/workspace/{red}/actions/{path}");
            let reply = Reply::of(nictate.request_as(Some("rita"), Method::GET, &address)).await;
            assert!(text(&reply.error(404, "action_not_found"), "message").contains(&path));
        }
        let address = format!("/api/v1/workspace/{red}/actions");
        let listed = Reply::of(nictate.request_as(Some("rita"), Method::GET, &address)).await.ok();
        assert!(!listed.to_string().contains(&id));
    })
    .await;
}
