//! Rules about source files: how they begin, how long they are, what they leave open, and what a handler
//! of the HTTP API may not do.

use super::tree::{File, Tree};
use super::{Finding, Rule};

const LINES_MAX: usize = 500;
/// Of tests and of what is generated.
const LINES_MAX_RELAXED: usize = 900;

/// What marks work that is not done.
const OPEN_WORK: &[&str] =
    &["TODO", "FIXME", "todo!(", "unimplemented!(", "#[ignore", "test.skip(", "test.only("];

/// What a handler leaves to others, and to whom.
const NOT_IN_HANDLERS: &[(&str, &str)] = &[
    ("SELECT ", "SQL is in the store"),
    ("INSERT INTO ", "SQL is in the store"),
    ("UPDATE ", "SQL is in the store"),
    ("DELETE FROM ", "SQL is in the store"),
    ("tokio::spawn", "what outlives a request is a job"),
];

pub(super) const HEADS: Rule = Rule {
    name: "heads",
    reason: "a file begins with what it is for, who calls it and what it does not do",
    check: heads,
};

pub(super) const SIZES: Rule = Rule {
    name: "sizes",
    reason: "a file that outgrows 500 lines hides a noun that should be a file of its own",
    check: sizes,
};

pub(super) const LEFTOVERS: Rule = Rule {
    name: "leftovers",
    reason: "what is not done is an issue, not a comment; a test that does not run proves nothing",
    check: leftovers,
};

pub(super) const HANDLERS: Rule = Rule {
    name: "handlers",
    reason: "a handler reads as caller, target, change, answer; everything else has a place below it",
    check: handlers,
};

fn heads(tree: &Tree) -> Vec<Finding> {
    let rust = tree.files().filter(|file| file.ending() == "rs" && !file.is_test());
    rust.filter(|file| !file.text.starts_with("//! "))
        .map(|file| Finding::new(&file.path, 1, "does not begin with `//! `"))
        .collect()
}

fn sizes(tree: &Tree) -> Vec<Finding> {
    let limit = |file: &File| {
        if file.is_test() || file.path.contains("generated") { LINES_MAX_RELAXED } else { LINES_MAX }
    };
    let mut findings = Vec::new();
    for file in tree.files().filter(|file| file.is_code()) {
        let (count, limit) = (file.lines().count(), limit(file));
        if count > limit {
            findings.push(Finding::new(&file.path, limit + 1, format!("{count} lines, at most {limit}")));
        }
    }
    findings
}

fn leftovers(tree: &Tree) -> Vec<Finding> {
    let code = tree.files_outside_rules().filter(|file| file.is_code());
    code.flat_map(|file| words(file, OPEN_WORK.iter().map(|word| (*word, "open work")))).collect()
}

fn handlers(tree: &Tree) -> Vec<Finding> {
    let handlers = tree.files().filter(|file| file.path.starts_with("crates/server/src/http/"));
    handlers.flat_map(|file| words(file, NOT_IN_HANDLERS.iter().copied())).collect()
}

fn words<'a>(file: &File, words: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.lines() {
        for (word, why) in words.clone().filter(|(word, _)| line.contains(word)) {
            findings.push(Finding::new(&file.path, number, format!("`{}`: {why}", word.trim())));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn a_source_file_says_what_it_is_for() {
        check(
            &HEADS,
            &[("a/src/x.rs", "//! Head.\n"), ("a/src/y.rs", "use z;\n"), ("a/src/z/tests.rs", "use z;\n")],
            &["a/src/y.rs:1: does not begin with `//! `"],
        );
    }

    #[test]
    fn a_long_file_is_found_at_its_first_line_too_many() {
        let long = "x\n".repeat(501);
        check(
            &SIZES,
            &[("a/src/x.rs", &long), ("a/tests/x.rs", &long), ("data.json", &long)],
            &["a/src/x.rs:501: 501 lines, at most 500"],
        );
        check(&SIZES, &[("a/tests/x.rs", &"x\n".repeat(901))], &["a/tests/x.rs:901: 901 lines, at most 900"]);
    }

    #[test]
    fn open_work_is_found_in_tests_too() {
        check(
            &LEFTOVERS,
            &[("a/src/x.rs", "fn f() { todo!() }\n"), ("a/tests/x.rs", "\n#[ignore = \"slow\"]\n")],
            &["a/src/x.rs:1: `todo!(`: open work", "a/tests/x.rs:2: `#[ignore`: open work"],
        );
    }

    #[test]
    fn a_handler_has_no_sql_and_starts_nothing() {
        let text = "//! Head.\nlet q = \"SELECT id FROM x\";\ntokio::spawn(async {});\n";
        check(
            &HANDLERS,
            &[("crates/server/src/http/x.rs", text), ("crates/server/src/jobs/x.rs", text)],
            &[
                "crates/server/src/http/x.rs:2: `SELECT`: SQL is in the store",
                "crates/server/src/http/x.rs:3: `tokio::spawn`: what outlives a request is a job",
            ],
        );
    }
}
