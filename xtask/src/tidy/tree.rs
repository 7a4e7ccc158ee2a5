//! The text of the repository: every file that is committed or would be, read once for all rules.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::failure::Outcome;
use crate::shell;

/// Endings of files that people write programs in.
const CODE: &[&str] = &["rs", "js", "mjs", "ts", "tsx", "css", "html", "sql"];

/// Text files by path from the root.
pub(super) struct Tree(BTreeMap<String, File>);

pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

impl Tree {
    /// What git tracks and what it would add. Files that are not UTF-8 text are left out.
    pub(super) fn read() -> Outcome<Self> {
        let mut git = Command::new("git");
        git.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(shell::root());
        let listed = shell::output(&mut git)?;
        let read = |path: &str| Some((path.to_owned(), fs::read_to_string(shell::root().join(path)).ok()?));
        Ok(Self::from_pairs(listed.lines().filter_map(read)))
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self::from_pairs(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
    }

    fn from_pairs(pairs: impl Iterator<Item = (String, String)>) -> Self {
        Self(pairs.map(|(path, text)| (path.clone(), File { path, text })).collect())
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        self.0.values()
    }

    /// Files in which to look for words, without the rules, which name what they forbid.
    pub(super) fn files_outside_rules(&self) -> impl Iterator<Item = &File> {
        self.files().filter(|file| !file.path.starts_with("xtask/src/tidy"))
    }

    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.0.get(path)
    }

    /// Whether the path is a file here, or a folder with files.
    pub(super) fn holds(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.0.contains_key(path)
            || self.0.range(folder.clone()..).next().is_some_and(|(p, _)| p.starts_with(&folder))
    }
}

impl File {
    pub(super) fn ending(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, ending)| ending)
    }

    pub(super) fn is_code(&self) -> bool {
        CODE.contains(&self.ending())
    }

    /// A file of a `tests` folder, or a module of tests. Tests inside a source file are another matter.
    pub(super) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs")
    }

    /// Lines with their numbers, from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Lines without those of tests: none of a test file, and those before `mod tests` of a source file.
    pub(super) fn lines_outside_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        let all = !self.is_test();
        self.lines().take_while(move |(_, line)| all && !line.starts_with("mod tests {"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_if_a_file_is_in_it() {
        let tree = Tree::of(&[("docs/adr/one.md", ""), ("docs-old/two.md", "")]);
        assert!(tree.holds("docs/adr/one.md") && tree.holds("docs") && tree.holds("docs/adr/"));
        assert!(!tree.holds("docs/ad") && !tree.holds("docs/two.md"));
    }

    #[test]
    fn lines_of_tests_are_left_out() {
        let tree =
            Tree::of(&[("a/src/b.rs", "one\n#[cfg(test)]\nmod tests {\ntwo\n"), ("a/tests/c.rs", "three\n")]);
        let lines: Vec<&str> =
            tree.files().flat_map(File::lines_outside_tests).map(|(_, line)| line).collect();
        assert_eq!(lines, ["one", "#[cfg(test)]"]);
    }
}
