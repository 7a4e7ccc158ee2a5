//! Secrets that only a runner has: the server stores what they are called.

use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::real::Server;
use super::support::{Fake, Ran, nictate};

const TOKEN: &str = "t0ken-that-the-server-never-has";

/// A runner of the group `dmz`, stopped with its guard.
struct Runner(Child);

impl Runner {
    fn start(server: &Server, settings: &[(&str, &str)], managers: &[String]) -> Self {
        let made = server.run(&["runner-groups", "create", "dmz", "--default"]);
        assert_eq!(made.code, 0, "{}", made.transcript());
        let mut command = nictate(&["runner", "--server", &server.url, "--group", "dmz"]);
        command.args(managers.iter().map(|manager| format!("--secret-manager={manager}")));
        command.env("NICTATE_RUNNER_TOKEN", made.stdout.trim()).envs(settings.iter().copied());
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the tool was given, and answers it says again.
fn tool() -> Fake {
    Fake::start(|request| {
        let given = request.header("authorization").unwrap_or_default().to_owned();
        (200, json!({"said": given}).to_string())
    })
}

fn vault() -> Fake {
    Fake::start(|request| match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/v1/auth/approle/login") => {
            let given: Value = serde_json::from_str(&request.body).unwrap();
            assert_eq!(given, json!({"role_id": "r1", "secret_id": "s1"}));
            (200, json!({"auth": {"client_token": "v1", "lease_duration": 3600}}).to_string())
        }
        ("GET", "/v1/corp/kv/data/tools/jira") if request.header("x-vault-token") == Some("v1") => {
            (200, json!({"data": {"data": {"token": TOKEN}}}).to_string())
        }
        _ => (404, "{}".to_owned()),
    })
}

fn start(folder: &Path) -> Server {
    let settings = [("NICTATE_HTTP_ALLOW_PRIVATE".to_owned(), "true".to_owned())];
    Server::start_with(folder, &[], &settings)
}

fn connect(server: &Server, tool: &Fake, manager: &str, reference: &str) -> Ran {
    let base = format!("base_url={}", tool.url);
    let token = format!("token={reference}");
    let manager = format!("--secret-manager={manager}");
    server.run(&[
        "connections",
        "create",
        "--type",
        "http_bearer",
        "--name",
        "my token",
        "--attribute",
        &base,
        "--attribute",
        &token,
        &manager,
        "--json",
    ])
}

/// Runs the workflow that asks the tool; how its step ended.
fn ask(server: &Server) -> Value {
    let applied = server.run(&["workflows", "apply", "connection.yaml"]);
    assert_eq!(applied.code, 0, "{}", applied.transcript());
    let ran = server.run(&["workflows", "execute", "Needs a connection", "--wait", "--json"]);
    ran.json()
}

#[test]
fn a_secret_is_read_by_the_runner_from_a_folder_or_a_vault_and_redacted() {
    for is_vault in [false, true] {
        let (folder, tool, vault) = (tempfile::tempdir().unwrap(), tool(), vault());
        std::fs::write(folder.path().join("jira-token"), format!("{TOKEN}\n")).unwrap();
        let server = start(folder.path());
        let managers = [
            format!("files=folder:{}", folder.path().display()),
            format!("corp=vault:{}/corp/kv", vault.url),
        ];
        let login = [("VAULT_ROLE_ID", "r1"), ("VAULT_SECRET_ID", "s1")];
        let runner = Runner::start(&server, &login, &managers);
        let (manager, reference) =
            if is_vault { ("corp", "tools/jira#token") } else { ("files", "jira-token") };
        let made = connect(&server, &tool, manager, reference);
        assert_eq!(made.code, 0, "{}", made.transcript());
        assert_eq!(made.json()["secret_manager"], manager);

        let document = ask(&server);
        assert_eq!(document["outputs"], json!({"answer": {"said": "Bearer ********"}}), "{document:#}");
        let asked = tool.requests();
        assert_eq!(asked[0].header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
        // The token of the role is asked for once.
        assert_eq!(ask(&server)["outputs"], json!({"answer": {"said": "Bearer ********"}}));
        let logins = vault.requests().iter().filter(|request| request.method == "POST").count();
        assert_eq!(logins, usize::from(is_vault));
        drop(runner);
        let (_, log) = server.stop();
        assert!(!log.contains(TOKEN), "{log}");
    }
}

#[test]
fn what_a_runner_does_not_have_fails_the_step_and_names_it() {
    let (folder, tool) = (tempfile::tempdir().unwrap(), tool());
    let server = start(folder.path());
    let managers = [format!("files=folder:{}", folder.path().display())];
    let _runner = Runner::start(&server, &[], &managers);
    for (manager, reference, part) in [
        (
            "files",
            "nothing",
            "`token` of connection `my token`, kept by `files`: the secret `nothing` cannot be read",
        ),
        ("files", "../data/keys/master.key", "names no file of the folder of secrets"),
        ("corp", "a#b", "this runner has no secret manager `corp`"),
    ] {
        let made = connect(&server, &tool, manager, reference);
        assert_eq!(made.code, 0, "{}", made.transcript());
        let document = ask(&server);
        let error = document["execution"]["error_details"].to_string();
        assert!(error.contains(part), "{part}: {document:#}");
        let tested = server.run(&["connections", "test", "my token"]);
        assert!(tested.stderr.contains(&format!("kept by `{manager}`")), "{}", tested.transcript());
        assert_eq!(server.run(&["connections", "delete", "my token", "--force"]).code, 0);
    }
    assert!(tool.requests().is_empty(), "nothing was sent");
}

#[test]
fn a_runner_refuses_what_is_no_secret_manager() {
    let arguments = ["runner", "--server", "http://127.0.0.1:9", "--secret-manager", "corp=keychain:x"];
    let mut command = nictate(&arguments);
    command.env("NICTATE_RUNNER_TOKEN", "x");
    let ran = super::support::run_with_input(command, "");
    assert_eq!(ran.code, 2, "{}", ran.transcript());
    assert!(ran.stderr.contains("the secret manager `corp=keychain:x` cannot be read"), "{}", ran.stderr);
}
