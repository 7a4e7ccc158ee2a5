//! `nictate pull` and `nictate push` between folders and a server that really runs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::real::Server;
use super::support::Ran;

/// A document that says a word.
pub(crate) fn document(word: &str) -> String {
    format!(
        "workflow:\n  - section: Steps\n    steps:\n      - id: S1\n        action: internal.print\n        inputs: \
         {{text: {word}}}   # a comment that stays\n"
    )
}

/// A server, its default workspace, and a folder.
pub(crate) struct Desk {
    pub(crate) temporary: tempfile::TempDir,
    pub(crate) server: Server,
    workspace: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let server = Server::start(temporary.path(), &[]);
        let workspace = server.first_start["workspace_id"].as_str().unwrap().to_owned();
        Self { temporary, server, workspace }
    }

    pub(crate) fn path(&self, folder: &str) -> PathBuf {
        self.temporary.path().join(folder)
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let place = self.path(file);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    /// `pull` or `push` of a folder.
    pub(crate) fn run(&self, command: &str, folder: &str, more: &[&str]) -> Ran {
        let place = self.path(folder);
        let mut arguments = vec![command, place.to_str().unwrap()];
        arguments.extend(more);
        let mut ran = self.server.run(&arguments);
        ran.stderr = ran.stderr.replace(self.temporary.path().to_str().unwrap(), "");
        ran
    }

    pub(crate) fn pull(&self, folder: &str, more: &[&str]) -> Ran {
        self.run("pull", folder, more)
    }

    pub(crate) fn push(&self, folder: &str, more: &[&str]) -> Ran {
        let mut arguments = vec!["--yes"];
        arguments.extend(more);
        self.run("push", folder, &arguments)
    }

    /// What must succeed.
    pub(crate) fn pulled(&self, folder: &str, more: &[&str]) -> Ran {
        succeeded(self.pull(folder, more))
    }

    pub(crate) fn pushed(&self, folder: &str, more: &[&str]) -> Ran {
        succeeded(self.push(folder, more))
    }

    /// A call of the API in the default workspace, as another client makes it.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/api/v1/workspace/{}/{path}", self.workspace);
        self.call_root(method, &path, body)
    }

    pub(crate) fn call_root(&self, method: &str, path: &str, body: &Value) -> Value {
        use std::io::{Read as _, Write as _};
        let address = self.server.url.strip_prefix("http://").unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let (key, length) = (&self.server.key, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nblink-api-key: {key}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
        // Chunks or not: an answer of these tests is one document on one line.
        let json = body.lines().find(|line| line.starts_with(['{', '[', '"'])).unwrap_or("null");
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// A workflow as a person makes one in the editor; answers its id.
    pub(crate) fn workflow(&self, name: &str, text: &str) -> String {
        let made = self.call("POST", "playbooks/ui", &json!({"name": name, "playbook": text}));
        made["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn draft(&self, id: &str) -> String {
        self.call("GET", &format!("playbooks/{id}/draft"), &Value::Null)["playbook"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Somebody saves a draft in the editor.
    pub(crate) fn edit(&self, id: &str, text: &str) {
        let body = json!({"playbook": text, "branched_from": 0, "source": "manual"});
        self.call("POST", &format!("playbooks/{id}/draft"), &body);
    }

    /// Another workspace; answers its id.
    pub(crate) fn workspace(&self, name: &str) -> String {
        let made = self.call_root("POST", "/api/v1/workspaces", &json!({"name": name}));
        made["id"].as_str().unwrap().to_owned()
    }

    /// One of everything but workflows.
    pub(crate) fn furnish(&self) {
        let email = json!({"display_name": "Email", "type": "text", "attributes": {"is_unique": true}});
        self.call("POST", "table", &json!({"display_name": "People", "fields": [email]}));
        let fields = json!([
            {"display_name": "Owner", "type": "reference", "attributes": {"table_reference": {"table_name": "people"}}},
            {"display_name": "Level", "type": "single-select", "attributes": {"required": true, "options": ["low", "high"]}},
        ]);
        self.call(
            "POST",
            "table",
            &json!({"display_name": "Findings", "description": "found", "fields": fields}),
        );
        let resources = json!([
            {"type": "table", "attributes": {"name": "All", "table_name": "findings", "columns": ["level"]}},
            {"type": "textbox", "attributes": {"name": "t", "text": "hello\nworld\n"}},
            {"type": "filter", "attributes": {"name": "f"}},
        ]);
        let app =
            json!({"display_name": "Board", "icon": "HTTP", "categories": ["a"], "resources": resources});
        self.call("POST", "apps", &app);
        let pack = self.call("POST", "agent_packs", &json!({"name": "Analysts"}));
        let agent =
            self.call("POST", "agents", &json!({"pack_id": pack["id"], "name": "Triage", "title": "First"}));
        let id = agent["id"].as_str().unwrap();
        self.call("POST", &format!("agents/{id}/draft"), &json!({"role": "You help.\nKindly."}));
        let made = self.server.run(&[
            "connections",
            "create",
            "--type",
            "http_bearer",
            "--name",
            "my token",
            "-a",
            "token=hunter2",
            "-a",
            "base_url=https://example.com",
        ]);
        assert_eq!(made.code, 0, "{}", made.transcript());
    }
}

fn succeeded(ran: Ran) -> Ran {
    assert_eq!(ran.code, 0, "{}", ran.transcript());
    ran
}

/// The files of a folder below it, with what is in them, without what is known of the server.
pub(crate) fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let name = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if !name.starts_with(".nictate") {
                found.push((name, fs::read_to_string(entry.path()).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_workspace_is_pulled_edited_pushed_and_pulled_again() {
    let desk = Desk::new();
    desk.furnish();
    let id = desk.workflow("Say", &document("one"));
    let ran = desk.pulled("ws", &[]);
    assert_eq!(ran.stderr, "7 to add\nworkspace `Default` is in `/ws`\n", "{}", ran.transcript());
    let names: Vec<String> = files(&desk.path("ws")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "agents/triage.yaml",
            "apps/board.yaml",
            "connections/my-token.yaml",
            "nictate.yaml",
            "packs/default/pack.yaml",
            "packs/default/say.meta.yaml",
            "packs/default/say.yaml",
            "tables/findings.yaml",
            "tables/people.yaml",
        ]
    );
    assert_eq!(desk.read("ws/connections/my-token.yaml"), "name: my token\ntype: http_bearer\n");
    assert_eq!(desk.read("ws/packs/default/say.yaml"), document("one"), "byte for byte");
    let sidecar = desk.read("ws/packs/default/say.meta.yaml");
    assert_eq!(sidecar, format!("id: \"{id}\"\nname: Say\nactive: true\n"));
    assert!(desk.read("ws/agents/triage.yaml").contains("role: |-\n  You help.\n  Kindly.\n"));
    let before = files(&desk.path("ws"));
    assert!(before.iter().all(|(_, text)| !text.contains("hunter2") && !text.contains("****")));

    // What is the same is written no more, and nothing is to be pushed.
    let ran = desk.pulled("ws", &[]);
    assert!(ran.stdout.is_empty() && ran.stderr.starts_with("7 unchanged\n"), "{}", ran.transcript());
    let ran = desk.run("push", "ws", &[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, "7 unchanged\n"), "{}", ran.transcript());
    assert_eq!(files(&desk.path("ws")), before);

    desk.write("ws/packs/default/say.yaml", &document("two"));
    desk.write("ws/packs/default/say.meta.yaml", &sidecar.replace("Say", "Speak").replace("true", "false"));
    let table = desk.read("ws/tables/findings.yaml");
    desk.write(
        "ws/tables/findings.yaml",
        &format!("{table}  - name: score\n    display_name: Score\n    type: number\n"),
    );
    let app = desk.read("ws/apps/board.yaml");
    desk.write("ws/apps/board.yaml", &app.replace("hello", "goodbye").replace("- a\n", "- a\n  - b\n"));
    let agent = desk.read("ws/agents/triage.yaml");
    desk.write("ws/agents/triage.yaml", &agent.replace("Kindly", "Quickly"));

    let dry = desk.run("push", "ws", &["--dry-run"]);
    assert_eq!(dry.code, 0, "{}", dry.transcript());
    insta::assert_snapshot!(dry.stdout, @r"
    ACTION  KIND      NAME      FILE                    NOTE
    change  table     findings  tables/findings.yaml    adds score
    change  agent     Triage    agents/triage.yaml
    change  workflow  Speak     packs/default/say.yaml
    change  app       Board     apps/board.yaml
    ");
    assert_eq!(desk.run("push", "ws", &["--dry-run", "--exit-code"]).code, 9);
    let ran = desk.run("push", "ws", &[]);
    assert_eq!(ran.code, 9, "nobody can be asked: {}", ran.transcript());
    assert_eq!(desk.draft(&id), document("one"), "nothing of that changes anything");
    let edited = files(&desk.path("ws"));
    desk.pushed("ws", &[]);
    assert_eq!(desk.draft(&id), document("two"));
    let row = desk.call("GET", &format!("playbooks/{id}"), &Value::Null);
    assert_eq!(
        (&row["name"], &row["active"], &row["is_published"]),
        (&json!("Speak"), &json!(false), &json!(false))
    );
    let fields = desk.call("GET", "table/findings/fields", &Value::Null).to_string();
    assert!(fields.contains("\"score\""), "{fields}");
    for command in ["pull", "push"] {
        let ran = desk.run(command, "ws", &[]);
        assert_eq!(ran.code, 0, "{}", ran.transcript());
        assert!(ran.stderr.starts_with("7 unchanged\n"), "{command}: {}", ran.transcript());
    }
    assert_eq!(files(&desk.path("ws")), edited);
    // A copy that was not there before says the same.
    desk.pulled("again", &[]);
    let without_names = |folder: &str| {
        let files = files(&desk.path(folder)).into_iter();
        files.map(|(name, text)| (name.replace("speak", "say"), text)).collect::<Vec<_>>()
    };
    assert_eq!(without_names("again"), without_names("ws"));
}

#[test]
fn what_changed_on_both_sides_is_never_lost() {
    let desk = Desk::new();
    let id = desk.workflow("Say", &document("one"));
    let other = desk.workflow("Other", &document("other"));
    desk.pulled("ws", &[]);
    let file = "ws/packs/default/say.yaml";
    desk.write(file, &document("mine"));
    desk.edit(&id, &document("theirs"));
    desk.edit(&other, &document("newer"));

    let ran = desk.pull("ws", &[]);
    assert_eq!(ran.code, 8, "{}", ran.transcript());
    assert!(
        ran.stderr.contains("workflow `Say` (packs/default/say.yaml): the server has draft 2 of "),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains(", the folder began from draft 1 of "), "{}", ran.stderr);
    assert_eq!(desk.read(file), document("mine"));
    assert_eq!(desk.read("ws/packs/default/other.yaml"), document("other"), "not even what could be");
    let ran = desk.push("ws", &[]);
    assert_eq!(ran.code, 8, "{}", ran.transcript());
    assert_eq!(desk.draft(&id), document("theirs"));
    let ran = desk.push("ws", &["--json"]);
    assert_eq!(ran.json()["error"]["exit_code"], 8);

    // Whoever says so takes one side. What only the server has changed is not touched by a push.
    fs::rename(desk.path("ws"), desk.path("mine")).unwrap();
    let copy = |folder: &str| {
        for (name, text) in files(&desk.path("mine")) {
            desk.write(&format!("{folder}/{name}"), &text);
        }
        desk.write(&format!("{folder}/.nictate/state.json"), &desk.read("mine/.nictate/state.json"));
    };
    copy("pull");
    desk.pulled("pull", &["--force"]);
    assert_eq!(desk.read("pull/packs/default/say.yaml"), document("theirs"));
    assert_eq!(desk.read("pull/packs/default/other.yaml"), document("newer"));
    copy("push");
    desk.write("push/packs/default/other.yaml", &document("newer"));
    desk.pushed("push", &["--force"]);
    assert_eq!(desk.draft(&id), document("mine"));

    // A side alone is simply behind.
    desk.pulled("push", &[]);
    desk.edit(&other, &document("newest"));
    let ran = desk.pushed("push", &[]);
    assert!(ran.stdout.contains("behind") && ran.stdout.contains("pull it"), "{}", ran.transcript());
    assert_eq!(desk.draft(&other), document("newest"));
    desk.pulled("push", &[]);
    assert_eq!(desk.read("push/packs/default/other.yaml"), document("newest"));
}

#[test]
fn every_example_comes_back_byte_for_byte() {
    let desk = Desk::new();
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let mut texts = Vec::new();
    for entry in fs::read_dir(examples).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if let Some(stem) = name.strip_suffix(".yaml") {
            texts.push((stem.to_owned(), fs::read_to_string(entry.path()).unwrap()));
        }
    }
    assert!(texts.len() > 10);
    for (stem, text) in &texts {
        desk.workflow(stem, text);
    }
    let odd = [
        document("x").replace('\n', "\r\n"),
        format!("\u{feff}{}", document("bom")),
        format!("{}\n\n# no line break at the end\t", document("end")),
    ];
    for (place, text) in odd.iter().enumerate() {
        desk.workflow(&format!("odd {place}"), text);
        texts.push((format!("odd-{place}"), text.clone()));
    }
    desk.pulled("ws", &[]);
    for (stem, text) in &texts {
        assert_eq!(&desk.read(&format!("ws/packs/default/{stem}.yaml")), text, "{stem}");
    }
    // Into an empty workspace and back.
    desk.workspace("prod");
    desk.pushed("ws", &["--workspace", "prod"]);
    desk.pulled("prod", &["--workspace", "prod"]);
    for (stem, text) in &texts {
        assert_eq!(&desk.read(&format!("prod/packs/default/{stem}.yaml")), text, "{stem}");
    }
}

#[test]
fn names_that_would_be_bad_file_names_get_good_ones() {
    let desk = Desk::new();
    let names = [
        "../../escape",
        "CON",
        "report",
        "Report",
        "日本",
        "pack",
        ".hidden",
        "a/b",
        "x.meta",
        &"n".repeat(120),
    ];
    for name in names {
        desk.workflow(name, &document("x"));
    }
    desk.pulled("ws/deep", &[]);
    let found: Vec<String> = files(&desk.path("ws")).into_iter().map(|(name, _)| name).collect();
    let documents: Vec<&String> = found.iter().filter(|name| name.ends_with(".meta.yaml")).collect();
    assert_eq!(documents.len(), names.len(), "{found:#?}");
    assert!(found.iter().all(|name| name.starts_with("deep/") && name.is_ascii()), "{found:#?}");
    let small: std::collections::HashSet<String> = found.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(small.len(), found.len(), "{found:#?}");
    assert!(!desk.path("escape.yaml").exists());
    let ran = desk.run("push", "ws/deep", &[]);
    assert_eq!(ran.stderr, format!("{} unchanged\n", names.len() + 1), "{}", ran.transcript());
}
