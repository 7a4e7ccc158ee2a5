//! Rules about any text: nothing committed may depend on the machine or the mirror it was written with.

use super::tree::Tree;
use super::{Finding, Rule};

/// Folders of one machine. Tests may use scratch folders by name.
const FOLDERS: &[&str] = &["/root", "/work", "/home", "/tmp"];

/// Where packages were fetched from is a matter of each machine's configuration.
const REGISTRIES_OF_PACKAGES: &[&str] = &[
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "static.crates.io",
    "index.crates.io",
    "files.pythonhosted.org",
    "pypi.org/simple",
    "deb.debian.org",
];

/// Builds a root of its own, whose folders it must name.
const OWN_ROOT: &str = "crates/sandbox/";

pub(super) const MACHINE_PATHS: Rule = Rule {
    name: "machine-paths",
    reason: "a path of one machine works on that machine",
    check: machine_paths,
};

pub(super) const REGISTRIES: Rule = Rule {
    name: "registries",
    reason: "a build behind a mirror must work without a change to the repository",
    check: registries,
};

pub(super) const LOCK_FILES: Rule = Rule {
    name: "lock-files",
    reason: "npm follows the address in its lock file past the configured registry; \
             web/.npmrc has `omit-lockfile-registry-resolved=true`, delete the lock file and install anew",
    check: lock_files,
};

fn machine_paths(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files_outside_rules().filter(|file| !file.path.starts_with(OWN_ROOT)) {
        for (number, line) in file.lines_outside_tests() {
            for folder in FOLDERS.iter().filter(|folder| names_folder(line, folder)) {
                findings.push(Finding::new(&file.path, number, format!("machine path `{folder}`")));
            }
        }
    }
    findings
}

/// Whether the folder stands in the line as an absolute path, not as a piece of another path or word.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + folder.len()..].chars().next();
        before.is_none_or(|c| c.is_whitespace() || "\"'`(=:[,".contains(c))
            && after.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '-')
    })
}

fn registries(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files_outside_rules() {
        for (number, line) in file.lines() {
            for host in REGISTRIES_OF_PACKAGES.iter().filter(|host| line.contains(*host)) {
                findings.push(Finding::new(&file.path, number, format!("package registry `{host}`")));
            }
        }
    }
    findings
}

fn lock_files(tree: &Tree) -> Vec<Finding> {
    let locks = tree.files().filter(|file| file.path.ends_with("package-lock.json"));
    let hosts = locks.flat_map(|file| {
        let lines = file.lines().filter(|(_, line)| line.contains("\"resolved\": \"http"));
        lines.map(|(number, _)| Finding::new(&file.path, number, "a resolved address"))
    });
    hosts.collect()
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn an_absolute_path_of_a_machine_is_found() {
        for line in ["cd /work/main", "path=\"/home/me\"", "sqlite:/tmp/x.db", "`/root`"] {
            assert!(FOLDERS.iter().any(|folder| names_folder(line, folder)), "{line}");
        }
    }

    #[test]
    fn a_route_or_a_piece_of_a_path_is_no_machine_path() {
        for line in
            ["GET /workspace/{id}", "/api/v1/workflows", "{folder}/tmp", "https://x/home", "/var/tmp/x"]
        {
            assert!(!FOLDERS.iter().any(|folder| names_folder(line, folder)), "{line}");
        }
    }

    #[test]
    fn tests_may_use_scratch_folders() {
        check(
            &MACHINE_PATHS,
            &[("a/tests/x.rs", "\"/tmp/x\"\n"), ("a/src/x.rs", "mod tests {\n\"/tmp/x\"\n")],
            &[],
        );
    }

    #[test]
    fn the_sandbox_names_the_folders_of_its_own_root() {
        let text = "\"/tmp\"\n";
        check(
            &MACHINE_PATHS,
            &[("crates/sandbox/src/x.rs", text), ("crates/store/src/x.rs", text)],
            &["crates/store/src/x.rs:1: machine path `/tmp`"],
        );
    }

    #[test]
    fn registries_are_found_anywhere() {
        let text = "url = \"https://registry.npmjs.org/x\"\n";
        check(&REGISTRIES, &[("docs/x.md", text)], &["docs/x.md:1: package registry `registry.npmjs.org`"]);
    }

    #[test]
    fn a_lock_file_names_no_address() {
        let lock = "{\n  \"version\": \"1.0.0\",\n  \"resolved\": \"https://mirror.example/x.tgz\"\n}\n";
        check(
            &LOCK_FILES,
            &[("web/package-lock.json", lock)],
            &["web/package-lock.json:3: a resolved address"],
        );
    }
}
