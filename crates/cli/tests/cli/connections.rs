//! `nictate connections …` and `nictate connection-types …` against a server of the test's own.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::support::{Fake, Ran, page, refusal};

const ID: &str = "0192d0c0-0000-7000-8000-000000000001";
/// The built-in type `virustotal`: its id follows from its name.
const TYPE_ID: &str = "cd158077-db6e-5c76-9f5d-144d2595439d";

fn connection() -> Value {
    json!({
        "id": ID, "name": "my vt", "type_name": "virustotal", "connection_type_id": TYPE_ID, "status": "ok", "description": "",
        "created_at": 1_770_091_506_000_i64, "updated_at": 1_770_091_506_000_i64,
        "attributes": {"api_key": {"value": "********"}},
    })
}

fn server() -> Fake {
    Fake::start(|request| {
        let by_id = format!("/api/v1/connections/{ID}");
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/api/v1/connections") if request.query.contains("nobody") => page(&json!([])),
            ("GET", "/api/v1/connections") => page(&json!([connection()])),
            ("POST", "/api/v1/connections") => (200, connection().to_string()),
            ("GET", path) if path == by_id => (200, json!([connection()]).to_string()),
            ("POST", "/api/v1/connections/test") => (200, json!("the tool accepted it").to_string()),
            ("DELETE", path) if path == by_id && request.query.is_empty() => {
                refusal(400, "connection_in_use", "2 workflows use the connection")
            }
            ("DELETE", path) if path == by_id => (200, json!(ID).to_string()),
            _ => refusal(404, "route_not_found", &request.line()),
        }
    })
}

#[test]
fn a_list_is_a_table_or_the_answer_itself() {
    let server = server();
    let ran = server.run(&["connections", "list", "--type", "virustotal", "--search", "vt"]);
    assert_snapshot!(ran.transcript(), @r"
    exit 0
    ---- stdout
    NAME   TYPE        STATUS  UPDATED               ID
    my vt  virustotal  ok      2026-02-03 04:05:06Z  0192d0c0-0000-7000-8000-000000000001
    ---- stderr
    ");
    assert_snapshot!(server.requests()[0].query, @r#"q={"limit":100,"offset":0,"sort":["name"],"filter":{"type_name":"virustotal"},"search":{"text":"vt","fields":["name"]}}"#);
    let ran = server.run(&["connections", "list", "--json"]);
    assert_eq!(ran.json()["results"][0], connection());
}

#[test]
fn a_list_that_goes_on_says_so() {
    let fake = Fake::start(|_| {
        (200, json!({"limit": 1, "offset": 1, "total": 5, "results": [connection()]}).to_string())
    });
    let ran = fake.run(&["connections", "list", "--limit", "1", "--offset", "1"]);
    assert_eq!(ran.stderr, "2 to 2 of 5; --offset 2 shows the next\n");
}

#[test]
fn a_connection_is_found_by_name_and_by_id() {
    let server = server();
    assert_snapshot!(server.run(&["connections", "get", "my vt"]).transcript(), @r"
    exit 0
    ---- stdout
    name:        my vt
    id:          0192d0c0-0000-7000-8000-000000000001
    type:        virustotal
    status:      ok
    created:     2026-02-03 04:05:06Z
    updated:     2026-02-03 04:05:06Z
    attribute:   api_key = ********
    ---- stderr
    ");
    assert_eq!(server.run(&["connections", "get", ID, "--json"]).json(), connection());
    assert_eq!(server.requests().len(), 3, "an id needs no search");
    assert_snapshot!(server.run(&["connections", "get", "nobody"]).transcript(), @r"
    exit 3
    ---- stdout
    ---- stderr
    error: there is no connection named `nobody`
      hint: `nictate connections list` shows those there are
    ");
}

#[test]
fn the_workspace_stands_in_the_path() {
    let fake = Fake::start(|_| page(&json!([])));
    fake.run(&["connections", "list", "--workspace", "Blue team"]);
    assert_eq!(fake.lines(), "GET /api/v1/workspace/Blue%20team/connections\n");
}

fn create(server: &Fake, attributes: &[&str], input: &str) -> Ran {
    let mut arguments = vec!["connections", "create", "--type", "virustotal", "--name", "my vt"];
    arguments.extend_from_slice(attributes);
    server.run_with_input(&arguments, input)
}

#[test]
fn a_secret_comes_from_stdin_or_from_a_file() {
    let server = server();
    let ran = create(&server, &["--attribute", "api_key=-", "--description", "d"], "hunter2\n");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_snapshot!(server.requests()[0].body, @r#"{"name":"my vt","type_name":"virustotal","description":"d","attributes":{"api_key":{"value":"hunter2"}}}"#);
    create(&server, &["-a", "api_key=@secret.txt", "-a", "other=@@x"], "");
    assert_snapshot!(server.requests()[1].body, @r#"{"name":"my vt","type_name":"virustotal","description":"","attributes":{"api_key":{"value":"from a file"},"other":{"value":"@x"}}}"#);
}

#[test]
fn a_secret_on_the_command_line_is_warned_of() {
    let ran = create(&server(), &["--attribute", "api_key=hunter2"], "");
    assert_snapshot!(ran.stderr, @r"
    warning: the secret `api_key` stands on the command line, where the shell and `ps` keep it
      hint: `--attribute api_key=-` asks for it instead
    ");
}

#[test]
fn attributes_that_cannot_be_read_are_refused_before_anything_is_sent() {
    let server = server();
    for (attributes, code) in [
        (&["-a", "a=@missing.txt"][..], 6),
        (&["-a", "a=-", "-a", "b=-"], 2),
        (&["-a", "a=1", "-a", "a=2"], 2),
    ] {
        assert_eq!(create(&server, attributes, "x").code, code, "{attributes:?}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_connection_in_use_is_deleted_when_forced() {
    let server = server();
    assert_snapshot!(server.run(&["connections", "delete", "my vt"]).transcript(), @r"
    exit 1
    ---- stdout
    ---- stderr
    error: 2 workflows use the connection
      hint: --force deletes it all the same; those workflows will fail where they use it
    ");
    let ran = server.run(&["connections", "delete", ID, "--force"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert_eq!(server.requests().last().unwrap().query, "force=true");
}

#[test]
fn a_test_says_what_the_tool_answered() {
    let server = server();
    assert_eq!(server.run(&["connections", "test", "my vt"]).stdout, "ok the tool accepted it\n");
    assert_eq!(server.requests()[1].body, format!(r#"{{"connection":{{"id":"{ID}"}}}}"#));
}

#[test]
fn connection_types_show_their_attributes_in_the_order_of_the_form() {
    let kind = json!({
        "id": ID, "name": "acme", "display_name": "Acme",
        "attributes": {
            "token": {"index": 1, "required": true, "input_type": "password", "display_name": "Token"},
            "url": {"index": 0, "required": false, "input_type": "url", "description": "Where it is."},
        },
    });
    let answer = kind.clone();
    let fake = Fake::start(move |request| match request.path.as_str() {
        "/api/v1/connection_types" => page(&json!([answer])),
        _ => (200, answer.to_string()),
    });
    assert_snapshot!(fake.run(&["connection-types", "list"]).stdout, @r"
    NAME  DISPLAY NAME  ATTRIBUTES
    acme  Acme          url, token
    ");
    // Types belong to the tenant: no workspace in their path.
    let ran = fake.run(&["connection-types", "get", "acme", "--workspace", "w"]);
    assert_snapshot!(ran.stdout, @r"
    acme  0192d0c0-0000-7000-8000-000000000001
    ATTRIBUTE  REQUIRED  KIND      MEANING
    url        no        url       Where it is.
    token      yes       password  Token
    ");
    assert_eq!(fake.requests()[1].line(), "GET /api/v1/connection_types/acme");
    assert_eq!(fake.run(&["connection-types", "get", "acme", "--json"]).json(), kind);
}
