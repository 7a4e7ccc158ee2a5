//! The runs of the past.

use std::sync::Arc;

use store::executions::{self, ExecutionState, FullExecution};
use store::files::{self, File, NewFile};
use store::history::{self, BYTES_A_BATCH, Place, Purged, ROWS_A_BATCH, RUNS_A_BATCH};
use store::journal::{self, Append, Appended};
use store::runs::{RunWrite, RunWriter};
use store::testing::{NOW, Seeded, each_database, execution, plan_of, seed, workflow};
use store::{Db, StoreError};
use types::{ExecutionId, FileId, Timestamp};

const END_OF_TIME: Timestamp = Timestamp::from_millis(i64::MAX);

fn beginning() -> Place {
    Place::at(Timestamp::from_millis(i64::MIN))
}

/// A run that was accepted and ended at second `number`.
fn ended_run(seeded: &Seeded, number: i64) -> FullExecution {
    let mut run = execution(&workflow(seeded, "triage"), number);
    let at = Timestamp::from_millis(number * 1_000);
    run.execution.created_at = at;
    run.execution.finished_at = Some(at);
    run.execution.state = ExecutionState::Completed;
    run
}

async fn store_runs(db: &Db, runs: Vec<FullExecution>, lines: i64) {
    let stored: Result<(), StoreError> = db
        .write(async move |tx| {
            for run in &runs {
                executions::insert(tx, run).await?;
                for seq in 1..=lines {
                    let line = Append {
                        execution_id: run.execution.id,
                        epoch: 0,
                        seq,
                        kind: "step_started",
                        body: "{}",
                        packed: None,
                        created_at: NOW,
                    };
                    assert_eq!(journal::append(tx, &line).await?, Appended::Written);
                }
            }
            Ok(())
        })
        .await;
    stored.unwrap();
}

async fn ids_ended(db: &Db, seeded: &Seeded, last: Place, before: Timestamp) -> Vec<ExecutionId> {
    let found = history::ended(db, seeded.workspace, beginning(), last, before).await.unwrap();
    found.iter().map(|place| place.id).collect()
}

async fn hide(db: &Db, seeded: &Seeded, ids: Vec<ExecutionId>) -> usize {
    let workspace = seeded.workspace;
    db.write(async move |tx| history::hide(tx, workspace, &ids, NOW).await).await.unwrap()
}

async fn purge(db: &Db) -> Purged {
    db.write(async |tx| history::purge(tx).await).await.unwrap()
}

async fn is_there(db: &Db, run: &FullExecution) -> bool {
    executions::get(db, run.execution.workspace_id, run.execution.id).await.unwrap().is_some()
}

#[tokio::test]
async fn runs_that_ended_before_a_time_are_told_and_those_of_another_workspace_are_not() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let runs: Vec<_> = (1..=4).map(|number| ended_run(&seeded, number)).collect();
        let mut other = ended_run(&seeded, 9);
        other.execution.workspace_id = seeded.other_workspace;
        other.execution.created_at = runs[0].execution.created_at;
        other.execution.finished_at = runs[0].execution.finished_at;
        store_runs(&db, [runs.clone(), vec![other.clone()]].concat(), 1).await;

        let before = Timestamp::from_millis(3_000);
        let found = ids_ended(&db, &seeded, Place::at(before), before).await;
        assert_eq!(found, [runs[0].execution.id, runs[1].execution.id]);
        // Not even when it is asked for by its id.
        let asked = [found, vec![other.execution.id]].concat();
        assert_eq!(hide(&db, &seeded, asked).await, 2);
        for (run, kept) in [(&runs[0], false), (&runs[1], false), (&runs[2], true), (&other, true)] {
            assert_eq!(is_there(&db, run).await, kept, "{}", run.execution.execution_number);
        }
    })
    .await;
}

#[tokio::test]
async fn the_newest_runs_are_kept_and_one_that_has_not_ended_is_whatever_its_age() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let mut runs: Vec<_> = (1..=5).map(|number| ended_run(&seeded, number)).collect();
        runs[0].execution.state = ExecutionState::Running;
        runs[0].execution.finished_at = None;
        // Its caller, which may still ask for the outcome.
        runs[1].execution.parent_execution_id = Some(runs[0].execution.id);
        store_runs(&db, runs.clone(), 1).await;

        assert_eq!(history::beyond(&db, seeded.workspace, 5).await.unwrap(), None);
        let last = history::beyond(&db, seeded.workspace, 2).await.unwrap().unwrap();
        assert_eq!(last.id, runs[2].execution.id);
        assert_eq!(ids_ended(&db, &seeded, last, END_OF_TIME).await, [runs[2].execution.id]);
        assert_eq!(hide(&db, &seeded, vec![runs[0].execution.id]).await, 0);
        assert_eq!(purge(&db).await, Purged::default());
        assert!(is_there(&db, &runs[0]).await);
    })
    .await;
}

#[tokio::test]
async fn a_batch_has_a_bound_and_a_long_journal_goes_in_pieces_out_of_sight() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let long = ended_run(&seeded, 1);
        store_runs(&db, vec![long.clone()], ROWS_A_BATCH + 1).await;
        store_runs(&db, (2..RUNS_A_BATCH + 9).map(|number| ended_run(&seeded, number)).collect(), 0).await;
        let last = Place::at(END_OF_TIME);
        let found = ids_ended(&db, &seeded, last, END_OF_TIME).await;
        assert_eq!(found.len() as i64, RUNS_A_BATCH);

        assert_eq!(hide(&db, &seeded, found.clone()).await, found.len());
        assert!(!is_there(&db, &long).await);
        assert_eq!(journal::read_all(&db, seeded.workspace, long.execution.id).await.unwrap(), []);
        let full = purge(&db).await;
        assert_eq!(full.rows, ROWS_A_BATCH);
        let rest = purge(&db).await;
        assert_eq!((rest.rows, (full.runs + rest.runs) as i64), (1, RUNS_A_BATCH));
        assert_eq!(purge(&db).await, Purged::default());
        assert_eq!(ids_ended(&db, &seeded, last, END_OF_TIME).await.len(), 8);
    })
    .await;
}

#[tokio::test]
async fn a_batch_has_a_bound_of_bytes_and_files_go_with_their_run() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let (run, other) = (ended_run(&seeded, 1), ended_run(&seeded, 2));
        store_runs(&db, vec![run.clone(), other.clone()], 3).await;
        let of = |run: &FullExecution, bytes: i64, name: &str| NewFile {
            workspace: seeded.workspace,
            execution: run.execution.id,
            file: File {
                id: FileId::of_name(name),
                path: "S1".to_owned(),
                name: name.to_owned(),
                content_type: "text/plain".to_owned(),
                size_bytes: bytes,
                created_at: NOW,
            },
            json: "\"x\"".to_owned(),
        };
        let kept = [of(&run, BYTES_A_BATCH, "a"), of(&run, 2, "b"), of(&other, 2, "c")];
        let write = RunWrite { files: kept.to_vec(), ..RunWrite::default() };
        assert_eq!(RunWriter::new(db.clone()).write(Arc::new(write)).await.unwrap(), Appended::Written);

        assert_eq!(hide(&db, &seeded, vec![run.execution.id]).await, 1);
        let mut all = Purged::default();
        loop {
            let purged = purge(&db).await;
            if purged == Purged::default() {
                break;
            }
            assert!(purged.bytes < 2 * BYTES_A_BATCH, "{purged:?}");
            all.rows += purged.rows;
            all.runs += purged.runs;
        }
        assert_eq!((all.rows, all.runs), (3 + 2, 1));
        let left = files::list(&db, seeded.workspace, run.execution.id, (10, 0)).await.unwrap();
        assert_eq!(left, (0, vec![]));
        let (others, _) = files::list(&db, seeded.workspace, other.execution.id, (10, 0)).await.unwrap();
        assert_eq!(others, 1);
        assert_eq!(journal::read_all(&db, seeded.workspace, other.execution.id).await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn what_is_to_be_deleted_is_found_by_an_index() {
    each_database(async |db| {
        for statement in ["executions.ended", "executions.nth_newest"] {
            let plan = plan_of(&db, statement).await;
            assert!(plan.contains("executions_created"), "{statement}: {plan}");
        }
        for statement in ["journal.sizes", "journal.delete"] {
            let plan = plan_of(&db, statement).await;
            let by_key = ["journal_pkey", "sqlite_autoindex_journal_1"];
            assert!(by_key.iter().any(|index| plan.contains(index)), "{statement}: {plan}");
        }
    })
    .await;
}
