//! Large bodies of the journal's lines: compressed beside it, told from it as if they stood there.

use std::sync::Arc;

use store::executions::{self, FullExecution};
use store::history::{self, BYTES_A_BATCH};
use store::journal::{self, Appended, Entry};
use store::runs::{BODY_BYTES_MAX, Begin, Line, Progress, RunWrite, RunWriter};
use store::testing::{NOW, Seeded, completed, each_database, execution, plan_of, seed, workflow};
use store::{Db, Read as _, Statement, StoreError};

static STORED: Statement = Statement::new(
    "journal.stored",
    "SELECT j.seq, LENGTH(j.body), COALESCE(b.size_bytes, 0), COALESCE(OCTET_LENGTH(b.packed), 0)
     FROM journal j LEFT JOIN journal_bodies b ON b.execution_id = j.execution_id AND b.seq = j.seq
     WHERE j.execution_id = $1 ORDER BY j.seq",
);
static BODIES: Statement =
    Statement::new("journal_bodies.count", "SELECT COUNT(*) FROM journal_bodies WHERE execution_id = $1");
static DAMAGE: Statement = Statement::new(
    "journal_bodies.damage",
    "UPDATE journal_bodies SET size_bytes = size_bytes + 1 WHERE execution_id = $1",
);
static LOSE: Statement =
    Statement::new("journal_bodies.lose", "DELETE FROM journal_bodies WHERE execution_id = $1");

/// JSON of so many bytes that does not compress to nothing.
fn json(bytes: usize) -> String {
    let mut state = 1_u64;
    let text = (0..bytes - 2).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap())
    });
    format!("\"{}\"", text.collect::<String>())
}

/// A run with lines of these bodies, of which the first two stand in its first commit.
async fn run_of(db: &Db, seeded: &Seeded, bodies: &[String]) -> FullExecution {
    let run = execution(&workflow(seeded, "triage"), 1);
    let line = |json: &String| Line::new("step_finished", json.clone());
    let writer = RunWriter::new(db.clone());
    let (first, rest) = bodies.split_at(2.min(bodies.len()));
    let begin = Begin { row: run.clone(), queued: None, lines: first.iter().map(line).collect(), now: NOW };
    let begun = RunWrite { begins: vec![begin], ..RunWrite::default() };
    assert_eq!(writer.write(Arc::new(begun)).await.unwrap(), Appended::Written);
    let progress = Progress {
        id: run.execution.id,
        epoch: run.owner_epoch,
        first_seq: 3,
        lines: rest.iter().map(line).collect(),
        was_queued: false,
        outcome: None,
        now: NOW,
    };
    let goes_on = RunWrite { progress: Some(progress), ..RunWrite::default() };
    assert_eq!(writer.write(Arc::new(goes_on)).await.unwrap(), Appended::Written);
    run
}

async fn read(db: &Db, run: &FullExecution) -> Result<Vec<Entry>, StoreError> {
    journal::read_all(db, run.execution.workspace_id, run.execution.id).await
}

async fn change(db: &Db, run: &FullExecution, statement: &'static Statement) {
    let id = run.execution.id;
    db.write(async move |tx| tx.execute(statement, &[id.into()]).await).await.unwrap();
}

#[tokio::test]
async fn a_large_body_is_kept_beside_the_journal_and_told_as_it_was() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let sizes = [BODY_BYTES_MAX, BODY_BYTES_MAX + 1, 300_000, 2, 2_000_000];
        let bodies: Vec<String> = sizes.iter().map(|bytes| json(*bytes)).collect();
        let run = run_of(&db, &seeded, &bodies).await;

        let told: Vec<String> = read(&db, &run).await.unwrap().into_iter().map(|line| line.body).collect();
        assert!(told == bodies);
        // In pieces too, none of which is larger than it may be.
        let (mut after, mut pieces) = (0, Vec::new());
        loop {
            let piece = journal::read_after(&db, seeded.workspace, run.execution.id, after).await.unwrap();
            let Some(last) = piece.last() else { break };
            after = last.seq;
            pieces.push(piece.iter().map(|line| line.body.len()).collect::<Vec<_>>());
        }
        assert_eq!(pieces, [sizes.to_vec()]);

        let params = [run.execution.id.into()];
        let stored =
            db.read_all(&STORED, &params, |row| Ok([row.int(1)?, row.int(2)?, row.int(3)?])).await.unwrap();
        let inline: Vec<i64> = stored.iter().map(|[inline, ..]| *inline).collect();
        assert_eq!(inline, [BODY_BYTES_MAX as i64, 0, 0, 2, 0]);
        let size: Vec<i64> = stored.iter().map(|[_, size, _]| *size).collect();
        assert_eq!(size, [0, BODY_BYTES_MAX as i64 + 1, 300_000, 0, 2_000_000]);
        assert!(stored.iter().all(|[_, size, packed]| packed <= size), "{stored:?}");
    })
    .await;
}

#[tokio::test]
async fn a_fenced_owner_leaves_no_body_behind() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let run = run_of(&db, &seeded, &[json(2), json(3), json(20_000)]).await;
        let progress = Progress {
            id: run.execution.id,
            epoch: run.owner_epoch + 1,
            first_seq: 4,
            lines: vec![Line::new("step_finished", json(20_000)); 2],
            was_queued: false,
            outcome: None,
            now: NOW,
        };
        let late = RunWrite { progress: Some(progress), ..RunWrite::default() };
        assert_eq!(RunWriter::new(db.clone()).write(Arc::new(late)).await.unwrap(), Appended::Fenced);
        let count = db.read_one(&BODIES, &[run.execution.id.into()], |row| row.int(0)).await.unwrap();
        assert_eq!(count, Some(1));
    })
    .await;
}

#[tokio::test]
async fn a_body_that_was_damaged_or_lost_is_named() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let run = run_of(&db, &seeded, &[json(2), json(20_000)]).await;
        change(&db, &run, &DAMAGE).await;
        let error = read(&db, &run).await.unwrap_err().to_string();
        assert!(error.contains("`packed`") && error.contains("20001 bytes"), "{error}");
        change(&db, &run, &LOSE).await;
        let error = read(&db, &run).await.unwrap_err().to_string();
        assert!(error.contains("`packed`") && error.contains("is absent"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn bodies_go_with_their_run_and_count_in_the_size_of_a_batch() {
    each_database(async |db| {
        let seeded = seed(&db).await;
        let run = run_of(&db, &seeded, &vec![json(2_000_000); 20]).await;
        let (id, workspace, epoch) = (run.execution.id, seeded.workspace, run.owner_epoch);
        let hidden = db.write(async move |tx| {
            executions::set_outcome(tx, id, epoch, &completed(), NOW).await?;
            history::hide(tx, workspace, &[id], NOW).await
        });
        assert_eq!(hidden.await.unwrap(), 1);
        let (mut batches, mut runs) = (0, 0);
        while runs == 0 {
            let purged = db.write(async |tx| history::purge(tx).await).await.unwrap();
            assert!(purged.bytes < BYTES_A_BATCH + 2_000_000, "{purged:?}");
            (batches, runs) = (batches + 1, purged.runs);
        }
        let count = db.read_one(&BODIES, &[id.into()], |row| row.int(0)).await.unwrap();
        assert_eq!(count, Some(0));
        assert!(batches > 1, "all of it went at once");
    })
    .await;
}

#[tokio::test]
async fn bodies_are_found_by_their_key() {
    each_database(async |db| {
        for statement in ["journal.read_all", "journal.read_after", "journal_bodies.delete"] {
            let plan = plan_of(&db, statement).await;
            let by_key = ["journal_bodies_pkey", "sqlite_autoindex_journal_bodies_1"];
            assert!(by_key.iter().any(|index| plan.contains(index)), "{statement}: {plan}");
        }
    })
    .await;
}
