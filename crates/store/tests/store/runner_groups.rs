//! Runner groups and runners: whose they are, who uses them, which token opens them.

use store::runner_groups::{self, EMBEDDED, EMBEDDED_ALIAS, NAME_KEY, RunnerGroup, embedded_id};
use store::runners::{self, Runner};
use store::testing::{NOW, Seeded, connection, each_database, query, seed};
use store::{StoreError, connections};
use types::{RunnerGroupId, RunnerId, ServerId, Timestamp, WorkspaceId};

const LATER: Timestamp = Timestamp::from_millis(NOW.as_millis() + 1000);

fn group(seeded: &Seeded, name: &str) -> RunnerGroup {
    RunnerGroup {
        id: RunnerGroupId::of_name(name),
        tenant_id: seeded.tenant,
        workspace_id: seeded.workspace,
        name: name.to_owned(),
        is_default: false,
        tags: "[]".to_owned(),
        token_hint: "nct_abc".to_owned(),
        token_version: 1,
        created_at: NOW,
        created_by: "ada".to_owned(),
        updated_at: NOW,
        updated_by: "ada".to_owned(),
    }
}

fn runner(group: &RunnerGroup, name: &str) -> Runner {
    Runner {
        id: RunnerId::of_name(name),
        tenant_id: group.tenant_id,
        workspace_id: group.workspace_id,
        group_id: group.id,
        name: name.to_owned(),
        version: "0.1.0".to_owned(),
        labels: "[]".to_owned(),
        capacity: 8,
        is_connected: true,
        ip_address: "10.0.0.7".to_owned(),
        server_id: ServerId::of_name("s").to_string(),
        created_at: NOW,
        started_at: NOW,
        last_seen: NOW,
        stopped_at: None,
    }
}

#[tokio::test]
async fn a_workspace_begins_with_the_embedded_group_as_its_default() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let default = runner_groups::get_default(&db, seeded.workspace).await.unwrap().unwrap();
        assert!(default.is_embedded() && default.id == embedded_id(seeded.workspace));
        for name in [EMBEDDED, EMBEDDED_ALIAS] {
            let found = runner_groups::get_by_name(&db, seeded.workspace, name).await.unwrap();
            assert_eq!(found.as_ref(), Some(&default), "{name}");
        }
        let (on_site, row) = (group(&seeded, "on site"), group(&seeded, "on site"));
        let (workspace, id) = (seeded.workspace, on_site.id);
        db.write(async move |tx| runner_groups::insert(tx, &row, Some("hash")).await).await.unwrap();
        db.write(async move |tx| runner_groups::set_default(tx, workspace, id).await).await.unwrap();
        let default = runner_groups::get_default(&db, workspace).await.unwrap().unwrap();
        assert_eq!(default, RunnerGroup { is_default: true, ..on_site });
        // Of this workspace alone.
        let other = runner_groups::get_default(&db, seeded.other_workspace).await.unwrap().unwrap();
        assert!(other.is_embedded());
        assert_eq!(runner_groups::get(&db, seeded.other_workspace, id).await.unwrap(), None);
        assert_eq!(runner_groups::names(&db, workspace).await.unwrap(), [EMBEDDED, "on site"]);
    })
    .await;
}

#[tokio::test]
async fn a_name_is_taken_once_in_a_workspace() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let (one, mut two) = (group(&seeded, "dmz"), group(&seeded, "dmz"));
        two.id = RunnerGroupId::of_name("two");
        db.write(async move |tx| runner_groups::insert(tx, &one, Some("h1")).await).await.unwrap();
        let again = db.write(async move |tx| runner_groups::insert(tx, &two, Some("h2")).await).await;
        assert!(matches!(again, Err(StoreError::Duplicate { key }) if key == NAME_KEY));
    })
    .await;
}

#[tokio::test]
async fn a_token_opens_its_group_until_it_is_replaced() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let dmz = group(&seeded, "dmz");
        let row = dmz.clone();
        db.write(async move |tx| runner_groups::insert(tx, &row, Some("first")).await).await.unwrap();
        assert_eq!(runner_groups::find_by_token(&db, "first").await.unwrap().as_ref(), Some(&dmz));
        let version = async || runner_groups::token_version(&db, dmz.workspace_id, dmz.id).await.unwrap();
        for (hash, present) in [(Some("second"), 2), (None, 3)] {
            let row = dmz.clone();
            let set = db.write(async move |tx| runner_groups::set_token(tx, &row, hash).await).await;
            assert!(set.unwrap());
            assert_eq!(version().await, Some(present));
            assert_eq!(runner_groups::find_by_token(&db, "first").await.unwrap(), None);
        }
        assert_eq!(runner_groups::find_by_token(&db, "second").await.unwrap(), None);
        let (workspace, id) = (dmz.workspace_id, dmz.id);
        assert!(db.write(async move |tx| runner_groups::delete(tx, workspace, id).await).await.unwrap());
        assert_eq!(version().await, None);
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_names_a_group_uses_it() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let mut named = connection(&seeded, "vault");
        named.runner_group = "dmz".to_owned();
        let stored = named.clone();
        db.write(async move |tx| connections::insert(tx, &named).await).await.unwrap();
        let read = connections::get(&db, seeded.workspace, stored.id).await.unwrap().unwrap();
        assert_eq!(read, stored);
        let users = runner_groups::used_by(&db, seeded.workspace, "dmz").await.unwrap();
        assert_eq!(users.len(), 1);
        assert_eq!((users[0].name.as_str(), users[0].kind.as_str()), ("vault", "connection"));
        let counts = runner_groups::usage_counts(&db, seeded.workspace).await.unwrap();
        assert_eq!((counts.len(), counts.get("dmz")), (1, Some(&1)));
        assert!(runner_groups::used_by(&db, seeded.other_workspace, "dmz").await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_runner_is_connected_until_its_own_server_says_otherwise() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let (dmz, other) = (group(&seeded, "dmz"), group(&seeded, "other"));
        let rows = [(dmz.clone(), "h1"), (other.clone(), "h2")];
        db.write(async move |tx| {
            for (row, hash) in &rows {
                runner_groups::insert(tx, row, Some(hash)).await?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
        let one = runner(&dmz, "one");
        let (row, workspace, id) = (one.clone(), one.workspace_id, one.id);
        assert!(db.write(async move |tx| runners::connected(tx, &row).await).await.unwrap());
        // Nobody takes another group's runner over by its id.
        let thief = Runner { group_id: other.id, ..one.clone() };
        assert!(!db.write(async move |tx| runners::connected(tx, &thief).await).await.unwrap());
        let present = async || runners::get(&db, workspace, id).await.unwrap().unwrap();
        assert_eq!(present().await, one);
        assert_eq!(runners::get(&db, WorkspaceId::of_name("none"), id).await.unwrap(), None);
        let connected = async |since| runners::counts(&db, workspace, since).await.unwrap();
        assert_eq!(connected(NOW).await.get(&dmz.id), Some(&1));
        assert!(connected(LATER).await.is_empty());

        let (own, another) = (ServerId::of_name("s"), ServerId::of_name("t"));
        for server in [another, own] {
            let gone =
                async move |tx: &store::Tx<'_>| runners::disconnected(tx, workspace, id, server, LATER).await;
            db.write(gone).await.unwrap();
            assert_eq!(present().await.is_connected, server == another);
        }
        assert_eq!(present().await.stopped_at, Some(LATER));
        db.write(async move |tx| runners::seen(tx, workspace, id, own, LATER).await).await.unwrap();
        assert!(!present().await.is_connected, "a late sign of life changes nothing");
        let all = runners::list(&db, workspace, &query("{}", &runners::FIELDS)).await.unwrap();
        assert_eq!(all.total, 1);
        let group = dmz.id;
        db.write(async move |tx| runners::forget_old(tx, workspace, group, LATER).await).await.unwrap();
        assert_eq!(runners::list(&db, workspace, &query("{}", &runners::FIELDS)).await.unwrap().total, 1);
        assert!(db.write(async move |tx| runners::delete(tx, workspace, id).await).await.unwrap());
    })
    .await;
}
