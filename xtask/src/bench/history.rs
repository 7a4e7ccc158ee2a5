//! How costs grow with the history: runs and lists on a database that has kept a thousand, a hundred thousand and a
//! million runs. The history is made of copies of one real run, by SQL, while no server runs.

use std::path::Path;
use std::process::Command;

use crate::failure::{Context, Failure, Outcome};
use crate::http;
use crate::shell;
use crate::stopwatch::Stopwatch;

use super::database::Database;
use super::runs::{Bench, Row};
use crate::process::{Product, WORKSPACE_ID, success};

/// Runs in the history, one size after the other.
const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
/// Copies that one statement makes.
const COPIES: usize = 100_000;
/// Workflows that the copies are spread over.
const WORKFLOWS: usize = 10;
/// Milliseconds between the starts of two runs of the history.
const APART_MS: usize = 1_000;
/// How often each list is asked for.
const ASKED: usize = 60;

/// What runs and lists cost at each size.
pub(crate) fn measure(
    product: &Product,
    database: &Database,
    folder: &Path,
    seconds: u32,
) -> Outcome<Vec<Row>> {
    let bench = Bench { product, folder, seconds, flushed_write_ms: 0.0 };
    let server = product.start()?;
    let workflow = bench.pure()?;
    drop(server);
    let history = History { database, workflow: last_segment(&workflow) };
    let mut rows = Vec::new();
    let (mut made, mut first_us) = (0, None);
    for size in SIZES {
        history.grow(made, size)?;
        made = size;
        let server = product.start()?;
        let per_second = bench.runs_per_second(&workflow)?;
        let us = 1e6 / per_second;
        let first = *first_us.get_or_insert(us);
        rows.push((
            format!("a run, 64 at a time, with {size} runs of history"),
            format!("{us:.0} us, {:.2} of the first", us / first),
        ));
        for (what, q) in lists(&history.workflow, size) {
            rows.push((format!("{what}, with {size} runs"), list_p95(product, &q)?));
        }
        drop(server);
    }
    Ok(rows)
}

/// What people look for. The rare state is one run in ten thousand.
fn lists(workflow: &str, size: usize) -> Vec<(&'static str, String)> {
    let first_ms = FIRST_MS + size / 2 * APART_MS;
    let by = |filter: &str| format!(r#"{{"filter":{{{filter}}},"sort":["-started_at"],"limit":50}}"#);
    vec![
        ("p95 of the newest runs", r#"{"limit":50}"#.to_owned()),
        ("p95 of a workflow's runs", by(&format!(r#""playbook_id":"{workflow}""#))),
        (
            "p95 of a workflow's runs of one state since a time",
            by(&format!(
                r#""playbook_id":"{workflow}","state":"Completed","started_at":{{"$gte":{first_ms}}}"#
            )),
        ),
        ("p95 of the runs of a rare state", by(r#""state":"Failed""#)),
        (
            "p95 of a workflow's runs of a rare state",
            by(&format!(r#""playbook_id":"{workflow}","state":"Failed""#)),
        ),
    ]
}

/// Milliseconds since the epoch at which the history begins: 2024.
const FIRST_MS: usize = 1_704_067_200_000;

fn list_p95(product: &Product, q: &str) -> Outcome<String> {
    let path = format!("/api/v1/workspace/{WORKSPACE_ID}/executions?q={}", http::encoded(q));
    let mut times = Vec::with_capacity(ASKED);
    for _ in 0..ASKED {
        let stopwatch = Stopwatch::start();
        success(&path, product.client().get(&path)?)?;
        times.push(stopwatch.elapsed_ms());
    }
    times.sort_by(f64::total_cmp);
    let p95 = times.get(ASKED * 95 / 100).copied().unwrap_or_default();
    Ok(format!("{p95:.1} ms"))
}

fn last_segment(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

struct History<'h> {
    database: &'h Database,
    workflow: String,
}

impl History<'_> {
    /// Copies the workflow's first run, and its journal, so often that there are `to` copies, of which `from` are there.
    fn grow(&self, from: usize, to: usize) -> Outcome {
        let mut next = from;
        while next < to {
            let until = to.min(next + COPIES);
            for table in ["executions", "journal"] {
                self.run(&self.copy(table, next + 1, until)?)?;
            }
            next = until;
        }
        if let Database::Postgres(_) = self.database {
            // What its own housekeeping does within minutes.
            self.run("VACUUM ANALYZE executions, journal")?;
            self.run("CHECKPOINT")?;
        }
        // What was copied must not be on its way to the disk while something is measured.
        shell::run(&mut Command::new("sync"))
    }

    fn copy(&self, table: &str, from: usize, to: usize) -> Outcome<String> {
        let columns = self.columns(table)?;
        let values: Vec<String> = columns.iter().map(|column| value(column)).collect();
        let template = format!(
            "SELECT id FROM executions WHERE workflow_id = '{}' AND execution_number = 1 LIMIT 1",
            self.workflow
        );
        let key = if table == "executions" { "id" } else { "execution_id" };
        Ok(format!(
            "INSERT INTO {table} ({}) WITH RECURSIVE copies(n) AS \
             (SELECT {from} UNION ALL SELECT n + 1 FROM copies WHERE n < {to}) \
             SELECT {} FROM copies CROSS JOIN {table} t WHERE t.{key} = ({template})",
            columns.join(", "),
            values.join(", ")
        ))
    }

    fn columns(&self, table: &str) -> Outcome<Vec<String>> {
        let sql = match self.database {
            Database::Sqlite(_) => format!("SELECT name FROM pragma_table_info('{table}')"),
            Database::Postgres(_) => {
                format!("SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'")
            }
        };
        let columns: Vec<String> = self.run(&sql)?.lines().map(str::to_owned).collect();
        if columns.is_empty() {
            Err(Failure::new(format!("table `{table}` has no columns")))
        } else {
            Ok(columns)
        }
    }

    fn run(&self, sql: &str) -> Outcome<String> {
        self.database.run(sql).context("write the history")
    }
}

/// What a column holds in copy `n`.
fn value(column: &str) -> String {
    // In order, as real ids are; before those of the runs that are measured.
    let id = "'01900000-0000-7000-8000-' || SUBSTR(CAST(1000000000000 + n AS TEXT), 2)";
    let time = format!("{FIRST_MS} + n * {APART_MS}");
    let workflow = format!(
        "CASE n % {WORKFLOWS} WHEN 0 THEN workflow_id ELSE \
         '00000000-0000-7000-8000-00000000000' || CAST(n % {WORKFLOWS} AS TEXT) END"
    );
    match column {
        "id" | "execution_id" => id.to_owned(),
        "created_at" | "started_at" | "finished_at" | "updated_at" => time,
        "execution_number" => "n + 1".to_owned(),
        "workflow_id" => workflow,
        "state" => "CASE n % 10000 WHEN 0 THEN 'failed' ELSE state END".to_owned(),
        other => format!("t.{other}"),
    }
}
