//! The commands of a server's own machine, and all of them together on a server that really runs.

use serde_json::{Value, json};

use super::real::{Server, data};
use super::support::{Fake, Ran, nictate, run, run_with_input};

#[test]
fn the_first_start_shows_a_key_and_runs_the_example_and_the_second_does_neither() {
    let folder = tempfile::tempdir().unwrap();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/01-first-run.yaml");
    let server = Server::start(folder.path(), &["--example", example]);
    assert!(server.key.starts_with("nct_"), "{}", server.first_start);
    let key = server.key.clone();
    server.wait_for_example();
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("Nictate works: 1 connection(s), nictate"), "{log}");
    assert!(!log.contains(&key), "{log}");

    let server = Server::start(folder.path(), &["--example", example]);
    assert_eq!(server.first_start, Value::Null);
    let ran = server.run(&["executions", "list", "--json", "--api-key", &key]);
    assert_eq!(ran.json()["total"], 1, "{}", ran.stdout);
}

#[test]
fn an_operator_sets_a_password_beside_the_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let link = server.first_start["password_link"].as_str().unwrap();
    assert!(link.starts_with(&format!("{}/password_reset#", server.url)), "{link}");
    assert_eq!(server.first_start["email"], "admin@localhost");
    let data = folder.path().join("data");
    let set = |email: &str, password: &str| {
        let mut command = nictate(&["users", "set-password", email, "--json"]);
        command.arg("--data").arg(&data);
        run_with_input(command, password)
    };
    let ran = set("nobody@localhost", "k3#Vq9!zTwpL\n");
    assert!(ran.code != 0 && ran.stderr.contains("there is no user `nobody@localhost`"), "{}", ran.stderr);
    let ran = set("admin@localhost", "password1234\n");
    assert!(ran.code != 0 && ran.stderr.contains("too easy to guess"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("password1234"), "{}", ran.stderr);
    let ran = set("Admin@localhost", "k3#Vq9!zTwpL\n");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.json()["email"], "admin@localhost");
}

#[test]
fn an_operator_finds_the_audit_log_whole_and_learns_of_a_head_that_is_not_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/01-first-run.yaml");
    let server = Server::start(folder.path(), &["--example", example]);
    server.wait_for_example();
    let data = folder.path().join("data");
    let verify = |more: &[&str]| {
        let mut command = nictate(&["audit", "verify", "--json"]);
        command.args(more).arg("--data").arg(&data);
        run_with_input(command, "")
    };
    // The seals are a moment behind.
    let is_sealed = |found: &Value| found["unsealed"] == 0 && found["entries"] != 0;
    let sealed = (0..100)
        .map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(200));
            verify(&[]).json()
        })
        .find(is_sealed)
        .unwrap();
    let head = sealed["head"].as_str().unwrap();
    assert_eq!(verify(&["--head", head]).code, 0);
    let ran = verify(&["--head", "5d41"]);
    assert!(ran.code != 0 && ran.stderr.contains("no seal has the head that was noted"), "{}", ran.stderr);
}

#[test]
fn a_workflow_with_a_secret_runs_on_the_server_and_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let tool = Fake::start(|_| (200, json!({"hello": "world"}).to_string()));
    let server = Server::start(folder.path(), &[]);
    let base_url = format!("base_url={}", tool.url);
    let create = [
        "connections",
        "create",
        "--type",
        "http_bearer",
        "--name",
        "my token",
        "-a",
        "token=-",
        "-a",
        &base_url,
    ];
    let ran = run_with_input(server.command(&create), "hunter2\n");
    assert_eq!(ran.code, 0, "{}", ran.transcript());
    assert!(ran.stdout.contains("token = ********") && !ran.stdout.contains("hunter2"), "{}", ran.stdout);
    assert_eq!(server.run(&["workflows", "apply", "connection.yaml", "good.yaml"]).code, 0);

    // Closed to workflows on the server, whose configuration says nothing of private addresses.
    let ran = server.run(&["workflows", "execute", "Needs a connection", "--wait"]);
    assert_eq!(ran.code, 5, "{}", ran.transcript());
    assert!(ran.stderr.contains("is closed to workflows"), "{}", ran.stderr);

    let local = || {
        let mut command = nictate(&["run", "connection.yaml", "--data", &data(folder.path())]);
        command.env("NICTATE_HTTP_ALLOW_PRIVATE", "true");
        run_with_input(command, "")
    };
    let ran = local();
    assert_eq!(ran.json(), json!({"answer": {"hello": "world"}}), "{}", ran.stderr);
    let rotated = run(&["keys", "rotate", "--json", "--data", &data(folder.path())]);
    assert_eq!(rotated.json()["connections"], 1, "{}", rotated.transcript());
    assert_eq!(local().code, 0, "what was sealed again opens");

    let ran = server.run(&["workflows", "execute", "Greet", "--wait", "-i", "who=you", "--json"]);
    assert_eq!(ran.json()["outputs"], json!({"greeting": "hello you", "times": 1}), "{}", ran.stderr);
    let id = ran.json()["execution"]["id"].as_str().unwrap().to_owned();
    assert!(server.run(&["executions", "logs", &id]).stdout.contains("hello you"));
    let ran = server.run(&["connections", "delete", "my token"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("Needs a connection"), "{}", ran.stderr);
    assert_eq!(server.run(&["connections", "delete", "my token", "--force"]).code, 0);
}

#[test]
fn doctor_finds_a_sound_installation_sound_and_another_not() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(&["doctor", "--data", &data(folder.path()), "--url", "http://127.0.0.1:9", "--json"]);
    assert_eq!(ran.code, 1);
    let verdicts = |ran: &Ran| {
        let checks = ran.json()["checks"].as_array().unwrap().clone();
        let verdict = |check: &Value| format!("{} {}", check["what"], check["verdict"]).replace('"', "");
        checks.iter().map(verdict).collect::<Vec<_>>()
    };
    assert_eq!(
        verdicts(&ran),
        ["configuration ok", "key file skipped", "database skipped", "sandbox ok", "server failed"]
    );
    assert!(!folder.path().join("data").exists(), "looking makes nothing");

    let server = Server::start(folder.path(), &[]);
    let ran = server.run(&["doctor", "--data", &data(folder.path()), "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.transcript());
    let all = ["configuration", "key file", "database", "secrets", "sandbox", "server", "version", "API key"];
    assert_eq!(verdicts(&ran), all.map(|what| format!("{what} ok")));
}

#[test]
fn migrate_makes_the_tables_once() {
    let folder = tempfile::tempdir().unwrap();
    let migrate = || run(&["migrate", "--data", &data(folder.path())]);
    let first = migrate();
    assert_eq!(first.code, 0, "{}", first.transcript());
    assert!(first.stdout.starts_with("0001_"), "{}", first.stdout);
    let second = migrate();
    assert_eq!((second.stdout.as_str(), second.stderr.as_str()), ("", "the database is up to date\n"));
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, environment, code, part) in [
        (&["--listen", "nowhere"][..], None, 6, "`server.listen` is `nowhere`"),
        (&["--database", "mysql://h/d"], None, 6, "sqlite:PATH"),
        (&["--config", "missing.toml"], None, 6, "missing.toml"),
        (&["--example", "missing.yaml"], None, 3, "missing.yaml"),
        (&["--example", "wrong.yaml"], None, 6, "nictate validate wrong.yaml"),
        (&[], Some(("NICTATE_LOG_LEVEL", "[loud")), 6, "log.level"),
    ] {
        let mut command = nictate(&["serve", "--data", &data(folder.path())]);
        command.args(arguments).envs(environment);
        let ran = run_with_input(command, "");
        assert_eq!(ran.code, code, "{}", ran.transcript());
        assert!(ran.stderr.contains(part), "{}", ran.stderr);
    }
}
