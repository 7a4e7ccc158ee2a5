//! Runs: what is stored of them, how they are listed and counted.

use std::sync::Arc;
use std::time::Duration;

use store::executions::{self, ExecutionState, FIELDS, FullExecution, Outcome};
use store::journal::{Append, Appended};
use store::runs::{Begin, RunWrite, RunWriter};
use store::testing::{NOW, Seeded, completed, each_database, execution, plan_of, query, seed, workflow};
use store::{Db, ROWS_COUNTED_MAX, StoreError, unwanted_runs};
use types::ExecutionId;

const LEASE: Duration = Duration::from_secs(10);

pub(crate) async fn insert(db: &Db, runs: Vec<FullExecution>) {
    let stored = db.write(async move |tx| {
        for run in &runs {
            executions::insert(tx, run).await?;
        }
        Ok::<_, StoreError>(())
    });
    stored.await.unwrap();
}

pub(crate) fn run(seeded: &Seeded, number: i64) -> FullExecution {
    execution(&workflow(seeded, "triage"), number)
}

pub(crate) fn line(id: ExecutionId, epoch: i64, seq: i64) -> Append<'static> {
    Append {
        execution_id: id,
        epoch,
        seq,
        kind: "step_started",
        body: r#"{"path":"S1"}"#,
        packed: None,
        created_at: NOW,
    }
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
            outputs: Some(r#"{"verdict":"benign"}"#.to_owned()),
            step_results: r#"{"S1":2}"#.to_owned(),
            net_runtime_ms: 12,
            ..completed()
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
