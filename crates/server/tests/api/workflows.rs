//! Workflows: documents that come back byte for byte, drafts and publishing, diagnostics with their places.

use reqwest::Method;
use serde_json::{Value, json};

use crate::executions::workflow;
use crate::support::{NOBODY, Nictate, Reply, on_both, text};

fn prints(word: &str) -> String {
    let step = format!("- id: S1\n  action: internal.print\n  inputs: {{text: {word}}}");
    workflow(&step, "{{ steps.S1.output }}")
}

/// Every problem that an answer lists: code, line, column.
fn places(diagnostics: &Value) -> Vec<(String, u64, u64)> {
    let place = |diagnostic: &Value| {
        let span = &diagnostic["span"];
        (text(diagnostic, "code"), span["line"].as_u64().unwrap(), span["column"].as_u64().unwrap())
    };
    diagnostics.as_array().unwrap().iter().map(place).collect()
}

async fn create(nictate: &Nictate, name: &str, document: &str) -> String {
    text(&nictate.post("/playbooks/ui", json!({"name": name, "playbook": document})).await.ok(), "id")
}

#[tokio::test]
async fn a_draft_comes_back_byte_for_byte() {
    on_both(async |nictate| {
        let plain = prints("hello");
        let id = create(nictate, "exact", &plain).await;
        let draft = format!("/playbooks/{id}/draft");
        assert_eq!(nictate.get(&draft).await.ok()["playbook"], plain);
        let documents = [
            plain.replace('\n', "\r\n"),
            format!("\u{feff}{plain}"),
            format!("# über 漢字 🦀\n{plain}# the end, without a newline"),
            plain.replace("workflow:\n", "workflow:   \t\n\n\n"),
            format!("{plain}\n\n\n   \n"),
            format!("---\n{plain}...\n"),
            plain.replace("text: hello", "text: \"a\\tb\\u0041 '' {{ 1 }}\""),
        ];
        for (number, document) in documents.iter().enumerate() {
            let body = json!({"playbook": document, "branched_from": 0, "source": "manual"});
            let saved = nictate.post(&draft, body).await.ok();
            assert_eq!((&saved["branch"], &saved["version_id"]), (&json!("draft"), &json!(number + 2)));
            let read = nictate.get(&draft).await.ok();
            assert_eq!(read["playbook"], *document, "{document:?}");
            assert_eq!((&read["branch"], &read["version_id"]), (&json!("draft"), &json!(number + 2)));
        }
        // Every version stays.
        for (number, document) in documents.iter().enumerate() {
            let version = nictate.get(&format!("/playbooks/{id}/version/draft/{}", number + 2)).await.ok();
            assert_eq!(version["playbook"], *document);
        }
        for missing in ["draft/99", "draft/0", "draft/x", "public/1", "elsewhere/1"] {
            let reply = nictate.get(&format!("/playbooks/{id}/version/{missing}")).await;
            reply.error(404, "workflow_not_found");
        }
    })
    .await;
}

#[tokio::test]
async fn a_workflow_is_drafted_published_changed_and_deleted() {
    on_both(async |nictate| {
        let id = create(nictate, "life", &prints("one")).await;
        let path = format!("/playbooks/{id}");
        let made = nictate.get(&path).await.ok();
        assert_eq!((&made["is_published"], &made["has_unpublished_changes"]), (&json!(false), &json!(false)));
        assert_eq!((&made["name"], &made["playbook"]), (&json!("life"), &json!(prints("one"))));

        let published =
            nictate.post(&format!("{path}/public"), json!({"playbook": prints("two")})).await.ok();
        assert_eq!((&published["branch"], &published["version_id"]), (&json!("public"), &json!(1)));
        assert_eq!(published["diagnostics"], json!([]));
        assert_eq!(nictate.run_sync(&id, json!({})).await.ok(), json!({"out": "two"}));

        nictate.post(&format!("{path}/draft"), json!({"playbook": prints("three")})).await.ok();
        let modified = nictate.get(&path).await.ok();
        assert_eq!(
            (&modified["is_published"], &modified["has_unpublished_changes"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(modified["playbook"], prints("two"));
        assert_eq!(nictate.run_sync(&id, json!({})).await.ok(), json!({"out": "two"}));

        // Publishing without a document publishes the draft.
        nictate.post_nothing(&format!("{path}/public")).await.ok();
        assert_eq!(nictate.run_sync(&id, json!({})).await.ok(), json!({"out": "three"}));
        assert_eq!(nictate.get(&path).await.ok()["has_unpublished_changes"], false);

        let body = json!({"name": "second life", "playbook": prints("four"), "tags": ["x"], "active": true});
        let updated = nictate.put(&path, body).await.ok();
        assert_eq!((&updated["name"], &updated["tags"]), (&json!("second life"), &json!(["x"])));
        assert_eq!(nictate.get(&format!("{path}/draft")).await.ok()["playbook"], prints("four"));
        assert_eq!(nictate.run_sync(&id, json!({})).await.ok(), json!({"out": "four"}));

        assert_eq!(nictate.delete(&path).await.ok(), json!(id));
        for gone in [path.clone(), format!("{path}/draft"), format!("{path}/version/public/1")] {
            nictate.get(&gone).await.error(404, "workflow_not_found");
        }
        // Its runs stay.
        let runs = nictate.get("/executions").await;
        assert_eq!(runs.ok()["total"], 4);
        let run = format!("/executions/{}", runs.column("id")[0]);
        assert_eq!(nictate.get(&run).await.ok()["playbook_name"], "second life");
        assert_eq!(nictate.get(&format!("{run}/steps")).await.results()[0]["action"], "internal.print");
        for (action, count) in
            [("created", 1), ("draft_saved", 1), ("published", 2), ("updated", 1), ("deleted", 1)]
        {
            assert_eq!(nictate.audited(&format!("workflow.{action}")).await.len(), count, "{action}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_problem_is_listed_with_its_place_and_a_hint() {
    on_both(async |nictate| {
        let id = create(nictate, "bad", &prints("one")).await;
        let document = "\
workflow:
  - section: Steps
    steps:
      - id: S1
        action: htp.requestV2
        inputs: {url: 'https://example.com'}
      - id: S2
        action: internal.print
        connection: {slack: a}
        inputs: {text: '{{ steps.S9.output }}'}
      - id: S1
        action: internal.print
        inputs: {text: '{{ 1 + }}'}
";
        let body = nictate.post(&format!("/playbooks/{id}/public"), json!({"playbook": document})).await;
        let body = body.error(400, "workflow_invalid");
        let diagnostics = &body["user_error"]["diagnostics"];
        let lines: Vec<u64> = places(diagnostics).into_iter().map(|(_, line, _)| line).collect();
        for line in [5, 9, 10, 11, 13] {
            assert!(lines.contains(&line), "line {line} is not among {diagnostics:#}");
        }
        let near = diagnostics.as_array().unwrap().iter().find(|d| d["span"]["line"] == 5).unwrap();
        assert_eq!((&near["severity"], &near["span"]["column"]), (&json!("error"), &json!(17)));
        assert!(near["hint"].as_str().unwrap().contains("http.requestV2"), "{near}");
        // `message` alone leads to the first one.
        assert!(body["message"].as_str().unwrap().contains("line "), "{body}");
        assert_eq!(nictate.get(&format!("/playbooks/{id}")).await.ok()["is_published"], false);
        nictate
            .post("/playbooks", json!({"name": "b", "playbook": document}))
            .await
            .error(400, "workflow_invalid");
        nictate
            .put(&format!("/playbooks/{id}"), json!({"playbook": document}))
            .await
            .error(400, "workflow_invalid");
        assert_eq!(nictate.get("/playbooks").await.ok()["total"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_draft_that_is_not_finished_is_saved_but_does_not_run() {
    on_both(async |nictate| {
        for (name, unfinished) in [
            ("expression", prints("'{{ inputs. '")),
            ("step", prints("'{{ steps.S7.output }}'")),
            ("action", workflow("- id: S1\n  action: slack.send_telegram", "{{ 1 }}")),
            ("input", workflow("- id: S1\n  action: http.requestV2\n  inputs: {method: GET}", "{{ 1 }}")),
        ] {
            let reply = nictate.post("/playbooks/ui", json!({"name": name, "playbook": unfinished})).await;
            let id = text(&reply.ok(), "id");
            let saved =
                nictate.post(&format!("/playbooks/{id}/draft"), json!({"playbook": unfinished})).await.ok();
            assert!(!places(&saved["diagnostics"]).is_empty(), "{name}: {saved}");
            let run = nictate.post_nothing(&format!("/playbooks/{id}/draft/execute")).await;
            let body = run.error(400, "workflow_invalid");
            assert!(!places(&body["user_error"]["diagnostics"]).is_empty(), "{name}: {body}");
            nictate.post_nothing(&format!("/playbooks/{id}/public")).await.error(400, "workflow_invalid");
        }
        assert_eq!(nictate.get("/executions").await.ok()["total"], 0);
    })
    .await;
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_not_saved_at_all() {
    on_both(async |nictate| {
        let id = create(nictate, "good", &prints("one")).await;
        for unreadable in ["", "a: [", "just words", "- 1\n- 2\n", "workflow: 7\n", "{{{{", "\u{0}"] {
            let draft =
                nictate.post(&format!("/playbooks/{id}/draft"), json!({"playbook": unreadable})).await;
            let body = draft.error(400, "workflow_invalid");
            assert!(!places(&body["user_error"]["diagnostics"]).is_empty(), "{unreadable:?}: {body}");
            let body = json!({"name": "x", "playbook": unreadable});
            nictate.post("/playbooks/ui", body).await.error(400, "workflow_invalid");
        }
        nictate.post(&format!("/playbooks/{id}/draft"), json!({})).await.error(400, "body_invalid");
        nictate
            .post(&format!("/playbooks/{id}/draft"), json!({"playbook": 7}))
            .await
            .error(400, "body_invalid");
        let draft = nictate.get(&format!("/playbooks/{id}/draft")).await.ok();
        assert_eq!((&draft["playbook"], &draft["version_id"]), (&json!(prints("one")), &json!(1)));
    })
    .await;
}

#[tokio::test]
async fn names_are_unique_in_the_workspace_and_come_from_the_document_if_need_be() {
    on_both(async |nictate| {
        let named = format!("name: from the document\ndesc: what for\n{}", prints("x"));
        let made = nictate.post("/playbooks/ui", json!({"playbook": named})).await.ok();
        assert_eq!((&made["name"], &made["description"]), (&json!("from the document"), &json!("what for")));
        let other = create(nictate, "other", &prints("x")).await;
        for body in [json!({"playbook": named}), json!({"name": "other", "playbook": named})] {
            nictate.post("/playbooks/ui", body.clone()).await.error(400, "workflow_name_taken");
            nictate.post("/playbooks", body).await.error(400, "workflow_name_taken");
        }
        let path = format!("/playbooks/{other}");
        let renamed = nictate.put(&path, json!({"name": "from the document"})).await;
        renamed.error(400, "workflow_name_taken");
        for name in [json!(""), json!("a\tb"), json!("x".repeat(256))] {
            let body = json!({"name": name, "playbook": prints("x")});
            nictate.post("/playbooks/ui", body).await.error(400, "name_invalid");
        }
        nictate.post("/playbooks/ui", json!({"playbook": prints("x")})).await.error(400, "name_invalid");
        nictate
            .post("/playbooks/ui", json!({"name": "p", "playbook": prints("x"), "pack_id": "x"}))
            .await
            .error(400, "body_invalid");

        let tenant = nictate.tenant().await;
        let red = nictate.add_workspace(tenant, "red").await;
        nictate.add_member("rita", red, types::Role::Contributor).await;
        let create = format!("/api/v1/workspace/{red}/playbooks");
        let body = json!({"name": "other", "playbook": prints("x")});
        Reply::of(nictate.request_as(Some("rita"), Method::POST, &create).json(&body)).await.ok();
    })
    .await;
}

#[tokio::test]
async fn workflows_are_found_as_the_clients_ask_for_them() {
    on_both(async |nictate| {
        nictate.connect("edge", "one").await;
        let url = nictate.tool.url();
        let first = create(nictate, "calls the edge", &crate::executions::calls_the_tool("edge", url)).await;
        let second = nictate.publish("prints", &prints("x")).await;
        for (q, ids) in [
            (
                r#"{"limit": 1, "offset": 0, "filter": {"name": {"$eq": "prints"}}, "select": ["id"]}"#,
                vec![&second],
            ),
            (r#"{"search":{"text":"EDGE","fields":["name"]}}"#, vec![&first]),
            (r#"{"sort": ["name"]}"#, vec![&first, &second]),
            (r#"{"filter": {"name": {"$eq": "none"}}}"#, vec![]),
        ] {
            let page = nictate.list_raw("/playbooks", q).await;
            assert_eq!(page.column("id").iter().collect::<Vec<_>>(), ids, "{q}");
        }
        let listed = nictate.list("/playbooks", &json!({"filter": {"id": first}})).await.results();
        assert_eq!(listed[0]["used_connections"], json!(["edge"]));
        assert_eq!(listed[0]["actions"][0]["full_name"], "http.requestV2");
        let draft = nictate.get(&format!("/playbooks/{first}/draft")).await.ok();
        assert_eq!(draft["connections"], json!({"http_bearer": "edge"}));
        assert_eq!(draft["inputs"]["user"], json!({"name": "user", "required": true}));
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_a_404_on_every_route() {
    on_both(async |nictate| {
        for id in [NOBODY, "7", "not-an-id"] {
            let path = format!("/playbooks/{id}");
            for rest in ["", "/draft", "/version/draft/1"] {
                let body = nictate.get(&format!("{path}{rest}")).await.error(404, "workflow_not_found");
                assert_eq!(body["message"], "Can not find Playbook");
            }
            for rest in ["/draft", "/public", "/execute", "/draft/execute"] {
                let reply = nictate.post(&format!("{path}{rest}"), json!({"playbook": prints("x")})).await;
                reply.error(404, "workflow_not_found");
            }
            nictate.put(&path, json!({})).await.error(404, "workflow_not_found");
            nictate.delete(&path).await.error(404, "workflow_not_found");
            for rest in ["", "/steps", "/outputs"] {
                nictate.get(&format!("/executions/{id}{rest}")).await.error(404, "execution_not_found");
            }
            nictate.post_nothing(&format!("/executions/{id}/cancel")).await.error(404, "execution_not_found");
        }
    })
    .await;
}

#[tokio::test]
async fn two_who_save_at_once_get_two_versions() {
    on_both(async |nictate| {
        let id = create(nictate, "shared", &prints("one")).await;
        let save = async |word: &str| {
            let body = json!({"playbook": prints(word)});
            nictate.post(&format!("/playbooks/{id}/draft"), body).await.ok()["version_id"].as_i64().unwrap()
        };
        let (a, b, c, d) = tokio::join!(save("a"), save("b"), save("c"), save("d"));
        let mut versions = [a, b, c, d];
        versions.sort_unstable();
        assert_eq!(versions, [2, 3, 4, 5]);
        for (version, word) in [(a, "a"), (b, "b"), (c, "c"), (d, "d")] {
            let read = nictate.get(&format!("/playbooks/{id}/version/draft/{version}")).await.ok();
            assert_eq!(read["playbook"], prints(word));
        }
    })
    .await;
}

#[tokio::test]
async fn the_etag_of_a_workflow_moves_with_its_draft() {
    on_both(async |nictate| {
        let id = create(nictate, "tagged", &prints("one")).await;
        for path in [format!("/playbooks/{id}"), format!("/playbooks/{id}/draft")] {
            let etag = nictate.get(&path).await.header("etag").to_owned();
            let ask =
                async || Reply::of(nictate.request(Method::GET, &path).header("If-None-Match", &etag)).await;
            assert_eq!(ask().await.status, 304, "{path}");
            nictate.post(&format!("/playbooks/{id}/draft"), json!({"playbook": prints("two")})).await.ok();
            assert_eq!(ask().await.status, 200, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn two_who_change_a_workflow_at_once_leave_one_that_can_be_saved() {
    on_both(async |nictate| {
        let id = create(nictate, "shared", &prints("one")).await;
        let path = format!("/playbooks/{id}");
        let change = async |word: &str| {
            nictate.put(&path, json!({"playbook": prints(word), "active": true})).await.ok();
        };
        tokio::join!(change("a"), change("b"), change("c"), change("d"));
        let whole = nictate.get(&path).await.ok();
        assert_eq!((&whole["draft_version"], &whole["published_version"]), (&json!(5), &json!(4)));
        let body = json!({"playbook": prints("last")});
        assert_eq!(nictate.post(&format!("{path}/draft"), body.clone()).await.ok()["version_id"], 6);
        assert_eq!(nictate.post(&format!("{path}/public"), body).await.ok()["version_id"], 5);
        assert_eq!(nictate.run_sync(&id, json!({})).await.ok(), json!({"out": "last"}));
    })
    .await;
}

#[tokio::test]
async fn who_does_not_say_active_leaves_a_workflow_inactive_as_the_contract_has_it() {
    on_both(async |nictate| {
        let document = prints("x");
        let made = nictate.post("/playbooks", json!({"name": "quiet", "playbook": document})).await.ok();
        assert_eq!(made["active"], false);
        let path = format!("/playbooks/{}", text(&made, "id"));
        let execute = format!("{path}/execute");
        nictate.post_nothing(&execute).await.error(400, "workflow_inactive");
        for (body, active) in [
            (json!({"active": true}), true),
            (json!({"tags": ["x"]}), false),
            (json!({"active": true, "playbook": document}), true),
            (json!({"playbook": document}), false),
        ] {
            assert_eq!(nictate.put(&path, body.clone()).await.ok()["active"], active, "{body}");
        }
        // Publishing activates, and an editor's workflow is active from the start.
        nictate.post_nothing(&format!("{path}/public")).await.ok();
        nictate.post_nothing(&execute).await.ok();
        let drafted =
            nictate.post("/playbooks/ui", json!({"name": "drafted", "playbook": document})).await.ok();
        assert_eq!(drafted["active"], true);
    })
    .await;
}

#[tokio::test]
async fn a_version_tells_of_its_workflow_and_its_etag_moves_with_both() {
    on_both(async |nictate| {
        let id = create(nictate, "tagged", &prints("one")).await;
        let draft = format!("/playbooks/{id}/draft");
        let fresh = nictate.get(&draft).await.ok();
        assert_eq!((&fresh["has_published_version"], &fresh["branched_from"]), (&json!(false), &json!(0)));
        nictate.post_nothing(&format!("/playbooks/{id}/public")).await.ok();
        nictate.post(&draft, json!({"playbook": prints("two"), "branched_from": 1})).await.ok();
        let newer = nictate.get(&draft).await;
        let etag = newer.header("etag").to_owned();
        let newer = newer.ok();
        assert_eq!((&newer["has_published_version"], &newer["branched_from"]), (&json!(true), &json!(1)));
        assert_eq!(newer["has_unpublished_changes"], true);
        nictate.put(&format!("/playbooks/{id}"), json!({"tags": ["new"], "active": true})).await.ok();
        let asked = Reply::of(nictate.request(Method::GET, &draft).header("If-None-Match", &etag)).await;
        assert_eq!(asked.ok()["tags"], json!(["new"]));
    })
    .await;
}

#[tokio::test]
async fn zero_characters_are_refused_wherever_text_enters() {
    on_both(async |nictate| {
        let id = create(nictate, "plain", &prints("one")).await;
        let zero = "a\u{0}b";
        let described = format!("desc: \"a\\0b\"\n{}", prints("x"));
        let connected = workflow(
            "- id: S1\n  action: http.requestV2\n  connection: {slack: \"a\\0b\"}\n  inputs: {url: x}",
            "{{ 1 }}",
        );
        for (path, body, code) in [
            ("/playbooks/ui", json!({"name": zero, "playbook": prints("x")}), "name_invalid"),
            ("/playbooks/ui", json!({"name": "x", "playbook": prints("x"), "tags": [zero]}), "body_invalid"),
            ("/playbooks/ui", json!({"name": "x", "playbook": described}), "workflow_invalid"),
            ("/playbooks/ui", json!({"name": "x", "playbook": connected}), "workflow_invalid"),
            (
                "/playbooks/ui",
                json!({"name": "x", "playbook": format!("{}# \0", prints("x"))}),
                "workflow_invalid",
            ),
            ("/connections", json!({"name": zero, "type_name": "http_none"}), "name_invalid"),
            (
                "/connections",
                json!({"name": "x", "type_name": "http_none", "description": zero}),
                "body_invalid",
            ),
            (
                "/connections",
                json!({"name": "x", "type_name": "http_none", "display_name": zero}),
                "body_invalid",
            ),
            (
                "/connections",
                json!({"name": "x", "type_name": "http_none", "external_id": zero}),
                "body_invalid",
            ),
            ("/connections", json!({"name": "x", "type_name": "http_none", "tags": [zero]}), "body_invalid"),
        ] {
            nictate.post(path, body).await.error(400, code);
        }
        let path = format!("/playbooks/{id}");
        nictate.put(&path, json!({"tags": [zero]})).await.error(400, "body_invalid");
        let commit = json!({"playbook": prints("x"), "source": zero});
        nictate.post(&format!("{path}/draft"), commit).await.error(400, "body_invalid");
        let sleeps = workflow("- id: S1\n  action: internal.Sleep\n  inputs: {duration: 1h}", "{{ 1 }}");
        let sleeper = nictate.publish("sleeps", &sleeps).await;
        let run = nictate.execute(&sleeper, json!({})).await;
        let cancel = format!("/executions/{run}/cancel");
        nictate.post(&cancel, json!({"cancel_reason": zero})).await.error(400, "body_invalid");
        nictate.post(&cancel, json!({"cancel_reason": "enough"})).await.ok();
    })
    .await;
}
