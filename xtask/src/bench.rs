//! `cargo xtask bench`: what a request, a start, an idle server, a flushed write, an expression and a code step's
//! sandbox cost on this machine. Prints a page; with `--write` it becomes docs/performance.md. Speeds are compared in
//! pairs within one run (requests against a handler that knows its answer, expressions against Rust that was written
//! by hand, programs in a sandbox against bare processes), because absolute figures of two days or two machines
//! cannot be.

mod database;
mod disk;
mod history;
mod load;
mod page;
mod requests;
mod runs;
mod tables;

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::failure::{Context, Outcome};
use crate::packages::{self, POSTGRES, SQLITE, WRK};
use crate::postgres::{Durability, Postgres, free_port};
use crate::scratch::Scratch;
use crate::shell::{self, Profile, cargo};

use crate::process::{self, Process, Product};
use database::Database;
use load::Comparison;
use runs::Row;

/// Starts on an existing database that the median is taken of.
const STARTS: usize = 10;
/// A server that nobody asks anything settles within this time.
const IDLE: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What to measure; all of it, if nothing is named.
    parts: Vec<Part>,
    /// Seconds of each measurement of requests; two dozen of them are made for each database.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Write the figures to docs/performance.md. Takes all parts.
    #[arg(long, conflicts_with = "parts")]
    write: bool,
}

/// What can be measured by itself.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Server,
    Runs,
    History,
    Tables,
    Expressions,
    Code,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let wanted = |part| arguments.parts.is_empty() || arguments.parts.contains(&part);
    let mut sections = Vec::new();
    if wanted(Part::Server) {
        sections.push(page::server(&server(arguments.seconds)?));
    }
    if wanted(Part::Runs) {
        sections.push(page::runs(&runs(arguments.seconds)?));
    }
    if wanted(Part::History) {
        sections.push(page::history(&history(arguments.seconds)?));
    }
    if wanted(Part::Tables) {
        sections.push(page::tables(&tables()?));
    }
    if wanted(Part::Expressions) {
        let bench = ["bench", "--quiet", "-p", "expr", "--bench", "speed"];
        sections.push(page::expressions(&shell::output(&mut cargo(bench))?));
    }
    if wanted(Part::Code) {
        let bench = ["bench", "--quiet", "-p", "sandbox", "--bench", "speed"];
        sections.push(page::code(&shell::output(&mut cargo(bench))?));
    }
    let text = page::page(&sections);
    println!("\n{text}");
    if arguments.write {
        let path = shell::root().join("docs/performance.md");
        fs::write(&path, text).context(format!("write `{}`", path.display()))?;
    }
    Ok(())
}

/// What the server costs.
fn server(seconds: u32) -> Outcome<Table> {
    packages::ensure(&[POSTGRES, SQLITE, WRK])?;
    build()?;

    let scratch = Scratch::make(&shell::target_dir(), "bench")?;
    let folder = scratch.path();
    let mut table = Table::default();

    let data = folder.join("sqlite");
    let file = Database::Sqlite(data.join("nictate.db"));
    let sqlite = Product::new(data, None)?;
    requests::measure(&mut table, ("SQLite", &sqlite, &file), folder, seconds)?;
    table.row("start to ready, SQLite", format!("{:.0} ms", start_ms(&sqlite)?));
    table.row("idle memory, SQLite", format!("{:.1} MB", idle_rss_mb(&sqlite)?));

    let database = Postgres::start(Durability::Real)?;
    let postgres = Product::new(folder.join("postgres"), Some(database.url()))?;
    let url = Database::Postgres(database.url());
    requests::measure(&mut table, ("PostgreSQL", &postgres, &url), folder, seconds)?;
    table.row("start to ready, PostgreSQL", format!("{:.0} ms", start_ms(&postgres)?));
    drop(database);

    table.row("flushed write of 4 KiB", format!("{:.2} ms", disk::flushed_write_ms(folder)?));
    Ok(table)
}

/// What runs cost, on each database.
fn runs(seconds: u32) -> Outcome<Vec<(String, String, String)>> {
    packages::ensure(&[POSTGRES, WRK])?;
    build()?;
    let scratch = Scratch::make(&shell::target_dir(), "bench-runs")?;
    let folder = scratch.path();
    let flushed = disk::flushed_write_ms(folder)?;
    let body = folder.join("body.json");
    fs::write(&body, "{\"ok\": true}").context("write the answer for the bare handler")?;
    let (bare, tool) = bare_handler(&body)?;
    let measure = |name, database| {
        let product = Product::new(folder.join(name), database)?;
        let product = product.with("NICTATE_HTTP_ALLOWED_NETWORKS", "127.0.0.0/8");
        runs::measure(&product, folder, &tool, flushed, seconds)
    };
    let sqlite = measure("sqlite", None)?;
    let database = Postgres::start(Durability::Real)?;
    let postgres = measure("postgres", Some(database.url()))?;
    drop((bare, database));
    let mut rows = side_by_side(sqlite, postgres);
    rows.push(("a flushed write of 4 KiB".to_owned(), format!("{flushed:.2} ms"), String::new()));
    Ok(rows)
}

/// What runs and lists cost on a long history, on each database.
fn history(seconds: u32) -> Outcome<Vec<(String, String, String)>> {
    packages::ensure(&[POSTGRES, SQLITE, WRK])?;
    build()?;
    let scratch = Scratch::make(&shell::target_dir(), "bench-history")?;
    let folder = scratch.path();
    let data = folder.join("sqlite");
    let file = Database::Sqlite(data.join("nictate.db"));
    let sqlite = history::measure(&Product::new(data, None)?, &file, folder, seconds)?;
    let database = Postgres::start(Durability::Real)?;
    let product = Product::new(folder.join("postgres"), Some(database.url()))?;
    let postgres = history::measure(&product, &Database::Postgres(database.url()), folder, seconds)?;
    drop(database);
    Ok(side_by_side(sqlite, postgres))
}

/// What records of tables cost, on each database.
fn tables() -> Outcome<Vec<(String, String, String)>> {
    packages::ensure(&[POSTGRES, SQLITE])?;
    build()?;
    let scratch = Scratch::make(&shell::target_dir(), "bench-tables")?;
    let folder = scratch.path();
    let data = folder.join("sqlite");
    let file = Database::Sqlite(data.join("nictate.db"));
    let sqlite = tables::measure(&Product::new(data, None)?, &file)?;
    let database = Postgres::start(Durability::Real)?;
    let product = Product::new(folder.join("postgres"), Some(database.url()))?;
    let postgres = tables::measure(&product, &Database::Postgres(database.url()))?;
    drop(database);
    Ok(side_by_side(sqlite, postgres))
}

fn side_by_side(sqlite: Vec<Row>, postgres: Vec<Row>) -> Vec<(String, String, String)> {
    let both = sqlite.into_iter().zip(postgres);
    both.map(|((what, sqlite), (_, postgres))| (what, sqlite, postgres)).collect()
}

/// Builds what is measured and the yardstick, together in one build, so that both stand on the very same framework
/// and features.
fn build() -> Outcome {
    let words = ["build", "--release", "-p", "nictate", "-p", "xtask", "--features", "xtask/bare-handler"];
    shell::run(&mut cargo(words))
}

/// A server that answers what is in the file; also its address.
fn bare_handler(body: &Path) -> Outcome<(Process, String)> {
    let address = format!("127.0.0.1:{}", free_port()?);
    let mut command = shell::program_at_root(&shell::binary(Profile::Release, "xtask"));
    command.args(["bare-handler", "--listen", &address, "--body"]).arg(body);
    let bare = Process::start(command)?;
    process::wait_until_listening(&address)?;
    Ok((bare, address))
}

/// Median milliseconds from spawning the process to the first 200 of its readiness.
fn start_ms(product: &Product) -> Outcome<f64> {
    let mut starts = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let (server, took_ms) = product.start_timed()?;
        starts.push(took_ms);
        drop(server);
    }
    Ok(median(&mut starts))
}

fn idle_rss_mb(product: &Product) -> Outcome<f64> {
    let server = product.start()?;
    sleep(IDLE);
    server.rss_mb()
}

/// The middle value; 0 of none.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// What was measured, and what came out.
#[derive(Default)]
pub(crate) struct Table(Vec<(String, String)>);

impl Table {
    fn row(&mut self, what: &str, value: String) {
        self.0.push((what.to_owned(), value));
    }

    fn speed(&mut self, what: &str, comparison: &Comparison) {
        let Comparison { bare, real } = comparison;
        self.row(what, format!("{real:.0} req/s, {:.2} of the bare handler's {bare:.0}", real / bare));
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle_value_whatever_the_order() {
        assert_eq!(median(&mut [9.0, 1.0, 5.0]), 5.0);
        assert_eq!(median(&mut []), 0.0);
    }
}
