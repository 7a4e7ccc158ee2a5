//! Connections, their types and keys.

use store::connection_types::{self, ConnectionType};
use store::connections::{self, FIELDS, NAME_KEY, Sealed};
use store::data_keys::{self, DataKey};
use store::key_rotations::{self, KeyRotation};
use store::testing::{NOW, Seeded, connection, each_database, query, seed, version, workflow};
use store::workflow_versions::{self, Branch, Named, NamedConnection};
use store::{Db, StoreError, workflows};
use types::{ConnectionTypeId, WorkspaceId};

async fn insert(db: &Db, seeded: Seeded, names: &'static [&'static str]) {
    let stored = db.write(async move |tx| {
        for name in names {
            connections::insert(tx, &connection(&seeded, name)).await?;
        }
        Ok::<_, StoreError>(())
    });
    stored.await.unwrap();
}

#[tokio::test]
async fn a_connection_comes_back_as_it_was_stored() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        insert(&db, seeded, &["jira"]).await;
        let stored = connection(&seeded, "jira");
        assert_eq!(connections::get(&db, seeded.workspace, stored.id).await.unwrap().as_ref(), Some(&stored));
        let by_name = connections::get_by_name(&db, seeded.tenant, "jira").await.unwrap();
        assert_eq!(by_name.as_ref(), Some(&stored));
        assert_eq!(connections::get_by_name(&db, seeded.tenant, "Jira").await.unwrap(), None);
        assert_eq!(connections::get_by_name(&db, seeded.other_tenant, "jira").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn another_workspace_neither_sees_nor_touches_a_connection() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        insert(&db, seeded, &["jira"]).await;
        let mut stored = connection(&seeded, "jira");
        let (id, other) = (stored.id, seeded.other_workspace);
        assert_eq!(connections::get(&db, other, id).await.unwrap(), None);
        assert_eq!(connections::list(&db, other, &query("{}", &FIELDS)).await.unwrap().total, 0);
        stored.workspace_id = other;
        let touched = db.write(async move |tx| {
            let updated = connections::update(tx, &stored).await?;
            Ok::<_, StoreError>(updated | connections::delete(tx, other, id).await?)
        });
        assert!(!touched.await.unwrap());
        assert!(connections::get(&db, seeded.workspace, id).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_taken_name_is_told_by_its_key_and_nothing_is_written() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        insert(&db, seeded, &["jira"]).await;
        let error = db
            .write(async move |tx| {
                connections::insert(tx, &connection(&seeded, "slack")).await?;
                let mut second = connection(&seeded, "jira");
                second.id = connection(&seeded, "another").id;
                second.workspace_id = seeded.other_workspace;
                connections::insert(tx, &second).await
            })
            .await
            .unwrap_err();
        assert!(error.is_duplicate_of(NAME_KEY), "{error:?}");
        assert_eq!(connections::get_by_name(&db, seeded.tenant, "slack").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn an_update_of_what_has_changed_meanwhile_is_refused() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        insert(&db, seeded, &["jira"]).await;
        let mut changed = connection(&seeded, "jira");
        changed.description = "tickets".to_owned();
        let again = changed.clone();
        let update = |c: connections::Connection| {
            db.write(async move |tx| Ok::<_, StoreError>(connections::update(tx, &c).await?))
        };
        assert!(update(changed).await.unwrap());
        assert!(!update(again.clone()).await.unwrap());
        let stored = connections::get(&db, seeded.workspace, again.id).await.unwrap().unwrap();
        assert_eq!((stored.row_version, stored.description.as_str()), (2, "tickets"));
    })
    .await;
}

#[tokio::test]
async fn the_workflows_that_name_a_connection_are_known() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let triage = workflow(&seeded, "triage");
        let naming = |connections: &[&NamedConnection]| Named {
            connections: connections.iter().map(|named| (*named).clone()).collect(),
            runner_groups: Vec::new(),
        };
        let named = |name: &str| NamedConnection { type_name: "jira".to_owned(), name: name.to_owned() };
        let (a, b) = (named("a"), named("b"));
        let row = triage.clone();
        db.write(async move |tx| {
            workflows::insert(tx, &row).await?;
            let first = version(&row, Branch::Draft, 1);
            workflow_versions::insert(tx, &first, "one", &naming(&[&a, &a])).await?;
            let second = version(&row, Branch::Draft, 2);
            workflow_versions::insert(tx, &second, "two", &naming(&[&b])).await?;
            workflow_versions::insert(tx, &version(&row, Branch::Public, 1), "one", &naming(&[&b])).await
        })
        .await
        .unwrap();
        assert_eq!(connections::used_by(&db, seeded.workspace, "a").await.unwrap(), []);
        let used = connections::used_by(&db, seeded.workspace, "b").await.unwrap();
        let names: Vec<_> = used.iter().map(|used| used.workflow_name.as_str()).collect();
        assert_eq!(names, ["triage"]);
        assert_eq!(connections::used_by(&db, seeded.other_workspace, "b").await.unwrap(), []);
        db.write(async move |tx| workflows::delete(tx, triage.workspace_id, triage.id).await).await.unwrap();
        assert_eq!(connections::used_by(&db, seeded.workspace, "b").await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn secrets_are_resealed_in_batches_unless_they_have_changed() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        insert(&db, seeded, &["a", "b", "c"]).await;
        let first = connections::list_sealed_after(&db, seeded.workspace, "", 2).await.unwrap();
        assert_eq!(first.len(), 2);
        let rest =
            connections::list_sealed_after(&db, seeded.workspace, &first[1].id.to_string(), 2).await.unwrap();
        assert_eq!(rest.len(), 1);
        let fresh = Sealed { sealed: "{}".to_owned(), data_key_version: 2, ..first[0].clone() };
        let stale = Sealed { row_version: 7, ..fresh.clone() };
        let workspace = seeded.workspace;
        let done = db.write(async move |tx| {
            let fresh = connections::update_sealed(tx, workspace, &fresh).await?;
            Ok::<_, StoreError>((fresh, connections::update_sealed(tx, workspace, &stale).await?))
        });
        assert_eq!(done.await.unwrap(), (true, false));
        let stored = connections::get(&db, workspace, first[0].id).await.unwrap().unwrap();
        assert_eq!((stored.sealed.as_str(), stored.data_key_version, stored.row_version), ("{}", 2, 1));
    })
    .await;
}

#[tokio::test]
async fn a_test_of_a_connection_is_no_change_of_it() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        insert(&db, seeded, &["a"]).await;
        let (workspace, id) = (seeded.workspace, connection(&seeded, "a").id);
        let set = db.write(async move |tx| connections::set_status(tx, workspace, id, "failed").await);
        assert!(set.await.unwrap());
        let stored = connections::get(&db, workspace, id).await.unwrap().unwrap();
        assert_eq!((stored.status.as_str(), stored.row_version), ("failed", 1));
    })
    .await;
}

#[tokio::test]
async fn a_tenants_own_types_are_stored_and_known_to_be_used() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let mut kind = ConnectionType {
            id: ConnectionTypeId::of_name("http"),
            tenant_id: seeded.tenant,
            name: "intranet".to_owned(),
            definition: "{}".to_owned(),
            created_at: NOW,
            created_by: "ada".to_owned(),
            updated_at: NOW,
            updated_by: "ada".to_owned(),
        };
        let row = kind.clone();
        db.write(async move |tx| connection_types::insert(tx, &row).await).await.unwrap();
        let second = ConnectionType { id: ConnectionTypeId::of_name("second"), ..kind.clone() };
        let error = db.write(async move |tx| connection_types::insert(tx, &second).await).await.unwrap_err();
        assert!(error.is_duplicate_of(connection_types::NAME_KEY), "{error:?}");
        assert!(!connection_types::is_used(&db, seeded.tenant, kind.id).await.unwrap());
        insert(&db, seeded, &["a"]).await;
        assert!(connection_types::is_used(&db, seeded.tenant, kind.id).await.unwrap());
        kind.definition = "{\"fields\":[]}".to_owned();
        let row = kind.clone();
        assert!(db.write(async move |tx| connection_types::update(tx, &row).await).await.unwrap());
        let found = connection_types::get_by_name(&db, seeded.tenant, "intranet").await.unwrap();
        assert_eq!(found.as_ref(), Some(&kind));
        assert_eq!(connection_types::get(&db, seeded.other_tenant, kind.id).await.unwrap(), None);
        let listed = connection_types::list(&db, seeded.tenant).await.unwrap();
        assert_eq!(listed, [kind.clone()]);
        let (tenant, id) = (seeded.tenant, kind.id);
        assert!(db.write(async move |tx| connection_types::delete(tx, tenant, id).await).await.unwrap());
        assert_eq!(connection_types::get(&db, tenant, id).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_ring_of_data_keys_grows_is_rewrapped_and_pruned() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let key = |workspace_id: WorkspaceId, version| DataKey {
            workspace_id,
            version,
            wrapped: format!("wrapped {version}"),
            master_key_id: "m1".to_owned(),
            created_at: NOW,
        };
        let (ours, other) = (seeded.workspace, seeded.other_workspace);
        let keys = [key(ours, 1), key(ours, 2), key(other, 1)];
        db.write(async move |tx| {
            for key in &keys {
                data_keys::insert(tx, key).await?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
        let again = key(ours, 2);
        let error = db.write(async move |tx| data_keys::insert(tx, &again).await).await.unwrap_err();
        assert!(error.is_duplicate_of("data_keys_pkey"), "{error:?}");
        let mut rewrapped = key(ours, 2);
        rewrapped.master_key_id = "m2".to_owned();
        let row = rewrapped.clone();
        let done = db.write(async move |tx| {
            let first = data_keys::rewrap(tx, &row, "m1").await?;
            Ok::<_, StoreError>((first, data_keys::rewrap(tx, &row, "m1").await?))
        });
        assert_eq!(done.await.unwrap(), (true, false));
        assert_eq!(data_keys::list(&db, ours).await.unwrap(), [key(ours, 1), rewrapped.clone()]);
        assert_eq!(data_keys::list_all(&db).await.unwrap().len(), 3);
        assert_eq!(db.write(async move |tx| data_keys::delete_before(tx, ours, 2).await).await.unwrap(), 1);
        assert_eq!(data_keys::list(&db, ours).await.unwrap(), [rewrapped]);
    })
    .await;
}

#[tokio::test]
async fn a_rotation_remembers_how_far_it_came() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let rotation = KeyRotation {
            workspace_id: seeded.workspace,
            version: 2,
            done_to: String::new(),
            resealed: 0,
            started_at: NOW,
            finished_at: None,
        };
        let further =
            KeyRotation { done_to: "x".to_owned(), resealed: 5, finished_at: Some(NOW), ..rotation.clone() };
        for state in [rotation, further] {
            let row = state.clone();
            db.write(async move |tx| key_rotations::set(tx, &row).await).await.unwrap();
            assert_eq!(key_rotations::get(&db, seeded.workspace).await.unwrap(), Some(state));
        }
    })
    .await;
}
