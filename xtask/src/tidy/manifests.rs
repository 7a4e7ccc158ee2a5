//! The walls between crates, read from the manifests and the lock file. The tables below are the
//! architecture: who wants to change them changes ARCHITECTURE.md in the same commit.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{File, Tree};
use super::{Finding, Rule};

/// Which crates of ours each crate may use, by folder.
const KNOWS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("expr", &["types"]),
    ("workflow", &["expr", "types"]),
    ("engine", &["workflow", "expr", "types"]),
    ("secrets", &["types"]),
    ("store", &["types"]),
    ("sandbox", &["types"]),
    ("sso", &["secrets", "types"]),
    ("actions", &["sandbox", "secrets", "types"]),
    ("protocol", &["types"]),
    ("runner", &["protocol", "actions", "sandbox", "secrets", "types"]),
    (
        "server",
        &["store", "engine", "workflow", "expr", "secrets", "protocol", "actions", "sandbox", "sso", "types"],
    ),
    (
        "cli",
        &[
            "server", "runner", "store", "engine", "workflow", "expr", "secrets", "protocol", "actions",
            "sandbox", "types",
        ],
    ),
    ("fuzz", &["expr", "types"]),
];

/// Crates from elsewhere that only some of ours may name.
const OWNERS: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("tokio-postgres", &["store"]),
    ("deadpool-postgres", &["store"]),
    ("chacha20poly1305", &["secrets"]),
    ("argon2", &["secrets"]),
    ("zxcvbn", &["secrets"]),
    ("getrandom", &["types"]),
    ("granit-parser", &["workflow"]),
    ("axum", &["server", "xtask"]),
    ("clap", &["cli", "xtask"]),
    ("nix", &["sandbox"]),
    ("rquickjs", &["sandbox"]),
    ("openidconnect", &["sso"]),
    ("lettre", &["server"]),
    ("rusty-s3", &["server"]),
];

/// The core: values in, values out.
const CORE: &[&str] = &["expr", "workflow", "engine"];

/// What brings async, network or files with it.
const IMPURE: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "futures-executor",
    "hyper",
    "reqwest",
    "axum",
    "rusqlite",
    "tokio-postgres",
];

pub(super) const WALLS: Rule = Rule {
    name: "walls",
    reason: "a crate that knows fewer others can be read, tested and changed without them",
    check: walls,
};

pub(super) const SOLE_OWNERS: Rule = Rule {
    name: "sole-owners",
    reason: "what only one crate can do, only one crate can do wrong",
    check: sole_owners,
};

pub(super) const PURE_CORE: Rule = Rule {
    name: "pure-core",
    reason: "the core has no async and no I/O, also not through what it depends on: that is why it can be simulated",
    check: pure_core,
};

fn walls(tree: &Tree) -> Vec<Finding> {
    let ours: Vec<&str> = KNOWS.iter().map(|(folder, _)| *folder).collect();
    let mut findings = Vec::new();
    for (folder, manifest) in manifests(tree) {
        let Some((_, known)) = KNOWS.iter().find(|(name, _)| *name == folder) else {
            if folder != "xtask" {
                findings.push(Finding::new(
                    &manifest.path,
                    1,
                    format!("crate `{folder}` has no row in the table of walls"),
                ));
            }
            continue;
        };
        for (line, dependency) in dependencies(manifest) {
            if ours.contains(&dependency) && !known.contains(&dependency) {
                findings.push(Finding::new(
                    &manifest.path,
                    line,
                    format!("`{folder}` may not know `{dependency}`"),
                ));
            }
            // Messages between two machines are plain data: anything more would be a shared secret of both.
            if folder == "protocol" && !["types", "serde", "serde_json"].contains(&dependency) {
                findings.push(Finding::new(
                    &manifest.path,
                    line,
                    format!("`protocol` may not use `{dependency}`"),
                ));
            }
        }
    }
    findings
}

fn sole_owners(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, manifest) in manifests(tree) {
        for (line, dependency) in dependencies(manifest) {
            let owners = OWNERS.iter().find(|(name, _)| *name == dependency).map(|(_, owners)| *owners);
            if let Some(owners) = owners.filter(|owners| !owners.contains(&folder)) {
                let owners = owners.join("`, `");
                findings.push(Finding::new(
                    &manifest.path,
                    line,
                    format!("`{dependency}` belongs to `{owners}`"),
                ));
            }
        }
    }
    findings
}

/// The lock file knows what comes in through others. It also holds what only tests of a crate need, so it
/// can accuse too much, but never too little.
fn pure_core(tree: &Tree) -> Vec<Finding> {
    let Some(lock) = tree.file("Cargo.lock") else { return Vec::new() };
    let packages = locked_dependencies(&lock.text);
    let mut findings = Vec::new();
    for &name in CORE {
        let mut reached = BTreeSet::new();
        let mut open = vec![name];
        while let Some(package) = open.pop() {
            if reached.insert(package) {
                open.extend(packages.get(package).into_iter().flatten());
            }
        }
        for impure in IMPURE.iter().filter(|impure| reached.contains(*impure)) {
            let manifest = format!("crates/{name}/Cargo.toml");
            findings.push(Finding::new(&manifest, 1, format!("`{name}` reaches `{impure}`")));
        }
    }
    findings
}

/// Crates by folder name, with their manifests.
fn manifests(tree: &Tree) -> impl Iterator<Item = (&str, &File)> {
    tree.files().filter_map(|file| {
        let folder = file.path.strip_suffix("/Cargo.toml")?;
        Some((folder.strip_prefix("crates/").unwrap_or(folder), file))
    })
}

/// Names that the product itself depends on, with their lines. What only tests need is left out.
fn dependencies(manifest: &File) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    manifest.lines().filter_map(move |(number, line)| {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.ends_with("dependencies]") && !section.ends_with("dev-dependencies]");
            // `[dependencies.name]` is a dependency by itself.
            let named = section.strip_prefix("dependencies.")?.strip_suffix(']')?;
            return Some((number, named));
        }
        let name = line.split(['.', '=', ' ']).next()?;
        (inside && !name.is_empty() && !name.starts_with('#')).then_some((number, name))
    })
}

/// Package names of a lock file with the names of what each depends on. Versions do not matter here.
fn locked_dependencies(lock: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut packages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut current = "";
    for line in lock.lines() {
        if let Some(name) = line.strip_prefix("name = ") {
            current = name.trim_matches('"');
            packages.entry(current).or_default();
        } else if let Some(dependency) = line.strip_prefix(" \"") {
            let name = dependency.split(['"', ' ']).next().unwrap_or_default();
            packages.entry(current).or_default().push(name);
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn a_crate_knows_only_what_its_row_allows() {
        let store = "[package]\nname = \"store\"\n[dependencies]\ntypes.workspace = true\nserver = { path = \"x\" }\n";
        check(
            &WALLS,
            &[("crates/store/Cargo.toml", store)],
            &["crates/store/Cargo.toml:5: `store` may not know `server`"],
        );
    }

    #[test]
    fn tests_may_know_more() {
        let store = "[dependencies]\ntypes.workspace = true\n\n[dev-dependencies]\nserver.workspace = true\n";
        check(&WALLS, &[("crates/store/Cargo.toml", store)], &[]);
    }

    #[test]
    fn a_dependency_in_a_section_of_its_own_counts() {
        let runner = "[dependencies.store]\nworkspace = true\n";
        check(
            &WALLS,
            &[("crates/runner/Cargo.toml", runner)],
            &["crates/runner/Cargo.toml:1: `runner` may not know `store`"],
        );
    }

    #[test]
    fn a_new_crate_needs_a_row() {
        let expected = "crates/utils/Cargo.toml:1: crate `utils` has no row in the table of walls";
        check(&WALLS, &[("crates/utils/Cargo.toml", "[dependencies]\n")], &[expected]);
    }

    #[test]
    fn messages_are_plain_data() {
        let protocol = "[dependencies]\nserde.workspace = true\ntokio.workspace = true\n";
        let expected = "crates/protocol/Cargo.toml:3: `protocol` may not use `tokio`";
        check(&WALLS, &[("crates/protocol/Cargo.toml", protocol)], &[expected]);
    }

    #[test]
    fn a_driver_belongs_to_the_store() {
        let text = "[dependencies]\nrusqlite.workspace = true\n";
        check(
            &SOLE_OWNERS,
            &[("crates/server/Cargo.toml", text), ("crates/store/Cargo.toml", text)],
            &["crates/server/Cargo.toml:2: `rusqlite` belongs to `store`"],
        );
    }

    #[test]
    fn the_core_is_pure_through_others_too() {
        let lock = "[[package]]\nname = \"engine\"\ndependencies = [\n \"nice\",\n]\n\n\
                    [[package]]\nname = \"nice\"\ndependencies = [\n \"tokio 1.2.3\",\n]\n\n\
                    [[package]]\nname = \"tokio\"\nversion = \"1.2.3\"\n";
        check(&PURE_CORE, &[("Cargo.lock", lock)], &["crates/engine/Cargo.toml:1: `engine` reaches `tokio`"]);
    }
}
