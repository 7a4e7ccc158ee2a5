//! `nictate push`: into other workspaces, what is refused, what is removed, and going on after a failure.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use serde_json::{Value, json};

use super::support::{Fake, Request, nictate, run, run_with_input};
use super::sync::{Desk, document, files};

/// The address of a workspace below the API.
fn within(workspace: &str, path: &str) -> String {
    format!("/api/v1/workspace/{workspace}/{path}")
}

#[test]
fn a_workspace_is_promoted_into_another_one() {
    let desk = Desk::new();
    desk.furnish();
    let callee = desk.workflow("Callee", &document("x"));
    let call = |id: &str| {
        format!(
            "workflow:\n  - section: Steps\n    steps:\n      - id: S1\n        action: automations.{id}\n"
        )
    };
    desk.workflow("A caller", &call(&callee));
    desk.pulled("ws", &[]);
    let before = files(&desk.path("ws"));
    let prod = desk.workspace("prod");
    let ran = desk.pushed("ws", &["--workspace", "prod", "--publish"]);
    assert!(ran.stdout.contains("missing  connection  my token"), "{}", ran.transcript());
    let hint = "`nictate connections create --type http_bearer --name 'my token'` makes the connection";
    assert!(ran.stderr.contains(hint), "{}", ran.transcript());
    let at = |text: &str| ran.stdout.find(text).unwrap_or_else(|| panic!("{text}: {}", ran.stdout));
    assert!(at("published workflow Callee") < at("published workflow A caller"), "callees first");
    assert_eq!(files(&desk.path("ws")), before, "a push writes no file that git keeps");

    // The call names the workflow of its own workspace.
    let rows = desk.call_root("GET", &within(&prod, "playbooks"), &Value::Null);
    let row = |name: &str| {
        rows["results"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone()
    };
    let id = row("Callee")["id"].as_str().unwrap().to_owned();
    assert_ne!(id, callee);
    assert_eq!(row("A caller")["playbook"], call(&id));
    assert_eq!(
        (&row("A caller")["is_published"], &row("Callee")["is_published"]),
        (&json!(true), &json!(true))
    );
    let fields = desk.call_root("GET", &within(&prod, "table/findings/fields"), &Value::Null).to_string();
    assert!(fields.contains("\"table_name\":\"people\"") && fields.contains("\"required\":true"), "{fields}");

    for command in ["pull", "push"] {
        for workspace in ["prod", "Default"] {
            let ran = desk.run(command, "ws", &["--workspace", workspace]);
            assert_eq!((ran.code, ran.stdout.contains("change")), (0, false), "{}", ran.transcript());
        }
    }
    assert_eq!(files(&desk.path("ws")), before);
    // From a copy that knows nothing of either, as in CI.
    for (name, text) in &before {
        desk.write(&format!("ci/{name}"), text);
    }
    let ran = desk.pushed("ci", &["--workspace", "prod", "--dry-run", "--exit-code"]);
    desk.pushed("ci", &["--workspace", "prod"]);
    assert!(ran.stderr.contains("7 unchanged"), "{}", ran.transcript());
    desk.write("ci/packs/default/callee.yaml", &document("y"));
    let ran = desk.push("ci", &["--workspace", "prod"]);
    assert_eq!(ran.code, 0, "what was the same a moment ago is known: {}", ran.transcript());
    let ran = desk.pushed("ws", &["--workspace", "prod"]);
    assert!(ran.stdout.contains("behind"), "{}", ran.transcript());
    let ran = desk.push("ws", &["--workspace", "nowhere"]);
    assert_eq!(ran.code, 3, "{}", ran.transcript());
}

#[test]
fn workflows_that_call_each_other_are_promoted_too() {
    let desk = Desk::new();
    let call = |id: &str| {
        format!(
            "workflow:\n  - section: Steps\n    steps:\n      - id: S1\n        action: automations.{id}\n"
        )
    };
    let one = desk.workflow("One", &document("x"));
    let two = desk.workflow("Two", &call(&one));
    desk.edit(&one, &call(&two));
    desk.pulled("ws", &[]);
    let prod = desk.workspace("prod");
    desk.pushed("ws", &["--workspace", "prod"]);
    let rows = desk.call_root("GET", &within(&prod, "playbooks"), &Value::Null)["results"].clone();
    let texts = rows.to_string();
    assert!(!texts.contains(&one) && !texts.contains(&two), "{texts}");
    for row in rows.as_array().unwrap() {
        let other = rows.as_array().unwrap().iter().find(|other| other["id"] != row["id"]).unwrap();
        assert_eq!(row["playbook"], call(other["id"].as_str().unwrap()));
    }
    assert!(desk.pushed("ws", &["--workspace", "prod"]).stderr.contains("3 unchanged"));
}

#[test]
fn a_folder_with_errors_is_refused_before_anything_is_sent() {
    let desk = Desk::new();
    let id = desk.workflow("Say", &document("one"));
    desk.furnish();
    desk.pulled("ws", &[]);
    desk.write("ws/packs/default/say.yaml", &document("one").replace("internal.print", "internal.prnt"));
    desk.write("ws/packs/default/fine.yaml", &document("fine"));
    let ran = desk.push("ws", &[]);
    assert_eq!(ran.code, 6, "{}", ran.transcript());
    assert!(ran.stderr.contains("--> packs/default/say.yaml:5:17"), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: nothing was pushed: 1 error"), "{}", ran.stderr);
    assert_eq!(desk.draft(&id), document("one"));
    desk.write("ws/packs/default/say.yaml", &document("one"));

    // Files of data: every problem of every file, at its place.
    let table = desk.read("ws/tables/people.yaml");
    desk.write("ws/tables/people.yaml", &format!("{table}colour: red\n"));
    desk.write("ws/apps/board.yaml", "name: 7\n");
    desk.write("ws/agents/triage.yaml", "name: [\n");
    desk.write("ws/packs/default/lost.meta.yaml", "name: lost\n");
    let ran = desk.push("ws", &[]);
    assert_eq!(ran.code, 6, "{}", ran.transcript());
    for part in [
        "tables/people.yaml:9:1: unknown key `colour`; known are `name`, `display_name`",
        "apps/board.yaml:1:1: `name` must be text",
        "agents/triage.yaml:",
        "packs/default/lost.meta.yaml: there is no document `lost.yaml`",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    assert_eq!(desk.pull("ws", &[]).code, 6, "nor is it pulled over");

    for (file, text, part) in [
        ("nictate.yaml", "format: 2\n", "`format` is 2; this program knows 1"),
        ("packs/a/b.yaml", "\u{0}", "--> packs/a/b.yaml:1:1"),
    ] {
        desk.write(&format!("bad/{file}"), text);
        let ran = desk.push("bad", &[]);
        assert!(ran.code == 6 && ran.stderr.contains(part), "{}", ran.transcript());
        fs::remove_dir_all(desk.path("bad")).unwrap();
    }
    desk.write("twice/packs/a/x.yaml", &document("x"));
    desk.write("twice/packs/b/x.yaml", &document("x"));
    let ran = desk.push("twice", &[]);
    assert!(ran.code == 6 && ran.stderr.contains("has the name `x`"), "{}", ran.transcript());
    let ran = desk.push("nowhere", &[]);
    assert!(ran.code == 3 && ran.stderr.contains("`nictate pull` writes one"), "{}", ran.transcript());
}

#[test]
fn links_and_files_beyond_the_limit_are_refused() {
    let desk = Desk::new();
    desk.pulled("ws", &[]);
    desk.write("secret.yaml", "name: x\ntype: y\n");
    fs::create_dir_all(desk.path("ws/connections")).unwrap();
    let link = desk.path("ws/connections/link.yaml");
    std::os::unix::fs::symlink(desk.path("secret.yaml"), &link).unwrap();
    let ran = desk.push("ws", &[]);
    assert_eq!(ran.code, 6, "{}", ran.transcript());
    assert!(
        ran.stderr.contains("`connections/link.yaml` is, or lies behind, a symbolic link"),
        "{}",
        ran.stderr
    );
    fs::remove_file(link).unwrap();
    fs::create_dir_all(desk.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(desk.path("elsewhere"), desk.path("ws/packs")).unwrap();
    desk.workflow("Say", &document("x"));
    let ran = desk.pull("ws", &[]);
    assert_eq!(ran.code, 6, "{}", ran.transcript());
    assert_eq!(fs::read_dir(desk.path("elsewhere")).unwrap().count(), 0);
    fs::remove_file(desk.path("ws/packs")).unwrap();

    desk.write("ws/apps/large.yaml", &format!("name: \"{}\"\n", "x".repeat(8 * 1024 * 1024)));
    let ran = desk.push("ws", &[]);
    assert_eq!(ran.code, 6, "{}", ran.transcript());
    assert!(ran.stderr.contains("apps/large.yaml: has more than 8388608 bytes"), "{}", ran.stderr);
    fs::remove_file(desk.path("ws/apps/large.yaml")).unwrap();
    fs::create_dir_all(desk.path("ws/agents")).unwrap();
    for number in 0..=30_000 {
        fs::File::create(desk.path(&format!("ws/agents/{number}.txt"))).unwrap();
    }
    let ran = desk.push("ws", &[]);
    assert_eq!(ran.code, 6, "{}", ran.transcript());
    assert!(ran.stderr.contains("has more than 30000 files"), "{}", ran.stderr);
}

#[test]
fn nothing_is_removed_without_prune() {
    let desk = Desk::new();
    desk.furnish();
    let id = desk.workflow("Say", &document("x"));
    desk.call("POST", "table/findings", &json!({"level": "low"}));
    desk.pulled("ws", &[]);
    let known = |what: &str| desk.call("GET", what, &Value::Null)["total"].as_u64().unwrap();
    for file in
        ["packs/default/say.yaml", "packs/default/say.meta.yaml", "apps/board.yaml", "agents/triage.yaml"]
    {
        fs::remove_file(desk.path("ws").join(file)).unwrap();
    }
    let findings = desk.read("ws/tables/findings.yaml");
    let (head, level) = findings.split_once("  - name: level\n").unwrap();
    assert!(level.contains("options"));
    desk.write("ws/tables/findings.yaml", head);
    let ran = desk.pushed("ws", &[]);
    insta::assert_snapshot!(ran.stdout, @r"
    ACTION  KIND      NAME      FILE                    NOTE
    held    table     findings  tables/findings.yaml    keeps level: --prune removes it with its values
    held    agent     Triage    agents/triage.yaml      removed from the folder: --prune removes it
    held    workflow  Say       packs/default/say.yaml  removed from the folder: --prune removes it
    held    app       Board     apps/board.yaml         removed from the folder: --prune removes it
    ");
    assert_eq!((known("playbooks"), known("apps"), known("agents")), (1, 1, 1));
    let ran = desk.pulled("ws", &[]);
    assert!(ran.stdout.contains("ahead"), "a pull does not bring it back: {}", ran.transcript());
    assert!(!desk.path("ws/apps/board.yaml").exists());

    // Nor with it, if somebody works on it.
    desk.edit(&id, &document("theirs"));
    assert_eq!(desk.push("ws", &["--prune"]).code, 8);
    desk.edit(&id, &document("x"));
    let mut gone = desk.workflow("New on the server", &document("new"));
    let ran = desk.push("ws", &["--prune", "--force"]);
    assert_eq!(ran.code, 0, "{}", ran.transcript());
    assert_eq!((known("playbooks"), known("apps"), known("agents")), (0, 0, 0));
    let fields = desk.call("GET", "table/findings/fields", &Value::Null).to_string();
    assert!(!fields.contains("\"level\""), "{fields}");
    gone = desk.workflow("New again", &document(&gone));
    let ran = desk.pushed("ws", &["--prune"]);
    assert!(ran.stdout.contains("only on the server: pull it"), "{}", ran.transcript());
    assert_eq!(known("playbooks"), 1, "{gone} was never here");

    fs::remove_file(desk.path("ws/tables/findings.yaml")).unwrap();
    fs::remove_file(desk.path("ws/tables/people.yaml")).unwrap();
    let ran = desk.pushed("ws", &["--prune"]);
    assert!(ran.stdout.contains("with 1 record\n"), "{}", ran.transcript());
    assert_eq!(known("tables"), 0, "those that refer to others first");
}

#[test]
fn what_a_server_cannot_become_is_refused_by_name() {
    let desk = Desk::new();
    desk.furnish();
    desk.pulled("ws", &[]);
    let people = desk.read("ws/tables/people.yaml");
    desk.write("ws/tables/people.yaml", &people.replace("type: text", "type: number"));
    let agent = desk.read("ws/agents/triage.yaml");
    desk.write("ws/agents/triage.yaml", &agent.replace("pack: Analysts", "pack: Others"));
    let ran = desk.push("ws", &[]);
    assert_eq!(ran.code, 6, "{}", ran.transcript());
    let part =
        "tables/people.yaml: the field `email` has the type `text` on the server, and is to have `number`";
    assert!(ran.stderr.contains(part), "{}", ran.stderr);
    assert!(ran.stderr.contains("the agent is in the pack \"Analysts\" on the server"), "{}", ran.stderr);
}

#[test]
fn renames_keep_files_and_moves_take_them_along() {
    let desk = Desk::new();
    let id = desk.workflow("Say", &document("x"));
    desk.pulled("ws", &[]);
    let pack = desk.call("POST", "automation_packs", &json!({"name": "Second"}));
    let body = json!({"name": "Spoken", "pack_id": pack["id"], "active": true, "tags": ["a"]});
    desk.call("PUT", &format!("playbooks/{id}"), &body);
    desk.pulled("ws", &[]);
    assert!(!desk.path("ws/packs/default/say.yaml").exists());
    assert_eq!(desk.read("ws/packs/second/spoken.yaml"), document("x"));
    assert_eq!(
        desk.read("ws/packs/second/spoken.meta.yaml"),
        format!("id: \"{id}\"\nname: Spoken\nactive: true\ntags:\n  - a\n")
    );
    // And back, by hand.
    for file in ["spoken.yaml", "spoken.meta.yaml"] {
        fs::rename(desk.path("ws/packs/second").join(file), desk.path("ws/packs/default").join(file))
            .unwrap();
    }
    let ran = desk.pushed("ws", &[]);
    assert!(ran.stdout.contains("change  workflow  Spoken"), "{}", ran.transcript());
    assert!(desk.pulled("ws", &[]).stderr.starts_with("3 unchanged"));
    let name =
        desk.call("GET", &format!("playbooks/{id}/draft"), &Value::Null)["pack"]["display_name"].clone();
    assert_eq!(name, "Default");
}

#[test]
fn a_push_that_was_cut_off_is_repeated() {
    let desk = Desk::new();
    desk.furnish();
    let one = desk.workflow("One", &document("x"));
    for name in ["Two", "Three"] {
        desk.workflow(name, &document("x").replace("internal.print", &format!("automations.{one}")));
    }
    desk.pulled("ws", &[]);
    let before = files(&desk.path("ws"));
    let prod = desk.workspace("prod");
    // A proxy that lets a few writing calls through and then none; the next push finds it well again, for a while.
    let left = Arc::new(AtomicUsize::new(0));
    let (server, counted) = (desk.server.url.clone(), Arc::clone(&left));
    let proxy = Fake::start(move |request| {
        let take = |left: usize| left.checked_sub(1);
        if request.method != "GET" && counted.fetch_update(SeqCst, SeqCst, take).is_err() {
            return (502, "gone".to_owned());
        }
        forward(&server, request)
    });
    let place = desk.path("ws");
    let push = || {
        let arguments = ["push", place.to_str().unwrap(), "--yes", "--workspace", "prod"];
        let mut command = nictate(&arguments);
        command.env("NICTATE_URL", &proxy.url).env("NICTATE_API_KEY", &desk.server.key);
        run_with_input(command, "")
    };
    let mut tries = 0;
    loop {
        left.store(1 + tries % 3, SeqCst);
        let ran = push();
        tries += 1;
        if ran.code == 0 {
            break;
        }
        assert_eq!(ran.code, 1, "{}", ran.transcript());
        assert!(tries < 20, "{}", ran.transcript());
    }
    assert!(tries > 3, "{tries}");
    assert_eq!(files(&desk.path("ws")), before);
    let rows = desk.call_root("GET", &within(&prod, "playbooks"), &Value::Null);
    assert_eq!(rows["total"], 3);
    assert!(!rows["results"].to_string().contains(&one), "{rows}");
    let ran = desk.pushed("ws", &["--workspace", "prod"]);
    assert!(ran.stderr.contains("1 missing, 8 unchanged"), "{}", ran.transcript());
    desk.pulled("prod", &["--workspace", "prod"]);
    assert_eq!(files(&desk.path("prod")).len(), before.len() - 1, "all but the connection");
}

/// Asks the real server the same.
fn forward(server: &str, request: &Request) -> (u16, String) {
    use std::io::{Read as _, Write as _};
    let address = server.strip_prefix("http://").unwrap();
    let query: String = request.query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    // The query was decoded as a whole: its one parameter is `q`.
    let query = if query.is_empty() { query } else { format!("?q={}", query.trim_start_matches("%71%3D")) };
    let (method, path, body) = (&request.method, &request.path, &request.body);
    let key = request.api_key.as_deref().unwrap_or_default();
    let head = format!(
        "{method} {path}{query} HTTP/1.1\r\nhost: {address}\r\nblink-api-key: {key}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer[9..12].parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let json = body.lines().find(|line| line.starts_with(['{', '[', '"'])).unwrap_or("null");
    (status, json.to_owned())
}

#[test]
fn what_somebody_saves_during_a_push_is_not_overwritten() {
    let desk = Desk::new();
    let id = desk.workflow("Say", &document("one"));
    desk.pulled("ws", &[]);
    desk.write("ws/packs/default/say.yaml", &document("mine"));
    let edit = json!({"playbook": document("theirs"), "branched_from": 1, "source": "manual"}).to_string();
    let server = desk.server.url.clone();
    let proxy = Fake::start(move |request| {
        if request.method == "POST" && request.path.ends_with("/draft") {
            let theirs = Request { body: edit.clone(), ..request.clone() };
            assert_eq!(forward(&server, &theirs).0, 200);
        }
        forward(&server, request)
    });
    let mut command = nictate(&["push", desk.path("ws").to_str().unwrap(), "--yes", "--force"]);
    command.env("NICTATE_URL", &proxy.url).env("NICTATE_API_KEY", &desk.server.key);
    let ran = run_with_input(command, "");
    assert_eq!(ran.code, 8, "{}", ran.transcript());
    assert!(
        ran.stderr.contains("packs/default/say.yaml: the text was made from version 1"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("newest version is 2"), "both are named: {}", ran.stderr);
    assert_eq!(desk.draft(&id), document("theirs"));
}

#[test]
fn renamed_fields_published_agents_and_changed_boards_are_promoted() {
    let desk = Desk::new();
    desk.furnish();
    desk.call("PUT", "table/findings", &json!({"display_name": "All findings", "settings": {"a": 1}}));
    let level = json!({
        "display_name": "How bad", "type": "single-select", "attributes": {"options": ["low", "high", "1"]},
    });
    desk.call("PUT", "table/findings/fields/level", &level);
    let agent = desk.call("GET", "agents", &Value::Null)["results"][0]["id"].as_str().unwrap().to_owned();
    desk.call("POST", &format!("agents/{agent}/publish"), &json!({"role": "You help."}));
    let ask = format!(
        "workflow:\n  - section: Steps\n    steps:\n      - id: S1\n        action: agents.{agent}\n        inputs: \
         {{task: help}}\n"
    );
    let asking = desk.workflow("Ask", &ask);
    let ability = json!({"ability_id": asking, "type": "workflow"});
    desk.call(
        "POST",
        &format!("agents/{agent}/publish"),
        &json!({"role": "You help.", "abilities": [ability]}),
    );
    desk.pulled("ws", &[]);
    let prod = desk.workspace("prod");
    desk.pushed("ws", &["--workspace", "prod", "--publish"]);
    let get = |path: &str| desk.call_root("GET", &within(&prod, path), &Value::Null);
    let theirs = get("agents")["results"][0].clone();
    let workflow = get("playbooks")["results"][0].clone();
    assert_eq!(workflow["playbook"], ask.replace(&agent, theirs["id"].as_str().unwrap()));
    assert_eq!(workflow["is_published"], true);
    assert_eq!(theirs["draft_version"]["abilities"][0]["ability_id"], workflow["id"], "each names the other");
    assert_eq!(theirs["has_unpublished_changes"], false);
    assert_eq!(get("tables")["results"].to_string().matches("All findings").count(), 1);
    assert!(get("table/findings/fields").to_string().contains("\"display_name\":\"How bad\""));

    // And once more, with a board that shows something else.
    let app = desk.read("ws/apps/board.yaml").replace("name: All", "name: Some").replace("hello", "bye");
    let app = app.replace("type: filter", "type: flow") + "is_portal: true\n";
    desk.write("ws/apps/board.yaml", &app);
    for workspace in ["prod", "Default"] {
        desk.pushed("ws", &["--workspace", workspace, "--publish"]);
        let ran = desk.pushed("ws", &["--workspace", workspace, "--dry-run", "--exit-code", "--publish"]);
        assert!(!ran.stdout.contains("change") && !ran.stdout.contains("publish"), "{}", ran.transcript());
    }
    let id = get("apps")["results"][0]["id"].as_str().unwrap().to_owned();
    let shown = get(&format!("apps/{id}"));
    assert_eq!(shown["app"]["is_portal"], true);
    let shown = shown["resources"].to_string();
    assert!(shown.contains("\"Some\"") && shown.contains("bye") && shown.contains("\"flow\""), "{shown}");
    assert!(!shown.contains("\"filter\""), "{shown}");
}

#[test]
fn a_plan_is_json_too() {
    let desk = Desk::new();
    let id = desk.workflow("Say", &document("x"));
    let ran = desk.pulled("ws", &["--json", "--dry-run"]);
    assert!(!desk.path("ws").exists(), "nothing is written");
    assert_eq!(ran.json()["done"], false);
    assert_eq!(ran.json()["counts"]["add"], 2);
    assert_eq!(ran.json()["workspace"]["name"], "Default");
    let say = json!({
        "action": "add", "kind": "workflow", "name": "Say", "file": "packs/default/say.yaml", "note": "",
    });
    assert_eq!(ran.json()["changes"][1], say);
    assert_eq!(desk.pulled("ws", &["--json"]).json()["done"], true);
    desk.write("ws/packs/default/say.yaml", &document("y"));
    let ran = desk.run("push", "ws", &["--json"]);
    assert_eq!((ran.code, &ran.json()["done"]), (9, &json!(false)), "{}", ran.transcript());
    let ran = desk.pushed("ws", &["--json", "--publish"]);
    assert_eq!(ran.json()["changes"][0]["note"], "and publish");
    let row = desk.call("GET", &format!("playbooks/{id}"), &Value::Null);
    assert_eq!((&row["playbook"], &row["published_version"]), (&json!(document("y")), &json!(1)));
    assert_eq!(desk.pushed("ws", &["--json", "--publish"]).json()["counts"]["unchanged"], 2);
    assert_eq!(run(&["push", "--exit-code"]).code, 2, "only with --dry-run");
}
