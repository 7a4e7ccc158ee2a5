//! What runs write, many at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use store::executions::{self, ExecutionState, FullExecution, Outcome};
use store::journal::{self, Appended};
use store::keyed_runs::Key;
use store::queued_runs::{self, QueuedRun};
use store::runs::{self, Begin, Line, Progress, RunWrite, RunWriter};
use store::testing::{NOW, Seeded, completed, each_database, execution, seed, workflow};
use store::{Db, StoreError};
use tokio::task::JoinSet;
use types::ExecutionId;

fn begin(seeded: &Seeded, name: &str, number: i64, lines: usize) -> Begin {
    let row = execution(&workflow(seeded, name), number);
    let lines = (0..lines).map(|line| Line::new("step_started", format!(r#"{{"line":{line}}}"#))).collect();
    Begin { row, queued: None, lines, now: NOW }
}

fn begins(begin: Begin) -> RunWrite {
    RunWrite { begins: vec![begin], ..RunWrite::default() }
}

fn goes_on(run: &FullExecution, epoch: i64, first_seq: i64, lines: usize) -> RunWrite {
    let lines = vec![Line::new("step_finished", "{}".to_owned()); lines];
    let progress = Progress {
        id: run.execution.id,
        epoch,
        first_seq,
        lines,
        was_queued: false,
        outcome: None,
        now: NOW,
    };
    RunWrite { progress: Some(progress), ..RunWrite::default() }
}

async fn seqs(db: &Db, seeded: &Seeded, id: ExecutionId) -> Vec<i64> {
    let lines = journal::read_all(db, seeded.workspace, id).await.unwrap();
    lines.iter().map(|line| line.seq).collect()
}

#[tokio::test]
async fn runs_that_begin_at_once_get_numbers_of_their_own_and_all_their_lines() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let writer = RunWriter::new(db.clone());
        let mut tasks = JoinSet::new();
        let mut ids = Vec::new();
        for number in 0..150 {
            let name = ["triage", "enrich", "report"][number as usize % 3];
            let begin = begin(&seeded, name, number, number as usize % 5);
            ids.push((begin.row.execution.id, begin.row.execution.workflow_id, number as usize % 5));
            let writer = writer.clone();
            tasks.spawn(async move { writer.write(Arc::new(begins(begin))).await });
        }
        for answer in tasks.join_all().await {
            assert_eq!(answer.unwrap(), Appended::Written);
        }
        let mut numbers = BTreeSet::new();
        for (id, workflow, lines) in ids {
            let row = executions::get(&db, seeded.workspace, id).await.unwrap().unwrap();
            assert!(numbers.insert((workflow, row.execution.execution_number)));
            assert_eq!(seqs(&db, &seeded, id).await, (1..=lines as i64).collect::<Vec<_>>());
        }
        assert!(numbers.iter().all(|(_, number)| (1..=50).contains(number)), "{numbers:?}");
    })
    .await;
}

#[tokio::test]
async fn one_that_is_fenced_or_refused_disturbs_no_other() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let writer = RunWriter::new(db.clone());
        let begun: Vec<Begin> = (0..4).map(|number| begin(&seeded, "triage", number, 1)).collect();
        for begin in &begun {
            assert_eq!(writer.write(Arc::new(begins(begin.clone()))).await.unwrap(), Appended::Written);
        }
        let [sound, taken, doubled, ended] = [0, 1, 2, 3].map(|index| begun[index].row.clone());
        // Nothing of a write goes in whose run has another owner: neither its lines nor the run that it begins.
        let child = begin(&seeded, "triage", 9, 2);
        let child_id = child.row.execution.id;
        let fenced = RunWrite { begins: vec![child], ..goes_on(&taken, taken.owner_epoch + 1, 2, 3) };
        let outcome = Outcome { outputs: Some("{}".to_owned()), net_runtime_ms: 5, ..completed() };
        let mut ends = goes_on(&ended, ended.owner_epoch, 2, 1);
        ends.progress.as_mut().unwrap().outcome = Some(outcome);
        let writes = [
            goes_on(&sound, sound.owner_epoch, 2, 3),
            fenced,
            goes_on(&doubled, doubled.owner_epoch, 1, 1),
            ends,
            RunWrite::default(),
        ];
        let mut tasks = JoinSet::new();
        for (index, write) in writes.into_iter().enumerate() {
            let writer = writer.clone();
            tasks.spawn(async move { (index, writer.write(Arc::new(write)).await) });
        }
        let mut answers = tasks.join_all().await;
        answers.sort_by_key(|(index, _)| *index);
        let said: Vec<_> = answers
            .into_iter()
            .map(|(_, answer)| match answer {
                Ok(appended) => format!("{appended:?}"),
                Err(error @ StoreError::Duplicate { .. }) => error.to_string(),
                Err(error) => panic!("{error}"),
            })
            .collect();
        let double = "a row with the same `journal_pkey` exists";
        assert_eq!(said, ["Written", "Fenced", double, "Written", "Written"]);

        assert_eq!(seqs(&db, &seeded, sound.execution.id).await, [1, 2, 3, 4]);
        assert_eq!(seqs(&db, &seeded, taken.execution.id).await, [1]);
        assert!(executions::get(&db, seeded.workspace, child_id).await.unwrap().is_none());
        let row = executions::get(&db, seeded.workspace, ended.execution.id).await.unwrap().unwrap();
        assert_eq!((row.execution.state, row.execution.net_runtime_ms), (ExecutionState::Completed, 5));
    })
    .await;
}

#[tokio::test]
async fn what_a_queued_run_needs_is_there_until_it_begins() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let row = execution(&workflow(&seeded, "triage"), 1);
        let id = row.execution.id;
        let queued = QueuedRun {
            metadata: r#"{"user_email":"ada@acme.example"}"#.to_owned(),
            run_time_ms: 7,
            begins_at: None,
            key: None,
        };
        let begin = Begin { row: row.clone(), queued: Some(queued.clone()), lines: Vec::new(), now: NOW };
        let writer = RunWriter::new(db.clone());
        assert_eq!(writer.write(Arc::new(begins(begin))).await.unwrap(), Appended::Written);
        let found = async |workspace| queued_runs::get(&db, workspace, id).await.unwrap();
        assert_eq!(found(seeded.workspace).await, Some(queued));
        assert_eq!(found(seeded.other_workspace).await, None);
        let progress = Progress {
            id,
            epoch: row.owner_epoch,
            first_seq: 1,
            lines: vec![Line::new("started", "{}".to_owned())],
            was_queued: true,
            outcome: None,
            now: NOW,
        };
        let write = RunWrite { progress: Some(progress), ..RunWrite::default() };
        assert_eq!(writer.write(Arc::new(write)).await.unwrap(), Appended::Written);
        assert_eq!(found(seeded.workspace).await, None);
    })
    .await;
}

/// How often writes wait for the database, of which each workflow that a run begins of asks for numbers of its own.
#[tokio::test]
async fn a_commit_asks_who_owns_its_runs_then_for_numbers_and_then_says_all_it_has_to_say() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let waits = async |writes: Vec<RunWrite>| {
            let waited = db.write(async move |tx| {
                let writes: Vec<&RunWrite> = writes.iter().collect();
                let answers = runs::write_all(tx, &writes).await?;
                assert!(answers.iter().all(|answer| *answer == Appended::Written));
                Ok::<_, StoreError>(tx.waits())
            });
            waited.await.unwrap()
        };
        let started: Vec<Begin> = (0..40).map(|number| begin(&seeded, "triage", number, 3)).collect();
        let rows: Vec<FullExecution> = started.iter().map(|begin| begin.row.clone()).collect();
        assert_eq!(waits(started.into_iter().map(begins).collect()).await, 2);

        // The end of one effect and the start of the next, of many runs.
        let steps = rows.iter().map(|row| goes_on(row, 0, 4, 2)).collect();
        assert_eq!(waits(steps).await, 2);
        // One line alone says who owns the run, too.
        assert_eq!(waits(vec![goes_on(&rows[0], 0, 6, 1)]).await, 1);

        // Ends, called and queued runs, files, audit entries, wishes: nothing of it asks by itself.
        let mut whole = goes_on(&rows[1], 0, 6, 2);
        let mut called = begin(&seeded, "triage", 50, 0);
        let key = Some(Key { workflow: called.row.execution.workflow_id, text: "k".to_owned() });
        let queued = QueuedRun { metadata: "{}".to_owned(), run_time_ms: 1, begins_at: None, key };
        called.queued = Some(queued);
        whole.begins = vec![called, begin(&seeded, "triage", 51, 1)];
        whole.unwanted = vec![(rows[2].execution.id, NOW), (rows[3].execution.id, NOW)];
        whole.progress.as_mut().unwrap().outcome = Some(completed());
        assert_eq!(waits(vec![whole, goes_on(&rows[4], 0, 6, 3)]).await, 3);
        assert_eq!(waits(Vec::new()).await, 0);
    })
    .await;
}
