//! What records of a table cost over the API: written in bulk, and looked for among a million. The baseline of writing is one
//! statement of the database's own shell that makes as many rows with the same indexes.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::http;
use crate::process::{Process, Product, WORKSPACE_ID, success};
use crate::stopwatch::Stopwatch;

use super::IDLE;
use super::database::Database;
use super::runs::Row;

/// Records of one call.
const CALL: usize = 10_000;
/// Records whose writing is measured.
const INSERTED: usize = 100_000;
/// Records that are looked for one among.
const RECORDS: usize = 1_000_000;
/// How often each question is asked.
const ASKED: usize = 400;
const LEVELS: [&str; 4] = ["informational", "low", "medium", "high"];
/// Records that one host has.
const HOST_RECORDS: usize = 200;
/// Between two looks at the server's memory.
const LOOK: Duration = Duration::from_millis(20);

/// What tables cost on that database.
pub(crate) fn measure(product: &Product, database: &Database) -> Outcome<Vec<Row>> {
    let server = product.start()?;
    let table = Table { product, path: format!("/api/v1/workspace/{WORKSPACE_ID}/table/findings") };
    table.make()?;
    let bare = bare_per_second(database)?;
    let (mut ids, took_ms) = table.insert(0..INSERTED)?;
    let per_second = INSERTED as f64 / took_ms * 1e3;
    let mut rows = vec![(
        format!("records made in bulk, {CALL} a call"),
        format!("{per_second:.0}/s, {:.2} of the database's own {bare:.0}/s", per_second / bare),
    )];
    ids.extend(table.insert(INSERTED..RECORDS)?.0);
    if let Database::Postgres(_) = database {
        // What its own housekeeping does within minutes.
        database.run("VACUUM ANALYZE")?;
    }
    rows.extend(table.questions(&ids)?);
    rows.push(("memory of an export above idle".to_owned(), table.export(&server)?));
    Ok(rows)
}

/// Rows a second that the database's shell makes with one statement.
fn bare_per_second(database: &Database) -> Outcome<f64> {
    for sql in [
        "CREATE TABLE bare (id TEXT PRIMARY KEY, name TEXT, level TEXT, score DOUBLE PRECISION, host TEXT, email TEXT)",
        "CREATE UNIQUE INDEX bare_email ON bare (email)",
        "CREATE INDEX bare_score ON bare (score, id)",
        "CREATE INDEX bare_host ON bare (host, id)",
    ] {
        database.run(sql)?;
    }
    let stopwatch = Stopwatch::start();
    database.run(&format!(
        "INSERT INTO bare WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < {INSERTED} - 1)
         SELECT '01900000-0000-7000-8000-' || SUBSTR(CAST(1000000000000 + n AS TEXT), 2), 'finding ' || n, 'high',
                n * 7919 % 100003, 'host-' || n % 5000, 'p' || n || '@example.com' FROM n"
    ))?;
    let per_second = INSERTED as f64 / stopwatch.elapsed_ms() * 1e3;
    database.run("DROP TABLE bare")?;
    Ok(per_second)
}

/// What is asked each time.
type Path<'q> = Box<dyn Fn(usize) -> String + 'q>;

/// The table that is measured.
struct Table<'p> {
    product: &'p Product,
    path: String,
}

impl Table<'_> {
    fn make(&self) -> Outcome {
        let path = format!("/api/v1/workspace/{WORKSPACE_ID}/table");
        let field = |name: &str, kind: &str, attributes: Value| json!({"display_name": name, "type": kind, "attributes": attributes});
        let indexed = || json!({"indexed": true});
        let fields = [
            field("name", "text", json!({})),
            field("level", "single-select", json!({"options": LEVELS})),
            field("score", "number", indexed()),
            field("host", "text", indexed()),
            field("email", "text", json!({"is_unique": true})),
        ];
        let body = json!({"display_name": "findings", "fields": fields}).to_string();
        success(&path, self.product.client().post(&path, &body)?).map(drop)
    }

    /// Makes records of those numbers, call after call; answers their ids and the milliseconds that the calls took.
    fn insert(&self, numbers: std::ops::Range<usize>) -> Outcome<(Vec<String>, f64)> {
        let path = format!("{}/records", self.path);
        let numbers: Vec<usize> = numbers.collect();
        let (mut ids, mut took_ms) = (Vec::with_capacity(numbers.len()), 0.0);
        for chunk in numbers.chunks(CALL) {
            let records: Vec<Value> = chunk.iter().map(|number| record(*number)).collect();
            let body = json!({"records": records}).to_string();
            let stopwatch = Stopwatch::start();
            let answer = success(&path, self.product.client().post(&path, &body)?)?;
            took_ms += stopwatch.elapsed_ms();
            let answer: Value = serde_json::from_str(&answer)
                .map_err(|error| Failure::new(format!("`{path}` gave no JSON: {error}")))?;
            let made = answer["ids"].as_array().into_iter().flatten();
            ids.extend(made.filter_map(Value::as_str).map(str::to_owned));
        }
        Ok((ids, took_ms))
    }

    fn questions(&self, ids: &[String]) -> Outcome<Vec<Row>> {
        let of = |turn: usize| turn * 7919 * 31 % RECORDS;
        let q = |q: Value| format!("{}?q={}", self.path, http::encoded(&q.to_string()));
        let page = json!({"filter": {"level": "high"}, "sort": ["-score"], "limit": 50});
        let host = |turn: usize| {
            let host = format!("host-{}", of(turn) % (RECORDS / HOST_RECORDS));
            json!({"filter": {"host": host, "level": "high"}, "sort": ["-score"], "limit": 50})
        };
        let questions: [(&str, Path<'_>); 4] = [
            ("p95 of a record by its id", Box::new(move |turn| format!("{}/{}", self.path, ids[of(turn)]))),
            (
                "p95 of a record by its unique field",
                Box::new(move |turn| {
                    q(json!({"filter": {"email": format!("p{}@example.com", of(turn))}, "limit": 1}))
                }),
            ),
            ("p95 of 50 of a quarter of all records, sorted", Box::new(move |_| q(page.clone()))),
            ("p95 of 50 of a host's records, sorted", Box::new(move |turn| q(host(turn)))),
        ];
        let p95 = |(what, path): (&str, Path<'_>)| {
            Ok((format!("{what}, among {RECORDS}"), format!("{:.2} ms", self.p95(path)?)))
        };
        questions.into_iter().map(p95).collect()
    }

    fn p95(&self, path: impl Fn(usize) -> String) -> Outcome<f64> {
        let mut times = Vec::with_capacity(ASKED);
        for turn in 0..ASKED {
            let path = path(turn);
            let stopwatch = Stopwatch::start();
            success(&path, self.product.client().get(&path)?)?;
            times.push(stopwatch.elapsed_ms());
        }
        times.sort_by(f64::total_cmp);
        Ok(times.get(ASKED * 95 / 100).copied().unwrap_or_default())
    }

    /// How much more memory the server has at most while it exports everything than before.
    fn export(&self, server: &Process) -> Outcome<String> {
        thread::sleep(IDLE);
        let idle = server.rss_mb()?;
        let path = format!("{}/export?format=csv", self.path);
        let stopwatch = Stopwatch::start();
        let (bytes, most) = thread::scope(|scope| {
            let export = scope.spawn(|| Ok(success(&path, self.product.client().get(&path)?)?.len()));
            let mut most = idle;
            while !export.is_finished() {
                most = most.max(server.rss_mb()?);
                thread::sleep(LOOK);
            }
            let bytes: usize = export.join().map_err(|_| Failure::new("the export broke off"))??;
            Ok::<_, Failure>((bytes, most))
        })?;
        let seconds = stopwatch.elapsed_ms() / 1e3;
        Ok(format!("{:.1} MB; {:.0} MB in {seconds:.1} s", most - idle, bytes as f64 / 1e6))
    }
}

fn record(number: usize) -> Value {
    json!({
        "name": format!("finding {number}"),
        "level": LEVELS[number % LEVELS.len()],
        "score": number * 7919 % 100_003,
        "host": format!("host-{}", number % (RECORDS / HOST_RECORDS)),
        "email": format!("p{number}@example.com"),
    })
}
