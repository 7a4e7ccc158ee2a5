//! Runs, their journal, and the servers that drive them.

use std::sync::Arc;
use std::time::Duration;

use store::executions::{self, ExecutionState, FIELDS, FullExecution, Outcome};
use store::journal::{self, Append, Appended};
use store::queued_runs::{self, QueuedRun};
use store::runs::{Begin, RunWrite, RunWriter};
use store::servers::{self, Server};
use store::testing::{NOW, Seeded, each_database, execution, on_postgres, plan_of, query, seed, workflow};
use store::{Db, ROWS_COUNTED_MAX, Read as _, Sql, StoreError, unwanted_runs};
use types::{ExecutionId, ServerId};

const LEASE: Duration = Duration::from_secs(10);

async fn insert(db: &Db, runs: Vec<FullExecution>) {
    let stored = db.write(async move |tx| {
        for run in &runs {
            executions::insert(tx, run).await?;
        }
        Ok::<_, StoreError>(())
    });
    stored.await.unwrap();
}

fn run(seeded: &Seeded, number: i64) -> FullExecution {
    execution(&workflow(seeded, "triage"), number)
}

fn line(id: ExecutionId, epoch: i64, seq: i64) -> Append<'static> {
    Append { execution_id: id, epoch, seq, kind: "step_started", body: r#"{"path":"S1"}"#, created_at: NOW }
}

async fn server(db: &Db, name: &str, lease_until: types::Timestamp) -> ServerId {
    let id = ServerId::of_name(name);
    let server = Server { id, started_at: NOW, lease_until, version: "0.1.0".to_owned() };
    db.write(async move |tx| servers::register(tx, &server).await).await.unwrap();
    id
}

#[tokio::test]
async fn a_run_comes_back_as_it_was_stored_and_as_it_ended() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let mut stored = run(&seeded, 1);
        stored.owner_epoch = 3;
        stored.execution.parent_execution_id = Some(ExecutionId::of_name("caller"));
        stored.execution.async_parent_execution_id = Some(ExecutionId::of_name("passer-by"));
        stored.execution.top_execution = Some((ExecutionId::of_name("top"), NOW));
        insert(&db, vec![stored.clone()]).await;
        let (workspace, id) = (seeded.workspace, stored.execution.id);
        assert_eq!(executions::get(&db, workspace, id).await.unwrap().as_ref(), Some(&stored));
        assert_eq!(executions::get(&db, seeded.other_workspace, id).await.unwrap(), None);

        let outcome = Outcome {
            state: ExecutionState::Completed,
            outputs: Some(r#"{"verdict":"benign"}"#.to_owned()),
            step_results: r#"{"S1":2}"#.to_owned(),
            error_code: None,
            error_message: None,
            cancel_reason: None,
            started_at: Some(NOW),
            finished_at: Some(NOW),
            net_runtime_ms: 12,
        };
        let set = async |epoch, outcome: Outcome| {
            db.write(async move |tx| executions::set_outcome(tx, id, epoch, &outcome, NOW).await)
                .await
                .unwrap()
        };
        assert!(!set(2, outcome.clone()).await, "a former owner");
        assert!(set(3, outcome.clone()).await);
        assert!(!set(3, Outcome { state: ExecutionState::Failed, ..outcome.clone() }).await, "it has ended");
        let ended = executions::outputs(&db, workspace, id).await.unwrap();
        assert_eq!(ended, Some((ExecutionState::Completed, outcome.outputs)));
        assert_eq!(executions::outputs(&db, seeded.other_workspace, id).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn runs_are_listed_by_the_public_names() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let mut runs: Vec<_> = (1..=3).map(|number| run(&seeded, number)).collect();
        for (index, run) in runs.iter_mut().enumerate() {
            run.execution.started_at = (index != 1).then(|| NOW.saturating_add(LEASE * index as u32));
        }
        runs[2].execution.state = ExecutionState::TimedOut;
        insert(&db, runs).await;
        let list = async |q: &str| {
            let page = executions::list(&db, seeded.workspace, &query(q, &FIELDS)).await.unwrap();
            page.rows.into_iter().map(|row| row.execution_number).collect::<Vec<_>>()
        };
        let id = workflow(&seeded, "triage").id;
        let newest =
            format!(r#"{{"filter": {{"playbook_id": "{id}"}}, "sort": ["-started_at"], "limit": 1}}"#);
        assert_eq!(list(&newest).await, [3]);
        assert_eq!(list(r#"{"sort":["-started_at"]}"#).await, [3, 1, 2]);
        assert_eq!(list(r#"{"sort":["started_at"]}"#).await, [2, 1, 3], "not started is oldest");
        assert_eq!(list(r#"{"filter":{"state_ui":"Timeout"}}"#).await, [3]);
        assert_eq!(
            list(r#"{"filter":{"state":{"$in":["Queued"]}},"sort":["execution_number"]}"#).await,
            [1, 2]
        );
        assert_eq!(list(r#"{"sort":["execution_number"],"limit":1,"offset":1}"#).await, [2]);
        let beyond = query(r#"{"limit":1,"offset":7}"#, &FIELDS);
        assert_eq!(executions::list(&db, seeded.workspace, &beyond).await.unwrap().total, 3);
    })
    .await;
}

#[tokio::test]
async fn runs_are_counted_by_state_within_the_filter_and_the_workspace() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let mut runs: Vec<_> = (1..=4).map(|number| run(&seeded, number)).collect();
        runs[2].execution.state = ExecutionState::Failed;
        insert(&db, runs).await;
        let count = async |workspace, q| {
            let mut counts = executions::count_by_state(&db, workspace, &query(q, &FIELDS)).await.unwrap();
            counts.sort_by_key(|(state, _)| state.as_str());
            counts
        };
        let all = count(seeded.workspace, "{}").await;
        assert_eq!(all, [(ExecutionState::Failed, 1), (ExecutionState::Queued, 3)]);
        let late = count(seeded.workspace, r#"{"filter": {"execution_number": {"$gt": 3}}}"#).await;
        assert_eq!(late, [(ExecutionState::Queued, 1)]);
        assert_eq!(count(seeded.other_workspace, "{}").await, []);
    })
    .await;
}

#[tokio::test]
async fn runs_are_listed_by_the_runs_that_called_them() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let mut runs: Vec<_> = (1..=3).map(|number| run(&seeded, number)).collect();
        let top = runs[0].execution.id;
        runs[1].execution.parent_execution_id = Some(top);
        runs[1].execution.top_execution = Some((top, NOW));
        runs[2].execution.async_parent_execution_id = Some(runs[1].execution.id);
        runs[2].execution.top_execution = Some((top, NOW));
        let middle = runs[1].execution.id;
        insert(&db, runs).await;
        let list = async |field: &str, id: ExecutionId| {
            let q = format!(r#"{{"filter":{{"{field}":"{id}"}},"sort":["execution_number"]}}"#);
            let page = executions::list(&db, seeded.workspace, &query(&q, &FIELDS)).await.unwrap();
            page.rows.into_iter().map(|row| row.execution_number).collect::<Vec<_>>()
        };
        assert_eq!(list("parent_execution_id", top).await, [2]);
        assert_eq!(list("async_parent_execution_id", middle).await, [3]);
        assert_eq!(list("top_execution_id", top).await, [1, 2, 3]);
        assert_eq!(executions::called_by(&db, seeded.workspace, top).await.unwrap(), [middle]);
        assert_eq!(executions::called_by(&db, seeded.workspace, middle).await.unwrap().len(), 1);
        assert_eq!(executions::called_by(&db, seeded.other_workspace, top).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_run_is_renamed_in_its_workspace_and_its_row_moves_on() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let stored = run(&seeded, 1);
        insert(&db, vec![stored.clone()]).await;
        let (workspace, id) = (seeded.workspace, stored.execution.id);
        let rename = async |workspace, name: &'static str| {
            db.write(async move |tx| executions::rename(tx, workspace, id, name, "bob", NOW).await)
                .await
                .unwrap()
        };
        assert!(!rename(seeded.other_workspace, "theirs").await);
        let mut last = stored.execution.updated_at;
        for name in ["first", "second"] {
            assert!(rename(workspace, name).await);
            let row = executions::get(&db, workspace, id).await.unwrap().unwrap().execution;
            assert_eq!((row.name.as_str(), row.updated_by.as_str()), (name, "bob"));
            assert!(row.updated_at > last, "though the clock stands still");
            last = row.updated_at;
        }
    })
    .await;
}

#[tokio::test]
async fn states_are_asked_for_by_their_public_words() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let states = [ExecutionState::Queued, ExecutionState::Waiting, ExecutionState::TimedOut];
        let mut runs: Vec<_> = (1..=3).map(|number| run(&seeded, number)).collect();
        for (run, state) in runs.iter_mut().zip(states) {
            run.execution.state = state;
        }
        insert(&db, runs).await;
        let numbers = async |filter: &str| {
            let query = query(&format!(r#"{{"filter":{filter},"sort":["execution_number"]}}"#), &FIELDS);
            let page = executions::list(&db, seeded.workspace, &query).await.unwrap();
            page.rows.iter().map(|row| row.execution_number).collect::<Vec<_>>()
        };
        assert_eq!(numbers(r#"{"state":"Pending"}"#).await, [2]);
        assert_eq!(numbers(r#"{"state":"waiting"}"#).await, [] as [i64; 0]);
        assert_eq!(numbers(r#"{"state":{"$in":["Timeout","Queued","Nonsense"]}}"#).await, [1, 3]);
        assert_eq!(numbers(r#"{"state":{"$nin":["Timeout","Nonsense"]}}"#).await, [1, 2]);
        assert_eq!(numbers(r#"{"$not":{"state":"Pending"}}"#).await, [1, 3]);
        assert_eq!(numbers(r#"{"state":{"$like":"%e%"}}"#).await, [1, 2, 3]);
        assert_eq!(numbers(r#"{"state":{"$lt":"Q"}}"#).await, [2]);
        let any_case = query(r#"{"filter":{"state_ui":"pENDING"},"ci":true}"#, &FIELDS);
        assert_eq!(executions::list(&db, seeded.workspace, &any_case).await.unwrap().total, 1);
    })
    .await;
}

#[tokio::test]
async fn a_total_counts_so_many_rows_behind_the_page_and_no_more() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let count = ROWS_COUNTED_MAX as i64 + 30;
        let workflow = workflow(&seeded, "triage");
        let run =
            |number| Begin { row: execution(&workflow, number), queued: None, lines: Vec::new(), now: NOW };
        let begins = RunWrite { begins: (0..count).map(run).collect(), ..RunWrite::default() };
        assert_eq!(RunWriter::new(db.clone()).write(Arc::new(begins)).await.unwrap(), Appended::Written);
        let total = async |offset: i64| {
            let query = query(&format!(r#"{{"limit":10,"offset":{offset}}}"#), &FIELDS);
            let page = executions::list(&db, seeded.workspace, &query).await.unwrap();
            (page.rows.len(), page.total as i64)
        };
        assert_eq!(total(0).await, (10, count - 20));
        assert_eq!(total(15).await, (10, count - 5));
        assert_eq!(total(30).await, (10, count));
        assert_eq!(total(count - 3).await, (3, count));
    })
    .await;
}

#[tokio::test]
async fn the_wish_that_a_run_stop_is_kept_until_it_is_removed() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let mut runs: Vec<_> = (1..=2).map(|number| run(&seeded, number)).collect();
        runs[0].execution.state = ExecutionState::Completed;
        let [first, second] = [0, 1].map(|index| runs[index].execution.id);
        let nobody = ExecutionId::of_name("nobody");
        insert(&db, runs).await;
        let later = NOW.saturating_add(LEASE);
        let wish = async |wishes: Vec<_>| {
            db.write(async move |tx| unwanted_runs::insert(tx, &wishes).await).await.unwrap();
        };
        wish(vec![(first, later), (second, NOW), (nobody, NOW)]).await;
        // The first wish counts.
        wish(vec![(second, later)]).await;
        let listed = async |until| {
            let rows = unwanted_runs::list(&db, until, 10).await.unwrap();
            rows.into_iter()
                .map(|row| (row.id, row.workspace_id, row.tenant_id, row.state))
                .collect::<Vec<_>>()
        };
        let row = |id, state| (id, seeded.workspace, seeded.tenant, state);
        assert_eq!(listed(NOW).await, [row(second, ExecutionState::Queued)]);
        let both = [row(second, ExecutionState::Queued), row(first, ExecutionState::Completed)];
        assert_eq!(listed(later).await, both);
        let contains = async |workspace, id| unwanted_runs::contains(&db, workspace, id).await.unwrap();
        assert!(contains(seeded.workspace, first).await);
        assert!(!contains(seeded.other_workspace, first).await);
        db.write(async move |tx| unwanted_runs::remove(tx, first).await).await.unwrap();
        assert!(!contains(seeded.workspace, first).await);
        assert_eq!(listed(later).await, both[..1]);
    })
    .await;
}

#[tokio::test]
async fn numbers_of_runs_are_given_out_once() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let id = workflow(&seeded, "triage").id;
        let next =
            async |count| db.write(async move |tx| executions::next_numbers(tx, id, count).await).await;
        assert_eq!(next(1).await.unwrap(), 1);
        assert_eq!(next(5).await.unwrap(), 2);
        assert_eq!(next(1).await.unwrap(), 7);
    })
    .await;
}

#[tokio::test]
async fn a_journal_is_read_in_the_order_in_which_it_was_written() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let stored = run(&seeded, 1);
        let id = stored.execution.id;
        insert(&db, vec![stored]).await;
        let written = db.write(async move |tx| {
            let first = journal::append(tx, &line(id, 0, 1)).await?;
            let rest = [
                journal::Append { kind: "step_finished", ..line(id, 0, 2) },
                journal::Append { kind: "finished", body: r#"{"outputs":null}"#, ..line(id, 0, 3) },
            ];
            Ok::<_, StoreError>((first, journal::append_all(tx, &rest).await?.len()))
        });
        assert_eq!(written.await.unwrap(), (Appended::Written, 0));
        let entries = journal::read_all(&db, seeded.workspace, id).await.unwrap();
        let kinds: Vec<_> = entries.iter().map(|entry| (entry.seq, entry.kind.as_str())).collect();
        assert_eq!(kinds, [(1, "step_started"), (2, "step_finished"), (3, "finished")]);
        assert_eq!(entries[2].body, r#"{"outputs":null}"#);
        assert_eq!(journal::read_all(&db, seeded.other_workspace, id).await.unwrap(), []);
        let again = db.write(async move |tx| journal::append(tx, &line(id, 0, 2)).await).await.unwrap_err();
        assert!(again.is_duplicate_of(journal::SEQ_KEY), "{again:?}");
    })
    .await;
}

#[tokio::test]
async fn a_journal_is_read_on_from_a_line_in_bounded_portions() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let run = run(&seeded, 1);
        let (workspace, id) = (seeded.workspace, run.execution.id);
        insert(&db, vec![run]).await;
        // Many short lines, then long ones.
        let count = journal::LINES_AT_A_TIME + 2;
        let body = format!("\"{}\"", "é".repeat(journal::CHARS_AT_A_TIME / 2));
        let appended = db.write(async move |tx| {
            let short = (1..=count).map(|seq| line(id, 0, seq as i64));
            let long =
                (1..=4).map(|seq| journal::Append { body: &body, ..line(id, 0, (count + seq) as i64) });
            Ok::<_, StoreError>(journal::append_all(tx, &short.chain(long).collect::<Vec<_>>()).await?.len())
        });
        assert_eq!(appended.await.unwrap(), 0);
        let read = async |workspace, after| {
            let lines = journal::read_after(&db, workspace, id, after).await.unwrap();
            lines.iter().map(|line| line.seq).collect::<Vec<_>>()
        };
        let (last_short, last) = (count as i64, count as i64 + 4);
        assert_eq!(read(workspace, 0).await, (1..=journal::LINES_AT_A_TIME as i64).collect::<Vec<_>>());
        assert_eq!(read(workspace, last_short - 1).await, [last_short, last_short + 1, last_short + 2]);
        assert_eq!(read(workspace, last_short).await, [last_short + 1, last_short + 2]);
        assert_eq!(read(workspace, last - 1).await, [last]);
        assert_eq!(read(workspace, last).await, [0; 0]);
        assert_eq!(read(seeded.other_workspace, 0).await, [0; 0]);
    })
    .await;
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

#[tokio::test]
async fn one_run_is_found_by_its_key_also_before_the_database_has_statistics() {
    each_database(async |db| {
        for statement in ["executions.get", "executions.state", "executions.outputs", "executions.rename"] {
            let plan = plan_of(&db, statement).await;
            let by_key = ["executions_pkey", "sqlite_autoindex_executions_1"];
            assert!(by_key.iter().any(|index| plan.contains(index)), "{statement}: {plan}");
        }
    })
    .await;
}
