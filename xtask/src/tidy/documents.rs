//! Rules about what people read: links lead somewhere, and the map shows the real tree.

use std::collections::BTreeSet;

use super::tree::{File, Tree};
use super::{Finding, Rule};

const MAP_FILE: &str = "ARCHITECTURE.md";
const MAP_LINES_MAX: usize = 200;

pub(super) const LINKS: Rule =
    Rule { name: "links", reason: "a link that leads nowhere costs every reader a search", check: links };

pub(super) const MAP: Rule = Rule {
    name: "map",
    reason: "who opens the repository reads ARCHITECTURE.md first: every crate has a row, and it stays short",
    check: map,
};

fn links(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files().filter(|file| file.ending() == "md") {
        for (number, line) in lines_outside_code(file) {
            for target in link_targets(line).filter(|target| is_local(target)) {
                if let Some(what) = broken(tree, file, target) {
                    findings.push(Finding::new(&file.path, number, what));
                }
            }
        }
    }
    findings
}

/// Why a local link leads nowhere, if it does not.
fn broken(tree: &Tree, from: &File, target: &str) -> Option<String> {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() { from.path.clone() } else { resolve(&from.path, path) };
    if !tree.holds(&path) {
        return Some(format!("no file `{path}`"));
    }
    let page = tree.file(&path).filter(|file| file.ending() == "md" && !anchor.is_empty())?;
    (!anchors(page).contains(anchor)).then(|| format!("no heading `{anchor}` in `{path}`"))
}

fn map(tree: &Tree) -> Vec<Finding> {
    let Some(map) = tree.file(MAP_FILE) else { return vec![Finding::new(MAP_FILE, 1, "is missing")] };
    let mut findings = Vec::new();
    for file in tree.files() {
        let Some(folder) =
            file.path.strip_prefix("crates/").and_then(|path| path.strip_suffix("/Cargo.toml"))
        else {
            continue;
        };
        if !map.lines().any(|(_, line)| line.starts_with(&format!("| `{folder}` |"))) {
            findings.push(Finding::new(MAP_FILE, 1, format!("no row for `crates/{folder}`")));
        }
    }
    let count = map.lines().count();
    if count > MAP_LINES_MAX {
        findings.push(Finding::new(
            MAP_FILE,
            MAP_LINES_MAX + 1,
            format!("{count} lines, at most {MAP_LINES_MAX}"),
        ));
    }
    findings
}

fn lines_outside_code(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    file.lines().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        !inside && !fence
    })
}

/// The targets of `[text](target)` in a line. What stands in backticks is no link.
fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](").filter_map(|(at, _)| {
        let in_code = line[..at].matches('`').count() % 2 == 1;
        let target = line[at + 2..].split([')', ' ']).next()?;
        (!in_code && !target.is_empty()).then_some(target)
    })
}

fn is_local(target: &str) -> bool {
    !target.contains("://") && !target.starts_with("mailto:")
}

/// A path as written in a page, from the root.
fn resolve(page: &str, path: &str) -> String {
    let mut folders: Vec<&str> = page.split('/').collect();
    folders.pop();
    for part in path.split('/') {
        match part {
            ".." => drop(folders.pop()),
            "." | "" => {}
            folder => folders.push(folder),
        }
    }
    folders.join("/")
}

/// The anchors of a page's headings, made as the usual viewers make them.
fn anchors(page: &File) -> BTreeSet<String> {
    let headings = lines_outside_code(page).filter(|(_, line)| line.starts_with('#'));
    headings
        .map(|(_, line)| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn a_link_to_a_missing_page_is_found() {
        let page =
            "[a](other.md) [b](../README.md#first-steps) [c](../missing.md) [d](https://x.example/y)\n";
        check(
            &LINKS,
            &[("docs/page.md", page), ("docs/other.md", ""), ("README.md", "# First steps\n")],
            &["docs/page.md:1: no file `missing.md`"],
        );
    }

    #[test]
    fn a_link_to_a_missing_heading_is_found() {
        let page = "# One: `two`\n[a](#one-two) [b](#three)\n";
        check(&LINKS, &[("page.md", page)], &["page.md:2: no heading `three` in `page.md`"]);
    }

    #[test]
    fn code_holds_no_links() {
        check(&LINKS, &[("page.md", "`[a](b)`\n```\n[a](b)\n```\n")], &[]);
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        check(
            &MAP,
            &[
                ("ARCHITECTURE.md", "| `store` | SQL |\n"),
                ("crates/store/Cargo.toml", ""),
                ("crates/expr/Cargo.toml", ""),
            ],
            &["ARCHITECTURE.md:1: no row for `crates/expr`"],
        );
    }

    #[test]
    fn a_map_is_short() {
        check(
            &MAP,
            &[("ARCHITECTURE.md", &"x\n".repeat(201))],
            &["ARCHITECTURE.md:201: 201 lines, at most 200"],
        );
    }
}
