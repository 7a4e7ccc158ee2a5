//! What a read and a write cost, on both databases: `cargo bench -p store`. Prints microseconds; asserts
//! nothing, because the machine decides.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use store::testing::{NOW, connection, each_database, execution, query, seed, workflow};
use store::{Db, StoreError, connections, executions, journal};
use tokio::time::Instant;

#[tokio::main]
async fn main() {
    each_database(async |db| {
        println!("{db:?}");
        let seeded = seed(&db).await;
        let run = execution(&workflow(&seeded, "triage"), 1);
        let id = run.execution.id;
        db.write(async move |tx| {
            executions::insert(tx, &run).await?;
            for number in 0..1000 {
                connections::insert(tx, &connection(&seeded, &format!("c{number}"))).await?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();

        let key = connection(&seeded, "c500").id;
        let get = async |_| connections::get(&db, seeded.workspace, key).await.unwrap().unwrap();
        measure("one connection by key", 20_000, get).await;
        let start = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let db = db.clone();
            tasks.spawn(async move {
                for _ in 0..500 {
                    connections::get(&db, seeded.workspace, key).await.unwrap().unwrap();
                }
            });
        }
        tasks.join_all().await;
        println!("  the same, 64 at a time: {:.1} us each", start.elapsed().as_secs_f64() * 1e6 / 32_000.0);
        let page = query(r#"{"limit":100}"#, &connections::FIELDS);
        let list = async |_| connections::list(&db, seeded.workspace, &page).await.unwrap();
        measure("a page of 100 connections", 500, list).await;

        let append = async |seq: i64| append(&db, id, seq).await;
        measure("one journal line, one writer", 1_000, append).await;
        let append_all = async |round: i64| {
            let body = r#"{"path":"S1","attempt":1,"output":{"verdict":"benign","score":3}}"#;
            let written = db.write(async move |tx| {
                let line = |n| journal::Append {
                    execution_id: id,
                    epoch: 0,
                    seq: 1_000_000_000_000 + round * 64 + n,
                    kind: "step_finished",
                    body,
                    packed: None,
                    created_at: NOW,
                };
                journal::append_all(tx, &(0..64).map(line).collect::<Vec<_>>()).await
            });
            assert!(written.await.unwrap().is_empty());
        };
        measure("64 journal lines in one write", 200, append_all).await;
        for writers in [8, 64, 256] {
            append_at_once(&db, id, writers).await;
        }
    })
    .await;
}

async fn append(db: &Db, execution_id: types::ExecutionId, seq: i64) {
    let written = db.write(async move |tx| {
        let body = r#"{"path":"S1","attempt":1,"output":{"verdict":"benign","score":3}}"#;
        let line = journal::Append {
            execution_id,
            epoch: 0,
            seq,
            kind: "step_finished",
            body,
            packed: None,
            created_at: NOW,
        };
        journal::append(tx, &line).await
    });
    let _ = written.await.unwrap();
}

async fn append_at_once(db: &Db, id: types::ExecutionId, writers: i64) {
    const EACH: i64 = 100;
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..writers {
        let db = db.clone();
        tasks.spawn(async move {
            for number in 0..EACH {
                append(&db, id, (writers * 1_000 + writer) * 10_000 + number).await;
            }
        });
    }
    tasks.join_all().await;
    let each = start.elapsed().as_secs_f64() * 1e6 / (writers * EACH) as f64;
    println!("  one journal line, {writers} writers: {each:.1} us each");
}

async fn measure<T>(what: &str, times: i64, run: impl AsyncFn(i64) -> T) {
    run(0).await;
    let start = Instant::now();
    for number in 1..=times {
        std::hint::black_box(run(number).await);
    }
    println!("  {what}: {:.1} us", start.elapsed().as_secs_f64() * 1e6 / times as f64);
}
