//! `nictate workflows versions`, `diff`, `restore` and `nictate actions …`, on a server that really runs.

use serde_json::json;

use super::real::Server;
use super::support::run;

#[test]
fn a_workflow_s_versions_are_listed_compared_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("say.yaml");
    let server = Server::start(folder.path(), &[]);
    let apply = |word: &str| {
        let text = format!(
            "name: Say\nworkflow:\n  - section: Steps\n    steps:\n      - id: S1\n        action: internal.print\n        \
             inputs: {{text: {word}}}\n"
        );
        std::fs::write(&file, text).unwrap();
        let ran = server.run(&["workflows", "apply", file.to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{}", ran.transcript());
    };
    apply("one");
    apply("two");

    let ran = server.run(&["workflows", "versions", "Say"]);
    assert_eq!(ran.code, 0, "{}", ran.transcript());
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("VERSION") && lines[0].trim_end().ends_with("PUBLISHED"), "{}", ran.stdout);
    assert_eq!(lines.len(), 5, "{}", ran.stdout);
    let published = lines.iter().find(|line| line.starts_with("public/2 ")).unwrap();
    assert!(published.trim_end().ends_with("yes") && published.contains("manual"), "{published}");
    let ran = server.run(&["workflows", "versions", "Say", "--limit", "1", "--json"]);
    assert_eq!((&ran.json()["total"], &ran.json()["limit"]), (&json!(4), &json!(1)));

    let ran = server.run(&["workflows", "diff", "Say", "1", "public"]);
    assert_eq!(ran.code, 0, "{}", ran.transcript());
    assert!(ran.stdout.starts_with("--- draft/1\n+++ public/2\n@@ "), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("\n-        inputs: {text: one}\n+        inputs: {text: two}\n"),
        "{}",
        ran.stdout
    );
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
    let ran = server.run(&["workflows", "diff", "Say", "draft/1", "--color", "always"]);
    assert!(ran.stdout.contains("\u{1b}[32m+        inputs: {text: two}\u{1b}[0m\n"), "{}", ran.stdout);
    let ran = server.run(&["workflows", "diff", "Say", "draft", "public"]);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "draft/2 and public/2 are the same\n"));
    assert_eq!(server.run(&["workflows", "diff", "Say", "7"]).code, 3);
    assert_eq!(server.run(&["workflows", "diff", "Say", "first"]).code, 6);
    assert_eq!(server.run(&["workflows", "diff", "Nobody", "1"]).code, 3);

    let ran = server.run(&["workflows", "restore", "Say", "1"]);
    assert_eq!(ran.code, 0, "{}", ran.transcript());
    assert_eq!(ran.stderr, "draft 3 of workflow `Say` is draft/1 again; nothing is published\n");
    assert!(server.run(&["workflows", "get", "Say", "--draft"]).stdout.contains("text: one"));
    assert!(server.run(&["workflows", "get", "Say"]).stdout.contains("text: two"));
    let ran = server.run(&["workflows", "restore", "Say", "public/2", "--json"]);
    assert_eq!(ran.json()["version_id"], 4);
    assert_eq!(server.run(&["workflows", "restore", "Say", "public/9"]).code, 3);
    for bad in ["x", "public", "elsewhere/1", "draft/", "-1", "1.5"] {
        assert_eq!(run(&["workflows", "restore", "Say", "--", bad]).code, 2, "{bad}");
    }
}

#[test]
fn actions_are_listed_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let ran = server.run(&["actions", "list", "--search", "base64"]);
    assert_eq!(ran.code, 0, "{}", ran.transcript());
    let names: Vec<&str> = ran.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["ACTION", "utility.DecodeBase64", "utility.EncodeBase64"]);
    assert!(server.run(&["actions", "list", "--json"]).json()["collections"].as_array().unwrap().len() > 3);

    let ran = server.run(&["actions", "get", "http.requestV2"]);
    assert_eq!(ran.code, 0, "{}", ran.transcript());
    assert!(ran.stdout.starts_with("http.requestV2  "), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("\nmay have a connection: ") && ran.stdout.contains("http_bearer"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("\nINPUT") && ran.stdout.contains("\nurl "), "{}", ran.stdout);
    // What lists do not offer is shown too.
    assert_eq!(server.run(&["actions", "get", "internal.print", "--json"]).json()["hidden"], true);
    let ran = server.run(&["actions", "get", "http.nothing"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (3, "error: there is no action `http.nothing`\n"));
}
