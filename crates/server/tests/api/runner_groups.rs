//! Runner groups over the API: made, listed, named by workflows and connections, renamed, deleted; their tokens.

use serde_json::json;
use types::Role;

use crate::support::{NOBODY, Nictate, Reply, on_both, text};

const EMBEDDED: &str = "embedded";

fn document(runner: &str, of_step: &str) -> String {
    format!(
        "name: reach\nrunner: {runner}\nworkflow:\n  - section: Steps\n    steps:\n      - id: S1\n        \
         action: http.requestV2\n        custom_runner_group_name: {of_step}\n        inputs: {{url: 'http://x.example/'}}\n"
    )
}

async fn make(nictate: &Nictate, name: &str) -> serde_json::Value {
    nictate.post("/runner_groups", json!({"name": name, "tags": ["edge"]})).await.ok()
}

#[tokio::test]
async fn a_group_is_made_with_a_token_that_is_shown_once() {
    on_both(async |nictate| {
        let made = make(nictate, "dmz").await;
        let token = text(&made, "runner_group_api_key");
        assert!(token.starts_with("nct_") && token.len() > 40, "{made}");
        let list = nictate.get("/runner_groups").await;
        assert!(!list.text.contains(&token));
        let list = list.ok();
        let rows = list["results"].as_array().unwrap();
        assert_eq!((text(&rows[0], "name"), text(&rows[1], "name")), ("dmz".to_owned(), EMBEDDED.to_owned()));
        assert_eq!((&rows[0]["is_default"], &rows[1]["is_default"]), (&json!(false), &json!(true)));
        assert_eq!((&rows[0]["available_runners"], &rows[1]["available_runners"]), (&json!(0), &json!(1)));
        assert_eq!((&rows[0]["tags"], &rows[0]["used_by"]), (&json!(["edge"]), &json!(0)));
        let id = text(&made, "id");
        for path in [format!("/runner_groups/{id}"), "/runner_groups/name/dmz".to_owned()] {
            assert_eq!(nictate.get(&path).await.ok()["runner_group_api_key"], "********", "{path}");
        }
        nictate.post("/runner_groups", json!({"name": "dmz"})).await.error(400, "runner_group_name_taken");
        for name in [json!(null), json!(""), json!("blink_cloud"), json!("a\nb"), json!("{{x}}")] {
            nictate.post("/runner_groups", json!({"name": name})).await.error(400, "name_invalid");
        }
        for file in nictate.database_files() {
            let bytes = std::fs::read(&file).unwrap_or_default();
            assert!(
                !bytes.windows(token.len()).any(|window| window == token.as_bytes()),
                "{}",
                file.display()
            );
        }
        assert!(!crate::support::logged().contains(&token));
        assert_eq!(nictate.audited("runner_group.created").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_token_is_replaced_and_revoked_but_the_embedded_group_has_none() {
    on_both(async |nictate| {
        let made = make(nictate, "dmz").await;
        let path = format!("/runner_groups/{}/token", text(&made, "id"));
        let second = text(&nictate.post_nothing(&path).await.ok(), "runner_group_api_key");
        assert_ne!(second, text(&made, "runner_group_api_key"));
        nictate.delete(&path).await.ok();
        assert_eq!(nictate.get("/runner_groups/name/dmz").await.ok()["runner_group_api_key"], "");
        let embedded = format!("/runner_groups/{}/token", crate::support::WORKSPACE);
        nictate.post_nothing(&embedded).await.error(400, "runner_group_embedded");
        nictate.delete(&embedded).await.error(400, "runner_group_embedded");
        let nothing = format!("/runner_groups/{NOBODY}/token");
        nictate.post_nothing(&nothing).await.error(404, "runner_group_not_found");
        let rotated = nictate.audited("runner_group.token_rotated").await;
        assert!(rotated.len() == 1 && !rotated[0].details.contains(&second));
    })
    .await;
}

#[tokio::test]
async fn a_group_that_is_named_is_neither_deleted_nor_renamed() {
    on_both(async |nictate| {
        let (dmz, vault) = (make(nictate, "dmz").await, make(nictate, "vault net").await);
        let path = |group: &serde_json::Value| format!("/runner_groups/{}", text(group, "id"));
        let workflow = nictate.publish("reach", &document("blink_cloud", "dmz")).await;
        let attributes = json!({"base_url": {"value": "https://x.example"}, "token": {"value": "t"}});
        let body = json!({"name": "v", "type_name": "http_bearer", "attributes": attributes});
        let mut unknown = body.clone();
        unknown["runner_group"] = json!("nowhere");
        let refused = nictate.post("/connections", unknown).await.error(400, "connection_invalid");
        assert!(refused["message"].as_str().unwrap().contains("`nowhere`"));
        let connection = nictate.post("/connections", body).await.ok();
        let of_connection = format!("/connections/{}", text(&connection, "id"));
        nictate.post(&of_connection, json!({"runner_group": "vault net"})).await.ok();
        let listed = nictate.get("/connections").await.ok();
        assert_eq!(listed["results"][0]["runner_group"], "vault net");

        let refused = nictate.delete(&path(&dmz)).await.error(400, "runner_group_in_use");
        assert_eq!(
            (&refused["data"]["workflows"], &refused["data"]["connections"]),
            (&json!(["reach"]), &json!([]))
        );
        let refused =
            nictate.delete("/runner_groups/name/vault%20net").await.error(400, "runner_group_in_use");
        assert_eq!(refused["data"]["connections"], json!(["v"]));
        assert!(refused["message"].as_str().unwrap().contains("used by v"), "{refused}");
        nictate.post(&path(&dmz), json!({"name": "other"})).await.error(400, "runner_group_in_use");
        // The embedded one is counted under its own name, whatever the document calls it.
        let rows = nictate.get("/runner_groups").await.ok();
        let used: Vec<_> =
            rows["results"].as_array().unwrap().iter().map(|row| row["used_by"].clone()).collect();
        assert_eq!(used, [json!(1), json!(1), json!(1)]);

        nictate.post(&of_connection, json!({"runner_group": ""})).await.ok();
        nictate.delete(&path(&vault)).await.ok();
        nictate.delete(&format!("/playbooks/{workflow}")).await.ok();
        assert_eq!(nictate.post(&path(&dmz), json!({"name": "other"})).await.ok()["name"], "other");
        nictate.delete("/runner_groups/name/other").await.ok();
        nictate.delete("/runner_groups/name/other").await.error(404, "runner_group_not_found");
    })
    .await;
}

#[tokio::test]
async fn one_group_is_the_default() {
    on_both(async |nictate| {
        let dmz = make(nictate, "dmz").await;
        let path = format!("/runner_groups/{}", text(&dmz, "id"));
        nictate
            .post_nothing("/runner_groups/default?name=nowhere")
            .await
            .error(404, "runner_group_not_found");
        nictate.post_nothing("/runner_groups/default?name=dmz").await.ok();
        nictate.delete(&path).await.error(400, "runner_group_is_default");
        nictate.post(&path, json!({"is_default": false})).await.error(400, "runner_group_is_default");
        let defaults = async || {
            let rows = nictate.get("/runner_groups").await.ok();
            let rows = rows["results"].as_array().unwrap().clone();
            let of: Vec<String> =
                rows.iter().filter(|row| row["is_default"] == true).map(|row| text(row, "name")).collect();
            of
        };
        assert_eq!(defaults().await, ["dmz"]);
        let embedded = format!("/runner_groups/{}", crate::support::WORKSPACE);
        nictate.post(&embedded, json!({"name": "mine"})).await.error(400, "runner_group_embedded");
        nictate.post(&embedded, json!({"is_default": true})).await.ok();
        assert_eq!(defaults().await, [EMBEDDED]);
        nictate.delete(&embedded).await.error(400, "runner_group_embedded");
    })
    .await;
}

#[tokio::test]
async fn a_workspace_has_a_hundred_groups_at_most() {
    on_both(async |nictate| {
        // The embedded runner's is one of them.
        for number in 1..100 {
            nictate.post("/runner_groups", json!({"name": format!("g{number}")})).await.ok();
        }
        let refused = nictate.post("/runner_groups", json!({"name": "g100"})).await;
        let refused = refused.error(400, "runner_group_limit");
        assert!(refused["message"].as_str().unwrap().contains("100 runner groups"), "{refused}");
        assert_eq!(nictate.get("/runner_groups").await.ok()["total"], 100);
        nictate.delete("/runner_groups/name/g7").await.ok();
        nictate.post("/runner_groups", json!({"name": "g100"})).await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_document_that_names_an_unknown_group_is_a_draft_at_most() {
    on_both(async |nictate| {
        for (runner, of_step, line) in [("dmz", "''", 2), ("''", "dmz", 8)] {
            let document = document(runner, of_step);
            let body = json!({"name": format!("{runner}{of_step}"), "playbook": document, "active": true});
            let refused = nictate.post("/playbooks", body.clone()).await.error(400, "workflow_invalid");
            let diagnostic = &refused["user_error"]["diagnostics"][0];
            assert_eq!(
                (&diagnostic["code"], &diagnostic["span"]["line"]),
                (&json!("unknown_runner_group"), &json!(line))
            );
            nictate.post("/playbooks/ui", body).await.ok();
        }
        make(nictate, "dmz").await;
        nictate.publish("reach", &document("dmz", "dmz")).await;
    })
    .await;
}

#[tokio::test]
async fn groups_of_another_workspace_are_not_there() {
    on_both(async |nictate| {
        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        nictate.add_member("rita", red, Role::Owner).await;
        let dmz = make(nictate, "dmz").await;
        let as_rita = |method: reqwest::Method, path: &str| {
            let path = format!("/api/v1/workspace/{red}{path}");
            nictate.request_as(Some("rita"), method, &path).json(&json!({}))
        };
        let id = text(&dmz, "id");
        for (method, path) in [
            (reqwest::Method::GET, format!("/runner_groups/{id}")),
            (reqwest::Method::POST, format!("/runner_groups/{id}")),
            (reqwest::Method::POST, format!("/runner_groups/{id}/token")),
            (reqwest::Method::DELETE, format!("/runner_groups/{id}/token")),
            (reqwest::Method::DELETE, format!("/runner_groups/{id}")),
            (reqwest::Method::GET, "/runner_groups/name/dmz".to_owned()),
        ] {
            Reply::of(as_rita(method, &path)).await.error(404, "runner_group_not_found");
        }
        let own = Reply::of(as_rita(reqwest::Method::GET, "/runner_groups")).await.ok();
        assert_eq!((&own["total"], &own["results"][0]["name"]), (&json!(1), &json!(EMBEDDED)));
        nictate.get(&format!("/runners/{NOBODY}")).await.error(404, "runner_not_found");
        nictate.delete(&format!("/runners/{NOBODY}")).await.error(404, "runner_not_found");
        assert_eq!(nictate.get("/runners").await.ok()["total"], 0);
    })
    .await;
}
