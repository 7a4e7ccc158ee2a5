//! Agents: kept, versioned, offered to workflows, and not run yet.

use reqwest::Method;
use serde_json::{Value, json};
use types::Role;

use crate::executions::workflow;
use crate::lists::hold_the_same;
use crate::support::{NOBODY, Nictate, Person, Reply, WORKSPACE, on_both, text};

/// A version with everything that one has.
fn whole(id: &str) -> Value {
    json!({
        "id": id, "name": "ignored", "title": "ignored", "description": "ignored",
        "role": "You look at alerts.", "constraints": "Touch nothing.",
        "abilities": [{"ability_id": NOBODY, "type": "workflow", "auto_approved": false, "summarize_output": false,
                       "summarize_output_instructions": "", "extra": 1}],
        "knowledge": [],
        "modes": {"chat_enabled": true, "code_execution_enabled": false},
        "avatar_style": "", "avatar_color": "blue", "avatar_logo": ""
    })
}

/// What is shown of such a version.
fn shown(version: &Value) -> Value {
    let mut version = version.clone();
    for member in ["id", "name", "title", "description"] {
        version.as_object_mut().unwrap().remove(member);
    }
    version
}

async fn patch(nictate: &Nictate, path: &str, body: Value) -> Reply {
    Reply::of(nictate.request(Method::PATCH, path).json(&body)).await
}

async fn make(nictate: &Nictate, name: &str) -> String {
    let packs = nictate.get("/agent_packs").await.results();
    let pack = match packs.first() {
        Some(pack) => text(pack, "id"),
        None => text(&nictate.post("/agent_packs", json!({"name": "Home"})).await.ok(), "id"),
    };
    let id = text(&nictate.post("/agents", json!({"pack_id": pack})).await.ok(), "id");
    patch(nictate, &format!("/agents/{id}"), json!({"name": name, "title": "Analyst", "description": "d"}))
        .await
        .ok();
    id
}

#[tokio::test]
async fn a_draft_and_what_is_published_are_replaced_as_a_whole() {
    on_both(async |nictate| {
        let id = make(nictate, "Triage").await;
        let path = format!("/agents/{id}");
        let empty = nictate.get(&path).await.ok();
        assert_eq!((&empty["is_published"], &empty["published_version"]), (&json!(false), &Value::Null));
        assert_eq!(
            empty["draft_version"]["modes"],
            json!({"chat_enabled": false, "code_execution_enabled": false})
        );

        nictate.post(&format!("{path}/draft"), whole(&id)).await.ok();
        let drafted = nictate.get(&path).await.ok();
        assert_eq!(drafted["draft_version"], shown(&whole(&id)));
        assert_eq!((&drafted["name"], &drafted["title"]), (&json!("Triage"), &json!("Analyst")));
        assert_eq!(
            (&drafted["is_published"], &drafted["has_unpublished_changes"]),
            (&json!(false), &json!(false))
        );

        nictate.post(&format!("{path}/publish"), whole(&id)).await.ok();
        let published = nictate.get(&path).await.ok();
        assert_eq!(published["published_version"], shown(&whole(&id)));
        assert_eq!(
            (&published["is_published"], &published["has_unpublished_changes"]),
            (&json!(true), &json!(false))
        );

        // What is absent becomes empty; a mode that is absent is false.
        let role = json!({"role": "Another", "modes": {"code_execution_enabled": true}});
        let modified = nictate.post(&format!("{path}/draft"), role).await.ok();
        assert_eq!(modified["has_unpublished_changes"], true);
        let draft = &modified["draft_version"];
        assert_eq!((&draft["constraints"], &draft["abilities"]), (&json!(""), &json!([])));
        assert_eq!(draft["modes"], json!({"chat_enabled": false, "code_execution_enabled": true}));
        assert_eq!(modified["published_version"], shown(&whole(&id)));

        // `knowledge` alone stays where it is absent, and goes where it is empty.
        nictate.post(&format!("{path}/draft"), json!({"knowledge": [{"id": "f"}]})).await.ok();
        let kept = nictate.post(&format!("{path}/publish"), json!({})).await.ok();
        assert_eq!(kept["published_version"]["knowledge"], json!([{"id": "f"}]));
        let gone = nictate.post(&format!("{path}/publish"), json!({"knowledge": []})).await.ok();
        assert_eq!(gone["published_version"]["knowledge"], json!([]));

        assert_eq!(nictate.delete(&path).await.ok(), id);
        nictate.get(&path).await.error(404, "agent_not_found");
        for (action, count) in
            [("created", 1), ("updated", 1), ("draft_saved", 3), ("published", 3), ("deleted", 1)]
        {
            assert_eq!(nictate.audited(&format!("agent.{action}")).await.len(), count, "{action}");
        }
    })
    .await;
}

#[tokio::test]
async fn names_are_unique_in_whatever_case_and_bad_input_is_named() {
    on_both(async |nictate| {
        let id = make(nictate, "Triage").await;
        let other = make(nictate, "Other").await;
        let path = format!("/agents/{other}");
        patch(nictate, &path, json!({"name": "tRIAGE"})).await.error(400, "agent_name_taken");
        patch(nictate, &path, json!({"name": ""})).await.error(400, "name_invalid");
        patch(nictate, &path, json!({"title": "a\u{0}"})).await.error(400, "agent_invalid");
        patch(nictate, &format!("/agents/{NOBODY}"), json!({"name": "x"}))
            .await
            .error(404, "agent_not_found");
        nictate.post("/agent_packs", json!({"name": "HOME"})).await.error(400, "pack_name_taken");
        nictate.post("/agent_packs", json!({})).await.error(400, "name_invalid");
        for pack in [NOBODY, "x", ""] {
            let reply = nictate.post("/agents", json!({"pack_id": pack})).await;
            assert!(text(&reply.error(400, "body_invalid"), "message").contains(pack));
        }
        for (body, member) in [
            (json!({"abilities": [{}]}), "abilities[0].ability_id"),
            (json!({"abilities": [{"ability_id": "x", "type": "action"}]}), "abilities[0].type"),
            (json!({"abilities": [{"ability_id": "x", "auto_approved": 1}]}), "abilities[0].auto_approved"),
            (json!({"knowledge": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}), "knowledge"),
            (json!({"abilities": vec![json!({"ability_id": "x"}); 201]}), "abilities"),
            (json!({"role": "x".repeat(50_001)}), "role"),
            (json!({"avatar_logo": "\u{0}"}), "avatar_logo"),
            (json!({"abilities": [{"ability_id": "\u{0}"}]}), "agent"),
            (json!({"knowledge": ["x".repeat(1024 * 1024)]}), "agent"),
            (json!({"id": id}), "id"),
            (json!({"modes": {"chat_enabled": "yes"}}), "modes.chat_enabled"),
        ] {
            for branch in ["draft", "publish"] {
                let refused =
                    nictate.post(&format!("{path}/{branch}"), body.clone()).await.error(400, "agent_invalid");
                assert!(refused["user_error"]["fields"][member].is_string(), "{member}: {refused}");
            }
        }
        nictate.post(&format!("{path}/draft"), json!({"modes": []})).await.error(400, "body_invalid");
        for branch in ["draft", "publish", "execute"] {
            nictate
                .post(&format!("/agents/{NOBODY}/{branch}"), json!({}))
                .await
                .error(404, "agent_not_found");
        }
        let pack = text(&nictate.get("/agent_packs").await.results()[0], "id");
        let nameless = text(&nictate.post("/agents", json!({"pack_id": pack})).await.ok(), "id");
        nictate.post("/agents", json!({"pack_id": pack})).await.ok();
        let refused =
            nictate.post(&format!("/agents/{nameless}/publish"), json!({})).await.error(400, "agent_invalid");
        assert!(refused["user_error"]["fields"]["name"].is_string());
    })
    .await;
}

#[tokio::test]
async fn agents_are_listed_and_found_by_name_and_id() {
    on_both(async |nictate| {
        let id = make(nictate, "Triage").await;
        make(nictate, "Other").await;
        for q in [json!({"filter": {"id": id}}), json!({"filter": {"name": "Triage"}})] {
            assert_eq!(nictate.list("/agents", &q).await.column("id"), [id.as_str()]);
        }
        assert_eq!(nictate.get("/agents").await.column("name"), ["Other", "Triage"]);
        hold_the_same(nictate, "/agents", &store::agents::FIELDS).await;
        hold_the_same(nictate, "/agent_packs", &store::agent_packs::FIELDS).await;
    })
    .await;
}

#[tokio::test]
async fn a_published_agent_is_an_action_whose_step_fails_honestly() {
    on_both(async |nictate| {
        let id = make(nictate, "Triage").await;
        let name = format!("agents.{id}");
        let step =
            |inputs: &str| workflow(&format!("- id: S1\n  action: {name}\n  inputs: {inputs}"), "{{ 1 }}");
        let document = step("{task: Look}");
        let publish = async |name: &str, document: &str| {
            nictate.post("/playbooks", json!({"name": name, "playbook": document, "active": true})).await
        };
        let problems = |reply: &Reply| {
            let body = reply.error(400, "workflow_invalid");
            let list = body["user_error"]["diagnostics"].as_array().unwrap().clone();
            list.iter().map(|problem| text(problem, "code")).collect::<Vec<_>>()
        };
        nictate.get(&format!("/actions/{name}")).await.error(404, "action_not_found");
        assert_eq!(problems(&publish("w", &document).await), ["unknown_action"]);

        nictate.post(&format!("/agents/{id}/publish"), whole(&id)).await.ok();
        let listed = nictate.list("/actions", &json!({"filter": {"search": "triage"}})).await.ok();
        let action = &listed["collections"][0]["actions"][0];
        assert_eq!(
            (&action["full_name"], &action["action_type"], &action["display_name"], &action["category"]),
            (&json!(name), &json!("Agent"), &json!("Triage | Analyst"), &json!("Home"))
        );
        let detail = nictate.get(&format!("/actions/{name}")).await.ok();
        assert_eq!(
            (&detail["parameters"][0]["name"], &detail["parameters"][0]["required"]),
            (&json!("task"), &json!(true))
        );
        assert_eq!(problems(&publish("w", &step("{output_schema: x}")).await), ["missing_parameter"]);
        let called = text(&publish("w", &document).await.ok(), "id");
        let failed = nictate.run_sync(&called, json!({})).await.error(400, "execution_failed");
        assert_eq!(failed["data"]["error_code"], "not_available_yet");
        nictate.post(&format!("/agents/{id}/execute"), json!({})).await.error(501, "not_available_yet");

        nictate.delete(&format!("/agents/{id}")).await.ok();
        nictate.get(&format!("/actions/{name}")).await.error(404, "action_not_found");
        assert_eq!(problems(&publish("w2", &document).await), ["unknown_action"]);
        // What was published before still says honestly what it cannot do.
        let failed = nictate.run_sync(&called, json!({})).await.error(400, "execution_failed");
        assert_eq!(failed["data"]["error_code"], "not_available_yet");
    })
    .await;
}

#[tokio::test]
async fn the_agents_of_another_workspace_are_not_there() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        nictate.add_person(Person::new("rita", tenant, &[(red, Role::Owner)])).await;
        let id = make(nictate, "Triage").await;
        nictate.post(&format!("/agents/{id}/publish"), whole(&id)).await.ok();
        let pack = text(&nictate.get("/agent_packs").await.results()[0], "id");
        let as_rita = async |method: Method, path: &str, body: Value| {
            let address = format!("/api/v1/workspace/{red}{path}");
            let request = nictate.request_as(Some("rita"), method.clone(), &address);
            Reply::of(if method == Method::GET { request } else { request.json(&body) }).await
        };
        for (method, path) in [
            (Method::GET, format!("/agents/{id}")),
            (Method::PATCH, format!("/agents/{id}")),
            (Method::DELETE, format!("/agents/{id}")),
            (Method::POST, format!("/agents/{id}/draft")),
            (Method::POST, format!("/agents/{id}/publish")),
        ] {
            as_rita(method, &path, json!({})).await.error(404, "agent_not_found");
        }
        as_rita(Method::POST, "/agents", json!({"pack_id": pack})).await.error(400, "body_invalid");
        assert_eq!(as_rita(Method::GET, "/agents", json!({})).await.results(), [Value::Null; 0]);
        as_rita(Method::GET, &format!("/actions/agents.{id}"), json!({}))
            .await
            .error(404, "action_not_found");
    })
    .await;
}

#[tokio::test]
async fn a_workspace_has_no_more_agents_and_packs_than_it_may() {
    on_both(async |nictate| {
        let workspace = WORKSPACE.parse().unwrap();
        let id = make(nictate, "First").await;
        let first = store::agents::get(&nictate.db, workspace, id.parse().unwrap()).await.unwrap().unwrap();
        let pack = store::agent_packs::get(&nictate.db, workspace, first.pack_id).await.unwrap().unwrap();
        let pack_id = pack.id.to_string();
        nictate
            .write_beside(async move |tx| {
                for number in 1..1_000 {
                    let name = format!("thing {number}");
                    let (id, of) = (types::AgentId::of_name(&name), name.clone());
                    store::agents::insert(tx, &store::agents::Agent { id, name: of, ..first.clone() })
                        .await?;
                    let id = types::AgentPackId::of_name(&name);
                    store::agent_packs::insert(
                        tx,
                        &store::agent_packs::AgentPack { id, name, ..pack.clone() },
                    )
                    .await?;
                }
                Ok(())
            })
            .await;
        nictate.post("/agents", json!({"pack_id": pack_id})).await.error(400, "agent_limit");
        nictate.post("/agent_packs", json!({"name": "One more"})).await.error(400, "pack_limit");
        nictate.delete(&format!("/agents/{id}")).await.ok();
        nictate.post("/agents", json!({"pack_id": pack_id})).await.ok();
    })
    .await;
}
