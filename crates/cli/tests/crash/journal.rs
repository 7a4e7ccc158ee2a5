//! What a dead server left: its journals, read straight from the database, and what they say is finished.

use std::collections::{BTreeMap, BTreeSet};

use engine::Entry;
use store::{Db, Options, Read as _, Sql};

/// The journals of all runs: run -> its lines in order.
#[derive(Debug, Default)]
pub(crate) struct Journals(BTreeMap<String, Vec<String>>);

impl Journals {
    /// Reads them. No server may be running on an embedded database.
    pub(crate) async fn read(url: &str) -> Self {
        let db = Db::open(&url.parse().unwrap(), &Options::default()).await.unwrap();
        let mut runs: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let text = "SELECT execution_id, body FROM journal ORDER BY execution_id, seq";
        db.fetch(Sql::Dynamic { name: "journal.everything", text }, &[], |row| {
            runs.entry(row.string(0)?).or_default().push(row.string(1)?);
            Ok(())
        })
        .await
        .unwrap();
        db.close().await;
        Self(runs)
    }

    pub(crate) fn has(&self, run: &str) -> bool {
        self.0.contains_key(run)
    }

    /// Asserts that whatever `self` has stands unchanged in `later`.
    pub(crate) fn stays_in(&self, later: &Self) {
        for (run, lines) in &self.0 {
            let kept = later.0.get(run).unwrap_or_else(|| panic!("the journal of run `{run}` is gone"));
            assert!(kept.starts_with(lines), "the journal of run `{run}` changed: {lines:?} -> {kept:?}");
        }
    }

    /// The addresses that finished steps had called.
    pub(crate) fn finished_urls(&self) -> BTreeSet<String> {
        self.0.values().flat_map(|lines| finished(lines)).collect()
    }
}

fn entries(lines: &[String]) -> impl Iterator<Item = Entry> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap())
}

/// Step's path -> its address.
fn started(lines: &[String]) -> BTreeMap<String, String> {
    let url = |inputs: expr::Value| inputs.to_json()["url"].as_str().unwrap().to_owned();
    let url_of = |entry| match entry {
        Entry::StepStarted { path, inputs, .. } => Some((path, url(inputs))),
        _ => None,
    };
    entries(lines).filter_map(url_of).collect()
}

fn finished(lines: &[String]) -> Vec<String> {
    let urls = started(lines);
    let path_of = |entry| match entry {
        Entry::StepFinished(step) if step.attempt > 0 => Some(step.path),
        _ => None,
    };
    entries(lines).filter_map(path_of).map(|path| urls[&path].clone()).collect()
}
