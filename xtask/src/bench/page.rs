//! The page that `cargo xtask bench` prints: its sections, with what they were measured by.

use std::fs;
use std::thread::available_parallelism;

use super::Table;

/// The whole page, made of sections.
pub(crate) fn page(sections: &[String]) -> String {
    let cores = available_parallelism().map_or(1, usize::from);
    let machine = machine().unwrap_or_else(|| "an unknown processor".to_owned());
    format!(
        "# Performance\n\n\
         Made by `cargo xtask bench --write`, in one run, with everything on one machine of {cores} cores \
         ({machine}).\nIts times are of that machine and that day; what holds elsewhere are the ratios, \
         whose two sides were measured in turns.\n\n{}",
        sections.join("\n")
    )
}

/// What a server costs.
pub(crate) fn server(Table(rows): &Table) -> String {
    let mut text = "## The server\n\n\
        Reading requests, each with its key, its role and its workspace checked and its rows read from the database, \
        under `wrk`\nwith 32 connections. The bare handler is the same web framework, which answers the same bytes \
        from memory and checks nothing.\nDisks are flushed, history is kept.\n\n\
        | what | measured |\n|---|---:|\n"
        .to_owned();
    for (what, value) in rows {
        text.push_str(&format!("| {what} | {value} |\n"));
    }
    text
}

/// What runs cost: what, on SQLite, on PostgreSQL.
pub(crate) fn runs(rows: &[(String, String, String)]) -> String {
    let mut text = "## Runs\n\n\
        Whole workflows over the API, under `wrk`, from the call until the run has ended and its answer is there, or until \
        it is\naccepted. Disks are flushed, every run and each of its steps is kept. The flushed write is the floor that no \
        durable\nanswer can go below; many runs share one.\n\n"
        .to_owned();
    text.push_str(&both(rows));
    text
}

/// How costs grow with the history: what, on SQLite, on PostgreSQL.
pub(crate) fn history(rows: &[(String, String, String)]) -> String {
    let mut text = "## A long history\n\n\
        The same tiny run, and lists of 50 runs over the API, in a workspace that has kept so many runs of ten workflows. One \
        in\nten thousand has the rare state.\n\n"
        .to_owned();
    text.push_str(&both(rows));
    text
}

/// What records of tables cost: what, on SQLite, on PostgreSQL.
pub(crate) fn tables(rows: &[(String, String, String)]) -> String {
    let mut text = "## Tables\n\n\
        Records of a table with a unique and two indexed fields, over the API, one request at a time. The database's own is one \
        statement\nof its shell that makes the same rows with the same indexes.\n\n"
        .to_owned();
    text.push_str(&both(rows));
    text
}

fn both(rows: &[(String, String, String)]) -> String {
    let mut text = "| what | SQLite | PostgreSQL |\n|---|---:|---:|\n".to_owned();
    for (what, sqlite, postgres) in rows {
        text.push_str(&format!("| {what} | {sqlite} | {postgres} |\n"));
    }
    text
}

/// What expressions cost, as their own benchmark printed it.
pub(crate) fn expressions(table: &str) -> String {
    format!(
        "## Expressions\n\n\
         Compiled once for each version of a workflow, evaluated whenever a step needs it. `items` are 1,000 alerts. \
         By hand is Rust\nfor this one expression over `serde_json`, without limits. An evaluation counts its fuel and \
         its memory, and copies nothing\nof what it reads.\n\n{}",
        table.trim_start()
    )
}

/// What code steps cost, as their own benchmark printed it.
pub(crate) fn code(table: &str) -> String {
    format!(
        "## Code steps\n\n\
         A program in a fresh sandbox, from the call until its result and its output are there; each cell is used once. The \
         bare process\nis the same program started by the machine, without any wall, in turns with it.\n\n{}",
        table.trim_start()
    )
}

/// The processor's name, where the system tells it.
fn machine() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_rows() {
        let table = Table(vec![("idle memory".to_owned(), "30.5 MB".to_owned())]);
        assert!(server(&table).ends_with("|---|---:|\n| idle memory | 30.5 MB |\n"));
        assert!(page(&[code("\n| a |\n")]).ends_with("in turns with it.\n\n| a |\n"));
        assert!(page(&[expressions("\n| a |\n")]).ends_with("reads.\n\n| a |\n"));
    }
}
