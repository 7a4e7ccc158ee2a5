//! Workflows, their versions and documents, and the audit log.

use std::time::Duration;

use store::audit::{self, ActorType, AuditEntry};
use store::testing::{NOW, each_database, query, seed, version, workflow};
use store::workflow_versions::{self, Branch, Named};
use store::workflows::{self, FIELDS, NAME_KEY};
use store::{StoreError, documents};
use types::{AuditId, WorkflowId};

#[tokio::test]
async fn a_workflow_comes_back_as_it_was_stored() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let stored = workflow(&seeded, "triage");
        let row = stored.clone();
        db.write(async move |tx| workflows::insert(tx, &row).await).await.unwrap();
        let (ours, other) = (seeded.workspace, seeded.other_workspace);
        assert_eq!(workflows::get(&db, ours, stored.id).await.unwrap().as_ref(), Some(&stored));
        assert_eq!(workflows::get_by_name(&db, ours, "triage").await.unwrap().as_ref(), Some(&stored));
        assert_eq!(workflows::get(&db, other, stored.id).await.unwrap(), None);
        assert_eq!(workflows::get_by_name(&db, other, "triage").await.unwrap(), None);
        let mut twin = workflow(&seeded, "triage");
        twin.id = WorkflowId::of_name("twin");
        let error = db.write(async move |tx| workflows::insert(tx, &twin).await).await.unwrap_err();
        assert!(error.is_duplicate_of(NAME_KEY), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn two_who_save_at_once_are_told_apart() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let mut stored = workflow(&seeded, "triage");
        let row = stored.clone();
        db.write(async move |tx| workflows::insert(tx, &row).await).await.unwrap();
        stored.published_version = Some(1);
        stored.active = true;
        let first = stored.clone();
        let second = stored.clone();
        assert!(db.write(async move |tx| workflows::update(tx, &first).await).await.unwrap());
        assert!(!db.write(async move |tx| workflows::update(tx, &second).await).await.unwrap());
        stored.row_version = 2;
        assert_eq!(workflows::get(&db, seeded.workspace, stored.id).await.unwrap(), Some(stored));
        let published = query(r#"{"filter":{"is_published":true,"active":true}}"#, &FIELDS);
        assert_eq!(workflows::list(&db, seeded.workspace, &published).await.unwrap().total, 1);
    })
    .await;
}

#[tokio::test]
async fn each_branch_has_its_versions_and_texts_stay_exactly_as_they_were() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let row = workflow(&seeded, "triage");
        let text = "# caf\u{e9} \u{1F980}\r\nname: 'x'\t\n\n";
        let (a, b, c) = (
            version(&row, Branch::Draft, 1),
            version(&row, Branch::Draft, 2),
            version(&row, Branch::Public, 1),
        );
        let stored = (row.clone(), [a.clone(), b.clone(), c.clone()]);
        db.write(async move |tx| {
            workflows::insert(tx, &stored.0).await?;
            for version in &stored.1 {
                workflow_versions::insert(tx, version, text, &Named::default()).await?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
        let workspace = seeded.workspace;
        let latest = workflow_versions::latest(&db, workspace, row.id, Branch::Draft).await.unwrap().unwrap();
        assert_eq!((&latest.version, latest.text.as_str()), (&b, text));
        let first = workflow_versions::get(&db, workspace, row.id, Branch::Draft, 1).await.unwrap().unwrap();
        assert_eq!(first.version, a);
        let other = seeded.other_workspace;
        assert_eq!(workflow_versions::latest(&db, other, row.id, Branch::Draft).await.unwrap(), None);

        let id = row.id;
        assert!(db.write(async move |tx| workflows::delete(tx, workspace, id).await).await.unwrap());
        assert_eq!(workflow_versions::latest(&db, workspace, id, Branch::Draft).await.unwrap(), None);
        assert_eq!(documents::get(&db, workspace, "hash-1").await.unwrap().as_deref(), Some(text));
        assert_eq!(documents::get(&db, other, "hash-1").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn the_audit_log_keeps_what_was_done() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let entry = |name: &str, workspace| AuditEntry {
            id: AuditId::of_name(name),
            tenant_id: seeded.tenant,
            workspace_id: workspace,
            at: NOW,
            actor_type: ActorType::Execution,
            actor_id: "run".to_owned(),
            action: "connection.use".to_owned(),
            entity_type: "connection".to_owned(),
            entity_id: name.to_owned(),
            host: Some("api.example".to_owned()),
            details: r#"{"step":"S1"}"#.to_owned(),
        };
        let first = entry("a", Some(seeded.workspace));
        let more = [entry("b", Some(seeded.other_workspace)), entry("c", None)];
        let row = first.clone();
        db.write(async move |tx| {
            audit::record(tx, &row).await?;
            audit::record_many(tx, &more).await
        })
        .await
        .unwrap();
        let by_host = query(r#"{"filter":{"host":"api.example"}}"#, &audit::FIELDS);
        let page = audit::list(&db, seeded.tenant, seeded.workspace, &by_host).await.unwrap();
        assert_eq!(page.rows, [first]);
        assert_eq!(audit::list_tenant(&db, seeded.tenant, &by_host).await.unwrap().total, 3);
        assert_eq!(audit::list_tenant(&db, seeded.other_tenant, &by_host).await.unwrap().total, 0);
    })
    .await;
}

#[tokio::test]
async fn a_list_shows_the_published_document_or_else_the_draft() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let mut drafted = workflow(&seeded, "drafted");
        (drafted.draft_version, drafted.published_version) = (1, None);
        let mut published = workflow(&seeded, "published");
        (published.draft_version, published.published_version) = (2, Some(1));
        let ids = [drafted.id, published.id];
        db.write(async move |tx| {
            for row in [&drafted, &published] {
                workflows::insert(tx, row).await?;
            }
            let save = async |row, branch, number, text: &str| {
                let mut saved = version(row, branch, number);
                saved.hash = format!("hash of {text}");
                workflow_versions::insert(tx, &saved, text, &Named::default()).await
            };
            save(&drafted, Branch::Draft, 1, "a draft").await?;
            save(&published, Branch::Draft, 1, "an old draft").await?;
            save(&published, Branch::Draft, 2, "a new draft").await?;
            save(&published, Branch::Public, 1, "what runs").await
        })
        .await
        .unwrap();
        let mut shown = workflow_versions::shown(&db, seeded.workspace, &ids, true).await.unwrap();
        shown.sort_by(|a, b| a.text.cmp(&b.text));
        let texts: Vec<_> =
            shown.iter().map(|shown| (shown.text.as_str(), shown.hash == shown.draft_hash)).collect();
        assert_eq!(texts, [("a draft", true), ("what runs", false)]);
        let mut hashes = workflow_versions::shown(&db, seeded.workspace, &ids, false).await.unwrap();
        hashes.sort_by(|a, b| a.hash.cmp(&b.hash));
        let hashes: Vec<_> = hashes.iter().map(|shown| (shown.text.as_str(), shown.hash.as_str())).collect();
        assert_eq!(hashes, [("", "hash of a draft"), ("", "hash of what runs")]);
        assert_eq!(workflow_versions::shown(&db, seeded.other_workspace, &ids, true).await.unwrap(), []);
        assert_eq!(workflow_versions::shown(&db, seeded.workspace, &[], true).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn the_history_says_who_saved_what_and_which_text_is_published() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let mut row = workflow(&seeded, "triage");
        (row.draft_version, row.published_version) = (3, Some(2));
        let stored = row.clone();
        let (ada, workspace) = (seeded.admin, seeded.workspace);
        db.write(async move |tx| {
            workflows::insert(tx, &stored).await?;
            let (draft, public) = (Branch::Draft, Branch::Public);
            let saves = [
                (draft, 1, "one"),
                (public, 1, "one"),
                (draft, 2, "two"),
                (public, 2, "two"),
                (draft, 3, "three"),
            ];
            for (seconds, (branch, number, text)) in (0..).zip(saves) {
                let mut saved = version(&stored, branch, number);
                saved.hash = format!("hash of {text}");
                saved.created_at = NOW.saturating_add(Duration::from_secs(seconds));
                if number == 2 {
                    saved.created_by = ada.to_string();
                    saved.branched_from = Some(1);
                }
                workflow_versions::insert(tx, &saved, text, &Named::default()).await?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
        let list = async |q: &str| {
            let query = query(q, &workflow_versions::FIELDS);
            let page = workflow_versions::list(&db, workspace, row.id, &query).await.unwrap();
            let shown = page.rows.into_iter().map(|saved| {
                let name = format!("{}/{}", saved.version.branch.as_str(), saved.version.version);
                (name, saved.created_by_name, saved.version.branched_from, saved.is_published)
            });
            (shown.collect::<Vec<_>>(), page.total)
        };
        let of = |name: &str, by: &str, from, published| (name.to_owned(), by.to_owned(), from, published);
        let all = [
            of("draft/3", "", None, false),
            of("public/2", "ada", Some(1), true),
            of("draft/2", "ada", Some(1), true),
            of("public/1", "", None, false),
            of("draft/1", "", None, false),
        ];
        assert_eq!(list("{}").await, (all.to_vec(), 5));
        assert_eq!(list(r#"{"limit": 2, "offset": 1}"#).await, (all[1..3].to_vec(), 5));
        for q in [
            r#"{"filter": {"is_published": true, "branch": "public"}}"#,
            r#"{"filter": {"id": "public/2"}}"#,
            r#"{"filter": {"version_id": {"$gte": 2}, "branched_from": 1, "branch": {"$neq": "draft"}}}"#,
            r#"{"search": {"text": "AD", "fields": []}, "limit": 1}"#,
        ] {
            assert_eq!(list(q).await.0, all[1..2], "{q}");
        }
        let everything = query("{}", &workflow_versions::FIELDS);
        let other = workflow_versions::list(&db, seeded.other_workspace, row.id, &everything).await.unwrap();
        assert_eq!((other.rows, other.total), (Vec::new(), 0));
    })
    .await;
}
