//! `cargo xtask tidy`: the house rules that no compiler knows. Each rule has a reason, because a rule
//! without one is argued about for ever; each answers with `file:line`. A line that has a better reason
//! says so with `tidy: allow RULE, because ...` on it or on the line above.

mod documents;
mod manifests;
mod sources;
mod texts;
mod tree;

use crate::failure::{Failure, Outcome};
use tree::Tree;

/// The list to read.
const RULES: &[Rule] = &[
    manifests::WALLS,
    manifests::SOLE_OWNERS,
    manifests::PURE_CORE,
    sources::HEADS,
    sources::SIZES,
    sources::LEFTOVERS,
    sources::HANDLERS,
    texts::MACHINE_PATHS,
    texts::REGISTRIES,
    texts::LOCK_FILES,
    documents::LINKS,
    documents::MAP,
];

struct Rule {
    name: &'static str,
    reason: &'static str,
    check: fn(&Tree) -> Vec<Finding>,
}

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    /// Counted from 1.
    line: usize,
    what: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

pub(crate) fn run() -> Outcome {
    let tree = Tree::read()?;
    let mut count = 0;
    for rule in RULES {
        let findings = findings(rule, &tree);
        if findings.is_empty() {
            continue;
        }
        count += findings.len();
        println!("{}: {}", rule.name, rule.reason);
        for Finding { path, line, what } in findings {
            println!("  {path}:{line}: {what}");
        }
    }
    match count {
        0 => Ok(()),
        1 => Err(Failure::new("1 place breaks a house rule")),
        _ => Err(Failure::new(format!("{count} places break a house rule"))),
    }
}

/// What breaks the rule, without what is allowed in writing.
fn findings(rule: &Rule, tree: &Tree) -> Vec<Finding> {
    let mark = format!("tidy: allow {}", rule.name);
    let allowed = |finding: &Finding| {
        let lines = tree.file(&finding.path).into_iter().flat_map(|file| file.lines());
        let nearby = |number: usize| number == finding.line || number + 1 == finding.line;
        lines.filter(|(number, _)| nearby(*number)).any(|(_, line)| line.contains(&mark))
    };
    (rule.check)(tree).into_iter().filter(|finding| !allowed(finding)).collect()
}

/// Runs one rule over files given as text and compares with `path:line: what`.
#[cfg(test)]
fn check(rule: &Rule, files: &[(&str, &str)], expected: &[&str]) {
    let found: Vec<String> = findings(rule, &Tree::of(files))
        .iter()
        .map(|finding| format!("{}:{}: {}", finding.path, finding.line, finding.what))
        .collect();
    assert_eq!(found, expected);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_reason_allows_a_line() {
        let bad = "//! Head.\nlet x = \"/tmp/x\";\n";
        check(
            &texts::MACHINE_PATHS,
            &[("crates/a/src/b.rs", bad)],
            &["crates/a/src/b.rs:2: machine path `/tmp`"],
        );
        let above =
            "//! Head.\n// tidy: allow machine-paths, because the sandbox has its own\nlet x = \"/tmp/x\";\n";
        check(&texts::MACHINE_PATHS, &[("crates/a/src/b.rs", above)], &[]);
        let other = "//! Head.\n// tidy: allow sizes, because\nlet x = \"/tmp/x\";\n";
        check(
            &texts::MACHINE_PATHS,
            &[("crates/a/src/b.rs", other)],
            &["crates/a/src/b.rs:3: machine path `/tmp`"],
        );
    }

    #[test]
    fn rules_have_names_of_their_own_and_a_reason() {
        for (index, rule) in RULES.iter().enumerate() {
            assert!(!rule.reason.is_empty(), "{}", rule.name);
            assert!(RULES.iter().skip(index + 1).all(|other| other.name != rule.name), "{} twice", rule.name);
        }
    }
}
