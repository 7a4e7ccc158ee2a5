//! Who drives a run: leases, adoption, fences.

use std::time::Duration;

use store::executions::{self, ExecutionState};
use store::journal::{self, Appended};
use store::queued_runs::{self, QueuedRun};
use store::servers::{self, Server};
use store::testing::{NOW, each_database, on_postgres, seed};
use store::{Db, Read as _, Sql, StoreError};
use types::ServerId;

use crate::executions::{insert, line, run};

const LEASE: Duration = Duration::from_secs(10);

async fn server(db: &Db, name: &str, lease_until: types::Timestamp) -> ServerId {
    let id = ServerId::of_name(name);
    let server = Server { id, started_at: NOW, lease_until, version: "0.1.0".to_owned() };
    db.write(async move |tx| servers::register(tx, &server).await).await.unwrap();
    id
}

#[tokio::test]
async fn an_adopted_run_is_fenced_from_its_former_owner() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let dead = server(&db, "dead", NOW).await;
        let alive = server(&db, "alive", NOW.saturating_add(LEASE)).await;
        let mut runs: Vec<_> = (1..=4).map(|number| run(&seeded, number)).collect();
        runs[0].owner_server_id = Some(dead);
        runs[1].owner_server_id = Some(alive);
        runs[2].owner_server_id = None;
        runs[3].owner_server_id = Some(dead);
        runs[3].execution.state = ExecutionState::Completed;
        let ids: Vec<_> = runs.iter().map(|run| run.execution.id).collect();
        insert(&db, runs).await;

        let adopter = server(&db, "adopter", NOW.saturating_add(LEASE)).await;
        let mut adopted =
            db.write(async move |tx| executions::adopt(tx, adopter, NOW, 10).await).await.unwrap();
        adopted.sort_by_key(|owned| ids.iter().position(|id| *id == owned.id));
        let taken: Vec<_> = adopted.iter().map(|owned| (owned.id, owned.epoch)).collect();
        assert_eq!(taken, [(ids[0], 1), (ids[2], 1)]);
        let again = db.write(async move |tx| executions::adopt(tx, adopter, NOW, 10).await).await.unwrap();
        assert_eq!(again, []);

        let (first, second) = (ids[0], ids[1]);
        let fenced = db.write(async move |tx| {
            let lines = [line(first, 0, 1), line(second, 0, 1), line(first, 0, 2)];
            journal::append_all(tx, &lines).await
        });
        assert_eq!(fenced.await.unwrap().into_iter().collect::<Vec<_>>(), [first]);
        assert_eq!(journal::read_all(&db, seeded.workspace, first).await.unwrap(), []);
        assert_eq!(journal::read_all(&db, seeded.workspace, second).await.unwrap().len(), 1);
        let written = db.write(async move |tx| journal::append(tx, &line(first, 1, 1)).await).await;
        assert_eq!(written.unwrap(), Appended::Written);

        let mine = executions::list_unfinished(&db, adopter, "", 1).await.unwrap();
        let rest = executions::list_unfinished(&db, adopter, &mine[0].id.to_string(), 10).await.unwrap();
        assert_eq!((mine.len(), rest.len()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn an_append_in_progress_holds_an_adoption_back() {
    on_postgres(async |db| {
        let seeded = seed(&db).await;
        let dead = server(&db, "dead", NOW).await;
        let mut stored = run(&seeded, 1);
        stored.owner_server_id = Some(dead);
        let id = stored.execution.id;
        insert(&db, vec![stored]).await;
        let adopter = server(&db, "adopter", NOW.saturating_add(LEASE)).await;
        let other = db.clone();
        db.write(async move |tx| {
            let _ = journal::append(tx, &line(id, 0, 1)).await?;
            // The row is locked by the append, so the adopter passes it by until this commits.
            let early = other.write(async move |tx| executions::adopt(tx, adopter, NOW, 10).await).await?;
            assert_eq!(early, []);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
        let late = db.write(async move |tx| executions::adopt(tx, adopter, NOW, 10).await).await.unwrap();
        assert_eq!(late.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_frozen_in_the_middle_of_a_renewal_holds_no_adoption_up() {
    on_postgres(async |db| {
        let seeded = seed(&db).await;
        let (frozen, dead) = (server(&db, "frozen", NOW).await, server(&db, "dead", NOW).await);
        let mut runs = vec![run(&seeded, 1), run(&seeded, 2)];
        (runs[0].owner_server_id, runs[1].owner_server_id) = (Some(frozen), Some(dead));
        let of_the_dead = runs[1].execution.id;
        insert(&db, runs).await;
        let adopter = server(&db, "adopter", NOW.saturating_add(LEASE)).await;
        let other = db.clone();
        db.write(async move |tx| {
            servers::heartbeat(tx, frozen, NOW).await?;
            let adopted = other.write(async move |tx| executions::adopt(tx, adopter, NOW, 10).await).await?;
            assert_eq!(adopted.iter().map(|run| run.id).collect::<Vec<_>>(), [of_the_dead]);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
        // It does not stay in the middle for ever: the database ends what stands still.
        let mut limit = String::new();
        let text = "SELECT setting FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'";
        let sql = Sql::Dynamic { name: "pg_settings.idle", text };
        db.fetch(sql, &[], |row| {
            limit = row.string(0)?;
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(limit, "10000");
        let late = db.write(async move |tx| executions::adopt(tx, adopter, NOW, 10).await).await.unwrap();
        assert_eq!(late.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn several_adopters_share_the_runs_without_doubling_one() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        insert(&db, (1..=60).map(|number| run(&seeded, number)).collect()).await;
        let mut tasks = tokio::task::JoinSet::new();
        for name in ["a", "b", "c", "d"] {
            let id = server(&db, name, NOW.saturating_add(LEASE)).await;
            let db = db.clone();
            tasks.spawn(async move {
                let mut mine = Vec::new();
                for _ in 0..10 {
                    mine.extend(
                        db.write(async move |tx| executions::adopt(tx, id, NOW, 5).await).await.unwrap(),
                    );
                }
                mine
            });
        }
        let mut all: Vec<_> = tasks.join_all().await.into_iter().flatten().map(|owned| owned.id).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 60);
    })
    .await;
}

#[tokio::test]
async fn a_lease_is_renewed_until_somebody_takes_it_for_ended() {
    each_database(async |db| {
        let until = NOW.saturating_add(LEASE);
        let id = server(&db, "a", until).await;
        let beat =
            async |until| db.write(async move |tx| servers::heartbeat(tx, id, until).await).await.unwrap();
        let adopt = async |now| {
            let other = ServerId::of_name("other");
            db.write(async move |tx| executions::adopt(tx, other, now, 10).await).await.unwrap()
        };
        assert!(beat(until).await);
        assert_eq!(servers::expired(&db, NOW).await.unwrap(), []);
        assert_eq!(servers::expired(&db, until).await.unwrap().len(), 1);
        let later = until.saturating_add(LEASE);
        assert!(beat(later).await, "nobody was there to see that it had ended");
        adopt(until).await;
        assert!(beat(later).await, "it had not ended");
        adopt(later).await;
        assert!(!beat(later.saturating_add(LEASE)).await);
        assert_eq!(servers::list(&db).await.unwrap(), []);
        assert_eq!(server(&db, "a", later.saturating_add(LEASE)).await, id);
        assert_eq!(servers::list(&db).await.unwrap().len(), 1);
        db.write(async move |tx| servers::remove(tx, id).await).await.unwrap();
        assert_eq!(servers::list(&db).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_server_does_not_adopt_its_own_runs_whatever_its_lease_says() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let me = server(&db, "me", NOW).await;
        let mut own = run(&seeded, 1);
        own.owner_server_id = Some(me);
        insert(&db, vec![own.clone()]).await;
        let adopt = async |server, now| {
            db.write(async move |tx| executions::adopt(tx, server, now, 10).await).await.unwrap()
        };
        let late = NOW.saturating_add(LEASE);
        assert_eq!(adopt(me, late).await, []);
        assert_eq!(adopt(ServerId::of_name("other"), late).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_queued_run_that_begins_later_is_left_alone_until_then() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let me = server(&db, "me", NOW.saturating_add(2 * LEASE)).await;
        let then = NOW.saturating_add(LEASE);
        let (later, soon) = (run(&seeded, 1), run(&seeded, 2));
        let (first, second) = (later.execution.id, soon.execution.id);
        insert(&db, vec![later, soon]).await;
        for (id, begins_at) in [(first, Some(then)), (second, None)] {
            let queued = QueuedRun { metadata: "{}".to_owned(), run_time_ms: 1, begins_at, key: None };
            db.write(async move |tx| queued_runs::insert(tx, id, &queued).await).await.unwrap();
        }
        let adopt = async |now| {
            let owned = db.write(async move |tx| executions::adopt(tx, me, now, 10).await).await.unwrap();
            owned.iter().map(|run| run.id).collect::<Vec<_>>()
        };
        assert_eq!(adopt(NOW).await, [second]);
        assert_eq!(adopt(then).await, [first]);
    })
    .await;
}

#[tokio::test]
async fn a_run_that_is_let_go_of_is_found_by_the_next_who_adopts() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let me = server(&db, "me", NOW.saturating_add(LEASE)).await;
        let mut held = run(&seeded, 1);
        (held.owner_server_id, held.owner_epoch) = (Some(me), 4);
        let id = held.execution.id;
        insert(&db, vec![held]).await;
        let release = async |epoch| {
            db.write(async move |tx| executions::release(tx, id, epoch, NOW).await).await.unwrap()
        };
        assert!(!release(3).await, "a former owner lets go of nothing");
        assert!(release(4).await);
        let adopted = db.write(async move |tx| executions::adopt(tx, me, NOW, 10).await).await.unwrap();
        assert_eq!(adopted.iter().map(|run| (run.id, run.epoch)).collect::<Vec<_>>(), [(id, 5)]);
    })
    .await;
}

#[tokio::test]
async fn a_run_can_be_taken_over_from_a_living_owner_in_its_workspace_only() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let owner = server(&db, "owner", NOW.saturating_add(LEASE)).await;
        let mut held = run(&seeded, 1);
        held.owner_server_id = Some(owner);
        let (id, epoch) = (held.execution.id, held.owner_epoch);
        insert(&db, vec![held]).await;
        let other = ServerId::of_name("other");
        let take = async |workspace| {
            db.write(async move |tx| executions::take_over(tx, other, workspace, id, NOW).await)
                .await
                .unwrap()
        };
        assert_eq!(take(seeded.other_workspace).await, None);
        assert_eq!(take(seeded.workspace).await.map(|run| run.epoch), Some(epoch + 1));
        let late = line(id, epoch, 1);
        let appended = db.write(async move |tx| journal::append(tx, &late).await).await.unwrap();
        assert_eq!(appended, Appended::Fenced);
    })
    .await;
}
