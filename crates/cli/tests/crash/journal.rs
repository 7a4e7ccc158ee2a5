//! What servers have written, read straight from the database: journals and audit log.

use std::collections::BTreeMap;

use engine::Entry;
use serde_json::Value;
use store::{Db, Options, Read as _, Sql};

/// A step of a run: the run's id and the step's path.
pub(crate) type StepKey = (String, String);

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) seq: i64,
    pub(crate) body: String,
}

impl Line {
    pub(crate) fn entry(&self) -> Entry {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What was written at some time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journals {
    /// Run -> its lines in order.
    pub(crate) runs: BTreeMap<String, Vec<Line>>,
    /// Hand-outs of connections that the audit log knows: to which attempt of which step.
    pub(crate) granted: Vec<(StepKey, u64)>,
    /// The same for uses that runners reported.
    pub(crate) used: Vec<(StepKey, u64)>,
    /// Workflow -> the numbers of its runs, in order.
    pub(crate) numbers: BTreeMap<String, Vec<i64>>,
}

impl Journals {
    /// Reads them. No server may be running on an embedded database.
    pub(crate) async fn read(url: &str) -> Self {
        let db = Db::open(&url.parse().unwrap(), &Options::default()).await.unwrap();
        let mut all = Self::default();
        let text = "SELECT execution_id, seq, body FROM journal ORDER BY execution_id, seq";
        db.fetch(Sql::Dynamic { name: "journal.everything", text }, &[], |row| {
            let line = Line { seq: row.int(1)?, body: row.string(2)? };
            all.runs.entry(row.string(0)?).or_default().push(line);
            Ok(())
        })
        .await
        .unwrap();
        let text = "SELECT action, actor_id, details FROM audit_log WHERE actor_type = 'execution'";
        db.fetch(Sql::Dynamic { name: "audit.everything", text }, &[], |row| {
            let details: Value = serde_json::from_str(&row.string(2)?).unwrap();
            let step = (row.string(1)?, details["path"].as_str().unwrap_or_default().to_owned());
            let attempt = details["attempt"].as_u64().unwrap_or_default();
            match row.string(0)?.as_str() {
                "connection.granted" => all.granted.push((step, attempt)),
                "connection.used" => all.used.push((step, attempt)),
                _ => {}
            }
            Ok(())
        })
        .await
        .unwrap();
        let text =
            "SELECT workflow_id, execution_number FROM executions ORDER BY workflow_id, execution_number";
        db.fetch(Sql::Dynamic { name: "executions.numbers", text }, &[], |row| {
            all.numbers.entry(row.string(0)?).or_default().push(row.int(1)?);
            Ok(())
        })
        .await
        .unwrap();
        db.close().await;
        all
    }

    /// Asserts that whatever `self` has stands unchanged in `later`.
    pub(crate) fn stays_in(&self, later: &Self) {
        for (run, lines) in &self.runs {
            let kept = later.runs.get(run).unwrap_or_else(|| panic!("the journal of run `{run}` is gone"));
            assert!(kept.starts_with(lines), "the journal of run `{run}` changed: {lines:?} -> {kept:?}");
        }
    }

    /// The journal of a run, for people.
    pub(crate) fn shown(&self, run: &str) -> String {
        let lines = self.runs.get(run).map(Vec::as_slice).unwrap_or_default();
        lines.iter().map(|line| format!("{:>5} {}\n", line.seq, line.body)).collect()
    }
}
