//! Saving on top of what others saved, the history of a workflow, and going back in it.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::executions::workflow;
use crate::support::{NOBODY, Nictate, on_both, text};

fn prints(word: &str) -> String {
    let step = format!("- id: S1\n  action: internal.print\n  inputs: {{text: {word}}}");
    workflow(&step, "{{ steps.S1.output }}")
}

/// A workflow with its first draft; the address of it.
async fn create(nictate: &Nictate, name: &str, document: &str) -> String {
    let made = nictate.post("/playbooks/ui", json!({"name": name, "playbook": document})).await.ok();
    format!("/playbooks/{}", text(&made, "id"))
}

#[tokio::test]
async fn whoever_saves_on_top_of_an_older_version_is_told_of_the_newer_one() {
    on_both(async |nictate| {
        let path = create(nictate, "shared", &prints("one")).await;
        let from = |version: i64, word: &str| json!({"playbook": prints(word), "branched_from": version});
        for branch in ["draft", "public"] {
            let address = format!("{path}/{branch}");
            // The newest one may be built upon; who does not say where they began is not asked.
            let first = if branch == "draft" { 1 } else { 0 };
            assert_eq!(nictate.post(&address, from(first, "two")).await.ok()["version_id"], first + 1);
            assert_eq!(nictate.post(&address, from(0, "three")).await.ok()["version_id"], first + 2);
            assert_eq!(
                nictate.post(&address, json!({"playbook": prints("four")})).await.ok()["version_id"],
                first + 3
            );
            let newest = first + 3;
            let refused = nictate.post(&address, from(1, "five")).await.error(409, "workflow_outdated");
            assert_eq!(
                refused["data"],
                json!({"branch": branch, "branched_from": 1, "newest_version": newest})
            );
            let message = text(&refused, "message");
            assert!(message.contains("version 1 ") && message.contains(&format!("is {newest}")), "{message}");
            let kept = nictate.get(&format!("{path}/version/{branch}/{newest}")).await.ok();
            assert_eq!(kept["playbook"], prints("four"));
            nictate
                .get(&format!("{path}/version/{branch}/{}", newest + 1))
                .await
                .error(404, "workflow_not_found");
            assert_eq!(nictate.post(&address, from(newest, "five")).await.ok()["version_id"], newest + 1);
        }
        assert_eq!(nictate.audited("workflow.draft_saved").await.len(), 4);
        assert_eq!(nictate.audited("workflow.published").await.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn of_many_who_save_at_once_on_top_of_one_version_one_succeeds() {
    on_both(async |nictate| {
        let path = create(nictate, "shared", &prints("one")).await;
        let draft = format!("{path}/draft");
        let save = |word: usize| {
            nictate.post(&draft, json!({"playbook": prints(&format!("w{word}")), "branched_from": 1}))
        };
        let replies = join_all((0..8).map(save)).await;
        let saved: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
        assert_eq!(saved.len(), 1);
        assert_eq!(saved[0].ok()["version_id"], 2);
        for refused in replies.iter().filter(|reply| reply.status != 200) {
            assert_eq!(refused.error(409, "workflow_outdated")["data"]["newest_version"], 2);
        }
        assert_eq!(nictate.get(&format!("{path}/versions")).await.ok()["total"], 2);
    })
    .await;
}

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| text(row, "id")).collect()
}

/// Two drafts, one of them published, and a third.
async fn history(nictate: &Nictate) -> String {
    let path = create(nictate, "life", &prints("one")).await;
    let two = json!({"playbook": prints("two"), "branched_from": 1, "source": "editor"});
    nictate.post(&format!("{path}/draft"), two).await.ok();
    nictate.post_nothing(&format!("{path}/public")).await.ok();
    nictate.post(&format!("{path}/draft"), json!({"playbook": prints("three")})).await.ok();
    path
}

#[tokio::test]
async fn the_history_lists_both_branches_with_author_time_and_source() {
    on_both(async |nictate| {
        let path = history(nictate).await;
        let versions = format!("{path}/versions");
        let all = nictate.get(&versions).await.ok();
        assert_eq!((&all["total"], &all["offset"]), (&json!(4), &json!(0)));
        let rows = nictate.get(&versions).await.results();
        let mut sorted = ids(&rows);
        sorted.sort();
        assert_eq!(sorted, ["draft/1", "draft/2", "draft/3", "public/1"]);
        assert!(rows.windows(2).all(|pair| pair[0]["created_at"].as_i64() >= pair[1]["created_at"].as_i64()));
        let of = |id: &str| rows.iter().find(|row| row["id"] == id).unwrap();
        let second = of("draft/2");
        let admin = text(&nictate.get(&path).await.ok(), "created_by");
        assert_eq!(second["created_by"], json!(admin));
        assert!(!text(second, "created_by_name").is_empty(), "{second}");
        assert_eq!(
            (&second["source"], &second["branched_from"], &second["version_id"]),
            (&json!("editor"), &json!(1), &json!(2))
        );
        let published: Vec<&str> = rows
            .iter()
            .filter(|row| row["is_published"] == true)
            .map(|row| row["id"].as_str().unwrap())
            .collect();
        assert_eq!(published.len(), 2, "the draft and what was published of it: {published:?}");
        assert!(published.contains(&"draft/2") && published.contains(&"public/1"));
        crate::lists::hold_the_same(nictate, &versions, &store::workflow_versions::FIELDS).await;

        let drafts = json!({"filter": {"branch": "draft"}, "sort": ["version_id"], "limit": 2, "offset": 1});
        let page = nictate.list(&versions, &drafts).await;
        assert_eq!(page.ok()["total"], 3);
        assert_eq!(ids(&page.results()), ["draft/2", "draft/3"]);
        nictate.list_raw(&versions, r#"{"filter": {"text": "x"}}"#).await.error(400, "query_invalid");
        nictate.get(&format!("/playbooks/{NOBODY}/versions")).await.error(404, "workflow_not_found");
    })
    .await;
}

#[tokio::test]
async fn two_versions_are_compared_line_by_line() {
    on_both(async |nictate| {
        let path = history(nictate).await;
        let diff = |query: &str| format!("{path}/versions/diff?{query}");
        let shown = nictate.get(&diff("from=public/1&to=draft/3")).await.ok();
        assert_eq!((&shown["from"], &shown["to"]), (&json!("public/1"), &json!("draft/3")));
        assert_eq!((&shown["added"], &shown["removed"]), (&json!(1), &json!(1)));
        let unified = text(&shown, "diff");
        assert!(unified.starts_with("--- public/1\n+++ draft/3\n@@ "), "{unified}");
        let changed: Vec<&str> =
            unified.lines().skip(2).filter(|line| line.starts_with(['-', '+'])).map(str::trim_end).collect();
        assert_eq!(changed.len(), 2, "{unified}");
        assert!(changed[0].contains("two") && changed[1].contains("three"), "{unified}");
        // Short forms, and the newest draft for what is left out.
        for same in
            ["from=public", "from=public&to=3", "from=public%2F1&to=draft", "from=2", "from=draft/2&to="]
        {
            assert_eq!(
                text(&nictate.get(&diff(same)).await.ok(), "diff").replace("draft/2", "public/1"),
                unified,
                "{same}"
            );
        }
        let none = nictate.get(&diff("from=draft/2&to=public/1")).await.ok();
        assert_eq!((&none["diff"], &none["added"], &none["removed"]), (&json!(""), &json!(0), &json!(0)));
        for bad in [
            "",
            "to=1",
            "from=",
            "from=x",
            "from=draft/",
            "from=elsewhere/1",
            "from=1&to=1.5",
            "from=1&to=draft/1/2",
        ] {
            nictate.get(&diff(bad)).await.error(400, "parameter_invalid");
        }
        for gone in ["from=9", "from=public/2", "from=1&to=draft/0", "from=-1"] {
            nictate.get(&diff(gone)).await.error(404, "workflow_not_found");
        }
        let other = create(nictate, "unpublished", &prints("x")).await;
        nictate.get(&format!("{other}/versions/diff?from=public")).await.error(404, "workflow_not_found");
    })
    .await;
}

#[tokio::test]
async fn a_long_difference_of_large_documents_is_found_in_time() {
    on_both(async |nictate| {
        let long = |word: &str| {
            let lines: Vec<String> =
                (0..40_000).map(|line| format!("# {word} {}\n", line * 7 % 1000)).collect();
            lines.concat() + &prints(word)
        };
        let path = create(nictate, "long", &long("one")).await;
        nictate.post(&format!("{path}/draft"), json!({"playbook": long("two")})).await.ok();
        let began = tokio::time::Instant::now();
        let shown = nictate.get(&format!("{path}/versions/diff?from=1")).await.ok();
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
        // Not the shortest one, which is not worth the wait.
        for member in ["added", "removed"] {
            assert!((40_001..41_000).contains(&shown[member].as_u64().unwrap()), "{}", shown[member]);
        }
    })
    .await;
}

#[tokio::test]
async fn an_old_version_becomes_the_newest_draft_again() {
    on_both(async |nictate| {
        let path = history(nictate).await;
        let restored = nictate.post_nothing(&format!("{path}/version/draft/1/restore")).await.ok();
        assert_eq!((&restored["branch"], &restored["version_id"]), (&json!("draft"), &json!(4)));
        let draft = nictate.get(&format!("{path}/draft")).await.ok();
        assert_eq!((&draft["playbook"], &draft["branched_from"]), (&json!(prints("one")), &json!(1)));
        // What is published stays so until it is published anew.
        assert_eq!(nictate.get(&path).await.ok()["playbook"], prints("two"));
        let restored = nictate.post(&format!("{path}/version/public/1/restore"), json!({})).await.ok();
        assert_eq!(restored["version_id"], 5);
        assert_eq!(nictate.get(&path).await.ok()["has_unpublished_changes"], false);
        let q = json!({"filter": {"version_id": {"$gte": 4}}, "sort": ["version_id"], "select": ["source"]});
        let sources = nictate.list(&format!("{path}/versions"), &q).await.results();
        assert_eq!(sources, [json!({"source": "restore draft/1"}), json!({"source": "restore public/1"})]);
        assert_eq!(nictate.audited("workflow.version_restored").await.len(), 2);
        for gone in ["draft/9", "public/2", "elsewhere/1", "draft/x"] {
            nictate
                .post_nothing(&format!("{path}/version/{gone}/restore"))
                .await
                .error(404, "workflow_not_found");
        }
        let nothing = format!("/playbooks/{NOBODY}/version/draft/1/restore");
        nictate.post_nothing(&nothing).await.error(404, "workflow_not_found");
        assert_eq!(nictate.get(&format!("{path}/versions")).await.ok()["total"], 6);
    })
    .await;
}
