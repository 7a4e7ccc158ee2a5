//! What goes wrong, how it is told, and the code it ends with.

use std::net::TcpListener;

use insta::assert_snapshot;
use serde_json::json;

use super::support::{API_KEY, Fake, nictate, refusal, run, run_with_input};

#[test]
fn a_wrong_command_line_ends_with_2() {
    assert_snapshot!(run(&["connections", "lst"]).transcript(), @r"
    exit 2
    ---- stdout
    ---- stderr
    error: unrecognized subcommand 'lst'

      tip: some similar subcommands exist: 'test', 'list'

    Usage: nictate connections [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    for arguments in [
        &["run", "a.yaml", "--input", "novalue"][..],
        &["workflows", "execute", "x", "--timeout", "5"],
        &["executions", "list", "--limit", "0"],
        &["connections", "create"],
        &["connections", "list", "--url", "not an address"],
        &["completions", "tcsh"],
    ] {
        assert_eq!(run(arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn a_server_that_is_not_there_ends_with_7() {
    // Bound and let go again: nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let ran = run(&["connections", "list", "--url", &url]);
    assert_snapshot!(ran.transcript().replace(&url, "http://server"), @r"
    exit 7
    ---- stdout
    ---- stderr
    error: cannot reach the server at `http://server`: Connection refused (os error 111)
      hint: is it running? `nictate serve` starts one; --url or NICTATE_URL names another
    ");
}

#[test]
fn no_key_and_a_wrong_key_end_with_4() {
    let fake = Fake::start(|request| match request.api_key {
        None => refusal(401, "unauthenticated", "the header `BLINK-API-KEY` is missing"),
        Some(_) => refusal(401, "unauthenticated", "the API key is unknown or has been revoked"),
    });
    let without = run(&["workflows", "list", "--url", &fake.url]);
    assert_snapshot!(without.transcript(), @r"
    exit 4
    ---- stdout
    ---- stderr
    error: the header `BLINK-API-KEY` is missing
      hint: set NICTATE_API_KEY to an API key; the server shows the first one at its first start
    ");
    assert_snapshot!(fake.run(&["workflows", "list"]).transcript(), @r"
    exit 4
    ---- stdout
    ---- stderr
    error: the API key is unknown or has been revoked
    ");
    assert_eq!(fake.requests()[1].api_key.as_deref(), Some(API_KEY));
}

#[test]
fn what_is_not_there_ends_with_3() {
    let fake = Fake::start(|_| refusal(404, "execution_not_found", "Can not find Executions"));
    assert_snapshot!(fake.run(&["executions", "get", "nothing"]).transcript(), @r"
    exit 3
    ---- stdout
    ---- stderr
    error: Can not find Executions
    ");
}

#[test]
fn what_the_server_finds_wrong_with_the_input_ends_with_6_and_is_listed() {
    let fake = Fake::start(|_| {
        let mut answer: serde_json::Value =
            serde_json::from_str(&refusal(400, "connection_invalid", "the connection cannot be stored").1)
                .unwrap();
        answer["user_error"] = json!({"fields": {"token": "is required", "adress": "is unknown"}});
        (400, answer.to_string())
    });
    let ran = fake.run(&["connections", "create", "--type", "http_bearer", "--name", "x"]);
    assert_snapshot!(ran.transcript(), @r"
    exit 6
    ---- stdout
    ---- stderr
    error: the connection cannot be stored
      token: is required
      adress: is unknown
    ");
}

#[test]
fn with_json_a_failure_is_one_document_on_stdout() {
    let fake = Fake::start(|_| refusal(403, "forbidden", "the role `viewer` lacks the permission"));
    let ran = fake.run(&["connections", "list", "--json"]);
    assert_eq!(ran.code, 4);
    let error = &ran.json()["error"];
    assert_eq!(error["exit_code"], 4);
    assert_eq!(error["message"], "the role `viewer` lacks the permission");
    assert_eq!(error["answer"]["identifier"], "forbidden");
}

#[test]
fn what_is_no_nictate_server_is_said_to_be_none() {
    let fake = Fake::start(|request| match request.path.as_str() {
        "/api/v1/connections" => (502, "<html>Bad Gateway</html>".to_owned()),
        _ => (200, "<html>Welcome</html>".to_owned()),
    });
    assert_snapshot!(fake.run(&["connections", "list"]).transcript(), @r"
    exit 1
    ---- stdout
    ---- stderr
    error: `http://server` answered 502: <html>Bad Gateway</html>
      hint: that is not how Nictate answers; is the address right, or is there a proxy in between?
    ");
    let ran = fake.run(&["workflows", "list"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("is not Nictate's API"), "{}", ran.stderr);
}

#[test]
fn the_key_follows_no_redirect() {
    let fake = Fake::start(|_| (302, String::new()));
    let ran = fake.run(&["connections", "list"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("answered 302"), "{}", ran.stderr);
    assert_eq!(fake.requests().len(), 1);
}

#[test]
fn control_characters_of_a_message_do_not_reach_the_terminal() {
    let fake = Fake::start(|_| refusal(500, "internal", "a\u{1b}[2Jb"));
    let ran = fake.run(&["connections", "list"]);
    assert!(!ran.stderr.contains('\u{1b}') && ran.stderr.contains("a\u{fffd}[2Jb"), "{}", ran.stderr);
}

#[test]
fn colours_are_used_when_asked_for_and_only_then() {
    let colored = |arguments: &[&str]| run(arguments).stderr.contains('\u{1b}');
    assert!(!colored(&["validate", "missing.yaml"]), "a pipe is no terminal");
    assert!(colored(&["validate", "missing.yaml", "--color", "always"]));
    assert!(colored(&["--color=always", "validate"]), "usage errors too");
    let mut command = nictate(&["validate", "missing.yaml", "--color", "always"]);
    command.env("NO_COLOR", "1");
    assert!(run_with_input(command, "").stderr.contains('\u{1b}'), "a flag wins over the environment");
}
