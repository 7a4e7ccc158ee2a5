//! What requests cost that read: each against a handler that answers the same bytes from memory. And what it costs to find
//! out that a key is none, among few keys and among many.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::failure::{Context, Outcome};
use crate::http;
use crate::process::{Product, WORKSPACE_ID, success};

use super::database::Database;
use super::load::{self, Comparison};
use super::{Table, bare_handler, median};

/// Workflows of which a page is asked for.
const WORKFLOWS: usize = 1_000;
/// Rows of that page.
const PAGE: usize = 50;
/// Keys in the table, few and many.
const KEYS: [usize; 2] = [10, 10_000];
const ROUNDS: usize = 3;
/// A key for each request that nobody has, so that nothing is remembered of it.
const UNKNOWN_KEYS: &str = r#"request = function()
  wrk.headers["BLINK-API-KEY"] = "nct_bench" .. string.format("%.0f", math.random() * 1e15)
  return wrk.format()
end
"#;

/// Adds a row for each question to the table. `name` is the database's.
pub(crate) fn measure(
    table: &mut Table,
    (name, product, database): (&str, &Product, &Database),
    folder: &Path,
    seconds: u32,
) -> Outcome {
    let server = product.start()?;
    let connection = product.make_connection()?;
    make_workflows(product)?;
    let page = http::encoded(&format!(r#"{{"limit":{PAGE},"sort":["name"]}}"#));
    let workspace = format!("/api/v1/workspace/{WORKSPACE_ID}");
    for (what, path) in [
        ("one connection".to_owned(), connection),
        ("the caller (`GET /user`)".to_owned(), "/api/v1/user".to_owned()),
        (format!("{PAGE} of {WORKFLOWS} workflows"), format!("{workspace}/playbooks?q={page}")),
    ] {
        table.speed(&format!("{what}, {name}"), &compare(product, &path, folder, seconds)?);
    }
    let [few, many] = unknown_keys(product, database, folder, seconds)?;
    table.row(
        &format!("an unknown key among {} keys, {name}", KEYS[1]),
        format!("{many:.0} req/s, {:.2} of {few:.0} among {}", many / few, KEYS[0]),
    );
    drop(server);
    Ok(())
}

/// The real answer against the same bytes from a handler that does nothing.
fn compare(product: &Product, path: &str, folder: &Path, seconds: u32) -> Outcome<Comparison> {
    let answer = success(path, product.client().get(path)?)?;
    let body = folder.join("body.json");
    fs::write(&body, answer).context("write the answer for the bare handler")?;
    let (bare, bare_address) = bare_handler(&body)?;
    let urls = load::Urls { bare: format!("http://{bare_address}{path}"), real: product.url(path) };
    let comparison = load::compare(&urls, &product.client().api_key, seconds);
    drop(bare);
    comparison
}

fn make_workflows(product: &Product) -> Outcome {
    let path = format!("/api/v1/workspace/{WORKSPACE_ID}/playbooks");
    for number in 0..WORKFLOWS {
        let name = format!("workflow {number:04}");
        let document = format!(
            "name: {name}\nworkflow:\n  - section: Steps\n    steps:\n      \
             - {{id: S1, action: internal.print, inputs: {{text: hello}}}}\n"
        );
        let body = json!({"name": name, "playbook": document, "active": true}).to_string();
        success(&path, product.client().post(&path, &body)?)?;
    }
    Ok(())
}

/// Requests a second that are refused for their key, with few and with many keys in the table, in turns.
fn unknown_keys(product: &Product, database: &Database, folder: &Path, seconds: u32) -> Outcome<[f64; 2]> {
    let script = folder.join("keys.lua");
    fs::write(&script, UNKNOWN_KEYS).context("write the script of unknown keys")?;
    let url = product.url("/api/v1/apikey");
    let mut speeds = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (speeds, keys) in speeds.iter_mut().zip(KEYS) {
            set_keys(database, keys)?;
            speeds.push(load::refusals(&url, &script, seconds)?);
        }
    }
    Ok(speeds.each_mut().map(|speeds| median(speeds)))
}

/// Copies of the first key until there are so many, each with a hash that no key has.
fn set_keys(database: &Database, keys: usize) -> Outcome {
    database.run("DELETE FROM api_keys WHERE hint = 'bench'")?;
    database.run(&format!(
        "INSERT INTO api_keys (id, tenant_id, user_id, name, description, key_hash, hint, created_at) \
         WITH RECURSIVE copies(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM copies WHERE n < {keys}) \
         SELECT '00000000-0000-7000-8000-' || SUBSTR(CAST(1000000000000 + n AS TEXT), 2), tenant_id, user_id, name, \
         description, CAST(n * 7919 % 9973 AS TEXT) || '-' || CAST(n AS TEXT) || key_hash, 'bench', created_at \
         FROM copies CROSS JOIN (SELECT * FROM api_keys ORDER BY created_at LIMIT 1) AS first"
    ))?;
    if let Database::Postgres(_) = database {
        // What its own housekeeping does within minutes.
        database.run("VACUUM ANALYZE api_keys")?;
    }
    Ok(())
}
