//! Lines of the journal: their order, and what is read at a time.

use store::StoreError;
use store::journal::{self, Appended};
use store::testing::{each_database, seed};

use crate::executions::{insert, line, run};

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
