//! The list of diagnostic codes and the page that explains them say the same.

const PAGE: &str = include_str!("../../../../docs/workflow-format.md");

#[test]
fn every_code_is_explained_and_every_explained_code_exists() {
    let explained: Vec<&str> = PAGE
        .lines()
        .skip_while(|line| *line != "## Diagnostics")
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    assert_eq!(explained, workflow::codes::ALL);
}

#[test]
fn every_code_is_used() {
    let mut sources = String::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    for code in workflow::codes::ALL {
        assert!(sources.contains(&format!("codes::{}", code.to_uppercase())), "{code} is never said");
    }
}
